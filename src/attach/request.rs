//! A stream that waits for a decision.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::crew::Who;
use super::priority::Member;
use super::registry::Registry;
use super::{Decision, Place, StreamAttacher, StreamKind};
use crate::controller::{Controller, StreamError, StreamProblem};
use crate::error::Result;
use crate::event::{EndReason, StreamInfo, StreamReason, StreamTarget};
use crate::word::{CircuitId, StreamId};

/// A stream that waits for a circuit, and what is known of it.
pub(super) struct Pending {
    pub(super) info: StreamInfo,
    pub(super) kind: StreamKind,
    /// Whether tor does the request with RESOLVE, which it survives on certain
    /// circuits only.
    pub(super) is_look_up: bool,
    pub(super) tried: Vec<Tried>,
    progress: Mutex<Progress>,
}

/// A circuit that a stream was on, and had to leave before it was open.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) circuit: CircuitId,
    pub(super) reason: Option<StreamReason>,
    pub(super) remote_reason: Option<StreamReason>,
}

#[derive(Default)]
struct Progress {
    /// Whose turn it is to decide: each attacher that is asked has one of its
    /// own.
    turn: u64,
    /// Whether the one whose turn it is has taken the right to answer later.
    taken: bool,
    /// Who is told of errors.
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

    /// The same error, of this stream.
    pub(super) fn described(&self, error: StreamError) -> StreamError {
        error.of(self.info.id, self.info.target.as_str())
    }

    /// The stream has ended, or its number may mean another one by now.
    pub(super) fn is_gone_now(&self) {
        self.progress.lock().end.get_or_insert(End::Gone);
    }

    /// Whether nothing is to be decided any more.
    pub(super) fn is_over(&self) -> bool {
        self.progress.lock().end.is_some()
    }

    /// Takes the right to act on the stream; once. With a turn, only if that is
    /// the present one.
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

    /// The next attacher's turn; `None` where nothing is to be decided any
    /// more.
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

    /// Ends this turn, before the next one is asked. Whether it was still going
    /// on.
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

    /// Whether somebody has taken the right to answer later, or has answered.
    fn is_taken(&self) -> bool {
        let progress = self.progress.lock();
        progress.taken || progress.end.is_some()
    }

    fn is_open_for(&self, turn: u64) -> bool {
        let progress = self.progress.lock();
        progress.end.is_none() && progress.turn == turn
    }

    /// The attacher that was asked last. The stream doesn't keep it any longer.
    pub(super) fn take_decider(&self) -> Option<Arc<dyn StreamAttacher>> {
        self.progress.lock().decider.take()
    }
}

/// Those who are asked where one says that a stream is not its own.
pub(super) type Rest = Option<Arc<Others>>;

pub(super) struct Others {
    pub(super) members: Vec<Weak<Member>>,
    pub(super) then: Rest,
}

