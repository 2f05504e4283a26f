//! Formats numbers and times with units.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::clock;

/// Formats a number of bytes with three digits, such as `1.23 MB`. The units
/// are powers of 1,000.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 7] = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut value = count as f64;
    let mut unit = 0;
    // 999.5 would be printed as 1000.
    while value >= 999.5 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let name = UNITS.get(unit).unwrap_or(&"B");
    let decimals = match value {
        _ if unit == 0 => 0,
        value if value < 9.995 => 2,
        value if value < 99.95 => 1,
        _ => 0,
    };
    format!("{value:.decimals$} {name}")
}

/// Formats a rate that is given in kilobytes (1,000 bytes) per second, as in
/// the consensus, such as `1.23 MB/s`.
pub(crate) fn kilobyte_rate(kilobytes: u32) -> String {
    format!("{}/s", bytes(u64::from(kilobytes) * 1000))
}

/// Returns a number with its noun, such as `1 stream` or `2 streams`.
pub(crate) fn plural(count: impl TryInto<u64>, noun: &str) -> String {
    // A number that is too large is plural, too.
    let count = count.try_into().unwrap_or(u64::MAX);
    match count {
        1 => format!("1 {noun}"),
        _ => format!("{count} {noun}s"),
    }
}

/// Formats a duration with its two largest units, such as `3d 4h` or `5s`.
pub(crate) fn duration(time: Duration) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut left = time.as_secs();
    let mut words = Vec::new();
    for (seconds, unit) in UNITS {
        if left >= seconds || (words.is_empty() && seconds == 1) {
            words.push(format!("{}{unit}", left / seconds));
            left %= seconds;
        } else if !words.is_empty() {
            // The second unit is only useful directly below the first.
            break;
        }
        if words.len() == 2 {
            break;
        }
    }
    words.join(" ")
}

/// Formats the time from `since` until now.
pub(crate) fn age(since: SystemTime) -> String {
    duration(SystemTime::now().duration_since(since).unwrap_or_default())
}

/// Formats a point in time as RFC 3339 in UTC, without fractions of a second.
/// Returns `before 1970` or `after 9999` for times that RFC 3339 can't
/// represent.
pub(crate) fn time(at: SystemTime) -> String {
    let far = if at < UNIX_EPOCH { "before 1970" } else { "after 9999" };
    clock::utc(at, 0).unwrap_or_else(|| far.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_three_digits() {
        let expected = [
            (0, "0 B"),
            (999, "999 B"),
            (1_000, "1.00 kB"),
            (9_996, "10.0 kB"),
            (99_960, "100 kB"),
            (999_600, "1.00 MB"),
            (u64::MAX, "18.4 EB"),
        ];
        for (count, text) in expected {
            assert_eq!(bytes(count), text, "{count}");
        }
    }

    #[test]
    fn rates_and_counts_have_units() {
        assert_eq!(kilobyte_rate(20_000), "20.0 MB/s");
        assert_eq!(kilobyte_rate(u32::MAX), "4.29 TB/s");
        assert_eq!(
            [0, 1, 2].map(|count| plural(count, "event")),
            ["0 events", "1 event", "2 events"]
        );
    }

    #[test]
    fn all_times_have_a_text() {
        let hour = Duration::from_secs(3_600);
        assert_eq!(time(UNIX_EPOCH + hour), "1970-01-01T01:00:00Z");
        assert_eq!(time(UNIX_EPOCH - hour), "before 1970");
        // The last hour in which an Ed25519 certificate can expire.
        assert_eq!(time(UNIX_EPOCH + hour * u32::MAX), "after 9999");
    }

    #[test]
    fn durations_have_two_units() {
        let expected = [
            (0, "0s"),
            (59, "59s"),
            (61, "1m 1s"),
            (3_600, "1h"),
            (3_601, "1h"),
            (90_000, "1d 1h"),
        ];
        for (seconds, text) in expected {
            assert_eq!(duration(Duration::from_secs(seconds)), text, "{seconds}");
        }
    }
}
