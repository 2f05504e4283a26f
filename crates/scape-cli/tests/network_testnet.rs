//! `scape testnet`: networks for other programs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/run.rs"]
#[allow(dead_code)]
mod run;

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Child;

use run::{Done, Scape, send_signal};
use rustix::process::Signal;
use tempfile::TempDir;

/// A folder for sockets that no other test uses.
fn runtime() -> TempDir {
    let permissions = fs::Permissions::from_mode(0o700);
    tempfile::Builder::new().permissions(permissions).tempdir().unwrap()
}

/// Returns a command for a small network.
fn small(word: &str, runtime: &Path) -> Scape {
    Scape::new(["testnet", word, "--authorities", "1", "--relays", "3"])
        .env("XDG_RUNTIME_DIR", runtime)
}

/// Returns a command without the options of a network.
fn on(runtime: &Path, arguments: &[&str]) -> Scape {
    let scape = Scape::new(["testnet"]).env("XDG_RUNTIME_DIR", runtime);
    arguments.iter().fold(scape, |scape, argument| scape.arg(argument))
}

/// Returns the processes below the given folder, by their command lines.
fn tors_below(folder: &str) -> Vec<String> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(folder) && line.contains("tor ") {
            found.push(line);
        }
    }
    found
}

#[test]
fn testnet_run_gives_a_program_the_network_and_returns_its_exit_code() {
    let runtime = runtime();
    let keep = runtime.path().join("kept");
    let scape = env!("CARGO_BIN_EXE_scape");
    let script = format!(
        "{scape} info status/circuit-established && echo $TOR_CONTROL_HOST:$TOR_CONTROL_PORT \
         && echo $SCAPE_CONTROL && echo $SCAPE_TESTNET_BRIDGES && exit 7"
    );
    let done = small("run", runtime.path())
        .arg("--relay=nickname=fast,bandwidth=20000,exit=false")
        .arg("--bridge=nickname=hidden")
        .arg("--keep")
        .arg(&keep)
        .arg("--")
        .arg("sh")
        .arg("-c")
        .arg(script)
        .run()
        .expect(7);
    let lines: Vec<&str> = done.out.lines().collect();
    let [established, control, same, bridge] = lines[..] else { panic!("{done:?}") };
    assert_eq!((established, control), ("1", same));
    assert!(bridge.starts_with("127.0.0."), "{bridge}");
    for node in ["authority0", "relay0", "fast", "hidden", "client"] {
        let torrc = fs::read_to_string(keep.join(node).join("torrc")).unwrap();
        assert!(torrc.contains("TestingTorNetwork 1"), "{torrc}");
        assert!(keep.join(node).join("log").exists());
    }
}

#[test]
fn testnet_run_explains_what_it_cannot_run() {
    let runtime = runtime();
    let done = small("run", runtime.path()).arg("--").arg("/nowhere/x").run().expect(127);
    assert!(done.error.contains("cannot run /nowhere/x: No such file"), "{done:?}");
    Scape::new(["testnet", "run"]).run().expect(2);
    let wrong = [
        ("--relay=exit=perhaps", "must be true or false"),
        ("--host=a=b", "must be an IP address"),
        ("--option=x", "OPTION=VALUE"),
        ("--voting-interval=1", "must be 10 s or more"),
    ];
    for (argument, expected) in wrong {
        let done = Scape::new(["testnet", "run", argument, "--", "true"]).run();
        assert!(done.error.contains(expected), "{argument}: {done:?}");
        assert_ne!(done.code, Some(0));
    }
}

#[test]
fn testnet_web_server_is_reached_through_an_exit() {
    let runtime = runtime();
    let values = small("up", runtime.path()).arg("--web").json();
    let variable = |name: &str| values[0]["environment"][name].as_str().unwrap().to_owned();
    let tor = scape::Tor::socks_only(
        variable("SCAPE_SOCKS").parse::<scape::transport::Address>().unwrap(),
    );
    let agent = tor.unwrap().http().unwrap();
    let web = variable("SCAPE_TESTNET_WEB");
    assert!(web.starts_with("http://web.test:"), "{web}");
    let mut answer = agent.get(&web).call().unwrap();
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "hello\n");
    let mut answer = agent.get(format!("{web}bytes/100000")).call().unwrap();
    assert_eq!(answer.body_mut().read_to_vec().unwrap().len(), 100_000);
    on(runtime.path(), &["down"]).ok();
}

