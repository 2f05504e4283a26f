//! Subscriptions and callbacks for events, and the SETEVENTS that they need.

use super::Controller;
use crate::error::Result;
use crate::io::connection::{ConnectionStatus, QueueLimit, Registration, Subscription};
use scape_proto::control::{ArgumentError, ArgumentProblem, Command};
use scape_proto::event::{Event, EventKind};

/// Events. See control-spec, command SETEVENTS and section "Asynchronous
/// events". `GETINFO events/names` lists the events that tor knows.
///
/// tor keeps one list of event kinds for each connection. The list contains
/// every kind that a subscription or callback of the connection wants. This
/// library sends the list whenever the list changes.
impl Controller {
    /// Subscribes to events of these kinds. The returned [`Subscription`]
    /// queues every such event from now on. When this method returns, tor has
    /// accepted the subscription.
    ///
    /// The subscription ends when it is dropped. It doesn't keep the connection
    /// open: if the last handle of the controller is dropped, the subscription
    /// ends, too, and [`Subscription::cause`] returns the cause. The queue has
    /// no limit. Use [`subscribe_with`](Self::subscribe_with) to set a limit.
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
    /// know one of the kinds. Other subscriptions are not affected. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if `kinds` is empty
    /// or contains an invalid name.
    #[doc(alias = "add_event_listener")]
    pub fn subscribe(&self, kinds: impl IntoIterator<Item = EventKind>) -> Result<Subscription> {
        self.subscribe_with(kinds, QueueLimit::Unbounded)
    }

    /// Like [`subscribe`](Self::subscribe), with a limit for the number of
    /// events in the queue. If the queue is full, a new event is discarded and
    /// [counted](Subscription::lost).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1 1\r\n650 BW 2 2\r\n650 BW 3 3\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::connection::QueueLimit;
    /// use scape::event::EventKind;
    ///
    /// let events = controller.subscribe_with([EventKind::Bw], QueueLimit::Bounded(2))?;
    /// # controller.sync()?;
    /// // tor sends three events.
    /// assert_eq!((events.waiting(), events.lost()), (2, 1));
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`subscribe`](Self::subscribe), most often a kind that
    /// tor doesn't know.
    pub fn subscribe_with(
        &self,
        kinds: impl IntoIterator<Item = EventKind>,
        limit: QueueLimit,
    ) -> Result<Subscription> {
        self.connection().subscribe(checked(kinds)?, limit, self.deadline())
    }

    /// Registers `callback` for events of these kinds. The callback is called
    /// with every such event from now on, as long as the returned
    /// [`Registration`] lives.
    ///
    /// All callbacks of a connection run on the same thread, one at a time, in
    /// tor's order. A callback may call any method of the controller and wait
    /// for the result. It may also add and remove callbacks, close the
    /// controller, and drop its last handle. A slow callback delays other
    /// callbacks, but neither replies nor subscriptions. A panic in a callback
    /// is caught and logged.
    ///
    /// The number of events that wait for callbacks is not limited, so a
    /// callback that doesn't keep up costs memory. Use
    /// [`on_event_with`](Self::on_event_with) to set a limit.
    ///
    /// The registration doesn't keep the connection open: if the last handle of
    /// the controller is dropped, the callback isn't called any more. A
    /// callback that holds a `Controller` keeps the connection open as long as
    /// the callback is registered. Use [`downgrade`](Self::downgrade) to avoid
    /// that.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    ///
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// let registration = controller.on_event([EventKind::Bw], move |event| {
    ///     let _ = sender.send(event.text());
    /// })?;
    /// assert_eq!(receiver.recv()?, "BW 1024 512");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`subscribe`](Self::subscribe), most often a kind that
    /// tor doesn't know.
    #[doc(alias = "add_event_listener")]
    pub fn on_event(
        &self,
        kinds: impl IntoIterator<Item = EventKind>,
        callback: impl FnMut(&Event) + Send + 'static,
    ) -> Result<Registration> {
        self.on_event_with(kinds, QueueLimit::Unbounded, callback)
    }

    /// Like [`on_event`](Self::on_event), with a limit for the number of events
    /// that wait for the callback. An event that exceeds the limit is lost, and
    /// [counted](Registration::lost).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::connection::QueueLimit;
    /// use scape::event::EventKind;
    ///
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// let limit = QueueLimit::Bounded(1000);
    /// let registration = controller.on_event_with([EventKind::Bw], limit, move |event| {
    ///     let _ = sender.send(event.text());
    /// })?;
    /// assert_eq!(receiver.recv()?, "BW 1024 512");
    /// assert_eq!(registration.lost(), 0);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`subscribe`](Self::subscribe), most often a kind that
    /// tor doesn't know.
    pub fn on_event_with(
        &self,
        kinds: impl IntoIterator<Item = EventKind>,
        limit: QueueLimit,
        callback: impl FnMut(&Event) + Send + 'static,
    ) -> Result<Registration> {
        self.connection().on(checked(kinds)?, limit, Box::new(callback), self.deadline())
    }

    /// Registers `callback` for changes of the connection's status. The
    /// callback is called as long as the returned [`Registration`] lives.
    ///
    /// The first call reports the current status,
    /// [`ConnectionStatus::Connected`]. Later calls report that tor has read
    /// its configuration again, that the connection has ended, and the progress
    /// of a reconnect. The end of the connection is reported after all events
    /// that came before it.
    ///
    /// To learn that tor has read its configuration again, the connection
    /// subscribes to SIGNAL events. If a filter in front of tor refuses them,
    /// everything else is still reported.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SETEVENTS SIGNAL", "250 OK\r\n650 SIGNAL RELOAD\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// let registration = controller.on_status(move |status| {
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
    #[doc(alias = "add_status_listener")]
    pub fn on_status(
        &self,
        callback: impl FnMut(&ConnectionStatus) + Send + 'static,
    ) -> Result<Registration> {
        self.connection().on_status(Box::new(callback), self.deadline())
    }
}

/// Returns each of the kinds once, in upper case.
///
/// # Errors
///
/// Returns an error if there are no kinds, or if one is not a single word.
fn checked(kinds: impl IntoIterator<Item = EventKind>) -> Result<Vec<EventKind>> {
    let mut checked: Vec<EventKind> = Vec::new();
    let mut command = Command::build("SETEVENTS");
    for kind in kinds {
        // tor ignores the case of names, but always sends them in upper case.
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

/// Rejects SETEVENTS. A SETEVENTS from the caller would replace the events that
/// all subscriptions and callbacks of the connection need.
pub(super) fn not_setevents(command: Command) -> Result<Command, ArgumentError> {
    if command.keyword().eq_ignore_ascii_case("SETEVENTS") {
        let why = "is sent by subscribe and on_event, for all of the connection's users together";
        return Err(ArgumentError::invalid("SETEVENTS", "command", why));
    }
    Ok(command)
}
