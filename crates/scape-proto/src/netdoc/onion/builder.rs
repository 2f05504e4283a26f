//! Making descriptors: rend-spec-v3, "Generating and publishing hidden service
//! descriptors".

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use data_encoding::{BASE64, BASE64_NOPAD};
use sha3::{Digest, Sha3_256};
use zeroize::Zeroizing;

use super::authorized_client::is_small_order;
use super::second_layer::{MOST_POINTS, NTOR};
use super::{
    AuthorizedClient, BlindedSecretKey, DescriptorCookie, FlowControl, IntroductionPoint, Layer,
    LayerSecrets, LinkSpecifier, PowParams, SecondLayer, Subcredential, WeakClientKeyError, kdf,
    seal_layer,
};
use crate::netdoc::{
    CertificateType, Ed25519Certificate, Ed25519SecretKey, ed25519_from_curve25519,
};
use crate::word::{ClientKey, ClientPublicKey, OnionAddress};

/// The padding unit: the text of a first layer is padded to a multiple of this
/// length in bytes.
const PADDING: usize = 10_000;
/// The unit for client entries: fake entries are added until the number of
/// entries is a multiple of this number.
const CLIENTS: usize = 16;
/// The length in bytes at which relays begin to reject descriptors.
const TOO_LONG: usize = 50_000;
/// The number of characters in a line of base64.
const COLUMNS: usize = 64;
/// The text that precedes a descriptor's bytes when they are signed.
const SIGNATURE_PREFIX: &[u8] = b"Tor onion service descriptor sig v3";

/// A builder of onion service descriptors, which makes them like tor does.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape_proto::netdoc::onion::{
///     BlindedSecretKey, LinkSpecifier, NewIntroductionPoint, OnionDescriptor,
///     OnionDescriptorBuilder, TimePeriod,
/// };
/// use scape_proto::word::{ClientKey, OnionKey};
///
/// let key = OnionKey::from_seed(&[7; 32]);
/// let blinded = BlindedSecretKey::new(&key, TimePeriod { number: 20_700, minutes: 1440 });
/// let curve25519 = |secret| *ClientKey::from_bytes([secret; 32]).public_key().as_bytes();
/// let point = NewIntroductionPoint {
///     link_specifiers: vec![LinkSpecifier::Ipv4("192.0.2.1:9001".parse()?)],
///     onion_key: curve25519(1),
///     auth_key: OnionKey::from_seed(&[2; 32]).public_key(),
///     enc_key: curve25519(3),
/// };
/// let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_700_000);
/// let text = OnionDescriptorBuilder::default()
///     .introduction_point(point)
///     .build(&key.address(), &blinded, 42, expires, &[9; 32])?;
///
/// let descriptor = OnionDescriptor::parse_strict(text.as_bytes())?;
/// descriptor.verify(&blinded.public_key(), expires)?;
/// let opened = descriptor.open_strict(&key.address(), None)?;
/// assert_eq!(opened.second.introduction_points[0].onion_key, Some(curve25519(1)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OnionDescriptorBuilder {
    lifetime: Duration,
    clients: Vec<ClientPublicKey>,
    create2_formats: Vec<u16>,
    intro_auth_required: Vec<Box<str>>,
    is_single_onion_service: bool,
    flow_control: Option<FlowControl>,
    pow_params: Vec<PowParams>,
    points: Vec<NewIntroductionPoint>,
}

/// An introduction point for a new descriptor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewIntroductionPoint {
    /// The relay's addresses and identities. tor writes the relay's IPv4
    /// address, fingerprint, Ed25519 key and IPv6 address.
    pub link_specifiers: Vec<LinkSpecifier>,
    /// The relay's key for the ntor handshake (Curve25519).
    pub onion_key: [u8; 32],
    /// The Ed25519 key that identifies the service at the relay.
    pub auth_key: [u8; 32],
    /// The key with which clients encrypt their introductions (Curve25519).
    pub enc_key: [u8; 32],
}

