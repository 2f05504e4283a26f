//! tor's own fault at its end.

/// Returns true if a tor with this log was aborted by its own fault at its end:
/// see "Starting and ending" in `docs/tor-quirks.md`. This is rare.
pub(crate) fn fails_at_end(signal: Option<i32>, log: &str) -> bool {
    let ends = log.find("exiting cleanly").or_else(|| log.find("exiting now"));
    let fails = log.rfind("Error locking a mutex");
    signal == Some(6) && ends.zip(fails).is_some_and(|(ends, fails)| ends < fails)
}
