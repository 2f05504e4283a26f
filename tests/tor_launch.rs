//! Launching a tor: its control connection, its options, and its files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use scape::Connect;
use scape::connection::CloseCause;
use scape::control::Signal;
use scape::process::{Control, LaunchError, LaunchProblem, TorProcess, WaitFor};

#[path = "support/tor.rs"]
mod tor;

use tor::{
    SOON, exists, fails_at_end, offline, offline_without_socks_port, stop_ended, wait_until,
};

/// Returns the temporary directory of a launched tor, which contains its files.
fn private_directory(tor: &TorProcess) -> PathBuf {
    PathBuf::from(tor.controller().get_info("config-file").unwrap()).parent().unwrap().to_owned()
}

#[test]
fn launched_tor_answers_ends_and_leaves_nothing_behind() {
    let tor = offline().start().unwrap();
    assert!(tor.is_running() && tor.try_wait().is_none());
    let controller = tor.controller().clone();
    assert_eq!(controller.get_info("process/pid").unwrap(), tor.pid().to_string());
    assert!(tor.log_tail().iter().any(|line| line.contains("[notice]")), "{:?}", tor.log_tail());
    let directory = private_directory(&tor);
    assert!(tor.data_directory().starts_with(&directory) && tor.data_directory().is_dir());
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(directory.clone()), mode(directory.join("torrc"))), (0o700, 0o600));

    let pid = tor.pid();
    tor.stop().unwrap();
    assert!(!exists(pid) && !directory.exists());
    assert!(controller.wait_closed(SOON).is_ok());
    assert!(controller.get_info("version").unwrap_err().is_closed());
}

#[test]
fn launched_tor_is_owned_over_every_kind_of_control_connection() {
    for control in [Control::SocketPair, Control::UnixSocket, Control::TcpPort] {
        let tor = offline().control(control).start().unwrap_or_else(|e| panic!("{control:?}: {e}"));
        let controller = tor.controller();
        assert!(controller.is_alive());
        assert_eq!(controller.timeout(), Duration::from_secs(30), "as with Connect");
        assert_eq!(controller.get_conf("__OwningControllerProcess").unwrap(), None, "{control:?}");
        assert_eq!(tor.control_address().is_some(), control != Control::SocketPair);
        if let Some(address) = tor.control_address() {
            let other = Connect::to(address).unwrap().connect().unwrap();
            assert!(other.is_alive());
            other.close().unwrap();
            assert!(controller.is_alive(), "the other connection owns nothing");
        }
        // An owned tor ends with our connection, without a command.
        controller.clone().close().unwrap();
        stop_ended(tor);
    }
}

#[test]
fn launch_options_arrive_unchanged() {
    let values = [
        "plain text",
        "a # b",
        "#",
        "\"quoted\" and not",
        "\"",
        r"back\slash \n \x41",
        "ends with a backslash\\",
        " spaces around\t",
        "tab\tinside",
        "ünïcödé ✓",
        "'single'",
        "unix:\"/a b/c#d\"",
        "\\",
        "a\u{1}b\u{7f}",
    ];
    for value in values {
        let tor = offline()
            .option("ContactInfo", value)
            .start()
            .unwrap_or_else(|e| panic!("{value:?}: {e}"));
        let arrived = tor.controller().get_conf("ContactInfo").unwrap();
        assert_eq!(arrived.as_deref(), Some(value));
    }
}

#[test]
fn launch_options_keep_their_order() {
    let directory = tempfile::tempdir().unwrap();
    let (one, two) = (directory.path().join("one"), directory.path().join("two"));
    let tor = offline()
        .option("HiddenServiceDir", one.as_path())
        .options([
            ("HiddenServicePort", "80 127.0.0.1:8080"),
            ("HiddenServicePort", "81 127.0.0.1:8081"),
        ])
        .option("HiddenServiceDir", two.as_path())
        .option("HiddenServicePort", 82)
        .start()
        .unwrap();
    let lines = tor.controller().get_conf_lines(["HiddenServiceOptions"]).unwrap();
    let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            format!("HiddenServiceDir {}", one.display()),
            "HiddenServicePort 80 127.0.0.1:8080".into(),
            "HiddenServicePort 81 127.0.0.1:8081".into(),
            format!("HiddenServiceDir {}", two.display()),
            "HiddenServicePort 82".into(),
        ]
    );
}

#[test]
fn reload_and_saveconf_change_only_the_launched_tors_torrc() {
    let system = ["/etc/tor/torrc", "/usr/local/etc/tor/torrc"].map(|path| fs::read(path).ok());
    for control in [Control::SocketPair, Control::UnixSocket, Control::TcpPort] {
        let tor = offline().control(control).option("__DisableSignalHandlers", 0).start().unwrap();
        let controller = tor.controller();
        controller.set_conf([("ContactInfo", "saved # really")]).unwrap();
        controller.save_conf().unwrap();
        let torrc = private_directory(&tor).join("torrc");
        assert!(fs::read_to_string(&torrc).unwrap().contains("saved # really"));
        for _ in 0..2 {
            controller.signal(Signal::Reload).unwrap();
            assert_eq!(controller.get_conf("ContactInfo").unwrap().unwrap(), "saved # really");
        }
        assert_eq!(PathBuf::from(controller.get_info("config-file").unwrap()), torrc);
        assert!(tor.is_running(), "{:?}: {:?}", control, tor.log_tail());
        tor.stop().unwrap();
    }
    assert_eq!(
        system,
        ["/etc/tor/torrc", "/usr/local/etc/tor/torrc"].map(|path| fs::read(path).ok())
    );
}

