//! The `StreamAttacher` trait.

use super::decision::Decision;
use super::kind::StreamKind;
use super::request::StreamRequest;
use crate::error::Error;
use scape_proto::event::StreamInfo;

/// The default of [`StreamAttacher::max_concurrent`].
pub(super) const MAX_CONCURRENT: usize = 64;

/// Decides which circuit each stream uses. See the [module](super).
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
///     _ => Decision::Pass,
/// };
/// fn is_one(_: impl StreamAttacher) {}
/// is_one(by_port);
/// ```
///
/// # Threads
///
/// An attacher is asked about several streams at once, on its own threads, up
/// to [`max_concurrent`](Self::max_concurrent). It may build a circuit first or
/// wait for anything else. Other streams have to wait only while all of these
/// threads are busy. A panic is caught, and the stream is closed.
#[doc(alias = "IStreamAttacher")]
pub trait StreamAttacher: Send + Sync + 'static {
    /// Decides which circuit a stream uses. The stream waits for the decision;
    /// tor closes it after `SocksTimeout` (two minutes by default). If the
    /// stream loses its circuit before it is open, the attacher is asked again:
    /// see [`StreamRequest::tried`].
    #[doc(alias = "attach_stream")]
    fn decide(&self, stream: &StreamRequest) -> Decision;

    /// Called if a decision couldn't be carried out and the stream was closed,
    /// or if the stream was already gone
    /// ([`StreamError::is_stream_gone`](crate::control::StreamError::is_stream_gone)).
    /// Does nothing by default, because the error is logged anyway.
    #[doc(alias = "attach_stream_failure")]
    fn failed(&self, stream: &StreamInfo, error: &Error) {
        let _ = (stream, error);
    }

    /// Returns true if the attacher wants to be asked about streams of this
    /// kind. Streams that no attacher wants are left to tor at once. By default
    /// only [`StreamKind::Client`] is wanted. If this method panics, the stream
    /// is closed.
    fn takes(&self, kind: StreamKind) -> bool {
        kind == StreamKind::Client
    }

    /// Returns the maximum number of streams that are decided on at once, which
    /// is also the maximum number of threads. Default: 64. The value 0 counts
    /// as 1, and a panic as the default.
    ///
    /// More streams wait for their turn, in the order in which they arrived. If
    /// several attachers are installed on a connection, the highest number
    /// applies to all of them.
    ///
    /// An attacher that waits for streams of the same tor (because it connects
    /// through that tor, for example) needs a thread for each of them. Use
    /// [`StreamRequest::answer_later`] instead of a high number.
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
