//! Parser for microdescriptors.

use std::net::{SocketAddr, SocketAddrV6};

use super::address::parse_address;
use super::annotations::{skip_annotations, strip_trailing};
use super::base64;
use super::digest::sha256_of_lines;
use super::item::{BEGIN, Item, Object, skip_object};
use super::line::{
    Lines, ed25519_id, find_line, first_word, keyword, keyword_after_opt, lossy,
    starts_with_keyword, words,
};
use super::rules::{self, Depth, Rule, Rules};
use super::value::key;
use super::{DocumentError, DocumentKind, FamilyMember, LineProblem, PortPolicy, Protocols};

/// A microdescriptor: the information about a relay that clients need beside
/// its [entry](super::RouterStatus) in the consensus. See dir-spec,
/// "Microdescriptors".
///
/// A `Microdescriptor` borrows its text. Malformed lines are skipped, and
/// [`skipped`](Self::skipped) returns the reasons.
/// [`parse_strict`](Self::parse_strict) checks everything that dir-spec
/// demands.
///
/// ```
/// use scape_proto::netdoc::Microdescriptor;
///
/// let text = b"onion-key\nntor-onion-key lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0\np accept 80,443\n";
/// let relay = Microdescriptor::parse_all(text).next().expect("a microdescriptor");
/// assert!(relay.policy().allows(443) && relay.policy_v6().is_reject_all());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Microdescriptor<'a> {
    /// The whole document, with line ends but without annotations.
    text: &'a [u8],
    ntor: Option<&'a [u8]>,
    ed25519: &'a [u8],
    ipv6: Option<SocketAddrV6>,
    family: Option<&'a [u8]>,
    family_ids: Option<&'a [u8]>,
    policy: Option<&'a [u8]>,
    policy_v6: Option<&'a [u8]>,
}

impl<'a> Microdescriptor<'a> {
    /// Returns an iterator over the microdescriptors in a text, such as the
    /// value of `GETINFO md/all`.
    ///
    /// Each document begins with a line `onion-key`. Annotations
    /// (`@last-listed …`) that precede a document aren't part of it.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"@last-listed 2026-11-21 00:00:00\nonion-key\np accept 80\n\
    ///     onion-key\np accept 443\n";
    /// let relays: Vec<Microdescriptor<'_>> = Microdescriptor::parse_all(text).collect();
    /// assert_eq!(relays.len(), 2);
    /// assert!(relays[1].policy().allows(443));
    /// ```
    pub fn parse_all(text: &'a [u8]) -> Microdescriptors<'a> {
        Microdescriptors::new(text)
    }

    /// Parses a microdescriptor. Annotations before it and text after it are
    /// left out.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"@last-listed 2026-11-21 00:00:00\nonion-key\np accept 80\n";
    /// let relay = Microdescriptor::parse(text)?;
    /// assert!(relay.policy().allows(80));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line `onion-key`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        let text = skip_annotations(text);
        let relay = Microdescriptors::new(text).next();
        relay.filter(|_| starts_with_keyword(text, START)).ok_or_else(|| {
            let first = Lines::new(text).next().unwrap_or_default();
            let (word, _) = keyword(first);
            DocumentError::new(DocumentKind::Microdescriptor, Some(1), word, LineProblem::Start)
        })
    }

