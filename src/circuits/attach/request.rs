//! Streams that wait for a decision.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::crew::Who;
use super::priority::Member;
use super::registry::Registry;
use super::{AttachPoint, Decision, StreamAttacher, StreamKind};
use crate::control::{Controller, StreamError, StreamProblem};
use crate::error::Result;
use scape_proto::event::{EndReason, StreamInfo, StreamReason, StreamTarget};
use scape_proto::word::{CircuitId, StreamId};

/// A stream that waits for a circuit, with the known information.
pub(super) struct Pending {
    pub(super) info: StreamInfo,
    pub(super) kind: StreamKind,
    /// True if the request is a RESOLVE, with which tor aborts on certain
    /// circuits.
    pub(super) is_look_up: bool,
    pub(super) tried: Vec<Tried>,
    progress: Mutex<Progress>,
}

/// A circuit that a stream had to leave before it was open.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) circuit: CircuitId,
    pub(super) reason: Option<StreamReason>,
    pub(super) remote_reason: Option<StreamReason>,
}

#[derive(Default)]
struct Progress {
    /// The number of the current turn. Each attacher that is asked has its own
    /// turn.
    turn: u64,
    /// True if the attacher whose turn it is has taken the right to answer
    /// later.
    taken: bool,
    /// The attacher that is notified of errors.
    decider: Option<Arc<dyn StreamAttacher>>,
    end: Option<End>,
}

#[derive(Clone, Copy)]
enum End {
    Answered,
    Gone,
}

impl Pending {
    pub(super) fn new(info: StreamInfo, is_look_up: bool, tried: Vec<Tried>) -> Arc<Pending> {
        let kind = StreamKind::of(&info);
        Arc::new(Pending { info, kind, is_look_up, tried, progress: Mutex::default() })
    }

    pub(super) fn error(&self, problem: StreamProblem) -> StreamError {
        self.described(StreamError::new(None, problem))
    }

    /// Adds the stream to the error.
    pub(super) fn described(&self, error: StreamError) -> StreamError {
        error.of(self.info.id, self.info.target.as_str())
    }

    /// Notes that the stream has ended, or that its id may refer to another
    /// stream now.
    pub(super) fn is_gone_now(&self) {
        self.progress.lock().end.get_or_insert(End::Gone);
    }

    /// Returns true if no decision is needed any more.
    pub(super) fn is_over(&self) -> bool {
        self.progress.lock().end.is_some()
    }

    /// Takes the right to act on the stream, which is granted only once. If a
    /// turn is given, it must be the current one.
    pub(super) fn finish(&self, turn: Option<u64>) -> Result<(), StreamProblem> {
        let mut progress = self.progress.lock();
        match progress.end {
            Some(End::Gone) => Err(StreamProblem::Gone),
            Some(End::Answered) => Err(StreamProblem::Answered),
            None if turn.is_some_and(|turn| turn != progress.turn) => Err(StreamProblem::Answered),
            None => {
                progress.end = Some(End::Answered);
                Ok(())
            }
        }
    }

    /// Starts the next attacher's turn. Returns `None` if no decision is needed
    /// any more.
    fn next_turn(&self, decider: &Arc<dyn StreamAttacher>) -> Option<u64> {
        let mut progress = self.progress.lock();
        if progress.end.is_some() {
            return None;
        }
        progress.turn += 1;
        progress.taken = false;
        progress.decider = Some(decider.clone());
        Some(progress.turn)
    }

    /// Ends this turn before the next attacher is asked. Returns true if the
    /// turn was still active.
    fn pass(&self, turn: u64) -> bool {
        let mut progress = self.progress.lock();
        let was_on = progress.end.is_none() && progress.turn == turn;
        progress.turn += u64::from(was_on);
        was_on
    }

    fn take(&self, turn: u64) {
        let mut progress = self.progress.lock();
        if progress.turn == turn {
            progress.taken = true;
        }
    }

    /// Returns true if somebody has taken the right to answer later, or has
    /// answered.
    fn is_taken(&self) -> bool {
        let progress = self.progress.lock();
        progress.taken || progress.end.is_some()
    }

    fn is_open_for(&self, turn: u64) -> bool {
        let progress = self.progress.lock();
        progress.end.is_none() && progress.turn == turn
    }

