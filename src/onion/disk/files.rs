//! Files for a new service that are written before tor reads its directory.

use scape_proto::word::{ClientPublicKey, OnionKey};

/// A key and clients for a new service, which are written to its directory
/// before tor reads it. For
/// [`DiskOnions::add_with`](super::DiskOnions::add_with) and
/// [`DiskOnions::publish`](super::DiskOnions::publish).
///
/// It is safer to add clients from the beginning than later: nobody else has
/// ever read the service's descriptor, and no directory has a descriptor that
/// everybody can read.
///
/// ```
/// use scape::onion::disk::DiskOnionFiles;
/// use scape::word::{ClientKey, OnionKey};
///
/// let (key, client) = (OnionKey::random(), ClientKey::random());
/// let files = DiskOnionFiles::new().key(key).client("bob", client.public_key());
/// # let _ = files;
/// ```
#[derive(Debug, Clone, Default)]
pub struct DiskOnionFiles {
    pub(super) key: Option<OnionKey>,
    pub(super) clients: Vec<(String, ClientPublicKey)>,
}

impl DiskOnionFiles {
    /// Creates an empty set: tor makes the key, and everybody may connect.
    pub fn new() -> Self {
        DiskOnionFiles::default()
    }

    /// Sets the service's key, which determines its address. A different key in
    /// the directory isn't overwritten, which is an error.
    pub fn key(mut self, key: OnionKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Restricts the service to the clients that are added here, and adds one
    /// under this name. Call this again for more clients.
    pub fn client(mut self, name: impl Into<String>, key: ClientPublicKey) -> Self {
        self.clients.push((name.into(), key));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.clients.is_empty()
    }
}
