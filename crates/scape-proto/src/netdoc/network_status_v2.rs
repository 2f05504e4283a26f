//! Network statuses of version 2: the specification dir-spec-v2, "Network
//! status format".

use std::borrow::Cow;
use std::fmt;
use std::net::Ipv4Addr;
use std::time::SystemTime;

use sha1::{Digest, Sha1};

use super::document_error::LineProblem;
use super::entry_form::EntryForm;
use super::item::{Item, Object};
use super::line::{find_line, lossy};
use super::rules::{self, Depth, Rule, Rules};
use super::status_header::versions;
use super::status_parts::StatusParts;
use super::value::{fingerprint, ipv4, nickname, port};
use super::{DocumentError, DocumentKind, RouterStatuses};
use crate::word::Fingerprint;

/// A network status of version 2: a directory authority's list of relays, which
/// tor used until 2014. See dir-spec-v2, "Network status format".
///
/// A `NetworkStatusV2` borrows its text. The header and the signature are
/// parsed by [`parse`](Self::parse), the entries by the iterator that
/// [`relays`](Self::relays) returns. A malformed line is skipped, its field is
/// `None` or empty as if the line were missing, and [`skipped`](Self::skipped)
/// returns the reason. [`parse_strict`](Self::parse_strict) checks everything
/// that dir-spec-v2 demands, also of the entries.
///
/// The signature is not checked.
///
/// ```
/// use scape_proto::netdoc::NetworkStatusV2;
///
/// let text = b"network-status-version 2\ndir-source 18.244.0.114 18.244.0.114 80\n\
///     dir-options Names Versions\n\
///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2005-12-15 06:57:18 127.0.0.14 9004 0\n\
///     s Running Valid\ndirectory-signature moria2\n";
/// let status = NetworkStatusV2::parse(text)?;
/// assert_eq!(status.dir_port, Some(80));
/// assert_eq!(*status.options, ["Names".into(), "Versions".into()]);
/// assert_eq!(status.relays().count(), 1);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "NetworkStatusDocumentV2")]
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct NetworkStatusV2<'a> {
    #[cfg_attr(feature = "serde", serde(skip))]
    skipped: Vec<DocumentError>,
    /// The authority's host name or address, as written in the document.
    pub hostname: Option<Box<str>>,
    /// The authority's IPv4 address.
    pub address: Option<Ipv4Addr>,
    /// The authority's port for directory requests.
    pub dir_port: Option<u16>,
    /// The fingerprint of the authority's key.
    pub fingerprint: Option<Fingerprint>,
    /// The contact information of the authority's operator. Invalid UTF-8 is
    /// replaced by U+FFFD.
    pub contact: Option<Cow<'a, str>>,
    /// The authority's RSA key.
    pub signing_key: Option<Object<'a>>,
    /// The versions of tor that are recommended for clients, as written in the
    /// document.
    pub client_versions: Vec<Box<str>>,
    /// The versions of tor that are recommended for relays, as written in the
    /// document.
    pub server_versions: Vec<Box<str>>,
    /// The time when the document was made.
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::word::serial::time"))]
    pub published: Option<SystemTime>,
    /// The options of the authority, such as `Names` and `Versions`: the line
    /// `dir-options`.
    pub options: Vec<Box<str>>,
    /// The nickname of the authority that signed.
    pub signing_authority: Option<&'a str>,
    /// The RSA signature.
    pub signature: Option<Object<'a>>,
    /// The text of the document. It is serialized as `relays`, a list of the
    /// relays' entries, after the other fields.
    #[cfg_attr(feature = "serde", serde(rename = "relays"))]
    #[cfg_attr(feature = "serde", serde(serialize_with = "crate::netdoc::serial::relays::v2"))]
    parts: StatusParts<'a>,
}

static HEADER: Rules = Rules {
    document: DocumentKind::NetworkStatusV2,
    lines: &[
        Rule::once("network-status-version").position_from_start(0).decisive(),
        Rule::once("dir-source"),
        Rule::once("fingerprint"),
        Rule::once("contact"),
        Rule::once("published"),
        Rule::at_most_once("dir-options"),
        Rule::at_most_once("client-versions"),
        Rule::at_most_once("server-versions"),
        Rule::once("dir-signing-key").object("RSA PUBLIC KEY"),
    ],
    ordered: false,
};

static FOOTER: Rules = Rules {
    document: DocumentKind::NetworkStatusV2,
    lines: &[Rule::once("directory-signature").object("SIGNATURE").position_from_end(0)],
    ordered: false,
};

