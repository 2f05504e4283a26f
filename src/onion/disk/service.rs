//! A service in tor's configuration, with its files.

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::super::client_auth::AuthorizedClients;
use super::directory;
use super::file_names::AUTHORIZED_CLIENTS;
use super::services::DiskOnions;
use super::value::DiskOnion;
use crate::control::{Controller, WeakController};
use crate::error::{Error, Result};
use crate::io::connection::{CloseCause, Closed};
use crate::onion::disk::{DiskOnionError, DiskOnionProblem, is_not_configured};
use scape_proto::word::{OnionAddress, OnionKey};

/// The time limit for the removal of a service when a guard is dropped.
const DROP: Duration = Duration::from_secs(5);

/// An onion service in tor's configuration, with its files. Returned by
/// [`DiskOnions::add`] and [`DiskOnions::open`].
///
/// Dropping a `DiskOnionService` changes nothing, because services on disk are
/// meant to stay. [`guard`](Self::guard) converts it to a guard that removes
/// the service when dropped.
///
/// ```no_run
/// use scape::onion::disk::{DiskOnion, DiskOnions};
///
/// let controller = scape::connect()?;
/// let service = DiskOnions::of(&controller).add(&DiskOnion::new("/srv/tor/blog").local_port(80))?;
/// println!("http://{}/", service.address());
/// let key = service.secret_key()?; // for a backup: keep it secret
/// # let _ = key;
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "FilesystemOnionService")]
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

    /// Returns the service's address.
    pub fn address(&self) -> OnionAddress {
        self.address
    }

    /// Returns the service's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns the handle for all services of the same tor.
    pub fn onions(&self) -> &DiskOnions {
        &self.onions
    }

    /// Returns the controller of the tor that runs the service.
    pub fn controller(&self) -> &Controller {
        self.onions.controller()
    }

    /// Returns the service's current configuration, or `None` if the service
    /// was removed.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// let onions = DiskOnions::of(&controller);
    /// let Some(service) = onions.open("/srv/tor/blog")? else { return Ok(()) };
    /// if let Some(config) = service.config()? {
    ///     println!("{:?}", config.ports());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`DiskOnions::get`], most often of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), because the connection
    /// has ended.
    pub fn config(&self) -> Result<Option<DiskOnion>> {
        self.onions.get(&self.directory)
    }

    /// Reads the address from the file `hostname`.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// if let Some(service) = DiskOnions::of(&controller).open("/srv/tor/blog")? {
    ///     assert_eq!(service.hostname()?, service.address());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`DiskOnionError`] if the file doesn't exist or
    /// contains no address (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)), or can't be read
    /// (kind [`ErrorKind::Config`](crate::ErrorKind::Config)).
    pub fn hostname(&self) -> Result<OnionAddress> {
        directory::address(&self.directory)
    }

    /// Reads the secret key from the file `hs_ed25519_secret_key`. Anybody who
    /// has the key can run the service.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// if let Some(service) = DiskOnions::of(&controller).open("/srv/tor/blog")? {
    ///     scape::onion::save_key(&service.secret_key()?, "/backup/blog.key")?;
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`DiskOnionError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if this program can't
    /// read the file or the file contains no key.
    pub fn secret_key(&self) -> Result<OnionKey> {
        directory::secret_key(&self.directory).map_err(|problem| self.problem(problem))
    }

    /// Reads the ed25519 public key from the file `hs_ed25519_public_key`.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// if let Some(service) = DiskOnions::of(&controller).open("/srv/tor/blog")? {
    ///     assert_eq!(service.public_key()?, *service.address().public_key());
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`DiskOnionError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if this program can't
    /// read the file or the file contains no key.
    pub fn public_key(&self) -> Result<[u8; 32]> {
        let address =
            directory::public_key(&self.directory).map_err(|problem| self.problem(problem))?;
        Ok(*address.public_key())
    }

    /// Returns a handle to list and change the service's authorized clients. If
    /// none are authorized, everybody may connect. After a change, call
    /// [`reread`](Self::reread).
    ///
    /// ```
    /// # let folder = tempfile::tempdir()?;
    /// # let directory = folder.path();
    /// # std::fs::write(
    /// #     directory.join("hostname"),
    /// #     "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion\n",
    /// # )?;
    /// # let lines = format!(
    /// #     "250-HiddenServiceDir={}\r\n250 HiddenServicePort=80\r\n",
    /// #     directory.display(),
    /// # );
    /// # let tor = scape::testing::ScriptedTor::builder()
    /// #     .on("GETCONF HiddenServiceOptions", lines)
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::onion::disk::DiskOnions;
    ///
    /// // let directory = "/var/lib/tor/blog";
    /// if let Some(service) = DiskOnions::of(&controller).open(directory)? {
    ///     assert!(service.authorized_clients().list()?.is_open());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn authorized_clients(&self) -> AuthorizedClients {
        AuthorizedClients::at(self.directory.join(AUTHORIZED_CLIENTS))
    }

    /// Makes tor read the files of all services again, so that tor notices
    /// changes of the [authorized clients](Self::authorized_clients). If the
    /// clients of a service have changed, tor publishes the service again. See
    /// [`DiskOnions::reread`].
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    /// use scape::word::ClientKey;
    ///
    /// let controller = scape::connect()?;
    /// if let Some(service) = DiskOnions::of(&controller).open("/var/lib/tor/blog")? {
    ///     service.authorized_clients().add("bob", &ClientKey::random().public_key())?;
    ///     service.reread()?;
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`DiskOnions::reread`], most often a [`DiskOnionError`]
    /// if tor refuses.
    pub fn reread(&self) -> Result<()> {
        self.onions.reread()
    }

    /// Replaces the service's configuration by `service`. See
    /// [`DiskOnions::change`].
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// let onions = DiskOnions::of(&controller);
    /// let Some(service) = onions.open("/srv/tor/blog")? else { return Ok(()) };
    /// if let Some(config) = service.config()? {
    ///     service.change(&config.max_streams(50))?;
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`DiskOnions::change`], most often of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument), because tor
    /// wouldn't accept the service.
    pub fn change(&self, service: &DiskOnion) -> Result<()> {
        self.onions.change(&self.directory, service)
    }

    /// Takes the service out of the configuration and returns its description.
    /// Returns `None` if the service was not configured any more. The directory
    /// stays. See [`DiskOnions::remove`].
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// let onions = DiskOnions::of(&controller);
    /// let Some(service) = onions.open("/srv/tor/blog")? else { return Ok(()) };
    /// let config = service.remove()?;
    /// # let _ = config;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`DiskOnions::edit`], most often a [`DiskOnionError`] if
    /// tor refuses.
    pub fn remove(self) -> Result<Option<DiskOnion>> {
        removed(self.onions.remove(&self.directory))
    }

    /// Converts the service to a guard, which takes the service out of the
    /// configuration when it is dropped. The directory stays.
    ///
    /// ```no_run
    /// use scape::onion::disk::{DiskOnion, DiskOnions};
    ///
    /// let controller = scape::connect()?;
    /// let blog = DiskOnion::new("/srv/tor/blog").local_port(80);
    /// let guard = DiskOnions::of(&controller).add(&blog)?.guard();
    /// println!("http://{}/ until the end of this block", guard.address());
    /// # Ok::<(), scape::Error>(())
    /// ```
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

