//! Checking the signatures of documents.

mod error;
mod extra_info;
mod onion_descriptor;
mod router_signature;
mod rsa_key;
mod server_descriptor;

pub use error::{VerifyError, VerifyProblem};
