//! Microdescriptors.

use std::fmt;
use std::net::{SocketAddr, SocketAddrV6};

use memchr::memmem;
use sha2::{Digest, Sha256};

use super::FamilyMember;
use super::address::parse_address;
use super::base64;
use super::line::{Lines, ed25519_id, find_line, keyword, lossy, words};
use crate::descriptor::PortPolicy;

/// What clients know of a relay beside its [entry](super::RouterStatus) in the
/// consensus: dir-spec, "Microdescriptors".
///
/// It borrows the text. A line that cannot be read is as if it were not there.
///
/// ```
/// use scape::descriptor::Microdescriptor;
///
/// let text = b"onion-key\nntor-onion-key lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0\np accept 80,443\n";
/// let relay = Microdescriptor::parse_all(text).next().expect("a microdescriptor");
/// assert!(relay.policy().allows(443) && relay.policy_v6().is_reject_all());
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Microdescriptor<'a> {
    /// All of it, with line ends, without annotations.
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
    /// The documents of a text such as the value of `GETINFO md/all`: each
    /// begins with a line `onion-key`. Annotations (`@last-listed …`) before
    /// them do not belong to them.
    pub fn parse_all(text: &'a [u8]) -> Microdescriptors<'a> {
        Microdescriptors::new(text)
    }

    fn parse(text: &'a [u8]) -> Self {
        let mut relay = Microdescriptor {
            text,
            ntor: b"",
            ed25519: b"",
            ipv6: None,
            family: b"",
            family_ids: b"",
            policy: None,
            policy_v6: None,
        };
        for line in Lines::new(text) {
            let (keyword, rest) = keyword(line);
            match keyword {
                b"ntor-onion-key" => relay.ntor = rest,
                b"id" => relay.ed25519 = ed25519_id(rest).unwrap_or(relay.ed25519),
                b"a" if relay.ipv6.is_none() => {
                    if let Some(SocketAddr::V6(address)) = parse_address(rest) {
                        relay.ipv6 = Some(address);
                    }
                }
                b"family" => relay.family = rest,
                b"family-ids" => relay.family_ids = rest,
                b"p" => relay.policy = Some(rest),
                b"p6" => relay.policy_v6 = Some(rest),
                _ => {}
            }
        }
        relay
    }

    /// The SHA-256 digest by which a consensus names it.
    pub fn digest(&self) -> [u8; 32] {
        Sha256::digest(self.text).into()
    }

    /// The key for the ntor handshake (Curve25519).
    pub fn ntor_onion_key(&self) -> Option<[u8; 32]> {
        base64::decode(self.ntor)
    }

    /// Its Ed25519 identity.
    pub fn ed25519(&self) -> Option<[u8; 32]> {
        base64::decode(self.ed25519)
    }

    /// Returns the first IPv6 address, with its port. tor connects to no other
    /// address of a microdescriptor.
    pub fn ipv6(&self) -> Option<SocketAddrV6> {
        self.ipv6
    }

    /// Returns the additional addresses, with their ports, in order: every line
    /// `a`. Lines that can't be read are left out.
    pub fn other_addresses(&self) -> impl Iterator<Item = SocketAddr> + use<'a> {
        let lines = Lines::new(self.text).map(keyword).filter(|(keyword, _)| *keyword == b"a");
        lines.filter_map(|(_, rest)| parse_address(rest))
    }

    /// The relays that it says are of its family.
    pub fn family(&self) -> Vec<FamilyMember> {
        FamilyMember::parse_all(self.family)
    }

    /// The line `family`, without its keyword; empty where there is none.
    pub fn family_text(&self) -> &'a [u8] {
        self.family
    }

    /// The families that it has proved to belong to, such as `ed25519:…`, as
    /// they are written. Relays with one of them in common are of one family.
    pub fn family_ids(&self) -> impl Iterator<Item = Box<str>> + use<'a> {
        words(self.family_ids).map(lossy)
    }

    /// The line `family-ids`, without its keyword; empty where there is none.
    pub fn family_ids_text(&self) -> &'a [u8] {
        self.family_ids
    }

    /// The ports to which it lets streams leave over IPv4: none without such a
    /// line, or where that cannot be read.
    pub fn policy(&self) -> PortPolicy {
        self.policy.and_then(PortPolicy::from_bytes).unwrap_or_else(PortPolicy::reject_all)
    }

    /// The line `p`, without its keyword.
    pub fn policy_text(&self) -> Option<&'a [u8]> {
        self.policy
    }

    /// As [`policy`](Self::policy), over IPv6.
    pub fn policy_v6(&self) -> PortPolicy {
        self.policy_v6.and_then(PortPolicy::from_bytes).unwrap_or_else(PortPolicy::reject_all)
    }

    /// The line `p6`, without its keyword.
    pub fn policy_v6_text(&self) -> Option<&'a [u8]> {
        self.policy_v6
    }

    /// The whole document, as it is written.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Its lines, without their ends.
    pub fn lines(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        Lines::new(self.text)
    }
}

impl fmt::Debug for Microdescriptor<'_> {
    /// The text, which has it all.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Microdescriptor").field(&String::from_utf8_lossy(self.text)).finish()
    }
}

/// The documents of a text: see [`Microdescriptor::parse_all`].
#[derive(Debug, Clone)]
pub struct Microdescriptors<'a> {
    /// Begins with a document, or is empty.
    rest: &'a [u8],
}

const START: &[u8] = b"\nonion-key";

impl<'a> Microdescriptors<'a> {
    fn new(text: &'a [u8]) -> Self {
        let start = find_line(text, START);
        Microdescriptors { rest: start.and_then(|start| text.get(start..)).unwrap_or_default() }
    }
}

impl<'a> Iterator for Microdescriptors<'a> {
    type Item = Microdescriptor<'a>;

    fn next(&mut self) -> Option<Microdescriptor<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        // The first line is this document's own start.
        let first_end = memchr::memchr(b'\n', self.rest).unwrap_or(self.rest.len());
        let next = self.rest.get(first_end..).and_then(|rest| find_line(rest, START));
        let end = next.map_or(self.rest.len(), |next| first_end + next);
        let (text, rest) = self.rest.split_at_checked(end)?;
        self.rest = rest;
        // Annotations are those of the next one.
        let end = memmem::find(text, b"\n@").map_or(text.len(), |end| end + 1);
        text.get(..end).map(Microdescriptor::parse)
    }
}

impl std::iter::FusedIterator for Microdescriptors<'_> {}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const KEY: &str = "lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0";

    #[test]
    fn documents_with_and_without_a_key_and_annotations() {
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
    fn what_is_no_document() {
        for text in ["", "\n", "ntor-onion-key x\n", "x onion-key\n", "@last-listed x"] {
            assert_eq!(Microdescriptor::parse_all(text.as_bytes()).count(), 0, "{text:?}");
        }
        assert_eq!(Microdescriptor::parse_all(b"x\nonion-key").count(), 1);
    }

    #[test]
    fn microdescriptor_policy_that_cannot_be_read_lets_nothing_leave() {
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
        fn nothing_is_lost(bodies in prop::collection::vec("([a-z0-9]{1,5} [a-z\u{e9} ]{0,8}\n){0,4}", 0..6)) {
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
