//! Launching a tor that doesn't start. Each reason must be reported quickly and
//! precisely, and nothing may be left behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(target_os = "linux")]

use std::fs;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use scape::control::ArgumentError;
use scape::process::{Control, LaunchError, LaunchProblem, WaitFor};
use scape::{Error, ErrorKind, Launch};

#[path = "support/tor.rs"]
mod tor;

use tor::{SOON, exists, offline};

const EVERY_CONTROL: [Control; 3] = [Control::SocketPair, Control::UnixSocket, Control::TcpPort];

/// A launch that records its process in a file, so that a test can find the
/// process afterwards.
struct Recorded {
    directory: tempfile::TempDir,
}

impl Recorded {
    fn new() -> Self {
        Recorded { directory: tempfile::tempdir().unwrap() }
    }

    fn record(&self) -> PathBuf {
        self.directory.path().join("record")
    }

    /// Returns the launch with another program, which records its process ID
    /// and arguments, and then becomes tor.
    fn launch(&self, launch: Launch) -> Launch {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/support/recorded-tor");
        launch.program(program).env("RECORD", self.record())
    }

    /// Runs the launch and returns its error. Checks that the launch has left
    /// nothing behind.
    fn failure(&self, launch: Launch) -> LaunchError {
        let error = self.launch(launch).start().expect_err("it starts");
        let (pid, torrc) = self.seen();
        assert!(!exists(pid), "the process runs on, or is a zombie");
        assert!(!torrc.parent().unwrap().exists(), "temporary files are left");
        let Some(error) = error.get::<LaunchError>() else { panic!("{error:?}") };
        error.clone()
    }

    /// Returns the process ID and the path of the torrc that were recorded.
    fn seen(&self) -> (u32, PathBuf) {
        let record = fs::read_to_string(self.record()).expect("it was run");
        let mut lines = record.lines();
        let pid = lines.next().unwrap().parse().unwrap();
        let torrc = lines.skip_while(|argument| *argument != "-f").nth(1).unwrap();
        (pid, PathBuf::from(torrc))
    }
}

fn logged(error: &LaunchError, text: &str) {
    assert!(error.log().iter().any(|line| line.contains(text)), "{text:?} is not in {error}");
}

#[test]
fn launch_fails_with_an_unknown_option() {
    for control in EVERY_CONTROL {
        let begun = Instant::now();
        let error = Recorded::new().failure(offline().control(control).option("NoSuchOption", 1));
        assert!(
            matches!(error.problem(), LaunchProblem::Exited { code: Some(1), .. }),
            "{error:?}"
        );
        logged(&error, "NoSuchOption");
        assert!(
            error.to_string().starts_with("tor ended with status 1; last log lines:\n"),
            "{error}"
        );
        assert!(begun.elapsed() < SOON / 2);
    }
}

#[test]
fn launch_fails_with_an_invalid_value() {
    let error = Recorded::new().failure(offline().option("AvoidDiskWrites", "perhaps"));
    assert!(matches!(error.problem(), LaunchProblem::Exited { code: Some(1), .. }), "{error:?}");
    logged(&error, "AvoidDiskWrites");
}

#[test]
fn launch_fails_with_a_port_in_use() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    for control in EVERY_CONTROL {
        let error = Recorded::new().failure(offline().control(control).option("ControlPort", port));
        assert!(
            matches!(error.problem(), LaunchProblem::Exited { code: Some(1), .. }),
            "{error:?}"
        );
        logged(&error, "Address already in use");
    }
}

/// tor opens its control port before the other ports. If another port fails,
/// tor closes the control connection and exits. The launch must report the exit
/// as the cause.
#[test]
fn launch_reports_the_exit_status_of_a_tor_that_hangs_up_first() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(drop));
    let instead = format!(
        r#"while [ "$1" != -f ]; do shift; done
        file=$(sed -n 's/^ControlPortWriteToFile "*\([^"]*\)"*$/\1/p' "$2")
        echo PORT=127.0.0.1:{port} >"$file"
        sleep 1
        exit 3"#
    );
    let launch = offline().control(Control::TcpPort).env("INSTEAD", instead);
    let error = Recorded::new().failure(launch);
    assert!(matches!(error.problem(), LaunchProblem::Exited { code: Some(3), .. }), "{error:?}");
}

#[test]
fn launch_fails_with_a_data_directory_in_use() {
    let directory = tempfile::tempdir().unwrap();
    let first = offline().data_directory(directory.path()).start().unwrap();
    let error = Recorded::new().failure(offline().data_directory(directory.path()));
    assert!(matches!(error.problem(), LaunchProblem::Exited { code: Some(1), .. }), "{error:?}");
    logged(&error, "another Tor process is running");
    assert!(first.is_running());
    assert!(directory.path().join("lock").exists(), "the user's directory is left alone");
}

#[test]
fn launch_fails_with_an_impossible_data_directory() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let error = offline().data_directory(file.path().join("data")).start().unwrap_err();
    let Some(error) = error.get::<LaunchError>() else { panic!("{error:?}") };
    assert!(matches!(error.problem(), LaunchProblem::Prepare { .. }), "{error:?}");
    assert!(error.to_string().contains("data directory"), "{error}");
}

#[test]
fn launch_fails_when_tor_is_killed_during_the_bootstrap() {
    for control in EVERY_CONTROL {
        let recorded = Recorded::new();
        let record = recorded.record();
        let begun = Instant::now();
        let launch = offline().control(control).wait_for(WaitFor::DONE).on_progress(move |_| {
            let record = fs::read_to_string(&record).unwrap();
            let pid = record.lines().next().unwrap();
            assert!(
                std::process::Command::new("kill").args(["-9", pid]).status().unwrap().success()
            );
        });
        let error = recorded.failure(launch);
        assert!(
            matches!(error.problem(), LaunchProblem::Exited { signal: Some(9), .. }),
            "{error:?}"
        );
        assert!(begun.elapsed() < SOON / 2, "noticed late");
    }
}

