//! Runs the examples about the configuration in the same way as a user, with a
//! real tor.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::io::{BufRead, BufReader, Lines, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, Sender, bounded};
use parking_lot::Mutex;
use scape::event::EventKind;
use scape::info::ConfigType;
use support::real_tor::RealTor;

/// The maximum time that an example may run. It is then killed.
const LONGEST: Duration = Duration::from_secs(150);

/// A running example. It is killed when it is dropped or takes too long.
struct Program {
    child: Arc<Mutex<Child>>,
    says: Lines<BufReader<ChildStdout>>,
    hears: Option<ChildStdin>,
    _in_time: Sender<()>,
}

impl Program {
    fn start(tor: &RealTor, name: &str, arguments: &[&str]) -> Program {
        // This test is in target/PROFILE/deps.
        let mut path: PathBuf = std::env::current_exe().unwrap();
        path.pop();
        path.set_file_name("examples");
        path.push(name);
        assert!(path.exists(), "{} is not built: cargo build --examples", path.display());
        let mut command = Command::new(path);
        command.args(arguments).env("SCAPE_CONTROL", format!("unix:{}", tor.socket().display()));
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let says = BufReader::new(child.stdout.take().unwrap()).lines();
        let hears = child.stdin.take();
        let child = Arc::new(Mutex::new(child));
        let (_in_time, over) = bounded::<()>(0);
        let late = child.clone();
        thread::spawn(move || {
            if over.recv_timeout(LONGEST) == Err(RecvTimeoutError::Timeout) {
                eprintln!("{command:?} takes too long and is ended");
                let _ = late.lock().kill();
            }
        });
        Program { child, says, hears, _in_time }
    }

    /// Returns the next line that the example prints.
    fn line(&mut self) -> String {
        self.says.next().expect("it prints another line").unwrap()
    }

    /// Reads lines until the example prints `expected`.
    fn until(&mut self, expected: &str) {
        let mut lines = Vec::new();
        for line in self.says.by_ref() {
            lines.push(line.unwrap());
            if lines.last().is_some_and(|line| line == expected) {
                return;
            }
        }
        panic!("it has ended without {expected:?}: {lines:?}");
    }

    /// Presses Enter, and waits until the example has ended. Returns the rest
    /// of the output, and the exit status.
    fn enter(mut self) -> (String, ExitStatus) {
        writeln!(self.hears.as_mut().unwrap()).unwrap();
        self.end()
    }

