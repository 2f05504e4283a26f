//! The type [`Deadline`]: the deadline that all parts of one call share, with
//! the token that cancels the call.

use std::io;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, bounded, select};

use crate::error::{Cancelled, Error, Phase, Result, Timeout};
use crate::io::cancel::{CancelId, CancelToken};

/// The moment at which a call must end, and the timeout from which this moment
/// was calculated. Errors name the timeout.
///
/// A call that consists of several parts, such as commands and waits, creates
/// one deadline first and passes it to each part. Passing a `Duration` to each
/// part instead would give every part the whole timeout.
///
/// A deadline may have a [`CancelToken`]. Once the token is cancelled, the
/// deadline counts as passed, and [`error`](Self::error) says why. Cancelling
/// wakes threads that wait with [`receive`](Self::receive),
/// [`sleep`](Self::sleep) or [`run`](Self::run). A thread that waits in another
/// way needs a hook of the [`token`](Self::token) that wakes it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Deadline {
    at: Instant,
    timeout: Duration,
    /// The number of the token that cancels the call, or `None` if the call
    /// can't be cancelled. It is a number because a deadline is `Copy`.
    cancel: Option<CancelId>,
}

impl Deadline {
    /// Creates the deadline of a call that begins now and may take `timeout`.
    pub(crate) fn after(timeout: Duration) -> Self {
        Deadline { at: deadline_after(timeout), timeout, cancel: None }
    }

    /// Creates a deadline at a given moment. Errors name `timeout`.
    pub(crate) fn at(at: Instant, timeout: Duration) -> Self {
        Deadline { at, timeout, cancel: None }
    }

    /// Returns the same deadline for a call that ends early when `token` is
    /// cancelled. If `token` is `None`, the token of this deadline stays.
    pub(crate) fn cancelled_by(self, token: Option<&CancelToken>) -> Self {
        Deadline { cancel: token.map(CancelToken::id).or(self.cancel), ..self }
    }

    /// Returns the token that cancels the call. Returns `None` if the call has
    /// no token, or if nobody has the token any more.
    pub(crate) fn token(self) -> Option<CancelToken> {
        self.cancel.and_then(CancelToken::find)
    }

    /// Returns true once the call was cancelled.
    pub(crate) fn is_cancelled(self) -> bool {
        self.token().is_some_and(|token| token.is_cancelled())
    }

    /// Returns an error that names `phase` if the call was cancelled.
    pub(crate) fn check_cancelled(self, phase: Phase) -> Result<()> {
        if self.is_cancelled() { Err(Cancelled::new(phase).into()) } else { Ok(()) }
    }

    /// Returns the moment of the deadline, or the present moment if the call
    /// was cancelled.
    pub(crate) fn instant(self) -> Instant {
        if self.is_cancelled() { self.at.min(Instant::now()) } else { self.at }
    }

    /// Returns the timeout of the whole call.
    pub(crate) fn timeout(self) -> Duration {
        self.timeout
    }

    /// Returns the time that is left. It is zero once the deadline has passed
    /// or the call was cancelled.
    pub(crate) fn left(self) -> Duration {
        self.instant().saturating_duration_since(Instant::now())
    }

    /// Returns true once the deadline has passed or the call was cancelled.
    pub(crate) fn has_passed(self) -> bool {
        self.left().is_zero()
    }

    /// Returns the deadline of a part of the call that may take at most
    /// `limit`. It is never later than this deadline.
    pub(crate) fn part(self, limit: Duration) -> Self {
        self.earlier(Deadline::after(limit))
    }

    /// Returns the earlier of two deadlines, with the token of `self`. If
    /// `self` has no token, the result has the token of `other`. So a token
    /// isn't lost if its deadline is the later one.
    pub(crate) fn earlier(self, other: Deadline) -> Self {
        let earlier = if other.at < self.at { other } else { self };
        Deadline { cancel: self.cancel.or(other.cancel), ..earlier }
    }

    /// Returns the error of a call that has ended because the deadline passed
    /// or because the token was cancelled.
    pub(crate) fn error(self, phase: Phase) -> Error {
        match self.check_cancelled(phase) {
            Ok(()) => Timeout::new(phase, self.timeout).into(),
            Err(cancelled) => cancelled,
        }
    }

    /// Receives from a channel until `moment`, or until the call is cancelled.
    /// Returns [`RecvTimeoutError::Timeout`] in both cases.
    pub(crate) fn receive<T>(
        self,
        channel: &Receiver<T>,
        moment: Instant,
    ) -> Result<T, RecvTimeoutError> {
        let Some(bell) = self.token().map(|token| token.bell()) else {
            return channel.recv_deadline(moment);
        };
        let left = moment.saturating_duration_since(Instant::now());
        select! {
            recv(channel) -> received => received.map_err(|_| RecvTimeoutError::Disconnected),
            recv(bell.receiver) -> _ => Err(RecvTimeoutError::Timeout),
            default(left) => Err(RecvTimeoutError::Timeout),
        }
    }

