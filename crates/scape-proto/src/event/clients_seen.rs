//! The CLIENTS_SEEN event: a bridge's statistics about its clients.

use std::fmt;
use std::time::SystemTime;

use super::extra::read_pairs;
use super::shown::InOneLine;
use crate::control::{Value, Words};
use crate::word::parse_utc;

/// A bridge's statistics about its clients. See control-spec, event
/// CLIENTS_SEEN.
///
/// tor sends this event about once a day, and answers
/// `GETINFO status/clients-seen` with the same text. All counts are rounded up
/// to multiples of 8.
#[doc(alias = "ClientsSeenEvent")]
#[derive(Debug, Clone, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ClientsSeen {
    /// The time since which the clients were counted (`TimeStarted`).
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub started: SystemTime,
    /// The number of clients from each country (`CountrySummary`). Countries
    /// are two-letter codes in lower case, or `??` if unknown.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub countries: Vec<(String, u64)>,
    /// The number of clients that used each IP version (`IPVersions`): `v4` and
    /// `v6`.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub ip_versions: Vec<(String, u64)>,
    /// Keyword arguments that this version of the library doesn't know or can't
    /// parse, in order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::keywords"))]
    pub extra: Vec<(String, String)>,
    /// Positional arguments that this version of the library doesn't know, in
    /// order.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::control::serial::words"))]
    pub extra_words: Vec<String>,
}

impl ClientsSeen {
    /// Parses the text after `650 CLIENTS_SEEN`, or the value of
    /// `GETINFO status/clients-seen`. Returns `None` if the time is missing or
    /// malformed.
    ///
    /// ```
    /// use scape_proto::event::ClientsSeen;
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

/// Parses a list such as `us=16,de=8`. Returns `None` if an item is malformed.
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
    /// Writes a short description, such as `clients: us 16, de 8`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let f = &mut InOneLine(f);
        write!(f, "clients:")?;
        for (i, (country, count)) in self.countries.iter().enumerate() {
            write!(f, "{} {country} {count}", if i > 0 { "," } else { "" })?;
        }
        Ok(())
    }
}
