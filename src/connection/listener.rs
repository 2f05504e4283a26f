//! Callbacks.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::dispatcher::{Callback, Function};
use super::routes::Target;
use super::subscription::Registration;
use super::{ConnectionStatus, Shared};
use crate::error::Result;
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
    Status(Weak<Shared>),
}

impl Listener {
    pub(super) fn for_events(
        shared: &Arc<Shared>,
        kinds: Vec<EventKind>,
        callback: Box<dyn FnMut(&Event) + Send>,
        timeout: Duration,
    ) -> Result<Self> {
        shared.dispatcher.start()?;
        let callback = Callback::new(Function::Event(callback));
        let id = match shared.register_interest(&kinds, Target::Callback(callback.clone()), timeout) {
            Ok(id) => id,
            Err(error) => {
                callback.deactivate();
                return Err(error);
            }
        };
        let registration = Registration { id, shared: Arc::downgrade(shared) };
        Ok(Listener { callback, entry: Entry::Events(registration) })
    }

    pub(super) fn for_status(
        shared: &Arc<Shared>,
        callback: Box<dyn FnMut(&ConnectionStatus) + Send>,
    ) -> Result<Self> {
        shared.dispatcher.start()?;
        let callback = Callback::new(Function::Status(callback));
        shared.dispatcher.add_status(callback.clone());
        let listener = Listener { callback, entry: Entry::Status(Arc::downgrade(shared)) };
        // Added first and looked at second, so that an end in between is not missed.
        match shared.waiters.lock().closed() {
            Some(closed) => Err(closed.into()),
            None => Ok(listener),
        }
    }

    /// Removes the callback and waits for tor to have taken notice, for at most `timeout`.
    ///
    /// # Errors
    ///
    /// That of the SETEVENTS command; the callback is removed anyway.
    pub fn close(self, timeout: Duration) -> Result<()> {
        self.callback.deactivate();
        match &self.entry {
            Entry::Events(registration) => registration.close(timeout),
            Entry::Status(_) => Ok(()),
        }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.callback.deactivate();
        if let Entry::Status(shared) = &self.entry
            && let Some(shared) = shared.upgrade()
        {
            shared.dispatcher.remove_status(&self.callback);
        }
    }
}