    /// Parses a microdescriptor and checks the number and the form of its
    /// lines. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{LineProblem, Microdescriptor};
    ///
    /// let text = b"onion-key\np accept 80\np accept 443\n";
    /// let error = Microdescriptor::parse_strict(text).expect_err("two policies");
    /// assert_eq!((error.keyword(), error.problem()), ("p", LineProblem::Repeated));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        let relay = Self::parse(text)?;
        relay.check(Depth::Strict)?;
        Ok(relay)
    }

    /// Creates a microdescriptor without any line, for the parser to fill.
    fn empty() -> Self {
        Microdescriptor {
            text: b"",
            ntor: None,
            ed25519: b"",
            ipv6: None,
            family: None,
            family_ids: None,
            policy: None,
            policy_v6: None,
        }
    }

    #[inline]
    fn read_line(&mut self, line: &'a [u8]) {
        let (keyword, rest) = keyword_after_opt(line);
        match keyword {
            b"ntor-onion-key" => self.ntor = self.ntor.or(Some(rest)),
            b"id" if self.ed25519.is_empty() => {
                self.ed25519 = ed25519_id(rest).unwrap_or_default();
            }
            b"a" if self.ipv6.is_none() => {
                if let Some(SocketAddr::V6(address)) = parse_address(first_word(rest)) {
                    self.ipv6 = Some(address);
                }
            }
            b"family" => self.family = self.family.or(Some(rest)),
            b"family-ids" => self.family_ids = self.family_ids.or(Some(rest)),
            b"p" => self.policy = self.policy.or(Some(rest)),
            b"p6" => self.policy_v6 = self.policy_v6.or(Some(rest)),
            _ => {}
        }
    }

    /// Checks all lines. A strict check fails with the first error, and a
    /// lenient check returns a list of all errors.
    fn check(&self, depth: Depth) -> Result<Vec<DocumentError>, DocumentError> {
        let mut identities: Vec<&[u8]> = Vec::new();
        rules::read(&RULES, self.text, depth, |item| check_item(item, &mut identities))
    }

    /// Returns the document's SHA-256 digest, by which a consensus refers to
    /// the document. Each call computes the digest again.
    ///
    /// If the last line end is missing, it counts as present. So the digest of
    /// the last document in a GETINFO answer is right even if the line end was
    /// removed from the answer.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"onion-key\np accept 80,443\n";
    /// let relay = Microdescriptor::parse_all(text).next().expect("a microdescriptor");
    /// assert_eq!(relay.digest()[..4], [0x0b, 0xbf, 0xa5, 0xe7]);
    /// ```
    pub fn digest(&self) -> [u8; 32] {
        sha256_of_lines(self.text)
    }

    /// Returns the RSA key for the TAP handshake. Returns `None` if there is no
    /// key after the line `onion-key`, as in documents since tor 0.4.9.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"onion-key\n-----BEGIN RSA PUBLIC KEY-----\nAQID\n\
    ///     -----END RSA PUBLIC KEY-----\n";
    /// let key = Microdescriptor::parse(text)?.onion_key().expect("there is a key");
    /// assert_eq!(key.decode(), Some(vec![1, 2, 3]));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn onion_key(&self) -> Option<Object<'a>> {
        let first = Item::parse_all(self.text).next()?;
        first.object().filter(|object| object.label() == RSA.as_bytes())
    }

    /// Returns the key for the ntor handshake (Curve25519): the line
    /// `ntor-onion-key`. Returns `None` if the line is missing or malformed.
    pub fn ntor_onion_key(&self) -> Option<[u8; 32]> {
        base64::decode(self.ntor?)
    }

    /// Returns the relay's Ed25519 identity key: the line `id`. Returns `None`
    /// if the line is missing or malformed.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        base64::decode(self.ed25519)
    }

    /// Returns the first IPv6 address with its port, or `None` if there is no
    /// IPv6 address. Among the addresses in a microdescriptor, tor connects
    /// only to this one.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        self.ipv6
    }

    /// Returns the additional addresses with their ports, in order: all lines
    /// `a`. Lines that can't be parsed are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"onion-key\na [2001:db8::4]:9104\n";
    /// let relay = Microdescriptor::parse_all(text).next().expect("a microdescriptor");
    /// assert_eq!(relay.other_addresses().next(), "[2001:db8::4]:9104".parse().ok());
    /// ```
    pub fn other_addresses(&self) -> impl Iterator<Item = SocketAddr> + use<'a> {
        self.lines_with(b"a").filter_map(|rest| parse_address(first_word(rest)))
    }

    /// Returns the relays that this relay lists as its family: the line
    /// `family`. Returns an empty list if there is no such line.
    ///
    /// Two relays are in the same family if each of them lists the other, or if
    /// they share a family id.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"onion-key\nfamily $256498816C85C6ABA4DF222205CF3FA091E63CCE relay05\n";
    /// let relay = Microdescriptor::parse_all(text).next().expect("a microdescriptor");
    /// let family: Vec<String> = relay.family().iter().map(|member| member.to_string()).collect();
    /// assert_eq!(family, ["$256498816C85C6ABA4DF222205CF3FA091E63CCE", "relay05"]);
    /// ```
    pub fn family(&self) -> Vec<FamilyMember> {
        FamilyMember::parse_all(self.family.unwrap_or_default())
    }

    /// Returns the line `family` without its keyword. Returns an empty text if
    /// there is no such line.
    pub fn family_text(&self) -> &'a [u8] {
        self.family.unwrap_or_default()
    }

    /// Returns the ids of the relay's families, as written in the document,
    /// such as `ed25519:…`. The relay has proved that it belongs to these
    /// families. Relays that share a family id are in the same family.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"onion-key\nfamily-ids ed25519:lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0\n";
    /// let relay = Microdescriptor::parse_all(text).next().expect("a microdescriptor");
    /// let ids: Vec<Box<str>> = relay.family_ids().collect();
    /// assert_eq!(&*ids[0], "ed25519:lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0");
    /// ```
    pub fn family_ids(&self) -> impl Iterator<Item = Box<str>> + use<'a> {
        words(self.family_ids.unwrap_or_default()).map(lossy)
    }

    /// Returns the line `family-ids` without its keyword. Returns an empty text
    /// if there is no such line.
    pub fn family_ids_text(&self) -> &'a [u8] {
        self.family_ids.unwrap_or_default()
    }

    /// Returns the ports to which the relay allows streams to exit over IPv4:
    /// the line `p`. No port is allowed if the line is missing or malformed.
    pub fn policy(&self) -> PortPolicy {
        self.policy.and_then(PortPolicy::from_line).unwrap_or_else(PortPolicy::reject_all)
    }

    /// Returns the line `p` without its keyword, or `None` if there is no such
    /// line.
    pub fn policy_text(&self) -> Option<&'a [u8]> {
        self.policy
    }

    /// Returns the ports to which the relay allows streams to exit over IPv6:
    /// the line `p6`. No port is allowed if the line is missing or malformed.
    pub fn policy_v6(&self) -> PortPolicy {
        self.policy_v6.and_then(PortPolicy::from_line).unwrap_or_else(PortPolicy::reject_all)
    }

    /// Returns the line `p6` without its keyword, or `None` if there is no such
    /// line.
    pub fn policy_v6_text(&self) -> Option<&'a [u8]> {
        self.policy_v6
    }

    /// Returns the subprotocol versions that the relay supports: the line `pr`.
    /// Returns `None` if the line is missing or malformed.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let relay = Microdescriptor::parse(b"onion-key\npr Link=1-5 Relay=1-4\n")?;
    /// assert!(relay.protocols().is_some_and(|protocols| protocols.supports("Relay", 4)));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn protocols(&self) -> Option<Protocols> {
        self.lines_with(b"pr").next().and_then(Protocols::from_bytes)
    }

    /// Returns the relay's identity keys, in order: the type and the key of all
    /// lines `id`. The types are `ed25519` and `rsa1024`, and the keys are in
    /// base64. An RSA key is given by its SHA-1 digest.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let relay = Microdescriptor::parse(b"onion-key\nid rsa1024 Cd47okjCHD83YGzThGBDptXs9Z4\n")?;
    /// let (kind, key) = relay.identities().next().expect("an identity");
    /// assert_eq!((kind, key), (&b"rsa1024"[..], &b"Cd47okjCHD83YGzThGBDptXs9Z4"[..]));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn identities(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        self.lines_with(b"id").filter_map(|rest| {
            let mut words = words(rest);
            Some((words.next()?, words.next()?))
        })
    }

    /// Returns the text after the keyword for each line with this keyword.
    fn lines_with(&self, wanted: &'static [u8]) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let items = Item::parse_all(self.text);
        items.filter(move |item| item.keyword() == wanted).map(|item| item.arguments())
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated. Each call checks all lines again, because parsing a
    /// microdescriptor doesn't look at most of the values.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let relay = Microdescriptor::parse(b"onion-key\np accept everything\n")?;
    /// assert!(relay.policy().is_reject_all());
    /// assert_eq!(relay.skipped()[0].keyword(), "p");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn skipped(&self) -> Vec<DocumentError> {
        self.check(Depth::Lenient).unwrap_or_default()
    }

    /// Returns the lines that this version of the library doesn't know, with
    /// their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let relay = Microdescriptor::parse(b"onion-key\nnew-keyword 1\n")?;
    /// let unknown = relay.unknown_items().next().map(|item| item.keyword());
    /// assert_eq!(unknown, Some(&b"new-keyword"[..]));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&RULES, self.text)
    }

    /// Returns the text of the whole document.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines of the document without line ends.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.text)
    }
}

