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

mod blinded_key;
mod hash_ring;
mod hsdir_params;
mod subcredential;
mod time_period;

pub use blinded_key::{BlindedPublicKey, ParseBlindedKeyError};
pub use hash_ring::{HashRing, relay_index, service_index};
pub use hsdir_params::{HsDirParams, RingPeriod};
pub use subcredential::Subcredential;
pub use time_period::TimePeriod;
