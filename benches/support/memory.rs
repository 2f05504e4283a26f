//! The memory that a process takes.

/// The most memory that this process has had, in KiB (VmHWM); 0 where the
/// system does not tell.
pub(crate) fn peak() -> u64 {
    of("VmHWM:")
}

/// The memory that this process has now, in KiB (VmRSS); 0 where the system
/// does not tell.
pub(crate) fn now() -> u64 {
    of("VmRSS:")
}

fn of(what: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(what));
    line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
