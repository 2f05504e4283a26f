//! The thread that accepts the connections of one local socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, select_biased};

use super::local::Socket;
use super::stream::OnionStream;
use crate::connection::Thread;
use crate::controller::Never;
use crate::error::{Error, Result};

/// How long is waited after a failure (too many open files, for example) before
/// the next attempt.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// How long the end may take.
const END_WITHIN: Duration = Duration::from_secs(2);
/// How long one attempt to wake the thread may take.
const WAKE_WITHIN: Duration = Duration::from_millis(200);

/// A thread that accepts connections and queues them, until `stop` ends.
#[derive(Debug)]
pub(super) struct Acceptor {
    thread: Thread,
    socket: Arc<Socket>,
}

impl Acceptor {
    /// Starts the thread. Connections are said to be for `port`, where it is
    /// one.
    pub(super) fn start(
        socket: Socket,
        port: Option<u16>,
        queue: Sender<Result<OnionStream>>,
        stop: Receiver<Never>,
    ) -> Result<Self> {
        let socket = Arc::new(socket);
        let accepting = Accepting { socket: socket.clone(), port, queue, stop };
        let thread = Thread::spawn("scape-onion", move || accepting.run()).map_err(|error| {
            Error::io("start the thread that accepts an onion service's connections", error)
        })?;
        Ok(Acceptor { thread, socket })
    }

    /// Wakes the thread, so that it sees that it is to stop, and waits for its
    /// end.
    pub(super) fn end(&self) {
        let has_ended = self.thread.ended_by_waking(END_WITHIN, || {
            // Without a free file there can be no connection.
            if self.socket.wake(WAKE_WITHIN).is_err() {
                self.socket.shut_down();
            }
        });
        if !has_ended {
            log::warn!(target: "scape::onion", "the thread that accepts connections does not end");
        }
    }
}

/// What the thread has.
struct Accepting {
    socket: Arc<Socket>,
    port: Option<u16>,
    queue: Sender<Result<OnionStream>>,
    stop: Receiver<Never>,
}

impl Accepting {
    fn run(self) {
        while self.stop.try_recv() == Err(TryRecvError::Empty) {
            let goes_on = match self.socket.accept() {
                Ok(transport) => self.queue(Ok(OnionStream::new(transport, self.port))),
                Err(error) if is_of_one_connection(&error) => true,
                Err(error) => self.failed(error),
            };
            if !goes_on {
                return;
            }
        }
    }

    /// Queues a connection, waiting for room. Whether to go on.
    fn queue(&self, connection: Result<OnionStream>) -> bool {
        select_biased! {
            recv(self.stop) -> _ => false,
            send(self.queue, connection) -> sent => sent.is_ok(),
        }
    }

    /// Reports a failure, unless others wait to be seen, and pauses. Whether to
    /// go on.
    fn failed(&self, error: io::Error) -> bool {
        if self.stop.try_recv() == Err(TryRecvError::Disconnected) {
            return false;
        }
        if self.queue.is_empty() {
            let _ = self
                .queue
                .try_send(Err(Error::io("accept a connection to the onion service", error)));
        }
        self.stop.recv_timeout(AFTER_FAILURE) == Err(RecvTimeoutError::Timeout)
    }
}

/// Whether only the connection that would have been accepted has failed.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
