//! Network statuses of bridge authorities.

use std::fmt;
use std::time::SystemTime;

use super::entry_form::EntryForm;
use super::item::Item;
use super::rules::{self, Depth, Rule, Rules};
use super::status_parts::StatusParts;
use super::value::fingerprint;
use super::{DocumentError, DocumentKind, LineProblem, RouterStatuses, keyed};
use crate::word::Fingerprint;

/// A list of the bridges that a bridge authority knows.
///
/// The bridge authority writes it to the file `networkstatus-bridges`.
/// CollecTor publishes such files after removing the bridges' addresses and
/// identities. No specification describes the file; see CollecTor, "Bridge
/// network statuses".
///
/// A `BridgeNetworkStatus` borrows its text. The header is parsed by
/// [`parse`](Self::parse), the entries by the iterator that
/// [`bridges`](Self::bridges) returns. A malformed line is skipped, its field
/// is `None` or empty as if the line were missing, and
/// [`skipped`](Self::skipped) returns the reason.
///
/// ```
/// use scape_proto::netdoc::BridgeNetworkStatus;
///
/// let text = b"published 2012-06-01 04:07:04\nflag-thresholds guard-wfu=98.000%\n\
///     r Unnamed ABSiBVJ42z6w5Z6nAXQUFq8YVVg FI74aFuNJZZQrgln0f+OaocMd0M 2012-05-31 15:57:00 10.97.236.247 443 0\n\
///     s Valid\nw Bandwidth=55\np reject 1-65535\n";
/// let status = BridgeNetworkStatus::parse(text)?;
/// assert_eq!(status.flag_thresholds, [("guard-wfu", 0.98)]);
/// assert_eq!(status.bridges().next().and_then(|bridge| bridge.bandwidth()), Some(55));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "BridgeNetworkStatusDocument")]
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct BridgeNetworkStatus<'a> {
    #[cfg_attr(feature = "serde", serde(skip))]
    skipped: Vec<DocumentError>,
    /// The time when the document was made. `None` if the line `published` is
    /// missing or malformed.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub published: Option<SystemTime>,
    /// The names and values of the thresholds above which the authority gives
    /// flags, in the order of the document. Percentages are divided by 100.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::counts"))]
    pub flag_thresholds: Vec<(&'a str, f64)>,
    /// The fingerprint of the bridge authority. `None` if the line
    /// `fingerprint` is missing or malformed.
    pub fingerprint: Option<Fingerprint>,
    /// The text of the document. It is serialized as `bridges`, a list of the
    /// bridges' entries, after the other fields.
    #[cfg_attr(feature = "serde", serde(rename = "bridges"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::netdoc::serial::relays::bridge"))]
    parts: StatusParts<'a>,
}

static HEADER: Rules = Rules {
    document: DocumentKind::BridgeNetworkStatus,
    lines: &[
        Rule::once("published").position_from_start(0),
        Rule::at_most_once("flag-thresholds"),
        Rule::at_most_once("fingerprint"),
    ],
    ordered: false,
};