#[test]
fn data_directory_of_the_user_is_kept() {
    let directory = tempfile::tempdir().unwrap();
    let data = directory.path().join("not there # \"yet\"").join("tor");
    let tor = offline().data_directory(&data).start().unwrap();
    assert_eq!(tor.data_directory(), data);
    assert_eq!(
        tor.controller().get_conf("DataDirectory").unwrap().unwrap(),
        data.to_str().unwrap()
    );
    let private = private_directory(&tor);
    tor.stop().unwrap();
    assert!(data.join("lock").exists() && data.join("state").exists() && !private.exists());
    assert_eq!(fs::metadata(&data).unwrap().permissions().mode() & 0o777, 0o700);
    offline().data_directory(&data).start().unwrap().stop().unwrap();
}

#[test]
fn panic_ends_the_launched_tor() {
    let seen = Arc::new(parking_lot::Mutex::new(None));
    let theirs = Arc::clone(&seen);
    let result = panic::catch_unwind(AssertUnwindSafe(move || {
        let tor = offline().start().unwrap();
        *theirs.lock() = Some((tor.pid(), private_directory(&tor)));
        panic::resume_unwind(Box::new("on purpose"));
    }));
    assert!(result.is_err());
    let (pid, directory) = seen.lock().take().unwrap();
    assert!(!exists(pid) && !directory.exists());
}

#[test]
fn panic_in_the_progress_callback_ends_the_launched_tor() {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let launch = offline()
        .wait_for(WaitFor::DONE)
        .on_log(move |line| sender.send(line.to_owned()).unwrap())
        .on_progress(|_| panic::resume_unwind(Box::new("on purpose")));
    assert!(panic::catch_unwind(AssertUnwindSafe(|| launch.start())).is_err());
    // The log callback is dropped when the pipe has ended, which is when tor
    // has ended.
    wait_until("the end of the log", || {
        matches!(receiver.try_recv(), Err(crossbeam_channel::TryRecvError::Disconnected))
    });
}

#[test]
fn launched_tor_that_ends_by_itself_is_reaped() {
    let tor = offline().start().unwrap();
    let (pid, directory) = (tor.pid(), private_directory(&tor));
    tor.controller().signal(Signal::Shutdown).unwrap();
    wait_until("the process is gone, and no zombie", || !exists(pid));
    assert!(!tor.is_running());
    stop_ended(tor);
    assert!(!directory.exists());
}

#[test]
fn stop_reports_a_crash_of_tor() {
    let tor = offline().start().unwrap();
    std::process::Command::new("kill").args(["-9", &tor.pid().to_string()]).status().unwrap();
    assert_eq!(tor.wait(SOON).unwrap().signal, Some(9));
    let directory = tor.data_directory().parent().unwrap().to_owned();
    let error = tor.stop().unwrap_err();
    assert!(
        error.to_string().starts_with("tor was killed by signal 9; last log lines:"),
        "{error}"
    );
    assert!(!directory.exists());
}

#[test]
fn crash_of_tor_ends_the_connection_with_signal_and_log() {
    for control in [Control::SocketPair, Control::UnixSocket, Control::TcpPort] {
        let tor = offline().control(control).start().unwrap();
        let controller = tor.controller().clone();
        let waiting = thread::spawn(move || controller.wait_closed(SOON).unwrap());
        std::process::Command::new("kill").args(["-9", &tor.pid().to_string()]).status().unwrap();
        let closed = waiting.join().unwrap();
        let CloseCause::Exited(error) = closed.cause() else { panic!("{control:?}: {closed}") };
        let error: &LaunchError = error.get().unwrap();
        assert!(
            matches!(error.problem(), LaunchProblem::Exited { code: None, signal: Some(9) }),
            "{error}"
        );
        assert!(error.log().iter().any(|line| line.contains("[notice]")), "{error}");
        let error = tor.controller().get_info("version").unwrap_err();
        assert!(error.is_closed(), "{error}");
        let text = error.to_string();
        assert!(text.contains("tor was killed by signal 9; last log lines:\n"), "{text}");
        drop(tor);
    }
}

