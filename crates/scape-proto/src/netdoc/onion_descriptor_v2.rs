//! Descriptors of onion services of version 2: rend-spec-v2. tor supports only
//! version 3 since 2021, so these descriptors are found in archives only.

use std::net::Ipv4Addr;
use std::time::SystemTime;

use super::annotations::skip_annotations;
use super::documents::{Documents, Split};
use super::item::{Arguments, Item, Object};
use super::line::number;
use super::rules::{self, Depth, Rule, Rules};
use super::value::{ipv4, port};
use super::{DocumentError, DocumentKind, LineProblem};

/// The descriptor of an onion service of version 2: rend-spec-v2, section
/// 1.3.
///
/// An `OnionDescriptorV2` borrows its text. [`parse`](Self::parse) skips
/// malformed lines, and [`parse_strict`](Self::parse_strict) checks everything
/// that rend-spec-v2 demands. The signature and the descriptor's id are not
/// checked, and encrypted introduction points are not decrypted.
///
/// ```
/// use scape_proto::netdoc::OnionDescriptorV2;
///
/// let text = b"rendezvous-service-descriptor y3olqqblqw2gbh6phimfuiroechjjafa\n\
///     version 2\nprotocol-versions 2,3\n";
/// let service = OnionDescriptorV2::parse(text)?;
/// assert_eq!(service.descriptor_id, Some("y3olqqblqw2gbh6phimfuiroechjjafa"));
/// assert_eq!(service.protocol_versions().collect::<Vec<_>>(), [2, 3]);
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[doc(alias = "HiddenServiceDescriptorV2")]
#[derive(Clone)]
#[non_exhaustive]
pub struct OnionDescriptorV2<'a> {
    text: &'a [u8],
    skipped: Vec<DocumentError>,
    protocol_versions: &'a [u8],
    /// The id by which directories find the descriptor: 32 characters in
    /// base32.
    pub descriptor_id: Option<&'a str>,
    /// The version of the format, which is 2.
    pub version: Option<u32>,
    /// The service's RSA key.
    pub permanent_key: Option<Object<'a>>,
    /// The part of the id that depends on the time, on the secret of the
    /// service's clients and on the replica: 32 characters in base32.
    pub secret_id_part: Option<&'a str>,
    /// The time when the descriptor was made, rounded down to the hour.
    pub published: Option<SystemTime>,
    /// The introduction points, which may be encrypted. See
    /// [`introduction_points`](Self::introduction_points).
    pub introduction_points: Option<Object<'a>>,
    /// The signature that `permanent_key` made.
    pub signature: Option<Object<'a>>,
}

/// An introduction point of an onion service of version 2.
#[derive(Clone)]
#[non_exhaustive]
pub struct IntroductionPointV2<'a> {
    text: &'a [u8],
    skipped: Vec<DocumentError>,
    /// The SHA-1 digest of the relay's identity key: 32 characters in base32.
    pub identifier: Option<&'a str>,
    /// The relay's IPv4 address: the line `ip-address`.
    pub address: Option<Ipv4Addr>,
    /// The relay's port for relays and clients: the line `onion-port`.
    pub port: Option<u16>,
    /// The RSA key for messages to the relay.
    pub onion_key: Option<Object<'a>>,
    /// The RSA key for messages to the service.
    pub service_key: Option<Object<'a>>,
}

const RSA: &str = "RSA PUBLIC KEY";

static RULES: Rules = Rules {
    document: DocumentKind::OnionDescriptorV2,
    lines: &[
        Rule::once("rendezvous-service-descriptor"),
        Rule::once("version"),
        Rule::once("permanent-key").object(RSA),
        Rule::once("secret-id-part"),
        Rule::once("publication-time"),
        Rule::once("protocol-versions"),
        Rule::at_most_once("introduction-points").object("MESSAGE"),
        Rule::once("signature").object("SIGNATURE").position_from_end(0),
    ],
    ordered: false,
};