impl NewIntroductionPoint {
    /// Copies an introduction point from another descriptor, in order to sign
    /// its keys again. So one service can publish the introduction points of
    /// several others.
    ///
    /// Returns `None` if a required line of the introduction point is missing
    /// or malformed.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{NewIntroductionPoint, SecondLayer};
    ///
    /// let layer = SecondLayer::parse(b"create2-formats 2\nintroduction-point AQAGwAACASMp\n")?;
    /// assert_eq!(NewIntroductionPoint::copy(&layer.introduction_points[0]), None);
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    pub fn copy(point: &IntroductionPoint) -> Option<Self> {
        Some(NewIntroductionPoint {
            link_specifiers: Some(&point.link_specifiers).filter(|list| !list.is_empty())?.clone(),
            onion_key: point.onion_key?,
            auth_key: *point.auth_key()?,
            enc_key: point.enc_key?,
        })
    }
}

impl Default for OnionDescriptorBuilder {
    /// Creates a builder for a descriptor without introduction points and
    /// without client authorization. The descriptor's lifetime is 180 minutes.
    fn default() -> Self {
        OnionDescriptorBuilder {
            lifetime: Duration::from_secs(180 * 60),
            clients: Vec::new(),
            create2_formats: vec![NTOR],
            intro_auth_required: Vec::new(),
            is_single_onion_service: false,
            flow_control: None,
            pow_params: Vec::new(),
            points: Vec::new(),
        }
    }
}

impl OnionDescriptorBuilder {
    /// Adds an introduction point. At most 20 are allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{
    ///     LinkSpecifier, NewIntroductionPoint, OnionDescriptorBuilder,
    /// };
    ///
    /// let point = NewIntroductionPoint {
    ///     link_specifiers: vec![LinkSpecifier::Ed25519Id([1; 32])],
    ///     onion_key: [2; 32],
    ///     auth_key: [3; 32],
    ///     enc_key: [9; 32],
    /// };
    /// let builder = OnionDescriptorBuilder::default().introduction_point(point);
    /// ```
    #[must_use]
    pub fn introduction_point(mut self, point: NewIntroductionPoint) -> Self {
        self.points.push(point);
        self
    }

    /// Adds a client. If there are clients, nobody else can decrypt the
    /// introduction points.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptorBuilder;
    /// use scape_proto::word::ClientKey;
    ///
    /// let client = ClientKey::from_bytes([7; 32]);
    /// let builder = OnionDescriptorBuilder::default().client(client.public_key());
    /// ```
    #[must_use]
    pub fn client(mut self, client: ClientPublicKey) -> Self {
        self.clients.push(client);
        self
    }

    /// Sets the time for which relays keep the descriptor, 30 to 720 minutes.
    /// The default is 180 minutes. The time is rounded down to whole minutes.
    ///
    /// ```
    /// use std::time::Duration;
    /// use scape_proto::netdoc::onion::OnionDescriptorBuilder;
    ///
    /// let hour = Duration::from_secs(3600);
    /// let builder = OnionDescriptorBuilder::default().lifetime(hour);
    /// ```
    #[must_use]
    pub fn lifetime(mut self, lifetime: Duration) -> Self {
        self.lifetime = lifetime;
        self
    }

    /// Sets the numbers of the supported handshakes. The default is 2 (ntor),
    /// which is required.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptorBuilder;
    ///
    /// let builder = OnionDescriptorBuilder::default().create2_formats([2, 3]);
    /// ```
    #[must_use]
    pub fn create2_formats(mut self, formats: impl Into<Vec<u16>>) -> Self {
        self.create2_formats = formats.into();
        self
    }

    /// Adds a type of authentication. Clients must support one of the types
    /// that were added. By default, clients need no authentication.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptorBuilder;
    ///
    /// let builder = OnionDescriptorBuilder::default().intro_auth_required("ed25519");
    /// ```
    #[must_use]
    pub fn intro_auth_required(mut self, kind: &str) -> Self {
        self.intro_auth_required.push(kind.into());
        self
    }

