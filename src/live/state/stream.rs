//! [`Stream`]: a handle to a stream in a live state.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::stream_cell::StreamCell;
use super::{Circuit, State};
use crate::error::{Phase, Result};
use crate::io::transport::Deadline;
use scape_proto::control::Refusal;
use scape_proto::event::{EndReason, StreamInfo, StreamPurpose, StreamStatus, StreamTarget};
use scape_proto::word::StreamId;

/// A handle to a stream of tor. After the stream has ended, the handle keeps
/// the last known information. Returned by methods of [`State`].
///
/// Fields that tor sends only once, such as the client's address, are kept.
/// They are missing for streams that existed before the [`State`]. See the
/// event STREAM in control-spec.
///
/// Two handles are equal if they refer to the same stream.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .info("ns/all", "").info("address-mappings/all", "").info("entry-guards", "")
/// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL")
/// #     .info("stream-status", "12 SUCCEEDED 7 example.com:80")
/// #     .on_prefix("SETEVENTS", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// # let state = scape::State::new(&controller)?;
/// let stream = state.streams().remove(0);
/// assert_eq!(stream.target().to_string(), "example.com:80");
/// assert_eq!(stream.circuit().map(|circuit| circuit.id().get()), Some(7));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct Stream {
    cell: Arc<StreamCell>,
    state: State,
}

impl Stream {
    pub(super) fn new(cell: Arc<StreamCell>, state: State) -> Self {
        Stream { cell, state }
    }

    pub(super) fn cell(&self) -> &Arc<StreamCell> {
        &self.cell
    }

    /// Returns the stream's id.
    pub fn id(&self) -> StreamId {
        self.cell.id()
    }

    /// Returns everything that is known about the stream. Flow control doesn't
    /// change the status: a paused stream (`XOFF_SENT`) is still `SUCCEEDED`.
    pub fn info(&self) -> Arc<StreamInfo> {
        self.cell.info()
    }

    /// Returns the stream's status.
    pub fn status(&self) -> StreamStatus {
        self.info().status.clone()
    }

    /// Returns true if the stream has failed or was closed.
    pub fn is_ended(&self) -> bool {
        self.cell.is_ended()
    }

    /// Returns the stream's target, which may change as names are mapped and
    /// resolved.
    pub fn target(&self) -> StreamTarget {
        self.info().target.clone()
    }

    /// Returns the stream's first known target. This is the target that the
    /// client requested, unless the stream existed before the [`State`].
    pub fn first_target(&self) -> &StreamTarget {
        self.cell.first_target()
    }

    /// Returns the stream's purpose, or `None` if tor hasn't reported it.
    pub fn purpose(&self) -> Option<StreamPurpose> {
        self.info().purpose.clone()
    }

    /// Returns the client's address. Returns `None` if the client has no
    /// address, or if tor hasn't reported the address: see
    /// [`StreamInfo::source_socket_addr`].
    pub fn source_addr(&self) -> Option<SocketAddr> {
        self.info().source_socket_addr()
    }

    /// Returns the circuit that carries the stream, or `None` if the stream
    /// isn't attached to a circuit. For an ended stream, returns its last
    /// circuit, or `None` if that circuit has ended, too.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("ns/all", "")
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL").info("stream-status", "4 SUCCEEDED 7 www.example.com:80")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// for stream in state.streams() {
    ///     let circuit = stream.circuit().map(|circuit| circuit.id().get());
    ///     assert_eq!(circuit, Some(7));
    /// }
    /// # assert_eq!(state.streams().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn circuit(&self) -> Option<Circuit> {
        let open = self.state.circuit(self.info().circuit?);
        if !self.is_ended() {
            return open;
        }
        // If the stream has ended, another circuit may have the id by now.
        Some(Circuit::new(self.cell.last_circuit()?, self.state.clone()))
    }

    /// Returns the state that the stream belongs to.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Waits until the stream has failed or was closed, and returns its last
    /// known information. Callbacks may call this method.
    ///
    /// ```no_run
    /// use std::time::Duration;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// for stream in state.streams() {
    ///     let info = stream.wait_closed(Duration::from_secs(600))?;
    ///     println!("{} has ended: {:?}", info.id, info.reason);
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the stream isn't
    /// closed in time. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends
    /// and doesn't reconnect.
    pub fn wait_closed(&self, timeout: Duration) -> Result<Arc<StreamInfo>> {
        self.wait_closed_until(Deadline::after(timeout))
    }

    fn wait_closed_until(&self, deadline: Deadline) -> Result<Arc<StreamInfo>> {
        let ended = || Some(self.info()).filter(|info| info.status.is_end()).map(Ok);
        self.state.shared().wait(deadline, Phase::Stream, ended)
    }

    /// Closes the stream, and waits until tor reports that it is closed.
    /// Returns false if the stream had already ended. The call takes at most
    /// the controller's timeout.
    ///
    /// ```no_run
    /// use scape::event::EndReason;
    ///
    /// let state = scape::Tor::connect()?.state()?;
    /// for stream in state.streams() {
    ///     if stream.target().port() == Some(25) {
    ///         stream.close(EndReason::EXIT_POLICY)?;
    ///     }
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as
    /// [`Controller::close_stream`](crate::Controller::close_stream) and
    /// [`wait_closed`](Self::wait_closed), most often of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout). It is no error if tor
    /// no longer knows the stream.
    pub fn close(&self, reason: EndReason) -> Result<bool> {
        let Some(controller) = self.state.call_about(|| self.is_ended())? else { return Ok(false) };
        let was_there = match controller.close_stream(self.id(), reason) {
            Ok(()) => true,
            Err(error) if error.exact().is_some_and(Refusal::is_unknown_stream) => false,
            Err(error) => return Err(error),
        };
        self.wait_closed_until(controller.deadline()).map(|_| was_there)
    }
}

impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.cell, &other.cell)
    }
}

impl Eq for Stream {}

impl Hash for Stream {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.cell).hash(state);
    }
}

impl fmt::Display for Stream {
    /// Formats the stream like [`StreamInfo`]: in one line, without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info().fmt(f)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.info()).finish()
    }
}
