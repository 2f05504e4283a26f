//! The signals that this program was started to ignore.

use std::fs::File;
use std::io::Read as _;

/// Returns true if this program was started to ignore a signal. Must be called
/// before the signal is handled.
pub(crate) fn is_ignored(signal: i32) -> bool {
    contains(signals(), signal)
}

/// Returns the ignored signals as a bit mask, in which bit 0 stands for
/// signal 1. The mask is empty on systems other than Linux, which have no
/// file with this information.
fn signals() -> u64 {
    // Every read is a system call, so reserve room for the whole text.
    let mut status = Vec::with_capacity(4096);
    let read = File::open("/proc/self/status").and_then(|mut it| it.read_to_end(&mut status));
    match read {
        Ok(_) => of_status(&String::from_utf8_lossy(&status)),
        Err(_) => 0,
    }
}

fn of_status(status: &str) -> u64 {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default()
}

fn contains(signals: u64, signal: i32) -> bool {
    u32::try_from(signal - 1)
        .ok()
        .and_then(|bit| signals.checked_shr(bit))
        .is_some_and(|rest| rest & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_the_status_of_the_process() {
        let signals = of_status("Name:\tscape\nSigIgn:\t0000000000001001\nSigCgt:\tffff\n");
        assert!(contains(signals, 1) && contains(signals, 13));
        assert!(!contains(signals, 2) && !contains(signals, 0));
        assert_eq!((of_status(""), of_status("SigIgn:\tx")), (0, 0));
    }
}
