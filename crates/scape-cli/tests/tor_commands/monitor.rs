//! `scape monitor` on a pseudo-terminal, with a real tor.

use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use rustix::pty::ptsname;
use rustix::termios::{Action, tcflow};
use scape::control::{AddOnion, Signal as ControlSignal};

use crate::real_tor::RealTor;
use crate::run::{Scape, send_signal};
use crate::terminal::{Monitor, PATIENCE, TICK};

impl Monitor {
    /// Starts a monitor for this tor.
    fn start(tor: &RealTor, arguments: &[&str]) -> Monitor {
        Monitor::open(tor.port(), 24, 80, arguments)
    }
}

#[test]
fn monitor_shows_pages_and_quits() {
    let tor = RealTor::start("Nickname somebody\n");
    let version = tor.controller().version().unwrap().to_string();
    let mut monitor = Monitor::start(&tor, &[]);
    monitor.see(&version);
    monitor.see("1 Overview");
    monitor.see(&format!("control {}", tor.port()));
    assert!(monitor.screen.screen().alternate_screen() && !monitor.is_cooked());
    // The page fits a new size of the terminal.
    monitor.resize(40, 120);
    monitor.wait("wide screen", |screen| {
        screen.contents().lines().nth(38).is_none_or(str::is_empty)
            && screen.contents().lines().nth(39).is_some_and(|line| line.contains("q quit"))
    });
    monitor.press("2");
    monitor.see("0 circuits, 0 streams, 0 OR connections");
    monitor.press("\t");
    monitor.see("Opened Control listener connection");
    // The log is searched with a regular expression.
    monitor.press("/^.*Opened +C.*\r");
    monitor.see("matching ^.*Opened +C.*");
    monitor.press("5");
    monitor.see("tor has no onion services");
    monitor.press("6");
    monitor.see("0 of 0 relays");
    monitor.press("?");
    monitor.see("draw the screen again");
    monitor.press("\x1b");
    monitor
        .wait("page without help", |screen| !screen.contents().contains("draw the screen again"));
    monitor.press("q");
    assert_eq!(monitor.end().code(), Some(0));
    monitor.check_restored();
}

#[test]
fn monitor_changes_options_and_sends_commands() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let mut monitor = Monitor::start(&tor, &["--page", "configuration", "--color", "never"]);
    monitor.see("OPTION");
    monitor.press("/^");
    monitor.press("\x7fMaxCircuitDirt\r");
    monitor.see("MaxCircuitDirtiness");
    monitor.see("1 option ");
    monitor.press("e");
    monitor.see("MaxCircuitDirtiness (");
    monitor.press("\x15nonsense\r");
    monitor.see("cannot be \"nonsense\"");
    monitor.press("d");
    monitor.see("no changes");
    monitor.press("\x1b");
    monitor.wait("no diff", |screen| !screen.contents().contains("no changes"));
    monitor.press("e\x15");
    monitor.press("777\r");
    monitor.see("1 change isn't applied");
    assert_eq!(controller.get_conf("MaxCircuitDirtiness").unwrap().as_deref(), Some("600"));
    monitor.press("d");
    monitor.see("+ MaxCircuitDirtiness 777");
    monitor.press("\x1b");
    monitor.wait("no diff", |screen| !screen.contents().contains("+ MaxCircuitDirtiness 777"));
    monitor.press("A");
    monitor.see("Apply 1 change?");
    monitor.press("y");
    monitor.see("tor has accepted the changes");
    assert_eq!(controller.get_conf("MaxCircuitDirtiness").unwrap().as_deref(), Some("777"));
    monitor.press("7");
    monitor.see("Type a command for tor");
    monitor.press("GETINFO dormant\r");
    monitor.see("250-dormant=0");
    monitor.press("\x1b[A");
    monitor.wait("the line again", |screen| {
        screen.contents().matches("> GETINFO dormant").count() == 2
    });
    let colored = |monitor: &Monitor| {
        let cells = (0..24).flat_map(|row| (0..80).map(move |column| (row, column)));
        let mut cells = cells.filter_map(|(row, column)| monitor.screen.screen().cell(row, column));
        cells.any(|cell| cell.fgcolor() != vt100::Color::Default)
    };
    assert!(!colored(&monitor));
    // Letters are text on this page, so Ctrl-C ends the monitor.
    monitor.press("\x03");
    assert_eq!(monitor.end().code(), Some(0));
    let mut monitor = Monitor::start(&tor, &[]);
    monitor.see("1 Overview");
    assert!(colored(&monitor));
}

#[test]
fn monitor_shows_onion_services_and_writes_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("services");
    let tor = RealTor::start("");
    let controller = tor.controller();
    let service = AddOnion::new().local_port(80).detach();
    let added = controller.add_onion(&service).unwrap().address.to_string();
    let mut monitor = Monitor::start(&tor, &["--page", "onions"]);
    monitor.see("1 onion service");
    monitor.see(" detached ");
    monitor.see(added.get(..16).unwrap());
    monitor.press("w\x15");
    monitor.press(&format!("{}\r", path.display()));
    monitor.see("services is written");
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(&added), "{text}");
    monitor.press("n");
    // This tor has no client port, so it doesn't change the identity.
    monitor.see("asking tor for a new identity");
    monitor.press("y");
    monitor.see("copied to the clipboard");
    monitor.press("q");
    assert_eq!(monitor.end().code(), Some(0));
    let copied = monitor.clipboard().unwrap();
    assert_eq!(copied.trim_end_matches(".onion"), added.trim_end_matches(".onion"));
}

