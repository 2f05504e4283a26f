//! CLIENTS_SEEN: a bridge's clients.

use std::fmt;
use std::time::SystemTime;

use super::extra::read_pairs;
use crate::protocol::{Value, Words};
use crate::word::parse_utc;

/// Where a bridge's clients came from, about once a day, or of
/// `GETINFO status/clients-seen`. The numbers are rounded up to multiples of 8.
/// control-spec, event CLIENTS_SEEN.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientsSeen {
    /// Since when they were counted (`TimeStarted`).
    pub started: SystemTime,
    /// How many clients came from each country (`CountrySummary`), by its code
    /// of two letters, in lower case; `??` is an unknown one.
    pub countries: Vec<(String, u64)>,
    /// How many came with each version of IP (`IPVersions`): `v4` and `v6`.
    pub ip_versions: Vec<(String, u64)>,
    /// Keywords that this version of the library does not know, or whose values
    /// have not their form, in order.
    pub extra: Vec<(String, String)>,
    /// Words without a key that this version does not know, in order.
    pub extra_words: Vec<String>,
}

impl ClientsSeen {
    /// Reads what follows `650 CLIENTS_SEEN`, or the value of
    /// `GETINFO status/clients-seen`. `None` without a time.
    ///
    /// ```
    /// use scape::event::ClientsSeen;
    ///
    /// let line = br#"TimeStarted="2026-11-21 01:51:21" CountrySummary=us=16,de=8 IPVersions=v4=16,v6=8"#;
    /// let seen = ClientsSeen::parse(line).expect("it has a time");
    /// assert_eq!(seen.countries, [("us".to_owned(), 16), ("de".to_owned(), 8)]);
    /// ```
    pub fn parse(line: &[u8]) -> Option<Self> {
        let (mut started, mut countries, mut ip_versions) = (None, Vec::new(), Vec::new());
        let (extra, extra_words) = read_pairs(Words::new(line), |key, value| {
            match key {
                "TimeStarted" => started = Some(parse_utc(&value.text())?),
                "CountrySummary" => countries = counts(value)?,
                "IPVersions" => ip_versions = counts(value)?,
                _ => return None,
            }
            Some(())
        });
        Some(ClientsSeen { started: started?, countries, ip_versions, extra, extra_words })
    }
}

/// `us=16,de=8`.
fn counts(value: Value<'_>) -> Option<Vec<(String, u64)>> {
    let text = value.text();
    if text.is_empty() {
        return Some(Vec::new());
    }
    let pair = |item: &str| {
        let (name, count) = item.split_once('=')?;
        Some((name.to_owned(), count.parse().ok()?))
    };
    text.split(',').map(pair).collect()
}

impl fmt::Display for ClientsSeen {
    /// Such as `clients: us 16, de 8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("clients:")?;
        for (i, (country, count)) in self.countries.iter().enumerate() {
            write!(f, "{} {country} {count}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}
