//! Parser for microdescriptors.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV6};

use sha2::{Digest, Sha256};

use super::FamilyMember;
use super::address::parse_address;
use super::base64;
use super::line::{Lines, ed25519_id, find_line, keyword, lossy, starts_with_keyword, words};
use crate::netdoc::PortPolicy;

/// A microdescriptor: the information about a relay that clients need beside
/// its [entry](super::RouterStatus) in the consensus. See dir-spec,
/// "Microdescriptors".
///
/// A `Microdescriptor` borrows its text. Lines that can't be parsed are
/// ignored.
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
    ntor: &'a [u8],
    ed25519: &'a [u8],
    ipv6: Option<SocketAddrV6>,
    family: &'a [u8],
    family_ids: &'a [u8],
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

    /// Creates a microdescriptor without any line.
    fn empty() -> Self {
        Microdescriptor {
            text: b"",
            ntor: b"",
            ed25519: b"",
            ipv6: None,
            family: b"",
            family_ids: b"",
            policy: None,
            policy_v6: None,
        }
    }

    #[inline]
    fn read_line(&mut self, line: &'a [u8]) {
        let (keyword, rest) = keyword(line);
        match keyword {
            b"ntor-onion-key" => self.ntor = rest,
            b"id" => self.ed25519 = ed25519_id(rest).unwrap_or(self.ed25519),
            b"a" if self.ipv6.is_none() => {
                if let Some(SocketAddr::V6(address)) = parse_address(rest) {
                    self.ipv6 = Some(address);
                }
            }
            b"family" => self.family = rest,
            b"family-ids" => self.family_ids = rest,
            b"p" => self.policy = Some(rest),
            b"p6" => self.policy_v6 = Some(rest),
            _ => {}
        }
    }

    /// Returns the document's SHA-256 digest, by which a consensus refers to
    /// the document. Each call computes the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::Microdescriptor;
    ///
    /// let text = b"onion-key\np accept 80,443\n";
    /// let relay = Microdescriptor::parse_all(text).next().expect("a microdescriptor");
    /// assert_eq!(relay.digest()[..4], [0x0b, 0xbf, 0xa5, 0xe7]);
    /// ```
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text).into()
    }

    /// Returns the key for the ntor handshake (Curve25519): the line
    /// `ntor-onion-key`. Returns `None` if the line is missing or malformed.
    pub fn ntor_onion_key(&self) -> Option<[u8; 32]> {
        base64::decode(self.ntor)
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
        let lines = Lines::new(self.text).map(keyword).filter(|(keyword, _)| *keyword == b"a");
        lines.filter_map(|(_, rest)| parse_address(rest))
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
        FamilyMember::parse_all(self.family)
    }

    /// Returns the line `family` without its keyword. Returns an empty text if
    /// there is no such line.
    pub fn family_text(&self) -> &'a [u8] {
        self.family
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
        words(self.family_ids).map(lossy)
    }

    /// Returns the line `family-ids` without its keyword. Returns an empty text
    /// if there is no such line.
    pub fn family_ids_text(&self) -> &'a [u8] {
        self.family_ids
    }

    /// Returns the ports to which the relay allows streams to exit over IPv4:
    /// the line `p`. No port is allowed if the line is missing or malformed.
    pub fn policy(&self) -> PortPolicy {
        self.policy.and_then(PortPolicy::from_bytes).unwrap_or_else(PortPolicy::reject_all)
    }

    /// Returns the line `p` without its keyword, or `None` if there is no such
    /// line.
    pub fn policy_text(&self) -> Option<&'a [u8]> {
        self.policy
    }

    /// Returns the ports to which the relay allows streams to exit over IPv6:
    /// the line `p6`. No port is allowed if the line is missing or malformed.
    pub fn policy_v6(&self) -> PortPolicy {
        self.policy_v6.and_then(PortPolicy::from_bytes).unwrap_or_else(PortPolicy::reject_all)
    }

    /// Returns the line `p6` without its keyword, or `None` if there is no such
    /// line.
    pub fn policy_v6_text(&self) -> Option<&'a [u8]> {
        self.policy_v6
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

impl fmt::Debug for Microdescriptor<'_> {
    /// Writes the text, because it contains everything.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Microdescriptor").field(&String::from_utf8_lossy(self.text)).finish()
    }
}

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
}

impl<'a> Iterator for Microdescriptors<'a> {
    type Item = Microdescriptor<'a>;

    fn next(&mut self) -> Option<Microdescriptor<'a>> {
        let text = self.rest;
        let mut lines = Lines::new(text);
        // The first line is this document's own `onion-key`.
        lines.next()?;
        let mut relay = Microdescriptor::empty();
        // Annotations at the end belong to the next document.
        let mut annotations = None;
        loop {
            let rest = lines.rest();
            // The first byte is enough to rule out most lines, which are part
            // of the key in `onion-key`.
            match rest.first() {
                None => break,
                Some(b'o') if starts_with_keyword(rest, START) => break,
                Some(b'@') if annotations.is_none() => annotations = Some(rest),
                Some(b'n' | b'i' | b'a' | b'f' | b'p') if annotations.is_none() => {
                    relay.read_line(lines.next()?);
                    continue;
                }
                _ => {}
            }
            lines.next();
        }
        self.rest = lines.rest();
        let after = annotations.unwrap_or(self.rest);
        relay.text = text.get(..text.len() - after.len())?;
        Some(relay)
    }
}

impl std::iter::FusedIterator for Microdescriptors<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0";

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

    proptest! {
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
