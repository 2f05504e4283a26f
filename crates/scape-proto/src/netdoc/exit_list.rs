//! Exit lists: the addresses from which exits connect, as the Tor Project's
//! scanner TorDNSEL publishes them.

use std::net::IpAddr;
use std::time::SystemTime;

use super::annotations::skip_annotations;
use super::documents::{Documents, Split};
use super::item::Item;
use super::line::find_line;
use super::rules::{self, Depth, Rule, Rules};
use super::value::fingerprint;
use super::{DocumentError, DocumentKind, LineProblem};
use crate::word::Fingerprint;

/// An exit list: the addresses from which exits connect, as
/// <https://check.torproject.org/exit-addresses> lists them.
///
/// An `ExitList` borrows its text. [`exits`](Self::exits) parses the entries.
/// [`parse_strict`](Self::parse_strict) checks the whole list.
///
/// ```
/// use scape_proto::netdoc::ExitList;
///
/// let text = b"Downloaded 2026-11-21 04:02:03\n\
///     ExitNode 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
///     Published 2026-11-21 02:13:53\nLastStatus 2026-11-21 03:02:47\n\
///     ExitAddress 192.0.2.1 2026-11-21 03:18:51\n";
/// let list = ExitList::parse(text)?;
/// let exit = list.exits().next().expect("an exit");
/// assert_eq!(exit.addresses[0].address, "192.0.2.1".parse::<std::net::IpAddr>()?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "TorDNSEL")]
#[derive(Clone)]
#[non_exhaustive]
pub struct ExitList<'a> {
    text: &'a [u8],
    skipped: Vec<DocumentError>,
    /// The time when CollecTor, the archive of the Tor Project, downloaded the
    /// list. Only lists from CollecTor have this.
    pub downloaded: Option<SystemTime>,
}

/// An entry of an [`ExitList`]: one exit and its addresses. A field is `None`
/// or empty if its lines are missing or malformed.
#[derive(Clone)]
#[non_exhaustive]
pub struct ExitNode<'a> {
    text: &'a [u8],
    skipped: Vec<DocumentError>,
    /// The fingerprint of the exit's identity key.
    pub fingerprint: Option<Fingerprint>,
    /// The time when the exit's descriptor was made.
    pub published: Option<SystemTime>,
    /// The time of the last consensus that listed the exit.
    pub last_status: Option<SystemTime>,
    /// The addresses from which the exit connected.
    pub addresses: Vec<ExitAddress>,
}

/// An address from which an exit connected: the line `ExitAddress`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct ExitAddress {
    /// The address from which the exit connected.
    pub address: IpAddr,
    /// The time of the last test in which the exit connected from the address.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub time: SystemTime,
}

static HEADER: Rules = Rules {
    document: DocumentKind::ExitList,
    lines: &[Rule::at_most_once("Downloaded")],
    ordered: false,
};

static RULES: Rules = Rules {
    document: DocumentKind::ExitList,
    lines: &[
        Rule::once("ExitNode"),
        Rule::once("Published"),
        Rule::once("LastStatus"),
        Rule::at_least_once("ExitAddress"),
    ],
    ordered: true,
};

