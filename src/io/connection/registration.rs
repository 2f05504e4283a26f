//! The type [`Registration`]: a callback or a listener that is registered.

use std::any::Any;
use std::fmt;
use std::time::Duration;

use crate::error::Result;
use crate::io::transport::Deadline;

/// A callback or a listener that is registered as long as this guard lives.
/// Returned by
///
/// * [`Controller::on_event`](crate::Controller::on_event) and
///   [`on_status`](crate::Controller::on_status), for events and for the status
///   of the connection,
/// * the methods of [`State`](crate::State), [`Circuit`](crate::state::Circuit)
///   and [`Stream`](crate::state::Stream) that begin with `on_` or `listen`,
///   for changes of the live state,
/// * [`Config::on_change`](crate::Config::on_change), for changes of the
///   configuration.
///
/// A guard of the controller's callbacks doesn't keep the connection open: if
/// the last [`Controller`](crate::Controller) is dropped, the callback isn't
/// called any more. [`Subscription::cause`](crate::Subscription::cause) and
/// [`on_status`](crate::Controller::on_status) report such an end. The other
/// guards keep the live state or the configuration alive, and thereby the
/// connection and a launched tor.
///
/// Dropping the guard removes the callback at once: no further call begins,
/// even for events that came before. A call that is running on another thread
/// at that moment is not waited for. To let the callback see everything that
/// came before, use [`finish`](Self::finish).
///
/// The callback itself may own the guard and drop it. Until then, a callback
/// for the live state or the configuration keeps the connection open and a
/// launched tor running.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().on_prefix("SETEVENTS", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::event::EventKind;
///
/// let registration = controller.on_event([EventKind::Notice], |event| println!("{event}"))?;
/// // The callback is called from now on, until the registration is dropped.
/// drop(registration);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "dropping this removes the callback at once"]
pub struct Registration {
    registered: Box<dyn Registered>,
    /// A value that must live as long as the callback, such as the live state
    /// that the callback listens to. `None` if there is no such value.
    _kept: Option<Box<dyn Any + Send + Sync>>,
}

/// A registered callback, as a [`Registration`] holds it. Each kind of callback
/// implements this trait. Dropping the value removes the callback at once.
pub(crate) trait Registered: fmt::Debug + Send + Sync {
    /// Returns the number of events that the callback has lost so far, because
    /// too many events were waiting for it.
    fn lost(&self) -> u64;

    /// Removes the callback once it has been called with everything that tor
    /// sent before this call.
    fn finish(self: Box<Self>, deadline: Deadline) -> Result<()>;

    /// Removes the callback and reports errors. Returns false if the connection
    /// is down or has ended.
    fn close(self: Box<Self>, deadline: Deadline) -> Result<bool>;
}

impl Registration {
    pub(crate) fn new(registered: impl Registered + 'static) -> Self {
        Registration { registered: Box::new(registered), _kept: None }
    }

    /// Creates a registration that keeps `kept` alive as long as the
    /// registration lives.
    pub(crate) fn keeping(
        registered: impl Registered + 'static,
        kept: impl Any + Send + Sync,
    ) -> Self {
        Registration { registered: Box::new(registered), _kept: Some(Box::new(kept)) }
    }

    /// Returns the number of events that the callback has lost so far. An event
    /// is lost if it comes while the [maximum
    /// number](crate::connection::QueueLimit) of events is waiting. Changes of
    /// the live state and the configuration are never lost, so this is 0 for
    /// their callbacks.
    pub fn lost(&self) -> u64 {
        self.registered.lost()
    }

    /// Removes the callback once it has been called with every event that tor
    /// sent before this call. This takes at most `timeout`.
    ///
    /// A callback of the same connection may also call this method. A callback
    /// can't wait for itself, so in that case this method returns without
    /// waiting for callbacks. The registered callback is removed later, after
    /// it has been called with these events.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETEVENTS BW", "250 OK\r\n650 BW 1024 512\r\n650 BW 7 7\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    /// use std::time::Duration;
    ///
    /// let (sender, receiver) = crossbeam_channel::unbounded();
    /// let registration = controller.on_event([EventKind::Bw], move |event| {
    ///     let _ = sender.send(event.text());
    /// })?;
    /// registration.finish(Duration::from_secs(10))?;
    /// assert_eq!(receiver.try_iter().collect::<Vec<_>>(), ["BW 1024 512", "BW 7 7"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// within `timeout`, or if callbacks don't return within `timeout`. In both
    /// cases the callback is removed at once. The end of the connection is not
    /// an error. After [`Controller::close`](crate::Controller::close), the
    /// callback isn't called any more.
    pub fn finish(self, timeout: Duration) -> Result<()> {
        self.registered.finish(Deadline::after(timeout))
    }

    /// Removes the callback. If tor must be told to stop sending events, waits
    /// for tor's answer for at most `timeout`. Returns false if the connection
    /// is down or has ended. Events that still wait for the callback are
    /// dropped. To wait until the callback has been called with them, use
    /// [`finish`](Self::finish).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    /// use std::time::Duration;
    ///
    /// let registration = controller.on_event([EventKind::Bw], |event| println!("{}", event.text()))?;
    /// assert!(registration.close(Duration::from_secs(10))?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// SETEVENTS within `timeout`, or
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor refuses it. The
    /// callback is removed anyway.
    #[doc(alias = "remove_event_listener")]
    pub fn close(self, timeout: Duration) -> Result<bool> {
        self.registered.close(Deadline::after(timeout))
    }
}
