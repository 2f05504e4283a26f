//! Tests that Ctrl-Z in a shell stops `scape`, and that the shell can continue
//! it.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::real_tor::RealTor;
use crate::run::send_signal;
use crate::terminal::{Monitor, PATIENCE, TICK};

/// Returns the process id of the only program that the shell is running.
fn program_of(shell: &Monitor) -> u32 {
    let shell = shell.child.id();
    let children = fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).unwrap();
    children.trim().parse().unwrap()
}

/// Waits until all threads of a process are stopped.
fn wait_stopped(pid: u32) {
    let deadline = Instant::now() + PATIENCE;
    // A thread may end between the two looks. Then it counts as running, and is
    // looked at again.
    let state = |thread: fs::DirEntry| {
        let text = fs::read_to_string(thread.path().join("stat")).ok()?;
        text.rsplit_once(") ")?.1.chars().next()
    };
    loop {
        let threads = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
        let states: String = threads.flatten().map(|thread| state(thread).unwrap_or('?')).collect();
        if states.chars().all(|state| state == 'T') {
            return;
        }
        assert!(Instant::now() < deadline, "the threads aren't stopped: {states}");
        thread::sleep(TICK);
    }
}

#[test]
fn monitor_is_stopped_and_continued_by_a_shell() {
    let tor = RealTor::start("");
    let state = tempfile::tempdir().unwrap();
    let mut shell = Monitor::shell(24, 80, state.path());
    let scape = env!("CARGO_BIN_EXE_scape");
    shell.press(&format!("'{scape}' monitor --mouse --control {}\r", tor.port()));
    shell.see("1 Overview");
    assert!(shell.screen.screen().alternate_screen() && !shell.is_cooked());
    let pid = program_of(&shell);
    shell.press("\x1a");
    shell.see("Stopped");
    wait_stopped(pid);
    shell.check_restored();
    let mouse = shell.screen.screen().mouse_protocol_mode();
    assert_eq!(mouse, vt100::MouseProtocolMode::None);

    // A program in the background isn't told about a new size, so it must ask
    // for the size when it continues.
    shell.resize(30, 100);
    shell.press("fg\r");
    shell.wait("larger page", |screen| {
        let last = screen.contents().lines().nth(29).map(str::to_owned);
        screen.alternate_screen() && last.is_some_and(|line| line.contains("q quit"))
    });
    shell.see("1 Overview");
    assert!(!shell.is_cooked());
    shell.press("2");
    shell.see("0 circuits, 0 streams, 0 OR connections");

    // In the background, the program writes nothing.
    shell.press("\x1a");
    shell.wait("main screen", |screen| !screen.alternate_screen());
    wait_stopped(pid);
    shell.press("bg; echo back$((1 + 1))\r");
    shell.see("back2");
    wait_stopped(pid);
    shell.press("echo still$((1 + 1))\r");
    shell.see("still2");
    assert!(!shell.screen.screen().alternate_screen() && shell.is_cooked());
    shell.press("fg\r");
    shell.see("0 circuits, 0 streams, 0 OR connections");

    // The monitor can't restore the terminal before SIGSTOP, but draws
    // everything again. In raw mode, only this byte ends the line.
    send_signal(pid, Signal::STOP);
    shell.see("Stopped");
    wait_stopped(pid);
    shell.press("fg\n");
    shell.lose("Stopped");
    shell.see("0 circuits, 0 streams, 0 OR connections");
    shell.press("q");
    shell.wait("the shell", |screen| {
        !screen.alternate_screen() && screen.contents().trim_end().ends_with("ready>")
    });
    shell.press("exit\r");
    assert_eq!(shell.end().code(), Some(0));
    shell.check_restored();
}

