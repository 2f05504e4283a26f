//! Parses the value of `--version`, which selects relays by their version.

use std::cmp::Ordering;
use std::str::FromStr;

use scape::word::Version;

/// The argument of `--version`: a version, a series of versions, or a range.
#[derive(Debug, Clone)]
pub(super) enum VersionFilter {
    /// The first parts of a version. For example, `0.4.8` selects `0.4.8.12`.
    Series(String),
    /// Selects a version if comparing it with the second field results in one
    /// of the first field's values.
    Range(&'static [Ordering], Version),
}

/// The operators for ranges, and the results of a comparison that fulfil them.
/// `<=` comes before `<`, because the first operator at the start of the
/// argument counts.
const OPERATORS: [(&str, &[Ordering]); 5] = [
    ("<=", &[Ordering::Less, Ordering::Equal]),
    (">=", &[Ordering::Greater, Ordering::Equal]),
    ("<", &[Ordering::Less]),
    (">", &[Ordering::Greater]),
    ("=", &[Ordering::Equal]),
];

impl VersionFilter {
    pub(super) fn fits(&self, version: &Version) -> bool {
        match self {
            VersionFilter::Series(text) => {
                let version = version.to_string();
                let rest = version.strip_prefix(text.as_str());
                rest.is_some_and(|rest| !rest.starts_with(|next: char| next.is_alphanumeric()))
            }
            VersionFilter::Range(orders, limit) => orders.contains(&version.cmp(limit)),
        }
    }
}

impl FromStr for VersionFilter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        for (operator, orders) in OPERATORS {
            if let Some(version) = text.strip_prefix(operator) {
                return match version.trim().parse() {
                    Ok(version) => Ok(VersionFilter::Range(orders, version)),
                    Err(error) => Err(error.to_string()),
                };
            }
        }
        match text.starts_with(|first: char| first.is_ascii_digit()) {
            true => Ok(VersionFilter::Series(text.trim_end_matches('.').to_owned())),
            false => {
                Err("expected a version such as 0.4.8, or a range such as <0.4.8.12".to_owned())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(filter: &str, version: &str) -> bool {
        filter.parse::<VersionFilter>().unwrap().fits(&version.parse().unwrap())
    }

    #[test]
    fn series_and_ranges_select_versions() {
        for (filter, version) in [
            ("0.4.8", "0.4.8.12"),
            ("0.4.8.", "0.4.8.12"),
            ("0.4.8.1", "0.4.8.1-alpha-dev"),
            ("<0.4.8.2", "0.4.8.1-alpha"),
            (">= 0.4.8.2", "0.4.8.2"),
            ("=0.4.8.2", "0.4.8.2"),
        ] {
            assert!(fits(filter, version), "{filter} {version}");
        }
        for (filter, version) in
            [("0.4.8.1", "0.4.8.12"), ("<0.4.8.2", "0.4.8.10"), (">0.4.8.2", "0.4.8.2")]
        {
            assert!(!fits(filter, version), "{filter} {version}");
        }
    }

    #[test]
    fn malformed_versions_are_refused() {
        for wrong in ["", "new", "<", "<x"] {
            assert!(wrong.parse::<VersionFilter>().is_err(), "{wrong}");
        }
    }
}
