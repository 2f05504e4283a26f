//! Descriptors of onion services: rend-spec-v3.
//!
//! An onion service publishes descriptors, from which clients learn how to
//! reach it. In each time period, the service uses another blinded key and
//! stores its descriptors on other relays. This module computes both:
//!
//! | type | content |
//! |---|---|
//! | [`TimePeriod`] | a time period, usually a day from noon to noon |
//! | [`BlindedPublicKey`] | a service's key in a time period |
//! | [`Subcredential`] | the secret that is needed to decrypt descriptors |
//! | [`HsDirParams`] | the values of a consensus that determine where descriptors are stored |
//! | [`HashRing`] | the relays in the order in which they store descriptors |
//!
//! The feature `onion-descriptor` adds the secret blinded keys, the encryption
//! of descriptors and the client authorization.

#[cfg(feature = "onion-descriptor")]
mod authorized_client;
mod blinded_key;
#[cfg(feature = "onion-descriptor")]
mod blinded_secret_key;
#[cfg(feature = "onion-descriptor")]
mod descriptor_cookie;
mod hash_ring;
mod hsdir_params;
#[cfg(feature = "onion-descriptor")]
mod kdf;
#[cfg(feature = "onion-descriptor")]
mod layer;
#[cfg(feature = "onion-descriptor")]
mod revision_counter;
#[cfg(feature = "onion-descriptor")]
mod stream_cipher;
mod subcredential;
mod time_period;

#[cfg(feature = "onion-descriptor")]
pub use authorized_client::{AuthorizedClient, WeakClientKeyError};
pub use blinded_key::{BlindedPublicKey, ParseBlindedKeyError};
#[cfg(feature = "onion-descriptor")]
pub use blinded_secret_key::BlindedSecretKey;
#[cfg(feature = "onion-descriptor")]
pub use descriptor_cookie::DescriptorCookie;
pub use hash_ring::{HashRing, relay_index, service_index};
pub use hsdir_params::{HsDirParams, RingPeriod};
#[cfg(feature = "onion-descriptor")]
pub use layer::{Layer, LayerSecrets, OpenLayerError, open, seal};
#[cfg(feature = "onion-descriptor")]
pub use revision_counter::revision_counter;
pub use subcredential::Subcredential;
pub use time_period::TimePeriod;
