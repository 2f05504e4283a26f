//! The severities of log messages, and their order.

use scape::event::{EventKind, Severity};

/// Parses the name of a severity. Case is ignored.
pub(crate) fn parse(name: &str) -> Result<Severity, String> {
    let known = EventKind::LOGS.map(|kind| Severity::from(kind.to_string().as_str()));
    let found = known.into_iter().find(|severity| severity.to_string().eq_ignore_ascii_case(name));
    found.ok_or_else(|| "expected debug, info, notice, warn or err".into())
}

/// Returns the rank of a severity: 0 for debug, and higher numbers for more
/// severe messages. A severity that the library doesn't know has the highest
/// rank.
pub(crate) fn rank(severity: &Severity) -> usize {
    let name = severity.to_string();
    let place = EventKind::LOGS.iter().position(|kind| kind.to_string() == name);
    place.unwrap_or(EventKind::LOGS.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn severities_are_ordered() {
        assert_eq!(parse("Warn"), Ok(Severity::Warn));
        assert!(parse("loud").is_err());
        let ranks =
            ["debug", "info", "notice", "warn", "err"].map(|name| rank(&parse(name).unwrap()));
        assert_eq!(ranks, [0, 1, 2, 3, 4]);
    }
}
