//! An onion service that was added and is removed on drop.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::disk::{DiskOnionService, DiskOnions};
use crate::control::{AddedOnion, Controller, OnionTarget, UNDO_WITHIN};
use crate::error::Result;
use crate::io::connection::Closed;
use crate::onion::disk::is_not_configured;
use scape_proto::control::{ArgumentError, Refusal};
use scape_proto::word::{ClientPublicKey, OnionAddress, OnionKey};

/// The time limit for removing a service when it is dropped. It is also the
/// limit for removing a service on disk that wasn't published.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// A value that is kept alive as long as the service.
pub(super) type KeepAlive = Arc<dyn Any + Send + Sync>;

/// An ephemeral onion service, made by
/// [`OnionBuilder::publish`](super::OnionBuilder::publish).
///
/// The service ends when this object is dropped or when the control connection
/// ends, whichever is first. After a reconnect
/// ([`Connect::reconnect`](crate::Connect::reconnect)), the service is added
/// again with the same address. A [detached](super::OnionBuilder::detached)
/// service doesn't end with the connection, so it is only added again if tor no
/// longer has it, most often because tor was restarted.
///
/// Dropping this object removes the service (DEL_ONION) and waits for tor's
/// reply for at most 5 seconds. Errors are only logged;
/// [`close`](Self::close) returns them. In both cases, the circuits of
/// connected clients stay open. [`detach`](Self::detach) keeps the service
/// running.
///
/// ```no_run
/// let tor = scape::Tor::connect()?;
/// let service = tor.onion()?.port(80, 8080).publish()?;
/// println!("http://{}/", service.address());
/// service.close()?;
/// # Ok::<(), scape::Error>(())
/// ```
#[doc(alias = "EphemeralOnionService")]
#[must_use = "the service is removed when this is dropped"]
pub struct OnionService {
    added: AddedOnion,
    ports: Vec<(u16, OnionTarget)>,
    detached: bool,
    guard: Guard,
    /// The value that is kept alive as long as the service, if there is one.
    /// This field is the last one, because dropping the value may end tor.
    _keep: Option<KeepAlive>,
}

/// A guard that removes the service when dropped.
struct Guard {
    controller: Controller,
    address: OnionAddress,
    /// The service's directory if the service is in tor's configuration. `None`
    /// for an ephemeral service.
    directory: Option<PathBuf>,
    armed: bool,
}

impl OnionService {
    /// Wraps a service that was just added to tor. `added.key` is the key that
    /// was given, or the one that tor made and returned. It is `None` if the
    /// key isn't known. `detached` is true if the service outlives the control
    /// connection. `keep` is kept alive as long as the service.
    pub(super) fn new(
        controller: Controller,
        added: AddedOnion,
        ports: Vec<(u16, OnionTarget)>,
        detached: bool,
        keep: Option<KeepAlive>,
    ) -> Self {
        let controller = controller.to_keep();
        let guard = Guard { controller, address: added.address, directory: None, armed: true };
        OnionService { added, ports, detached, guard, _keep: keep }
    }

    /// Wraps a service that was just added to tor's configuration. Such a
    /// service outlives the control connection.
    pub(super) fn configured(
        controller: Controller,
        service: &DiskOnionService,
        ports: Vec<(u16, OnionTarget)>,
        keep: Option<KeepAlive>,
    ) -> Self {
        let added = AddedOnion { address: service.address(), key: None, clients: Vec::new() };
        let mut service_guard = OnionService::new(controller, added, ports, true, keep);
        service_guard.guard.directory = Some(service.directory().to_owned());
        service_guard
    }

    /// Takes over a service that tor already has, for example from an earlier
    /// run of this program. The service must be detached
    /// ([`Info::onions_detached`](crate::control::Info::onions_detached)), or
    /// this connection must have added it with a command. From then on,
    /// dropping the returned object removes the service. The service's key,
    /// clients and ports are not known, because tor doesn't report them.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("onions/current", "")
    /// #     .info("onions/detached", "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad")
    /// #     .on_prefix("DEL_ONION", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::onion::OnionService;
    ///
    /// for address in controller.info().onions_detached()? {
    ///     OnionService::adopt(&controller, address)?.close()?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor has no
    /// service with this address, or if the service belongs to another
    /// connection.
    ///
    /// tor has a list of this connection's services and a list of detached
    /// services. A filter on the control port may refuse one of these lists.
    /// Then the kind is [`ErrorKind::Refused`](crate::ErrorKind::Refused),
    /// unless the other list contains the service.
    pub fn adopt(controller: &Controller, address: OnionAddress) -> Result<Self> {
        let tor = controller.in_one_call();
        // A filter may let through only one of the two lists.
        let listed = |list: Result<Vec<OnionAddress>>| match list {
            Ok(list) => Ok((list.contains(&address), None)),
            Err(error) if error.is::<Refusal>() => Ok((false, Some(error))),
            Err(error) => Err(error),
        };
        let (detached, hidden) = listed(tor.info().onions_detached())?;
        if !detached {
            match listed(tor.info().onions_current())? {
                (true, _) => {}
                (false, also_hidden) => {
                    let why = "is no service of this connection, and no detached one";
                    let unknown = ArgumentError::invalid("OnionService::adopt", "address", why);
                    return Err(hidden.or(also_hidden).unwrap_or_else(|| unknown.into()));
                }
            }
        }
        let added = AddedOnion { address, key: None, clients: Vec::new() };
        Ok(OnionService::new(controller.clone(), added, Vec::new(), detached, None))
    }

