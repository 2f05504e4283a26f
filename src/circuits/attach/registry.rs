//! The shared state for attaching streams. Each control connection has one
//! registry, which all handles to the connection share.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::bound_stream::BoundStreams;
use super::crew::{Crew, Job, Who};
use super::message::Message;
use super::operations::Operations;
use super::pending::Pending;
use super::request::{Desk, Rest};
use super::run::Run;
use super::{Decision, PriorityAttacher, StreamKind};
use crate::control::{Controller, Questions, ReconnectHook, close_command};
use crate::error::{AnswerError, Error, Result};
use crate::io::connection::PendingReply;
use scape_proto::control::Command;
use scape_proto::event::EndReason;
use scape_proto::word::StreamId;

/// State that the attachers of a control connection share. The registry doesn't
/// keep the connection open. The guards of attachers, each
/// [`StreamRequest`](super::StreamRequest) and each
/// [`StreamAnswer`](super::StreamAnswer) keep it open.
pub(super) struct Registry {
    pub(super) operations: Arc<Operations>,
    pub(super) users: PriorityAttacher,
    pub(super) bound: BoundStreams,
    /// The streams that wait for a decision.
    pub(super) waiting: Mutex<HashMap<StreamId, Weak<Pending>>>,
    crew: Arc<Crew>,
    pub(super) run: Run,
}

impl Registry {
    /// Returns the registry of the connection. The first call creates it.
    pub(super) fn of(controller: &Controller) -> Result<Arc<Registry>> {
        controller.shared(|| {
            let operations = Arc::new(Operations::of(controller));
            let users = PriorityAttacher::new();
            let registry = Arc::new(Registry {
                operations: operations.clone(),
                users: users.clone(),
                bound: BoundStreams::default(),
                waiting: Mutex::default(),
                crew: Arc::new(Crew::new(operations, users)),
                run: Run::default(),
            });
            controller.follow(&registry);
            Ok(registry)
        })
    }

    /// Returns a controller for this library's own commands, or `None` if the
    /// connection no longer exists.
    pub(super) fn controller(&self) -> Option<Controller> {
        self.operations.controller()
    }

    pub(super) fn forget_what_is_gone(&self) {
        self.waiting.lock().retain(|_, pending| pending.strong_count() > 0);
    }

    /// Returns true if an attacher wants streams of this kind.
    pub(super) fn is_wanted(&self, kind: StreamKind) -> bool {
        use super::StreamAttacher as _;
        self.users.takes(kind)
    }

    /// Asks the attachers for a decision about a stream, on a thread of the
    /// [`Crew`].
    pub(super) fn consider(self: &Arc<Self>, pending: Arc<Pending>, who: Who) {
        let desk: Arc<dyn Desk> = self.clone();
        Crew::take(&self.crew, Job { pending, who, desk });
    }

    /// Returns the streams that wait for a decision.
    pub(super) fn undecided(&self) -> Vec<Arc<Pending>> {
        let waiting = self.waiting.lock();
        waiting.values().filter_map(Weak::upgrade).filter(|pending| !pending.is_over()).collect()
    }
}

impl Desk for Registry {
    fn users_controller(&self) -> Option<Controller> {
        self.operations.users_controller()
    }

    fn act(&self, pending: &Pending, turn: Option<u64>, decision: Decision) -> Result<()> {
        self.operations.act(pending, turn, decision)
    }

    fn pass_on(self: Arc<Self>, pending: Arc<Pending>, rest: Rest) {
        self.consider(pending, Who::After(rest));
    }

    fn close_unheard(&self, stream: StreamId, reason: EndReason) {
        self.operations.close_unheard(stream, reason);
    }
}

impl ReconnectHook for Registry {
    fn name(&self) -> &'static str {
        "the waiting streams"
    }

    /// Asks the attachers about the streams that are waiting after a reconnect.
    /// Requests for decisions from before the reconnect are void, because the
    /// new connection may lead to another tor.
    fn reconnected(&self, tor: &Questions<'_>) -> Result<()> {
        // If a thread is starting or ending the watch at this moment, that
        // thread handles the waiting streams.
        if self.run.is_on() {
            let (mut streams, outcome) = match tor.streams() {
                Ok(streams) => (streams, Ok(())),
                // Even if tor's answer can't be read, the requests from before
                // are void.
                Err(error) if error.is::<AnswerError>() => (Vec::new(), Err(error)),
                Err(error) => return Err(error),
            };
            streams.sort_by_key(|stream| stream.id);
            self.run.tell(Message::There(streams));
            outcome?;
        }
        Ok(())
    }

    /// Closes the streams that still wait for a decision. No attacher will
    /// decide on them any more, so they would wait until they time out.
    fn closing(&self, send: &dyn Fn(Command) -> Result<PendingReply>) -> Vec<PendingReply> {
        self.run.hurry();
        let mut pending = Vec::new();
        if self.run.is_changing() {
            // Another thread is setting or resetting
            // `__LeaveStreamsUnattached`. tor replies to this command after its
            // reply to that thread's command, so waiting for this reply waits
            // for both.
            let sync = Command::build("GETINFO").word("key", "version").finish();
            pending.extend(sync.map_err(Error::from).and_then(send).ok());
        }
        for stream in self.undecided() {
            if stream.finish(None).is_ok() {
                let sent = close_command(stream.info.id, EndReason::MISC).and_then(send);
                pending.extend(sent.ok());
            }
        }
        pending
    }
}