impl<'a> BridgeNetworkStatus<'a> {
    /// Parses a network status. Malformed lines are skipped. Annotations before
    /// the document are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::BridgeNetworkStatus;
    ///
    /// let status = BridgeNetworkStatus::parse(b"published soon\n")?;
    /// assert_eq!((status.published, status.skipped().len()), (None, 1));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line `published`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(text, Depth::Lenient)
    }

    /// Parses a network status and checks the number and the form of its lines,
    /// also of the entries. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{BridgeNetworkStatus, LineProblem};
    ///
    /// let text = b"published 2012-06-01 04:07:04\nr Unnamed\ns Valid\n";
    /// let error = BridgeNetworkStatus::parse_strict(text).expect_err("the entry is malformed");
    /// assert_eq!((error.line(), error.problem()), (Some(2), LineProblem::Words));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that is malformed or repeated, or
    /// for the first entry that breaks a rule of dir-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        let status = Self::read_text(text, Depth::Strict)?;
        status.parts.check_entries(EntryForm::Bridge, false)?;
        Ok(status)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut status = BridgeNetworkStatus {
            parts: StatusParts::new(text),
            skipped: Vec::new(),
            published: None,
            flag_thresholds: Vec::new(),
            fingerprint: None,
        };
        let header = status.parts.header;
        status.skipped = rules::read(&HEADER, header, depth, |item| status.read_item(item))?;
        Ok(status)
    }

    fn read_item(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"published" => self.published = Some(item.time()?),
            b"flag-thresholds" => keyed::numbers(&mut words, &mut self.flag_thresholds)?,
            b"fingerprint" => self.fingerprint = Some(fingerprint(&mut words)?),
            _ => {}
        }
        Ok(())
    }

    /// Returns an iterator over the bridges' entries. The iterator parses each
    /// entry when it reaches the entry. Entries that can't be parsed are
    /// skipped; see [`RouterStatuses`].
    ///
    /// ```
    /// use scape_proto::netdoc::BridgeNetworkStatus;
    ///
    /// let text = b"published 2012-06-01 04:07:04\n\
    ///     r TolFuin AFn9TveYjdtZEsgh7QsWp3qC5kU 1Sw8RPx2Tq/w+VHL+pZipiJUG5k 2012-05-31 18:12:39 10.99.47.37 80 0\n";
    /// let status = BridgeNetworkStatus::parse(text)?;
    /// assert_eq!(status.bridges().next().map(|bridge| bridge.nickname()), Some("TolFuin"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn bridges(&self) -> RouterStatuses<'a> {
        self.parts.relays(EntryForm::Bridge)
    }

    /// Returns the lines of the header that were skipped because they are
    /// malformed or repeated. For the entries, see [`RouterStatuses::skipped`].
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole document, without annotations before it.
    pub fn text(&self) -> &'a [u8] {
        self.parts.text
    }

    /// Returns the lines of the header that this version of the library doesn't
    /// know, with their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::BridgeNetworkStatus;
    ///
    /// let text = b"published 2012-06-01 04:07:04\nnew-keyword 1\n";
    /// assert_eq!(BridgeNetworkStatus::parse(text)?.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&HEADER, self.parts.header)
    }
}

impl fmt::Debug for BridgeNetworkStatus<'_> {
    /// Writes the header without the entries, because there may be thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BridgeNetworkStatus")
            .field("header", &String::from_utf8_lossy(self.parts.header))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "@type bridge-network-status 1.2\npublished 2019-05-01 00:28:57\n\
        flag-thresholds stable-uptime=1494383 guard-wfu=98.000%\n\
        fingerprint BA44A889E64B93FAA2B114E02C2A279A8555C533\n\
        r two JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2019-04-30 21:55:39 10.226.155.30 65467 0\n\
        s Fast Valid\nw Bandwidth=56\np reject 1-65535\n\
        r one AAAAAAAAAAAAAAAAAAAAAAAAAAA kjKOZLsq0WbxlzF7GZ68cSUiEI4 2019-04-30 21:55:39 10.226.155.31 1 0\n\
        a [fd9f:2e19:3bcf::02:9970]:9001\ns Valid\n";

    #[test]
    fn bridge_network_status_with_every_line_is_read_strictly() {
        let status = BridgeNetworkStatus::parse_strict(WHOLE.as_bytes()).unwrap();
        assert!(status.published.is_some() && status.fingerprint.is_some());
        assert_eq!(status.flag_thresholds, [("stable-uptime", 1494383.0), ("guard-wfu", 0.98)]);
        let names: Vec<&str> = status.bridges().map(|bridge| bridge.nickname()).collect();
        assert_eq!((names, status.skipped().len()), (vec!["two", "one"], 0));
        assert!(status.bridges().all(|bridge| bridge.is_measured().is_none()));
        let empty = BridgeNetworkStatus::parse_strict(b"published 2012-06-01 04:07:04").unwrap();
        assert_eq!((empty.bridges().count(), empty.unknown_items().count()), (0, 0));
    }

    #[test]
    fn strict_reading_rejects_each_broken_rule() {
        for (old, new, keyword) in [
            ("published 2019", "published soon", "published"),
            ("wfu=98.000%", "wfu=x", "flag-thresholds"),
            ("fingerprint BA", "fingerprint B", "fingerprint"),
            ("flag-th", "published 2019-05-01 00:28:57\nflag-th", "published"),
            ("s Fast", "x Fast", "s"),
            ("s Fast Valid", "s Valid Fast", "s"),
            ("10.226.155.30", "bridge", "r"),
        ] {
            let changed = WHOLE.replacen(old, new, 1);
            let error = BridgeNetworkStatus::parse_strict(changed.as_bytes()).expect_err(new);
            assert_eq!(error.keyword(), keyword, "{error}");
            assert!(BridgeNetworkStatus::parse(changed.as_bytes()).is_ok(), "{new}");
        }
        let error = BridgeNetworkStatus::parse(b"fingerprint x\n").unwrap_err();
        assert_eq!(error.problem(), LineProblem::Start);
    }
}
