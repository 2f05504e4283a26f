//! Client requests that are bound to a circuit.
//!
//! Each request has its own SOCKS user name with 128 random bits, which
//! identifies the request's stream. The request is registered before anything
//! is sent to the SOCKS port. A user name works over TCP and Unix ports, and
//! distinguishes streams that come from the same address.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::AttachPoint;
use crate::client::socks::{SocksError, SocksProblem};
use crate::control::{Controller, StreamError, StreamProblem, UNDO_WITHIN};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::transport::{Deadline, Transport};
use scape_proto::event::{StreamInfo, StreamReason, StreamStatus};
use scape_proto::word::{CircuitId, StreamId};

/// The prefix of the SOCKS user names that circuit-bound clients send. Such a
/// client sends each request over a chosen circuit. Other programs that use
/// this library recognize the client's streams by the prefix, and don't attach
/// them.
pub(super) const PREFIX: &str = "scape-via-";
/// The maximum time to wait for the event in which tor gives the reason for a
/// stream's end. The SOCKS client learns of the end before that event arrives.
const FOR_THE_REASON: Duration = Duration::from_secs(2);

/// Returns true if the stream belongs to a circuit-bound client, in this
/// program or in another program that uses this library. The program that has
/// the client attaches the stream.
pub(super) fn is_marked(info: &StreamInfo) -> bool {
    info.socks_username.as_deref().is_some_and(|user| user.starts_with(PREFIX))
}

/// The active requests of circuit-bound clients, by SOCKS user name.
#[derive(Default)]
pub(super) struct BoundStreams(Mutex<Register>);

#[derive(Default)]
struct Register {
    requests: HashMap<Box<str>, Arc<BoundStream>>,
    /// The number of times that the control connection has ended.
    ends: u64,
}

impl BoundStreams {
    /// Returns the request that a stream belongs to. Returns `None` if the
    /// stream belongs to no active request of this program.
    pub(super) fn of(&self, info: &StreamInfo) -> Option<Arc<BoundStream>> {
        let user = info.socks_username.as_deref()?;
        self.0.lock().requests.get(user).cloned()
    }

    /// Counts an end of the control connection. Returns the number of ends so
    /// far, including this one.
    pub(super) fn count_end(&self) -> u64 {
        let mut register = self.0.lock();
        register.ends += 1;
        register.ends
    }

    /// Returns the requests that were registered before the connection ended
    /// for the `ends`-th time.
    pub(super) fn before(&self, ends: u64) -> Vec<Arc<BoundStream>> {
        let register = self.0.lock();
        register.requests.values().filter(|via| via.ends < ends).cloned().collect()
    }

    /// Returns the number of times that the control connection has ended.
    pub(super) fn ends(&self) -> u64 {
        self.0.lock().ends
    }

    /// Registers a request. The request's circuit was checked earlier, and at
    /// that time the connection had ended `ends` times. Returns `None` if the
    /// connection has ended again since then, because the circuit's id may
    /// refer to another circuit now.
    pub(super) fn add(
        &self,
        user: Box<str>,
        place: AttachPoint,
        is_look_up: bool,
        ends: u64,
    ) -> Option<Arc<BoundStream>> {
        let mut register = self.0.lock();
        if register.ends != ends {
            return None;
        }
        let (progress, changed) = (Mutex::default(), Condvar::new());
        let via = Arc::new(BoundStream { place, is_look_up, ends, progress, changed });
        register.requests.insert(user, via.clone());
        Some(via)
    }

    pub(super) fn remove(&self, user: &str) {
        self.0.lock().requests.remove(user);
    }
}

/// An active request of a circuit-bound client, and its stream.
pub(super) struct BoundStream {
    pub(super) place: AttachPoint,
    pub(super) is_look_up: bool,
    /// The number of times that the control connection had ended when the
    /// request was registered.
    ends: u64,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    stream: Option<(StreamId, Box<str>)>,
    /// The circuit over which tor has sent the stream's request. `None` before
    /// tor has sent the request.
    sent: Option<CircuitId>,
    open: bool,
    end: Option<(Option<StreamReason>, Option<StreamReason>)>,
    failed: Option<Error>,
    /// The connection to the SOCKS port. `None` before it is made, and after it
    /// was [left to the user](BoundStream::leave_to_user).
    socket: Option<Transport>,
}

