//! [`AddedOnion`]: tor's reply to ADD_ONION, which a filter on the control port
//! may have rewritten.

use std::fmt;

use scape_proto::control::Reply;
use scape_proto::word::{ClientPublicKey, OnionAddress, OnionKey};

/// An onion service that was added. Returned by
/// [`Controller::add_onion`](crate::Controller::add_onion).
#[doc(alias = "AddOnionResponse")]
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AddedOnion {
    /// The service's address.
    pub address: OnionAddress,
    /// The private key, if tor generated and returned it. Anybody who has the
    /// key can run the service.
    ///
    /// `None` if the caller gave the key, or if tor was told to discard it.
    /// Also `None` if a filter on the control port hides the key (onion-grater
    /// writes `redacted`). A service whose key isn't known can't be restored
    /// after a reconnect.
    pub key: Option<OnionKey>,
    /// The clients that may connect, as tor's reply lists them. Empty if
    /// anybody may connect. A client is left out if a filter on the control
    /// port hides the client's key.
    pub clients: Vec<ClientPublicKey>,
}

/// The error if the added service's address is unknown: the reply to ADD_ONION
/// has no valid address, and the service's key isn't known either. The error
/// contains none of the reply's keys.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Unread {
    /// The text that the reply has in place of a valid address. `None` if the
    /// reply has no ServiceID line.
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

/// Reads the reply to ADD_ONION. `given` is the service's key, if the caller
/// gave one.
///
/// Only the address is required, because the service couldn't be removed
/// without it. If the address can't be read, it is computed from the key. A key
/// or client that can't be read is left out, and causes no error: a filter on
/// the control port may have hidden it (onion-grater:
/// `PrivateKey=ED25519-V3:redacted`).
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
    // The address that tor returns is checked too, because it goes into later
    // commands.
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
