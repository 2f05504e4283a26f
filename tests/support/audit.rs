//! Runs a test under strace, and checks its network activity and the files that
//! it opens to resolve names.

use std::env;
use std::fs;
use std::process::Command;

/// Files that only name resolution reads.
const OF_RESOLVERS: &[&str] = &[
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/host.conf",
    "/nscd/",
];

/// The system calls of a process and its threads. Each has one line, as strace
/// writes it.
pub(crate) struct Audit {
    lines: Vec<String>,
}

impl Audit {
    /// Runs one test of this program again, under strace and with these
    /// environment variables. Panics if the test fails.
    pub(crate) fn of_test(name: &str, variables: &[(&str, String)]) -> Audit {
        let log = tempfile::NamedTempFile::new().unwrap();
        let output = Command::new("strace")
            .args(["-f", "-qq", "-s", "200", "-e", "trace=network,open,openat", "-o"])
            .arg(log.path())
            .arg(env::current_exe().unwrap())
            .args([name, "--exact", "--nocapture"])
            .envs(variables.iter().map(|(name, value)| (name, value)))
            .output()
            .expect("strace is there (scripts/setup installs it)");
        let text = String::from_utf8_lossy(&output.stdout).into_owned()
            + &String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && text.contains("1 passed"), "{text}");
        let lines: Vec<String> =
            fs::read_to_string(log.path()).unwrap().lines().map(str::to_owned).collect();
        assert!(!lines.is_empty(), "strace saw nothing: {text}");
        Audit { lines }
    }

    /// Returns the number of calls of `connect`.
    pub(crate) fn connections(&self) -> usize {
        self.lines.iter().filter(|line| line.contains(" connect(")).count()
    }

    /// Returns every call that only name resolution makes, and every call to a
    /// forbidden address. The ports and Unix sockets in `allowed` are not
    /// forbidden, nor are the process's own loopback ports.
    pub(crate) fn breaches(&self, allowed: &[String]) -> Vec<String> {
        let own = self.own_ports();
        let allowed: Vec<String> = allowed.iter().cloned().chain(own).collect();
        self.lines.iter().filter(|line| is_breach(line, &allowed)).cloned().collect()
    }

    /// Returns every connection that leaves this machine, and every call that
    /// only name resolution makes.
    #[allow(dead_code, reason = "one of the two test programs that use this file doesn't call it")]
    pub(crate) fn breaches_of_this_machine(&self) -> Vec<String> {
        let stays = |line: &str| {
            line.contains("AF_UNIX")
                || line.contains("inet_addr(\"127.")
                || line.contains("\"::1\"")
        };
        let is_breach = |line: &&String| {
            if line.contains(" connect(") { !stays(line) } else { is_breach(line, &[]) }
        };
        self.lines.iter().filter(is_breach).cloned().collect()
    }

    /// Returns the loopback ports of the process's own listeners. The library
    /// connects to them to wake up threads that wait there.
    fn own_ports(&self) -> Vec<String> {
        // If another thread runs in between, strace shows two lines:
        // "getsockname(6, <unfinished ...>" and "<... getsockname resumed>{…".
        let names = self.lines.iter().filter(|line| line.contains("getsockname"));
        let ports = names.filter_map(|line| line.split_once("sin_port=htons(")?.1.split_once(')'));
        ports.map(|(port, _)| format!("127.0.0.1:{port}")).collect()
    }
}

fn is_breach(line: &str, allowed: &[String]) -> bool {
    if OF_RESOLVERS.iter().any(|file| line.contains(file)) {
        return true;
    }
    if line.contains(" socket(") {
        // Breaches are UDP, raw sockets, and the netlink socket with which
        // resolvers ask for the machine's addresses.
        return !(line.contains("SOCK_STREAM")
            && (line.contains("AF_INET") || line.contains("AF_UNIX")));
    }
    if line.contains(" connect(") {
        return !allowed.iter().any(|address| goes_to(line, address));
    }
    // A message with an address needs no connection.
    (line.contains(" sendto(") || line.contains(" sendmsg(") || line.contains(" sendmmsg("))
        && line.contains("sa_family=")
}

fn goes_to(line: &str, address: &str) -> bool {
    if address.contains('/') {
        let path = address.trim_start_matches("unix:");
        return line.contains(&format!("sun_path=\"{path}\""));
    }
    let (host, port) = address.rsplit_once(':').unwrap();
    line.contains(&format!("sin_port=htons({port})"))
        && line.contains(&format!("inet_addr(\"{host}\")"))
}
