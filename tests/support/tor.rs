//! Settings for real tors that connect to nothing, and checks of processes that
//! they leave behind.
#![allow(dead_code, reason = "each test uses a part")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use scape::Launch;
use scape::process::TorProcess;

#[path = "failing_end.rs"]
mod failing_end;

pub(crate) use failing_end::fails_at_end;

/// The time limit for everything that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// Returns settings for a tor that opens no port and connects to nothing.
pub(crate) fn offline() -> Launch {
    offline_without_socks_port().option("SocksPort", 0)
}

/// Returns settings for a tor that connects to nothing. `SocksPort` has its
/// default, but tor opens no port.
pub(crate) fn offline_without_socks_port() -> Launch {
    Launch::new().option("DisableNetwork", 1).timeout(SOON)
}

/// Waits until `is_true` returns true. After a timeout, panics with `what` in
/// the message.
pub(crate) fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Waits for the end of a tor that was told to end, and removes its files. tor
/// must end with code 0, or [fail at its end](fails_at_end).
pub(crate) fn stop_ended(tor: TorProcess) {
    let exit = tor.wait(SOON).unwrap();
    let log = tor.log_tail().join("\n");
    match tor.stop() {
        Ok(()) => assert!(exit.is_success(), "tor {exit}\n{log}"),
        Err(error) => assert!(fails_at_end(exit.signal, &log), "{error}\n{log}"),
    }
}

/// Returns true if the process exists. A zombie exists, too.
pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// Returns the IDs of this process's child processes, including zombies.
pub(crate) fn children() -> Vec<u32> {
    let mine = std::process::id().to_string();
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The name in parentheses is followed by the state and the parent.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if parent == Some(&mine) {
            children.push(pid);
        }
    }
    children
}
