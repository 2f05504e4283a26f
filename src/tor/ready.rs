//! Whether tor can be used yet.

use std::time::Duration;

use super::probe::ask_whether_tor;
use super::socks_port::FromFilter;
use super::{Tor, Way};
use crate::connection::Closed;
use crate::controller::Controller;
use crate::error::{Error, Phase, Result, Timeout};
use crate::event::{Bootstrap, EventBody, EventKind, StatusAction};
use crate::process::wait_bootstrapped;
use crate::protocol::Refusal;
use crate::tor::{NoSocksPortError, NotReadyError};
use crate::transport::{Address, Deadline};
use crate::word::Progress;

/// How often a SOCKS port that is not there yet is tried.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// How long is asked, when it was waited in vain, for what keeps tor.
const ASK_WHY: Duration = Duration::from_secs(1);
/// The time between two questions to a tor behind a filter that hides its
/// status events.
const ASK_AGAIN: Duration = Duration::from_millis(500);

/// Readiness. control-spec, `GETINFO status/bootstrap-phase` and
/// `status/enough-dir-info`, `SIGNAL ACTIVE`.
impl Tor {
    /// Returns true if tor can build circuits: it has bootstrapped, and knows
    /// enough relays.
    ///
    /// tor does not tell whether it was made dormant
    /// ([`Signal::Dormant`](crate::protocol::Signal::Dormant)); one that was
    /// wakes up with the first connection, or with
    /// [`become_ready`](Self::become_ready). Of a tor that is known by its
    /// SOCKS port only, this can only tell whether it answers.
    ///
    /// Behind a filter that hides a part of tor's status, the rest decides. If
    /// all of it is hidden, the result is true if a SOCKS port was found that
    /// is tor's.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), with the filter's
    /// refusal, if all of tor's status is hidden and no SOCKS port answers.
    /// Errors of the control connection are also possible.
    pub fn is_ready(&self) -> Result<bool> {
        if let Way::Socks(address) = &self.core.way {
            return match self.ask_socks(address, self.deadline()) {
                Err(error) if error.is_cancelled() => Err(error),
                answer => Ok(answer.is_ok()),
            };
        }
        self.is_ready_for(&self.own_controller()?.in_one_call(), |_| {})
    }

    /// Asks whether a SOCKS port is tor's, until `deadline` or until the call
    /// is cancelled.
    pub(super) fn ask_socks(&self, address: &Address, deadline: Deadline) -> Result<()> {
        let address = address.clone();
        let left = deadline.left();
        deadline.run(Phase::Bootstrap, move || ask_whether_tor(&address, left))
    }

    /// [`is_ready`](Self::is_ready), until the deadline of `controller`. Tells
    /// how far tor has come, unless that is hidden.
    fn is_ready_for(
        &self,
        controller: &Controller,
        on_phase: impl FnOnce(&Bootstrap),
    ) -> Result<bool> {
        let phase = unless_refused(controller.bootstrap_phase())?;
        if let Ok(phase) = &phase {
            on_phase(phase);
        }
        if phase.as_ref().is_ok_and(|phase| !phase.is_done()) {
            return Ok(false);
        }
        if let Ok(enough) = unless_refused(controller.enough_dir_info())? {
            return Ok(enough);
        }
        let Err(refusal) = phase else { return Ok(true) };
        if let Ok(established) = unless_refused(controller.circuit_established())? {
            return Ok(established);
        }
        match self.any_address(controller, FromFilter::UsualPorts) {
            Ok(_) => Ok(true),
            Err(error) if error.is::<NoSocksPortError>() => Err(refusal),
            Err(error) => Err(error),
        }
    }

    /// Asks again and again whether tor is ready, behind a filter that hides
    /// its status events.
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
                Ok(false) if deadline.is_cancelled() => {
                    return Err(deadline.error(Phase::Bootstrap));
                }
                Ok(false) if !deadline.has_passed() => deadline.sleep(ASK_AGAIN),
                Err(error) if !error.is::<Timeout>() => return Err(error),
                Ok(false) | Err(_) => {
                    let after = deadline.timeout();
                    return Err(NotReadyError {
                        after,
                        progress: reached,
                        network_disabled: false,
                    }
                    .into());
                }
            }
        }
    }

    /// Waits until tor can build circuits, and wakes it, in case it is dormant.
    ///
    /// If the connection ends and is made again
    /// ([`Connect::reconnect`](crate::Connect::reconnect)), the next tor is
    /// waited for.
    ///
    /// The whole call takes at most `timeout`, however many events come. When
    /// it fails for that, tor is asked what keeps it, which may take one second
    /// more.
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
    /// tor.become_ready_with(Duration::from_secs(60), |step| eprintln!("{step}"))?;
    /// assert!(tor.is_ready()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`NotReadyError`] (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) after `timeout`, with
    /// how far tor has come and what keeps it. If tor is known by its SOCKS
    /// port only, the error is that of the port, a
    /// [`SocksError`](crate::socks::SocksError). Behind a filter that hides
    /// tor's status, it is the filter's refusal if no SOCKS port answers: see
    /// [`is_ready`](Self::is_ready). The kind is
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) after
    /// [`cancel_with`](Self::cancel_with). Errors of the control connection are
    /// also possible.
    pub fn become_ready(&self, timeout: Duration) -> Result<()> {
        self.become_ready_with(timeout, |_| {})
    }

    /// As [`become_ready`](Self::become_ready), and tells each step, on the
    /// calling thread.
    ///
    /// # Errors
    ///
    /// As [`become_ready`](Self::become_ready).
    pub fn become_ready_with(
        &self,
        timeout: Duration,
        mut on_progress: impl FnMut(&Progress),
    ) -> Result<()> {
        let deadline = self.deadline_after(timeout);
        deadline.check_cancelled(Phase::Bootstrap)?;
        if let Way::Socks(address) = &self.core.way {
            while let Err(error) = self.ask_socks(address, deadline) {
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
                // The next tor may have told everything before it is asked for,
                // so this begins anew with it.
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
            // A wait that doesn't know of the token ends as if it were late.
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
        // Behind a filter, it has to be awake.
        Ok(()) => {}
        Err(error) if error.is::<Refusal>() => {}
        Err(error) => return Err(error),
    }
    // Before it is asked for: what comes after the answer is seen.
    let events = patient.subscribe([EventKind::StatusClient])?;
    let mut on_progress = on_progress;
    wait_bootstrapped(&patient, 100, deadline, &mut None, |step| on_progress(&step.into()))?;
    if patient.enough_dir_info()? {
        return Ok(());
    }
    // The consensus may have become too old while it slept.
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

/// Tells a refusal, behind a filter, from errors of the connection.
fn unless_refused<T>(result: Result<T>) -> Result<Result<T, Error>> {
    match result {
        Err(error) if !error.is::<Refusal>() => Err(error),
        result => Ok(result),
    }
}
