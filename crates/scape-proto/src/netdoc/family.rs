//! Relay families, as relays list them.

use std::fmt;

use super::line::{is_space, lossy};
use crate::word::Fingerprint;

/// A member of a relay's family, as the relay lists it in the line `family`.
/// See dir-spec, "Microdescriptors" and "Server descriptors".
///
/// Two relays are in the same family if each of them lists the other, or if
/// both have the same family id.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FamilyMember {
    /// A relay given by its fingerprint. If a nickname follows the fingerprint,
    /// the nickname is ignored.
    Fingerprint(Fingerprint),
    /// A relay given by its nickname. Case doesn't matter. Several relays can
    /// have the same nickname.
    Nickname(Box<str>),
    /// A relay given in a form that this version of the library doesn't know.
    Other(Box<str>),
}

impl FamilyMember {
    /// Parses the members in a line `family`, given without its keyword.
    pub(super) fn parse_all(line: &[u8]) -> Vec<FamilyMember> {
        // A fingerprint takes 42 bytes: `$`, 40 digits and a space.
        let mut members = Vec::with_capacity(line.len() / 42 + 1);
        let mut rest = line;
        while !rest.is_empty() {
            // Nearly all members are fingerprints, and finding the end of the
            // word would take longer than parsing it.
            if let Some((fingerprint, after)) = take_fingerprint(rest) {
                members.push(FamilyMember::Fingerprint(fingerprint));
                rest = after;
                continue;
            }
            let end = rest.iter().position(|b| is_space(*b)).unwrap_or(rest.len());
            let (word, after) = rest.split_at_checked(end).unwrap_or((rest, b""));
            if !word.is_empty() {
                members.push(FamilyMember::parse(word));
            }
            rest = after.get(1..).unwrap_or_default();
        }
        members
    }

    fn parse(word: &[u8]) -> FamilyMember {
        let digits = word.strip_prefix(b"$").unwrap_or(word);
        let (digits, nickname) = digits.split_at_checked(40).unwrap_or((digits, b""));
        let complete =
            nickname.is_empty() || nickname.starts_with(b"~") || nickname.starts_with(b"=");
        match Fingerprint::from_hex(digits) {
            Some(fingerprint) if complete => FamilyMember::Fingerprint(fingerprint),
            _ if word.len() <= 19 && word.iter().all(u8::is_ascii_alphanumeric) => {
                FamilyMember::Nickname(lossy(word))
            }
            _ => FamilyMember::Other(lossy(word)),
        }
    }
}

/// Takes `$`, a fingerprint and the space after it from the beginning of the
/// text. Returns `None` if the text doesn't begin with them.
#[inline]
fn take_fingerprint(text: &[u8]) -> Option<(Fingerprint, &[u8])> {
    let (digits, after) = text.strip_prefix(b"$")?.split_at_checked(40)?;
    let after = match after {
        [] => after,
        [space, rest @ ..] if is_space(*space) => rest,
        _ => return None,
    };
    Some((Fingerprint::from_hex(digits)?, after))
}

impl fmt::Display for FamilyMember {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FamilyMember::Fingerprint(fingerprint) => write!(f, "${fingerprint}"),
            FamilyMember::Nickname(text) | FamilyMember::Other(text) => f.write_str(text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn family_members_in_every_form() {
        let fp = "9695DFC35FFEB861329B9F1AB04C46397020CE31";
        let known = FamilyMember::Fingerprint(fp.parse().unwrap());
        for text in
            [format!("${fp}"), fp.to_lowercase(), format!("${fp}~moria1"), format!("{fp}=moria1")]
        {
            assert_eq!(FamilyMember::parse(text.as_bytes()), known, "{text}");
        }
        assert_eq!(FamilyMember::parse(b"moria1"), FamilyMember::Nickname("moria1".into()));
        for odd in [
            format!("${fp}x"),
            "$96".into(),
            "a_b".into(),
            "twentycharactersorso".into(),
            "$$".into(),
        ] {
            assert_eq!(FamilyMember::parse(odd.as_bytes()), FamilyMember::Other(odd.into()));
        }
        for line in [
            format!("${fp} moria1 {fp}"),
            format!(" ${fp}\t  moria1 ${fp}~moria1 "),
            format!("{fp} moria1 ${fp}"),
        ] {
            let shown: Vec<String> =
                FamilyMember::parse_all(line.as_bytes()).iter().map(|m| m.to_string()).collect();
            assert_eq!(shown, [format!("${fp}"), "moria1".to_owned(), format!("${fp}")]);
        }
        assert_eq!(FamilyMember::parse_all(b" \t"), []);
    }
}
