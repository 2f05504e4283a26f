//! A handle on a stream.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::stream_table::StreamCell;
use super::{Circuit, State};
use crate::error::{Phase, Result};
use crate::event::{EndReason, StreamInfo, StreamPurpose, StreamStatus, StreamTarget};
use crate::protocol::Refusal;
use crate::transport::Deadline;
use crate::word::StreamId;

/// A stream of tor's: what is known of it now, and what was known last when it
/// has ended. Made by [`State`].
///
/// What tor tells only once, as the client's address, is kept. Of streams that
/// were there before the [`State`] was, tor does not tell these things.
/// control-spec, event STREAM.
///
/// Two handles are equal if they are of the same stream.
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

    /// Its number.
    pub fn id(&self) -> StreamId {
        self.cell.id()
    }

    /// All that is known of it. The status is never one of those that only tell
    /// of something in between: a stream that is asked to pause is still
    /// `SUCCEEDED`.
    pub fn info(&self) -> Arc<StreamInfo> {
        self.cell.info()
    }

    /// How far it has come.
    pub fn status(&self) -> StreamStatus {
        self.info().status.clone()
    }

    /// Whether it has failed or was closed.
    pub fn is_ended(&self) -> bool {
        self.cell.is_ended()
    }

    /// Where it goes. It may change, as names are mapped and resolved.
    pub fn target(&self) -> StreamTarget {
        self.info().target.clone()
    }

    /// Where it was to go when it was first seen: what the client asked for.
    pub fn first_target(&self) -> &StreamTarget {
        self.cell.first_target()
    }

    /// What it is for.
    pub fn purpose(&self) -> Option<StreamPurpose> {
        self.info().purpose.clone()
    }

    /// The client's address, where it has one: see
    /// [`StreamInfo::source_socket_addr`].
    pub fn source_addr(&self) -> Option<SocketAddr> {
        self.info().source_socket_addr()
    }

    /// The circuit that it is on; or was on, once it has ended, as long as that
    /// has not.
    pub fn circuit(&self) -> Option<Circuit> {
        self.state.circuit(self.info().circuit?)
    }

    /// The state that it is a part of.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Waits until the stream has failed or was closed, and returns its last
    /// known state. May be called in callbacks.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the stream isn't
    /// closed in time, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends.
    pub fn wait_closed(&self, timeout: Duration) -> Result<Arc<StreamInfo>> {
        self.wait_closed_until(Deadline::after(timeout))
    }

    fn wait_closed_until(&self, deadline: Deadline) -> Result<Arc<StreamInfo>> {
        let ended = || Some(self.info()).filter(|info| info.status.is_end()).map(Ok);
        self.state.shared().wait(deadline, Phase::Stream, ended)
    }

    /// Ends the stream, and waits until tor says that it is closed, for at most
    /// the controller's timeout. Returns false if it was gone already.
    ///
    /// # Errors
    ///
    /// Same errors as
    /// [`Controller::close_stream`](crate::Controller::close_stream), except
    /// that an unknown stream is no error, and as
    /// [`wait_closed`](Self::wait_closed). Most often of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout).
    pub fn close(&self, reason: EndReason) -> Result<bool> {
        if self.is_ended() {
            return Ok(false);
        }
        let controller = self.state.controller().in_one_call();
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
    /// As [`StreamInfo`] is shown, in one line and without secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.info().fmt(f)
    }
}

impl fmt::Debug for Stream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Stream").field(&self.info()).finish()
    }
}