/// Asks one after the other; `then` are those who are asked later, by somebody
/// else.
pub(super) fn ask(
    registry: &Arc<Registry>,
    pending: &Arc<Pending>,
    members: &[Weak<Member>],
    then: &Rest,
) -> Decision {
    // Without a connection there is nothing to be decided.
    let Some(controller) = registry.users_controller() else { return Decision::Later };
    let mut left = members;
    while let Some((member, others)) = left.split_first() {
        left = others;
        // Of one that has been removed meanwhile, nothing is asked.
        let Some(member) = Member::of(member) else { continue };
        match super::caught("the stream is closed", || member.takes(pending.kind)) {
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
        match super::caught("the stream is closed", || member.decide(&request)) {
            Some(Decision::NotMine) => {}
            Some(Decision::Later) if !pending.is_taken() => {
                log::warn!(
                    target: "scape::attach",
                    "an attacher wants to decide on stream {} later, but has not kept it: closed", pending.info.id
                );
                return Decision::Refuse(EndReason::INTERNAL);
            }
            Some(decision) => return decision,
            None => return Decision::Refuse(EndReason::INTERNAL),
        }
    }
    Decision::NotMine
}

/// A stream that waits for a circuit: what a [`StreamAttacher`] is asked about.
pub struct StreamRequest {
    controller: Controller,
    registry: Arc<Registry>,
    pending: Arc<Pending>,
    turn: u64,
    rest: Rest,
}

impl StreamRequest {
    /// Its number.
    pub fn id(&self) -> StreamId {
        self.pending.info.id
    }

    /// Where it is to go. The port is 0 where something is to be looked up.
    pub fn target(&self) -> &StreamTarget {
        &self.pending.info.target
    }

    /// What sort it is.
    pub fn kind(&self) -> StreamKind {
        self.pending.kind
    }

    /// All that tor has said of it: also its source, its purpose, the SOCKS
    /// user name. Of a stream that waited already when the attacher came, or
    /// when the connection was made again, it tells its number and its target
    /// only.
    pub fn info(&self) -> &StreamInfo {
        &self.pending.info
    }

    /// The circuits that it was on already, and had to leave before it was
    /// open, with tor's reason and the relay's. A stream is not put again on
    /// one that it had to leave for any other reason than
    /// [`StreamReason::Timeout`].
    pub fn tried(
        &self,
    ) -> impl Iterator<Item = (CircuitId, Option<&StreamReason>, Option<&StreamReason>)> {
        let tried = self.pending.tried.iter();
        tried.map(|tried| (tried.circuit, tried.reason.as_ref(), tried.remote_reason.as_ref()))
    }

    /// The control connection that it belongs to.
    pub fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Whether it has ended meanwhile, so that there is nothing to be decided.
    pub fn is_gone(&self) -> bool {
        self.pending.is_over()
    }

    /// Takes the right to decide on it later, from any thread: return
    /// [`Decision::Later`] then. Any other decision that is returned goes
    /// before.
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

    /// Asks these in turn, for an attacher that is made of others.
    pub(super) fn ask(&self, members: &[Weak<Member>]) -> Decision {
        ask(&self.registry, &self.pending, members, &self.rest)
    }
}

impl fmt::Debug for StreamRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamRequest").field(&self.pending.info).finish()
    }
}

/// The right to decide on a stream later: [`StreamRequest::answer_later`].
/// Where it is dropped without a decision, the stream is closed.
///
/// It stays good when the attacher that took it has been removed. When the
/// stream ends, or the connection is made again, nothing is left to be decided;
/// a stream that still waits then is asked about again.
#[must_use = "dropping this closes the stream"]
pub struct StreamAnswer {
    /// Keeps the connection open: what is kept is still to be decided.
    _controller: Controller,
    registry: Arc<Registry>,
    pending: Arc<Pending>,
    turn: u64,
    rest: Rest,
}

impl StreamAnswer {
    /// The stream's number.
    pub fn id(&self) -> StreamId {
        self.pending.info.id
    }

    /// All that is known of the stream.
    pub fn info(&self) -> &StreamInfo {
        &self.pending.info
    }

    /// Whether there is nothing to be decided any more: the stream has ended,
    /// or something else was decided.
    pub fn is_gone(&self) -> bool {
        !self.pending.is_open_for(self.turn)
    }

    /// Attaches the stream to a circuit: a [`Circuit`](crate::state::Circuit),
    /// a [`CircuitId`], or a [`Place`] on one.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`StreamError`] if the stream can't
    /// be attached to the circuit. The stream is closed then. Errors of the
    /// control connection are also possible.
    pub fn attach(self, circuit: impl Into<Place>) -> Result<()> {
        self.decide(Decision::on(circuit))
    }

    /// Leaves the stream to tor.
    ///
    /// # Errors
    ///
    /// Same errors as [`attach`](Self::attach), most often a [`StreamError`].
    pub fn leave_to_tor(self) -> Result<()> {
        self.decide(Decision::Tor)
    }

    /// Closes it.
    ///
    /// # Errors
    ///
    /// Same errors as [`attach`](Self::attach), most often a [`StreamError`].
    pub fn refuse(self, reason: EndReason) -> Result<()> {
        self.decide(Decision::Refuse(reason))
    }

    /// Leaves it to the next attacher, which is asked on another thread, and
    /// after the last one to tor.
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
            log::warn!(target: "scape::attach", "nobody has decided on stream {id}: closed");
            self.registry.close_unheard(id, EndReason::INTERNAL);
        }
    }
}

impl fmt::Debug for StreamAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamAnswer").field(&self.pending.info).finish()
    }
}