#[test]
fn testnet_in_the_background_is_shown_and_ended() {
    let runtime = runtime();
    let exports = small("up", runtime.path()).ok();
    assert!(exports.starts_with("export SCAPE_CONTROL='127.0.0.1:"), "{exports}");
    assert_eq!(on(runtime.path(), &["env"]).ok(), exports);

    let table = on(runtime.path(), &["status"]).ok();
    assert!(table.starts_with("NAME     PID"), "{table}");
    assert!(table.contains("\ndefault  "), "{table}");
    let nodes = on(runtime.path(), &["status", "default"]).ok();
    assert!(nodes.contains("\nauthority0  authority  "), "{nodes}");
    let state = on(runtime.path(), &["status", "default"]).json().remove(0);
    assert_eq!(state["nodes"].as_array().unwrap().len(), 5);
    assert!(state["nodes"].as_array().unwrap().iter().all(|node| node["is_running"] == true));
    let client = state["nodes"][4]["data_directory"].as_str().unwrap().to_owned();

    let done = small("up", runtime.path()).run().expect(1);
    assert!(done.error.contains("a network named default is running"), "{done:?}");
    let pid = state["pid"].as_u64().unwrap().try_into().unwrap();
    on(runtime.path(), &["down"]).ok();
    // `down` returns when the network has ended.
    assert!(!Path::new(&client).exists(), "{client}");
    assert_eq!(tors_below(&client), Vec::<String>::new());
    let done = on(runtime.path(), &["down"]).run().expect(1);
    assert!(done.error.contains("no network named default is running"), "{done:?}");
    wait_for_end(pid);
}

#[test]
fn testnets_have_names_and_end_at_a_signal() {
    let runtime = runtime();
    let up = |name: &str| small("up", runtime.path()).arg("--name").arg(name).json().remove(0);
    let (one, other) = (up("one"), up("other"));
    let names: Vec<String> = on(runtime.path(), &["status"])
        .json()
        .iter()
        .map(|state| state["name"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["one", "other"]);
    let pid = one["pid"].as_u64().unwrap().try_into().unwrap();
    send_signal(pid, Signal::TERM);
    wait_for_end(pid);
    let folder = one["nodes"][0]["data_directory"].as_str().unwrap();
    assert!(!Path::new(folder).exists(), "{folder}");
    on(runtime.path(), &["down", "--all"]).ok();
    let folder = other["nodes"][0]["data_directory"].as_str().unwrap();
    assert!(!Path::new(folder).exists(), "{folder}");
    assert_eq!(on(runtime.path(), &["status"]).json(), Vec::<serde_json::Value>::new());
    for wrong in ["", "a/b"] {
        small("up", runtime.path()).arg("--name").arg(wrong).run().expect(2);
    }
}

#[test]
fn interrupted_testnets_leave_nothing_behind() {
    // A program that ends by the signal, and one that catches it.
    for script in
        ["echo ready; exec sleep 600", "trap 'kill $!; exit 3' TERM; sleep 600 & echo ready; wait"]
    {
        let runtime = runtime();
        let child = small("run", runtime.path()).arg("--").arg("sh").arg("-c").arg(script).start();
        let (child, line) = first_line(child);
        assert_eq!(line, "ready\n");
        send_signal(child.id(), Signal::TERM);
        let done = Done::of(child, &script);
        let expected = if script.starts_with("trap") { 3 } else { 143 };
        assert_eq!(done.code, Some(expected), "{done:?}");
    }
    // During the start.
    for wait in [0, 100, 300, 600, 1000] {
        let runtime = runtime();
        let temporary = runtime.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        let child = small("run", runtime.path())
            .env("TMPDIR", &temporary)
            .arg("--")
            .arg("sleep")
            .arg("600")
            .start();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        send_signal(child.id(), Signal::INT);
        let done = Done::of(child, &wait);
        // Before the handler is installed, the signal ends the program itself.
        assert!([Some(130), Some(143), None].contains(&done.code), "{wait}: {done:?}");
        let left: Vec<_> = fs::read_dir(&temporary).unwrap().flatten().collect();
        assert!(left.is_empty(), "{wait}: {left:?}");
        assert_eq!(tors_below(temporary.to_str().unwrap()), Vec::<String>::new());
    }
}

/// Reads the first line that a program prints.
fn first_line(mut child: Child) -> (Child, String) {
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    child.stdout = Some(stdout.into_inner());
    (child, line)
}

/// Waits until a process that isn't a child has ended.
fn wait_for_end(pid: u32) {
    let begun = std::time::Instant::now();
    while Path::new(&format!("/proc/{pid}")).exists() {
        assert!(begun.elapsed().as_secs() < 120, "process {pid} goes on");
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}
