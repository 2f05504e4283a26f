//! Readiness: bootstrap progress and waiting until tor can build circuits. In
//! this module, a filter is a program in front of tor's control port that
//! refuses some commands.

use std::time::Duration;

use super::handle::{Tor, Way};
use crate::client::socks_ports;
use crate::control::Controller;
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::connection::Closed;
use crate::io::transport::Deadline;
use crate::process::wait_bootstrapped;
use crate::tor::{NoSocksPortError, NotReadyError};
use scape_proto::control::Refusal;
use scape_proto::event::{Bootstrap, EventBody, EventKind, StatusAction};
use scape_proto::word::Progress;

/// The pause before a SOCKS port that doesn't answer is tried again.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// The maximum time for finding out, after a timeout, why tor isn't ready.
const ASK_WHY: Duration = Duration::from_secs(1);
/// The pause between two queries of tor's status, if a filter on the control
/// port hides tor's status events.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Readiness: `GETINFO status/bootstrap-phase`, `GETINFO
/// status/enough-dir-info` and `SIGNAL ACTIVE` in control-spec.
impl Tor {
    /// Returns true if tor can build circuits: it has bootstrapped and has the
    /// descriptors of enough relays.
    ///
    /// tor doesn't report whether a signal has made it dormant
    /// ([`Signal::Dormant`](crate::control::Signal::Dormant)). Such a tor wakes
    /// up with the first connection, or with
    /// [`become_ready`](Self::become_ready). If tor is reached through its
    /// SOCKS port only, the result is true if the port answers.
    ///
    /// A filter in front of the control port may hide a part of tor's status.
    /// The result then depends on the part that isn't hidden. If the filter
    /// hides all of the status, the result is true if a SOCKS port of a tor was
    /// found.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("status/bootstrap-phase", r#"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done""#)
    /// #     .info("status/enough-dir-info", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let tor = scape::Tor::from(controller);
    /// assert!(tor.is_ready()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), with the filter's
    /// refusal, if all of tor's status is hidden and no SOCKS port answers.
    /// Errors of the control connection are also possible.
    pub fn is_ready(&self) -> Result<bool> {
        if let Way::Socks(address) = &self.core.way {
            return match socks_ports::ask(address, self.deadline()) {
                Err(error) if error.is_cancelled() => Err(error),
                answer => Ok(answer.is_ok()),
            };
        }
        self.is_ready_for(&self.own_controller()?.in_one_call(), |_| {})
    }

    /// Like [`is_ready`](Self::is_ready), within the deadline of `controller`.
    /// Passes the bootstrap phase to `on_phase`, unless a filter on the control
    /// port hides the phase.
    fn is_ready_for(
        &self,
        controller: &Controller,
        on_phase: impl FnOnce(&Bootstrap),
    ) -> Result<bool> {
        let phase = unless_refused(controller.info().bootstrap_phase())?;
        if let Ok(phase) = &phase {
            on_phase(phase);
        }
        if phase.as_ref().is_ok_and(|phase| !phase.is_done()) {
            return Ok(false);
        }
        if let Ok(enough) = unless_refused(controller.info().enough_dir_info())? {
            return Ok(enough);
        }
        let Err(refusal) = phase else { return Ok(true) };
        if let Ok(established) = unless_refused(controller.info().circuit_established())? {
            return Ok(established);
        }
        match self.ports(controller)?.any(controller) {
            Ok(_) => Ok(true),
            Err(error) if error.is::<NoSocksPortError>() => Err(refusal),
            Err(error) => Err(error),
        }
    }

    /// Asks tor every half second until it is ready. This is for a tor whose
    /// status events are hidden by a filter on the control port.
    fn poll_ready(
        &self,
        controller: &Controller,
        deadline: Deadline,
        mut on_progress: impl FnMut(&Progress),
    ) -> Result<()> {
        let controller = controller.until(deadline);
        let mut reached = None;
        loop {
            let is_ready = self.is_ready_for(&controller, |phase| {
                let step = Some(Progress::from(phase));
                if step != reached {
                    step.iter().for_each(&mut on_progress);
                    reached = step;
                }
            });
            match is_ready {
                Ok(true) => return Ok(()),
                Ok(false) if !deadline.has_passed() && !deadline.is_cancelled() => {
                    deadline.sleep(ASK_AGAIN);
                }
                Err(error) if !error.is::<Timeout>() => return Err(error),
                Ok(false) | Err(_) => return Err(deadline.error(Phase::Bootstrap)),
            }
        }
    }