impl<'a> NetworkStatusV2<'a> {
    /// Parses a network status. Malformed lines are skipped. Annotations before
    /// the document are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::NetworkStatusV2;
    ///
    /// let status = NetworkStatusV2::parse(b"network-status-version 2\npublished soon\n")?;
    /// assert_eq!(status.published, None);
    /// assert_eq!(status.skipped()[0].keyword(), "published");
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line
    /// `network-status-version`, or if the version isn't 2.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(text, Depth::Lenient)
    }

    /// Parses a network status and checks the number and the form of its lines,
    /// also of the entries. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{LineProblem, NetworkStatusV2};
    ///
    /// let error = NetworkStatusV2::parse_strict(b"network-status-version 2\n")
    ///     .expect_err("mandatory lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("dir-source", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of dir-spec-v2.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        let status = Self::read_text(text, Depth::Strict)?;
        status.check_whole()?;
        status.parts.check_entries(EntryForm::V2, false)?;
        Ok(status)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let parts = StatusParts::new(text);
        let mut status = NetworkStatusV2 {
            parts,
            skipped: Vec::new(),
            hostname: None,
            address: None,
            dir_port: None,
            fingerprint: None,
            contact: None,
            signing_key: None,
            client_versions: Vec::new(),
            server_versions: Vec::new(),
            published: None,
            options: Vec::new(),
            signing_authority: None,
            signature: None,
        };
        let mut read = |item: &Item<'a>| status.read_item(item);
        let mut skipped = rules::read(&HEADER, parts.header, depth, &mut read)?;
        skipped.extend(parts.read_footer(&FOOTER, depth, read)?);
        status.skipped = skipped;
        Ok(status)
    }

    fn read_item(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"network-status-version" if words.word() != Ok(&b"2"[..]) => {
                return Err(LineProblem::Value("the version must be 2"));
            }
            b"dir-source" => {
                self.hostname = Some(lossy(words.word()?));
                self.address = Some(ipv4(&mut words)?);
                self.dir_port = Some(port(&mut words)?);
            }
            b"fingerprint" => self.fingerprint = Some(fingerprint(&mut words)?),
            b"contact" => self.contact = Some(item.lossy()),
            b"dir-signing-key" => self.signing_key = item.object(),
            // Not all versions had the form that they have today, so the form
            // isn't checked.
            b"client-versions" => self.client_versions = versions(item, Depth::Lenient)?,
            b"server-versions" => self.server_versions = versions(item, Depth::Lenient)?,
            b"published" => self.published = Some(item.time()?),
            b"dir-options" => self.options = item.words().map(lossy).collect(),
            b"directory-signature" => {
                self.signature = item.object();
                self.signing_authority = Some(nickname(&mut words)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// Checks the rules of dir-spec-v2 that concern several lines.
    fn check_whole(&self) -> Result<(), DocumentError> {
        if self.options.iter().any(|option| **option == *"Versions") {
            for keyword in ["client-versions", "server-versions"] {
                let has_keyword = |item: Item<'_>| item.keyword() == keyword.as_bytes();
                if !Item::parse_all(self.parts.header).any(has_keyword) {
                    return Err(HEADER.problem(keyword, LineProblem::Missing));
                }
            }
        }
        Ok(())
    }

    /// Returns an iterator over the relays' entries. The iterator parses each
    /// entry when it reaches the entry. Entries that can't be parsed are
    /// skipped; see [`RouterStatuses`].
    ///
    /// ```
    /// use scape_proto::netdoc::NetworkStatusV2;
    ///
    /// let text = b"network-status-version 2\n\
    ///     r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2005-12-15 06:57:18 127.0.0.14 9004 0\n";
    /// let status = NetworkStatusV2::parse(text)?;
    /// assert_eq!(status.relays().next().map(|relay| relay.nickname()), Some("relay04"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn relays(&self) -> RouterStatuses<'a> {
        self.parts.relays(EntryForm::V2)
    }

    /// Returns the part of the text that the authority signs: everything up to
    /// and including the line `directory-signature`. Returns `None` if there is
    /// no signature.
    ///
    /// ```
    /// use scape_proto::netdoc::NetworkStatusV2;
    ///
    /// let text = b"network-status-version 2\ndirectory-signature moria2\n";
    /// assert_eq!(NetworkStatusV2::parse(text)?.signed_text(), Some(&text[..]));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn signed_text(&self) -> Option<&'a [u8]> {
        let text = self.parts.text;
        let start = find_line(text, b"\ndirectory-signature")?;
        let length = memchr::memchr(b'\n', text.get(start..)?)?;
        text.get(..=start + length)
    }

    /// Returns the SHA-1 digest of the [signed part](Self::signed_text). Each
    /// call computes the digest again.
    ///
    /// ```
    /// use scape_proto::netdoc::NetworkStatusV2;
    ///
    /// let status = NetworkStatusV2::parse(b"network-status-version 2\n")?;
    /// assert_eq!(status.digest_sha1(), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn digest_sha1(&self) -> Option<[u8; 20]> {
        self.signed_text().map(|text| Sha1::digest(text).into())
    }

    /// Returns the lines of the header and the footer that were skipped because
    /// they are malformed or repeated. For the entries, see
    /// [`RouterStatuses::skipped`].
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole document, without annotations before it.
    pub fn text(&self) -> &'a [u8] {
        self.parts.text
    }

    /// Returns the lines of the header and the footer that this version of the
    /// library doesn't know, with their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::NetworkStatusV2;
    ///
    /// let text = b"network-status-version 2\nnew-keyword 1\n";
    /// assert_eq!(NetworkStatusV2::parse(text)?.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        let header = rules::unknown(&HEADER, self.parts.header);
        header.chain(rules::unknown(&FOOTER, self.parts.footer))
    }
}

