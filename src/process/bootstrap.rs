//! Waiting until a launched tor has got as far as is wanted.

use crate::controller::Controller;
use crate::error::{Error, Phase, Result};
use crate::event::{Bootstrap, EventBody, EventKind};
use crate::transport::Deadline;
use crate::word::Progress;

/// What a launched tor has to reach before it is handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitFor {
    /// That it is controlled: its configuration is read, its ports are open.
    Control,
    /// That it is so many percent bootstrapped: with 75 it knows enough relays,
    /// with 100 it has built a circuit.
    Bootstrap(u8),
}

impl WaitFor {
    /// 100 percent: ready to be used.
    pub const DONE: WaitFor = WaitFor::Bootstrap(100);
}

/// Called with each step.
pub(super) type ProgressCallback = Box<dyn FnMut(&Progress) + Send>;

/// Waits until tor is `wanted` percent bootstrapped, for commands and events
/// together until `deadline`. The percentage that tor has reached is in
/// `reached`, also after a failure.
///
/// tor may have come far before we subscribe, and says nothing twice: so the
/// present value is asked for afterwards.
pub(crate) fn wait(
    controller: &Controller,
    wanted: u8,
    deadline: Deadline,
    reached: &mut Option<u8>,
    mut callback: impl FnMut(&Bootstrap),
) -> Result<()> {
    let patient = controller.with_timeout(deadline.left()).until(deadline);
    let events = patient.subscribe([EventKind::StatusClient])?;
    let value = patient.get_info_bytes("status/bootstrap-phase")?;
    let Some(mut now) = Bootstrap::parse(&value) else {
        return Err(Error::answer(
            "GETINFO status/bootstrap-phase",
            String::from_utf8_lossy(&value),
        ));
    };
    let mut report = |step: &Bootstrap| {
        *reached = Some(step.progress);
        callback(step);
        step.progress >= wanted
    };
    if report(&now) {
        return Ok(());
    }
    let mut events = events.wait(deadline, Phase::Bootstrap);
    loop {
        let event = events.next()?;
        let EventBody::StatusClient(status) = event.body() else { continue };
        let Some(step) = status.bootstrap() else { continue };
        // What came between the subscription and the answer is in both.
        if step.progress < now.progress || step == now {
            continue;
        }
        if report(&step) {
            return Ok(());
        }
        now = step;
    }
}
