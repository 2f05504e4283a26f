//! The command line without a tor: help, completions, manual pages, errors.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/run.rs"]
#[allow(dead_code)]
mod run;

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use run::{Done, Lines, Scape};

#[test]
fn help_lists_commands_and_exit_codes() {
    let text = Scape::new(["--help"]).ok();
    for expected in ["Usage: scape", "\n  status ", "\n  info ", "130 interrupted"] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    let version = Scape::new(["--version"]).ok();
    assert_eq!(version, format!("scape {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn wrong_usage_has_exit_code_2() {
    for wrong in [&[][..], &["nonsense"], &["status", "x"], &["status", "--timeout", "0"]] {
        let command = wrong.iter().fold(Scape::new([]), |scape, word| scape.arg(word));
        let done = command.run().expect(2);
        assert!(done.error.contains("--help") || done.error.contains("Usage"), "{done:?}");
        assert_eq!(done.out, "");
    }
}

#[test]
fn missing_tor_has_exit_code_3_and_advice() {
    let done = Scape::new(["status"]).control("/nowhere/control").run().expect(3);
    assert!(done.error.starts_with("scape: no control connection to tor"), "{done:?}");
    assert!(done.error.contains("Is tor running"), "{done:?}");
}

/// Starts a server that answers the first lines of each connection with these
/// texts, one text for each line. Further lines get no answer.
fn peer(answers: &'static [&'static str]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
            for answer in answers {
                if lines.next().is_none() || stream.write_all(answer.as_bytes()).is_err() {
                    break;
                }
            }
            // The connection stays open until the command hangs up.
            lines.for_each(drop);
        }
    });
    address
}

const INFO: &str =
    "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n";

#[test]
fn addresses_without_a_tor_have_a_line_each() {
    let done = Scape::new(["status"]).control("127.0.0.1:1").run().expect(3);
    let expected = "scape: no control connection to tor; tried 127.0.0.1:1: cannot connect: ";
    assert!(done.error.starts_with(expected), "{done:?}");
    // If a tor runs on the developer's machine, the rest can't be tested.
    let listens = |port| TcpStream::connect(("127.0.0.1", port)).is_ok();
    let sockets = ["/run/tor/control", "/var/run/tor/control"];
    if listens(9051) || listens(9151) || sockets.iter().any(|path| Path::new(path).exists()) {
        return;
    }
    let done = Scape::new(["status"]).run().expect(3);
    let lines: Vec<&str> = done.error.lines().collect();
    assert_eq!(lines[0], "scape: no control connection to tor; tried", "{done:?}");
    assert!(done.error.contains("\n  127.0.0.1:9051: cannot connect: "), "{done:?}");
    assert!(lines.iter().all(|line| line.len() < 200), "{done:?}");
}

#[test]
fn peers_that_are_no_control_port_are_named() {
    let silent = peer(&[]);
    let done = Scape::new(["status", "--timeout", "0.2"]).control(silent).run().expect(4);
    assert!(done.error.contains(&silent.to_string()), "{done:?}");
    assert!(done.error.contains("(after 200ms)"), "{done:?}");
    assert!(!done.error.contains("not a control port:"), "{done:?}");
    let web = peer(&["HTTP/1.1 400 Bad Request\r\n\r\n"]);
    let done = Scape::new(["status"]).control(web).run().expect(3);
    let expected = format!("scape: control port {web}: this is not a control port: ");
    assert!(done.error.starts_with(&expected), "{done:?}");
}

#[test]
fn control_characters_of_a_peer_never_reach_the_terminal() {
    let hostile = peer(&[INFO, "250 OK\r\n", "551 \x1b[31mred\x07\u{9b}\r\n"]);
    for arguments in [["info", "version"], ["signal", "--json"]] {
        let done = Scape::new(arguments).control(hostile).run().expect(1);
        assert!(done.error.contains("red"), "{done:?}");
        assert!(!done.error.trim_end().contains(|it: char| it.is_control()), "{done:?}");
    }
}

#[test]
fn lists_of_a_peer_are_escaped_and_piped_values_are_not() {
    let hostile = peer(&[INFO, "250 OK\r\n", "250-signal/names=A\x1b[31m\r\n250 OK\r\n"]);
    assert_eq!(Scape::new(["signal"]).control(hostile).ok(), "A\\u{1b}[31m\n");
    let values = "250-version=\x1b[31mred\r\n250-dormant=0\r\n250 OK\r\n";
    let values = peer(Box::leak(Box::new([INFO, "250 OK\r\n", values])));
    let text = Scape::new(["info", "version", "dormant"]).control(values).ok();
    assert_eq!(text, "version=\x1b[31mred\ndormant=0\n");
}