    /// Waits until the example has ended by itself. Returns the rest of the
    /// output, and the exit status.
    fn end(mut self) -> (String, ExitStatus) {
        self.hears = None;
        let rest: Vec<String> = self.says.by_ref().map(Result::unwrap).collect();
        let deadline = Instant::now() + LONGEST;
        loop {
            if let Some(status) = self.child.lock().try_wait().unwrap() {
                return (rest.join("\n"), status);
            }
            assert!(Instant::now() < deadline, "it does not end");
            thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut child = self.child.lock();
        let _ = child.kill();
        let _ = child.wait();
    }
}

/// Runs an example that must succeed, and returns its output.
fn run(tor: &RealTor, name: &str, arguments: &[&str]) -> String {
    let (text, status) = Program::start(tor, name, arguments).end();
    assert!(status.success(), "{name} {arguments:?}: {status}\n{text}");
    text
}

fn fails(tor: &RealTor, name: &str, arguments: &[&str]) {
    let (text, status) = Program::start(tor, name, arguments).end();
    assert!(!status.success(), "{name} {arguments:?}: {text}");
}

/// Returns the configuration lines that tor has for an option or a group.
fn lines(tor: &RealTor, name: &str) -> Vec<String> {
    let config = tor.controller().config().unwrap();
    config.group(name).unwrap().iter().map(ToString::to_string).collect()
}

/// Returns the text without lines that are comments.
fn plain(text: &str) -> String {
    text.lines().filter(|line| !line.starts_with('#')).collect::<Vec<_>>().join("\n")
}

/// Sets these options, and waits for the event with which tor reports the
/// change.
fn set(tor: &RealTor, options: &[(&str, &str)]) {
    let controller = tor.controller();
    let changes = controller.subscribe([EventKind::ConfChanged]).unwrap();
    controller.set_conf(options.iter().copied()).unwrap();
    changes.next_timeout(LONGEST).unwrap();
}

#[test]
fn example_config_dump() {
    let folder = tempfile::tempdir().unwrap();
    let site = folder.path().join("site");
    let service = format!("HiddenServiceDir {}\nHiddenServicePort 80 127.0.0.1:9", site.display());
    let tor = RealTor::start(&format!(
        "ContactInfo somebody\nSocksPort 9150 IsolateDestAddr\n{service}\n\
         Socks5Proxy 127.0.0.1:9\nSocks5ProxyUsername me\nSocks5ProxyPassword geheim\n"
    ));
    let changed = run(&tor, "config_dump", &[]);
    for line in ["ContactInfo somebody", "SocksPort 9150 IsolateDestAddr", "DisableNetwork 1"] {
        assert!(changed.lines().any(|shown| shown == line), "{line}: {changed}");
    }
    assert!(plain(&changed).contains(&service), "together, and in order: {changed}");
    assert!(!changed.contains("\nBandwidthRate") && !changed.contains("geheim"), "{changed}");

    let all = run(&tor, "config_dump", &["all"]);
    assert!(all.contains("\nBandwidthRate 1073741824\n") && !all.contains("geheim"), "{all}");
    let all = plain(&all);
    assert_eq!(all.matches(&service).count(), 1, "{all}");
    let names = tor.controller().info().config_names().unwrap();
    for option in names.iter().filter(|option| option.ty != ConfigType::Virtual) {
        let is_it = |line: &str| line.split(' ').next() == Some(&option.name);
        assert!(all.lines().any(is_it), "{option}");
    }

    let some = run(&tor, "config_dump", &["maxcircuitdirtiness", "SOCKSPORT"]);
    assert!(
        some.starts_with("MaxCircuitDirtiness 600\n    type: TimeInterval\n    default: "),
        "{some}"
    );
    assert!(
        some.contains("which it is\n") && some.contains("\nSocksPort 9150 IsolateDestAddr\n"),
        "{some}"
    );
    assert!(some.contains("the others of SocksPortLines"), "{some}");
    fails(&tor, "config_dump", &["NoSuchOption"]);

    match scape_manual::Manual::installed() {
        Ok(_) => {
            assert!(changed.contains("# ContactInfo: "), "{changed}");
            assert!(some.contains("    in the manual:\n        MaxCircuitDirtiness "), "{some}");
        }
        Err(error) => {
            eprintln!("not shown with tor's manual: {error}");
            assert!(!changed.contains('#'), "{changed}");
        }
    }
}

#[test]
fn example_add_socks_port() {
    // Without a line for the option, tor uses its default port.
    for (torrc, before, others) in [
        ("", vec!["SocksPort 0"], vec![]),
        ("# no SocksPort", vec![], vec!["SocksPort 9050"]),
        (
            "SocksPort 9150 IsolateDestAddr\nSocksPort 9151\n",
            vec!["SocksPort 9150 IsolateDestAddr", "SocksPort 9151"],
            vec!["SocksPort 9150 IsolateDestAddr", "SocksPort 9151"],
        ),
    ] {
        let tor = RealTor::start(torrc);
        assert_eq!(lines(&tor, "SocksPortLines"), before);
        let mut program = Program::start(&tor, "add_socks_port", &["9160", "IsolateDestPort"]);
        program.until("until Enter is pressed");
        let with_it = [others, vec!["__SocksPort 9160 IsolateDestPort"]].concat();
        assert_eq!(lines(&tor, "SocksPortLines"), with_it);
        let (text, status) = program.enter();
        assert!(status.success() && text == "as before", "{text}");
        assert_eq!(lines(&tor, "SocksPortLines"), before);
    }
}

#[test]
fn example_add_socks_port_with_changes_of_others() {
    let tor = RealTor::start("");
    let mut program = Program::start(&tor, "add_socks_port", &[]);
    assert_eq!(program.line(), "added auto");
    program.until("until Enter is pressed");
    set(&tor, &[("SocksPort", "9170"), ("__SocksPort", "auto"), ("SocksPort", "9171")]);
    let (text, status) = program.enter();
    assert!(
        status.success() && text == "removed auto; others have been changed meanwhile",
        "{text}"
    );
    assert_eq!(lines(&tor, "SocksPortLines"), ["SocksPort 9170", "SocksPort 9171"]);

    fails(&tor, "add_socks_port", &["\"never closed"]);
    fails(&tor, "add_socks_port", &["0"]);
    assert_eq!(lines(&tor, "SocksPortLines"), ["SocksPort 9170", "SocksPort 9171"]);
}

#[test]
fn example_bandwidth_schedule() {
    let limits =
        |tor: &RealTor| [lines(tor, "BandwidthRate"), lines(tor, "BandwidthBurst")].concat();
    for (torrc, before) in [
        ("", ["BandwidthRate 1073741824", "BandwidthBurst 1073741824"]),
        (
            "BandwidthRate 5 MBytes\nBandwidthBurst 6 MBytes",
            ["BandwidthRate 5242880", "BandwidthBurst 6291456"],
        ),
    ] {
        let tor = RealTor::start(torrc);
        assert_eq!(limits(&tor), before);
        let mut program =
            Program::start(&tor, "bandwidth_schedule", &["12=100 KBytes", "0=100 KBytes"]);
        program.until("100 KB a second");
        assert_eq!(limits(&tor), ["BandwidthRate 102400", "BandwidthBurst 102400"]);
        let (text, status) = program.enter();
        assert!(status.success() && text == "as before", "{text}");
        assert_eq!(limits(&tor), before);
        let config = tor.controller().config().unwrap();
        assert_eq!(config.option("BandwidthRate").unwrap().is_default, torrc.is_empty());

        let mut program = Program::start(&tor, "bandwidth_schedule", &["3=100 KBytes"]);
        program.until("100 KB a second");
        set(&tor, &[("BandwidthBurst", "7 MBytes")]);
        let (text, status) = program.enter();
        assert!(status.success() && text == "somebody else has set a limit, which stays", "{text}");
        assert_eq!(limits(&tor), ["BandwidthRate 102400", "BandwidthBurst 7340032"]);

        for wrong in [&[][..], &["24=1 MByte"], &["x=1 MByte"], &["1 MByte"], &["0=much"]] {
            fails(&tor, "bandwidth_schedule", wrong);
        }
        assert_eq!(limits(&tor), ["BandwidthRate 102400", "BandwidthBurst 7340032"]);
    }
}

#[test]
fn example_watch_config() {
    let mut tor = RealTor::start("ContactInfo somebody\n");
    let mut all = Program::start(&tor, "watch_config", &[]);
    let mut ports = Program::start(&tor, "watch_config", &["socksport"]);
    for program in [&mut all, &mut ports] {
        assert!(program.line().starts_with("watching "));
    }
    let controller = tor.controller();
    controller.set_conf([("ContactInfo", "me")]).unwrap();
    controller
        .set_conf([("Socks5ProxyUsername", "me"), ("Socks5ProxyPassword", "geheim")])
        .unwrap();
    controller.set_conf([("SocksPort", "9150"), ("SocksPort", "9151 IsolateDestAddr")]).unwrap();
    for expected in ["ContactInfo:", "  - ContactInfo somebody", "  + ContactInfo me"] {
        assert_eq!(all.line(), expected);
    }
    let mut others: Vec<String> = (0..4).map(|_| all.line()).collect();
    // tor may report the two options in either order.
    others.sort();
    assert_eq!(
        others,
        [
            "  + Socks5ProxyPassword [redacted]",
            "  + Socks5ProxyUsername me",
            "Socks5ProxyPassword:",
            "Socks5ProxyUsername:"
        ]
    );
    for program in [&mut all, &mut ports] {
        let change = [
            "SocksPortLines:",
            "  - SocksPort 0",
            "  + SocksPort 9150",
            "  + SocksPort 9151 IsolateDestAddr",
        ];
        for expected in change {
            assert_eq!(program.line(), expected);
        }
    }
    fails(&tor, "watch_config", &["NoSuchOption"]);
    tor.kill();
    for program in [all, ports] {
        let (rest, status) = program.end();
        assert!(status.success() && rest.is_empty(), "{rest}");
    }
}