const RSA: &str = "RSA PUBLIC KEY";

static RULES: Rules = Rules {
    document: DocumentKind::Microdescriptor,
    lines: &[
        Rule::once("onion-key").optional_object(RSA),
        // Documents of consensus methods before 16 have no such line.
        Rule::at_most_once("ntor-onion-key"),
        Rule::any("a"),
        Rule::at_most_once("family"),
        Rule::at_most_once("family-ids"),
        Rule::at_most_once("p"),
        Rule::at_most_once("p6"),
        Rule::at_most_once("pr"),
        Rule::any("id"),
    ],
    ordered: false,
};

/// Checks the value of a line. `identities` has the types of the `id` lines
/// before this line.
fn check_item<'a>(item: &Item<'a>, identities: &mut Vec<&'a [u8]>) -> Result<(), LineProblem> {
    let mut words = item.arguments_reader();
    let (is_valid, form) = match item.keyword() {
        b"ntor-onion-key" => return key(&mut words).map(|_| ()),
        b"a" => {
            let is_valid = parse_address(words.word()?).is_some();
            (is_valid, "the address must be an IP address with a port")
        }
        b"p" | b"p6" => {
            let is_valid = PortPolicy::from_line(item.arguments()).is_some();
            (is_valid, "the policy must be accept or reject, and ports")
        }
        b"pr" => {
            let is_valid = Protocols::from_bytes(item.arguments()).is_some();
            (is_valid, "the entries must be names with versions, such as Link=1-5")
        }
        b"id" => {
            let (kind, key) = (words.word()?, words.word()?);
            // Only the first key of each of the known types counts.
            let is_valid = match kind {
                b"ed25519" => base64::decode::<32>(key).is_some(),
                b"rsa1024" => base64::decode::<20>(key).is_some(),
                _ => return Ok(()),
            };
            if identities.contains(&kind) {
                return Err(LineProblem::Repeated);
            }
            identities.push(kind);
            (is_valid, "the key must be 32 bytes (ed25519) or 20 bytes (rsa1024) in base64")
        }
        _ => (true, ""),
    };
    if is_valid { Ok(()) } else { Err(LineProblem::Value(form)) }
}

