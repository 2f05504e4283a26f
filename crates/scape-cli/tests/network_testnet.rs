//! `scape testnet`: networks for other programs.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/run.rs"]
#[allow(dead_code)]
mod run;

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use run::{Done, Lines, Scape, send_signal};
use rustix::fs::{FlockOperation, flock};
use rustix::process::Signal;
use tempfile::TempDir;

/// A folder for control sockets that no other test uses. If the test fails,
/// dropping the folder stops the networks that it started in the background.
struct Runtime(TempDir);

impl Runtime {
    fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        if std::thread::panicking() {
            on(self.path(), &["down", "--all", "--timeout", "10"]).run();
        }
    }
}

fn runtime() -> Runtime {
    let permissions = fs::Permissions::from_mode(0o700);
    Runtime(tempfile::Builder::new().permissions(permissions).tempdir().unwrap())
}

/// Returns the `scape testnet` command `word` with options for a network of few
/// nodes.
fn small(word: &str, runtime: &Path) -> Scape {
    Scape::new(["testnet", word, "--authorities", "1", "--relays", "3"])
        .env("XDG_RUNTIME_DIR", runtime)
}

/// Returns a `scape testnet` command without options for a network's size, such
/// as `status` or `down`.
fn on(runtime: &Path, arguments: &[&str]) -> Scape {
    let scape = Scape::new(["testnet"]).env("XDG_RUNTIME_DIR", runtime);
    arguments.iter().fold(scape, |scape, argument| scape.arg(argument))
}

/// Returns the process ids of the tors whose command line contains this folder.
fn tors_below(folder: &str) -> Vec<u32> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").unwrap().flatten() {
        let line = fs::read(process.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).replace('\0', " ");
        if line.contains(folder) && line.contains("tor ") {
            found.extend(process.file_name().to_str().and_then(|name| name.parse::<u32>().ok()));
        }
    }
    found
}

/// Waits until the tors that use this folder have ended. The caller must have
/// killed the program that started them.
///
/// A tor that is ending may hang, because it waits for its own worker threads:
/// see "Starting and ending" in `docs/tor-quirks.md`. So after 20 seconds, this
/// function kills every tor that waits for a lock. A tor that runs normally
/// doesn't wait for one, so it isn't killed.
fn wait_for_tors_below(folder: &str) {
    let begun = Instant::now();
    until("end of the tors", || {
        let left = tors_below(folder);
        if begun.elapsed() > Duration::from_secs(20) {
            for pid in &left {
                let place = fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
                if place.starts_with("futex") {
                    send_signal(*pid, Signal::KILL);
                }
            }
        }
        left.is_empty()
    });
}

