//! The bandwidth of the last minutes, as `GETINFO bw-event-cache` has it.

use super::Bandwidth;

/// Reads `read,written` of each second, with spaces between them, the oldest first.
pub(crate) fn parse_bandwidth_cache(value: &str) -> Option<Vec<Bandwidth>> {
    let second = |word: &str| {
        let (read, written) = word.split_once(',')?;
        Some(Bandwidth { read: read.parse().ok()?, written: written.parse().ok()? })
    };
    value.split_ascii_whitespace().map(second).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_none() {
        for bad in ["1", "1,", "1,2 3", "1,2,3", "-1,2", "x"] {
            assert_eq!(parse_bandwidth_cache(bad), None, "{bad:?}");
        }
        assert_eq!(parse_bandwidth_cache(""), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn seconds_go_there_and_back(seconds: Vec<(u64, u64)>) {
            let words: Vec<String> = seconds.iter().map(|(read, written)| format!("{read},{written}")).collect();
            let seconds = seconds.into_iter().map(|(read, written)| Bandwidth { read, written }).collect();
            prop_assert_eq!(parse_bandwidth_cache(&words.join(" ")), Some(seconds));
        }
    }
}
