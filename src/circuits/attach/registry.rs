//! The stream attaching of one control connection. There is one registry per
//! connection, whatever the number of handles.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::bound_stream::BoundStreams;
use super::crew::{Crew, Job, Who};
use super::leave_unattached::{Afterwards, LeaveUnattachedGuard, Run};
use super::request::{Pending, ask};
use super::watch::Message;
use super::{AttachPoint, Decision, PriorityAttacher, StreamKind};
use crate::control::{
    Controller, InternalController, ReconnectHook, StreamError, StreamProblem, WeakController,
};
use crate::error::{Error, Result};
use crate::io::connection::{CloseCause, Closed, PendingReply};
use scape_proto::control::{Command, Refusal, Reply};
use scape_proto::event::{EndReason, StreamInfo, StreamReason};
use scape_proto::word::{StreamId, is_disguised_onion};

/// State that the attachers of a connection share. It doesn't keep the
/// connection open, but its [`LeaveUnattachedGuard`]s do, and so do the
/// requests and answers that users have.
pub(super) struct Registry {
    controller: InternalController,
    /// The controller for the user's code.
    users_controller: WeakController,
    pub(super) users: PriorityAttacher,
    pub(super) bound: BoundStreams,
    /// The streams without a decision.
    pub(super) waiting: Mutex<HashMap<StreamId, Weak<Pending>>>,
    pub(super) crew: Crew,
    pub(super) run: Run,
}

impl Registry {
    /// Returns the registry of the connection.
    pub(super) fn of(controller: &Controller) -> Result<Arc<Registry>> {
        controller.shared(|| {
            let registry = Arc::new(Registry {
                controller: controller.internal(),
                users_controller: controller.internal().as_users(controller),
                users: PriorityAttacher::new(),
                bound: BoundStreams::default(),
                waiting: Mutex::default(),
                crew: Crew::default(),
                run: Run::default(),
            });
            controller.follow(&registry);
            Ok(registry)
        })
    }

    /// Returns the connection for this library's own commands. It doesn't keep
    /// the connection open, so a program that drops its last handle may end at
    /// once.
    pub(super) fn controller(&self) -> Option<Controller> {
        self.controller.get()
    }

    /// Returns the connection for the user's code, which may keep it open.
    /// Returns `None` if all handles are gone.
    pub(super) fn users_controller(&self) -> Option<Controller> {
        self.users_controller.upgrade()
    }

    fn open_controller(&self) -> Result<Controller> {
        self.controller().ok_or_else(|| Closed::new(CloseCause::Local).into())
    }

    /// Makes new streams wait for this program as long as the result lives.
    pub(super) fn hold(
        self: Arc<Self>,
        controller: &Controller,
        afterwards: Afterwards,
    ) -> Result<LeaveUnattachedGuard> {
        Run::hold(self, controller, afterwards)
    }

    pub(super) fn forget_what_is_gone(&self) {
        self.waiting.lock().retain(|_, pending| pending.strong_count() > 0);
    }

    /// Returns true if an attacher wants streams of this kind.
    pub(super) fn is_wanted(&self, kind: StreamKind) -> bool {
        use super::StreamAttacher as _;
        self.users.takes(kind)
    }

    /// Asks the attachers for a decision, on a thread of the crew.
    pub(super) fn consider(registry: &Arc<Registry>, pending: Arc<Pending>, who: Who) {
        Crew::take(registry, Job { pending, who });
    }

    pub(super) fn decide(self: &Arc<Self>, pending: &Arc<Pending>, who: Who) {
        let decision = match who {
            Who::Everybody => ask(self, pending, &self.users.now(), &None),
            Who::After(mut rest) => loop {
                let Some(others) = rest else { break Decision::Pass };
                match ask(self, pending, &others.members, &others.then) {
                    Decision::Pass => rest = others.then.clone(),
                    decision => break decision,
                }
            },
        };
        if matches!(decision, Decision::Later) {
            return;
        }
        let decider = pending.take_decider();
        if let Err(error) = self.act(pending, None, decision)
            && let Some(decider) = decider
        {
            super::catch_panic("the stream is closed already", || {
                decider.failed(&pending.info, &error);
            });
        }
    }

    /// Carries out a decision. If that fails, the stream is closed.
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

    /// Leaves a stream to tor, unless tor would send an onion address to an
    /// exit.
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
        if let (Ok(command), Some(controller)) = (close(stream, reason), self.controller()) {
            // If the connection has ended, there is nothing to do.
            let _ = controller.undoing().send(command);
        }
    }

    /// Returns the streams without a decision.
    pub(super) fn undecided(&self) -> Vec<Arc<Pending>> {
        let waiting = self.waiting.lock();
        waiting.values().filter_map(Weak::upgrade).filter(|pending| !pending.is_over()).collect()
    }
}

fn close(stream: StreamId, reason: EndReason) -> Result<Command> {
    let mut command = Command::build("CLOSESTREAM");
    command.word("stream", &stream.to_string()).word("reason", &reason.code().to_string());
    Ok(command.finish()?)
}

/// Adds the stream to the error.
fn described(pending: &Pending, error: Error) -> Error {
    match error.exact::<StreamError>() {
        Some(error) => pending.described(error.clone()).into(),
        None => error,
    }
}

impl ReconnectHook for Registry {
    fn name(&self) -> &'static str {
        "the waiting streams"
    }

    /// Asks again about streams that are waiting. Earlier requests belong to
    /// another connection, perhaps to another tor.
    fn reconnected(&self, ask: &dyn Fn(Command) -> Result<Reply>) -> Result<()> {
        // If the watch is starting or ending at this moment, it reads the
        // streams itself.
        if self.run.is_on() {
            let reply = ask(Command::build("GETINFO").word("key", "stream-status").finish()?)?;
            self.run.tell(Message::There(streams(&reply)));
        }
        Ok(())
    }

    /// Closes the undecided streams, because nobody will decide any more and
    /// they would wait in vain.
    fn closing(&self, send: &dyn Fn(Command) -> Result<PendingReply>) -> Vec<PendingReply> {
        self.run.hurry();
        let mut pending = Vec::new();
        if self.run.is_changing() {
            // A thread is resetting the option. tor's reply to this command
            // comes after its reply to that one.
            let sync = Command::build("GETINFO").word("key", "version").finish();
            pending.extend(sync.map_err(Error::from).and_then(send).ok());
        }
        for stream in self.undecided() {
            if stream.finish(None).is_ok() {
                let sent = close(stream.info.id, EndReason::MISC).and_then(send);
                pending.extend(sent.ok());
            }
        }
        pending
    }
}

/// Returns the streams in the answer to `GETINFO stream-status`.
fn streams(reply: &Reply) -> Vec<StreamInfo> {
    let mut streams = Vec::new();
    for line in reply.lines() {
        let value =
            line.text.strip_prefix(b"stream-status=").unwrap_or(line.data.unwrap_or_default());
        streams.extend(value.split(|byte| *byte == b'\n').filter_map(StreamInfo::parse));
        if let Some(data) = line.data {
            streams.extend(data.split(|byte| *byte == b'\n').filter_map(StreamInfo::parse));
        }
    }
    streams.sort_by_key(|stream| stream.id);
    streams.dedup_by_key(|stream| stream.id);
    streams
}