    /// Sets whether the service is a single onion service, which is not
    /// anonymous. The default is false.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::OnionDescriptorBuilder;
    ///
    /// let builder = OnionDescriptorBuilder::default().single_onion_service(true);
    /// ```
    #[must_use]
    pub fn single_onion_service(mut self, is_single_onion_service: bool) -> Self {
        self.is_single_onion_service = is_single_onion_service;
        self
    }

    /// Sets the service's support for congestion control. The default is no
    /// support.
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{FlowControl, OnionDescriptorBuilder};
    ///
    /// let flow_control = FlowControl::new("1-2", 31).expect("versions");
    /// let builder = OnionDescriptorBuilder::default().flow_control(flow_control);
    /// ```
    #[must_use]
    pub fn flow_control(mut self, flow_control: FlowControl) -> Self {
        self.flow_control = Some(flow_control);
        self
    }

    /// Adds a proof of work that the service asks for.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use scape_proto::netdoc::onion::{OnionDescriptorBuilder, PowParams};
    ///
    /// let params = PowParams::V1 {
    ///     seed: [7; 32],
    ///     suggested_effort: 0,
    ///     expires: SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_700_000),
    /// };
    /// let builder = OnionDescriptorBuilder::default().pow_params(params);
    /// ```
    #[must_use]
    pub fn pow_params(mut self, params: PowParams) -> Self {
        self.pow_params.push(params);
        self
    }

    /// Makes the descriptor: encrypts both layers and signs the text.
    ///
    /// `key` is the blinded key of the service with this address.
    /// [`revision_counter`](super::revision_counter) must be higher than in
    /// earlier descriptors with the same key. `expires` is the time until which
    /// the certificates are valid. tor sets it to 54 hours in the future.
    ///
    /// All random bytes are derived from `seed`, so the same arguments always
    /// result in the same text. The seed must be random, secret, and used only
    /// once. [`build_random`](Self::build_random) chooses a seed.
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use scape_proto::netdoc::onion::{BlindedSecretKey, OnionDescriptorBuilder, TimePeriod};
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// let blinded = BlindedSecretKey::new(&key, TimePeriod { number: 20_700, minutes: 1440 });
    /// let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_700_000);
    /// let builder = OnionDescriptorBuilder::default();
    /// let text = builder.build(&key.address(), &blinded, 42, expires, &[9; 32])?;
    /// assert!(text.starts_with("hs-descriptor 3\ndescriptor-lifetime 180\n"));
    /// # Ok::<(), scape_proto::netdoc::onion::BuildDescriptorError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if a value is out of range or can't be written into its
    /// line, if a client's or an introduction point's key isn't valid, or if
    /// the text is 50,000 bytes or longer.
    pub fn build(
        &self,
        address: &OnionAddress,
        key: &BlindedSecretKey,
        revision_counter: u64,
        expires: SystemTime,
        seed: &[u8; 32],
    ) -> Result<String, BuildDescriptorError> {
        self.check()?;
        let public_key = key.public_key();
        let subcredential = Subcredential::new(address, &public_key);
        let random =
            Random { seed, subcredential: &subcredential, revision_counter, content: [0; 32] };
        let signing_key = Ed25519SecretKey::from_seed(&random.bytes("signing key", 0));
        let secrets =
            LayerSecrets { key: &public_key, subcredential: &subcredential, revision_counter };

        let second = self.second_layer(&signing_key, expires)?;
        self.check_second_layer(&second)?;
        let random = Random { content: self.content_digest(&second), ..random };
        let cookie = DescriptorCookie::from_bytes(*random.bytes("cookie", 0));
        let cookie = Some(cookie).filter(|_| !self.clients.is_empty());
        let kind = Layer::Second { cookie: cookie.as_ref() };
        let salt = random.bytes("second salt", 0);
        let second = seal_layer(kind, secrets, &salt, second.as_bytes());

        let first = self.first_layer(cookie.as_ref(), &second, &random)?;
        let salt = random.bytes("first salt", 0);
        let first = seal_layer(Layer::First, secrets, &salt, &padded(first));

        let certificate = Ed25519Certificate::sign(
            CertificateType::DescriptorSigning,
            signing_key.public_key(),
            expires,
            key.signing_key(),
            true,
        );
        let minutes = self.lifetime.as_secs() / 60;
        let mut text = format!(
            "hs-descriptor 3\ndescriptor-lifetime {minutes}\n\
             descriptor-signing-key-cert\n{certificate}\nrevision-counter {revision_counter}\n\
             superencrypted\n"
        );
        write_message(&mut text, &first);
        text.push('\n');
        let signature = signing_key.sign(&[SIGNATURE_PREFIX, text.as_bytes()].concat());
        text.push_str("signature ");
        BASE64_NOPAD.encode_append(&signature, &mut text);
        text.push('\n');
        match text.len() {
            length if length >= TOO_LONG => Err(BuildDescriptorError::TooLong { length }),
            _ => Ok(text),
        }
    }

