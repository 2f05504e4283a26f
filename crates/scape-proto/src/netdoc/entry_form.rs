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
    /// The document is unknown, because the text has no header. Every form that
    /// an entry has in some kind of document is allowed.
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

/// Makes the rules for the entries in one kind of document, `$document`. The
/// other parameters are names of functions of [`Rule`]. They say how often the
/// line `s`, the line `m`, and the lines `id` and `stats` may occur.
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
    /// Returns true if the entry is part of a consensus of any flavor.
    #[inline]
    pub(super) fn is_consensus(self) -> bool {
        matches!(self, EntryForm::Consensus | EntryForm::Ns | EntryForm::Microdesc)
    }

    /// Returns true if the line `r` may contain a descriptor's digest (if
    /// `has_digest` is true), or if it may lack the digest (if `has_digest` is
    /// false).
    pub(super) fn allows_digest(self, has_digest: bool) -> bool {
        match self {
            EntryForm::Alone | EntryForm::Consensus => true,
            EntryForm::Microdesc => !has_digest,
            EntryForm::Ns | EntryForm::Vote | EntryForm::V2 | EntryForm::Bridge => has_digest,
        }
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

    /// Checks the number and the form of an entry's lines. The values in the
    /// line `r` aren't checked here, but when the line is parsed.
    pub(super) fn check(self, entry: &[u8]) -> Result<(), DocumentError> {
        rules::read(self.rules(), entry, Depth::Strict, |item| self.check_item(item)).map(|_| ())
    }

    fn check_item(self, item: &Item<'_>) -> Result<(), LineProblem> {
        let (is_valid, form) = match item.keyword() {
            b"a" => (
                address::parse_address(line::first_word(item.arguments())).is_some(),
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
                PortPolicy::from_line(item.arguments()).is_some(),
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
        let is_digest = || base64::decode::<32>(line::first_word(item.arguments())).is_some();
        let is_of_vote = || VoteMicrodescriptor::parse(item.arguments()).is_some();
        match self {
            EntryForm::Vote => is_of_vote(),
            EntryForm::Microdesc => is_digest(),
            _ => is_digest() || is_of_vote(),
        }
    }
}

/// Returns true if the text of a line `v` is well-formed. Only texts that begin
/// with `Tor` have a known form, so any other text is allowed.
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

#[cfg(test)]
mod tests {
    use super::*;

    const R: &str = "r x JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 127.0.0.14 1 0\n";
    const DIGEST: &str = "C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA";

    fn check(form: EntryForm, lines: &str) -> Result<(), (String, LineProblem)> {
        let result = form.check(format!("{R}{lines}").as_bytes());
        result.map_err(|error| (error.keyword().to_owned(), error.problem()))
    }

    #[test]
    fn values_of_every_line_are_checked() {
        let good = [
            "a [2607:fcd0:daaa:101::602c:bd62]:443\na [::1]:80",
            "v Tor 0.4.9.11",
            "v Torr new_stuff",
            "v new_stuff and stuff",
            "pr Cons=1 Link=1-4",
            "w Bandwidth=0",
            "w Bandwidth=11111 Measured=482 New!",
            "w Bandwidth=11111 Unmeasured=1 GuardFraction=7",
            "p reject 1-65535",
            "id ed25519 none",
            "id other-type AAAA",
            "stats wfu=0.99 tk=7",
            "new line",
        ];
        for line in good {
            assert_eq!(check(EntryForm::Alone, &format!("s Fast\n{line}\n")), Ok(()), "{line}");
        }
        for bad in [
            "a ",
            "a [1148:fcd0:daaa:101::602c:bd62]:80000",
            "v Tor ugabuga",
            "pr Link",
            "w ",
            "w New",
            "w Bandwidth",
            "w Bandwidth=",
            "w Bandwidth=-10",
            "w Bandwidth=4294967296",
            "w Measured=7",
            "w Bandwidth=10 Measured=",
            "w Bandwidth=10 Unmeasured=0",
            "p reject -50",
            "m AAAA",
            "m 1,a sha256=AAAA",
            "m 1,2 sha256",
            "m 1,2",
            "id ed25519",
            "id ed25519 AAAA",
            "id other",
            "stats wfu=x",
        ] {
            let result = check(EntryForm::Alone, &format!("s Fast\n{bad}\n"));
            assert!(matches!(result, Err((_, LineProblem::Value(_)))), "{bad}: {result:?}");
        }
        for flags in ["s", "s Fast", "s Fast Odd Valid"] {
            assert_eq!(check(EntryForm::Ns, &format!("{flags}\n")), Ok(()), "{flags}");
        }
        for flags in ["s Valid Fast", "s Fast Fast"] {
            assert!(check(EntryForm::Ns, &format!("{flags}\n")).is_err(), "{flags}");
            assert!(check(EntryForm::V2, &format!("{flags}\n")).is_ok(), "{flags}");
        }
    }

    #[test]
    fn each_form_has_its_own_lines() {
        use EntryForm::{Alone, Bridge, Consensus, Microdesc, Ns, V2, Vote};
        use LineProblem::{Missing, Repeated, Unexpected};
        let digest = format!("m {DIGEST}\n");
        let of_vote = format!("m 1,2 sha256={DIGEST}\nm 3 sha256={DIGEST}\n");
        for (lines, good, bad) in [
            ("", vec![Alone, Consensus, Ns, Vote, V2, Bridge], vec![(Microdesc, Missing)]),
            (&*digest, vec![Alone, Consensus, Microdesc], vec![(Ns, Unexpected), (V2, Unexpected)]),
            (&of_vote, vec![Alone, Vote], vec![(Ns, Unexpected)]),
            ("id ed25519 none\n", vec![Alone, Vote], vec![(Ns, Unexpected), (V2, Unexpected)]),
            ("stats tk=1\n", vec![Alone, Vote], vec![(Ns, Unexpected)]),
            ("v Tor 0.4.9.11\nv Tor 0.4.9.11\n", vec![], vec![(Ns, Repeated), (Vote, Repeated)]),
        ] {
            let lines = format!("s Fast\n{lines}");
            for form in good {
                assert_eq!(check(form, &lines), Ok(()), "{form:?} {lines}");
            }
            for (form, problem) in bad {
                assert_eq!(check(form, &lines).unwrap_err().1, problem, "{form:?} {lines}");
            }
        }
        assert_eq!(check(Ns, "v Tor 0.4.9.11\n"), Err(("s".to_owned(), Missing)));
        assert_eq!(check(V2, "v Tor 0.1.1.9\n"), Ok(()));
        assert!(check(Vote, &format!("s Fast\n{digest}")).is_err());
        assert!(check(Microdesc, &format!("s Fast\n{of_vote}")).is_err());
    }
}