#[test]
fn prompt_tells_how_many_events_it_has_lost() {
    const SENT: usize = 100_000;
    let flood = format!("250 OK\r\n{}", "650 BW 1 2\r\n".repeat(SENT)).leak();
    let version = "250-version=0.4.9.11\r\n250 OK\r\n";
    // At the end, the prompt asks twice whether more events come, and then
    // unsubscribes.
    let answers = Vec::from([INFO, "250 OK\r\n", flood, version, version, "250 OK\r\n"]);
    let hostile = peer(answers.leak());
    let mut child = Scape::new(["prompt", "--events", "BW"]).control(hostile).start();
    // The test reads no events until some are lost.
    let errors = Lines::of(child.stderr.take().unwrap());
    let mut input = child.stdin.take().unwrap();
    let mut first = None;
    let begun = Instant::now();
    while first.is_none() {
        assert!(begun.elapsed() < Duration::from_secs(60), "nothing is lost");
        writeln!(input, "# comment").unwrap();
        first = errors.within(Duration::from_millis(50));
    }
    drop(input);
    let done = Done::of(child, &"prompt");
    assert_eq!(done.code, Some(0));
    let shown = done.out.lines().filter(|line| *line == "650 BW 1 2").count();
    let lines = first.into_iter().chain(errors.rest());
    let lost = lines.map(|line| line.split(' ').nth(1).unwrap().parse::<usize>().unwrap());
    assert_eq!(shown + lost.sum::<usize>(), SENT);
}

#[test]
fn full_standard_error_is_not_a_panic() {
    let full = || std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    for (arguments, code) in [(&["info"][..], 3), (&["nonsense"], 2), (&["info", "--timeout=x"], 2)]
    {
        let scape = Scape::new([]).control("/nowhere/control").error(full().into());
        let done = arguments.iter().fold(scape, |scape, word| scape.arg(word));
        Done::of(done.start(), &arguments).expect(code);
    }
    // Help is an output that must not get lost.
    let help = Scape::new(["--help"]).start_with(full().into());
    let done = Done::of(help, &"--help").expect(1);
    assert!(done.error.contains("cannot write the output"), "{done:?}");
}

#[test]
fn empty_variables_count_as_not_set() {
    let names = ["SCAPE_CONTROL", "SCAPE_SOCKS", "SCAPE_TIMEOUT", "SCAPE_PASSWORD_FILE"];
    let scape = Scape::new(["completions", "bash"]);
    names.iter().fold(scape, |scape, name| scape.env(name, "")).ok();
}

#[test]
fn errors_name_the_variable() {
    for (name, value, expected) in [
        ("SCAPE_CONTROL", "no:such:address", "scape: SCAPE_CONTROL: "),
        ("SCAPE_SOCKS", "no:such:address", "scape: SCAPE_SOCKS: "),
        ("SCAPE_TIMEOUT", "abc", "scape: SCAPE_TIMEOUT: expected a time such as 10s"),
        ("SCAPE_PASSWORD_FILE", "/nowhere/x", "scape: cannot read /nowhere/x: "),
        ("SCAPE_PASSWORD_FILE", "/dev/zero", "is longer than 4096 bytes"),
        ("TOR_CONTROL_PORT", "x", "scape: TOR_CONTROL_PORT is \"x\", and must be a number"),
    ] {
        let done = Scape::new(["status"]).env(name, value).run().expect(2);
        assert!(done.error.contains(expected), "{done:?}");
    }
    // Options take precedence over variables.
    let status = Scape::new(["status", "--timeout", "5"]).env("SCAPE_TIMEOUT", "abc");
    status.control("/nowhere/control").run().expect(3);
}

#[test]
fn usage_lines_leave_out_variables() {
    let attach = Scape::new(["streams", "attach"]);
    let attach = attach.env("SCAPE_CONTROL", "9051").env("SCAPE_SOCKS", "9050");
    let done = attach.env("SCAPE_TIMEOUT", "5s").run().expect(2);
    assert!(done.error.contains("Usage: scape streams attach <ID> <CIRCUIT>"), "{done:?}");
    // The help names the variables.
    for help in ["-h", "--help"] {
        let text = Scape::new(["streams", help]).ok();
        let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(text.contains("[env: SCAPE_CONTROL]"), "{text}");
        assert!(text.contains("[env: SCAPE_PASSWORD_FILE]"), "{text}");
    }
}

#[test]
fn wrong_times_are_explained() {
    for (time, expected) in [
        ("abc", "expected a time such as 10s or 2min, or a number of seconds"),
        ("-1", "the time must not be negative"),
        ("1e400", "the time is too long"),
    ] {
        let done = Scape::new(["status"]).arg(format!("--timeout={time}")).run().expect(2);
        assert!(done.error.contains(expected), "{done:?}");
    }
}

#[test]
fn completions_are_printed_for_each_shell() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let text = Scape::new(["completions", shell]).ok();
        assert!(text.contains("status") && text.contains("scape"), "{shell}: {text}");
    }
    Scape::new(["completions", "nonsense"]).run().expect(2);
}

#[test]
fn manual_pages_are_written_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let pages = folder.path().join("man1");
    let done = Scape::new(["man"]).arg(&pages).run().expect(0);
    assert!(done.error.contains("man1"), "{done:?}");
    for page in ["scape.1", "scape-status.1", "scape-info.1"] {
        let text = std::fs::read_to_string(pages.join(page)).unwrap();
        assert!(text.contains(".TH scape"), "{text}");
    }
}

#[test]
fn messages_about_targets_do_not_name_calls_of_the_library() {
    let done = Scape::new(["connect", ":80"]).run().expect(2);
    assert!(done.error.contains("<HOST:PORT>': the host name is empty"), "{done:?}");
    for command in [Scape::new(["connect", "x"]), Scape::new(["get", "http://x:99999"])] {
        let done = command.run().expect(2);
        let expected = "write it as in example.com:80 or [2001:db8::1]:80\n";
        assert!(done.error.contains(expected), "{done:?}");
    }
}
