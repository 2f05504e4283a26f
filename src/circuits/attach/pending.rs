//! [`Pending`]: a stream that waits for a decision.

use std::sync::Arc;

use parking_lot::Mutex;

use super::{StreamAttacher, StreamKind};
use crate::control::{StreamError, StreamProblem};
use scape_proto::event::{StreamInfo, StreamReason};
use scape_proto::word::CircuitId;

/// A stream that waits for a circuit, with everything that tor has reported
/// about it.
pub(super) struct Pending {
    pub(super) info: StreamInfo,
    pub(super) kind: StreamKind,
    /// True if the stream is a DNS look-up (RESOLVE), false if it is a
    /// connection. The difference matters because tor aborts if a look-up is
    /// attached to certain circuits.
    pub(super) is_look_up: bool,
    pub(super) tried: Vec<Tried>,
    progress: Mutex<Progress>,
}

/// A circuit that a stream had to leave before the stream was open.
#[derive(Debug, Clone)]
pub(super) struct Tried {
    pub(super) circuit: CircuitId,
    pub(super) reason: Option<StreamReason>,
    pub(super) remote_reason: Option<StreamReason>,
}

#[derive(Default)]
struct Progress {
    /// The number of the current turn. Each attacher that is asked about the
    /// stream has its own turn.
    turn: u64,
    /// True if the attacher whose turn it is has called
    /// [`StreamRequest::answer_later`](super::StreamRequest::answer_later).
    taken: bool,
    /// The last attacher that was asked, which is notified of errors. `None` if
    /// no attacher was asked, or after [`Pending::take_decider`].
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

    /// Adds the stream's id and target to the error.
    pub(super) fn described(&self, error: StreamError) -> StreamError {
        error.of(self.info.id, self.info.target.as_str())
    }

    /// Records that the stream has ended, or that its id may refer to another
    /// stream now.
    pub(super) fn is_gone_now(&self) {
        self.progress.lock().end.get_or_insert(End::Gone);
    }

    /// Returns true if no decision is needed any more, because the stream has
    /// ended or was decided on.
    pub(super) fn is_over(&self) -> bool {
        self.progress.lock().end.is_some()
    }

    /// Takes the right to act on the stream. This right is granted only once.
    /// If `turn` is given, that turn must be the current one. Returns an error
    /// if the right isn't granted.
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

    /// Starts the next attacher's turn and returns the turn's number. Returns
    /// `None` if no decision is needed any more.
    pub(super) fn next_turn(&self, decider: &Arc<dyn StreamAttacher>) -> Option<u64> {
        let mut progress = self.progress.lock();
        if progress.end.is_some() {
            return None;
        }
        progress.turn += 1;
        progress.taken = false;
        progress.decider = Some(decider.clone());
        Some(progress.turn)
    }

    /// Ends this turn, so that the next attacher can be asked. Returns true if
    /// the turn was still active.
    pub(super) fn pass(&self, turn: u64) -> bool {
        let mut progress = self.progress.lock();
        let was_on = progress.end.is_none() && progress.turn == turn;
        progress.turn += u64::from(was_on);
        was_on
    }

    pub(super) fn take(&self, turn: u64) {
        let mut progress = self.progress.lock();
        if progress.turn == turn {
            progress.taken = true;
        }
    }

    /// Returns true if the attacher with this turn has called
    /// [`StreamRequest::answer_later`](super::StreamRequest::answer_later).
    /// Also returns true if this turn is over, because another thread has
    /// passed the stream on, or if no decision is needed any more.
    pub(super) fn is_taken(&self, turn: u64) -> bool {
        let progress = self.progress.lock();
        progress.taken || progress.turn != turn || progress.end.is_some()
    }

    pub(super) fn is_open_for(&self, turn: u64) -> bool {
        let progress = self.progress.lock();
        progress.end.is_none() && progress.turn == turn
    }

    /// Removes and returns the last attacher that was asked, so that the stream
    /// no longer keeps that attacher alive. Returns `None` if no attacher was
    /// asked, or if an earlier call has taken it out.
    pub(super) fn take_decider(&self) -> Option<Arc<dyn StreamAttacher>> {
        self.progress.lock().decider.take()
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Decision, StreamRequest};
    use super::*;

    #[test]
    fn stream_that_another_thread_passes_on_counts_as_taken() {
        let attacher: Arc<dyn StreamAttacher> = Arc::new(|_: &StreamRequest| Decision::Later);
        let info = StreamInfo::parse(b"11 NEW 0 a.test:80").unwrap();
        let pending = Pending::new(info, false, Vec::new());
        let first = pending.next_turn(&attacher).unwrap();
        assert!(!pending.is_taken(first));
        pending.take(first);
        assert!(pending.is_taken(first));
        // The other thread asks the next attacher before the first one returns.
        assert!(pending.pass(first));
        let second = pending.next_turn(&attacher).unwrap();
        assert!(pending.is_taken(first) && !pending.is_taken(second));
    }
}
