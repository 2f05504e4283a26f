//! Cancelling a launch of tor, in each phase of the launch.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(target_os = "linux")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use scape::process::{Control, LaunchError, LaunchProblem, WaitFor};
use scape::{CancelToken, Launch, Tor};

#[path = "support/tor.rs"]
mod tor;

use tor::{SOON, exists, offline, wait_until};

const EVERY_CONTROL: [Control; 3] = [Control::SocketPair, Control::UnixSocket, Control::TcpPort];

/// A launch with a time limit of an hour. A test cancels it. The process ID of
/// the launched tor is recorded in a file, so that the test can check that the
/// process has ended.
struct Patient {
    directory: tempfile::TempDir,
    token: CancelToken,
}

impl Patient {
    fn new() -> Self {
        Patient { directory: tempfile::tempdir().unwrap(), token: CancelToken::new() }
    }

    fn record(&self) -> PathBuf {
        self.directory.path().join("record")
    }

    fn launch(&self) -> Launch {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/recorded-tor");
        offline()
            .program(program)
            .env("RECORD", self.record())
            .timeout(Duration::from_secs(3600))
            .wait_for(WaitFor::DONE)
            .cancel_with(&self.token)
    }

    /// Runs the launch. Checks that it fails soon because it was cancelled, and
    /// that it leaves nothing behind. Returns the log.
    fn cancelled(&self, launch: Launch) -> String {
        let error = launch.start().expect_err("it starts");
        assert!(error.is_cancelled() && !error.is_timeout(), "{error}");
        let Some(failure) = error.get::<LaunchError>() else { panic!("{error:?}") };
        assert!(matches!(failure.problem(), LaunchProblem::Cancelled), "{error}");
        let record = fs::read_to_string(self.record()).unwrap();
        let mut lines = record.lines();
        assert!(
            !exists(lines.next().unwrap().parse().unwrap()),
            "the process runs on, or is a zombie"
        );
        let torrc = Path::new(lines.skip_while(|argument| *argument != "-f").nth(1).unwrap());
        assert!(!torrc.parent().unwrap().exists(), "temporary files are left");
        failure.log().join("\n")
    }

    /// Starts a thread that cancels the launch when the time `after` has passed
    /// since tor was started.
    fn cancel_after(&self, after: Duration) -> thread::JoinHandle<()> {
        let (token, record) = (self.token.clone(), self.record());
        thread::spawn(move || {
            wait_until("the start of the program", || {
                fs::read_to_string(&record).is_ok_and(|r| r.contains("-f"))
            });
            thread::sleep(after);
            let begun = Instant::now();
            token.cancel();
            assert!(begun.elapsed() < Duration::from_secs(5), "cancel() waits");
        })
    }
}

