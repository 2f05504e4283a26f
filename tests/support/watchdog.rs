//! Ends a test that hangs, and reports where it hangs. A test that is killed
//! from outside would report nothing.

use std::fmt::Write as _;
use std::fs;
use std::io::{Write as _, stderr};
use std::process;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, bounded};

/// Runs `work`. If it takes longer than `limit`, prints the threads and child
/// processes of this process, and ends the process.
pub(crate) fn within<T>(limit: Duration, name: &str, work: impl FnOnce() -> T) -> T {
    let (done, over) = bounded::<()>(0);
    let watched = name.to_owned();
    thread::Builder::new()
        .name("watchdog".to_owned())
        .spawn(move || {
            if over.recv_timeout(limit) == Err(RecvTimeoutError::Timeout) {
                say(&format!(
                    "{watched}: not done after {} s.\n{}",
                    limit.as_secs(),
                    threads() + &children()
                ));
                process::exit(101);
            }
        })
        .unwrap();
    let outcome = work();
    drop(done);
    outcome
}

/// Prints the text at once, even if the test's output is captured.
pub(crate) fn say(text: &str) {
    // The error doesn't matter if nobody reads the output.
    let _ = writeln!(stderr().lock(), "{text}");
}

/// Prints a test's name, its outcome and the time since `begun`.
#[allow(dead_code, reason = "not every test says it")]
pub(crate) fn say_how_long(name: &str, outcome: &str, begun: Instant) {
    say(&format!("  {name}: {outcome} in {:.1} s", begun.elapsed().as_secs_f32()));
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().replace('\0', " ").trim().to_owned()
}

/// Returns the names in a directory of /proc. The list is empty on systems
/// without /proc.
fn entries(directory: &str) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

fn threads() -> String {
    let mut text = "threads:\n".to_owned();
    for id in entries("/proc/self/task") {
        let at = |file| read(&format!("/proc/self/task/{id}/{file}"));
        let _ = writeln!(text, "  {} {} {} ({})", id, at("comm"), at("wchan"), at("syscall"));
    }
    text
}

fn children() -> String {
    let mut text = "child processes:\n".to_owned();
    let own = process::id().to_string();
    for id in entries("/proc").into_iter().filter(|id| id.parse::<u32>().is_ok()) {
        let stat = read(&format!("/proc/{id}/stat"));
        // The name may contain anything. It is followed by the state and the
        // parent.
        let mut fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
        let state = fields.next().unwrap_or_default().to_owned();
        if fields.next() == Some(&own) {
            let _ = writeln!(text, "  {id} {state} {}", read(&format!("/proc/{id}/cmdline")));
        }
    }
    text
}
