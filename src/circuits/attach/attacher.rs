//! The trait `StreamAttacher`, which decides on new streams.

use super::decision::Decision;
use super::kind::StreamKind;
use super::request::StreamRequest;
use crate::error::Error;
use scape_proto::event::StreamInfo;

/// The default of [`StreamAttacher::max_concurrent`]: the maximum number of
/// streams that are decided on at once.
pub(super) const MAX_CONCURRENT: usize = 64;

/// An object that decides which circuit each stream uses. See the
/// [module](super).
///
/// Closures are attachers:
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
/// let web = CircuitId::new(7);
/// let by_port = move |stream: &StreamRequest| match stream.target().port() {
///     Some(80 | 443) => Decision::on(web),
///     _ => Decision::Pass,
/// };
/// let guard = controller.attach_streams(by_port)?;
/// # tor.send("650 STREAM 12 NEW 0 example.com:443 PURPOSE=USER\r\n");
/// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:443\r\n");
/// # assert_eq!(tor.wait_for("ATTACHSTREAM")?, "ATTACHSTREAM 12 7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A type can also replace the defaults of the other methods:
///
/// ```
/// use scape::Error;
/// use scape::attach::{Decision, StreamAttacher, StreamKind, StreamRequest};
/// use scape::event::StreamInfo;
///
/// struct Printer;
///
/// impl StreamAttacher for Printer {
///     fn decide(&self, stream: &StreamRequest) -> Decision {
///         println!("stream to {}", stream.target());
///         Decision::Pass
///     }
///     fn failed(&self, stream: &StreamInfo, error: &Error) {
///         eprintln!("stream to {}: {error}", stream.target);
///     }
///     fn takes(&self, _: StreamKind) -> bool {
///         true // also streams to onion services, and tor's own streams
///     }
///     fn max_concurrent(&self) -> usize {
///         4
///     }
/// }
/// assert!(Printer.takes(StreamKind::Onion));
/// ```
///
/// # Threads
///
/// This library calls [`decide`](Self::decide) on threads of its own, for up to
/// [`max_concurrent`](Self::max_concurrent) streams at once. The method may
/// build a circuit first, or wait for anything else. Other streams have to wait
/// only while all of these threads are busy. A panic in `decide` is caught, and
/// the stream is closed.
#[doc(alias = "IStreamAttacher")]
pub trait StreamAttacher: Send + Sync + 'static {
    /// Decides which circuit a stream uses. The stream waits for the decision;
    /// tor closes it after `SocksTimeout` (two minutes by default). If the
    /// stream loses its circuit before the stream is open, the attacher is
    /// asked again: see [`StreamRequest::tried`].
    #[doc(alias = "attach_stream")]
    fn decide(&self, stream: &StreamRequest) -> Decision;

    /// Called after a decision couldn't be carried out. By then, this library
    /// has closed the stream, or the stream was already gone
    /// ([`StreamError::is_stream_gone`](crate::control::StreamError::is_stream_gone)).
    /// Does nothing by default, because failures are logged anyway. The methods
    /// of a [`StreamAnswer`](super::StreamAnswer) return their errors and don't
    /// call this method.
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
    /// as 1. If this method panics, the default applies.
    ///
    /// Further streams wait until a thread is free, in the order in which they
    /// arrived. If several attachers are installed on a connection, the highest
    /// number applies to all of them.
    ///
    /// Before they decide, some attachers make a connection through the same
    /// tor and wait for it. The connection is a second stream, which also needs
    /// a decision, and so another thread. Such attachers should use
    /// [`StreamRequest::answer_later`] instead of a high maximum.
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
