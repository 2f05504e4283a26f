//! The waiters: callers that wait for replies.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use crate::error::{Error, Phase, Result};
use crate::io::cancel::CancelToken;
use crate::io::connection::Closed;
use crate::io::transport::Deadline;
use scape_proto::control::{ArgumentError, Command, KnownSecrets, Reply};

/// The time for which a caller that waits for a reply, or for the end of a
/// thread, yields its processor again and again before it sleeps. Most replies
/// come within this time, and being woken costs more than yielding. (A busy
/// wait would keep tor from running on a machine with one core.)
pub(super) const YIELD_FOR: Duration = Duration::from_micros(100);

/// The number of threads of this process that wait for replies. A thread yields
/// only while this number is 1. Several waiting threads would mostly yield to
/// each other, and the reader thread, which brings the replies, would come
/// last.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// The queue of waiters, one for every command that was written and not yet
/// answered. Once the link has ended, also the cause of the link's end.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    queue: VecDeque<Waiter>,
    closed: Option<Closed>,
    /// The passwords and cookies that this program has sent. The peer could
    /// send them back in any message, and they must not be shown then. `None`
    /// if none is long enough to be recognized.
    known: Option<Arc<KnownSecrets>>,
    /// True if the next AUTHENTICATE answers a challenge. That answer is of no
    /// use later, so it isn't added to `known`.
    challenged: bool,
}

/// A command's entry in the queue. The reader thread puts the command's reply
/// into the entry's slot.
#[derive(Debug)]
pub(super) struct Waiter {
    slot: Arc<Slot>,
    /// The secrets that the command contains. `None` if it contains none.
    secrets: Option<Arc<KnownSecrets>>,
}

/// The place where the reader thread puts one reply, and where a caller waits
/// for it.
///
/// A channel of one message would do the same. But the receiver of a channel
/// spins before it sleeps, and a channel needs several times the memory.
/// Measurements show that the spinning and the memory both take a good part of
/// a request's time.
#[derive(Debug, Default)]
pub(super) struct Slot {
    content: Mutex<Content>,
    filled: Condvar,
}

#[derive(Debug, Default)]
enum Content {
    #[default]
    Nothing,
    Reply(Result<Reply, Closed>),
    Taken,
}

impl Waiter {
    /// Puts the reply into the slot, and wakes the caller that waits for it. If
    /// the caller has given up waiting, nobody sees the reply.
    pub(super) fn complete(self, result: Result<Reply, Closed>) {
        *self.slot.content.lock() = Content::Reply(result);
        self.slot.filled.notify_all();
    }
}

impl Waiter {
    /// Returns the secrets that may be in the reply to this waiter's command.
    /// They are the command's secrets, and the secrets in `known`, which may be
    /// in any reply.
    pub(super) fn secrets(&self, known: Option<&Arc<KnownSecrets>>) -> Option<Arc<KnownSecrets>> {
        match (&self.secrets, known) {
            (Some(own), Some(known)) => {
                let mut all = KnownSecrets::clone(own);
                all.extend(known);
                Some(Arc::new(all))
            }
            (one, other) => one.as_ref().or(other).cloned(),
        }
    }
}

impl Content {
    /// Takes out the reply. Returns `None` if it isn't there yet, and an error
    /// if an earlier call has taken it.
    fn take(&mut self) -> Option<Result<Reply>> {
        match std::mem::replace(self, Content::Taken) {
            Content::Nothing => {
                *self = Content::Nothing;
                None
            }
            Content::Reply(result) => Some(result.map_err(Error::from)),
            Content::Taken => Some(Err(taken())),
        }
    }
}

impl Slot {
    /// Takes out the reply, like [`Content::take`].
    fn take(&self) -> Option<Result<Reply>> {
        self.content.lock().take()
    }

    /// Waits for the reply. Returns `None` at `deadline`, or when the call is
    /// cancelled.
    fn wait(self: &Arc<Self>, deadline: Deadline) -> Option<Result<Reply>> {
        if let Some(result) = self.take() {
            return Some(result);
        }
        let token = deadline.token();
        let _hook = token.as_ref().map(|token| {
            let slot = self.clone();
            token.on_cancel(move || {
                // Without the lock, the waiting thread could check the token,
                // miss this notification, and then begin to sleep.
                let _content = slot.content.lock();
                slot.filled.notify_all();
            })
        });
        let end = deadline.instant();
        WAITING.fetch_add(1, Ordering::Relaxed);
        let result = self
            .yield_until(end.min(Instant::now() + YIELD_FOR))
            .or_else(|| self.sleep_until(end, token.as_ref()));
        WAITING.fetch_sub(1, Ordering::Relaxed);
        result
    }