impl fmt::Debug for NetworkStatusV2<'_> {
    /// Writes the header and the footer without the entries, because there may
    /// be thousands.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NetworkStatusV2")
            .field("header", &String::from_utf8_lossy(self.parts.header))
            .field("footer", &String::from_utf8_lossy(self.parts.footer))
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::netdoc::RouterFlags;

    /// Returns the text of a network status that has every line of dir-spec-v2.
    fn whole() -> String {
        let object =
            |label: &str| format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n");
        format!(
            "network-status-version 2\ndir-source moria.example.com 18.244.0.114 80\n\
             fingerprint 719BE45DE224B607C53707D0E2143E2D423E74CF\ncontact arma\n\
             published 2005-12-16 00:13:46\ndir-options Names Versions\n\
             client-versions 0.0.9rc2,0.1.1.9-alpha-cvs\nserver-versions 0.0.9rc2\n\
             dir-signing-key\n{}\n\
             r two JWSYgWyFxquk3yIiBc8/oJHmPM4 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2005-12-15 06:57:18 127.0.0.1 1 0\n\
             s Valid Running\n\
             r one AAAAAAAAAAAAAAAAAAAAAAAAAAA kjKOZLsq0WbxlzF7GZ68cSUiEI4 2005-12-15 06:57:18 127.0.0.1 1 0\n\
             directory-signature moria2\n{}",
            object("RSA PUBLIC KEY"),
            object("SIGNATURE"),
        )
    }

    #[test]
    fn network_status_with_every_line_is_read_strictly() {
        let text = format!("@type network-status-2 1.0\n{}", whole());
        let status = NetworkStatusV2::parse_strict(text.as_bytes()).unwrap();
        assert_eq!(status.hostname.as_deref(), Some("moria.example.com"));
        assert_eq!((status.address, status.dir_port), (Some([18, 244, 0, 114].into()), Some(80)));
        assert!(status.fingerprint.is_some() && status.published.is_some());
        assert_eq!(status.contact.as_deref(), Some("arma"));
        assert_eq!((status.client_versions.len(), status.server_versions.len()), (2, 1));
        assert_eq!((status.options.len(), status.signing_authority), (2, Some("moria2")));
        assert!(status.signing_key.is_some() && status.signature.is_some());
        let relays: Vec<_> = status.relays().collect();
        assert_eq!(relays[0].flags(), RouterFlags::RUNNING | RouterFlags::VALID);
        assert_eq!((relays[1].flags(), relays.len()), (RouterFlags::empty(), 2));
        assert!(status.signed_text().unwrap().ends_with(b"directory-signature moria2\n"));
        assert_eq!(status.digest_sha1().map(|_| status.skipped().len()), Some(0));
        assert_eq!((status.text(), status.unknown_items().count()), (whole().as_bytes(), 0));
    }

    #[test]
    fn strict_reading_rejects_each_broken_rule() {
        use LineProblem::{Missing, Object, Repeated, Unexpected, Words};
        for (old, new, keyword, problem) in [
            ("dir-source", "x", "dir-source", Missing),
            ("contact", "published 2005-12-16 00:13:46\ncontact", "published", Repeated),
            ("client-versions", "x", "client-versions", Missing),
            ("BEGIN RSA", "BEGIN X", "dir-signing-key", Object),
            ("s Valid", "m AAAA\ns Valid", "m", Unexpected),
            (".114 80", ".114", "dir-source", Words),
            ("directory-signature", "x", "directory-signature", Missing),
        ] {
            let changed = whole().replacen(old, new, 1);
            let error = NetworkStatusV2::parse_strict(changed.as_bytes()).expect_err(new);
            assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{error}");
            assert!(NetworkStatusV2::parse(changed.as_bytes()).is_ok(), "{new}");
        }
        for (old, new) in [
            ("18.244.0.114", "moria"),
            ("719BE", "719B"),
            ("00:13:46", "00:73:46"),
            ("moria2", "moria_2"),
            ("2005-12-15", "2005-13-15"),
        ] {
            let changed = whole().replacen(old, new, 1);
            let error = NetworkStatusV2::parse_strict(changed.as_bytes()).expect_err(new);
            assert!(matches!(error.problem(), LineProblem::Value(_)), "{new}: {error}");
            assert!(NetworkStatusV2::parse(changed.as_bytes()).is_ok(), "{new}");
        }
        let error = NetworkStatusV2::parse(b"network-status-version 3\n").unwrap_err();
        assert_eq!(error.problem(), LineProblem::Value("the version must be 2"));
    }
}
