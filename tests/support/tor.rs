//! Real tors that reach nothing, and what there is of them from the outside.
#![allow(dead_code, reason = "each test uses a part")]

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use scape::Launch;

/// How long a test waits for what must happen.
pub(crate) const SOON: Duration = Duration::from_secs(30);

/// A tor that opens no port and connects to nothing.
pub(crate) fn offline() -> Launch {
    offline_without_socks_port().option("SocksPort", 0)
}

/// A tor that connects to nothing, with the SOCKS port that it gets by itself
/// (and does not open).
pub(crate) fn offline_without_socks_port() -> Launch {
    Launch::new().option("DisableNetwork", 1).timeout(SOON)
}

/// Waits for `what` to become true.
pub(crate) fn wait_until(what: &str, mut is_true: impl FnMut() -> bool) {
    let deadline = Instant::now() + SOON;
    while !is_true() {
        assert!(Instant::now() < deadline, "{what} does not happen");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether there is such a process, be it a zombie.
pub(crate) fn exists(pid: u32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}

/// The processes that this one has started and that are there, zombies
/// included.
pub(crate) fn children() -> Vec<u32> {
    let mine = std::process::id().to_string();
    let mut children = Vec::new();
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // After the name in parentheses: the state, then the parent.
        let parent = stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1));
        if parent == Some(&mine) {
            children.push(pid);
        }
    }
    children
}
