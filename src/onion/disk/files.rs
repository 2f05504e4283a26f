//! Files for a new service that are written before tor reads the service's
//! directory.

use scape_proto::word::{ClientPublicKey, OnionAddress, OnionKey};

/// A key, clients and frontends for a new service.
/// [`DiskOnions::add_with`](super::DiskOnions::add_with) and
/// [`DiskOnions::publish`](super::DiskOnions::publish) write them to the
/// service's directory before tor reads it.
///
/// Adding clients from the beginning is safer than adding them later. If
/// clients are added later, other people may have read an earlier descriptor.
/// Some of the relays that store descriptors may even still have one that
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
#[must_use = "nothing is written before the files are given to DiskOnions"]
pub struct DiskOnionFiles {
    pub(super) key: Option<OnionKey>,
    pub(super) clients: Vec<(String, ClientPublicKey)>,
    pub(super) frontends: Vec<OnionAddress>,
}

impl DiskOnionFiles {
    /// Creates a `DiskOnionFiles` without a key and without clients. If the
    /// service's directory contains no files either, tor makes the key, and
    /// everybody may connect.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnionFiles;
    /// use scape::word::OnionKey;
    ///
    /// let files = DiskOnionFiles::new().key(OnionKey::random());
    /// # let _ = files;
    /// ```
    pub fn new() -> Self {
        DiskOnionFiles::default()
    }

    /// Sets the service's key, which determines the service's address. If the
    /// directory contains a different key, adding the service fails, and the
    /// key in the directory isn't overwritten.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnionFiles;
    /// use scape::word::OnionKey;
    ///
    /// let key = OnionKey::random();
    /// println!("the service will be at http://{}/", key.address());
    /// let files = DiskOnionFiles::new().key(key);
    /// # let _ = files;
    /// ```
    pub fn key(mut self, key: OnionKey) -> Self {
        self.key = Some(key);
        self
    }

    /// Adds a client under this name. Only clients that are added with this
    /// method, or that the directory contains already, may connect. Call this
    /// again for more clients.
    ///
    /// ```
    /// use scape::onion::disk::DiskOnionFiles;
    /// use scape::word::ClientKey;
    ///
    /// let (alice, bob) = (ClientKey::random(), ClientKey::random());
    /// let files = DiskOnionFiles::new()
    ///     .client("alice", alice.public_key())
    ///     .client("bob", bob.public_key());
    /// # let _ = files;
    /// ```
    pub fn client(mut self, name: impl Into<String>, key: ClientPublicKey) -> Self {
        self.clients.push((name.into(), key));
        self
    }

    /// Makes the service a backend of OnionBalance: it accepts connections that
    /// clients make to the address `frontend`. The address is written to the
    /// file `ob_config`, and `HiddenServiceOnionBalanceInstance` is set. Call
    /// this again for more addresses.
    ///
    /// The frontend publishes a descriptor with the introduction points of all
    /// its backends: see [`netdoc::onion`](crate::netdoc::onion).
    ///
    /// ```
    /// use scape::onion::disk::DiskOnionFiles;
    /// use scape::word::OnionKey;
    ///
    /// let frontend = OnionKey::random().address();
    /// let files = DiskOnionFiles::new().onion_balance(frontend);
    /// # let _ = files;
    /// ```
    pub fn onion_balance(mut self, frontend: OnionAddress) -> Self {
        self.frontends.push(frontend);
        self
    }

    /// Returns the content of `ob_config`.
    pub(super) fn ob_config(&self) -> String {
        self.frontends.iter().map(|frontend| format!("MasterOnionAddress {frontend}\n")).collect()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.key.is_none() && self.clients.is_empty() && self.frontends.is_empty()
    }
}
