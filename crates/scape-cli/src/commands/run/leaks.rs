//! Programs that connect without Tor although the proxy variables are set.

use std::ffi::OsString;
use std::path::Path;

/// Programs and the reasons why they are refused.
const LEAKS: &[(&[&str], &str)] = &[
    (
        &["ping", "ping4", "ping6", "fping", "arping", "hping3"],
        "sends ICMP packets, which Tor can't carry",
    ),
    (
        &["traceroute", "traceroute6", "tracepath", "tracepath6", "mtr", "nmap", "ntpdate"],
        "sends packets of its own, which Tor can't carry",
    ),
    (
        &["dig", "nslookup", "host", "drill", "delv", "kdig", "getent", "resolvectl"],
        "asks the system's name servers directly; `scape resolve NAME` asks through Tor",
    ),
    (
        &["telnet", "nc", "ncat", "netcat", "socat", "nc.openbsd", "nc.traditional"],
        "ignores the proxy variables; `scape connect HOST:PORT` connects through Tor",
    ),
    (
        &["ssh", "scp", "sftp", "autossh", "mosh", "rsync", "sshfs"],
        "ignores the proxy variables; use ssh with -o ProxyCommand='scape connect %h:%p'",
    ),
    (
        &["ftp", "tftp", "whois", "finger", "rlogin", "smbclient", "mail", "sendmail"],
        "ignores the proxy variables",
    ),
    (&["wget", "wget2"], "knows no SOCKS proxies; use curl, or wget with `scape proxy`"),
    (
        &["sudo", "doas", "su", "pkexec", "runuser", "systemd-run", "at", "batch"],
        "starts programs without the proxy variables; run scape inside of it instead",
    ),
];

/// Programs that run the program in their arguments.
const WRAPPERS: &[&str] =
    &["env", "nice", "nohup", "setsid", "stdbuf", "time", "timeout", "ionice", "exec", "chrt"];

/// Returns the reason if a command line is known to connect without Tor.
pub(super) fn find(words: &[OsString]) -> Option<String> {
    let name = |word: &OsString| {
        Path::new(word).file_name().map(|name| name.to_string_lossy().into_owned())
    };
    let mut words = words.iter();
    let mut program = words.next().and_then(name)?;
    // Options, assignments and numbers of a wrapper come before the program.
    while WRAPPERS.contains(&program.as_str()) {
        program =
            words.by_ref().find(|word| !is_of_wrapper(&word.to_string_lossy())).and_then(name)?;
    }
    if program == "curl" {
        let has_exceptions = words.any(|word| word.to_string_lossy().starts_with("--noproxy"));
        let why = "`curl --noproxy` connects directly to the hosts that it names";
        return has_exceptions.then(|| why.to_owned());
    }
    let leak = LEAKS.iter().find(|(names, _)| names.contains(&program.as_str()));
    leak.map(|(_, why)| format!("{program} {why}"))
}

fn is_of_wrapper(word: &str) -> bool {
    word.starts_with(['-', '+'])
        || word.contains('=')
        || word.starts_with(|it: char| it.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(line: &str) -> Option<String> {
        find(&line.split(' ').map(OsString::from).collect::<Vec<_>>())
    }

    #[test]
    fn programs_that_leak_are_found_behind_wrappers_and_paths() {
        for line in [
            "ping -c 1 example.com",
            "/usr/bin/dig example.com",
            "env -i A=1 nice -n 5 telnet example.com",
            "timeout 5s ssh example.com",
            "sudo curl https://example.com",
            "curl --noproxy * https://example.com",
        ] {
            assert!(found(line).is_some(), "{line}");
        }
        for line in ["curl https://example.com/ping", "env", "python3 ping.py", "nice make host"] {
            assert_eq!(found(line), None, "{line}");
        }
    }
}