static POINT: Rules = Rules {
    document: DocumentKind::OnionDescriptorV2,
    lines: &[
        Rule::once("introduction-point"),
        Rule::once("ip-address"),
        Rule::once("onion-port"),
        Rule::once("onion-key").object(RSA),
        Rule::once("service-key").object(RSA),
        Rule::any("intro-authentication"),
    ],
    ordered: false,
};

impl<'a> OnionDescriptorV2<'a> {
    /// Parses a descriptor. Malformed lines are skipped. Annotations before and
    /// after the descriptor are left out.
    ///
    /// ```
    /// use scape_proto::netdoc::OnionDescriptorV2;
    ///
    /// let text = b"rendezvous-service-descriptor y3olqqblqw2gbh6phimfuiroechjjafa\nversion two\n";
    /// let service = OnionDescriptorV2::parse(text)?;
    /// assert_eq!((service.version, service.skipped().len()), (None, 1));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the text doesn't begin with a line
    /// `rendezvous-service-descriptor`.
    pub fn parse(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Lenient)
    }

    /// Parses a descriptor, and checks the form of its lines and how often each
    /// of them occurs. Introduction points that are not encrypted are checked,
    /// too. Lines with unknown keywords are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::{LineProblem, OnionDescriptorV2};
    ///
    /// let text = b"rendezvous-service-descriptor y3olqqblqw2gbh6phimfuiroechjjafa\n";
    /// let error = OnionDescriptorV2::parse_strict(text).expect_err("lines are missing");
    /// assert_eq!((error.keyword(), error.problem()), ("version", LineProblem::Missing));
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error for the first line that breaks a rule of rend-spec-v2.
    pub fn parse_strict(text: &'a [u8]) -> Result<Self, DocumentError> {
        Self::read_text(skip_annotations(text), Depth::Strict)
    }

    /// Returns an iterator over the descriptors in a text. See [`Documents`].
    ///
    /// ```
    /// use scape_proto::netdoc::OnionDescriptorV2;
    ///
    /// let text = b"rendezvous-service-descriptor y3olqqblqw2gbh6phimfuiroechjjafa\n\
    ///     rendezvous-service-descriptor utjk4arxqg6s6zzo7n6cjnq6ot34udhr\n";
    /// assert_eq!(OnionDescriptorV2::parse_all(text).count(), 2);
    /// ```
    pub fn parse_all(text: &'a [u8]) -> Documents<'a, Self> {
        Documents::new(text)
    }

    fn read_text(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut service = OnionDescriptorV2 {
            text,
            skipped: Vec::new(),
            protocol_versions: b"",
            descriptor_id: None,
            version: None,
            permanent_key: None,
            secret_id_part: None,
            published: None,
            introduction_points: None,
            signature: None,
        };
        service.skipped = rules::read(&RULES, text, depth, |item| service.read_item(item))?;
        if depth == Depth::Strict && !service.has_encrypted_introduction_points() {
            let points = service.introduction_points().unwrap_or_default();
            IntroductionPointV2::parse_all(&points)
                .strict()
                .try_for_each(|point| point.map(|_| ()))?;
        }
        Ok(service)
    }

    fn read_item(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"rendezvous-service-descriptor" => self.descriptor_id = Some(id(&mut words)?),
            b"version" => self.version = Some(words.number("the version must be a number")?),
            b"permanent-key" => self.permanent_key = item.object(),
            b"secret-id-part" => self.secret_id_part = Some(id(&mut words)?),
            b"publication-time" => self.published = Some(words.time()?),
            b"protocol-versions" => {
                const FORM: &str = "the versions must be numbers, separated by commas";
                let list = words.word()?;
                if !versions(list).all(|version| version.is_some()) {
                    return Err(LineProblem::Value(FORM));
                }
                self.protocol_versions = list;
            }
            b"introduction-points" => self.introduction_points = item.object(),
            b"signature" => self.signature = item.object(),
            _ => {}
        }
        Ok(())
    }

    /// Returns the versions of the introduction protocol that the service
    /// supports.
    pub fn protocol_versions(&self) -> impl Iterator<Item = u32> + use<'a> {
        versions(self.protocol_versions).flatten()
    }

    /// Returns true if the introduction points are encrypted for the service's
    /// clients. A text that isn't base64 counts as encrypted.
    ///
    /// ```
    /// use scape_proto::netdoc::OnionDescriptorV2;
    ///
    /// let text = b"rendezvous-service-descriptor y3olqqblqw2gbh6phimfuiroechjjafa\n\
    ///     introduction-points\n-----BEGIN MESSAGE-----\nAQID\n-----END MESSAGE-----\n";
    /// assert!(OnionDescriptorV2::parse(text)?.has_encrypted_introduction_points());
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn has_encrypted_introduction_points(&self) -> bool {
        self.introduction_points.is_some() && self.introduction_points().is_none()
    }

    /// Returns the decoded text of the introduction points, for
    /// [`IntroductionPointV2::parse_all`]. Each call decodes the text again.
    ///
    /// Returns `None` if there is no such line, if the text isn't base64 or if
    /// it is encrypted.
    ///
    /// ```
    /// use scape_proto::netdoc::{IntroductionPointV2, OnionDescriptorV2};
    ///
    /// let text = b"rendezvous-service-descriptor y3olqqblqw2gbh6phimfuiroechjjafa\n\
    ///     introduction-points\n-----BEGIN MESSAGE-----\n\
    ///     aW50cm9kdWN0aW9uLXBvaW50IGl3a2k3N3h0YnZwNnF2ZWRmcndkem5jeHMzY2th\n\
    ///     eWV1CmlwLWFkZHJlc3MgMTkyLjAuMi4xCg==\n-----END MESSAGE-----\n";
    /// let service = OnionDescriptorV2::parse(text)?;
    /// let points = service.introduction_points().expect("they aren't encrypted");
    /// let point = IntroductionPointV2::parse_all(&points).next().expect("a point");
    /// assert_eq!(point.address, Some([192, 0, 2, 1].into()));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn introduction_points(&self) -> Option<Vec<u8>> {
        let text = self.introduction_points?.decode()?;
        let is_plain = text.is_empty() || text.starts_with(b"introduction-point ");
        is_plain.then_some(text)
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the whole descriptor.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }

    /// Returns the lines that this version of the library doesn't know, with
    /// their objects.
    ///
    /// ```
    /// use scape_proto::netdoc::OnionDescriptorV2;
    ///
    /// let text = b"rendezvous-service-descriptor y3olqqblqw2gbh6phimfuiroechjjafa\nnew 1\n";
    /// assert_eq!(OnionDescriptorV2::parse(text)?.unknown_items().count(), 1);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn unknown_items(&self) -> impl Iterator<Item = Item<'a>> + use<'a> {
        rules::unknown(&RULES, self.text)
    }
}