impl<'a> ExitList<'a> {
    /// Parses the header of a list. Annotations before the list are left out.
    /// The entries are parsed by [`exits`](Self::exits).
    ///
    /// ```
    /// use scape_proto::netdoc::ExitList;
    ///
    /// assert!(ExitList::parse(b"Downloaded 2026-11-21 04:02:03\n")?.downloaded.is_some());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line `Downloaded` or
    /// `ExitNode`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_header(skip_annotations(text), Depth::Lenient)
    }

    /// Parses a list and checks the order, the number and the form of all
    /// lines. Unknown lines are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{ExitList, LineProblem};
    ///
    /// let text = b"ExitNode 256498816C85C6ABA4DF222205CF3FA091E63CCE\n";
    /// let error = ExitList::parse_strict(text).expect_err("lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("Published", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that is malformed, missing, repeated
    /// or out of order.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        let text = skip_annotations(text);
        let list = Self::read_header(text, Depth::Strict)?;
        let mut lines = list.header().iter().filter(|b| **b == b'\n').count();
        for exit in list.exits().strict() {
            let exit = exit.map_err(|error| error.after_lines(lines))?;
            lines += exit.text.iter().filter(|b| **b == b'\n').count();
        }
        Ok(list)
    }

    fn read_header(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut list = ExitList { text, skipped: Vec::new(), downloaded: None };
        let first = Item::parse_all(text).next();
        if first.is_none_or(|item| item.keyword() != b"ExitNode") {
            let header = list.header();
            list.skipped = rules::read(&HEADER, header, depth, |item| {
                list.downloaded = Some(item.time()?);
                Ok(())
            })?;
        }
        Ok(list)
    }

    /// Returns the text before the first entry.
    fn header(&self) -> &'a [u8] {
        let end = find_line(self.text, ExitNode::START).unwrap_or(self.text.len());
        self.text.get(..end).unwrap_or_default()
    }

    /// Returns an iterator over the entries. Malformed lines of an entry are
    /// skipped.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitList;
    ///
    /// let text = b"ExitNode 256498816C85C6ABA4DF222205CF3FA091E63CCE\nPublished today\n";
    /// let list = ExitList::parse(text)?;
    /// let exit = list.exits().next().expect("an exit");
    /// assert_eq!((exit.published, exit.skipped().len()), (None, 1));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn exits(&self) -> Documents<'a, ExitNode<'a>> {
        Documents::new(self.text)
    }

    /// Returns the lines of the header that were skipped because they are
    /// malformed or repeated. For the entries, see [`ExitNode::skipped`].
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole list.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines that this version of the library doesn't know.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitList;
    ///
    /// let list = ExitList::parse(b"Downloaded 2026-11-21 04:02:03\nNew 1\n")?;
    /// assert_eq!(list.unknown_items().next().map(|item| item.keyword()), Some(&b"New"[..]));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&RULES, self.text).filter(|item| !HEADER.knows(item.keyword()))
    }
}

impl<'a> ExitNode<'a> {
    /// Returns the lines that were skipped because they are malformed or
    /// repeated. Line numbers are counted from the entry's first line.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the entry.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    fn read_item(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"ExitNode" => self.fingerprint = Some(fingerprint(&mut words)?),
            b"Published" => self.published = Some(words.time()?),
            b"LastStatus" => self.last_status = Some(words.time()?),
            b"ExitAddress" => {
                let address = words.parse("the address must be an IP address")?;
                self.addresses.push(ExitAddress { address, time: words.time()? });
            }
            _ => {}
        }
        Ok(())
    }
}

impl<'a> Split<'a> for ExitNode<'a> {
    const START: &'static [u8] = b"\nExitNode";

    fn read(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut exit = ExitNode {
            text,
            skipped: Vec::new(),
            fingerprint: None,
            published: None,
            last_status: None,
            addresses: Vec::new(),
        };
        exit.skipped = rules::read(&RULES, text, depth, |item| exit.read_item(item))?;
        Ok(exit)
    }
}

debug_as_text! { ExitList, ExitNode }

#[cfg(feature = "serde")]
use crate::word::serial::Time;

#[cfg(feature = "serde")]
fields! { "ExitList", |list: ExitList<'_>| {
    downloaded: Time::new(list.downloaded),
    exits: list.exits().collect::<Vec<_>>(),
} }

