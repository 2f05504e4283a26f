//! Microdescriptors, as the authorities make them from relays' descriptors
//! (dir-spec, "Computing microdescriptors").

use data_encoding::BASE64_NOPAD;
use sha2::{Digest, Sha256};

use crate::error::Result;
use crate::testing::network::keys::RelayKeys;
use scape_proto::word::Fingerprint;

/// The content of a microdescriptor besides its keys.
#[derive(Debug, Clone, Default)]
pub(super) struct Contents<'a> {
    /// The relays of the same family, including this one. Empty if there are no
    /// others.
    pub(super) family: &'a [Fingerprint],
    pub(super) exits: bool,
}

/// Returns the microdescriptor of a relay.
pub(super) fn microdescriptor(keys: &RelayKeys, contents: &Contents<'_>) -> Result<String> {
    let mut text =
        format!("onion-key\n{}ntor-onion-key {}\n", keys.onion_key()?, keys.ntor_onion_key());
    if !contents.family.is_empty() {
        let mut family: Vec<String> = contents.family.iter().map(|it| format!("${it}")).collect();
        family.sort();
        text.push_str(&format!("family {}\n", family.join(" ")));
    }
    if contents.exits {
        text.push_str("p accept 1-65535\np6 accept 1-65535\n");
    }
    text.push_str(&format!("id ed25519 {}\n", keys.ed25519_identity()));
    Ok(text)
}

/// Returns the digest by which a consensus names a microdescriptor.
pub(super) fn digest(microdescriptor: &str) -> String {
    BASE64_NOPAD.encode(&Sha256::digest(microdescriptor.as_bytes()))
}