    /// Makes the descriptor with random bytes of the operating system. See
    /// [`build`](Self::build).
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use scape_proto::netdoc::onion::{BlindedSecretKey, OnionDescriptorBuilder, TimePeriod};
    /// use scape_proto::word::OnionKey;
    ///
    /// let key = OnionKey::random();
    /// let blinded = BlindedSecretKey::new(&key, TimePeriod { number: 20_700, minutes: 1440 });
    /// let expires = SystemTime::now() + Duration::from_secs(54 * 3600);
    /// let builder = OnionDescriptorBuilder::default();
    /// let text = builder.build_random(&key.address(), &blinded, 42, expires)?;
    /// assert_ne!(text, builder.build_random(&key.address(), &blinded, 42, expires)?);
    /// # Ok::<(), scape_proto::netdoc::onion::BuildDescriptorError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`build`](Self::build), most often a value out of range.
    #[cfg(feature = "rand")]
    pub fn build_random(
        &self,
        address: &OnionAddress,
        key: &BlindedSecretKey,
        revision_counter: u64,
        expires: SystemTime,
    ) -> Result<String, BuildDescriptorError> {
        let seed = Zeroizing::new(rand::random::<[u8; 32]>());
        self.build(address, key, revision_counter, expires, &seed)
    }

    /// Returns a digest of everything that the layers contain: the text of the
    /// second layer and the clients.
    fn content_digest(&self, second: &str) -> [u8; 32] {
        let mut hash = Sha3_256::new();
        hash.update((second.len() as u64).to_be_bytes());
        hash.update(second);
        for client in &self.clients {
            hash.update(client.as_bytes());
        }
        hash.finalize().into()
    }

