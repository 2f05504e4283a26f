//! Callbacks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::dispatcher::{Callback, Function};
use super::hub::Hub;
use super::routes::Target;
use super::status::ConnectionStatus;
use super::subscription::{QueueLimit, Registration};
use crate::error::{Error, Result};
use crate::event::Event;
use crate::types::EventKind;

/// A callback that is registered as long as this lives. Made by [`Controller::on`](crate::Controller::on) and
/// [`Controller::on_status`](crate::Controller::on_status).
///
/// Dropping it removes the callback: no call begins afterwards. One that is running just now on another thread
/// is not waited for. It may be dropped within the callback itself.
#[derive(Debug)]
#[must_use = "dropping this removes the callback at once"]
pub struct Listener {
    callback: Arc<Callback>,
    entry: Entry,
}

#[derive(Debug)]
enum Entry {
    Events(Registration),
    /// With its registration for word of a reload, where tor takes one.
    Status(Weak<Hub>, Option<Registration>),
}

impl Listener {
    pub(super) fn for_events(
        hub: &Arc<Hub>,
        kinds: Vec<EventKind>,
        limit: QueueLimit,
        callback: Box<dyn FnMut(&Event) + Send>,
        timeout: Duration,
    ) -> Result<Self> {
        hub.dispatcher.start()?;
        let callback = Callback::new(Function::Event(callback), limit.count());
        let id = match hub.register_interest(&kinds, Target::Callback(callback.clone()), timeout) {
            Ok(id) => id,
            Err(error) => {
                callback.deactivate();
                return Err(error);
            }
        };
        let registration = Registration { id, hub: Arc::downgrade(hub) };
        Ok(Listener { callback, entry: Entry::Events(registration) })
    }

    pub(super) fn for_status(
        hub: &Arc<Hub>,
        callback: Box<dyn FnMut(&ConnectionStatus) + Send>,
        timeout: Duration,
    ) -> Result<Self> {
        if let Some(closed) = hub.closed() {
            return Err(closed.into());
        }
        hub.dispatcher.start()?;
        let callback = Callback::new(Function::Status(callback), None);
        hub.dispatcher.add_status(callback.clone());
        let mut listener = Listener { callback, entry: Entry::Status(Arc::downgrade(hub), None) };
        hub.dispatcher.status_to(&listener.callback, ConnectionStatus::Connected);
        let target = Target::Callback(listener.callback.clone());
        let reloads = match hub.register_interest(&[EventKind::Signal], target, timeout) {
            Ok(id) => Some(Registration { id, hub: Arc::downgrade(hub) }),
            // Behind a filter, word of a reload may not be had.
            Err(Error::Refused(refusal)) => {
                log::debug!(target: "scape::connection", "a status listener will not hear of reloads: {refusal}");
                None
            }
            Err(error) => return Err(error),
        };
        listener.entry = Entry::Status(Arc::downgrade(hub), reloads);
        Ok(listener)
    }

    /// How many events were lost so far, because more waited than the [limit](QueueLimit) allows.
    pub fn lost(&self) -> u64 {
        self.callback.lost()
    }

    /// Removes the callback and waits for tor's answer, for at most `timeout`. Returns false if the connection has ended
    /// already.
    ///
    /// # Errors
    ///
    /// Those of the SETEVENTS command. The callback is removed anyway.
    pub fn close(self, timeout: Duration) -> Result<bool> {
        self.callback.deactivate();
        match &self.entry {
            Entry::Events(registration) | Entry::Status(_, Some(registration)) => registration.close(timeout),
            Entry::Status(hub, None) => Ok(hub.upgrade().is_some_and(|hub| hub.closed().is_none())),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.callback.deactivate();
        if let Entry::Status(hub, _) = &self.entry
            && let Some(hub) = hub.upgrade()
        {
            hub.dispatcher.remove_status(&self.callback);
        }
    }
}