debug_as_text! { Microdescriptor }

/// An iterator over the microdescriptors in a text. See
/// [`Microdescriptor::parse_all`].
#[derive(Debug, Clone)]
pub struct Microdescriptors<'a> {
    /// The remaining text. It begins with a document or is empty.
    rest: &'a [u8],
}

/// The keyword of the first line of a document.
const START: &[u8] = b"onion-key";

impl<'a> Microdescriptors<'a> {
    fn new(text: &'a [u8]) -> Self {
        let start = find_line(text, b"\nonion-key");
        Microdescriptors { rest: start.and_then(|start| text.get(start..)).unwrap_or_default() }
    }

    /// Returns an iterator that checks each remaining document as
    /// [`Microdescriptor::parse_strict`] does.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"onion-key\np accept soon\nonion-key\n\
    ///     ntor-onion-key lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0\n";
    /// let valid = Microdescriptor::parse_all(text).strict().filter_map(|result| result.ok());
    /// assert_eq!(valid.count(), 1);
    /// ```
    pub fn strict(self) -> impl Iterator<Item = Result<Microdescriptor<'a>, DocumentError>> {
        self.map(|relay| relay.check(Depth::Strict).map(|_| relay))
    }
}

impl<'a> Iterator for Microdescriptors<'a> {
    type Item = Microdescriptor<'a>;

    fn next(&mut self) -> Option<Microdescriptor<'a>> {
        let text = self.rest;
        let mut lines = Lines::new(text);
        // The first line is this document's own `onion-key`.
        lines.next()?;
        let mut relay = Microdescriptor::empty();
        loop {
            let rest = lines.rest();
            // The first byte is enough to rule out most lines.
            match rest.first() {
                None => break,
                Some(b'o') if starts_with_keyword(rest, START) => break,
                Some(b'n' | b'i' | b'a' | b'f' | b'p' | b'o') => relay.read_line(lines.next()?),
                Some(b'-') if rest.starts_with(BEGIN) => skip_object(&mut lines),
                _ => drop(lines.next()),
            }
        }
        self.rest = lines.rest();
        relay.text = strip_trailing(text.get(..text.len() - self.rest.len())?);
        Some(relay)
    }
}

