//! Client requests that are bound to a circuit.
//!
//! Each request has its own SOCKS user name with 128 random bits, which
//! identifies its stream. The request is registered before anything is sent to
//! the SOCKS port. This works over TCP and Unix ports, and distinguishes
//! streams that come from the same address.

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::AttachPoint;
use super::leave_unattached::{Afterwards, LeaveUnattachedGuard};
use super::registry::Registry;
use crate::client::socks::{
    BoundRequest, Isolation, Request, RequestBinder, SocksError, SocksProblem,
};
use crate::control::{Controller, StreamError, StreamProblem, UNDO_WITHIN};
use crate::error::{Error, Phase, Result, Timeout};
use crate::io::connection::{CloseCause, Closed};
use crate::io::transport::{Deadline, Transport};
use scape_proto::event::{EndReason, StreamInfo, StreamReason, StreamStatus};
use scape_proto::word::{CircuitId, StreamId, is_onion_name};

/// The prefix of the user names, by which other programs with this library
/// recognize these streams and leave them to their owner.
const PREFIX: &str = "scape-via-";
/// The time to wait for tor's reason after the client has learned that the
/// stream ended.
const FOR_THE_REASON: Duration = Duration::from_secs(2);

/// Returns true if the stream belongs to a program with this library that
/// attaches the stream itself.
pub(super) fn is_marked(info: &StreamInfo) -> bool {
    info.socks_username.as_deref().is_some_and(|user| user.starts_with(PREFIX))
}

/// The active requests, by user name.
#[derive(Default)]
pub(super) struct BoundStreams(Mutex<Register>);

#[derive(Default)]
struct Register {
    requests: HashMap<Box<str>, Arc<BoundStream>>,
    /// The number of ends of the control connection.
    ends: u64,
}

impl BoundStreams {
    /// Returns the request that a stream belongs to.
    pub(super) fn of(&self, info: &StreamInfo) -> Option<Arc<BoundStream>> {
        let user = info.socks_username.as_deref()?;
        self.0.lock().requests.get(user).cloned()
    }

    /// Counts an end of the control connection. Returns the number of ends so
    /// far.
    pub(super) fn count_end(&self) -> u64 {
        let mut register = self.0.lock();
        register.ends += 1;
        register.ends
    }

    /// Returns the requests that were made before end number `ends`.
    pub(super) fn before(&self, ends: u64) -> Vec<Arc<BoundStream>> {
        let register = self.0.lock();
        register.requests.values().filter(|via| via.ends < ends).cloned().collect()
    }

    /// Returns the number of times that the control connection has ended.
    fn ends(&self) -> u64 {
        self.0.lock().ends
    }

    /// Registers a request whose circuit was checked after end number `ends`.
    /// Returns `None` if the connection has ended since then, because the
    /// circuit's id may refer to another circuit now.
    fn add(
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

    fn remove(&self, user: &str) {
        self.0.lock().requests.remove(user);
    }
}

/// An active request.
pub(super) struct BoundStream {
    pub(super) place: AttachPoint,
    pub(super) is_look_up: bool,
    /// The number of earlier ends of the control connection.
    ends: u64,
    progress: Mutex<Progress>,
    changed: Condvar,
}

#[derive(Default)]
struct Progress {
    stream: Option<(StreamId, Box<str>)>,
    /// The circuit that the stream was sent over.
    sent: Option<CircuitId>,
    open: bool,
    end: Option<(Option<StreamReason>, Option<StreamReason>)>,
    failed: Option<Error>,
    /// The connection to the SOCKS port.
    socket: Option<Transport>,
}

impl Progress {
    /// Notes the end of the stream. The first reason counts, because later
    /// events only report the close that follows from it.
    fn ends(&mut self, info: &StreamInfo) {
        self.end.get_or_insert((info.reason.clone(), info.remote_reason.clone()));
    }

    fn is_over(&self) -> bool {
        self.end.is_some() || self.failed.is_some()
    }
}

impl BoundStream {
    /// Marks the request as ended, with the reason why it lost its circuit.
    pub(super) fn has_ended(&self, info: &StreamInfo) {
        self.progress.lock().ends(info);
        self.changed.notify_all();
    }

    /// Notes tor's information about the stream. Returns an error if the stream
    /// is on another circuit, so that it must be closed.
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
            // The socket may have been closed already.
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

    fn error(&self, progress: &Progress, problem: StreamProblem) -> Error {
        self.described(progress, self.place.error(problem)).into()
    }

