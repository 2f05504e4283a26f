use std::fs;
use std::io::Read as _;
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::real_tor::RealTor;
use crate::run::{Done, Lines, Scape, send_signal};

fn log(tor: &RealTor) -> Scape {
    Scape::new(["log"]).control(tor.socket().display())
}

#[test]
fn older_messages_are_read_from_the_log_file() {
    let tor = RealTor::start("");
    let text = log(&tor).ok();
    let file = tor.log();
    let last = file.lines().last().unwrap().split_once("[notice] ").unwrap().1;
    assert!(text.lines().last().unwrap().ends_with(&format!(" [notice] {last}")), "{text}");
    assert_eq!(log(&tor).arg("--lines").arg("2").ok().lines().count(), 2);
    assert_eq!(log(&tor).arg("--severity").arg("err").ok(), "");
    let values = log(&tor).json();
    let value = values.last().unwrap();
    assert_eq!((&value["severity"], &value["message"]), (&"NOTICE".into(), &last.into()));
    let time = humantime::parse_rfc3339(value["time"].as_str().unwrap()).unwrap();
    assert!(time.elapsed().unwrap() < Duration::from_secs(600), "{value}");
    let recent = log(&tor).arg("--since").arg("10min").ok();
    // Each command opens a connection, which tor logs. So count tor's lines
    // after the command.
    let all = tor.log().lines().count();
    assert_eq!(recent.lines().count(), all, "{recent}");
    assert_eq!(log(&tor).arg("--since").arg("2099-01-01 00:00").ok(), "");
    log(&tor).arg("--severity").arg("loud").run().expect(2);
}

#[test]
fn missing_log_file_is_explained() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    controller.set_conf([("Log", "notice stdout")]).unwrap();
    let done = log(&tor).run().expect(1);
    assert!(
        done.error.contains("tor has no log file: print new messages with --follow"),
        "{done:?}"
    );
    let file = tor.folder().join("other");
    controller.set_conf([("Log", format!("notice file {}", file.display()))]).unwrap();
    fs::remove_file(&file).unwrap();
    let done = log(&tor).run().expect(1);
    let expected = format!("cannot read tor's log file {}", file.display());
    assert!(done.error.contains(&expected), "{done:?}");
    // With --follow, the command goes on, and says that something is missing.
    for option in ["--json", "--color=never"] {
        let mut child = log(&tor).arg("--follow").arg(option).start();
        let line = Lines::of(child.stderr.take().unwrap()).next();
        assert!(line.starts_with(&format!("older messages are missing: {expected}")), "{line}");
        send_signal(child.id(), Signal::INT);
        Done::of(child, &option).expect(130);
    }
}

#[test]
fn new_messages_follow_the_older_ones() {
    let mut tor = RealTor::start("");
    let mut child = log(&tor).arg("--follow").arg("--lines").arg("3").start();
    let lines = Lines::of(child.stdout.take().unwrap());
    for _ in 0..3 {
        lines.next();
    }
    let opened = "[notice] New control connection opened.";
    // The command's own connection isn't printed twice.
    assert!(lines.within(Duration::from_secs(2)).is_none());
    drop(tor.controller());
    let line = lines.next();
    assert!(line.ends_with(opened), "{line}");
    tor.kill();
    tor.restart();
    // The messages of the start come before the connection, and are read from
    // the file.
    while !lines.next().contains("[notice] Opened Control listener") {}
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"scape log").expect(130);
}

#[test]
fn messages_of_a_restart_are_printed_although_nobody_has_read() {
    let mut tor = RealTor::start("");
    let follow = log(&tor).arg("--follow").arg("--lines").arg("1").arg("--severity").arg("debug");
    let mut child = follow.start();
    let mut out = child.stdout.take().unwrap();
    // The command follows tor when its connection is in the output.
    out.read_exact(&mut [0; 1]).unwrap();
    // The messages about these connections don't fit into the pipe.
    for _ in 0..100 {
        drop(tor.controller());
    }
    tor.kill();
    tor.restart();
    let deadline = Instant::now() + Duration::from_secs(60);
    // The first start says "opening new log file", so this message is from the
    // restart.
    while !tor.log().contains("opening log file") {
        assert!(Instant::now() < deadline, "{}", tor.log());
        thread::sleep(Duration::from_millis(20));
    }
    let lines = Lines::of(out);
    while !lines.next().contains("opening log file") {}
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"scape log").expect(130);
}