#[test]
fn monitor_goes_on_after_a_restart_of_tor() {
    let mut tor = RealTor::start("");
    let mut monitor = Monitor::start(&tor, &["--page", "log"]);
    monitor.see("Opened Control listener connection");
    tor.kill();
    monitor.see("connection lost, reconnecting");
    // tor opens another port, so the old one must be configured.
    let port = tor.port();
    let torrc = tor.torrc().replace("ControlPort auto", &format!("ControlPort {port}"));
    std::fs::write(tor.folder().join("torrc"), torrc).unwrap();
    tor.restart();
    monitor.see("connected to tor again");
    monitor.wait("no loss", |screen| !screen.contents().contains("reconnecting"));
    let deadline = Instant::now() + PATIENCE;
    let controller = loop {
        match tor.over_tcp().connect() {
            Ok(controller) => break controller,
            Err(error) => assert!(Instant::now() < deadline, "no connection: {error}"),
        }
        thread::sleep(TICK);
    };
    let pid = controller.info().process().unwrap().pid;
    monitor.press("1");
    monitor.see(&format!("process {pid}"));
    monitor.press("q");
    assert_eq!(monitor.end().code(), Some(0));
}

#[test]
fn terminal_is_restored_after_sigterm() {
    let tor = RealTor::start("");
    let mut monitor = Monitor::start(&tor, &["--mouse"]);
    monitor.see("1 Overview");
    assert!(monitor.screen.screen().alternate_screen() && !monitor.is_cooked());
    // The mouse opens the second tab.
    monitor.press("\x1b[<0;15;1M\x1b[<0;15;1m");
    monitor.see("OR connections");
    send_signal(monitor.child.id(), Signal::TERM);
    assert_eq!(monitor.end().code(), Some(130));
    monitor.check_restored();
    let mouse = monitor.screen.screen().mouse_protocol_mode();
    assert_eq!(mouse, vt100::MouseProtocolMode::None);
}

#[test]
fn graphs_are_saved_after_sigterm() {
    let tor = RealTor::start("");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("graphs");
    for signal in [Signal::TERM, Signal::HUP] {
        let mut monitor = Monitor::start(&tor, &["--graphs", path.to_str().unwrap()]);
        monitor.see("1 Overview");
        send_signal(monitor.child.id(), signal);
        assert_eq!(monitor.end().code(), Some(130));
        monitor.check_restored();
        // No temporary file is left.
        let files = std::fs::read_dir(folder.path()).unwrap();
        let files: Vec<_> = files.map(|file| file.unwrap().file_name()).collect();
        assert_eq!(files, ["graphs"]);
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn empty_value_clears_excluded_relays_of_the_defaults_file() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let excluded = || controller.get_conf("ExcludeNodes").unwrap().unwrap_or_default();
    std::fs::write(tor.folder().join("torrc-defaults"), "ExcludeNodes {de}\n").unwrap();
    controller.signal(ControlSignal::Reload).unwrap();
    let deadline = Instant::now() + PATIENCE;
    while excluded() != "{de}" {
        assert!(Instant::now() < deadline, "{}", tor.log());
        thread::sleep(TICK);
    }
    controller.set_conf([("ExcludeNodes", "")]).unwrap();
    assert_eq!(excluded(), "");
}

#[test]
fn monitor_ends_although_the_terminal_is_stopped() {
    let tor = RealTor::start("");
    let mut monitor = Monitor::start(&tor, &[]);
    monitor.see("1 Overview");
    let name = ptsname(&*monitor.terminal, Vec::new()).unwrap();
    // Ctrl-S stops the output in the same way.
    let slave = rustix::fs::open(name.as_c_str(), OFlags::RDWR | OFlags::NOCTTY, Mode::empty());
    let slave = slave.unwrap();
    tcflow(&slave, Action::OOff).unwrap();
    monitor.press("2");
    thread::sleep(Duration::from_millis(500));
    send_signal(monitor.child.id(), Signal::TERM);
    let begun = Instant::now();
    drop(slave);
    assert_eq!(monitor.end().code(), Some(130));
    assert!(begun.elapsed() < Duration::from_secs(15), "{:?}", begun.elapsed());
    assert!(monitor.is_cooked());
}

#[test]
fn monitor_without_a_terminal_is_explained() {
    let tor = RealTor::start("");
    let done = Scape::new(["monitor"]).control(tor.port()).run().expect(2);
    assert!(done.error.contains("needs a terminal"), "{done:?}");
    // The terminal is checked before tor is looked for.
    let done = Scape::new(["monitor"]).control("127.0.0.1:1").run().expect(2);
    assert!(done.error.contains("needs a terminal"), "{done:?}");
    let done = Scape::new(["monitor", "--json"]).control(tor.port()).run().expect(2);
    assert!(done.error.contains("scape status --json"), "{done:?}");
}
