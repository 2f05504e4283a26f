//! The rules for the entries of relays: dir-spec, "Router status entries" in
//! "Vote and consensus status document formats".

use super::document_error::{DocumentError, LineProblem};
use super::item::Item;
use super::line::ed25519_id;
use super::rules::{self, Depth, Rule, Rules};
use super::vote_microdescriptor::VoteMicrodescriptor;
use super::{DocumentKind, PortPolicy, Protocols, address, base64, keyed, line};
use crate::word::Version;

/// The kind of document that an entry is part of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EntryForm {
    /// A text without header. The entry may have any form.
    Alone,
    /// A consensus of an unknown flavor.
    Consensus,
    /// A full consensus.
    Ns,
    /// A consensus for clients.
    Microdesc,
    Vote,
    V2,
    Bridge,
}

/// The rules for the lines of all forms.
macro_rules! rules {
    ($document:ident, $flags:ident, $microdescriptor:ident, $vote:ident) => {
        Rules {
            document: DocumentKind::$document,
            lines: &[
                Rule::once("r").position_from_start(0),
                Rule::any("a"),
                Rule::$microdescriptor("m"),
                Rule::$flags("s"),
                Rule::at_most_once("v"),
                Rule::at_most_once("pr"),
                Rule::at_most_once("w"),
                Rule::at_most_once("p"),
                Rule::$vote("id"),
                Rule::$vote("stats"),
            ],
            ordered: false,
        }
    };
}

static ALONE: Rules = rules!(RouterStatus, once, any, at_most_once);
static CONSENSUS: Rules = rules!(Consensus, once, any, at_most_once);
static NS: Rules = rules!(Consensus, once, never, never);
static MICRODESC: Rules = rules!(Consensus, once, once, never);
static VOTE: Rules = rules!(Vote, once, any, at_most_once);
static V2: Rules = rules!(NetworkStatusV2, at_most_once, never, never);
static BRIDGE: Rules = rules!(BridgeNetworkStatus, once, any, at_most_once);

impl EntryForm {
    /// Returns true for every flavor of the consensus.
    #[inline]
    pub(super) fn is_consensus(self) -> bool {
        matches!(self, EntryForm::Consensus | EntryForm::Ns | EntryForm::Microdesc)
    }

    /// Returns the kind of document that the entries are part of.
    pub(super) fn document(self) -> DocumentKind {
        self.rules().document
    }

    fn rules(self) -> &'static Rules {
        match self {
            EntryForm::Alone => &ALONE,
            EntryForm::Consensus => &CONSENSUS,
            EntryForm::Ns => &NS,
            EntryForm::Microdesc => &MICRODESC,
            EntryForm::Vote => &VOTE,
            EntryForm::V2 => &V2,
            EntryForm::Bridge => &BRIDGE,
        }
    }

    /// Checks the number and the form of an entry's lines, except for the form
    /// of the line `r`.
    pub(super) fn check(self, entry: &[u8]) -> Result<(), DocumentError> {
        rules::read(self.rules(), entry, Depth::Strict, |item| self.check_item(item)).map(|_| ())
    }

    fn check_item(self, item: &Item<'_>) -> Result<(), LineProblem> {
        let (is_valid, form) = match item.keyword() {
            b"a" => (
                address::parse_address(item.arguments()).is_some(),
                "the address must be an IP address with a port",
            ),
            // The order of the flags had no meaning in version 2.
            b"s" => (
                self == EntryForm::V2 || item.words().is_sorted_by(|one, next| one < next),
                "the flags must be sorted and unique",
            ),
            b"v" => (is_version(item.arguments()), "the version must be a version of tor"),
            b"pr" => (
                Protocols::from_bytes(item.arguments()).is_some(),
                "the entries must be names with versions, such as Link=1-5",
            ),
            b"w" => (
                is_bandwidth(item),
                "the words must be Bandwidth=NUMBER, Measured=NUMBER, Unmeasured=1 or other names",
            ),
            b"p" => (
                PortPolicy::from_bytes(item.arguments()).is_some(),
                "the policy must be accept or reject, and ports",
            ),
            b"m" => (
                self.is_microdescriptor(item),
                "the line must have a digest, or in votes consensus methods and digests",
            ),
            b"id" => (is_id(item), "the key must be 32 bytes in base64, or none"),
            b"stats" => return keyed::numbers(&mut item.arguments_reader(), &mut Vec::new()),
            _ => return Ok(()),
        };
        if is_valid { Ok(()) } else { Err(LineProblem::Value(form)) }
    }

    fn is_microdescriptor(self, item: &Item<'_>) -> bool {
        let is_digest = || base64::decode::<32>(item.arguments()).is_some();
        let is_of_vote = || VoteMicrodescriptor::parse(item.arguments()).is_some();
        match self {
            EntryForm::Vote => is_of_vote(),
            EntryForm::Microdesc => is_digest(),
            _ => is_digest() || is_of_vote(),
        }
    }
}

/// Returns true if a line `v` is a version. Only texts that begin with `Tor`
/// have a known form.
fn is_version(text: &[u8]) -> bool {
    let is_tor = text.starts_with(b"Tor ");
    !is_tor || std::str::from_utf8(text).is_ok_and(|text| text.parse::<Version>().is_ok())
}

fn is_bandwidth(item: &Item<'_>) -> bool {
    let is_valid = |word: &[u8]| match split(word) {
        (b"Bandwidth" | b"Measured", number) => number.and_then(line::number).is_some(),
        (b"Unmeasured", value) => value == Some(b"1"),
        _ => true,
    };
    item.words().all(is_valid) && item.words().any(|word| word.starts_with(b"Bandwidth="))
}

fn split(word: &[u8]) -> (&[u8], Option<&[u8]>) {
    let mut parts = word.splitn(2, |b| *b == b'=');
    (parts.next().unwrap_or_default(), parts.next())
}

fn is_id(item: &Item<'_>) -> bool {
    if item.words().next() != Some(b"ed25519") {
        return item.words().count() >= 2;
    }
    ed25519_id(item.arguments())
        .is_some_and(|key| key == b"none" || base64::decode::<32>(key).is_some())
}
