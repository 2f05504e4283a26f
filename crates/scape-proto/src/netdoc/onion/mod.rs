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
//!
//! # OnionBalance
//!
//! An onion service can be spread over several tors, on several machines. Each
//! of these **backends** is an onion service with its own key. The **frontend**
//! has the address that clients know. It isn't a tor, but a program that
//! publishes descriptors. The frontend's descriptors contain the introduction
//! points of the backends, so clients contact a backend. No traffic goes
//! through the frontend.
//!
//! A backend must accept clients that know only the frontend's address. For
//! that, its torrc has `HiddenServiceOnionBalanceInstance 1`, and the file
//! `ob_config` in its directory has the line `MasterOnionAddress` with the
//! frontend's address. (`DiskOnionFiles::onion_balance` of the crate `scape`
//! writes both.) A backend must not have client authorization.
//!
//! The frontend repeats these steps, every ten minutes for example:
//!
//! 1. Fetch the backends' descriptors and open them with
//!    `OnionDescriptor::open`. tor checks the signatures of descriptors that it
//!    fetches. Check other descriptors with `OnionDescriptor::verify` first.
//! 2. Make the content of the frontend's descriptors with
//!    `OnionDescriptorBuilder::balance`. A descriptor has room for 20
//!    introduction points. If the backends have more, there are several
//!    descriptors for each time period. Each client finds one of them.
//! 3. For both time periods ([`HsDirs`]`::uploads`), sign the descriptors and
//!    post them to the directories (`DescriptorUpload::divide`). This is only
//!    necessary if the content or the directories have changed, or if the last
//!    post was an hour ago.
//!
//! This program makes the descriptors of a frontend, without any connection:
//!
#![cfg_attr(feature = "onion-descriptor", doc = "```")]
#![cfg_attr(not(feature = "onion-descriptor"), doc = "```text")]
//! use std::time::{Duration, SystemTime};
//! use scape_proto::netdoc::Directory;
//! use scape_proto::netdoc::onion::{HsDirs, OnionDescriptor, OnionDescriptorBuilder};
//! use scape_proto::word::OnionKey;
//!
//! # use scape_proto::netdoc::onion::{LinkSpecifier, NewIntroductionPoint};
//! # use scape_proto::word::ClientKey;
//! # let consensus = include_bytes!(concat!(
//! #     env!("CARGO_MANIFEST_DIR"),
//! #     "/tests/data/documents/consensus-microdesc"
//! # ));
//! # let microdescriptors = include_bytes!(concat!(
//! #     env!("CARGO_MANIFEST_DIR"),
//! #     "/tests/data/documents/microdescriptors"
//! # ));
//! # let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_796_005_600);
//! # let expires = now + Duration::from_secs(54 * 3600);
//! let hs_dirs = HsDirs::new(&Directory::parse(consensus, microdescriptors)?).expect("times");
//! # let backend = OnionKey::from_seed(&[1; 32]);
//! # let curve25519 = |secret| *ClientKey::from_bytes([secret; 32]).public_key().as_bytes();
//! # let point = NewIntroductionPoint {
//! #     link_specifiers: vec![LinkSpecifier::Ipv4("192.0.2.1:9001".parse()?)],
//! #     onion_key: curve25519(1),
//! #     auth_key: OnionKey::from_seed(&[2; 32]).public_key(),
//! #     enc_key: curve25519(3),
//! # };
//! # let [upload, _] = hs_dirs.uploads(&backend);
//! # let fetched = OnionDescriptorBuilder::default()
//! #     .introduction_point(point)
//! #     .build(&backend.address(), &upload.key, 42, expires, &[9; 32])?;
//! # let backend = backend.address();
//! let opened = [OnionDescriptor::parse(fetched.as_bytes())?.open(&backend, None)?];
//! let frontend = OnionKey::from_seed(&[7; 32]);
//!
//! let params = hs_dirs.params();
//! let asked = usize::from(params.replicas) * usize::from(params.spread_fetch);
//! let builders = OnionDescriptorBuilder::balance(&opened, asked);
//! for upload in hs_dirs.uploads(&frontend) {
//!     let counter = upload.revision_counter(now);
//!     for (builder, directories) in builders.iter().zip(upload.divide(builders.len())) {
//!         # let seed = [8; 32];
//!         let text = builder.build(&frontend.address(), &upload.key, counter, expires, &seed)?;
//!         println!("post {} bytes to {directories:?}", text.len());
//!         # assert_eq!(directories.len(), 8);
//!     }
//! }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The example `onion_balance` of the crate `scape` is a whole frontend. It
//! fetches and posts through a running tor.

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