#[cfg(feature = "serde")]
fields! { "ExitNode", |exit: ExitNode<'_>| {
    fingerprint: exit.fingerprint,
    published: Time::new(exit.published),
    last_status: Time::new(exit.last_status),
    addresses: exit.addresses,
} }

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "@type tordnsel 1.0\nDownloaded 2026-11-21 04:02:03\n\
        ExitNode 256498816C85C6ABA4DF222205CF3FA091E63CCE\n\
        Published 2026-11-21 02:13:53\nLastStatus 2026-11-21 03:02:47\n\
        ExitAddress 192.0.2.1 2026-11-21 03:18:51\n\
        ExitNode 92328E64BB2AD166F197317B199EBC712522108E\n\
        Published 2026-11-20 02:13:53\nLastStatus 2026-11-20 03:02:47\n\
        ExitAddress 192.0.2.2 2026-11-20 03:18:51\n\
        ExitAddress 2001:db8::2 2026-11-20 03:18:52\n";

    #[test]
    fn exit_list_is_read_strictly() {
        let list = ExitList::parse_strict(LIST.as_bytes()).unwrap();
        assert!(list.downloaded.is_some() && list.skipped().is_empty());
        assert_eq!(list.unknown_items().count(), 0);
        let exits: Vec<ExitNode<'_>> = list.exits().collect();
        assert_eq!(exits.len(), 2);
        assert!(exits[0].published < exits[0].last_status);
        assert!(exits[0].last_status < Some(exits[0].addresses[0].time));
        let addresses: Vec<String> =
            exits[1].addresses.iter().map(|exit| exit.address.to_string()).collect();
        assert_eq!(addresses, ["192.0.2.2", "2001:db8::2"]);
        let fingerprint = exits[1].fingerprint.unwrap().to_string();
        assert_eq!(fingerprint, "92328E64BB2AD166F197317B199EBC712522108E");
    }

    #[test]
    fn exit_list_may_begin_with_an_exit() {
        let (_, list) = LIST.split_once("03\n").unwrap();
        let list = ExitList::parse_strict(list.as_bytes()).unwrap();
        assert_eq!((list.downloaded, list.exits().count()), (None, 2));
        for text in ["", "Published 2026-11-21 02:13:53\n", "router a\n", "@type tordnsel 1.0\n"] {
            let error = ExitList::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.problem(), LineProblem::Start, "{text:?}");
        }
    }

    #[test]
    fn every_exit_is_read_leniently() {
        for line in ["ExitNode\r\n", "ExitNode\rx\n", "ExitNode\tx\n", "ExitNode"] {
            let text = format!("{LIST}{line}");
            let list = ExitList::parse(text.as_bytes()).unwrap();
            assert_eq!(list.exits().count(), list.exits().strict().count(), "{line:?}");
        }
    }

    #[test]
    fn broken_rules_are_errors_of_the_strict_reading() {
        for (old, new, keyword, line) in [
            ("04:02:03", "04:02", "Downloaded", Some(1)),
            ("ExitNode 9232", "ExitNode 923", "ExitNode", Some(6)),
            ("Published 2026-11-20", "Published Today!", "Published", Some(7)),
            ("LastStatus 2026-11-20", "Last 2026-11-20", "LastStatus", None),
            ("ExitAddress 192.0.2.1", "New 192.0.2.1", "ExitAddress", None),
            ("192.0.2.2", "192.0.2.256", "ExitAddress", Some(9)),
            ("03:18:52", "Never", "ExitAddress", Some(10)),
            ("LastStatus 2026-11-21", "Published 2026-11-21", "Published", Some(4)),
        ] {
            let changed = LIST.replace(old, new);
            assert_ne!(changed, LIST, "{old}");
            let error = ExitList::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!((error.keyword(), error.line()), (keyword, line), "{error}");
            let list = ExitList::parse(changed.as_bytes()).unwrap();
            let skipped =
                list.skipped().len() + list.exits().map(|exit| exit.skipped().len()).sum::<usize>();
            assert_eq!(skipped, usize::from(line.is_some()), "{old}");
        }
        let moved = LIST.replace(
            "Published 2026-11-20 02:13:53\nLastStatus 2026-11-20 03:02:47\n",
            "LastStatus 2026-11-20 03:02:47\nPublished 2026-11-20 02:13:53\n",
        );
        let error = ExitList::parse_strict(moved.as_bytes()).unwrap_err();
        assert_eq!((error.line(), error.problem()), (Some(8), LineProblem::Order));
    }

    #[test]
    fn unknown_lines_are_kept() {
        let text = LIST.replace("LastStatus 2026-11-21", "New 1\nLastStatus 2026-11-21");
        let list = ExitList::parse_strict(text.as_bytes()).unwrap();
        assert_eq!(list.unknown_items().count(), 1);
    }
}