/// A guard that takes a service out of tor's configuration when it is dropped.
/// Returned by [`DiskOnionService::guard`].
///
/// The guard doesn't keep the connection open. If the connection ends before
/// the guard is dropped, the service stays, because the configuration belongs
/// to tor and not to the connection. Dropping the guard waits for tor's
/// replies, for at most 10 seconds in all.
#[derive(Debug)]
#[must_use = "the service is removed when this is dropped"]
pub struct DiskOnionGuard {
    controller: WeakController,
    directory: PathBuf,
    address: OnionAddress,
    undone: bool,
}

impl DiskOnionGuard {
    /// Returns the service's address.
    pub fn address(&self) -> OnionAddress {
        self.address
    }

    /// Returns the service's directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Takes the service out of the configuration and returns its description.
    /// Like dropping the guard, but reports errors. Returns `None` if the
    /// service was not configured any more.
    ///
    /// ```no_run
    /// use scape::onion::disk::{DiskOnion, DiskOnions};
    ///
    /// let controller = scape::connect()?;
    /// let blog = DiskOnion::new("/srv/tor/blog").local_port(80);
    /// let guard = DiskOnions::of(&controller).add(&blog)?.guard();
    /// guard.close()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended or the last handle to it was dropped. Then the service stays in
    /// the configuration. Otherwise same errors as
    /// [`DiskOnionService::remove`].
    pub fn close(mut self) -> Result<Option<DiskOnion>> {
        self.undone = true;
        match self.controller.upgrade() {
            Some(controller) => removed(DiskOnions::of(&controller).remove(&self.directory)),
            None => Err(Closed::new(CloseCause::Local).into()),
        }
    }

    /// Consumes the guard and leaves the service in tor's configuration.
    ///
    /// ```no_run
    /// use scape::onion::disk::{DiskOnion, DiskOnions};
    ///
    /// let controller = scape::connect()?;
    /// let blog = DiskOnion::new("/srv/tor/blog").local_port(80);
    /// let guard = DiskOnions::of(&controller).add(&blog)?.guard();
    /// guard.keep();
    /// # Ok::<(), scape::Error>(())
    /// ```
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
        let onions = DiskOnions::of(&controller.with_timeout(timeout));
        // It isn't an error if the service no longer exists.
        if let Err(error) = removed(onions.remove(&self.directory)) {
            log::debug!(target: "scape::connection", "cannot remove the onion service {}: {error}", self.address);
        }
    }
}

/// Returns `Ok(None)` instead of the error that no such service is configured.
/// Any other error stays an error.
fn removed(removed: Result<DiskOnion>) -> Result<Option<DiskOnion>> {
    match removed {
        Err(error) if is_not_configured(&error) => Ok(None),
        removed => removed.map(Some),
    }
}