#[test]
fn launch_timeout_reports_the_bootstrap_progress() {
    let after = Duration::from_secs(2);
    let error = Recorded::new().failure(offline().wait_for(WaitFor::DONE).timeout(after));
    let LaunchProblem::Timeout { after: told, progress } = *error.problem() else {
        panic!("{error:?}")
    };
    assert_eq!((told, progress), (after, Some(0)));
    assert!(error.to_string().starts_with("tor reached only 0 % within 2s"), "{error}");
    assert!(Error::from(error).is_timeout());
}

#[test]
fn launch_timeout_is_never_reported_as_an_exit_of_tor() {
    std::thread::scope(|scope| {
        for control in EVERY_CONTROL {
            scope.spawn(move || {
                for round in 0..12 {
                    let timeout = Duration::from_millis(400 + 50 * (round % 4));
                    let launch =
                        offline().control(control).wait_for(WaitFor::DONE).timeout(timeout);
                    let error = launch.start().unwrap_err();
                    let Some(error) = error.get::<LaunchError>() else { panic!("{error:?}") };
                    assert!(
                        matches!(error.problem(), LaunchProblem::Timeout { .. }),
                        "{control:?}, round {round}: {error}"
                    );
                }
            });
        }
    });
}

#[test]
fn launch_of_a_silent_program_runs_into_the_timeout() {
    for control in EVERY_CONTROL {
        let recorded = Recorded::new();
        let launch = offline()
            .control(control)
            .env("INSTEAD", "exec sleep 60")
            .timeout(Duration::from_millis(500));
        let error = recorded.failure(launch);
        assert!(
            matches!(error.problem(), LaunchProblem::Timeout { progress: None, .. }),
            "{error:?}"
        );
    }
}

#[test]
fn launch_kills_a_program_that_ignores_sigterm() {
    let recorded = Recorded::new();
    let begun = Instant::now();
    let launch = offline()
        .env("INSTEAD", "trap '' TERM; echo deaf; while :; do sleep 0.1; done")
        .timeout(Duration::from_millis(300))
        .stop_timeout(Duration::from_millis(300));
    let error = recorded.failure(launch);
    assert!(matches!(error.problem(), LaunchProblem::Timeout { .. }), "{error:?}");
    logged(&error, "deaf");
    assert!(begun.elapsed() < SOON / 2);
}

#[test]
fn launch_reports_a_program_that_ends_at_once() {
    for control in EVERY_CONTROL {
        let launch =
            offline().control(control).env("INSTEAD", "echo missing library >&2; exit 127");
        let error = Recorded::new().failure(launch);
        assert!(
            matches!(error.problem(), LaunchProblem::Exited { code: Some(127), .. }),
            "{error:?}"
        );
        logged(&error, "missing library");
    }
}

#[test]
fn launch_of_a_missing_program_names_it() {
    for program in ["/nowhere/tor", "/etc/passwd"] {
        let error = offline().program(program).start().unwrap_err();
        let Some(error) = error.get::<LaunchError>() else { panic!("{error:?}") };
        assert!(matches!(error.problem(), LaunchProblem::Spawn { .. }), "{error:?}");
        assert!(error.to_string().contains(program), "{error}");
    }
}

#[test]
fn launch_refuses_a_bootstrap_of_more_than_100_percent() {
    for percent in [101, 255] {
        let recorded = Recorded::new();
        let launch = recorded.launch(offline().wait_for(WaitFor::Bootstrap(percent)));
        let error = launch.start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{error:?}");
        let Some(error) = error.get::<LaunchError>() else { panic!("{error:?}") };
        let LaunchProblem::Option(why) = error.problem() else { panic!("{error:?}") };
        let why = why.to_string();
        assert!(why.contains("wait_for") && why.contains(&percent.to_string()), "{why}");
        assert!(!why.contains("nothing was sent"), "{why}");
        assert!(!recorded.record().exists(), "tor was started");
    }
}

#[test]
fn launch_refuses_reserved_options_by_name() {
    let bad = [
        ("ContactInfo", "a\nSocksPort 1"),
        ("ContactInfo", "a\0"),
        ("%include", "/etc/passwd"),
        ("DataDirectory", "/tmp/x"),
        ("RunAsDaemon", "1"),
        ("__OwningControllerProcess", "1"),
        ("__owningcontrollerfd", "1"),
        // tor also accepts these abbreviations.
        ("DataDir", "/tmp/x"),
        ("runasd", "1"),
        ("__Owning", "1"),
    ];
    for (name, value) in bad {
        let recorded = Recorded::new();
        let error = recorded.launch(offline().option(name, value)).start().unwrap_err();
        let Some(error) = error.get::<LaunchError>() else { panic!("{error:?}") };
        let LaunchProblem::Option(why) = error.problem() else { panic!("{error:?}") };
        assert!(why.get::<ArgumentError>().is_some(), "{why:?}");
        assert!(name.starts_with('%') || why.to_string().contains(name), "{why}");
        assert!(!why.to_string().contains("nothing was sent"), "{why}");
        assert!(!recorded.record().exists(), "tor was started");
    }
    let error = offline().control(Control::TcpPort).option("ControlPortWriteToFile", "x").start();
    assert!(error.unwrap_err().get::<LaunchError>().is_some());
    offline().option("RunAsDaemon", 0).start().unwrap().stop().unwrap();
}
