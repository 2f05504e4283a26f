//! Reading tor's reply to ADD_ONION, which a filter may have rewritten.

use std::fmt;

use super::onions::AddedOnion;
use crate::protocol::Reply;
use crate::word::{ClientPublicKey, OnionKey};

/// A reply that has no address. Keys in it aren't repeated.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// The word that the reply has in place of the address.
    pub(super) id: Option<String>,
}

impl fmt::Display for Unread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.id {
            Some(id) => write!(f, "{id:?} is not the address of an onion service of version 3"),
            None => f.write_str("the reply has no ServiceID line"),
        }
    }
}

/// Reads the reply to ADD_ONION for a service with this key, if one was given.
///
/// Only the address is needed: without it the service couldn't be removed. If
/// it can't be read, it is computed from the key. A key or client that can't be
/// read is left out, because a filter on the control port may hide it
/// (onion-grater: `PrivateKey=ED25519-V3:redacted`).
pub(super) fn read(reply: &Reply, given: Option<&OnionKey>) -> Result<AddedOnion, Unread> {
    let (mut id, mut key, mut is_key_hidden, mut clients) = (None, None, false, Vec::new());
    for line in reply.lines() {
        let text = String::from_utf8_lossy(line.text);
        match text.split_once('=') {
            Some(("ServiceID", value)) => id = Some(value.to_owned()),
            Some(("PrivateKey", blob)) => {
                key = blob.parse::<OnionKey>().ok();
                is_key_hidden = key.is_none();
            }
            Some(("ClientAuthV3", client)) => clients.extend(client.parse::<ClientPublicKey>()),
            _ => {}
        }
    }
    // What tor returns is checked too, because it goes into later commands.
    let told = id.as_deref().and_then(|id| id.parse().ok());
    let Some(address) = told.or_else(|| given.or(key.as_ref()).map(OnionKey::address)) else {
        return Err(Unread { id });
    };
    if is_key_hidden {
        log::warn!(
            target: "scape::onion",
            "the control port hides the private key of {address}: the service can't be restored after a reconnect"
        );
    }
    Ok(AddedOnion { address, key, clients })
}
