//! SIGNAL.

use std::sync::Arc;
use std::time::Duration;

use super::Controller;
use crate::connection::Closed;
use crate::error::{Phase, Result};
use crate::event::{EventBody, EventKind};
use crate::protocol::{ArgumentError, ArgumentProblem, Command, Refusal, Signal};

/// Signals. control-spec, command SIGNAL.
impl Controller {
    /// Sends tor a signal. When this returns, tor has taken the signal. tor
    /// sends a SIGNAL event when it has acted on it.
    ///
    /// For the signals on which tor ends ([`Signal::is_exit`]) the end of the
    /// connection counts as success.
    ///
    /// [`Signal::Reload`] makes tor forget the onion service client keys that
    /// it has in memory, like [`set_conf`](Self::set_conf). If there are any,
    /// this call waits until tor has read its configuration again, and gives
    /// back the keys of all controllers. A reload that somebody else asks for
    /// loses them: a signal of the operating system, another program,
    /// [`send`](Self::send).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO signal/names", "250-signal/names=RELOAD NEWNYM\r\n250 OK\r\n")
    /// #     .on("SIGNAL NEWNYM", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::protocol::Signal;
    ///
    /// controller.signal(Signal::NewNym)?;
    /// assert!(controller.signal(Signal::from("NEWNIM")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the signal is not
    /// in tor's `signal/names`. Nothing was sent then. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), with
    /// [`Phase::Signal`], if tor doesn't act on a reload in time: keys are
    /// given back when it does. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if a reload ends tor,
    /// because its torrc is broken.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let signal = signal.canonical();
        let command = Command::build("SIGNAL").word("signal", signal.as_str()).finish()?;
        let tor = self.on_this_link()?.in_one_call();
        if let Some(known) = tor.signal_names()?
            && !known.contains(&signal)
        {
            let known = known.iter().map(ToString::to_string).collect();
            return Err(
                ArgumentError::new("SIGNAL", "signal", ArgumentProblem::Unknown { known }).into()
            );
        }
        if signal == Signal::Reload {
            return tor
                .reload(command.clone())?
                .refusal(&command)
                .map_or(Ok(()), |refusal| Err(refusal.into()));
        }
        match tor.request(command) {
            Err(error)
                if signal.is_exit()
                    && error.exact().is_some_and(|closed: &Closed| !closed.is_local()) =>
            {
                Ok(())
            }
            result => result.map(drop),
        }
    }

    /// Sends NEWNYM and waits until tor has acted on it: from then on, new
    /// streams use new circuits. tor does it at most every ten seconds, and
    /// puts it off until then. The whole call takes at most `timeout`.
    ///
    /// It promises new circuits, not a new exit address, and closes no stream.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't act in
    /// time. It never does if it has no client port (SocksPort and the like) to
    /// have an identity on. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends,
    /// even if it is made again.
    pub fn new_identity(&self, timeout: Duration) -> Result<()> {
        self.signal_and_wait(Signal::NewNym, timeout)
    }

    /// Wakes a tor that has become dormant, or was told to be
    /// ([`Signal::Dormant`]), and waits until it has acted on it: from then on
    /// it builds circuits and fetches what it needs again. One that is awake is
    /// told as well, and stays as it is.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO signal/names", "250-signal/names=ACTIVE DORMANT\r\n250 OK\r\n")
    /// #     .on("SIGNAL ACTIVE", "250 OK\r\n650 SIGNAL ACTIVE\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.wake(std::time::Duration::from_secs(10))?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't act in
    /// time, and of the kind [`ErrorKind::Closed`](crate::ErrorKind::Closed) if
    /// the connection ends, even if it is made again.
    pub fn wake(&self, timeout: Duration) -> Result<()> {
        self.signal_and_wait(Signal::Active, timeout)
    }

    /// Sends a signal and waits for word that tor has acted on it.
    fn signal_and_wait(&self, signal: Signal, timeout: Duration) -> Result<()> {
        let deadline = self.deadline_after(timeout);
        let tor = self.on_this_link()?.until(deadline);
        let late = |error| deadline.or_late(error, Phase::Signal);
        let events = tor.subscribe([EventKind::Signal]).map_err(late)?;
        tor.signal(signal.clone()).map_err(late)?;
        let mut events = events.wait(deadline, Phase::Signal);
        loop {
            if matches!(events.next()?.body(), EventBody::Signal(done) if *done == signal) {
                return Ok(());
            }
        }
    }

    /// The signals that this tor knows, asked for once a connection. `None`
    /// where it cannot be asked, behind a filter.
    fn signal_names(&self) -> Result<Option<Arc<[Signal]>>> {
        if let Some(known) = &*self.inner.session.signals.lock() {
            return Ok(known.clone());
        }
        let link = self.connection().link_number()?;
        let known: Option<Arc<[Signal]>> = match self.known_signals() {
            Ok(names) => Some(names.into()),
            Err(error) if error.is::<Refusal>() => None,
            Err(error) => return Err(error),
        };
        let mut kept = self.inner.session.signals.lock();
        // Under the lock, so that what another tor said before the connection
        // was made again is forgotten or not kept.
        if self.connection().link_number().ok() == Some(link) {
            *kept = Some(known.clone());
        }
        Ok(known)
    }
}
