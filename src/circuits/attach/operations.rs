//! Carries out attachers' decisions about streams, with commands to tor.

use super::pending::Pending;
use super::{AttachPoint, Decision, StreamKind};
use crate::control::{
    Controller, InternalController, StreamError, StreamProblem, WeakController, close_command,
};
use crate::error::{Error, Result};
use crate::io::connection::{CloseCause, Closed};
use scape_proto::control::Refusal;
use scape_proto::event::{EndReason, StreamReason};
use scape_proto::word::{StreamId, is_disguised_onion};

/// Sends tor the commands that carry out attachers' decisions about streams.
pub(super) struct Operations {
    controller: InternalController,
    /// The controller that is passed to the user's code.
    users_controller: WeakController,
}

impl Operations {
    pub(super) fn of(controller: &Controller) -> Self {
        let internal = controller.internal();
        let users_controller = internal.as_users(controller);
        Operations { controller: internal, users_controller }
    }

    /// Returns a controller for this library's own commands. It doesn't keep
    /// the connection open, so the connection may close as soon as the program
    /// drops its last handle. Returns `None` if the connection no longer
    /// exists.
    pub(super) fn controller(&self) -> Option<Controller> {
        self.controller.get()
    }

    /// Returns a controller for the user's code, which keeps the connection
    /// open as long as the user keeps the controller. Returns `None` if all
    /// handles to the connection are gone.
    pub(super) fn users_controller(&self) -> Option<Controller> {
        self.users_controller.upgrade()
    }

    fn open_controller(&self) -> Result<Controller> {
        self.controller().ok_or_else(|| Closed::new(CloseCause::Local).into())
    }

    /// Carries out a decision. If that fails, the stream is closed. Each
    /// attacher that is asked about the stream has its own turn. `turn` is the
    /// number of the deciding attacher's turn; `None` stands for any turn. If
    /// this turn is over, if the stream is gone, or if another decision was
    /// made before, does nothing and returns an error.
    pub(super) fn act(
        &self,
        pending: &Pending,
        turn: Option<u64>,
        decision: Decision,
    ) -> Result<()> {
        if let Err(problem) = pending.finish(turn) {
            let circuit = match &decision {
                Decision::Circuit(place) => Some(place.circuit()),
                _ => None,
            };
            return Err(StreamError { circuit, ..pending.error(problem) }.into());
        }
        let id = pending.info.id;
        let done = match &decision {
            Decision::Circuit(place) => self.put(pending, place),
            Decision::Tor => self.leave_to_tor(pending),
            Decision::Pass if self.found_streams_left() => Ok(()),
            Decision::Pass => self.leave_to_tor(pending),
            Decision::Refuse(reason) => {
                return self.close(id, *reason).map_err(|error| described(pending, error));
            }
            Decision::Later => Err(pending.error(StreamProblem::Undecided).into()),
        };
        let Err(error) = done else { return Ok(()) };
        let error = described(pending, error);
        if error.exact().is_some_and(StreamError::is_stream_gone) {
            log::debug!(target: "scape::attach", "{error}");
            return Err(error);
        }
        log::warn!(target: "scape::attach", "{error}; it is closed");
        let reason = match error.exact::<StreamError>().map(|error| &error.problem) {
            Some(StreamProblem::OnionWithDot) => EndReason::RESOLVE_FAILED,
            _ => EndReason::MISC,
        };
        match self.close(id, reason) {
            Ok(()) => {}
            Err(closing) => {
                log::debug!(target: "scape::attach", "while closing stream {id}: {closing}");
            }
        }
        Err(error)
    }

    fn put(&self, pending: &Pending, place: &AttachPoint) -> Result<()> {
        if pending.kind == StreamKind::Onion {
            return Err(place.error(StreamProblem::Onion).into());
        }
        let controller = self.open_controller()?;
        place.check(&controller)?;
        let before = pending.tried.iter().find(|tried| tried.circuit == place.circuit());
        if let Some(tried) = before.filter(|tried| tried.reason != Some(StreamReason::Timeout)) {
            let reason = tried.remote_reason.clone().or_else(|| tried.reason.clone());
            return Err(place.error(StreamProblem::TriedBefore(reason)).into());
        }
        place.put(&controller, pending.info.id, pending.is_look_up)
    }

    fn found_streams_left(&self) -> bool {
        self.controller().is_some_and(|controller| controller.found_streams_left())
    }

    /// Leaves a stream to tor. Returns an error instead if tor would send an
    /// onion address to an exit.
    fn leave_to_tor(&self, pending: &Pending) -> Result<()> {
        if is_disguised_onion(pending.info.target.host()) {
            return Err(pending.error(StreamProblem::OnionWithDot).into());
        }
        match self.open_controller()?.leave_stream_to_tor(pending.info.id) {
            // tor has already started to attach the stream.
            Err(error) if error.code() == Some(555) => Ok(()),
            Err(error) => Err(match error.exact::<Refusal>() {
                Some(refusal) => {
                    StreamError::new(None, StreamProblem::Refused(refusal.clone())).into()
                }
                None => error,
            }),
            left => left,
        }
    }

    /// Closes a stream. A stream that is already gone is not an error.
    pub(super) fn close(&self, stream: StreamId, reason: EndReason) -> Result<()> {
        match self.open_controller()?.close_stream(stream, reason) {
            Err(error) if error.refusal().is_some_and(|refusal| refusal.is_unknown_stream()) => {
                Ok(())
            }
            closed => closed,
        }
    }

    /// Closes a stream without waiting for tor's reply. Sending takes at most
    /// one second.
    pub(super) fn close_unheard(&self, stream: StreamId, reason: EndReason) {
        if let (Ok(command), Some(controller)) = (close_command(stream, reason), self.controller())
        {
            // If the connection has ended, there is nothing to do.
            let _ = controller.undoing().send(command);
        }
    }
}

/// Adds the stream's id and target to the error.
fn described(pending: &Pending, error: Error) -> Error {
    match error.exact::<StreamError>() {
        Some(error) => pending.described(error.clone()).into(),
        None => error,
    }
}