#[test]
fn prompt_is_stopped_and_continued_by_a_shell() {
    let tor = RealTor::start("");
    let state = tempfile::tempdir().unwrap();
    let mut shell = Monitor::shell(24, 80, state.path());
    let scape = env!("CARGO_BIN_EXE_scape");
    shell.press(&format!("'{scape}' prompt --control {}\r", tor.port()));
    shell.see("tor> ");
    shell.press("GETINFO ver");
    shell.see("tor> GETINFO ver");
    let pid = program_of(&shell);
    shell.press("\x1a");
    shell.see("Stopped");
    wait_stopped(pid);
    shell.check_restored();
    shell.press("fg\r");
    // The line that was typed before is still there.
    shell.wait("the line again", |screen| {
        screen.contents().matches("tor> GETINFO ver").count() == 2
    });
    shell.press("sion\r");
    shell.see("250-version=");
    shell.press("/quit\r");
    shell.wait("the shell", |screen| screen.contents().trim_end().ends_with("ready>"));
    shell.press("exit\r");
    assert_eq!(shell.end().code(), Some(0));
}

#[test]
fn watched_table_is_stopped_and_continued_by_a_shell() {
    let tor = RealTor::start("");
    let state = tempfile::tempdir().unwrap();
    let mut shell = Monitor::shell(24, 80, state.path());
    let scape = env!("CARGO_BIN_EXE_scape");
    let table = "0 circuits";
    shell.press(&format!("'{scape}' circuits --watch --control {}\r", tor.port()));
    shell.see(table);
    assert!(shell.screen.screen().alternate_screen());
    let pid = program_of(&shell);
    shell.press("\x1a");
    shell.see("Stopped");
    wait_stopped(pid);
    shell.check_restored();

    // In the background, the program runs, but writes nothing. It writes the
    // next table after a second.
    shell.press("bg; echo back$((1 + 1))\r");
    shell.see("back2");
    shell.read_until(Instant::now() + Duration::from_secs(2));
    shell.check_restored();
    shell.press("fg\r");
    shell.wait("table", |screen| screen.alternate_screen() && screen.contents().contains(table));

    // The shell is on the main screen again, and its text is still there.
    shell.press("\x1a");
    shell.see("back2");
    wait_stopped(pid);
    shell.check_restored();
    shell.press("fg\r");
    shell.wait("table", |screen| screen.alternate_screen() && screen.contents().contains(table));
    shell.press("\x03");
    shell.wait("the shell", |screen| {
        !screen.alternate_screen() && screen.contents().trim_end().ends_with("ready>")
    });
    shell.check_restored();
    shell.press("exit\r");
    assert_eq!(shell.end().code(), Some(130));
}

#[test]
fn watched_table_goes_on_after_ctrl_z_if_no_shell_could_continue_it() {
    let tor = RealTor::start("");
    let scape = env!("CARGO_BIN_EXE_scape");
    let command = format!("'{scape}' circuits --watch --control {}", tor.port());
    // The second line leaves a shell that is in the same process group.
    for line in [format!("exec {command}"), format!("trap : INT; {command}; exit $?")] {
        let mut terminal = Monitor::script(&line, 24, 80);
        terminal.see("0 circuits");
        terminal.press("\x1a");
        // The table leaves the alternate screen and comes back.
        terminal.wait_written("\x1b[?1049l", 1);
        terminal.wait_written("\x1b[?1049h", 2);
        terminal.see("0 circuits");
        terminal.press("\x03");
        assert_eq!(terminal.end().code(), Some(130), "{line}");
        terminal.check_restored();
    }
}

#[test]
fn watched_table_is_shown_in_the_background_of_a_script() {
    let tor = RealTor::start("");
    let scape = env!("CARGO_BIN_EXE_scape");
    // `timeout` puts itself into a process group of its own.
    let line = format!("timeout 600 '{scape}' circuits --watch --control {}; exit 7", tor.port());
    let mut terminal = Monitor::script(&line, 5, 20);
    // The title is cut at the width of the terminal, so it has one line.
    terminal.wait("title with one line", |screen| {
        let text = screen.contents();
        let mut lines = text.lines();
        let title = lines.next().is_some_and(|line| line.starts_with("20") && line.ends_with('Z'));
        title && lines.next().is_some_and(|line| line.starts_with("ID"))
    });
    send_signal(program_of(&terminal), Signal::TERM);
    assert_eq!(terminal.end().code(), Some(7));
    terminal.check_restored();
}