impl std::iter::FusedIterator for Microdescriptors<'_> {}

#[cfg(test)]
mod tests {
    use sha2::{Digest, Sha256};

    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0";

    #[test]
    fn empty_first_line_counts_as_the_first() {
        let text = b"onion-key\nfamily\nfamily a\nfamily-ids\nfamily-ids ed25519:x\n";
        let relay = Microdescriptor::parse(text).unwrap();
        assert_eq!((relay.family_text(), relay.family_ids_text()), (&b""[..], &b""[..]));
        assert_eq!(relay.skipped().len(), 2);
    }

    #[test]
    fn microdescriptors_with_and_without_key_and_annotations() {
        let first = format!(
            "onion-key\n-----BEGIN RSA PUBLIC KEY-----\nMIGJ\n-----END RSA PUBLIC KEY-----\nntor-onion-key {KEY}\n"
        );
        let second = "onion-key\nnew-line x\nid rsa1024 x\nid ed25519 !\na 192.0.2.1:1\na [::1]:2\nfamily a $b\nfamily-ids ed25519:x y\np accept 80\np6 reject 25\n";
        let text = format!(
            "@last-listed 2026-11-21 02:00:00\n{first}@last-listed 2026-11-21 02:00:00\n@odd\n{second}"
        );
        let all: Vec<Microdescriptor<'_>> = Microdescriptor::parse_all(text.as_bytes()).collect();
        assert_eq!(
            all.iter().map(|md| md.text()).collect::<Vec<_>>(),
            [first.as_bytes(), second.as_bytes()]
        );
        assert!(all[0].ntor_onion_key().is_some() && all[0].policy().is_reject_all());
        assert_eq!(
            (all[0].family(), all[0].family_ids().count(), all[0].ipv6()),
            (Vec::new(), 0, None)
        );
        assert_eq!((all[1].ed25519(), all[1].ntor_onion_key()), (None, None));
        assert_eq!(all[1].ipv6(), "[::1]:2".parse().ok());
        assert_eq!(all[1].other_addresses().count(), 2);
        assert_eq!(all[1].family().len(), 2);
        assert_eq!(all[1].family_ids().collect::<Vec<_>>(), ["ed25519:x".into(), "y".into()]);
        assert!(
            all[1].policy().allows(80)
                && all[1].policy_v6().allows(80)
                && !all[1].policy_v6().allows(25)
        );
    }

    #[test]
    fn texts_without_microdescriptors() {
        for text in ["", "\n", "ntor-onion-key x\n", "x onion-key\n", "@last-listed x"] {
            assert_eq!(Microdescriptor::parse_all(text.as_bytes()).count(), 0, "{text:?}");
        }
        assert_eq!(Microdescriptor::parse_all(b"x\nonion-key").count(), 1);
    }

    #[test]
    fn digest_of_text_without_last_line_end() {
        let text = b"onion-key\np accept 80\nonion-key\np accept 443\n";
        let digests = |text| Microdescriptor::parse_all(text).map(|md| md.digest()).collect();
        let whole: Vec<[u8; 32]> = digests(text);
        let cut: Vec<[u8; 32]> = digests(text.strip_suffix(b"\n").unwrap());
        assert_eq!((whole.len(), &whole), (2, &cut));
        assert_eq!(whole[1], <[u8; 32]>::from(Sha256::digest(b"onion-key\np accept 443\n")));
    }

    #[test]
    fn malformed_microdescriptor_policy_rejects_all() {
        let text = b"onion-key\np accept 80,443x\np6 \xff\n";
        let md = Microdescriptor::parse_all(text).next().unwrap();
        assert!(md.policy().is_reject_all() && md.policy_v6().is_reject_all());
        assert_eq!(md.policy_text(), Some(&b"accept 80,443x"[..]));
    }