impl Progress {
    /// Records the end of the stream. Only the first reason is kept, because
    /// later events only report that tor closes the stream as a consequence.
    fn ends(&mut self, info: &StreamInfo) {
        self.end.get_or_insert((info.reason.clone(), info.remote_reason.clone()));
    }

    fn is_over(&self) -> bool {
        self.end.is_some() || self.failed.is_some()
    }
}

impl BoundStream {
    /// Marks the request as ended. `info` has the reason why the stream lost
    /// its circuit.
    pub(super) fn has_ended(&self, info: &StreamInfo) {
        self.progress.lock().ends(info);
        self.changed.notify_all();
    }

    /// Records tor's information about the stream. Returns an error if the
    /// stream isn't on the chosen circuit. The caller must then close the
    /// stream.
    pub(super) fn take(&self, info: &StreamInfo) -> Result<(), StreamProblem> {
        let mut progress = self.progress.lock();
        progress.stream.get_or_insert_with(|| (info.id, info.target.as_str().into()));
        match info.status {
            StreamStatus::SentConnect | StreamStatus::SentResolve => progress.sent = info.circuit,
            StreamStatus::Succeeded => progress.open = true,
            StreamStatus::Failed | StreamStatus::Closed => progress.ends(info),
            _ => return Ok(()),
        }
        if info.status.is_end() || self.place.is(info.circuit) {
            self.changed.notify_all();
            return Ok(());
        }
        // The request is marked as failed later. Until then, a waiting thread
        // must not take the stream for open.
        (progress.open, progress.sent) = (false, None);
        Err(StreamProblem::Elsewhere(info.circuit))
    }

    /// Marks this request as failed and wakes the thread that waits on the
    /// SOCKS port.
    pub(super) fn fail(&self, error: Error) {
        let mut progress = self.progress.lock();
        if progress.failed.is_none() {
            progress.failed = Some(match error.exact::<StreamError>() {
                Some(error) => self.described(&progress, error.clone()).into(),
                None => error,
            });
        }
        if let Some(socket) = &progress.socket {
            // An error only means that the socket is closed already.
            let _ = socket.shutdown();
        }
        self.changed.notify_all();
    }

    fn described(&self, progress: &Progress, error: StreamError) -> StreamError {
        let error = StreamError { circuit: Some(self.place.circuit()), ..error };
        match &progress.stream {
            Some((id, target)) => error.of(*id, target.clone()),
            None => error,
        }
    }

    /// Records the connection to the SOCKS port, so that a failure can end it.
    pub(super) fn connected(&self, transport: &Transport) -> io::Result<()> {
        let socket = transport.try_clone()?;
        let mut progress = self.progress.lock();
        if progress.failed.is_some() {
            socket.shutdown()?;
        }
        progress.socket = Some(socket);
        Ok(())
    }

    /// Forgets the connection to the SOCKS port, because the connection belongs
    /// to the user from now on. A later failure no longer shuts the connection
    /// down.
    pub(super) fn leave_to_user(&self) {
        self.progress.lock().socket = None;
    }

    /// Ends the request. Returns the stream that the caller must close. Returns
    /// `None` if the connection was [left to the user](Self::leave_to_user), or
    /// if there is no stream that is still active.
    pub(super) fn abandon(&self) -> Option<StreamId> {
        let mut progress = self.progress.lock();
        let confirmed = progress.socket.take().is_none();
        let stream = progress.stream.as_ref().map(|(stream, _)| *stream);
        stream.filter(|_| !confirmed && !progress.is_over())
    }

    fn error(&self, progress: &Progress, problem: StreamProblem) -> Error {
        self.described(progress, self.place.error(problem)).into()
    }