    /// Takes the attacher that was asked last, so that the stream no longer
    /// keeps it alive.
    pub(super) fn take_decider(&self) -> Option<Arc<dyn StreamAttacher>> {
        self.progress.lock().decider.take()
    }
}

/// The attachers that are asked after one that returned `Pass`.
pub(super) type Rest = Option<Arc<Others>>;

pub(super) struct Others {
    pub(super) members: Vec<Weak<Member>>,
    pub(super) then: Rest,
}

/// Asks the members one after the other. `then` are the attachers that are
/// asked afterwards, by another call.
pub(super) fn ask(
    registry: &Arc<Registry>,
    pending: &Arc<Pending>,
    members: &[Weak<Member>],
    then: &Rest,
) -> Decision {
    // Without a connection, no decision is possible.
    let Some(controller) = registry.users_controller() else { return Decision::Later };
    let mut left = members;
    while let Some((member, others)) = left.split_first() {
        left = others;
        // A member that has been removed meanwhile isn't asked.
        let Some(member) = Member::of(member) else { continue };
        match super::catch_panic("the stream is closed", || member.takes(pending.kind)) {
            Some(true) => {}
            Some(false) => continue,
            None => return Decision::Refuse(EndReason::INTERNAL),
        }
        let Some(turn) = pending.next_turn(&member) else { return Decision::Later };
        let others = Others { members: others.to_vec(), then: then.clone() };
        let request = StreamRequest {
            controller: controller.clone(),
            registry: registry.clone(),
            pending: pending.clone(),
            turn,
            rest: Some(Arc::new(others)),
        };
        match super::catch_panic("the stream is closed", || member.decide(&request)) {
            Some(Decision::Pass) => {}
            Some(Decision::Later) if !pending.is_taken() => {
                log::warn!(
                    target: "scape::attach",
                    "stream {} is closed, because an attacher returned Decision::Later \
                     without calling answer_later",
                    pending.info.id
                );
                return Decision::Refuse(EndReason::INTERNAL);
            }
            Some(decision) => return decision,
            None => return Decision::Refuse(EndReason::INTERNAL),
        }
    }
    Decision::Pass
}

/// A stream that waits for a circuit, and that a [`StreamAttacher`] decides on.
pub struct StreamRequest {
    controller: Controller,
    registry: Arc<Registry>,
    pending: Arc<Pending>,
    turn: u64,
    rest: Rest,
}

impl StreamRequest {
    /// Returns the stream's id.
    pub fn id(&self) -> StreamId {
        self.pending.info.id
    }

    /// Returns the stream's target. The port is 0 for a DNS look-up.
    pub fn target(&self) -> &StreamTarget {
        &self.pending.info.target
    }

    /// Returns the kind of the stream.
    pub fn kind(&self) -> StreamKind {
        self.pending.kind
    }

    /// Returns everything that tor has reported about the stream, including its
    /// source, its purpose and the SOCKS user name. If the stream was already
    /// waiting when the attacher was installed, or when the connection
    /// reconnected, only the id and the target are known.
    pub fn info(&self) -> &StreamInfo {
        &self.pending.info
    }

    /// Returns the circuits that the stream had to leave before it was open,
    /// each with tor's reason and the relay's reason. A stream isn't attached
    /// again to a circuit that it had to leave, unless the reason was
    /// [`StreamReason::Timeout`].
    pub fn tried(
        &self,
    ) -> impl Iterator<Item = (CircuitId, Option<&StreamReason>, Option<&StreamReason>)> {
        let tried = self.pending.tried.iter();
        tried.map(|tried| (tried.circuit, tried.reason.as_ref(), tried.remote_reason.as_ref()))
    }

    /// Returns the control connection that the stream belongs to.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Returns true if the stream has ended meanwhile, so no decision is
    /// needed.
    pub fn is_gone(&self) -> bool {
        self.pending.is_over()
    }