    #[test]
    fn microdescriptor_lines_may_have_tabs() {
        let id = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
        let text = format!(
            "onion-key\t\nid\ted25519\t{id}\na\t[::1]:2\np\taccept\t80,443\nfamily\ta\tb\nonion-keys\n"
        );
        let all: Vec<Microdescriptor<'_>> = Microdescriptor::parse_all(text.as_bytes()).collect();
        let [md] = &*all else { panic!("{all:?}") };
        assert_eq!((md.ed25519(), md.ipv6()), (Some([0; 32]), "[::1]:2".parse().ok()));
        assert!(md.policy().allows(443) && !md.policy().allows(25));
        assert_eq!(md.family().len(), 2);
    }

    /// Returns the text of a microdescriptor that has every line of dir-spec.
    fn whole() -> String {
        format!(
            "onion-key\n-----BEGIN RSA PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n\
             ntor-onion-key {KEY}\na [2001:db8::4]:9104\na 192.0.2.4:9104\n\
             family $256498816C85C6ABA4DF222205CF3FA091E63CCE relay05\n\
             family-ids ed25519:{KEY}\np accept 80,443\np6 accept 443\npr Link=1-5\n\
             id rsa1024 Cd47okjCHD83YGzThGBDptXs9Z4\nid ed25519 {KEY}\nid new x\n"
        )
    }

    #[test]
    fn microdescriptor_with_every_line_is_read_strictly() {
        let text = whole();
        let relay = Microdescriptor::parse_strict(text.as_bytes()).unwrap();
        assert!(relay.skipped().is_empty() && relay.unknown_items().count() == 0);
        assert_eq!(relay.onion_key().and_then(|key| key.decode()), Some(vec![1, 2, 3]));
        assert!(relay.protocols().unwrap().supports("Link", 5));
        assert_eq!((relay.identities().count(), relay.ed25519().is_some()), (3, true));
        assert_eq!(relay.other_addresses().count(), 2);
        let bare = text
            .replace("-----BEGIN RSA PUBLIC KEY-----\nAQID\n-----END RSA PUBLIC KEY-----\n", "");
        let relay = Microdescriptor::parse_strict(bare.as_bytes()).unwrap();
        assert_eq!(relay.onion_key(), None);
        let both = [&*text, "@last-listed 2026-11-21 02:00:00\n", &*bare].concat();
        assert!(Microdescriptor::parse_all(both.as_bytes()).strict().all(|relay| relay.is_ok()));
    }

    #[test]
    fn broken_rules_are_skipped_or_errors() {
        let text = whole();
        for (old, new, keyword, problem) in [
            ("p6 accept 443", "p accept 25", "p", Some(LineProblem::Repeated)),
            ("id new x", &format!("id ed25519 {KEY}"), "id", Some(LineProblem::Repeated)),
            ("id new x", "id new", "id", Some(LineProblem::Words)),
            ("BEGIN RSA", "BEGIN ECC", "onion-key", Some(LineProblem::Object)),
            ("id new x", "ntor-onion-key x", "ntor-onion-key", Some(LineProblem::Repeated)),
            ("accept 80,", "accept 80000,", "p", None),
            ("p6 accept", "p6 admit", "p6", None),
            ("Link=1-5", "Link=5-1", "pr", None),
            ("id ed25519 l", "id ed25519 ", "id", None),
            ("rsa1024 C", "rsa1024 ", "id", None),
            ("[2001:db8::4]:9104", "[2001:db8::4]", "a", None),
        ] {
            let changed = text.replace(old, new);
            assert_ne!(changed, text, "{old}");
            let error = Microdescriptor::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!(error.keyword(), keyword, "{error}");
            match problem {
                Some(problem) => assert_eq!(error.problem(), problem, "{error}"),
                None => assert!(matches!(error.problem(), LineProblem::Value(_)), "{error}"),
            }
            let relay = Microdescriptor::parse(changed.as_bytes()).unwrap();
            assert_eq!(relay.skipped().first(), Some(&error), "{old}");
        }
    }

    /// Strict parsing accepts documents of old consensus methods, which have no
    /// key for ntor. It also accepts family members of unknown forms, because
    /// authorities copy them.
    #[test]
    fn old_and_future_lines_are_read_strictly() {
        let old = whole().replace("ntor-onion-key", "new-onion-key");
        let relay = Microdescriptor::parse_strict(old.as_bytes()).unwrap();
        assert_eq!(relay.ntor_onion_key(), None);
        let odd = whole().replace("family $", "family !odd $");
        let relay = Microdescriptor::parse_strict(odd.as_bytes()).unwrap();
        assert_eq!((relay.family().len(), relay.skipped().len()), (3, 0));
    }

