//! Measures the memory of this process, as Linux reports it.

/// Returns the peak memory of this process in KiB (VmHWM), or 0 if the system
/// doesn't report it.
pub(crate) fn peak() -> u64 {
    of("VmHWM:")
}

/// Returns the present memory of this process in KiB (VmRSS), or 0 if the
/// system doesn't report it.
pub(crate) fn now() -> u64 {
    of("VmRSS:")
}

fn of(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
