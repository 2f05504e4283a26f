//! [`StreamRequest`] and [`StreamAnswer`], through which attachers see the
//! streams that wait for a decision.

use std::fmt;
use std::sync::{Arc, Weak};

use super::pending::Pending;
use super::priority::Member;
use super::{AttachPoint, Decision, StreamKind};
use crate::control::Controller;
use crate::error::Result;
use scape_proto::event::{EndReason, StreamInfo, StreamReason, StreamTarget};
use scape_proto::word::{CircuitId, StreamId};

/// An object that carries out the decisions on streams. Each [`StreamRequest`]
/// and each [`StreamAnswer`] keeps its desk alive.
pub(super) trait Desk: Send + Sync {
    /// Returns a controller for the user's code, which keeps the connection
    /// open as long as the user keeps the controller. Returns `None` if all
    /// handles to the connection are gone.
    fn users_controller(&self) -> Option<Controller>;

    /// Carries out a decision. If that fails, the stream is closed. Each
    /// attacher that is asked about the stream has its own turn, and `turn` is
    /// the number of the deciding attacher's turn. If the stream was passed on
    /// to the next attacher since then, does nothing and returns an error. If
    /// `turn` is `None`, the turn isn't checked.
    fn act(&self, pending: &Pending, turn: Option<u64>, decision: Decision) -> Result<()>;

    /// Asks the attachers in `rest` about the stream, on another thread.
    fn pass_on(self: Arc<Self>, pending: Arc<Pending>, rest: Rest);

    /// Closes a stream without waiting for tor's reply.
    fn close_unheard(&self, stream: StreamId, reason: EndReason);
}

/// The attachers that are asked if the current one passes the stream on. `None`
/// if there are no more.
pub(super) type Rest = Option<Arc<Others>>;

pub(super) struct Others {
    pub(super) members: Vec<Weak<Member>>,
    pub(super) then: Rest,
}

