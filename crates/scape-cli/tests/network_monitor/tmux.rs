//! The monitor in a terminal of tmux, with tmux's own keys, screen, clipboard
//! and sizes.

use std::path::PathBuf;
use std::process::{Command, Output};
use std::thread;
use std::time::Instant;

use scape::control::AddOnion;
use scape::testing::TestNetwork;
use tempfile::TempDir;

use crate::echo::Echo;
use crate::terminal::{PATIENCE, TICK};

cases! { MONITORED:
    monitor_runs_in_tmux = pages,
}

/// A tmux server of its own, with a shell in its only window.
#[derive(Debug)]
struct Tmux {
    folder: TempDir,
}

impl Tmux {
    /// Starts the server. The window has 120 columns and 40 rows.
    fn start() -> Tmux {
        let tmux = Tmux { folder: tempfile::tempdir().unwrap() };
        tmux.ask(&["new-session", "-d", "-x", "120", "-y", "40", "PS1='ready> ' sh -i"]);
        // The window gets its size from the commands below, and programs may
        // set the clipboard of tmux.
        tmux.ask(&["set-option", "-g", "window-size", "manual"]);
        tmux.ask(&["set-option", "-s", "set-clipboard", "on"]);
        tmux.see("ready>");
        tmux
    }

    fn socket(&self) -> PathBuf {
        self.folder.path().join("tmux")
    }

    fn run(&self, words: &[&str]) -> Output {
        let mut command = Command::new("tmux");
        // tmux must not take this program for one in another tmux.
        command.env_remove("TMUX").env("TERM", "xterm-256color").env_remove("ENV");
        command.arg("-S").arg(self.socket()).args(["-u", "-f", "/dev/null"]);
        command.args(words).output().expect("this test needs tmux")
    }

    /// Runs a command of tmux, which must succeed, and returns its output.
    #[track_caller]
    fn ask(&self, words: &[&str]) -> String {
        let output = self.run(words);
        assert!(output.status.success(), "{words:?}: {output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// Presses keys, which have tmux's names, such as `Enter`.
    fn keys(&self, keys: &[&str]) {
        self.ask(&[&["send-keys"], keys].concat());
    }

    fn screen(&self) -> String {
        self.ask(&["capture-pane", "-p"])
    }

    #[track_caller]
    fn wait(&self, what: &str, condition: impl Fn(&str) -> bool) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let screen = self.screen();
            if condition(&screen) {
                return;
            }
            assert!(Instant::now() < deadline, "no {what} on\n{screen}");
            thread::sleep(TICK);
        }
    }

    /// Waits until the clipboard of tmux contains a text. tmux has no clipboard
    /// before the first text is copied.
    #[track_caller]
    fn wait_buffer(&self, text: &str) {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let output = self.run(&["show-buffer"]);
            if String::from_utf8_lossy(&output.stdout).contains(text) {
                return;
            }
            assert!(Instant::now() < deadline, "no {text:?} in {output:?}");
            thread::sleep(TICK);
        }
    }

    #[track_caller]
    fn see(&self, text: &str) {
        self.wait(text, |screen| screen.contains(text));
    }

    #[track_caller]
    fn lose(&self, text: &str) {
        self.wait(&format!("end of {text}"), |screen| !screen.contains(text));
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        self.run(&["kill-server"]);
    }
}

fn pages(network: &TestNetwork) {
    let tmux = Tmux::start();
    let control = network.control_address().to_string();
    let command = format!("{} monitor --control {control}", env!("CARGO_BIN_EXE_scape"));
    tmux.keys(&[&format!("clear; {command}; echo \"ended with $?\""), "Enter"]);
    tmux.see("1 Overview");
    tmux.see(&format!("control {control}"));

    let echo = Echo::start();
    let mut visit = echo.visit(network);
    let stream = echo.stream(network.client()).unwrap();
    let row = format!("str {} ", stream.id);
    tmux.keys(&["2"]);
    tmux.see(&row);
    visit.exchange(10);
    tmux.keys(&["/", &row, "Enter"]);
    tmux.see(format!("search: {row}").trim_end());
    // The row is the only one, so it is selected.
    tmux.keys(&["y"]);
    tmux.see("copied to the clipboard");
    tmux.wait_buffer(&echo.target());
    tmux.keys(&["Enter"]);
    tmux.see("Source       127.0.0.1:");
    tmux.keys(&["Escape"]);
    tmux.lose("Source       127.0.0.1:");
    for (columns, rows) in [("80", "24"), ("200", "60"), ("120", "40")] {
        tmux.ask(&["resize-window", "-x", columns, "-y", rows]);
        let last = rows.parse::<usize>().unwrap() - 1;
        tmux.wait("page of the new size", |screen| {
            screen.starts_with("1 Overview")
                && screen.contains(&row)
                && screen.lines().nth(last).is_some_and(|line| !line.is_empty())
        });
    }
    drop(visit);
    tmux.lose(&row);

    let service = AddOnion::new().port(80, echo.address()).detach();
    let address = network.client().add_onion(&service).unwrap().address;
    tmux.keys(&["5"]);
    tmux.see(" uploaded ");
    network.client().del_onion(&address).unwrap();
    // Uploads that end later are shown for a while.
    tmux.lose(" detached ");

    tmux.keys(&["7"]);
    tmux.ask(&["set-buffer", "GETINFO version\nGETINFO nonsense\n"]);
    tmux.ask(&["paste-buffer", "-p"]);
    // Each Enter sends a line of the paste.
    tmux.see("> GETINFO version");
    tmux.keys(&["Enter"]);
    tmux.see("> GETINFO nonsense");
    tmux.keys(&["Enter"]);
    tmux.see("552 Unrecognized key \"nonsense\"");

    tmux.keys(&["C-c"]);
    tmux.see("ended with 0");
    tmux.lose("1 Overview");
    let modes = tmux.ask(&["display-message", "-p", "#{alternate_on} #{cursor_flag}"]);
    assert_eq!(modes.trim(), "0 1");
    tmux.keys(&["echo $((6 * 7))", "Enter"]);
    tmux.wait("answer of the shell", |screen| screen.lines().any(|line| line == "42"));
}