impl<'a> IntroductionPointV2<'a> {
    /// Returns an iterator over the introduction points in the decoded text of
    /// a descriptor. See [`Documents`].
    ///
    /// ```
    /// use scape_proto::netdoc::IntroductionPointV2;
    ///
    /// let text = b"introduction-point iwki77xtbvp6qvedfrwdzncxs3ckayeu\nonion-port 443\n";
    /// let point = IntroductionPointV2::parse_all(text).next().expect("a point");
    /// assert_eq!(point.port, Some(443));
    /// ```
    pub fn parse_all(text: &'a [u8]) -> Documents<'a, Self> {
        Documents::new(text)
    }

    fn read_item(&mut self, item: &Item<'a>) -> Result<(), LineProblem> {
        let mut words = item.arguments_reader();
        match item.keyword() {
            b"introduction-point" => self.identifier = Some(id(&mut words)?),
            b"ip-address" => self.address = Some(ipv4(&mut words)?),
            b"onion-port" => self.port = Some(port(&mut words)?),
            b"onion-key" => self.onion_key = item.object(),
            b"service-key" => self.service_key = item.object(),
            _ => {}
        }
        Ok(())
    }

    /// Returns the authentication data for the introduction point: the type and
    /// the data of the lines `intro-authentication`.
    ///
    /// ```
    /// use scape_proto::netdoc::IntroductionPointV2;
    ///
    /// let text = b"introduction-point iwki77xtbvp6qvedfrwdzncxs3ckayeu\n\
    ///     intro-authentication 1 AQID\n";
    /// let point = IntroductionPointV2::parse_all(text).next().expect("a point");
    /// assert_eq!(point.authentication().collect::<Vec<_>>(), [(&b"1"[..], &b"AQID"[..])]);
    /// ```
    pub fn authentication(&self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
        let items = Item::parse_all(self.text);
        items.filter(|item| item.keyword() == b"intro-authentication").filter_map(|item| {
            let mut words = item.arguments_reader();
            Some((words.word().ok()?, words.rest()))
        })
    }

    /// Returns the lines that were skipped because they are malformed or
    /// repeated.
    pub fn skipped(&self) -> &[DocumentError] {
        &self.skipped
    }

    /// Returns the text of the introduction point.
    pub fn text(&self) -> &'a [u8] {
        self.text
    }
}