/// Asks the members one after the other until one decides. Returns `Pass` if
/// all of them pass. The attachers in `then` come after the members. This
/// function doesn't ask them, but a member that answers later can pass the
/// stream on to them.
pub(super) fn ask(
    desk: &Arc<dyn Desk>,
    pending: &Arc<Pending>,
    members: &[Weak<Member>],
    then: &Rest,
) -> Decision {
    // Without a connection, no decision is possible.
    let Some(controller) = desk.users_controller() else { return Decision::Later };
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
            desk: desk.clone(),
            pending: pending.clone(),
            turn,
            rest: Some(Arc::new(others)),
        };
        match super::catch_panic("the stream is closed", || member.decide(&request)) {
            Some(Decision::Pass) => {}
            Some(Decision::Later) if !pending.is_taken(turn) => {
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

/// A stream that waits for a circuit, and that a
/// [`StreamAttacher`](super::StreamAttacher) decides on.
pub struct StreamRequest {
    controller: Controller,
    desk: Arc<dyn Desk>,
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
    /// the first one first. Each has tor's reason (`REASON`) and the reason
    /// that the relay gave (`REMOTE_REASON`). A stream isn't attached again to
    /// a circuit that it had to leave, unless tor's reason was
    /// [`StreamReason::Timeout`].
    ///
    /// ```
    /// # let tor = scape::testing::ScriptedTor::builder().info("stream-status", "")
    /// #     .info("version", "0.4.9.11").on_prefix("SETCONF", "250 OK\r\n")
    /// #     .on_prefix("ATTACHSTREAM", "250 OK\r\n").on_prefix("CLOSESTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::attach::{Decision, StreamRequest};
    /// use scape::word::CircuitId;
    ///
    /// let circuits = [CircuitId::new(7), CircuitId::new(8)];
    /// let attacher = move |stream: &StreamRequest| {
    ///     let is_new = |circuit: &CircuitId| stream.tried().all(|(tried, ..)| tried != *circuit);
    ///     circuits.into_iter().find(is_new).map_or(Decision::Pass, Decision::on)
    /// };
    /// # let guard = controller.attach_streams(attacher)?;
    /// # tor.send("650 STREAM 12 NEW 0 example.com:80 PURPOSE=USER\r\n");
    /// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:80\r\n");
    /// # assert_eq!(tor.wait_for("ATTACHSTREAM")?, "ATTACHSTREAM 12 7");
    /// # tor.send("650 STREAM 12 DETACHED 7 example.com:80 REASON=END\r\n");
    /// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:80\r\n");
    /// # assert_eq!(tor.wait_for("ATTACHSTREAM 12 8")?, "ATTACHSTREAM 12 8");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Returns true if no decision is needed any more, because the stream has
    /// ended or was decided on meanwhile.
    pub fn is_gone(&self) -> bool {
        self.pending.is_over()
    }

    /// Returns the right to decide on the stream later, from any thread. After
    /// this call, the attacher must return [`Decision::Later`]. If the attacher
    /// returns another decision, that decision counts, and the [`StreamAnswer`]
    /// can no longer be used.
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
            desk: self.desk.clone(),
            pending: self.pending.clone(),
            turn: self.turn,
            rest: self.rest.clone(),
        }
    }

    /// Asks the attachers in `members` about this stream, one after the other.
    /// Their [`PriorityAttacher`](super::PriorityAttacher) calls this method.
    pub(super) fn ask(&self, members: &[Weak<Member>]) -> Decision {
        ask(&self.desk, &self.pending, members, &self.rest)
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
    /// A handle that keeps the connection open, because a decision is still
    /// needed.
    _controller: Controller,
    desk: Arc<dyn Desk>,
    pending: Arc<Pending>,
    turn: u64,
    rest: Rest,
}

impl StreamAnswer {
    /// Returns the stream's id.
    pub fn id(&self) -> StreamId {
        self.pending.info.id
    }

    /// Returns everything that tor has reported about the stream: see
    /// [`StreamRequest::info`].
    pub fn info(&self) -> &StreamInfo {
        &self.pending.info
    }

    /// Returns true if no decision is possible any more, because the stream has
    /// ended or another decision was made.
    pub fn is_gone(&self) -> bool {
        !self.pending.is_open_for(self.turn)
    }

    /// Attaches the stream to a circuit, given as a
    /// [`Circuit`](crate::state::Circuit), a [`CircuitId`], or an
    /// [`AttachPoint`] on a circuit.
    ///
    /// ```
    /// # use scape::attach::{Decision, StreamRequest};
    /// # let tor = scape::testing::ScriptedTor::builder().info("stream-status", "")
    /// #     .info("version", "0.4.9.11").on_prefix("SETCONF", "250 OK\r\n")
    /// #     .on_prefix("ATTACHSTREAM", "250 OK\r\n").on_prefix("CLOSESTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let (sender, answers) = std::sync::mpsc::channel();
    /// # let guard = controller.attach_streams(move |stream: &StreamRequest| {
    /// #     let _ = sender.send(stream.answer_later());
    /// #     Decision::Later
    /// # })?;
    /// # tor.send("650 STREAM 12 NEW 0 example.com:80 PURPOSE=USER\r\n");
    /// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:80\r\n");
    /// use scape::word::CircuitId;
    ///
    /// let answer = answers.recv()?; // the attacher sent it: stream.answer_later()
    /// answer.attach(CircuitId::new(7))?;
    /// # assert_eq!(tor.wait_for("ATTACHSTREAM")?, "ATTACHSTREAM 12 7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`StreamError`](crate::control::StreamError) if
    /// the stream can't be attached to the circuit; the stream is closed then.
    /// Errors of the control connection are also possible.
    pub fn attach(self, circuit: impl Into<AttachPoint>) -> Result<()> {
        self.decide(Decision::on(circuit))
    }

    /// Leaves the choice of the circuit to tor.
    ///
    /// ```
    /// # use scape::attach::{Decision, StreamRequest};
    /// # let tor = scape::testing::ScriptedTor::builder().info("stream-status", "")
    /// #     .info("version", "0.4.9.11").on_prefix("SETCONF", "250 OK\r\n")
    /// #     .on_prefix("ATTACHSTREAM", "250 OK\r\n").on_prefix("CLOSESTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let (sender, answers) = std::sync::mpsc::channel();
    /// # let guard = controller.attach_streams(move |stream: &StreamRequest| {
    /// #     let _ = sender.send(stream.answer_later());
    /// #     Decision::Later
    /// # })?;
    /// # tor.send("650 STREAM 12 NEW 0 example.com:80 PURPOSE=USER\r\n");
    /// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:80\r\n");
    /// let answer = answers.recv()?; // the attacher sent it: stream.answer_later()
    /// answer.leave_to_tor()?;
    /// # assert_eq!(tor.wait_for("ATTACHSTREAM")?, "ATTACHSTREAM 12 0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`attach`](Self::attach), most often a
    /// [`StreamError`](crate::control::StreamError).
    pub fn leave_to_tor(self) -> Result<()> {
        self.decide(Decision::Tor)
    }

    /// Closes the stream, and reports this reason to its client.
    ///
    /// ```
    /// # use scape::attach::{Decision, StreamRequest};
    /// # let tor = scape::testing::ScriptedTor::builder().info("stream-status", "")
    /// #     .info("version", "0.4.9.11").on_prefix("SETCONF", "250 OK\r\n")
    /// #     .on_prefix("ATTACHSTREAM", "250 OK\r\n").on_prefix("CLOSESTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let (sender, answers) = std::sync::mpsc::channel();
    /// # let guard = controller.attach_streams(move |stream: &StreamRequest| {
    /// #     let _ = sender.send(stream.answer_later());
    /// #     Decision::Later
    /// # })?;
    /// # tor.send("650 STREAM 12 NEW 0 example.com:80 PURPOSE=USER\r\n");
    /// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:80\r\n");
    /// use scape::event::EndReason;
    ///
    /// let answer = answers.recv()?; // the attacher sent it: stream.answer_later()
    /// answer.refuse(EndReason::EXIT_POLICY)?;
    /// # assert_eq!(tor.wait_for("CLOSESTREAM")?, "CLOSESTREAM 12 4");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`attach`](Self::attach), most often a
    /// [`StreamError`](crate::control::StreamError).
    pub fn refuse(self, reason: EndReason) -> Result<()> {
        self.decide(Decision::Refuse(reason))
    }

    /// Passes the stream to the next attacher, which is asked on another
    /// thread. After the last attacher, the stream is left to tor.
    ///
    /// ```
    /// # use scape::attach::{Decision, StreamRequest};
    /// # let tor = scape::testing::ScriptedTor::builder().info("stream-status", "")
    /// #     .info("version", "0.4.9.11").on_prefix("SETCONF", "250 OK\r\n")
    /// #     .on_prefix("ATTACHSTREAM", "250 OK\r\n").on_prefix("CLOSESTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let (sender, answers) = std::sync::mpsc::channel();
    /// # let guard = controller.attach_streams(move |stream: &StreamRequest| {
    /// #     let _ = sender.send(stream.answer_later());
    /// #     Decision::Later
    /// # })?;
    /// # tor.send("650 STREAM 12 NEW 0 example.com:80 PURPOSE=USER\r\n");
    /// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:80\r\n");
    /// let answer = answers.recv()?; // the attacher sent it: stream.answer_later()
    /// answer.not_mine();
    /// # assert_eq!(tor.wait_for("ATTACHSTREAM")?, "ATTACHSTREAM 12 0");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn not_mine(self) {
        if self.pending.pass(self.turn) {
            self.desk.clone().pass_on(self.pending.clone(), self.rest.clone());
        }
    }

    fn decide(self, decision: Decision) -> Result<()> {
        self.desk.act(&self.pending, Some(self.turn), decision)
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
            self.desk.close_unheard(id, EndReason::INTERNAL);
        }
    }
}

impl fmt::Debug for StreamAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StreamAnswer").field(&self.pending.info).finish()
    }
}
