use std::fs;
use std::process::Child;

use rustix::process::{Pid, Signal, test_kill_process};
use serde_json::Value;

use crate::run::{Done, Lines, Scape, send_signal};

/// Returns a `scape launch` command for a tor that doesn't connect to the
/// network.
fn launch() -> Scape {
    Scape::new(["launch", "DisableNetwork=1"])
}

/// Waits for the line that `scape launch --json` prints, and parses it.
fn launched(child: &mut Child) -> Value {
    let line = Lines::of(child.stdout.take().unwrap()).next();
    serde_json::from_str(&line).unwrap()
}

#[test]
fn launched_tor_can_be_used_until_an_interrupt() {
    let mut child = launch().arg("Nickname=somebody").arg("--json").start();
    let tor = launched(&mut child);
    let control = tor["control"].as_str().unwrap();
    let get = |name| Scape::new(["conf", "get", name]).control(control).ok();
    assert_eq!(get("Nickname"), "somebody\n");
    let directory = tor["data_directory"].as_str().unwrap();
    assert_eq!(get("DataDirectory"), format!("{directory}\n"));
    assert!(fs::exists(tor["cookie_file"].as_str().unwrap()).unwrap());
    assert_eq!(tor["socks"], serde_json::json!([]));
    let version = Scape::new(["info", "version"]).control(control).ok();
    assert!(version.starts_with(tor["version"].as_str().unwrap()), "{version}");
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"scape launch").expect(130);
    let pid = Pid::from_raw(tor["pid"].as_i64().unwrap().try_into().unwrap()).unwrap();
    test_kill_process(pid).unwrap_err();
    assert!(!fs::exists(directory).unwrap());
}

#[test]
fn program_gets_variables_and_tor_ends_after_it() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let torrc = folder.path().join("torrc");
    fs::write(&torrc, "ContactInfo me\n").unwrap();
    let script = "echo $SCAPE_CONTROL; echo $TOR_CONTROL_HOST:$TOR_CONTROL_PORT; \
                  echo ${SCAPE_SOCKS-none}; test -r \"$TOR_CONTROL_COOKIE_AUTH_FILE\" && \
                  \"$0\" conf get ContactInfo DataDirectory; \"$0\" info process/pid; exit 7";
    let done = launch()
        .env("SCAPE_SOCKS", "127.0.0.1:1")
        .arg("--data-directory")
        .arg(&data)
        .arg("--torrc")
        .arg(&torrc)
        .arg("--")
        .arg("sh")
        .arg("-c")
        .arg(script)
        .arg(env!("CARGO_BIN_EXE_scape"))
        .run()
        .expect(7);
    let lines: Vec<&str> = done.out.lines().collect();
    let [control, tcp, socks, contact, directory, pid] = lines.as_slice() else {
        panic!("{done:?}")
    };
    assert_eq!((control, *socks), (tcp, "none"));
    assert_eq!(*contact, "ContactInfo me");
    assert_eq!(*directory, format!("DataDirectory {}", data.display()));
    let pid = Pid::from_raw(pid.parse().unwrap()).unwrap();
    test_kill_process(pid).unwrap_err();
    // The user's directory is kept.
    assert!(data.join("control_auth_cookie").exists() || data.join("lock").exists());
}

#[test]
fn launch_prints_addresses_and_the_log() {
    let mut child = launch().arg("--log").start();
    let printed = Lines::of(child.stdout.take().unwrap());
    let mut lines = Vec::new();
    while !lines.last().is_some_and(|line: &String| line.starts_with("Data ")) {
        lines.push(printed.next());
    }
    let is_port = |line: &String| line.starts_with("ControlPort   127.0.0.1:");
    assert!(lines.iter().skip(1).any(is_port), "{lines:?}");
    send_signal(child.id(), Signal::TERM);
    let done = Done::of(child, &"scape launch").expect(130);
    assert!(done.error.contains("Ctrl-C ends this tor"), "{done:?}");
    assert!(done.error.contains("[notice] Tor "), "{done:?}");
}

#[test]
fn failures_of_a_launch_are_explained() {
    let done = launch().arg("Nonsense=1").run().expect(3);
    assert!(done.error.contains("Nonsense"), "{done:?}");
    launch().arg("Nonsense").run().expect(2);
    let done = launch().arg("--torrc").arg("/nowhere/torrc").run().expect(1);
    assert!(done.error.contains("/nowhere/torrc"), "{done:?}");
    let done = launch().arg("--").arg("/nowhere/program").run().expect(127);
    assert!(done.error.contains("cannot run \"/nowhere/program\""), "{done:?}");
}

#[test]
fn end_of_the_launched_tor_is_reported() {
    let mut child = launch().arg("--json").start();
    let tor = launched(&mut child);
    send_signal(tor["pid"].as_u64().unwrap().try_into().unwrap(), Signal::KILL);
    let done = Done::of(child, &"scape launch").expect(3);
    assert!(done.error.contains("tor has ended by itself"), "{done:?}");
}

#[test]
fn refused_options_are_explained_in_words_of_the_command() {
    for (option, expected) in [
        ("DataDirectory=/x", "scape: DataDirectory is set with --data-directory\n"),
        ("RunAsDaemon=1", "scape: RunAsDaemon would make tor leave this program\n"),
        ("__OwningControllerProcess=1", "scape: __OwningControllerProcess is set by scape\n"),
    ] {
        let done = Scape::new(["launch", "DisableNetwork=1", option]).run().expect(2);
        assert_eq!(done.error, expected);
    }
    for option in ["CookieAuthentication=0", "%include=/x"] {
        let done = Scape::new(["launch", "DisableNetwork=1", option]).run().expect(2);
        assert!(!done.error.contains("::") && done.error.lines().count() == 1, "{done:?}");
    }
}
