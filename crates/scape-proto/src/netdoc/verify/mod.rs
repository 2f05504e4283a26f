//! Checking the signatures of documents.

mod consensus;
mod detached_signatures;
mod error;
mod extra_info;
mod key_certificate;
mod onion_descriptor;
mod router_signature;
mod rsa_key;
mod server_descriptor;
mod signed_part;
mod signers;
mod vote;

pub use error::{VerifyError, VerifyProblem};
