//! Decrypting a descriptor with a service's address.

use super::first_layer::without_padding;
use super::{
    AuthorizedClient, FirstLayer, Layer, LayerSecrets, OnionDescriptor, OpenLayerError,
    SecondLayer, Subcredential, open_layer,
};
use crate::netdoc::DocumentError;
use crate::netdoc::rules::Depth;
use crate::word::{ClientKey, OnionAddress};

/// The two decrypted layers of an onion service's descriptor.
///
/// ```
/// use std::time::{Duration, SystemTime};
/// use scape_proto::netdoc::onion::{
///     BlindedSecretKey, OnionDescriptor, OnionDescriptorBuilder, TimePeriod,
/// };
/// use scape_proto::word::OnionKey;
///
/// let key = OnionKey::from_seed(&[7; 32]);
/// let blinded = BlindedSecretKey::new(&key, TimePeriod { number: 20_700, minutes: 1440 });
/// let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_700_000);
/// let text = OnionDescriptorBuilder::default()
///     .build(&key.address(), &blinded, 42, expires, &[9; 32])?;
///
/// let opened = OnionDescriptor::parse(text.as_bytes())?.open(&key.address(), None)?;
/// assert_eq!(opened.first.auth_type.as_deref(), Some("x25519"));
/// assert!(opened.second.introduction_points.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct OpenedDescriptor {
    /// The first layer, which contains the entries for authorized clients.
    pub first: FirstLayer,
    /// The second layer, which contains the introduction points.
    pub second: SecondLayer,
}

impl OnionDescriptor<'_> {
    /// Decrypts both layers of the descriptor, and parses them leniently.
    ///
    /// `client_key` is the client's key for this service. It is needed only if
    /// the service has client authorization, and ignored otherwise.
    ///
    /// Success doesn't mean that the service made the descriptor: see
    /// [`verify`](Self::verify).
    ///
    /// ```
    /// use std::time::{Duration, SystemTime};
    /// use scape_proto::netdoc::onion::{
    ///     BlindedSecretKey, OnionDescriptor, OnionDescriptorBuilder, OpenDescriptorError,
    ///     TimePeriod,
    /// };
    /// use scape_proto::word::{ClientKey, OnionKey};
    ///
    /// let key = OnionKey::from_seed(&[7; 32]);
    /// let client = ClientKey::from_bytes([8; 32]);
    /// let blinded = BlindedSecretKey::new(&key, TimePeriod { number: 20_700, minutes: 1440 });
    /// let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(1_788_700_000);
    /// let text = OnionDescriptorBuilder::default()
    ///     .client(client.public_key())
    ///     .build(&key.address(), &blinded, 42, expires, &[9; 32])?;
    ///
    /// let descriptor = OnionDescriptor::parse(text.as_bytes())?;
    /// let opened = descriptor.open(&key.address(), Some(&client))?;
    /// assert_eq!(opened.second.create2_formats, [2]);
    /// let error = descriptor.open(&key.address(), None).expect_err("a key is needed");
    /// assert_eq!(error, OpenDescriptorError::NeedsClientKey);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`OpenDescriptorError::FirstLayer`] if the descriptor belongs to
    /// another service. If the service has client authorization, returns
    /// [`NeedsClientKey`](OpenDescriptorError::NeedsClientKey) without a key,
    /// and [`WrongClientKey`](OpenDescriptorError::WrongClientKey) if the
    /// service doesn't authorize the key. Also returns an error if a required
    /// line is missing or malformed.
    pub fn open(
        &self,
        address: &OnionAddress,
        client_key: Option<&ClientKey>,
    ) -> Result<OpenedDescriptor, OpenDescriptorError> {
        self.open_with(address, client_key, Depth::Lenient)
    }

    /// Decrypts both layers of the descriptor, and parses them strictly. See
    /// [`open`](Self::open).
    ///
    /// ```
    /// use scape_proto::netdoc::onion::{OnionDescriptor, OpenDescriptorError};
    /// use scape_proto::word::OnionKey;
    ///
    /// let address = OnionKey::from_seed(&[7; 32]).address();
    /// let descriptor = OnionDescriptor::parse(b"hs-descriptor 3\n")?;
    /// let error = descriptor.open_strict(&address, None).expect_err("lines are missing");
    /// assert_eq!(error, OpenDescriptorError::Missing("descriptor-signing-key-cert"));
    /// # Ok::<(), scape_proto::netdoc::DocumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`open`](Self::open), and
    /// [`OpenDescriptorError::Document`] for the first line that breaks a rule
    /// of rend-spec-v3.
    pub fn open_strict(
        &self,
        address: &OnionAddress,
        client_key: Option<&ClientKey>,
    ) -> Result<OpenedDescriptor, OpenDescriptorError> {
        self.open_with(address, client_key, Depth::Strict)
    }

    fn open_with(
        &self,
        address: &OnionAddress,
        client_key: Option<&ClientKey>,
        depth: Depth,
    ) -> Result<OpenedDescriptor, OpenDescriptorError> {
        let missing = OpenDescriptorError::Missing;
        let key = self.blinded_key().ok_or(missing("descriptor-signing-key-cert"))?;
        let revision_counter = self.revision_counter.ok_or(missing("revision-counter"))?;
        let sealed = self.superencrypted.and_then(|object| object.decode());
        let sealed = sealed.ok_or(missing("superencrypted"))?;
        let subcredential = Subcredential::new(address, &key);
        let secrets = LayerSecrets { key: &key, subcredential: &subcredential, revision_counter };

        let text = open_layer(Layer::First, secrets, &sealed);
        let text = text.map_err(OpenDescriptorError::FirstLayer)?;
        let first = FirstLayer::read_text(without_padding(&text), depth)?;

        // Like tor, ignore a key that no entry is for: the service may have no
        // client authorization.
        let cookie = client_key.zip(first.ephemeral_key).and_then(|(client_key, ephemeral)| {
            AuthorizedClient::find_cookie(&first.clients, client_key, &ephemeral, &subcredential)
        });
        let sealed = first.encrypted.as_deref().ok_or(missing("encrypted"))?;
        let second = Layer::Second { cookie: cookie.as_ref() };
        let text = open_layer(second, secrets, sealed).map_err(|error| match error {
            OpenLayerError::Mac if client_key.is_some() => OpenDescriptorError::WrongClientKey,
            OpenLayerError::Mac => OpenDescriptorError::NeedsClientKey,
            OpenLayerError::Length { .. } => missing("encrypted"),
        })?;
        let second = SecondLayer::read_text(without_padding(&text), depth)?;
        Ok(OpenedDescriptor { first, second })
    }
}

/// The error for a descriptor that can't be decrypted.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenDescriptorError {
    /// The line with this keyword, which is needed for decryption, is missing
    /// or malformed.
    #[error("onion service descriptor: the line {0} is missing or malformed")]
    Missing(&'static str),
    /// The first layer can't be decrypted. Most often, the descriptor belongs
    /// to another service.
    #[error("can't decrypt the onion service descriptor with this address: {0}")]
    FirstLayer(OpenLayerError),
    /// The second layer can't be decrypted without a client's key.
    #[error("can't decrypt the onion service descriptor without a client key")]
    NeedsClientKey,
    /// The second layer can't be decrypted with this client's key.
    #[error("can't decrypt the onion service descriptor with this client key")]
    WrongClientKey,
    /// A layer isn't a document of the expected kind, or breaks its rules.
    #[error(transparent)]
    Document(#[from] DocumentError),
}

error_debug!(OpenDescriptorError);
