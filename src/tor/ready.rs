//! Whether tor can be used yet.

use std::thread;
use std::time::Duration;

use super::{Tor, Way, ask_whether_tor};
use crate::controller::Controller;
use crate::error::{Error, NotReadyError, Phase, Result};
use crate::event::EventBody;
use crate::process::wait_bootstrapped;
use crate::transport::Deadline;
use crate::types::{EventKind, Progress, StatusAction};

/// How often a SOCKS port that is not there yet is tried.
const TRY_AGAIN: Duration = Duration::from_millis(100);
/// How long is asked, when it was waited in vain, for what keeps tor.
const ASK_WHY: Duration = Duration::from_secs(1);

/// Readiness. control-spec, `GETINFO status/bootstrap-phase` and `status/enough-dir-info`, `SIGNAL ACTIVE`.
impl Tor {
    /// Whether tor can build circuits: it has bootstrapped, and knows enough relays.
    ///
    /// tor does not tell whether it was made dormant ([`Signal::Dormant`](crate::types::Signal::Dormant)); one that was wakes up with
    /// the first connection, or with [`become_ready`](Self::become_ready). Of a tor that is known by its SOCKS port only, this can only tell whether it answers.
    ///
    /// # Errors
    ///
    /// Those of the control connection. A SOCKS port that does not answer is no error here.
    pub fn is_ready(&self) -> Result<bool> {
        let controller = match &self.core.way {
            Way::Socks(address) => return Ok(ask_whether_tor(address, super::SOCKS_TIMEOUT).is_ok()),
            Way::Control(controller) | Way::Launched(controller, _) => controller,
        };
        let call = controller.in_one_call();
        Ok(call.bootstrap_phase()?.is_done() && call.enough_dir_info()?)
    }

    /// Waits until tor can build circuits, and wakes it, in case it is dormant.
    ///
    /// The whole call takes at most `timeout`, however many events come. When it fails for that, tor is asked what keeps
    /// it, which may take one second more.
    ///
    /// # Errors
    ///
    /// [`Error::NotReady`] after `timeout`, with how far it has come and what keeps it; those of the control connection.
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
    pub fn become_ready(&self, timeout: Duration) -> Result<()> {
        self.become_ready_with(timeout, |_| {})
    }

    /// As [`become_ready`](Self::become_ready), and tells each step, on the calling thread.
    ///
    /// # Errors
    ///
    /// As [`become_ready`](Self::become_ready).
    pub fn become_ready_with(&self, timeout: Duration, mut on_progress: impl FnMut(&Progress)) -> Result<()> {
        let deadline = Deadline::after(timeout);
        let controller = match &self.core.way {
            Way::Socks(address) => {
                while let Err(error) = ask_whether_tor(address, deadline.left()) {
                    if deadline.has_passed() {
                        return Err(error);
                    }
                    thread::sleep(TRY_AGAIN.min(deadline.left()));
                }
                return Ok(());
            }
            Way::Control(controller) | Way::Launched(controller, _) => controller,
        };
        let mut reached = None;
        wait_ready(controller, deadline, |step| {
            on_progress(step);
            reached = Some(step.clone());
        })
        .map_err(|error| match error {
            Error::Timeout(_) => {
                let why = controller.with_timeout(ASK_WHY.min(controller.timeout()));
                let network_disabled =
                    matches!(why.get_conf("DisableNetwork").as_ref(), Ok(Some(value)) if value == "1");
                NotReadyError { after: timeout, progress: reached, network_disabled }.into()
            }
            error => error,
        })
    }
}

fn wait_ready(controller: &Controller, deadline: Deadline, on_progress: impl FnMut(&Progress)) -> Result<()> {
    let patient = controller.with_timeout(deadline.left()).until(deadline);
    match patient.wake(deadline.left()) {
        // Behind a filter, it has to be awake.
        Ok(()) | Err(Error::Refused(_)) => {}
        Err(error) => return Err(error),
    }
    // Before it is asked for: what comes after the answer is seen.
    let events = patient.subscribe([EventKind::StatusClient])?;
    let mut on_progress = on_progress;
    wait_bootstrapped(&patient, 100, deadline.instant(), &mut None, |step| on_progress(&step.into()))?;
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
