//! What is put into the directory of a service before tor looks.

use crate::word::{ClientPublicKey, OnionKey};

/// What is put into the directory of a new service before tor looks: a key, and
/// clients. For [`DiskOnions::add_with`](super::DiskOnions::add_with).
///
/// Clients that are there from the beginning are safer than those that come
/// later: nobody else has ever read where the service is, and no directory has
/// a descriptor that everybody can read.
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
    /// Nothing: tor makes the key, and everybody may reach the service.
    pub fn new() -> Self {
        DiskOnionFiles::default()
    }

    /// This key: the address follows from it. Where there is another already,
    /// it is not overwritten, but an error.
    pub fn key(mut self, key: OnionKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Lets this client in, under this name, and nobody but those that are
    /// named. Repeat it for several clients.
    pub fn client(mut self, name: impl Into<String>, key: ClientPublicKey) -> Self {
        self.clients.push((name.into(), key));
        self
    }

    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.clients.is_empty()
    }
}
