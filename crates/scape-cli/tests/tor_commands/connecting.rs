use std::fs;
use std::io::Read as _;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use pty_process::blocking::{Command, open};
use rustix::process::Signal;
use rustix::termios::{LocalModes, tcgetattr};

use crate::real_tor::{RealTor, password_line};
use crate::run::{Done, Scape, send_signal};

#[test]
fn control_port_is_found_by_option_or_environment() {
    let tor = RealTor::start("CookieAuthentication 1\n");
    let version = format!("{}\n", tor.controller().get_info("version").unwrap());
    let info = || Scape::new(["info", "version"]);
    assert_eq!(info().control(tor.port()).ok(), version);
    assert_eq!(info().control(tor.socket().display()).ok(), version);
    assert_eq!(info().env("SCAPE_CONTROL", tor.port().to_string()).ok(), version);
    assert_eq!(info().env("TOR_CONTROL_IPC_PATH", tor.socket()).ok(), version);
    // The option takes precedence over the variable.
    assert_eq!(info().env("SCAPE_CONTROL", "1").control(tor.port()).ok(), version);
}

#[test]
fn password_is_read_from_a_file_or_the_environment() {
    let tor = RealTor::start(&password_line("open sesame"));
    let file = tor.folder().join("password");
    fs::write(&file, "open sesame\nsecond line\n").unwrap();
    let signal = || Scape::new(["signal", "DEBUG"]).control(tor.port());
    signal().arg("--password-file").arg(&file).ok();
    signal().env("SCAPE_PASSWORD_FILE", &file).ok();
    signal().env("TOR_CONTROL_PASSWD", "\"open sesame\"").ok();
    let done = signal().env("TOR_CONTROL_PASSWD", "wrong word").run().expect(3);
    assert!(!done.error.contains("wrong word"), "{done:?}");
    let done = signal().run().expect(3);
    assert!(done.error.contains("password"), "{done:?}");
    let done = signal().arg("--password-file").arg("/nowhere").run().expect(2);
    assert!(done.error.contains("cannot read /nowhere"), "{done:?}");
}

/// Waits until `is_true` returns true. Fails the test after a minute, with a
/// message that `what` is missing.
#[track_caller]
fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(60), "no {what}");
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn question_for_a_password_ends_at_a_signal_and_restores_the_echo() {
    let tor = RealTor::start(&password_line("open sesame"));
    for (signal, command) in [
        (Signal::TERM, &["info", "version"][..]),
        (Signal::HUP, &["info", "version"]),
        (Signal::INT, &["info", "version"]),
        // These commands could reconnect, but must end as well.
        (Signal::INT, &["events", "--follow", "BW"]),
        (Signal::INT, &["log", "--follow"]),
        (Signal::INT, &["monitor"]),
    ] {
        let (terminal, slave) = open().unwrap();
        // The tests may have been started so that they ignore signals, which
        // the program would inherit.
        let child = Command::new("/usr/bin/env")
            .args(["--default-signal=INT,HUP", env!("CARGO_BIN_EXE_scape")])
            .args(command)
            .args(["--control", &tor.port().to_string()])
            .env("TERM", "xterm")
            .env_remove("TOR_CONTROL_PASSWD")
            .env_remove("SCAPE_PASSWORD_FILE")
            .spawn(slave)
            .unwrap();
        let terminal = Arc::new(terminal);
        let reader = Arc::clone(&terminal);
        thread::spawn(move || while let Ok(1..) = (&*reader).read(&mut [0; 4096]) {});
        let echoes = || tcgetattr(&*terminal).unwrap().local_modes.contains(LocalModes::ECHO);
        until("question", || !echoes());
        let begun = Instant::now();
        send_signal(child.id(), signal);
        Done::of(child, &signal).expect(130);
        assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
        assert!(echoes(), "{signal:?}, {command:?}");
    }
}

#[test]
fn connections_through_tor_use_only_the_tor_that_is_named() {
    let tor = RealTor::start(&password_line("open sesame"));
    let file = tor.folder().join("password");
    let get = || Scape::new(["get", "http://a.test/"]);
    // The password file is also used for a port from the environment.
    fs::write(&file, "wrong word").unwrap();
    let address = tor.port().to_string();
    let (_, port) = address.rsplit_once(':').unwrap();
    for scape in [get().env("TOR_CONTROL_PORT", port), get().env("SCAPE_CONTROL", port)] {
        let done = scape.arg("--password-file").arg(&file).run().expect(3);
        assert!(done.error.contains(&address) && !done.error.contains("9050"), "{done:?}");
    }
    // If no tor listens on the named port, no other tor is used.
    let done = get().env("TOR_CONTROL_PORT", "1").run().expect(3);
    assert!(done.error.contains("127.0.0.1:1"), "{done:?}");
    assert!(!done.error.contains("9050"), "{done:?}");
    // A SOCKS port in the environment may belong to another tor than --control.
    let open = RealTor::start("");
    let done = get().control(open.port()).env("SCAPE_SOCKS", "127.0.0.1:1").run().expect(3);
    assert!(done.error.contains("SOCKS port") && !done.error.contains("127.0.0.1:1"), "{done:?}");
    // A file that can't be read is reported, although nothing else is named.
    let done = get().arg("--password-file").arg("/nowhere").run().expect(2);
    assert!(done.error.contains("cannot read /nowhere"), "{done:?}");
}