    /// Returns the service's address.
    pub fn address(&self) -> &OnionAddress {
        &self.added.address
    }

    /// Returns the service's key: the one that was given, or the one that tor
    /// made. Anybody who has the key can run the service at the same address.
    ///
    /// Returns `None` if tor was told to discard the key, if the service was
    /// [adopted](Self::adopt), or if a filter on the control port hides the
    /// key. Without a key, the service can't be added again after a reconnect.
    /// Also returns `None` if the service is in tor's configuration. The key of
    /// such a service is in its directory.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    /// use scape::onion::save_key;
    ///
    /// # let controller = scape::connect()?;
    /// let service = OnionBuilder::new(&controller).port(80, 8080).publish()?;
    /// if let Some(key) = service.key() {
    ///     save_key(key, "/home/me/blog.key")?; // fails if the file exists
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn key(&self) -> Option<&OnionKey> {
        self.added.key.as_ref()
    }

    /// Returns the public keys of the clients that may connect. The slice is
    /// empty if anybody may connect. It is also empty if the service was
    /// [adopted](Self::adopt) or is in tor's configuration, because its clients
    /// aren't known then.
    pub fn clients(&self) -> &[ClientPublicKey] {
        &self.added.clients
    }

    /// Returns the service's ports, each with the target of its connections.
    /// The slice is empty if the service was [adopted](Self::adopt).
    pub fn ports(&self) -> &[(u16, OnionTarget)] {
        &self.ports
    }

    /// Returns true if the service outlives the control connection. While the
    /// connection is open, dropping this object still removes the service.
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// Returns the controller that added the service.
    pub fn controller(&self) -> &Controller {
        &self.guard.controller
    }

    /// Removes a service that wasn't published. Sends DEL_ONION and waits for
    /// the reply for at most [`UNDO_WITHIN`]. A service on disk is taken out of
    /// tor's configuration instead, within [`REMOVE_WITHIN`]. A failure is
    /// logged.
    pub(super) fn undo(mut self) {
        self.guard.armed = false;
        let limit = if self.guard.directory.is_some() { REMOVE_WITHIN } else { UNDO_WITHIN };
        self.guard.remove_quietly(limit);
    }

    /// Keeps the service running and returns its address. A service that was
    /// added [detached](super::OnionBuilder::detached) ends with tor. Any other
    /// service ends with the control connection.
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// let controller = scape::connect()?;
    /// let service = OnionBuilder::new(&controller).port(80, 8080).detached().publish()?;
    /// println!("http://{}/ is there until tor ends", service.detach());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn detach(mut self) -> OnionAddress {
        self.guard.armed = false;
        if self.detached {
            self.guard.controller.let_go_of_detached(&self.added.address);
        }
        self.added.address
    }

    /// Removes the service like dropping this object, but reports errors.
    /// Returns true if tor has removed the service. Returns false if the
    /// service was gone already, for example because it ended with the control
    /// connection. (A detached service doesn't end with the connection.)
    ///
    /// ```no_run
    /// use scape::OnionBuilder;
    ///
    /// # let controller = scape::connect()?;
    /// let service = OnionBuilder::new(&controller).port(80, 8080).publish()?;
    /// assert!(service.close()?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Controller::del_onion`], most often of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout). But it isn't an error
    /// if tor doesn't know the service. For a detached service, the kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended; the service may still be running.
    pub fn close(mut self) -> Result<bool> {
        self.guard.armed = false;
        let timeout = self.guard.controller.timeout();
        match self.guard.remove(timeout) {
            Err(error) if error.is::<Closed>() && !self.detached => Ok(false),
            removed => removed,
        }
    }
}

impl Guard {
    /// Removes the service. Returns false if the service was gone already.
    fn remove(&self, timeout: Duration) -> Result<bool> {
        if let Some(directory) = &self.directory {
            let removed = DiskOnions::of(&self.controller.with_timeout(timeout)).remove(directory);
            return match removed {
                Err(error) if is_not_configured(&error) => Ok(false),
                removed => removed.map(|_| true),
            };
        }
        // Forget the service first, so that a reconnect at this moment doesn't
        // add it again.
        self.controller.forget_onion(&self.address);
        match self.controller.with_timeout(timeout).del_onion(&self.address) {
            Err(error) if error.refusal().is_some_and(|refusal| refusal.is_unknown()) => Ok(false),
            removed => removed.map(|()| true),
        }
    }

    fn remove_quietly(&self, limit: Duration) {
        match self.remove(self.controller.timeout().min(limit)) {
            Ok(_) => {}
            Err(error) if error.is::<Closed>() => {}
            Err(error) => {
                log::warn!(target: "scape::onion", "cannot remove {}: {error}", self.address);
            }
        }
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        self.remove_quietly(REMOVE_WITHIN);
    }
}

/// Writes the service's onion address.
impl fmt::Display for OnionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.added.address.fmt(f)
    }
}

impl fmt::Debug for OnionService {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OnionService")
            .field("address", &self.added.address)
            .field("key", &self.added.key)
            .field("clients", &self.added.clients)
            .field("ports", &self.ports)
            .field("detached", &self.detached)
            .finish_non_exhaustive()
    }
}
