//! The type [`Listener`]: a registered callback.

use std::sync::{Arc, Weak};
use std::time::Duration;

use super::dispatcher::{Callback, Function};
use super::hub::Hub;
use super::routes::Target;
use super::status::ConnectionStatus;
use super::subscription::{QueueLimit, Registration};
use crate::error::Result;
use crate::io::transport::Deadline;
use scape_proto::control::Refusal;
use scape_proto::event::{Event, EventKind};

/// A callback that is registered as long as this guard lives. Created by
/// [`Controller::on_event`](crate::Controller::on_event) and
/// [`Controller::on_status`](crate::Controller::on_status).
///
/// Dropping the guard removes the callback at once: no further call begins,
/// even for events that came before. A call that is running on another thread
/// at that moment is not waited for. The callback itself may drop the guard. To
/// let the callback see everything that came before, use
/// [`finish`](Self::finish).
#[derive(Debug)]
#[must_use = "dropping this removes the callback at once"]
pub struct Listener {
    callback: Arc<Callback>,
    entry: Entry,
}

#[derive(Debug)]
enum Entry {
    Events(Registration),
    /// A status callback, with its registration for the event that reports a
    /// reload. The registration is `None` if tor refuses that event, and while
    /// the listener is being created.
    Status(Weak<Hub>, Option<Registration>),
}

impl Listener {
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
        let registration = Registration { id, hub: Arc::downgrade(hub) };
        Ok(Listener { callback, entry: Entry::Events(registration) })
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
        let mut listener = Listener { callback, entry: Entry::Status(Arc::downgrade(hub), None) };
        hub.outlets.dispatcher.status_to(&listener.callback, ConnectionStatus::Connected);
        let target = Target::Callback(listener.callback.clone());
        let reloads = match hub.register_interest(&[EventKind::Signal], target, deadline) {
            Ok(id) => Some(Registration { id, hub: Arc::downgrade(hub) }),
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

    /// Returns the number of events that were lost so far because more were
    /// waiting than the [limit](QueueLimit) allows.
    pub fn lost(&self) -> u64 {
        self.callback.lost()
    }

    /// Removes the callback once it has been called with every event that tor
    /// sent before this call. This takes at most `timeout`.
    ///
    /// A callback of the same connection may call this, but it can't wait for
    /// itself. In that case this returns at once, and the callback is removed
    /// later, after it has been called with these events.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n650 BW 7 7\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// let listener = controller.on_event([EventKind::Bw], move |event| {
    ///     let _ = sender.send(event.text());
    /// })?;
    /// listener.finish(Duration::from_secs(10))?;
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["BW 1024 512", "BW 7 7"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// in time, or if callbacks don't return in time. In both cases the
    /// callback is removed at once. The end of the connection is not an error.
    /// After [`Controller::close`](crate::Controller::close), the callback
    /// isn't called any more.
    pub fn finish(self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout);
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

    /// Removes the callback and waits for tor's answer, for at most `timeout`.
    /// Returns false if the connection has ended already. The callback is not
    /// called with events that came before and that it hasn't seen yet. To wait
    /// for them, use [`finish`](Self::finish).
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// SETEVENTS in time, or [`ErrorKind::Refused`](crate::ErrorKind::Refused)
    /// if it refuses. The callback is removed anyway.
    #[doc(alias = "remove_event_listener")]
    pub fn close(self, timeout: Duration) -> Result<bool> {
        self.callback.deactivate();
        match &self.entry {
            Entry::Events(registration) | Entry::Status(_, Some(registration)) => {
                registration.close(Deadline::after(timeout))
            }
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
            hub.outlets.dispatcher.remove_status(&self.callback);
        }
    }
}