#[test]
fn cancelled_token_prevents_a_launch() {
    let patient = Patient::new();
    patient.token.cancel();
    let error = patient.launch().start().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    assert!(error.to_string().starts_with("the launch of tor was cancelled"), "{error}");
    assert!(!patient.record().exists(), "tor was started");
    let error = Tor::launch(patient.launch()).map(drop).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

#[test]
fn launch_is_cancelled_while_it_waits_for_a_silent_program() {
    for control in EVERY_CONTROL {
        let patient = Patient::new();
        let begun = Instant::now();
        let cancelling = patient.cancel_after(Duration::from_millis(100));
        patient.cancelled(patient.launch().control(control).env("INSTEAD", "exec sleep 3600"));
        cancelling.join().unwrap();
        assert!(begun.elapsed() < SOON, "{control:?}");
    }
}

#[test]
fn launch_is_cancelled_although_the_program_ignores_sigterm() {
    for control in EVERY_CONTROL {
        let patient = Patient::new();
        let begun = Instant::now();
        let cancelling = patient.cancel_after(Duration::from_millis(100));
        let script = "trap '' TERM; while :; do sleep 0.1; done";
        let launch = patient.launch().control(control).stop_timeout(Duration::from_millis(300));
        patient.cancelled(launch.env("INSTEAD", script));
        cancelling.join().unwrap();
        assert!(begun.elapsed() < SOON, "{control:?}");
    }
}

#[test]
fn launch_is_cancelled_while_it_connects_to_a_hung_tor() {
    // The system accepts the connection for a stopped tor, which never answers.
    let patient = Patient::new();
    let begun = Instant::now();
    let (token, stopped) = (patient.token.clone(), patient.directory.path().join("stopped"));
    let is_stopped = stopped.clone();
    let cancelling = thread::spawn(move || {
        wait_until("tor is stopped", || is_stopped.exists());
        // The launch connects within this time.
        thread::sleep(Duration::from_secs(1));
        token.cancel();
    });
    let script = "tor \"$@\" & pid=$!; for a; do [ \"$last\" = -f ] && torrc=$a; last=$a; done\n\
                  while ! [ -e \"${torrc%/*}/control\" ]; do sleep 0.01; done; kill -STOP $pid; : >\"$STOPPED\"; wait";
    let launch =
        patient.launch().control(Control::UnixSocket).stop_timeout(Duration::from_millis(300));
    patient.cancelled(launch.env("INSTEAD", script).env("STOPPED", stopped));
    cancelling.join().unwrap();
    assert!(begun.elapsed() < SOON);
}

#[test]
fn launch_is_cancelled_during_the_bootstrap() {
    for control in EVERY_CONTROL {
        let patient = Patient::new();
        let (sender, steps) = crossbeam_channel::unbounded();
        let token = patient.token.clone();
        let cancelling = thread::spawn(move || {
            steps.recv_timeout(SOON).unwrap();
            token.cancel();
        });
        let begun = Instant::now();
        let launch =
            patient.launch().control(control).on_progress(move |_| sender.send(()).unwrap());
        // tor 0.4.9.8 sometimes fails an assertion while it exits, and logs a
        // trace.
        let log = patient.cancelled(launch);
        assert!(log.contains("[notice]"), "{log}");
        cancelling.join().unwrap();
        assert!(begun.elapsed() < SOON, "{control:?}");
    }
}

#[test]
fn progress_callback_cancels_its_launch() {
    for wanted in [0, 100] {
        let patient = Patient::new();
        let token = patient.token.clone();
        let launch = patient.launch().wait_for(WaitFor::Bootstrap(wanted));
        patient.cancelled(launch.on_progress(move |_| token.cancel()));
    }
}

#[test]
fn token_that_is_cancelled_after_the_launch_leaves_tor_alone() {
    let token = CancelToken::new();
    let tor = offline().cancel_with(&token).start().unwrap();
    token.cancel();
    assert!(tor.controller().get_info("version").is_ok() && tor.is_running());
    tor.stop().unwrap();
}

#[test]
fn one_token_cancels_many_launches() {
    let token = CancelToken::new();
    thread::scope(|scope| {
        let launches: Vec<_> = (0..4)
            .map(|_| {
                let launch = offline().timeout(Duration::from_secs(3600)).wait_for(WaitFor::DONE);
                let launch = launch.cancel_with(&token);
                scope.spawn(move || launch.start().map(drop).unwrap_err())
            })
            .collect();
        thread::sleep(Duration::from_millis(300));
        token.cancel();
        for launch in launches {
            assert!(launch.join().unwrap().is_cancelled());
        }
    });
}

#[test]
fn example_gui_worker_ends_during_a_launch_when_its_window_is_closed() {
    // This test is in target/PROFILE/deps.
    let mut example = std::env::current_exe().unwrap();
    example.pop();
    example.set_file_name("examples");
    example.push("gui_worker");
    assert!(example.exists(), "{} is not built: cargo build --examples", example.display());
    let directory = tempfile::tempdir().unwrap();
    let (record, temporary) = (directory.path().join("record"), directory.path().join("t"));
    fs::create_dir(&temporary).unwrap();
    let begun = Instant::now();
    let mut worker = Command::new(example)
        .env("SCAPE_CONTROL", format!("unix:{}", directory.path().join("nobody").display()))
        .env("SCAPE_TOR", Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/recorded-tor"))
        .env("RECORD", &record)
        .env("INSTEAD", "exec sleep 3600")
        .env("TMPDIR", &temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    wait_until("the launch", || {
        fs::read_to_string(&record).is_ok_and(|record| record.contains("-f"))
    });
    drop(worker.stdin.take());
    let output = worker.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "ended\n");
    assert!(output.status.success() && begun.elapsed() < SOON);
    let pid = fs::read_to_string(&record).unwrap().lines().next().unwrap().parse().unwrap();
    assert!(!exists(pid), "the launched program runs on");
    assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0, "temporary files are left");
}