    /// Waits until `ready` returns a value, and returns this value. Returns
    /// `None` at `deadline`.
    fn wait<T>(
        &self,
        deadline: Instant,
        mut ready: impl FnMut(&Progress) -> Option<T>,
    ) -> Option<T> {
        let mut progress = self.progress.lock();
        loop {
            if let Some(found) = ready(&progress) {
                return Some(found);
            }
            if self.changed.wait_until(&mut progress, deadline).timed_out() {
                return ready(&progress);
            }
        }
    }

    /// Waits until tor has reported that the stream is open on the chosen
    /// circuit, or that the look-up was sent over that circuit. Returns an
    /// error if the request fails, or at `deadline`.
    pub(super) fn confirm(&self, deadline: Instant) -> Result<()> {
        let asked_at = Instant::now();
        let confirmed = self.wait(deadline, |progress| {
            if let Some(error) = &progress.failed {
                return Some(Err(error.clone()));
            }
            // A look-up that tor answers itself is never sent over a circuit.
            let is_there = match self.is_look_up {
                true => progress.sent.is_some() || progress.end.is_some(),
                false => progress.open,
            };
            if is_there {
                return Some(Ok(()));
            }
            let (reason, remote_reason) = progress.end.clone()?;
            Some(Err(self.error(progress, StreamProblem::Ended { reason, remote_reason })))
        });
        let late =
            || Err(Timeout::new(Phase::Socks, deadline.saturating_duration_since(asked_at)).into());
        confirmed.unwrap_or_else(late)
    }

    /// Finds the reason for a failure on the SOCKS port, and returns the error
    /// for the user. Waits up to two seconds for tor's report of the reason.
    /// `request_ends` is the deadline of the request. The wait ends at most
    /// [`UNDO_WITHIN`] after that deadline.
    pub(super) fn cause(
        &self,
        error: SocksError,
        controller: &Controller,
        request_ends: Instant,
    ) -> Error {
        if !matches!(
            error.problem(),
            SocksProblem::Status(_) | SocksProblem::Io(_) | SocksProblem::Protocol(_)
        ) {
            let failed = self.progress.lock().failed.clone();
            return failed.unwrap_or_else(|| error.into());
        }
        // tor reports the failure to the client first, and to controllers a
        // moment later.
        let left = request_ends.saturating_duration_since(Instant::now());
        let deadline = Deadline::after(FOR_THE_REASON.min(left.saturating_add(UNDO_WITHIN)));
        self.wait(deadline.instant(), |progress| {
            (progress.is_over() || progress.stream.is_none()).then_some(())
        });
        let progress = self.progress.lock();
        if let Some(failed) = &progress.failed {
            return failed.clone();
        }
        let Some((reason, remote_reason)) = progress.end.clone() else { return error.into() };
        if reason == Some(StreamReason::End) {
            // The exit gave the reason, and the SOCKS status already contains
            // it.
            return error.into();
        }
        drop(progress);
        let checked = self.place.check_now(&controller.until(deadline), self.is_look_up);
        if let Err(gone) = &checked
            && let Some(gone) = gone.exact::<StreamError>()
        {
            return self.described(&self.progress.lock(), gone.clone()).into();
        }
        match reason {
            Some(
                StreamReason::Destroy
                | StreamReason::CantAttach
                | StreamReason::Misc
                | StreamReason::Internal,
            ) => self.error(&self.progress.lock(), StreamProblem::Ended { reason, remote_reason }),
            _ => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn end_of_a_connection_spares_requests_on_the_next_one() {
        let bound = BoundStreams::default();
        let circuit = || CircuitId::new(7).into();
        let add = |user: &str| bound.add(user.into(), circuit(), false, bound.ends()).unwrap();
        let first = add("a");
        let checked_after = bound.ends();
        let ends = bound.count_end();
        // A circuit id that was checked before the end may refer to another
        // circuit now.
        assert!(bound.add("late".into(), circuit(), false, checked_after).is_none());
        // The connection reconnects before its end has been handled.
        let second = add("b");
        let told = bound.before(ends);
        assert!(told.len() == 1 && Arc::ptr_eq(&told[0], &first));
        assert!(bound.before(bound.count_end()).iter().any(|via| Arc::ptr_eq(via, &second)));
    }
}