/// Reads an id of 20 bytes in base32, and returns it as text.
fn id<'a>(words: &mut Arguments<'a>) -> Result<&'a str, LineProblem> {
    const FORM: &str = "the id must be 32 characters in base32";
    let is_base32 = |b: u8| b.is_ascii_lowercase() || matches!(b, b'2'..=b'7');
    let word = words.text(FORM)?;
    let is_valid = word.len() == 32 && word.bytes().all(is_base32);
    if is_valid { Ok(word) } else { Err(LineProblem::Value(FORM)) }
}

fn versions(list: &[u8]) -> impl Iterator<Item = Option<u32>> {
    list.split(|b| *b == b',').map(number)
}

impl<'a> Split<'a> for OnionDescriptorV2<'a> {
    const START: &'static [u8] = b"\nrendezvous-service-descriptor";

    fn read(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        Self::read_text(text, depth)
    }
}

impl<'a> Split<'a> for IntroductionPointV2<'a> {
    const START: &'static [u8] = b"\nintroduction-point";

    fn read(text: &'a [u8], depth: Depth) -> Result<Self, DocumentError> {
        let mut point = IntroductionPointV2 {
            text,
            skipped: Vec::new(),
            identifier: None,
            address: None,
            port: None,
            onion_key: None,
            service_key: None,
        };
        point.skipped = rules::read(&POINT, text, depth, |item| point.read_item(item))?;
        Ok(point)
    }
}

debug_as_text! { OnionDescriptorV2, IntroductionPointV2 }

#[cfg(feature = "serde")]
use crate::word::serial::Time;

#[cfg(feature = "serde")]
fields! { "OnionDescriptorV2", |service: OnionDescriptorV2<'_>| {
    descriptor_id: service.descriptor_id,
    version: service.version,
    permanent_key: service.permanent_key,
    secret_id_part: service.secret_id_part,
    published: Time::new(service.published),
    protocol_versions: service.protocol_versions().collect::<Vec<_>>(),
    introduction_points: Points(service.introduction_points()),
    signature: service.signature,
} }

/// The decoded text of introduction points. It is serialized as a list of
/// introduction points, or as a null value if there is no text.
#[cfg(feature = "serde")]
struct Points(Option<Vec<u8>>);

#[cfg(feature = "serde")]
impl serde::Serialize for Points {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let points = self.0.as_deref().map(IntroductionPointV2::parse_all);
        points.map(|points| points.collect::<Vec<_>>()).serialize(serializer)
    }
}

