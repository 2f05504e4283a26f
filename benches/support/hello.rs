//! A whole program: it connects, authenticates, asks tor's version, prints what memory it took, and ends.

use std::cell::Cell;
use std::io::Write;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Instant;

use super::rounds::Run;
use super::{REQUEST, Server, bare, child, scape_side};

/// The roles of the children.
pub(crate) const BARE: &str = "hello-bare";
pub(crate) const SCAPE: &str = "hello-scape";

/// The most memory that one of the programs took, in KiB; 0 where the system does not tell.
pub(crate) type Peak = Rc<Cell<u64>>;

/// Runs such programs, one after the other. The time is from outside: from before the start to after the end.
pub(crate) fn run(role: &'static str, server: &Server, peak: &Peak) -> Run {
    let address = server.address.clone();
    let cookie = server.cookie_file.as_ref().map(|path| path.display().to_string());
    let peak = peak.clone();
    Box::new(move |programs| {
        let arguments: Vec<&str> =
            [Some(address.as_str()), cookie.as_deref()].into_iter().flatten().collect();
        let begun = Instant::now();
        for _ in 0..programs {
            let output = child::command(role, &arguments)
                .stdin(Stdio::null())
                .stderr(Stdio::inherit())
                .output()
                .unwrap();
            assert!(output.status.success(), "{role}: {}", output.status);
            let taken = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
            peak.set(peak.get().max(taken));
        }
        begun.elapsed()
    })
}

/// The program with a bare socket.
pub(crate) fn with_bare_socket(arguments: Vec<String>) {
    let mut arguments = arguments.into_iter();
    let address = arguments.next().unwrap();
    let server = Server { address, cookie_file: arguments.next().map(Into::into) };
    let mut stream = bare::connect(&server);
    stream.write_all(REQUEST).unwrap();
    let mut reply = Vec::new();
    bare::read_reply(&mut stream, &mut reply);
    assert!(reply.starts_with(b"250-version="));
    println!("{}", peak_memory());
}

/// The program with scape.
pub(crate) fn with_scape(arguments: &[String]) {
    let controller = scape_side::connect(&arguments[0]);
    assert!(!controller.version().unwrap().to_string().is_empty());
    drop(controller);
    println!("{}", peak_memory());
}

/// The most memory that this process has had, in KiB (VmHWM); 0 where the system does not tell.
fn peak_memory() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
