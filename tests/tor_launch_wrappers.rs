//! Wrapper scripts that start tor without `exec`. A failed or ended launch must
//! end all processes of the script, and no tor may run without its torrc.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]
#![cfg(target_os = "linux")]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use scape::Launch;
use scape::config::Torrc;
use scape::process::{Control, LaunchError, LaunchProblem, Verify};

#[path = "support/tor.rs"]
mod tor;

use tor::{offline, wait_until};

/// A wrapper script in a separate directory. In the script, `$HERE` stands for
/// that directory.
struct Wrapper {
    directory: tempfile::TempDir,
}

impl Wrapper {
    fn new(script: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("wrapper");
        let text = format!("#!/bin/sh\nHERE='{}'\n{script}\n", directory.path().display());
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o700)).unwrap();
        Wrapper { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("wrapper")
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn launch(&self) -> Launch {
        offline().program(self.path())
    }

    /// Waits until a file that the script writes contains `text`, and returns
    /// the file's text.
    fn written(&self, name: &str, text: &str) -> String {
        let mut contents = String::new();
        wait_until(&format!("{text:?} in {name}"), || {
            contents = fs::read_to_string(self.file(name)).unwrap_or_default();
            contents.contains(text)
        });
        contents
    }

    /// Returns the processes with the script's directory in their environment
    /// or arguments, except for zombies.
    fn processes(&self) -> Vec<String> {
        let ours = self.directory.path().to_str().unwrap();
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let read = |file| fs::read(entry.path().join(file)).unwrap_or_default();
            let text = [read("cmdline"), read("environ")].concat();
            let text = String::from_utf8_lossy(&text).replace('\0', " ");
            if text.contains(ours) {
                found.push(text);
            }
        }
        found
    }

    fn ended(&self) {
        wait_until("the end of every process", || self.processes().is_empty());
    }
}

/// Returns the directory of the torrc, from a text with one argument per line.
fn directory_of_torrc(arguments: &str) -> PathBuf {
    let torrc = arguments.lines().skip_while(|argument| *argument != "-f").nth(1).unwrap();
    Path::new(torrc).parent().unwrap().to_owned()
}

#[test]
fn late_tor_of_a_wrapper_that_does_not_exec_never_starts() {
    let wrapper = Wrapper::new(
        "export HERE; printf '%s\\n' \"$@\" >\"$HERE/arguments\"\n\
         (sleep 10; echo >\"$HERE/late\"; tor \"$@\") &\n\
         wait",
    );
    let error = wrapper.launch().timeout(Duration::from_millis(500)).start().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    wrapper.ended();
    assert!(!wrapper.file("late").exists(), "the script went on");
    let directory = directory_of_torrc(&fs::read_to_string(wrapper.file("arguments")).unwrap());
    assert!(!directory.exists());
}

#[test]
fn tor_whose_torrc_is_gone_refuses_to_start() {
    // Signals to the process group don't reach another session, so this tor
    // starts after the launch has failed.
    let wrapper = Wrapper::new(
        "export HERE; printf '%s\\n' \"$@\" >\"$HERE/arguments\"\n\
         while [ \"$1\" != -f ]; do set -- \"$@\" \"$1\"; shift; done\n\
         export TORRC=\"$2\"\n\
         setsid sh -c 'while [ -e \"${TORRC%/*}\" ]; do sleep 0.1; done\n\
         tor \"$@\" >\"$HERE/log\" 2>&1; echo \"status $?\" >\"$HERE/status\"' sh \"$@\" >/dev/null 2>&1 &\n\
         wait",
    );
    let launch = wrapper.launch().control(Control::UnixSocket).timeout(Duration::from_millis(300));
    assert!(launch.start().unwrap_err().is_timeout());
    let status = wrapper.written("status", "status");
    let log = fs::read_to_string(wrapper.file("log")).unwrap();
    assert_eq!(status, "status 1\n", "{log}");
    assert!(log.contains("Unable to open configuration file"), "{log}");
    wrapper.ended();
}

#[test]
fn launched_tor_reads_no_configuration_of_the_system() {
    let wrapper = Wrapper::new("export HERE; exec tor \"$@\"");
    let tor = wrapper.launch().start().unwrap();
    let controller = tor.controller();
    let torrc = PathBuf::from(controller.get_info("config-file").unwrap());
    let defaults = PathBuf::from(controller.get_info("config-defaults-file").unwrap());
    assert_eq!(torrc.parent(), defaults.parent());
    assert_eq!(fs::read(defaults).unwrap(), b"");
    tor.stop().unwrap();
}

#[test]
fn launched_tor_of_a_wrapper_that_does_not_exec_ends_with_its_handle() {
    for control in [Control::SocketPair, Control::UnixSocket, Control::TcpPort] {
        let wrapper = Wrapper::new("export HERE; tor \"$@\"; echo \"status $?\"");
        let tor = wrapper.launch().control(control).start().unwrap();
        let pid = tor.controller().get_info("process/pid").unwrap();
        assert_ne!(pid, tor.pid().to_string(), "the script is the child");
        tor.stop().unwrap();
        assert!(!Path::new("/proc").join(pid).join("exe").exists(), "tor runs on: {control:?}");
        wrapper.ended();
    }
}

#[test]
fn wrapper_that_leaves_tor_in_the_background_is_a_failed_launch() {
    let wrapper = Wrapper::new("export HERE; tor \"$@\" & exit 0");
    // The script may end before or after tor answers.
    match wrapper.launch().option("Log", "debug stdout").start() {
        Err(error) => {
            let problem = error.get().map(LaunchError::problem);
            let is_well = matches!(problem, Some(LaunchProblem::Exited { code: Some(0), .. }));
            assert!(is_well, "{error}");
        }
        Ok(tor) => assert_eq!(tor.wait(tor::SOON).unwrap().code, Some(0)),
    }
    wrapper.ended();
}

#[test]
fn verify_ends_all_processes_of_a_wrapper() {
    let wrapper = Wrapper::new("export HERE; sleep 600; tor \"$@\"");
    let verify = Verify::new().program(wrapper.path()).timeout(Duration::from_millis(300));
    assert!(verify.run(&Torrc::new()).unwrap_err().is_timeout());
    wrapper.ended();
}