    /// Checks the lifetime, the number of introduction points, the handshakes
    /// and the form of the words: everything that can be checked before the
    /// layers are written.
    fn check(&self) -> Result<(), BuildDescriptorError> {
        if !(30..=720).contains(&(self.lifetime.as_secs() / 60)) {
            return Err(BuildDescriptorError::Lifetime);
        }
        if self.points.len() > MOST_POINTS {
            return Err(BuildDescriptorError::IntroductionPoints { count: self.points.len() });
        }
        if !self.create2_formats.contains(&NTOR) {
            return Err(BuildDescriptorError::Create2Formats);
        }
        // A line end or a space in a word would change the meaning of the text.
        let is_word = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_graphic());
        let is_line = |line: &str| !line.is_empty() && !line.contains(['\n', '\r', '\0']);
        let is_valid = self.intro_auth_required.iter().all(|kind| is_word(kind))
            && self.flow_control.iter().all(|line| is_line(&line.to_string()))
            && self.pow_params.iter().all(|line| is_line(&line.to_string()));
        if is_valid { Ok(()) } else { Err(BuildDescriptorError::Line) }
    }

    /// Checks that parsing the text of a second layer returns the values of the
    /// builder. The check fails if a value is out of range, or contains
    /// characters that have a meaning in its line.
    fn check_second_layer(&self, text: &str) -> Result<(), BuildDescriptorError> {
        let read = SecondLayer::parse_strict(text.as_bytes());
        let read = read.map_err(|_| BuildDescriptorError::Line)?;
        // The lines are compared, because they have no fractions of seconds.
        let lines = |params: &[PowParams]| -> Vec<String> {
            params.iter().map(PowParams::to_string).collect()
        };
        let is_same = read.create2_formats == self.create2_formats
            && read.intro_auth_required == self.intro_auth_required
            && read.is_single_onion_service == self.is_single_onion_service
            && read.flow_control == self.flow_control
            && lines(&read.pow_params) == lines(&self.pow_params)
            && read.introduction_points.len() == self.points.len();
        if is_same { Ok(()) } else { Err(BuildDescriptorError::Line) }
    }

    fn second_layer(
        &self,
        signing_key: &Ed25519SecretKey,
        expires: SystemTime,
    ) -> Result<String, BuildDescriptorError> {
        let formats: Vec<String> = self.create2_formats.iter().map(u16::to_string).collect();
        let mut text = format!("create2-formats {}\n", formats.join(" "));
        if !self.intro_auth_required.is_empty() {
            let _ = writeln!(text, "intro-auth-required {}", self.intro_auth_required.join(" "));
        }
        if self.is_single_onion_service {
            text.push_str("single-onion-service\n");
        }
        if let Some(flow_control) = &self.flow_control {
            let _ = writeln!(text, "flow-control {flow_control}");
        }
        for params in &self.pow_params {
            let _ = writeln!(text, "pow-params {params}");
        }
        for point in &self.points {
            let list = Some(&point.link_specifiers).filter(|list| !list.is_empty());
            let list = list.and_then(|list| LinkSpecifier::write_list(list));
            let list = list.ok_or(BuildDescriptorError::LinkSpecifiers)?;
            let enc_key = Some(&point.enc_key).filter(|key| !is_small_order(key));
            let enc_key = enc_key.and_then(|key| ed25519_from_curve25519(key, false));
            let enc_key = enc_key.ok_or(BuildDescriptorError::EncryptionKey)?;
            let certify =
                |kind, key| Ed25519Certificate::sign(kind, key, expires, signing_key, true);
            let _ = writeln!(
                text,
                "introduction-point {}\nonion-key ntor {}\nauth-key\n{}\n\
                 enc-key ntor {}\nenc-key-cert\n{}",
                BASE64.encode(&list),
                BASE64.encode(&point.onion_key),
                certify(CertificateType::IntroductionAuthentication, &point.auth_key),
                BASE64.encode(&point.enc_key),
                certify(CertificateType::IntroductionEncryption, &enc_key),
            );
        }
        Ok(text)
    }

    /// Writes the first layer. The last line has no line end, like tor's.
    fn first_layer(
        &self,
        cookie: Option<&DescriptorCookie>,
        second: &[u8],
        random: &Random<'_>,
    ) -> Result<String, BuildDescriptorError> {
        let ephemeral = ClientKey::from_bytes(*random.bytes("ephemeral key", 0));
        let public = BASE64.encode(ephemeral.public_key().as_bytes());
        let mut text = format!("desc-auth-type x25519\ndesc-auth-ephemeral-key {public}\n");
        let mut entries = Vec::new();
        for (number, client) in self.clients.iter().enumerate() {
            let Some(cookie) = cookie else { continue };
            let iv = *random.bytes("iv", number);
            let subcredential = random.subcredential;
            let expose = ephemeral.expose();
            entries.push(AuthorizedClient::seal(cookie, client, expose, subcredential, iv)?);
        }
        let count = entries.len().max(1).next_multiple_of(CLIENTS);
        for number in entries.len()..count {
            entries.push(AuthorizedClient {
                id: *random.bytes("fake id", number),
                iv: *random.bytes("iv", number),
                encrypted_cookie: *random.bytes("fake cookie", number),
            });
        }
        // The ids are random, so their order reveals nothing about the clients.
        entries.sort_by_key(|entry| entry.id);
        for AuthorizedClient { id, iv, encrypted_cookie } in entries {
            let [id, iv] = [BASE64_NOPAD.encode(&id), BASE64_NOPAD.encode(&iv)];
            let cookie = BASE64_NOPAD.encode(&encrypted_cookie);
            let _ = writeln!(text, "auth-client {id} {iv} {cookie}");
        }
        text.push_str("encrypted\n");
        write_message(&mut text, second);
        Ok(text)
    }
}

