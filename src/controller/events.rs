//! Subscriptions, callbacks, and the SETEVENTS that follows from them.

use super::Controller;
use crate::connection::{ConnectionStatus, Listener, QueueLimit, Subscription};
use crate::error::Result;
use crate::event::{Event, EventKind};
use crate::protocol::{ArgumentError, ArgumentProblem, Command};

/// Events. control-spec, command SETEVENTS and section "Asynchronous events";
/// what a given tor knows is in its `events/names`.
///
/// tor is told the union of what all subscriptions and callbacks of a
/// connection want, anew whenever that changes.
impl Controller {
    /// Queues every event of these kinds from now on. When this returns, tor
    /// has agreed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventBody;
    /// use scape::event::EventKind;
    ///
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// for event in events.iter() {
    ///     if let EventBody::Bw(bandwidth) = event.body() {
    ///         assert_eq!((bandwidth.read, bandwidth.written), (1024, 512));
    ///         break;
    ///     }
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// know one of the kinds. Other subscriptions are not affected.
    pub fn subscribe(&self, kinds: impl IntoIterator<Item = EventKind>) -> Result<Subscription> {
        self.subscribe_with(kinds, QueueLimit::Unbounded)
    }

    /// As [`subscribe`](Self::subscribe), with a limit on how many events may
    /// wait.
    pub fn subscribe_with(
        &self,
        kinds: impl IntoIterator<Item = EventKind>,
        limit: QueueLimit,
    ) -> Result<Subscription> {
        self.connection().subscribe(checked(kinds)?, limit, self.deadline())
    }

    /// Calls `callback` with every event of these kinds from now on, as long as
    /// the returned [`Listener`] lives.
    ///
    /// Callbacks of a connection run on one thread of its own, one at a time,
    /// in tor's order. They may call any method of the controller, wait for
    /// what it does, add and remove callbacks, close it, drop its last handle;
    /// and however slow they are, replies and subscriptions are not delayed,
    /// only later callbacks. A panic in one is logged and caught.
    ///
    /// What waits for the callbacks is unbounded: one that does not keep up
    /// costs memory.
    ///
    /// A callback that holds a `Controller` keeps the connection open as long
    /// as it is registered; [`downgrade`](Self::downgrade) gives a handle that
    /// does not.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    ///
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// let listener = controller.on([EventKind::Bw], move |event| {
    ///     let _ = sender.send(event.text());
    /// })?;
    /// assert_eq!(receiver.recv()?, "BW 1024 512");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn on(
        &self,
        kinds: impl IntoIterator<Item = EventKind>,
        callback: impl FnMut(&Event) + Send + 'static,
    ) -> Result<Listener> {
        self.on_with(kinds, QueueLimit::Unbounded, callback)
    }

    /// As [`on`](Self::on), with a limit on how many events may wait for the
    /// callback: what finds no room is lost to it, and
    /// [counted](Listener::lost).
    pub fn on_with(
        &self,
        kinds: impl IntoIterator<Item = EventKind>,
        limit: QueueLimit,
        callback: impl FnMut(&Event) + Send + 'static,
    ) -> Result<Listener> {
        self.connection().on(checked(kinds)?, limit, Box::new(callback), self.deadline())
    }

    /// Calls `callback` when the connection's status changes, as long as the
    /// returned [`Listener`] lives: first with its present status,
    /// [`ConnectionStatus::Connected`], then with what happens: tor reads its
    /// configuration again, the connection ends, and where it is made again,
    /// how that goes. The end of the connection is told after every event that
    /// came before it.
    ///
    /// To hear of reloads, it has tor send SIGNAL events; where a filter
    /// refuses that, the rest is told all the same.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETEVENTS SIGNAL", "250 OK\r\n650 SIGNAL RELOAD\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// let listener = controller.on_status(move |status| {
    ///     let _ = sender.send(format!("{status:?}"));
    /// })?;
    /// assert_eq!(receiver.recv()?, "Connected");
    /// assert_eq!(receiver.recv()?, "Reloaded");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended already.
    pub fn on_status(
        &self,
        callback: impl FnMut(&ConnectionStatus) + Send + 'static,
    ) -> Result<Listener> {
        self.connection().on_status(Box::new(callback), self.deadline())
    }
}

/// The kinds once each, each a word that tor takes.
fn checked(kinds: impl IntoIterator<Item = EventKind>) -> Result<Vec<EventKind>> {
    let mut checked: Vec<EventKind> = Vec::new();
    let mut command = Command::build("SETEVENTS");
    for kind in kinds {
        // tor takes names in any case, and always sends them in upper case.
        let kind = EventKind::from(kind.as_str().to_ascii_uppercase().as_str());
        command.word("event", kind.as_str());
        if !checked.contains(&kind) {
            checked.push(kind);
        }
    }
    command.finish()?;
    if checked.is_empty() {
        return Err(
            ArgumentError::new("SETEVENTS", "list of events", ArgumentProblem::Empty).into()
        );
    }
    Ok(checked)
}

/// Refuses SETEVENTS: sent past the register of who wants what, it would
/// silence everybody else.
pub(super) fn not_setevents(command: Command) -> Result<Command, ArgumentError> {
    if command.keyword().eq_ignore_ascii_case("SETEVENTS") {
        let why = "is sent by subscribe and on, for all of the connection's users together";
        return Err(ArgumentError::invalid("SETEVENTS", "command", why));
    }
    Ok(command)
}