#[test]
fn testnet_run_gives_a_program_the_network_and_returns_its_exit_code() {
    let runtime = runtime();
    let keep = runtime.path().join("kept");
    let scape = env!("CARGO_BIN_EXE_scape");
    let script = format!(
        "{scape} info status/circuit-established && echo $TOR_CONTROL_HOST:$TOR_CONTROL_PORT \
         && echo $SCAPE_CONTROL && echo $SCAPE_TESTNET_BRIDGES \
         && test -z \"$TOR_CONTROL_IPC_PATH$TOR_CONTROL_PASSWD$SCAPE_PASSWORD_FILE\" && exit 7"
    );
    // The variables of the user's own tor don't reach the program.
    let done = small("run", runtime.path())
        .env("TOR_CONTROL_IPC_PATH", "/nowhere/control")
        .env("TOR_CONTROL_PASSWD", "secret")
        .env("SCAPE_PASSWORD_FILE", "/nowhere/password")
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
    assert!(done.error.contains("cannot run \"/nowhere/x\": No such file"), "{done:?}");
    // The two dashes are optional.
    let done = small("run", runtime.path()).arg("").run().expect(127);
    assert!(done.error.contains("cannot run \"\": No such file"), "{done:?}");
    small("run", runtime.path()).arg("sh").arg("-c").arg("exit 7").run().expect(7);
    // The program isn't taken for the settings of the bridge.
    small("run", runtime.path()).arg("--bridge").arg("sh").arg("-c").arg("exit 7").run().expect(7);
    Scape::new(["testnet", "run"]).run().expect(2);
    on(runtime.path(), &["down", "one", "--all"]).run().expect(2);
    for wrong in ["--bridge=transport", "--bridge=transport=a-b", "--relay=nickname"] {
        Scape::new(["testnet", "run", wrong, "--", "true"]).run().expect(2);
    }
    let wrong = [
        ("--relay=exit=perhaps", "must be true or false"),
        ("--host=a=b", "must be an IP address"),
        ("--option=x", "OPTION=VALUE"),
        ("--voting-interval=1", "must be 10 s or more"),
    ];
    for (argument, expected) in wrong {
        let done = Scape::new(["testnet", "run", argument, "--", "true"]).run().expect(2);
        assert!(done.error.contains(expected), "{argument}: {done:?}");
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
    assert!(web.starts_with("http://web.test:") && !web.ends_with('/'), "{web}");
    let mut answer = agent.get(&web).call().unwrap();
    assert_eq!(answer.body_mut().read_to_string().unwrap(), "hello\n");
    for path in ["/bytes/100000", "//bytes/100000"] {
        let mut answer = agent.get(format!("{web}{path}")).call().unwrap();
        assert_eq!(answer.body_mut().read_to_vec().unwrap().len(), 100_000);
    }
    on(runtime.path(), &["down"]).ok();
}

#[test]
fn testnet_in_the_background_is_shown_and_ended() {
    let runtime = runtime();
    let exports = small("up", runtime.path()).ok();
    assert!(exports.contains("\nexport SCAPE_CONTROL='127.0.0.1:"), "{exports}");
    let unset = exports.lines().next().unwrap();
    assert!(unset.starts_with("unset ") && unset.contains(" TOR_CONTROL_IPC_PATH "), "{exports}");
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
    assert!(table.contains(" running  5/5 "), "{table}");
    // The client of the network dies.
    send_signal(state["nodes"][4]["pid"].as_u64().unwrap().try_into().unwrap(), Signal::KILL);
    until("the node's end", || on(runtime.path(), &["status"]).ok().contains(" 4/5 "));

    let done = small("up", runtime.path()).run().expect(1);
    assert!(done.error.contains("a network named default is running"), "{done:?}");
    let pid = state["pid"].as_u64().unwrap().try_into().unwrap();
    // The killed client is a failure, but the network ends.
    on(runtime.path(), &["down"]).run().expect(1);
    // `down` returns when the network has ended.
    assert!(!Path::new(&client).exists(), "{client}");
    assert_eq!(tors_below(&client), Vec::<u32>::new());
    let done = on(runtime.path(), &["down"]).run().expect(1);
    assert!(done.error.contains("no network named default is running"), "{done:?}");
    wait_for_end(pid);
}

#[test]
fn testnet_whose_variables_cannot_be_printed_ends() {
    let runtime = runtime();
    let full = fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let up = small("up", runtime.path()).start_with(full.into());
    let done = Done::of(up, &"up").expect(1);
    assert!(done.error.contains("cannot write the output"), "{done:?}");
    assert_eq!(on(runtime.path(), &["status"]).json(), Vec::<serde_json::Value>::new());
}

#[test]
fn networks_that_hang_take_no_longer_than_one() {
    let runtime = runtime();
    let (held, _connections) = crossbeam_channel::unbounded();
    for number in 0..12 {
        let held = held.clone();
        server(runtime.path(), &format!("hung{number}"), move |connection| {
            held.send(connection).unwrap();
        });
    }
    let begun = Instant::now();
    let done = on(runtime.path(), &["status"]).arg("--timeout").arg("5").run().expect(4);
    assert_eq!(done.error.matches("no answer within 5s").count(), 12, "{done:?}");
    // Asking one server after the other would take 60 seconds.
    assert!(begun.elapsed() < Duration::from_secs(40), "{:?}", begun.elapsed());
}

#[test]
fn testnets_have_names_and_end_at_a_signal() {
    let runtime = runtime();
    let keep = runtime.path().join("kept");
    let up = |name: &str| {
        let scape = small("up", runtime.path()).arg("--name").arg(name);
        scape.arg("--keep").arg(&keep).json().remove(0)
    };
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
    let kept = runtime.path().join("kept/client/torrc");
    assert!(!fs::read_to_string(kept).unwrap().is_empty());
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
    // The first program ends by the signal, and the second one catches it.
    for script in [
        "echo ready; exec sleep 600",
        "trap 'exit 3' TERM; echo ready; while true; do sleep 0.1; done",
    ] {
        let runtime = runtime();
        let keep = runtime.path().join("kept");
        let scape = small("run", runtime.path()).arg("--keep").arg(&keep);
        let child = scape.arg("--").arg("sh").arg("-c").arg(script).start();
        let (child, line) = first_line(child);
        assert_eq!(line, "ready");
        send_signal(child.id(), Signal::TERM);
        let done = Done::of(child, &script);
        let expected = if script.starts_with("trap") { 3 } else { 143 };
        assert_eq!(done.code, Some(expected), "{done:?}");
        for file in ["client/log", "client/torrc", "relay0/torrc"] {
            assert!(!fs::read_to_string(keep.join(file)).unwrap().is_empty(), "{file}");
        }
    }
    // The signal comes during the start.
    for wait in [0, 100, 300, 600, 1000] {
        let runtime = runtime();
        let temporary = runtime.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        // The start must not be over, because the program decides itself what
        // it does at the signal.
        let child = small("run", runtime.path())
            .env("TMPDIR", &temporary)
            .arg("--vote-first")
            .arg("--")
            .arg("sleep")
            .arg("600")
            .start();
        std::thread::sleep(Duration::from_millis(wait));
        // SIGINT isn't used, because programs that a shell starts in the
        // background ignore it until they have installed a handler.
        send_signal(child.id(), Signal::TERM);
        let done = Done::of(child, &wait);
        // The signal ends the program itself if it has no handler yet. With a
        // handler, the exit code says whether the program was running already.
        assert!([Some(130), Some(143), None].contains(&done.code), "{wait}: {done:?}");
        let left: Vec<_> = fs::read_dir(&temporary).unwrap().flatten().collect();
        assert!(left.is_empty(), "{wait}: {left:?}");
        assert_eq!(tors_below(temporary.to_str().unwrap()), Vec::<u32>::new());
    }
}

#[test]
fn testnet_starts_in_a_temporary_directory_with_a_long_path() {
    let runtime = runtime();
    // The path is too long for a Unix socket, whose name has at most 107 bytes.
    let temporary = runtime.path().join("long-".repeat(24));
    fs::create_dir(&temporary).unwrap();
    let scape = small("run", runtime.path()).env("TMPDIR", &temporary);
    assert_eq!(scape.arg("--").arg("echo").arg("ready").ok(), "ready\n");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
}

/// Returns a command for a network whose start takes several seconds, because
/// its authorities vote.
fn slow(runtime: &Path) -> Scape {
    small("up", runtime).arg("--vote-first")
}

/// Waits until `scape testnet status` lists a network that is starting. Returns
/// the process id of the network's server.
fn starting(runtime: &Path) -> u32 {
    let mut pid = None;
    until("a network that is starting", || {
        let states = on(runtime, &["status"]).json();
        pid = states.iter().find(|state| state["state"] == "starting").map(pid_of);
        pid.is_some()
    });
    pid.unwrap()
}

fn pid_of(state: &serde_json::Value) -> u32 {
    state["pid"].as_u64().unwrap().try_into().unwrap()
}

/// Waits until `is_true` returns true. Fails the test after two minutes, with a
/// message that `what` is missing.
#[track_caller]
fn until(what: &str, mut is_true: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_true() {
        assert!(begun.elapsed() < Duration::from_secs(120), "no {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Returns a set of signals from a process's file `/proc/PID/status`, such as
/// the ignored signals for the name `SigIgn:`. Bit 0 stands for signal 1.
fn signals(pid: u32, name: &str) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let mask = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
    u64::from_str_radix(mask.trim(), 16).unwrap()
}

/// Creates the socket of a network with the given name. In place of the
/// network's server, `answer` handles each connection to the socket.
fn server(runtime: &Path, name: &str, answer: impl Fn(UnixStream) + Send + 'static) {
    let folder = runtime.join("scape-testnet");
    let _ = fs::create_dir(&folder);
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let listener = UnixListener::bind(folder.join(format!("{name}.sock"))).unwrap();
    std::thread::spawn(move || listener.incoming().flatten().for_each(answer));
}

#[test]
fn server_that_hangs_is_named_and_keeps_nobody_waiting() {
    let runtime = runtime();
    let (held, connections) = crossbeam_channel::unbounded();
    server(runtime.path(), "hung", move |connection| held.send(connection).unwrap());
    for line in [
        &["status"][..],
        &["status", "hung"],
        &["env", "hung"],
        &["down", "hung"],
        &["down", "--all"],
    ] {
        let done = on(runtime.path(), line).arg("--timeout").arg("1").run().expect(4);
        assert!(done.error.contains("network hung: no answer within 1s"), "{line:?}: {done:?}");
    }
    for line in [&["status"][..], &["status", "hung"], &["env", "hung"], &["down", "hung"]] {
        while connections.try_recv().is_ok() {}
        let child = on(runtime.path(), line).arg("--timeout").arg("200").start();
        // The command waits for the answer now.
        let _connection = connections.recv_timeout(Duration::from_secs(60)).unwrap();
        let begun = Instant::now();
        send_signal(child.id(), Signal::INT);
        Done::of(child, &line).expect(130);
        assert!(begun.elapsed() < Duration::from_secs(15), "{line:?}: {:?}", begun.elapsed());
    }
}

#[test]
fn server_that_ends_without_an_answer_has_just_ended() {
    let runtime = runtime();
    server(runtime.path(), "gone", |connection| {
        let mut word = String::new();
        BufReader::new(&connection).read_line(&mut word).unwrap();
    });
    let done = on(runtime.path(), &["down", "gone"]).run().expect(0);
    assert!(done.error.contains("network gone has just ended"), "{done:?}");
    on(runtime.path(), &["down", "--all"]).ok();
    let done = on(runtime.path(), &["env", "gone"]).run().expect(1);
    assert!(done.error.contains("no network named gone is running"), "{done:?}");
    let done = on(runtime.path(), &["status"]).run().expect(0);
    assert!(done.out.starts_with("NAME  PID") && done.error == "no networks\n", "{done:?}");
    assert_eq!(on(runtime.path(), &["status"]).json(), Vec::<serde_json::Value>::new());
}

#[test]
fn network_that_is_starting_is_shown_and_ended() {
    let runtime = runtime();
    let up = slow(runtime.path()).start();
    let pid = starting(runtime.path());
    let table = on(runtime.path(), &["status"]).ok();
    assert!(table.contains(" starting  - "), "{table}");
    let done = on(runtime.path(), &["status", "default"]).run().expect(0);
    assert!(done.error.contains("network default is starting"), "{done:?}");
    let done = on(runtime.path(), &["env"]).run().expect(1);
    assert!(done.error.contains("still starting"), "{done:?}");
    let downs: Vec<Child> = (0..2).map(|_| on(runtime.path(), &["down"]).start()).collect();
    let done = Done::of(up, &"up").expect(1);
    assert!(done.error.contains("ended by `scape testnet down`"), "{done:?}");
    assert_eq!(done.out, "");
    for down in downs {
        let done = Done::of(down, &"down");
        // The second command may come after the end of the network.
        let is_late = done.error.contains("no network named default is running");
        assert!(done.code == Some(0) || is_late, "{done:?}");
    }
    wait_for_end(pid);
}

#[test]
fn server_ends_soon_after_up_was_killed() {
    let runtime = runtime();
    let mut up = slow(runtime.path()).start();
    let pid = starting(runtime.path());
    let begun = Instant::now();
    up.kill().unwrap();
    up.wait().unwrap();
    wait_for_end(pid);
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
}

#[test]
fn name_of_a_killed_server_is_free_for_one_network() {
    let runtime = runtime();
    let temporary = runtime.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let up = || small("up", runtime.path()).env("TMPDIR", &temporary);
    let pid = pid_of(&up().json()[0]);
    send_signal(pid, Signal::KILL);
    wait_for_end(pid);
    wait_for_tors_below(temporary.to_str().unwrap());
    assert_eq!(on(runtime.path(), &["status"]).json(), Vec::<serde_json::Value>::new());
    // A process that holds the lock has the name, even without a socket.
    let lock = fs::File::open(runtime.path().join("scape-testnet/default.lock")).unwrap();
    flock(&lock, FlockOperation::LockExclusive).unwrap();
    let done = up().run().expect(1);
    assert!(done.error.contains("a network named default is running"), "{done:?}");
    drop(lock);
    let ups: Vec<Child> = (0..2).map(|_| up().start()).collect();
    let done: Vec<Done> = ups.into_iter().map(|child| Done::of(child, &"up")).collect();
    let (good, bad): (Vec<&Done>, _) = done.iter().partition(|done| done.code == Some(0));
    assert_eq!((good.len(), bad.len()), (1, 1), "{done:?}");
    assert!(bad[0].error.contains("a network named default is running"), "{done:?}");
    let name = ["--name", "default"];
    let nodes = on(runtime.path(), &["status"]).arg(name[0]).arg(name[1]).json();
    assert_eq!(nodes[0]["name"], "default", "{nodes:?}");
    on(runtime.path(), &["down", "default", name[0], name[1]]).run().expect(2);
    on(runtime.path(), &["down", name[0], name[1]]).ok();
}

#[test]
fn logs_that_cannot_be_kept_are_a_failure() {
    let runtime = runtime();
    for word in ["up", "run"] {
        let scape = small(word, runtime.path()).arg("--keep=/proc/nope");
        let done = if word == "run" { scape.arg("echo") } else { scape }.run().expect(1);
        assert!(done.error.contains("cannot write to /proc/nope"), "{done:?}");
        assert_eq!(done.out, "");
    }
    let keep = runtime.path().join("kept");
    let pid = pid_of(&small("up", runtime.path()).arg("--keep").arg(&keep).json()[0]);
    fs::remove_dir_all(&keep).unwrap();
    fs::write(&keep, "a file").unwrap();
    let done = on(runtime.path(), &["down"]).run().expect(1);
    assert!(done.error.contains("network default has ended, but"), "{done:?}");
    assert!(done.error.contains("cannot write to"), "{done:?}");
    wait_for_end(pid);
    // The files of the other nodes are written.
    fs::remove_file(&keep).unwrap();
    let script = "mkdir -p \"$0\" && touch \"$0/authority0\"";
    let run = small("run", runtime.path()).arg("--keep").arg(&keep);
    let done = run.arg("sh").arg("-c").arg(script).arg(&keep).run().expect(1);
    assert!(done.error.contains("/authority0: "), "{done:?}");
    let kept = fs::read_dir(&keep).unwrap().map(|entry| entry.unwrap().path());
    let others: Vec<_> = kept.filter(|path| path.is_dir()).collect();
    assert!(others.len() > 1 && others.iter().all(|path| path.join("log").exists()), "{others:?}");
}

#[test]
fn failed_starts_name_the_time_limit_and_show_warnings_first() {
    let runtime = runtime();
    let done = small("up", runtime.path()).arg("--timeout").arg("0.1").run().expect(4);
    assert!(done.error.contains("100ms"), "{done:?}");
    let done = small("up", runtime.path()).arg("--option=Nonsense=1").run().expect(3);
    let line = done.error.lines().nth(1).unwrap();
    assert!(line.contains("[warn]") && line.contains("Nonsense"), "{done:?}");
}

#[test]
fn second_signal_kills_the_program_and_undoes_everything() {
    let runtime = runtime();
    let temporary = runtime.path().join("tmp");
    fs::create_dir(&temporary).unwrap();
    let scape = small("run", runtime.path()).env("TMPDIR", &temporary);
    // The program ends with the test, because its input does.
    let script = "trap '' TERM INT; echo $$; exec cat";
    let (mut child, pid) = first_line(scape.arg("sh").arg("-c").arg(script).start());
    let _input = child.stdin.take();
    send_signal(child.id(), Signal::TERM);
    let note = Lines::of(child.stderr.take().unwrap()).next();
    assert!(note.contains("waiting for \"sh\" to end; press Ctrl-C again"), "{note}");
    send_signal(child.id(), Signal::TERM);
    let done = Done::of(child, &"run").expect(128 + 9);
    wait_for_end(pid.trim().parse().unwrap());
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().flatten().collect();
    assert!(left.is_empty(), "{left:?} {done:?}");
    assert_eq!(tors_below(temporary.to_str().unwrap()), Vec::<u32>::new());
}

#[test]
fn signals_that_were_ignored_at_the_start_stay_ignored() {
    let runtime = runtime();
    let script = format!(
        "trap '' HUP INT; exec {} testnet run --authorities 1 --relays 3 \
         sh -c 'echo ready; read line; exit 5'",
        env!("CARGO_BIN_EXE_scape")
    );
    let mut command = Command::new("sh");
    command.arg("-c").arg(script).env("XDG_RUNTIME_DIR", runtime.path());
    let pipes = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let (mut child, line) = first_line(pipes.spawn().unwrap());
    assert_eq!(line, "ready");
    let (hup, int, term) = (1, 1 << 1, 1 << 14);
    let pid = child.id();
    assert_eq!(signals(pid, "SigIgn:") & (hup | int | term), hup | int);
    assert_eq!(signals(pid, "SigCgt:") & (hup | int | term), term);
    send_signal(pid, Signal::HUP);
    send_signal(pid, Signal::INT);
    child.stdin.take().unwrap().write_all(b"go on\n").unwrap();
    Done::of(child, &"run").expect(5);
}

/// Waits for the first line that a program prints. Returns the program and the
/// line.
fn first_line(mut child: Child) -> (Child, String) {
    let line = Lines::of(child.stdout.take().unwrap()).next();
    (child, line)
}

/// Waits until a process has ended. It needn't be a child of this process.
fn wait_for_end(pid: u32) {
    let begun = Instant::now();
    while Path::new(&format!("/proc/{pid}")).exists() {
        assert!(begun.elapsed().as_secs() < 120, "process {pid} goes on");
        std::thread::sleep(Duration::from_millis(20));
    }
}
