//! Measures the resources of tor's process, from files in `/proc`.

use std::fs;
use std::time::Instant;

use super::data::facts::Usage;

/// The number of ticks per second. A tick is the unit of the processor times in
/// `/proc`. Linux uses 100 ticks per second on all common machines.
const TICKS_PER_SECOND: u128 = 100;

/// Measures the resources of a process. Remembers the last measurement, because
/// the use of the processor is the difference of two measurements.
#[derive(Debug, Default)]
pub(crate) struct Meter {
    /// The process id, the processor time in ticks, and the time of the last
    /// measurement. `None` before the first one.
    last: Option<(u32, u64, Instant)>,
}

impl Meter {
    /// Measures the process with this id. All values of the result are `None`
    /// if `pid` is `None` or isn't a process named tor, because tor then runs
    /// on another machine or in a container.
    pub(crate) fn measure(&mut self, pid: Option<u32>) -> Usage {
        let Some(pid) = pid else { return Usage::default() };
        let stat = read(pid, "stat").unwrap_or_default();
        let Some((name, ticks)) = parse_stat(&stat) else { return Usage::default() };
        if !name.starts_with("tor") {
            return Usage::default();
        }
        let now = Instant::now();
        let last = self.last.replace((pid, ticks, now));
        let cpu = last.filter(|(process, ..)| *process == pid).and_then(|(_, before, at)| {
            let used = u128::from(ticks.saturating_sub(before));
            let passed = now.duration_since(at).as_millis();
            // The share is in tenths of a percent, so 1000 are one core.
            let share = (used * 1_000_000 / TICKS_PER_SECOND).checked_div(passed)?;
            u64::try_from(share).ok()
        });
        Usage {
            cpu,
            memory: read(pid, "status").as_deref().and_then(parse_memory),
            // Only the user of the process and root may see the descriptors.
            descriptors: fs::read_dir(format!("/proc/{pid}/fd"))
                .ok()
                .and_then(|entries| u64::try_from(entries.count()).ok()),
        }
    }
}

fn read(pid: u32, file: &str) -> Option<String> {
    fs::read_to_string(format!("/proc/{pid}/{file}")).ok()
}

/// Parses the file `/proc/PID/stat`. Returns the name of the program, and the
/// processor time in ticks. Returns `None` if the text is malformed.
fn parse_stat(text: &str) -> Option<(&str, u64)> {
    // The name is in parentheses and may contain spaces and parentheses.
    let (name, rest) = text.split_once('(')?.1.rsplit_once(')')?;
    // The fields 14 and 15 are user and system time. `rest` begins with field
    // 3.
    let mut times = rest.split_whitespace().skip(11).map_while(|word| word.parse::<u64>().ok());
    Some((name, times.next()?.saturating_add(times.next()?)))
}

/// Parses the file `/proc/PID/status`. Returns the memory of the process in
/// bytes. Returns `None` if the text doesn't contain it.
fn parse_memory(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_proc_are_parsed() {
        let stat = "17 (tor (x) y) S 1 17 17 0 -1 4194560 100 0 0 0 250 50 0 0 20 0 3 0 99 1 2";
        assert_eq!(parse_stat(stat), Some(("tor (x) y", 300)));
        assert_eq!(parse_stat("17 (tor"), None);
        assert_eq!(parse_memory("Name:\ttor\nVmRSS:\t   12 kB\n"), Some(12_288));
        assert_eq!(parse_memory("Name:\ttor\n"), None);
    }

    #[test]
    fn other_processes_are_not_measured() {
        let mut meter = Meter::default();
        assert_eq!(meter.measure(Some(std::process::id())), Usage::default());
        assert_eq!(meter.measure(None), Usage::default());
    }
}
