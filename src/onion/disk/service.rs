//! A service that tor has, with its files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::client_auth::AuthorizedClients;
use super::directory::{self, AUTHORIZED_CLIENTS};
use super::services::DiskOnions;
use super::value::DiskOnion;
use crate::connection::{CloseCause, Closed};
use crate::controller::{Controller, WeakController};
use crate::error::{Error, Result};
use crate::onion::disk::{DiskOnionError, DiskOnionProblem, is_not_configured};
use crate::word::{OnionAddress, OnionKey};

/// How long dropping a guard may take.
const DROP: Duration = Duration::from_secs(5);

/// An onion service that tor has in its configuration, with its files. From
/// [`DiskOnions::add`] or [`DiskOnions::open`].
///
/// Dropping it changes nothing: services on disk are meant to stay.
/// [`guard`](Self::guard) makes one that does not.
///
/// ```no_run
/// use scape::onion::disk::{DiskOnion, DiskOnions};
///
/// let controller = scape::connect()?;
/// let service = DiskOnions::of(&controller).add(&DiskOnion::new("/srv/tor/blog").local_port(80))?;
/// println!("http://{}/", service.address());
/// let key = service.secret_key()?; // to keep a copy of: whoever has it can be the service
/// # let _ = key;
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct DiskOnionService {
    onions: DiskOnions,
    directory: PathBuf,
    address: OnionAddress,
}

impl DiskOnionService {
    pub(super) fn new(onions: DiskOnions, directory: PathBuf, address: OnionAddress) -> Self {
        DiskOnionService { onions, directory, address }
    }

    /// Its address.
    pub fn address(&self) -> OnionAddress {
        self.address
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The services of the tor that has it.
    pub fn onions(&self) -> &DiskOnions {
        &self.onions
    }

    /// The controller.
    pub fn controller(&self) -> &Controller {
        self.onions.controller()
    }

    /// What the configuration says of it now; `None` where it was removed
    /// meanwhile.
    pub fn config(&self) -> Result<Option<DiskOnion>> {
        self.onions.get(&self.directory)
    }

    /// Reads the address that is in the file `hostname` now.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`DiskOnionError`] if the file doesn't exist
    /// (kind [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) or can't be
    /// read (kind [`ErrorKind::Config`](crate::ErrorKind::Config)).
    pub fn hostname(&self) -> Result<OnionAddress> {
        match directory::hostname(&self.directory).map_err(|problem| self.problem(problem))? {
            Some(address) => Ok(address),
            None => Err(self.problem(DiskOnionProblem::NoHostname(Duration::ZERO))),
        }
    }

    /// Reads the secret key from the file `hs_ed25519_secret_key`. Whoever has
    /// it can be the service.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`DiskOnionError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if this program can't
    /// read the file, or it holds no key.
    pub fn secret_key(&self) -> Result<OnionKey> {
        directory::secret_key(&self.directory).map_err(|problem| self.problem(problem))
    }

    /// Reads the ed25519 public key from the file `hs_ed25519_public_key`.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`DiskOnionError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if this program can't
    /// read the file, or it holds no key.
    pub fn public_key(&self) -> Result<[u8; 32]> {
        let address =
            directory::public_key(&self.directory).map_err(|problem| self.problem(problem))?;
        Ok(*address.public_key())
    }

    /// The clients that may reach it; as long as there is none, everybody may.
    /// After a change, call [`reread`](Self::reread).
    pub fn authorized_clients(&self) -> AuthorizedClients {
        AuthorizedClients::at(self.directory.join(AUTHORIZED_CLIENTS))
    }

    /// Has tor read its files again, its
    /// [authorized clients](Self::authorized_clients) above all:
    /// [`DiskOnions::reread`]. Where the clients have changed, tor publishes
    /// the service anew.
    pub fn reread(&self) -> Result<()> {
        self.onions.reread()
    }

    /// Replaces what the configuration says of it: [`DiskOnions::change`].
    pub fn change(&self, service: &DiskOnion) -> Result<()> {
        self.onions.change(&self.directory, service)
    }

    /// Takes the service out of the configuration, and returns what that said:
    /// [`DiskOnions::remove`]. Returns `None` if it was gone already. The
    /// directory stays.
    ///
    /// # Errors
    ///
    /// Same errors as [`DiskOnions::edit`], most often a [`DiskOnionError`] if
    /// tor refuses.
    pub fn remove(self) -> Result<Option<DiskOnion>> {
        removed(self.onions.remove(&self.directory))
    }

    /// The same, as something that takes the service out of the configuration
    /// when it is dropped. The directory stays.
    pub fn guard(self) -> DiskOnionGuard {
        let controller = self.controller().downgrade();
        DiskOnionGuard {
            controller,
            directory: self.directory,
            address: self.address,
            undone: false,
        }
    }

    fn problem(&self, problem: DiskOnionProblem) -> Error {
        DiskOnionError::new(&self.directory, problem).into()
    }
}

/// A service that is taken out of tor's configuration when this is dropped.
/// From [`DiskOnionService::guard`].
///
/// It does not keep the connection open; and as the configuration is tor's and
/// not the connection's, the service outlives a connection that ends before
/// this is dropped. Dropping it waits for tor's answers, for at most some
/// seconds each.
#[derive(Debug)]
#[must_use = "the service is removed when this is dropped"]
pub struct DiskOnionGuard {
    controller: WeakController,
    directory: PathBuf,
    address: OnionAddress,
    undone: bool,
}

impl DiskOnionGuard {
    /// The service's address.
    pub fn address(&self) -> OnionAddress {
        self.address
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes the service out of the configuration, as dropping does, and
    /// returns what that said. Returns `None` if it was gone already.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended, or its last handle was dropped. The service is still there then.
    /// Otherwise same errors as [`DiskOnionService::remove`].
    pub fn close(mut self) -> Result<Option<DiskOnion>> {
        self.undone = true;
        match self.controller.upgrade() {
            Some(controller) => removed(DiskOnions::of(&controller).remove(&self.directory)),
            None => Err(Closed::new(CloseCause::Local).into()),
        }
    }

    /// Leaves the service in place.
    pub fn keep(mut self) {
        self.undone = true;
    }
}

impl Drop for DiskOnionGuard {
    fn drop(&mut self) {
        if self.undone {
            return;
        }
        let Some(controller) = self.controller.upgrade() else { return };
        let timeout = controller.timeout().min(DROP);
        if let Err(error) =
            DiskOnions::of(&controller.with_timeout(timeout)).remove(&self.directory)
        {
            log::debug!(target: "scape::connection", "{} stays configured: {error}", self.address);
        }
    }
}

/// `None` if the service was gone already.
fn removed(removed: Result<DiskOnion>) -> Result<Option<DiskOnion>> {
    match removed {
        Err(error) if is_not_configured(&error) => Ok(None),
        removed => removed.map(Some),
    }
}