    /// Returns the right to decide on the stream later, from any thread. Return
    /// [`Decision::Later`] after calling this. If the attacher returns any
    /// other decision, that one counts.
    ///
    /// ```
    /// use scape::attach::{Decision, StreamAnswer, StreamRequest};
    /// use std::sync::mpsc::Sender;
    ///
    /// fn attacher(queue: Sender<StreamAnswer>) -> impl Fn(&StreamRequest) -> Decision {
    ///     move |stream| {
    ///         // If the receiver is gone, the answer is dropped and the stream closed.
    ///         let _ = queue.send(stream.answer_later());
    ///         Decision::Later
    ///     }
    /// }
    /// ```
    pub fn answer_later(&self) -> StreamAnswer {
        self.pending.take(self.turn);
        StreamAnswer {
            _controller: self.controller.clone(),
            registry: self.registry.clone(),
            pending: self.pending.clone(),
            turn: self.turn,
            rest: self.rest.clone(),
        }
    }

    /// Asks the members in turn, for an attacher that consists of other
    /// attachers.
    pub(super) fn ask(&self, members: &[Weak<Member>]) -> Decision {
        ask(&self.registry, &self.pending, members, &self.rest)
    }
}

impl fmt::Debug for StreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamRequest").field(&self.pending.info).finish()
    }
}

/// The right to decide on a stream later, from [`StreamRequest::answer_later`].
/// Dropping it without a decision closes the stream.
///
/// The answer stays valid after its attacher has been removed. When the stream
/// ends or the connection reconnects, no decision is possible any more. A
/// stream that still waits after a reconnect is shown to the attachers again.
///
/// ```
/// use scape::attach::StreamAnswer;
/// use scape::event::EndReason;
///
/// fn decide(answer: StreamAnswer) -> scape::Result<()> {
///     match answer.info().target.port() {
///         Some(443) => answer.leave_to_tor(),
///         _ => answer.refuse(EndReason::EXIT_POLICY),
///     }
/// }
/// ```
#[must_use = "dropping this closes the stream"]
pub struct StreamAnswer {
    /// Keeps the connection open, because a decision is still needed.
    _controller: Controller,
    registry: Arc<Registry>,
    pending: Arc<Pending>,
    turn: u64,
    rest: Rest,
}

impl StreamAnswer {
    /// Returns the stream's id.
    pub fn id(&self) -> StreamId {
        self.pending.info.id
    }

    /// Returns everything that is known about the stream.
    pub fn info(&self) -> &StreamInfo {
        &self.pending.info
    }

    /// Returns true if no decision is possible any more, because the stream has
    /// ended or another decision was made.
    pub fn is_gone(&self) -> bool {
        !self.pending.is_open_for(self.turn)
    }

    /// Attaches the stream to a circuit, given as a
    /// [`Circuit`](crate::state::Circuit), a [`CircuitId`], or a
    /// [`AttachPoint`] on a circuit.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`StreamError`] if the stream can't be attached
    /// to the circuit; the stream is closed then. Errors of the control
    /// connection are also possible.
    pub fn attach(self, circuit: impl Into<AttachPoint>) -> Result<()> {
        self.decide(Decision::on(circuit))
    }

    /// Leaves the choice of the circuit to tor.
    ///
    /// # Errors
    ///
    /// Same errors as [`attach`](Self::attach), most often a [`StreamError`].
    pub fn leave_to_tor(self) -> Result<()> {
        self.decide(Decision::Tor)
    }

    /// Closes the stream with this reason.
    ///
    /// # Errors
    ///
    /// Same errors as [`attach`](Self::attach), most often a [`StreamError`].
    pub fn refuse(self, reason: EndReason) -> Result<()> {
        self.decide(Decision::Refuse(reason))
    }

    /// Passes the stream to the next attacher, which is asked on another
    /// thread. After the last attacher, the stream is left to tor.
    pub fn not_mine(self) {
        if self.pending.pass(self.turn) {
            let rest = Who::After(self.rest.clone());
            Registry::consider(&self.registry, self.pending.clone(), rest);
        }
    }

    fn decide(self, decision: Decision) -> Result<()> {
        self.registry.act(&self.pending, Some(self.turn), decision)
    }
}

impl Drop for StreamAnswer {
    fn drop(&mut self) {
        if self.pending.finish(Some(self.turn)).is_ok() {
            let id = self.pending.info.id;
            log::warn!(
                target: "scape::attach",
                "stream {id} is closed, because its StreamAnswer was dropped without a decision"
            );
            self.registry.close_unheard(id, EndReason::INTERNAL);
        }
    }
}

impl fmt::Debug for StreamAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamAnswer").field(&self.pending.info).finish()
    }
}
