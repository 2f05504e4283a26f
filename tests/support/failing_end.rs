//! Recognizes a fault of tor itself that rarely happens while it ends.

/// Returns true if tor was told to end, and then aborted because a worker
/// thread locked a mutex that was freed already: see "Starting and ending" in
/// `docs/tor-quirks.md`. `signal` is the signal that ended the process.
pub(crate) fn fails_at_end(signal: Option<i32>, log: &str) -> bool {
    let ends = log.find("exiting cleanly").or_else(|| log.find("exiting now"));
    let fails = log.rfind("Error locking a mutex");
    signal == Some(6) && ends.zip(fails).is_some_and(|(ends, fails)| ends < fails)
}
