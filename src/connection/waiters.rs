//! Those who wait for replies.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, bounded};

use crate::error::{CloseCause, Closed, Error, Phase, Result, Timeout};
use crate::protocol::{Command, Reply};
use crate::transport::deadline_after;

/// How long a caller gives its processor away, again and again, before it sleeps. Most replies come sooner, and to be
/// woken costs more than to come back. (Never a busy wait: it would keep a single core from tor.)
const YIELD_FOR: Duration = Duration::from_micros(30);

/// Every command that was written and not yet answered; or the connection's end.
#[derive(Debug, Default)]
pub(super) struct Waiters {
    queue: VecDeque<Waiter>,
    closed: Option<Closed>,
    /// The last refusal that tor sent: when it then hangs up, this tells why.
    last_refusal: Option<String>,
}

/// The end of a slot that the reader thread fills.
#[derive(Debug)]
pub(super) struct Waiter(Sender<Result<Reply, Closed>>);

impl Waiter {
    /// Hands over the reply. Whoever gave up waiting is not told.
    pub(super) fn complete(self, result: Result<Reply, Closed>) {
        let _ = self.0.try_send(result);
    }
}

impl Waiters {
    /// Queues one more, unless the connection has ended.
    pub(super) fn push(&mut self) -> Result<Receiver<Result<Reply, Closed>>, Closed> {
        if let Some(closed) = &self.closed {
            return Err(closed.clone());
        }
        let (sender, receiver) = bounded(1);
        self.queue.push_back(Waiter(sender));
        Ok(receiver)
    }

    /// Takes the last ones out again: their commands were not written.
    pub(super) fn withdraw(&mut self, count: usize) {
        let keep = self.queue.len().saturating_sub(count);
        self.queue.truncate(keep);
    }

    /// The one whose reply comes next.
    pub(super) fn pop(&mut self) -> Option<Waiter> {
        self.queue.pop_front()
    }

    /// Remembers what tor refused last.
    pub(super) fn refused(&mut self, text: String) {
        self.last_refusal = Some(text);
    }

    /// What tor refused last.
    pub(super) fn last_refusal(&self) -> Option<String> {
        self.last_refusal.clone()
    }

    /// The cause of the end.
    pub(super) fn closed(&self) -> Option<Closed> {
        self.closed.clone()
    }

    /// Stores the cause and gives back everybody who waits; or the earlier cause.
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

/// A command that was sent; its reply may still be on the way.
///
/// Several may be outstanding on one connection (pipelining); tor answers in the order of sending. Dropping it does
/// not take the command back: its reply is thrown away when it comes.
#[derive(Debug)]
#[must_use = "the reply says whether tor did it"]
pub struct PendingReply {
    command: Command,
    reply: Receiver<Result<Reply, Closed>>,
    /// The timeout's end, counted from sending.
    deadline: Instant,
    timeout: Duration,
}

impl PendingReply {
    pub(super) fn new(
        command: Command,
        reply: Receiver<Result<Reply, Closed>>,
        deadline: Instant,
        timeout: Duration,
    ) -> Self {
        PendingReply { command, reply, deadline, timeout }
    }

    /// The command that was sent.
    pub fn command(&self) -> &Command {
        &self.command
    }

    /// Waits for tor's reply, whatever it says, until the timeout of the handle that sent the command has passed
    /// since it was sent.
    pub fn wait(self) -> Result<Reply> {
        self.wait_until(self.deadline, self.timeout)
    }

    /// Waits for tor's reply, whatever it says, for at most `timeout` from now.
    pub fn wait_timeout(&self, timeout: Duration) -> Result<Reply> {
        self.wait_until(deadline_after(timeout), timeout)
    }

    /// As [`wait`](Self::wait); a reply that is no success is [`Error::Refused`].
    pub fn wait_ok(self) -> Result<Reply> {
        let reply = self.wait_until(self.deadline, self.timeout)?;
        match reply.refusal(self.command.to_string()) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(reply),
        }
    }

    /// The reply if it is there, without waiting. It is given once.
    pub fn try_wait(&self) -> Option<Result<Reply>> {
        match self.reply.try_recv() {
            Ok(result) => Some(result.map_err(Error::from)),
            Err(TryRecvError::Empty) => None,
            Err(TryRecvError::Disconnected) => Some(Err(taken().into())),
        }
    }

    fn wait_until(&self, deadline: Instant, timeout: Duration) -> Result<Reply> {
        let stop_yielding = deadline.min(Instant::now() + YIELD_FOR);
        loop {
            if let Some(result) = self.try_wait() {
                return result;
            }
            if Instant::now() >= stop_yielding {
                break;
            }
            thread::yield_now();
        }
        match self.reply.recv_deadline(deadline) {
            Ok(result) => result.map_err(Error::from),
            Err(RecvTimeoutError::Timeout) => Err(Timeout::new(Phase::Reply, timeout).into()),
            Err(RecvTimeoutError::Disconnected) => Err(taken().into()),
        }
    }
}

/// A slot is disconnected only after its one reply was taken out of it.
fn taken() -> Closed {
    Closed::new(CloseCause::Protocol("the reply was already taken".into()))
}
