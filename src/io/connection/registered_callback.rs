//! A registered callback for events, or for the connection's status.

use std::sync::{Arc, Weak};

use super::dispatcher::{Callback, Function};
use super::hub::Hub;
use super::registration::Registered;
use super::routes::Target;
use super::status::ConnectionStatus;
use super::subscription::{QueueLimit, RouteGuard};
use crate::error::Result;
use crate::io::transport::Deadline;
use scape_proto::control::Refusal;
use scape_proto::event::{Event, EventKind};

/// A callback that is called as long as this value lives.
#[derive(Debug)]
pub(super) struct RegisteredCallback {
    callback: Arc<Callback>,
    entry: Entry,
}

#[derive(Debug)]
enum Entry {
    Events(RouteGuard),
    /// A callback for the connection's status, and a registration for the event
    /// SIGNAL, which reports that tor has reloaded its configuration. The
    /// registration is `None` if tor refuses the event, and while the callback
    /// is being registered.
    Status(Weak<Hub>, Option<RouteGuard>),
}

impl RegisteredCallback {
    pub(super) fn for_events(
        hub: &Arc<Hub>,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        callback: Box<dyn FnMut(&Event) + Send>,
        deadline: Deadline,
    ) -> Result<Self> {
        hub.outlets.dispatcher.start()?;
        let callback = Callback::new(Function::Event(callback), limit.count());
        let id = match hub.register_interest(&kinds, Target::Callback(callback.clone()), deadline) {
            Ok(id) => id,
            Err(error) => {
                callback.deactivate();
                return Err(error);
            }
        };
        let registration = RouteGuard { id, hub: Arc::downgrade(hub) };
        Ok(RegisteredCallback { callback, entry: Entry::Events(registration) })
    }

    pub(super) fn for_status(
        hub: &Arc<Hub>,
        callback: Box<dyn FnMut(&ConnectionStatus) + Send>,
        deadline: Deadline,
    ) -> Result<Self> {
        if let Some(closed) = hub.closed() {
            return Err(closed.into());
        }
        hub.outlets.dispatcher.start()?;
        let callback = Callback::new(Function::Status(callback), None);
        hub.outlets.dispatcher.add_status(callback.clone());
        let mut listener =
            RegisteredCallback { callback, entry: Entry::Status(Arc::downgrade(hub), None) };
        hub.outlets.dispatcher.status_to(&listener.callback, ConnectionStatus::Connected);
        let target = Target::Callback(listener.callback.clone());
        let reloads = match hub.register_interest(&[EventKind::Signal], target, deadline) {
            Ok(id) => Some(RouteGuard { id, hub: Arc::downgrade(hub) }),
            // A filter in front of tor may refuse the event that reports a
            // reload.
            Err(refusal) if refusal.is::<Refusal>() => {
                log::debug!(target: "scape::connection", "a status listener will not be told of reloads: {refusal}");
                None
            }
            Err(error) => return Err(error),
        };
        listener.entry = Entry::Status(Arc::downgrade(hub), reloads);
        Ok(listener)
    }
}

impl Registered for RegisteredCallback {
    fn lost(&self) -> u64 {
        self.callback.lost()
    }

    fn finish(self: Box<Self>, deadline: Deadline) -> Result<()> {
        let hub = match &self.entry {
            Entry::Events(registration) => registration.hub.upgrade(),
            Entry::Status(hub, _) => hub.upgrade(),
        };
        let Some(hub) = hub else { return Ok(()) };
        let callback = self.callback.clone();
        let finished = hub.after_due_callbacks(move || drop(self), deadline);
        if finished.is_err() {
            callback.deactivate();
        }
        finished
    }

    fn close(self: Box<Self>, deadline: Deadline) -> Result<bool> {
        self.callback.deactivate();
        match &self.entry {
            Entry::Events(guard) | Entry::Status(_, Some(guard)) => guard.close(deadline),
            Entry::Status(hub, None) => Ok(hub.upgrade().is_some_and(|hub| hub.closed().is_none())),
        }
    }
}

impl Drop for RegisteredCallback {
    fn drop(&mut self) {
        self.callback.deactivate();
        if let Entry::Status(hub, _) = &self.entry
            && let Some(hub) = hub.upgrade()
        {
            hub.outlets.dispatcher.remove_status(&self.callback);
        }
    }
}