#[test]
fn requested_end_of_tor_is_reported_with_its_status() {
    let tor = offline().start().unwrap();
    tor.controller().signal(Signal::Shutdown).unwrap();
    let closed = tor.controller().wait_closed(SOON).unwrap();
    let CloseCause::Exited(error) = closed.cause() else { panic!("{closed}") };
    let Some(ended) = error.get::<LaunchError>() else { panic!("{error}") };
    match ended.problem() {
        LaunchProblem::Exited { code: Some(0), .. } => {
            let expected = "the control connection is closed: tor ended with status 0";
            assert_eq!(closed.to_string(), expected);
        }
        LaunchProblem::Exited { signal, .. } => {
            assert!(fails_at_end(*signal, &ended.log().join("\n")), "{error}");
        }
        _ => panic!("{error}"),
    }
}

#[test]
fn fault_of_tor_at_its_end_differs_from_a_crash() {
    // The lines are those of a tor that aborted.
    let ending = "[notice] Catching signal TERM, exiting cleanly.";
    let fault = "INTERNAL ERROR: Raw assertion failed in Tor 0.4.9.8 at \
                 ../src/lib/lock/compat_mutex_pthreads.c:78: 0\nError locking a mutex.";
    assert!(fails_at_end(Some(6), &format!("{ending}\n{fault}\n")));
    assert!(!fails_at_end(Some(6), fault), "tor wasn't ending");
    assert!(!fails_at_end(Some(6), &format!("{fault}\n{ending}")));
    assert!(!fails_at_end(Some(6), ending), "another abort");
    assert!(!fails_at_end(Some(11), &format!("{ending}\n{fault}")));
    assert!(!fails_at_end(None, &format!("{ending}\n{fault}")), "a code other than 0");
}

#[test]
fn wait_for_a_running_tor_ends_in_time() {
    let tor = offline().start().unwrap();
    let error = tor.wait(Duration::from_millis(20)).unwrap_err();
    assert!(error.is_timeout() && tor.is_running(), "{error}");
}

#[test]
fn launch_without_a_network_does_not_wait_for_the_bootstrap() {
    let begun = Instant::now();
    let tor = offline().start().unwrap();
    assert!(begun.elapsed() < SOON);
    let phase = tor.controller().get_info("status/bootstrap-phase").unwrap();
    assert!(phase.contains("PROGRESS=0"), "{phase}");
}

#[test]
fn launch_progress_starts_with_the_current_phase() {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let _tor = offline()
        .wait_for(WaitFor::Bootstrap(0))
        .on_progress(move |step| sender.send((step.percent, step.tag.clone())).unwrap())
        .start()
        .unwrap();
    assert_eq!(receiver.iter().collect::<Vec<_>>(), [(0, "starting".to_owned())]);
}

#[test]
fn single_onion_services_can_be_launched() {
    let directory = tempfile::tempdir().unwrap();
    let tor = offline_without_socks_port()
        .options([("HiddenServiceNonAnonymousMode", 1), ("HiddenServiceSingleHopMode", 1)])
        .option("HiddenServiceDir", directory.path().join("service"))
        .option("HiddenServicePort", 80)
        .start()
        .unwrap();
    assert_eq!(tor.controller().get_conf("SocksPort").unwrap().unwrap(), "0");
}

#[test]
fn launched_tor_uses_a_free_socks_port() {
    let tor = offline_without_socks_port().start().unwrap();
    assert_eq!(tor.controller().get_conf("SocksPort").unwrap().unwrap(), "auto ExtendedErrors");
}

#[test]
fn launched_tor_starts_without_a_log_and_beside_another() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let log = format!("notice file {}", file.path().display());
    let one = offline().option("Log", &log).start().unwrap();
    let two =
        offline().option("Log", "err stdout").option("__DisableSignalHandlers", 1).start().unwrap();
    assert!(fs::read_to_string(file.path()).unwrap().contains("[notice]"));
    assert_eq!(one.controller().get_conf("Log").unwrap().unwrap(), log);
    one.stop().unwrap();
    two.stop().unwrap();
}

#[test]
fn log_callback_gets_every_line() {
    let (sender, receiver) = crossbeam_channel::unbounded();
    let tor = offline()
        .option("Log", "debug stdout")
        .log_lines(5)
        .on_log(move |line| sender.send(line.to_owned()).unwrap())
        .start()
        .unwrap();
    assert_eq!(tor.log_tail().len(), 5);
    tor.stop().unwrap();
    // The iterator ends, because the callback is dropped when tor has ended.
    let lines: Vec<String> = receiver.iter().collect();
    assert!(
        lines.len() > 100 && lines.iter().any(|l| l.contains("Catching signal TERM")),
        "{}",
        lines.len()
    );
}

#[test]
fn many_tors_are_launched_at_once_and_in_a_row() {
    thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| {
                scope.spawn(|| {
                    for round in 0..13 {
                        let tor =
                            offline().start().unwrap_or_else(|e| panic!("round {round}: {e}"));
                        assert_eq!(
                            tor.controller().get_info("process/pid").unwrap(),
                            tor.pid().to_string()
                        );
                        let pid = tor.pid();
                        if round % 2 == 0 {
                            tor.stop().unwrap();
                        } else {
                            drop(tor);
                        }
                        assert!(!exists(pid));
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
    });
}
