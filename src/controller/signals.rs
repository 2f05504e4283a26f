//! SIGNAL.

use std::time::Duration;

use super::Controller;
use crate::error::{ArgumentError, ArgumentProblem, Error, Phase, Result, Timeout};
use crate::event::EventBody;
use crate::protocol::Command;
use crate::transport::deadline_after;
use crate::types::{EventKind, Signal};

/// Signals. control-spec, command SIGNAL.
impl Controller {
    /// Sends tor a signal. When this returns, tor has taken it; that it has acted on it, it tells by the SIGNAL event.
    ///
    /// For the signals on which tor ends ([`Signal::is_exit`]) the end of the connection counts as success.
    ///
    /// # Errors
    ///
    /// [`Error::Argument`] where the signal is not in tor's `signal/names`; nothing was sent then.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO signal/names", "250-signal/names=RELOAD NEWNYM\r\n250 OK\r\n")
    /// #     .on("SIGNAL NEWNYM", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::types::Signal;
    ///
    /// controller.signal(Signal::NewNym)?;
    /// assert!(controller.signal(Signal::from("NEWNIM")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let signal = signal.canonical();
        let command = Command::build("SIGNAL").word("signal", signal.as_str()).finish()?;
        if let Some(known) = self.signal_names()?
            && !known.contains(&signal)
        {
            let known = known.iter().map(ToString::to_string).collect();
            return Err(ArgumentError::new("SIGNAL", "signal", ArgumentProblem::Unknown { known }).into());
        }
        match self.request(command) {
            Err(Error::Closed(closed)) if signal.is_exit() && !closed.is_local() => Ok(()),
            result => result.map(drop),
        }
    }

    /// Sends NEWNYM and waits until tor has acted on it: from then on, new streams use new circuits. tor does it at
    /// most every ten seconds, and puts it off until then.
    ///
    /// It promises new circuits, not a new exit address, and closes no stream.
    ///
    /// # Errors
    ///
    /// [`Error::Timeout`] where tor does not tell in time. It never does where it has no client port (SocksPort and the
    /// like) to have an identity on.
    pub fn new_identity(&self, timeout: Duration) -> Result<()> {
        let deadline = deadline_after(timeout);
        let events = self.subscribe([EventKind::Signal])?;
        self.signal(Signal::NewNym)?;
        loop {
            match events.next_until(deadline, timeout) {
                Ok(event) if matches!(event.body(), EventBody::Signal(Signal::NewNym)) => return Ok(()),
                Ok(_) => {}
                Err(Error::Timeout(_)) => return Err(Timeout::new(Phase::Signal, timeout).into()),
                Err(error) => return Err(error),
            }
        }
    }

    /// The signals that this tor knows, asked for once a connection. `None` where it cannot be asked, behind a filter.
    fn signal_names(&self) -> Result<Option<&[Signal]>> {
        if let Some(known) = self.inner.signals.get() {
            return Ok(known.as_deref());
        }
        let known = match self.get_info("signal/names") {
            Ok(names) => Some(names.split_whitespace().map(Signal::from).collect()),
            Err(Error::Refused(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(self.inner.signals.get_or_init(|| known).as_deref())
    }
}