#[cfg(feature = "serde")]
fields! { "IntroductionPointV2", |point: IntroductionPointV2<'_>| {
    identifier: point.identifier,
    address: point.address,
    port: point.port,
    onion_key: point.onion_key,
    service_key: point.service_key,
} }

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64;

    const ID: &str = "y3olqqblqw2gbh6phimfuiroechjjafa";

    fn key(label: &str) -> String {
        format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n")
    }

    fn points() -> String {
        let key = key(RSA);
        format!(
            "introduction-point {ID}\nip-address 192.0.2.1\nonion-port 443\n\
             onion-key\n{key}service-key\n{key}intro-authentication 1 AQID\n\
             introduction-point {ID}\nip-address 192.0.2.2\nonion-port 444\n\
             onion-key\n{key}service-key\n{key}"
        )
    }

    fn service(points: &[u8]) -> String {
        format!(
            "rendezvous-service-descriptor {ID}\nversion 2\npermanent-key\n{}\
             secret-id-part {ID}\npublication-time 2015-02-23 20:00:00\nprotocol-versions 2,3\n\
             introduction-points\n-----BEGIN MESSAGE-----\n{}\n-----END MESSAGE-----\n\
             signature\n{}",
            key(RSA),
            BASE64.encode(points),
            key("SIGNATURE"),
        )
    }

    #[test]
    fn onion_descriptor_is_read_strictly() {
        let text = service(points().as_bytes());
        let service = OnionDescriptorV2::parse_strict(text.as_bytes()).unwrap();
        assert!(service.skipped().is_empty() && service.unknown_items().count() == 0);
        assert_eq!((service.descriptor_id, service.secret_id_part), (Some(ID), Some(ID)));
        assert_eq!((service.version, service.protocol_versions().count()), (Some(2), 2));
        assert!(service.permanent_key.is_some() && service.signature.is_some());
        assert!(service.published.is_some() && !service.has_encrypted_introduction_points());
        let decoded = service.introduction_points().unwrap();
        let found: Vec<_> = IntroductionPointV2::parse_all(&decoded).collect();
        assert_eq!(found.len(), 2);
        assert_eq!((found[1].port, found[1].address), (Some(444), Some([192, 0, 2, 2].into())));
        assert!(found[1].onion_key.is_some() && found[1].service_key.is_some());
        assert_eq!((found[0].authentication().count(), found[1].authentication().count()), (1, 0));
    }

    #[test]
    fn encrypted_and_empty_introduction_points() {
        let text = service(b"\x01\x01secret");
        let encrypted = OnionDescriptorV2::parse_strict(text.as_bytes()).unwrap();
        assert!(encrypted.has_encrypted_introduction_points());
        assert_eq!(encrypted.introduction_points(), None);
        let text = service(b"").replace("\n\n", "\n");
        let empty = OnionDescriptorV2::parse_strict(text.as_bytes()).unwrap();
        assert!(!empty.has_encrypted_introduction_points());
        assert_eq!(empty.introduction_points(), Some(Vec::new()));
    }

    #[test]
    fn broken_rules_are_errors_of_the_strict_reading() {
        let text = service(points().as_bytes());
        let short = service(points().replace("onion-port 443\n", "").as_bytes());
        let odd = service(points().replace("192.0.2.2", "host").as_bytes());
        for (changed, keyword, problem) in [
            (text.replace("version 2\n", ""), "version", LineProblem::Missing),
            (
                text.replace("version 2\n", "version 2\nversion 2\n"),
                "version",
                LineProblem::Repeated,
            ),
            (text.replace("BEGIN SIGNATURE", "BEGIN X"), "signature", LineProblem::Object),
            (text.clone() + "version 2\n", "version", LineProblem::Repeated),
            (text.clone() + "new\n", "signature", LineProblem::Order),
            (
                text.replace("rendezvous-service-descriptor", "version 2\nx"),
                "version",
                LineProblem::Start,
            ),
            (short, "onion-port", LineProblem::Missing),
            (odd, "ip-address", LineProblem::Value("the address must be an IPv4 address")),
        ] {
            let error = OnionDescriptorV2::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{error}");
        }
        for (old, new, keyword) in [
            ("descriptor y3", "descriptor Y3", "rendezvous-service-descriptor"),
            ("part y3", "part y", "secret-id-part"),
            ("version 2", "version -2", "version"),
            ("20:00:00", "20:00", "publication-time"),
            ("2,3", "2,", "protocol-versions"),
        ] {
            let changed = text.replace(old, new);
            let error = OnionDescriptorV2::parse_strict(changed.as_bytes()).unwrap_err();
            assert_eq!(error.keyword(), keyword, "{error}");
            let service = OnionDescriptorV2::parse(changed.as_bytes()).unwrap();
            assert_eq!(service.skipped(), [error]);
        }
    }
}