/// The source of all random bytes in one descriptor.
struct Random<'a> {
    seed: &'a [u8; 32],
    subcredential: &'a Subcredential,
    revision_counter: u64,
    /// The digest of the descriptor's content, or zeros for the bytes that are
    /// needed before the content is known.
    content: [u8; 32],
}

impl Random<'_> {
    /// Returns the random bytes for one purpose. `number` is the position of
    /// the client's entry that needs the bytes, or 0 for the parts that occur
    /// once.
    fn bytes<const N: usize>(&self, purpose: &str, number: usize) -> Zeroizing<[u8; N]> {
        kdf::derive(&[
            b"onion service descriptor",
            self.seed,
            // If a seed is used twice by mistake, other descriptors still get
            // other bytes. Without the digest of the content, the descriptors
            // of an OnionBalance frontend could share a key stream.
            self.subcredential.as_bytes(),
            &self.revision_counter.to_be_bytes(),
            &self.content,
            &(number as u64).to_be_bytes(),
            purpose.as_bytes(),
        ])
    }
}

/// Adds zeros to a text until its length is a multiple of [`PADDING`].
fn padded(text: String) -> Vec<u8> {
    let mut bytes = text.into_bytes();
    bytes.resize(bytes.len().next_multiple_of(PADDING), 0);
    bytes
}

/// Writes bytes as an object `MESSAGE`, without a line end after it.
fn write_message(text: &mut String, bytes: &[u8]) {
    text.push_str("-----BEGIN MESSAGE-----\n");
    for line in bytes.chunks(COLUMNS / 4 * 3) {
        BASE64.encode_append(line, text);
        text.push('\n');
    }
    text.push_str("-----END MESSAGE-----");
}

/// The error for a descriptor that can't be made.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BuildDescriptorError {
    /// The lifetime isn't 30 to 720 minutes.
    #[error("the lifetime of an onion service descriptor must be 30 to 720 minutes")]
    Lifetime,
    /// There are more than 20 introduction points.
    #[error("an onion service descriptor has at most 20 introduction points, not {count}")]
    IntroductionPoints {
        /// The number of introduction points that were added.
        count: usize,
    },
    /// The handshake ntor (2) is missing.
    #[error("the handshakes of an onion service must include ntor (2)")]
    Create2Formats,
    /// A value can't be written into its line. The value contains a space, a
    /// line end or another character that isn't allowed there, is malformed, or
    /// is a time before 1970 or after 9999.
    #[error(
        "a value of the onion service descriptor would not be read back from its line: it has \
         another form, or is out of range"
    )]
    Line,
    /// An introduction point has no link specifiers, or too many or too long
    /// ones.
    #[error("an introduction point must have 1 to 255 link specifiers of at most 255 bytes")]
    LinkSpecifiers,
    /// The encryption key of an introduction point isn't a valid Curve25519
    /// key, or is of small order.
    #[error("the encryption key of an introduction point is not valid")]
    EncryptionKey,
    /// A client's key isn't valid.
    #[error(transparent)]
    Client(#[from] WeakClientKeyError),
    /// The text has 50,000 bytes or more, so relays would reject it.
    #[error("an onion service descriptor must be shorter than 50000 bytes, this has {length}")]
    TooLong {
        /// The length of the text in bytes.
        length: usize,
    },
}

error_debug!(BuildDescriptorError);