    /// Waits until tor can build circuits. Wakes tor first, because a signal
    /// may have made it dormant.
    ///
    /// If the control connection is lost and reconnects
    /// ([`Connect::reconnect`](crate::Connect::reconnect)), the call waits for
    /// the tor at the new connection.
    ///
    /// The whole call takes at most `timeout`, no matter how many events
    /// arrive. After a timeout, up to one second more is spent on asking tor
    /// for the reason.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("status/bootstrap-phase", r#"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done""#)
    /// #     .info("status/enough-dir-info", "1").info("signal/names", "ACTIVE")
    /// #     .on("SIGNAL ACTIVE", "250 OK\r\n650 SIGNAL ACTIVE\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::Tor;
    /// use std::time::Duration;
    ///
    /// let tor = Tor::from(controller);
    /// tor.become_ready(Duration::from_secs(60))?;
    /// assert!(tor.is_ready()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NotReadyError`] (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) after `timeout`, with
    /// the bootstrap progress and the problem that tor reported.
    ///
    /// If tor is reached through its SOCKS port only, the error is the
    /// [`SocksError`](crate::socks::SocksError) of the port. If a filter hides
    /// tor's status and no SOCKS port answers, the error is the filter's
    /// refusal: see [`is_ready`](Self::is_ready). After a cancellation through
    /// [`cancel_with`](Self::cancel_with), the kind is
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled). Errors of the
    /// control connection are also possible.
    pub fn become_ready(&self, timeout: Duration) -> Result<()> {
        self.become_ready_with(timeout, |_| {})
    }

    /// Waits like [`become_ready`](Self::become_ready), and passes each
    /// bootstrap step to `on_progress` on the calling thread.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let tor = scape::Tor::launch(scape::Launch::new())?;
    /// tor.become_ready_with(Duration::from_secs(120), |step| eprintln!("{step}"))?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`become_ready`](Self::become_ready), most often a
    /// [`NotReadyError`].
    pub fn become_ready_with(
        &self,
        timeout: Duration,
        mut on_progress: impl FnMut(&Progress),
    ) -> Result<()> {
        let deadline = self.deadline_after(timeout);
        deadline.check_cancelled(Phase::Bootstrap)?;
        if let Way::Socks(address) = &self.core.way {
            while let Err(error) = socks_ports::ask(address, deadline) {
                deadline.check_cancelled(Phase::Bootstrap)?;
                if deadline.has_passed() {
                    return Err(error);
                }
                deadline.sleep(TRY_AGAIN);
            }
            return deadline.check_cancelled(Phase::Bootstrap);
        }
        let controller = &self.own_controller()?;
        let mut reached = None;
        let mut note = |step: &Progress| {
            on_progress(step);
            reached = Some(step.clone());
        };
        let ready = loop {
            let ready = match wait_ready(controller, deadline, &mut note) {
                Err(error) if error.is::<Refusal>() => {
                    self.poll_ready(controller, deadline, &mut note)
                }
                ready => ready,
            };
            match ready {
                // The tor at the new connection may already have sent all of
                // its status events. So the wait starts again and asks that tor
                // for its status.
                Err(error) if error.is::<Closed>() && !deadline.has_passed() => {
                    if let Err(error) = controller.until(deadline).wait_connected(deadline.left()) {
                        break Err(error);
                    }
                }
                ready => break ready,
            }
        };
        let ready = ready.and_then(|()| deadline.check_cancelled(Phase::Bootstrap));
        ready.map_err(|error| match error {
            // Some waits don't use the cancel token and end at the deadline, so
            // a cancellation during such a wait looks like a timeout.
            error if deadline.is_cancelled() && !error.is_cancelled() => {
                deadline.error(Phase::Bootstrap)
            }
            error if error.is::<Timeout>() => {
                let why = controller.with_timeout(ASK_WHY.min(controller.timeout()));
                let network_disabled =
                    matches!(why.get_conf("DisableNetwork").as_ref(), Ok(Some(value)) if value == "1");
                NotReadyError { after: timeout, progress: reached, network_disabled }.into()
            }
            error => error,
        })
    }
}

fn wait_ready(
    controller: &Controller,
    deadline: Deadline,
    on_progress: impl FnMut(&Progress),
) -> Result<()> {
    let patient = controller.with_timeout(deadline.left()).until(deadline);
    match patient.wake(deadline.left()) {
        // A filter may refuse the signal. Then nothing can wake tor, and a tor
        // that is awake still becomes ready.
        Ok(()) => {}
        Err(error) if error.is::<Refusal>() => {}
        Err(error) => return Err(error),
    }
    // Subscribing comes before asking, so an event that follows the answer
    // isn't missed.
    let events = patient.subscribe([EventKind::StatusClient])?;
    let mut on_progress = on_progress;
    wait_bootstrapped(&patient, 100, deadline, &mut None, |step| on_progress(&step.into()))?;
    if patient.info().enough_dir_info()? {
        return Ok(());
    }
    // The consensus may have expired while tor was dormant.
    let mut step = Progress::new(99, "enough_dir_info", "Waiting for enough directory information");
    on_progress(&step);
    let mut events = events.wait(deadline, Phase::Bootstrap);
    loop {
        let event = events.next()?;
        if let EventBody::StatusClient(status) = event.body()
            && status.action == StatusAction::EnoughDirInfo
        {
            break;
        }
    }
    step.percent = 100;
    on_progress(&step);
    Ok(())
}

/// Separates a refusal, which a filter on the control port can cause, from
/// other errors. A refusal is the inner error, and any other error is the outer
/// one.
fn unless_refused<T>(result: Result<T>) -> Result<Result<T, Error>> {
    match result {
        Err(error) if !error.is::<Refusal>() => Err(error),
        result => Ok(result),
    }
}
