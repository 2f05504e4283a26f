//! Who decides where streams go, and what can be decided.

use super::{Place, StreamKind, StreamRequest};
use crate::error::Error;
use crate::event::{EndReason, StreamInfo};

/// The number of streams that are decided on at once, unless an attacher says
/// otherwise.
pub(super) const MAX_CONCURRENT: usize = 64;

/// Decides over which circuit streams go. See the [module](super).
///
/// Closures are attachers:
///
/// ```
/// use scape::attach::{Decision, StreamAttacher, StreamRequest};
/// use scape::word::CircuitId;
///
/// let web = CircuitId::new(7);
/// let by_port = move |stream: &StreamRequest| match stream.target().port() {
///     Some(80 | 443) => Decision::on(web),
///     _ => Decision::NotMine,
/// };
/// fn is_one(_: impl StreamAttacher) {}
/// is_one(by_port);
/// ```
///
/// # Threads
///
/// An attacher is asked about several streams at once, on threads of its own:
/// up to [`max_concurrent`](Self::max_concurrent). It may build a circuit
/// first, or wait for anything else, and other streams don't wait for it until
/// all of these threads are taken. A panic is caught: the stream is closed.
pub trait StreamAttacher: Send + Sync + 'static {
    /// Decides where a stream goes, which waits until then (tor closes it after
    /// `SocksTimeout`, two minutes unless configured otherwise). It is asked
    /// again where the stream has lost its circuit before it was open: see
    /// [`StreamRequest::tried`].
    fn decide(&self, stream: &StreamRequest) -> Decision;

    /// What was decided could not be done, and the stream was closed; or it was
    /// gone meanwhile
    /// ([`StreamError::is_stream_gone`](crate::controller::StreamError::is_stream_gone)).
    /// By default nothing: it is logged anyway.
    fn failed(&self, stream: &StreamInfo, error: &Error) {
        let _ = (stream, error);
    }

    /// Returns true if it is asked about such streams at all. What nobody is
    /// asked about is left to tor, at once. By default [`StreamKind::Client`]
    /// only. If this panics, the stream is closed.
    fn takes(&self, kind: StreamKind) -> bool {
        kind == StreamKind::Client
    }

    /// The most streams that are decided on at once, which is the most threads
    /// that are started for it. Default: 64. 0 counts as 1, and a panic as the
    /// default.
    ///
    /// More streams than that wait for their turn, in the order in which they
    /// came. If several attachers are installed on a connection, the highest
    /// number counts for all of them.
    ///
    /// An attacher that waits for streams of its own tor (it connects through
    /// that tor, say) needs a thread for each of them. Use
    /// [`StreamRequest::answer_later`] rather than a high number.
    fn max_concurrent(&self) -> usize {
        MAX_CONCURRENT
    }
}

impl<F> StreamAttacher for F
where
    F: Fn(&StreamRequest) -> Decision + Send + Sync + 'static,
{
    fn decide(&self, stream: &StreamRequest) -> Decision {
        self(stream)
    }
}

/// Where a stream goes.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Decision {
    /// Over this circuit: see [`on`](Decision::on). Where that cannot be, the
    /// stream is closed; it never goes over another.
    Circuit(Place),
    /// Over a circuit that tor chooses.
    Tor,
    /// Nowhere: it is closed, and its client is told this reason.
    Refuse(EndReason),
    /// Somebody else decides: the next attacher, and after the last one tor.
    NotMine,
    /// It is decided later, with what [`StreamRequest::answer_later`] has
    /// given. (Where that was not called, nobody could: the stream is closed.)
    Later,
}

impl Decision {
    /// Over this circuit: a [`Circuit`](crate::state::Circuit), a
    /// [`CircuitId`](crate::word::CircuitId), or a [`Place`] on one.
    pub fn on(circuit: impl Into<Place>) -> Decision {
        Decision::Circuit(circuit.into())
    }
}
