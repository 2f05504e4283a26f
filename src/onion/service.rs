//! An onion service that was added, and is removed when it is dropped.

use std::any::Any;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::disk::{DiskOnionService, DiskOnions};
use crate::connection::Closed;
use crate::controller::{AddedOnion, Controller, OnionTarget, UNDO_WITHIN};
use crate::error::Result;
use crate::onion::disk::is_not_configured;
use crate::protocol::{ArgumentError, Refusal};
use crate::word::{ClientPublicKey, OnionAddress, OnionKey};

/// How long the drop of a service may wait for tor.
const REMOVE_WITHIN: Duration = Duration::from_secs(5);

/// Something that lives as long as the service does.
pub(super) type Keep = Arc<dyn Any + Send + Sync>;

/// An ephemeral onion service. It goes when this is dropped, or with the
/// control connection, whichever is first, and comes back at the same address
/// when the connection is made again
/// ([`Connect::reconnect`](crate::Connect::reconnect)). Made by
/// [`OnionBuilder::publish`](super::OnionBuilder::publish).
///
/// Dropping it removes the service (DEL_ONION), waits for tor for at most 5
/// seconds, and says nothing of what goes wrong; [`close`](Self::close) does
/// the same and tells. Either way the circuits of clients that are connected
/// stay until they end. [`detach`](Self::detach) lets the service go on.
#[must_use = "the service goes when this is dropped"]
pub struct OnionService {
    added: AddedOnion,
    ports: Vec<(u16, OnionTarget)>,
    detached: bool,
    guard: Guard,
    /// Dropped last: it may be what ends tor.
    _keep: Option<Keep>,
}

/// Removes the service when it is dropped.
struct Guard {
    controller: Controller,
    address: OnionAddress,
    /// Its directory, where it is one of tor's configuration.
    directory: Option<PathBuf>,
    armed: bool,
}

impl OnionService {
    /// The guard of a service that was added just now, with a key that was
    /// given, or that tor made and told.
    pub(super) fn new(
        controller: Controller,
        added: AddedOnion,
        ports: Vec<(u16, OnionTarget)>,
        detached: bool,
        keep: Option<Keep>,
    ) -> Self {
        let controller = controller.to_keep();
        let guard = Guard { controller, address: added.address, directory: None, armed: true };
        OnionService { added, ports, detached, guard, _keep: keep }
    }

    /// The guard of a service that was added to tor's configuration just now.
    /// It outlives the control connection.
    pub(super) fn configured(
        controller: Controller,
        service: &DiskOnionService,
        ports: Vec<(u16, OnionTarget)>,
        keep: Option<Keep>,
    ) -> Self {
        let added = AddedOnion { address: service.address(), key: None, clients: Vec::new() };
        let mut service_guard = OnionService::new(controller, added, ports, true, keep);
        service_guard.guard.directory = Some(service.directory().to_owned());
        service_guard
    }

    /// Takes over a service that was added by other means: one of this
    /// connection, or a detached one ([`Controller::onions_detached`]), of an
    /// earlier run of this program for example. From now on it goes when this
    /// is dropped. Its key, clients and ports tor does not tell.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("onions/current", "")
    /// #     .info("onions/detached", "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad")
    /// #     .on_prefix("DEL_ONION", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::OnionService;
    ///
    /// for address in controller.onions_detached()? {
    ///     OnionService::adopt(&controller, address)?.close()?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor has no such
    /// service, or if it belongs to another connection, and of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if a filter on the
    /// control port refuses to list services, and the service isn't in a list
    /// that it lets through.
    pub fn adopt(controller: &Controller, address: OnionAddress) -> Result<Self> {
        let tor = controller.in_one_call();
        // A filter may let through only one of the lists.
        let listed = |list: Result<Vec<OnionAddress>>| match list {
            Ok(list) => Ok((list.contains(&address), None)),
            Err(error) if error.is::<Refusal>() => Ok((false, Some(error))),
            Err(error) => Err(error),
        };
        let (detached, hidden) = listed(tor.onions_detached())?;
        if !detached {
            match listed(tor.onions_current())? {
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

    /// Its address.
    pub fn address(&self) -> &OnionAddress {
        &self.added.address
    }

    /// The service's key: the one that was given, or that tor has made. Whoever
    /// has it can be the service; with it, the service comes back at the same
    /// address.
    ///
    /// `None` if tor was told to discard the key, if the service was
    /// [adopted](Self::adopt), or if a filter on the control port hides the
    /// key. Such a service can't be restored after a reconnect.
    pub fn key(&self) -> Option<&OnionKey> {
        self.added.key.as_ref()
    }

    /// The clients that may connect; none where anybody may.
    pub fn clients(&self) -> &[ClientPublicKey] {
        &self.added.clients
    }

    /// Its ports, and where their connections go.
    pub fn ports(&self) -> &[(u16, OnionTarget)] {
        &self.ports
    }

    /// Whether it was added so as to outlive the control connection. (It goes
    /// when this is dropped all the same.)
    pub fn is_detached(&self) -> bool {
        self.detached
    }

    /// The connection that it belongs to.
    pub fn controller(&self) -> &Controller {
        &self.guard.controller
    }

    /// Removes a service that could not be published in time. Sends DEL_ONION,
    /// or takes a service on disk out of the configuration, and waits for the
    /// reply for a short time only. A failure is logged.
    pub(super) fn undo(mut self) {
        self.guard.armed = false;
        let limit = if self.guard.directory.is_some() { REMOVE_WITHIN } else { UNDO_WITHIN };
        self.guard.remove_quietly(limit);
    }

    /// Lets the service go on, and gives its address: as long as the control
    /// connection, or until tor ends where it was added
    /// [detached](super::OnionBuilder::detached).
    pub fn detach(mut self) -> OnionAddress {
        self.guard.armed = false;
        self.added.address
    }

    /// Removes the service, like dropping it, but reports errors. Returns false
    /// if the service was gone already: tor doesn't know it any more, or the
    /// control connection has ended and the service with it (unless it was
    /// added detached).
    ///
    /// # Errors
    ///
    /// Same errors as [`Controller::del_onion`], except that an unknown service
    /// is no error. The kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed)
    /// for a detached service if the connection has ended: it may still be
    /// there.
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
    /// Returns false if the service was gone already.
    fn remove(&self, timeout: Duration) -> Result<bool> {
        if let Some(directory) = &self.directory {
            let removed = DiskOnions::of(&self.controller.with_timeout(timeout)).remove(directory);
            return match removed {
                Err(error) if is_not_configured(&error) => Ok(false),
                removed => removed.map(|_| true),
            };
        }
        // First, so that it is not given back by a connection that is made
        // again just now.
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
                log::warn!(target: "scape::onion", "while removing {}: {error}", self.address);
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

/// The address.
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
