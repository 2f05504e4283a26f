//! Waits until a launched tor has reached the wanted state.

use crate::control::Controller;
use crate::error::{Error, Phase, Result};
use crate::io::transport::Deadline;
use scape_proto::event::{Bootstrap, EventBody, EventKind};
use scape_proto::word::Progress;

/// The state that a launched tor has to reach before
/// [`Launch::start`](super::Launch::start) returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum WaitFor {
    /// tor can be controlled: it has read its configuration and opened its
    /// ports.
    Control,
    /// tor's bootstrap has reached this percentage, from 0 to 100. At 75, tor
    /// has the descriptors of enough relays to build circuits. At 100, it has
    /// built a circuit. With more than 100,
    /// [`Launch::start`](super::Launch::start) doesn't start tor and returns an
    /// error of the kind [`ErrorKind::Argument`](crate::ErrorKind::Argument).
    Bootstrap(u8),
}

impl WaitFor {
    /// A bootstrap of 100 percent: tor is ready for use.
    pub const DONE: WaitFor = WaitFor::Bootstrap(100);
}

/// A callback for each step of the bootstrap.
pub(super) type ProgressCallback = Box<dyn FnMut(&Progress) + Send>;

/// Waits until tor's bootstrap has reached `wanted` percent. The whole call
/// ends at `deadline`, no matter how many events arrive. `reached` is set to
/// the percentage that tor has reached, also after a failure.
///
/// tor may have made progress before this function subscribes, and reports each
/// step only once. So the current state is requested after the subscription.
pub(crate) fn wait(
    controller: &Controller,
    wanted: u8,
    deadline: Deadline,
    reached: &mut Option<u8>,
    mut callback: impl FnMut(&Bootstrap),
) -> Result<()> {
    let patient = controller.with_timeout(deadline.left()).until(deadline);
    let events = patient.subscribe([EventKind::StatusClient])?;
    let value = patient.info().get_bytes("status/bootstrap-phase")?;
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
        // Skip a step that both the answer and an event have reported: it was
        // made between the subscription and the answer.
        if step.progress < now.progress || step == now {
            continue;
        }
        if report(&step) {
            return Ok(());
        }
        now = step;
    }
}