    /// Waits until `ready` returns a value, or until `deadline`.
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

    fn confirm(&self, deadline: Instant) -> Result<()> {
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

    /// Finds the reason for a failure on the SOCKS port. Waits for tor until at
    /// most [`UNDO_WITHIN`] after the request's deadline.
    fn cause(&self, error: SocksError, controller: &Controller, request_ends: Instant) -> Error {
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

/// A route over one circuit.
pub(crate) struct CircuitBinder {
    hold: LeaveUnattachedGuard,
    place: AttachPoint,
}

impl CircuitBinder {
    /// Creates the route. While it lives, new streams wait for this program.
    pub(crate) fn new(controller: &Controller, place: AttachPoint) -> Result<Arc<CircuitBinder>> {
        place.check(controller)?;
        let hold = Registry::of(controller)?.hold(controller, Afterwards::Linger)?;
        Ok(Arc::new(CircuitBinder { hold, place }))
    }
}

impl RequestBinder for CircuitBinder {
    fn bind(&self, request: &Request, deadline: Instant) -> Result<Box<dyn BoundRequest>> {
        bind(&self.hold, &self.place, request, deadline)
    }
}

impl fmt::Debug for CircuitBinder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("CircuitBinder").field(&self.place).finish()
    }
}

/// Prepares a request over this circuit. If tor must be asked about the
/// circuit, its reply is awaited until `deadline`.
pub(super) fn bind(
    hold: &LeaveUnattachedGuard,
    place: &AttachPoint,
    request: &Request,
    deadline: Instant,
) -> Result<Box<dyn BoundRequest>> {
    let registry = hold.registry();
    let target = request.to_string();
    let target = target.split_once(' ').map_or("", |(_, target)| target);
    if request.host_name().is_some_and(is_onion_name) {
        let error = place.error(StreamProblem::Onion);
        return Err(StreamError { target: target.into(), ..error }.into());
    }
    let left = deadline.saturating_duration_since(Instant::now());
    let tor = hold.controller().until(Deadline::at(deadline, left));
    // The number is read before the check, so that an end of the connection in
    // between is noticed.
    let ends = registry.bound.ends();
    place.check_now(&tor, request.is_look_up()).map_err(|error| {
        match error.exact::<StreamError>() {
            Some(error) => StreamError { target: target.into(), ..error.clone() }.into(),
            None => error,
        }
    })?;
    let user: Box<str> = format!("{PREFIX}{}", hex::encode(rand::random::<[u8; 16]>())).into();
    let isolation = Isolation::new(user.as_bytes(), "0")?;
    let via = registry.bound.add(user.clone(), place.clone(), request.is_look_up(), ends);
    let closed = || {
        let remote = || Closed::new(CloseCause::Remote { last_words: None });
        Error::from(tor.closed().unwrap_or_else(remote))
    };
    let via = via.ok_or_else(closed)?;
    let (registry, controller) = (registry.clone(), hold.controller().clone());
    Ok(Box::new(Ticket { registry, controller, user, isolation, via, deadline }))
}

/// The registration of a request. Dropping it removes the request.
struct Ticket {
    registry: Arc<Registry>,
    controller: Controller,
    user: Box<str>,
    isolation: Isolation,
    via: Arc<BoundStream>,
    /// The deadline of the request.
    deadline: Instant,
}

impl BoundRequest for Ticket {
    fn isolation(&self) -> &Isolation {
        &self.isolation
    }

    fn connected(&self, transport: &Transport) -> io::Result<()> {
        let socket = transport.try_clone()?;
        let mut progress = self.via.progress.lock();
        if progress.failed.is_some() {
            socket.shutdown()?;
        }
        progress.socket = Some(socket);
        Ok(())
    }

    fn confirm(&self, deadline: Instant) -> Result<()> {
        let confirmed = self.via.confirm(deadline);
        if confirmed.is_ok() {
            // From now on, the connection belongs to the user.
            self.via.progress.lock().socket = None;
        }
        confirmed
    }

    fn cause(&self, error: SocksError) -> Error {
        self.via.cause(error, &self.controller, self.deadline)
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.registry.bound.remove(&self.user);
        let abandoned = {
            let mut progress = self.via.progress.lock();
            let confirmed = progress.socket.take().is_none();
            let stream = progress.stream.as_ref().map(|(stream, _)| *stream);
            stream.filter(|_| !confirmed && !progress.is_over())
        };
        if let Some(stream) = abandoned {
            self.registry.close_unheard(stream, EndReason::DONE);
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