    /// Sleeps for `time`, but not past the deadline. Returns early if the call
    /// is cancelled.
    pub(crate) fn sleep(self, time: Duration) {
        let moment = deadline_after(time).min(self.instant());
        let _ = self.receive(&crossbeam_channel::never::<()>(), moment);
    }

    /// Runs `work`. If the call can be cancelled, `work` runs on its own
    /// thread, so that this returns as soon as the call is cancelled. After
    /// that, `work` goes on, and its result is dropped. So dropping the result
    /// must undo what `work` has done.
    pub(crate) fn run<T: Send + 'static>(
        self,
        phase: Phase,
        work: impl FnOnce() -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let Some(token) = self.token() else { return work() };
        self.check_cancelled(phase)?;
        let bell = token.bell();
        let (sender, receiver) = bounded(1);
        let thread = thread::Builder::new().name("scape-cancellable".into());
        let thread = thread
            .spawn(move || drop(sender.send(work())))
            .map_err(|error| Error::io("start a thread that can be cancelled", error))?;
        let done = select! {
            recv(receiver) -> done => done,
            recv(bell.receiver) -> _ => return Err(Cancelled::new(phase).into()),
        };
        match (done, thread.join()) {
            (Ok(result), _) => self.check_cancelled(phase).and(result),
            (Err(_), Err(panic)) => std::panic::resume_unwind(panic),
            (Err(_), Ok(())) => Err(self.error(phase)),
        }
    }

    /// Returns `error`, which comes from a part of the call. If it is a timeout
    /// and the deadline of the whole call has passed, returns the call's
    /// timeout in `phase` instead.
    pub(crate) fn or_late(self, error: Error, phase: Phase) -> Error {
        match error.is::<Timeout>() && self.has_passed() {
            true => self.error(phase),
            false => error,
        }
    }
}

/// Returns the moment that is `timeout` from now. If that is too far away to be
/// represented, returns a moment in about thirty years.
pub(crate) fn deadline_after(timeout: Duration) -> Instant {
    const LONG: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);
    let now = Instant::now();
    now.checked_add(timeout).unwrap_or_else(|| now + LONG)
}

/// Returns the time that is left, or an error if the deadline has passed.
pub(super) fn remaining(deadline: Instant) -> io::Result<Duration> {
    let left = deadline.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cancelled_token_ends_every_kind_of_wait() {
        let token = CancelToken::new();
        let call = Deadline::after(Duration::from_secs(60)).cancelled_by(Some(&token));
        let part =
            Deadline::after(Duration::from_secs(50)).earlier(call).part(Duration::from_secs(40));
        assert!(!part.has_passed());
        part.check_cancelled(Phase::Event).unwrap();
        let begun = Instant::now();
        thread::scope(|scope| {
            let waits = [
                scope.spawn(|| part.sleep(Duration::MAX)),
                scope.spawn(|| {
                    part.receive(&crossbeam_channel::never::<()>(), part.instant()).unwrap_err();
                }),
                scope.spawn(|| {
                    let slow = || {
                        thread::sleep(Duration::from_secs(30));
                        Ok(())
                    };
                    let error = call.run(Phase::Connect, slow).unwrap_err();
                    assert_eq!(error.exact().map(Cancelled::phase), Some(Phase::Connect));
                }),
            ];
            thread::sleep(Duration::from_millis(50));
            assert!(waits.iter().all(|wait| !wait.is_finished()));
            token.cancel();
            waits.into_iter().for_each(|wait| wait.join().unwrap());
        });
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        assert!(part.has_passed() && part.error(Phase::Event).is_cancelled());
        // A deadline for cleaning up after the call isn't cancelled.
        assert!(!Deadline::after(Duration::from_secs(60)).has_passed());
    }

    #[test]
    fn work_without_a_token_runs_on_the_same_thread() {
        let here = thread::current().id();
        let call = Deadline::after(Duration::from_secs(60));
        assert_eq!(call.run(Phase::Connect, || Ok(thread::current().id())).unwrap(), here);
        let token = CancelToken::new();
        let call = call.cancelled_by(Some(&token));
        assert_ne!(call.run(Phase::Connect, || Ok(thread::current().id())).unwrap(), here);
    }

    #[test]
    fn part_of_a_call_never_outlasts_the_deadline() {
        let call = Deadline::after(Duration::from_secs(10));
        assert_eq!(call.part(Duration::from_secs(60)), call);
        assert!(call.part(Duration::from_secs(1)).instant() < call.instant());
        assert!(Deadline::after(Duration::ZERO).has_passed());
        assert!(!Deadline::after(Duration::MAX).has_passed());
        let reply = || Error::from(Timeout::new(Phase::Reply, Duration::ZERO));
        let phase = |error: Error| error.exact().map(Timeout::phase) == Some(Phase::Circuit);
        assert!(phase(Deadline::after(Duration::ZERO).or_late(reply(), Phase::Circuit)));
        assert!(!phase(call.or_late(reply(), Phase::Circuit)));
    }
}