    fn sleep_until(&self, deadline: Instant, token: Option<&CancelToken>) -> Option<Result<Reply>> {
        let mut content = self.content.lock();
        loop {
            if let Some(result) = content.take() {
                return Some(result);
            }
            if token.is_some_and(CancelToken::is_cancelled) {
                return None;
            }
            if self.filled.wait_until(&mut content, deadline).timed_out() {
                return content.take();
            }
        }
    }

    fn yield_until(&self, end: Instant) -> Option<Result<Reply>> {
        while WAITING.load(Ordering::Relaxed) == 1 && Instant::now() < end {
            thread::yield_now();
            let result = self.take();
            if result.is_some() {
                return result;
            }
        }
        None
    }
}

impl Waiters {
    /// Queues a waiter for a command's reply. Fails with the cause if the link
    /// has ended.
    pub(super) fn push(&mut self, command: &Command) -> Result<Arc<Slot>, Closed> {
        if let Some(closed) = &self.closed {
            return Err(closed.clone());
        }
        let secrets = KnownSecrets::of(command).map(Arc::new);
        if let Some(secrets) = &secrets {
            if command.keyword().eq_ignore_ascii_case("AUTHCHALLENGE") {
                self.challenged = true;
            } else if command.keyword().eq_ignore_ascii_case("AUTHENTICATE")
                && !std::mem::take(&mut self.challenged)
                && let Some(lasting) = secrets.lasting()
            {
                let mut known = self.known.as_deref().cloned().unwrap_or_default();
                known.extend(&lasting);
                self.known = Some(Arc::new(known));
            }
        }
        let slot = Arc::new(Slot::default());
        self.queue.push_back(Waiter { slot: slot.clone(), secrets });
        Ok(slot)
    }

    /// Removes the last `count` waiters, because their commands were not
    /// written.
    pub(super) fn withdraw(&mut self, count: usize) {
        let keep = self.queue.len().saturating_sub(count);
        self.queue.truncate(keep);
    }

    /// Returns true if no reply is expected and the link is open.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty() && self.closed.is_none()
    }

    /// Takes out the waiter whose reply comes next. Returns `None` if no
    /// command is waiting for a reply.
    pub(super) fn pop(&mut self) -> Option<Waiter> {
        self.queue.pop_front()
    }

    /// Returns the passwords and cookies that this program has sent, which must
    /// not be shown if the peer sends them back. Returns `None` if none is long
    /// enough to be recognized.
    pub(super) fn known(&self) -> Option<Arc<KnownSecrets>> {
        self.known.clone()
    }

    /// Returns the secrets of every command that isn't answered yet, and the
    /// password or cookie that this program has sent.
    pub(super) fn all_secrets(&self) -> KnownSecrets {
        let mut all = KnownSecrets::default();
        let waiting = self.queue.iter().filter_map(|waiter| waiter.secrets.as_deref());
        waiting.chain(self.known.as_deref()).for_each(|secrets| all.extend(secrets));
        all
    }

    /// Returns the cause of the link's end, or `None` while the link is open.
    pub(super) fn closed(&self) -> Option<Closed> {
        self.closed.clone()
    }

    /// Stores the cause of the link's end, and takes out and returns all
    /// waiters. Returns `Err` with the earlier cause if the link has ended
    /// already.
    pub(super) fn end(&mut self, cause: Closed) -> Result<VecDeque<Waiter>, Closed> {
        match &self.closed {
            Some(earlier) => Err(earlier.clone()),
            None => {
                self.closed = Some(cause);
                Ok(std::mem::take(&mut self.queue))
            }
        }
    }
}

/// The reply to a command that was sent, which may still be on its way.
/// Returned by [`Controller::send`](crate::Controller::send).
///
/// Several commands may be outstanding on one connection (pipelining). tor
/// answers them in the order of sending. Dropping a `PendingReply` doesn't take
/// the command back. The reply is discarded when it arrives.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().on("SIGNAL NEWNYM", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::control::Command;
///
/// let pending = controller.send(Command::build("SIGNAL").word("signal", "NEWNYM").finish()?)?;
/// // The program can do something else here.
/// assert!(pending.wait()?.is_ok());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "the reply says whether tor did it"]
pub struct PendingReply {
    command: Command,
    slot: Arc<Slot>,
    /// The deadline of the call that sent the command.
    deadline: Deadline,
}

