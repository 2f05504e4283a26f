//! Files for a new service that are written before tor reads the service's
//! directory.

use scape_proto::word::{ClientPublicKey, OnionKey};

/// A key and clients for a new service.
/// [`DiskOnions::add_with`](super::DiskOnions::add_with) and
/// [`DiskOnions::publish`](super::DiskOnions::publish) write them to the
/// service's directory before tor reads it.
///
/// Adding clients from the beginning is safer than adding them later. If
/// clients are added later, other people may have read an earlier descriptor,
/// and some directories still have one that everybody can read.
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
    /// Creates an empty set. With it, tor makes the service's key, and
    /// everybody may connect.
    pub fn new() -> Self {
        DiskOnionFiles::default()
    }

    /// Sets the service's key, which determines its address. If the directory
    /// contains a different key, adding the service fails, and that key isn't
    /// overwritten.
    pub fn key(mut self, key: OnionKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds a client under this name. Only clients that are added with this
    /// method, or that the directory contains already, may connect. Call this
    /// again for more clients.
    pub fn client(mut self, name: impl Into<String>, key: ClientPublicKey) -> Self {
        self.clients.push((name.into(), key));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.clients.is_empty()
    }
}