    #[test]
    fn lines_with_additional_words_keep_their_values() {
        let text = whole();
        let old = Microdescriptor::parse_strict(text.as_bytes()).unwrap();
        let changed = text.replace(":9104\n", ":9104 more\n").replace("443\n", "443 more words\n");
        let new = Microdescriptor::parse_strict(changed.as_bytes()).unwrap();
        assert_eq!((new.ipv6(), new.policy()), (old.ipv6(), old.policy()));
        assert_eq!(new.policy_v6(), old.policy_v6());
        assert!(new.other_addresses().eq(old.other_addresses()) && new.ipv6().is_some());
        assert_eq!(changed.matches("more").count(), 4);
    }

    #[test]
    fn lines_of_an_object_are_no_fields() {
        let text = "onion-key\n-----BEGIN RSA PUBLIC KEY-----\np accept 8\nid ed25519 A\n\
            -----END RSA PUBLIC KEY-----\nid rsa1024 x\np accept 9\nnew\n-----BEGIN X-----\n\
            pr Link\na 1\nopt family a\nAAAAA\n-----END X-----\nopt pr Link=3\nopt\tfamily b\n\
            opt p6 accept 80\n";
        let relay = Microdescriptor::parse(text.as_bytes()).unwrap();
        assert_eq!((relay.policy_text(), relay.family_text()), (Some(&b"accept 9"[..]), &b"b"[..]));
        assert!(relay.policy_v6().allows(80) && relay.protocols().unwrap().supports("Link", 3));
        assert_eq!(relay.identities().count(), 1);
        assert_eq!(relay.unknown_items().count(), 1);
        // The line after an object that doesn't end is a field.
        let broken = text.replace("-----END RSA PUBLIC KEY-----", "family-ids a_");
        let relay = Microdescriptor::parse(broken.as_bytes()).unwrap();
        assert_eq!(
            (relay.policy_text(), relay.family_ids_text()),
            (Some(&b"accept 9"[..]), &b"a_"[..])
        );
    }

    #[test]
    fn first_of_repeated_lines_is_used() {
        let text = format!(
            "onion-key\nntor-onion-key {KEY}\nntor-onion-key x\nid ed25519 {KEY}\nid ed25519 x\n\
             family a\nfamily b\nfamily-ids c\nfamily-ids d\np accept 1\np accept 2\n\
             p6 accept 3\np6 accept 4\n"
        );
        let relay = Microdescriptor::parse(text.as_bytes()).unwrap();
        assert!(relay.ntor_onion_key().is_some() && relay.ed25519().is_some());
        assert_eq!((relay.family_text(), relay.family_ids_text()), (&b"a"[..], &b"c"[..]));
        assert!(relay.policy().allows(1) && relay.policy_v6().allows(3));
        assert_eq!(relay.skipped().len(), 6);
    }

    #[test]
    fn text_that_is_no_microdescriptor_is_refused() {
        for text in ["", "family a\nonion-key\n", "onion-keys\n", "@last-listed x\n"] {
            let error = Microdescriptor::parse(text.as_bytes()).unwrap_err();
            assert_eq!(error.problem(), LineProblem::Start, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn checking_microdescriptors_never_panics(
            lines in prop::collection::vec("(id|a|p|pr|family)? ?[ -~\u{e9}]{0,9}", 0..9),
        ) {
            let text = format!("onion-key\n{}", lines.join("\n"));
            let relay = Microdescriptor::parse(text.as_bytes()).unwrap();
            let _ = (relay.skipped(), relay.protocols(), relay.identities().count());
        }

        #[test]
        fn microdescriptors_keep_all_text(bodies in prop::collection::vec("([a-z0-9]{1,5} [a-z\u{e9} ]{0,8}\n){0,4}", 0..6)) {
            let documents: Vec<String> = bodies.iter().map(|body| format!("onion-key\n{body}")).collect();
            let text = documents.concat();
            let found: Vec<&[u8]> =
                Microdescriptor::parse_all(text.as_bytes()).map(|md| md.text()).collect();
            let expected: Vec<&[u8]> =
                documents.iter().map(|document| document.as_bytes()).collect();
            prop_assert_eq!(found, expected);
        }
    }
}