impl PendingReply {
    pub(super) fn new(command: Command, slot: Arc<Slot>, deadline: Deadline) -> Self {
        PendingReply { command, slot, deadline }
    }

    /// Returns the command that was sent.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Waits for tor's reply, even if that is a refusal. The time limit is the
    /// timeout of the [`Controller`](crate::Controller) handle that sent the
    /// command. It counts from the moment of sending.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("SIGNAL", "552 Unknown signal\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Command;
    ///
    /// let pending = controller.send(Command::build("SIGNAL").word("signal", "TEA").finish()?)?;
    /// assert_eq!(pending.wait()?.code(), 552);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if no reply comes
    /// within this time limit. The kind is
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the call was
    /// cancelled, and [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the
    /// connection ends first.
    pub fn wait(self) -> Result<Reply> {
        self.wait_until(self.deadline)
    }

    /// Waits for tor's reply, even if that is a refusal, for at most `timeout`
    /// from now. Can be called again after a timeout. A reply is returned only
    /// once.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("SIGNAL", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Command;
    /// use std::time::Duration;
    ///
    /// let pending = controller.send(Command::build("SIGNAL").word("signal", "NEWNYM").finish()?)?;
    /// let reply = loop {
    ///     match pending.wait_timeout(Duration::from_secs(1)) {
    ///         Err(error) if error.is_timeout() => println!("still waiting for tor"),
    ///         result => break result?,
    ///     }
    /// };
    /// assert!(reply.is_ok());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if no reply comes
    /// within `timeout`, and [`ErrorKind::Closed`](crate::ErrorKind::Closed) if
    /// the connection ends first. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the reply was
    /// already returned.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Reply> {
        self.wait_until(Deadline::after(timeout))
    }

    /// Like [`wait`](Self::wait), for callers that still need the pending reply
    /// after a timeout.
    pub(crate) fn wait_until_deadline(&self) -> Result<Reply> {
        self.wait_until(self.deadline)
    }

    /// Waits for tor's reply, for at most `timeout` from now. Called on a
    /// background thread, after the call that sent the command has given up.
    /// This wait doesn't count in [`WAITING`]. So one caller that waits at the
    /// same time may still yield its processor.
    pub(crate) fn wait_late(&self, timeout: Duration) -> Result<Reply> {
        let deadline = Deadline::after(timeout);
        let result = self.slot.sleep_until(deadline.instant(), None);
        result.unwrap_or_else(|| Err(deadline.error(Phase::Reply)))
    }

    /// Waits for the reply like [`wait`](Self::wait), and turns a refusal into
    /// an error.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("SIGNAL", "552 Unknown signal\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Command;
    ///
    /// let pending = controller.send(Command::build("SIGNAL").word("signal", "TEA").finish()?)?;
    /// let error = pending.wait_ok().unwrap_err();
    /// assert_eq!(error.code(), Some(552));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`wait`](Self::wait), and an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor refused the
    /// command.
    pub fn wait_ok(self) -> Result<Reply> {
        let reply = self.wait_until(self.deadline)?;
        match reply.refusal(&self.command) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(reply),
        }
    }

    /// Returns the reply without waiting, or `None` if it hasn't arrived yet. A
    /// reply is returned only once; later calls return an error.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SIGNAL NEWNYM", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Command;
    ///
    /// let pending = controller.send(Command::build("SIGNAL").word("signal", "NEWNYM").finish()?)?;
    /// # controller.sync()?;
    /// match pending.try_wait() {
    ///     Some(reply) => assert!(reply?.is_ok()),
    ///     None => println!("tor has not answered yet"),
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn try_wait(&self) -> Option<Result<Reply>> {
        self.slot.take()
    }

    fn wait_until(&self, deadline: Deadline) -> Result<Reply> {
        self.slot.wait(deadline).unwrap_or_else(|| Err(deadline.error(Phase::Reply)))
    }
}

/// Returns the error for taking a reply a second time.
fn taken() -> Error {
    ArgumentError::invalid("PendingReply", "reply", "was taken by an earlier call").into()
}
