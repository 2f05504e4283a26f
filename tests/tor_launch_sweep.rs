//! Checks that the next launch removes the temporary directories of a killed
//! program.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    missing_docs
)]
#![cfg(target_os = "linux")]

use std::io::{BufRead, BufReader, Lines};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::{env, fs};

#[path = "support/tor.rs"]
mod tor;

use tor::{exists, offline, wait_until};

/// The environment variable that marks a child process of the test. Such a
/// process must launch a tor and wait.
const PROGRAM: &str = "SCAPE_TEST_SWEEP";

/// Runs this test again in a child process that launches a tor. Waits until tor
/// is running. Returns the child process, and tor's process ID.
fn program(temporary: &Path) -> (Program, u32) {
    let mut child = Command::new(env::current_exe().unwrap())
        .args([
            "directories_of_a_killed_program_are_removed_by_the_next_launch",
            "--exact",
            "--nocapture",
        ])
        .env(PROGRAM, "1")
        .env("TMPDIR", temporary)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut says = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut lines = says.by_ref().map(Result::unwrap);
    let pid = lines.find_map(|line| line.strip_prefix("launched ")?.parse().ok());
    (Program { child, _says: says }, pid.expect("it launches a tor"))
}

/// A child process that has launched a tor.
struct Program {
    child: Child,
    /// The child's output. It is kept open so that the child can write.
    _says: Lines<BufReader<ChildStdout>>,
}

impl Program {
    /// Lets the child process end by itself.
    fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }

    fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

fn directories(temporary: &Path) -> Vec<PathBuf> {
    fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn directories_of_a_killed_program_are_removed_by_the_next_launch() {
    if env::var_os(PROGRAM).is_some() {
        let tor = offline().start().unwrap();
        println!("\nlaunched {}", tor.pid());
        // Waits until standard input ends.
        std::io::stdin().lines().count();
        return;
    }
    let temporary = tempfile::tempdir().unwrap();
    let (killed, its_tor) = program(temporary.path());
    let left = directories(temporary.path());
    assert_eq!(left.len(), 1);

    // While its owner lives, the directory is left alone.
    let (second, _) = program(temporary.path());
    assert!(left[0].join("torrc").exists());
    second.end();
    assert_eq!(directories(temporary.path()), left);

    killed.kill();
    wait_until("the end of the killed program's tor", || !exists(its_tor));
    assert_eq!(directories(temporary.path()), left);
    let (third, _) = program(temporary.path());
    assert!(!left[0].exists(), "{} is left", left[0].display());
    third.end();
    assert!(directories(temporary.path()).is_empty());
}
