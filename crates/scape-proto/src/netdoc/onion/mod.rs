//! Descriptors of onion services: rend-spec-v3.
//!
//! An onion service publishes descriptors, from which clients learn how to
//! reach it. In each time period, the service uses another blinded key and
//! stores its descriptors on other relays.
//!
//! | type | content |
//! |---|---|
//! | [`TimePeriod`] | a time period, usually a day from noon to noon |
//! | [`BlindedPublicKey`] | a service's key in a time period |
//! | [`Subcredential`] | the secret that is needed to decrypt descriptors |
//! | [`HsDirParams`] | the values of a consensus that determine where descriptors are stored |
//! | [`HsDirs`] | the relays of a consensus that store descriptors |
//! | [`HashRing`] | the relays in the order in which they store descriptors |
//! | [`OnionDescriptor`] | a descriptor, with its encrypted layers |
//!
//! With the feature `onion-descriptor`, there are also:
//!
//! | type | content |
//! |---|---|
//! | `FirstLayer` | the first layer: the authorized clients |
//! | `SecondLayer` | the second layer: the introduction points |
//! | `OnionDescriptorBuilder` | makes descriptors |
//! | `BlindedSecretKey` | a service's secret key in a time period |
//! | `DescriptorUpload` | a descriptor to publish, with the directories that store it |

#[cfg(feature = "onion-descriptor")]
mod authorized_client;
#[cfg(feature = "onion-descriptor")]
mod balance;
mod blinded_key;
#[cfg(feature = "onion-descriptor")]
mod blinded_secret_key;
#[cfg(feature = "onion-descriptor")]
mod builder;
mod descriptor;
#[cfg(feature = "onion-descriptor")]
mod descriptor_cookie;
#[cfg(feature = "onion-descriptor")]
mod descriptor_upload;
#[cfg(feature = "onion-descriptor")]
mod first_layer;
#[cfg(feature = "onion-descriptor")]
mod flow_control;
mod hash_ring;
mod hs_dirs;
mod hsdir_params;
#[cfg(feature = "onion-descriptor")]
mod introduction_point;
#[cfg(feature = "onion-descriptor")]
mod kdf;
#[cfg(feature = "onion-descriptor")]
mod layer;
#[cfg(feature = "onion-descriptor")]
mod link_specifier;
#[cfg(feature = "onion-descriptor")]
mod opened_descriptor;
#[cfg(feature = "onion-descriptor")]
mod pow_params;
#[cfg(feature = "onion-descriptor")]
mod revision_counter;
#[cfg(feature = "onion-descriptor")]
mod second_layer;
#[cfg(feature = "serde")]
mod serial;
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
pub use builder::{BuildDescriptorError, NewIntroductionPoint, OnionDescriptorBuilder};
pub use descriptor::OnionDescriptor;
#[cfg(feature = "onion-descriptor")]
pub use descriptor_cookie::DescriptorCookie;
#[cfg(feature = "onion-descriptor")]
pub use descriptor_upload::DescriptorUpload;
#[cfg(feature = "onion-descriptor")]
pub use first_layer::FirstLayer;
#[cfg(feature = "onion-descriptor")]
pub use flow_control::FlowControl;
pub use hash_ring::{HashRing, relay_index, service_index};
pub use hs_dirs::HsDirs;
pub use hsdir_params::{HsDirParams, RingPeriod};
#[cfg(feature = "onion-descriptor")]
pub use introduction_point::IntroductionPoint;
#[cfg(feature = "onion-descriptor")]
pub use layer::{Layer, LayerSecrets, OpenLayerError, open_layer, seal_layer};
#[cfg(feature = "onion-descriptor")]
pub use link_specifier::LinkSpecifier;
#[cfg(feature = "onion-descriptor")]
pub use opened_descriptor::{OpenDescriptorError, OpenedDescriptor};
#[cfg(feature = "onion-descriptor")]
pub use pow_params::PowParams;
#[cfg(feature = "onion-descriptor")]
pub use revision_counter::revision_counter;
#[cfg(feature = "onion-descriptor")]
pub use second_layer::SecondLayer;
pub use subcredential::Subcredential;
pub use time_period::TimePeriod;
