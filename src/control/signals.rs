//! Signals to tor: SIGNAL.

use std::sync::Arc;
use std::time::Duration;

use super::Controller;
use crate::error::{Phase, Result};
use crate::io::connection::{CloseCause, Closed, is_hang_up};
use scape_proto::control::{ArgumentError, ArgumentProblem, Command, Refusal, Signal};
use scape_proto::event::{EventBody, EventKind};

/// Signals to tor. See control-spec, command SIGNAL.
impl Controller {
    /// Sends tor a signal. When this method returns, tor has accepted the
    /// signal. tor sends a SIGNAL event later, when it has acted on it.
    ///
    /// For signals that end tor ([`Signal::is_exit`]), the call also succeeds
    /// if tor closes the connection after the signal was sent. tor sends no
    /// event for these signals.
    ///
    /// [`Signal::Reload`] makes tor forget the onion service client keys in its
    /// memory, like a SETCONF. If tor has such keys, this method waits until
    /// tor has read its configuration again. Then it adds the keys of all
    /// controllers again. tor loses the keys if it reloads for another reason:
    /// because of a signal of the operating system, or a command of another
    /// program or of [`send`](Self::send).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO signal/names", "250-signal/names=RELOAD NEWNYM\r\n250 OK\r\n")
    /// #     .on("SIGNAL NEWNYM", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Signal;
    ///
    /// controller.signal(Signal::NewNym)?;
    /// assert!(controller.signal(Signal::from("NEWNIM")).is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if tor doesn't list
    /// the signal in `GETINFO signal/names`. The signal was not sent then.
    ///
    /// For a reload there are two more kinds:
    ///
    /// * [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), with
    ///   [`Phase::Signal`]: tor hasn't acted on the reload within the handle's
    ///   timeout. If it acts within two more minutes, the keys are still added
    ///   again.
    /// * [`ErrorKind::Closed`](crate::ErrorKind::Closed): tor has ended, for
    ///   example because its torrc is invalid.
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
        match tor.send_checked(command)?.wait_ok() {
            Err(error) if signal.is_exit() && error.exact().is_some_and(was_ended_by_tor) => Ok(()),
            result => result.map(drop),
        }
    }

    /// Sends NEWNYM and waits until tor has acted on it. From then on, new
    /// streams use new circuits.
    ///
    /// tor acts on NEWNYM at most once every ten seconds, and delays a signal
    /// that comes earlier. The whole call takes at most `timeout`. New circuits
    /// may lead to the same exit address, and existing streams stay open.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETINFO signal/names", "250-signal/names=RELOAD NEWNYM\r\n250 OK\r\n")
    /// #     .on("SIGNAL NEWNYM", "250 OK\r\n650 SIGNAL NEWNYM\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::time::Duration;
    ///
    /// controller.new_identity(Duration::from_secs(20))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't act in
    /// time. A tor without a client port (`SocksPort` and the like) never acts
    /// on NEWNYM. The kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed)
    /// if the connection ends, even if it is opened again.
    #[doc(alias = "NEWNYM")]
    pub fn new_identity(&self, timeout: Duration) -> Result<()> {
        self.signal_and_wait(Signal::NewNym, timeout)
    }

    /// Wakes a dormant tor: sends ACTIVE, and waits until tor has acted on the
    /// signal. From then on tor builds circuits and fetches directory documents
    /// again.
    ///
    /// tor becomes dormant when it isn't used for a long time, or with
    /// [`Signal::Dormant`]. A tor that is awake also gets the signal, and stays
    /// awake. The whole call takes at most `timeout`.
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
    /// time. The kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the
    /// connection ends, even if it is opened again.
    pub fn wake(&self, timeout: Duration) -> Result<()> {
        self.signal_and_wait(Signal::Active, timeout)
    }

    /// Sends a signal and waits for the SIGNAL event. tor sends this event
    /// after it has acted on the signal.
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

    /// Returns the signals that this tor knows. Asks tor only once per
    /// connection. Returns `None` if a filter in front of tor refuses the
    /// question.
    fn signal_names(&self) -> Result<Option<Arc<[Signal]>>> {
        if let Some(known) = &*self.inner.session.signals.lock() {
            return Ok(known.clone());
        }
        let link = self.connection().link_number()?;
        let known: Option<Arc<[Signal]>> = match self.info().known_signals() {
            Ok(names) => Some(names.into()),
            Err(error) if error.is::<Refusal>() => None,
            Err(error) => return Err(error),
        };
        let mut kept = self.inner.session.signals.lock();
        // This check needs the lock: a reconnect may come meanwhile and empty
        // the field. Then this answer is from the last tor and must not be
        // stored.
        if self.connection().link_number().ok() == Some(link) {
            *kept = Some(known.clone());
        }
        Ok(known)
    }
}

/// Returns true if the connection ended because tor closed it or ended. Returns
/// false if this program ended it, or if the network failed: then tor may still
/// be running.
fn was_ended_by_tor(closed: &Closed) -> bool {
    match closed.cause() {
        CloseCause::Remote { .. } | CloseCause::Exited(_) | CloseCause::Truncated => true,
        CloseCause::Io(error) => is_hang_up(error),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn only_a_socket_that_tor_has_closed_means_that_tor_ended_the_connection() {
        let ended = |cause| was_ended_by_tor(&Closed::new(cause));
        assert!(ended(CloseCause::Truncated));
        assert!(ended(CloseCause::Io(io::ErrorKind::BrokenPipe.into())));
        // The network has failed.
        assert!(!ended(CloseCause::Io(io::ErrorKind::TimedOut.into())));
        assert!(!ended(CloseCause::Io(io::ErrorKind::HostUnreachable.into())));
        assert!(!ended(CloseCause::Stalled) && !ended(CloseCause::Reconnecting));
    }
}
