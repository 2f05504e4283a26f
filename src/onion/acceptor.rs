//! The thread that accepts the connections of one local socket.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError, select_biased};

use super::local::Socket;
use super::stream::OnionStream;
use crate::control::Never;
use crate::error::{Error, Result};
use crate::io::connection::Thread;

/// The pause before the next attempt if accepting a connection has failed, for
/// example because too many files are open.
const AFTER_FAILURE: Duration = Duration::from_millis(100);
/// The time limit for ending the thread that accepts connections.
const END_WITHIN: Duration = Duration::from_secs(2);
/// The time limit for one attempt to wake the thread that accepts connections.
const WAKE_WITHIN: Duration = Duration::from_millis(200);

/// A thread that accepts connections and queues them until the channel `stop`
/// is disconnected.
#[derive(Debug)]
pub(super) struct Acceptor {
    thread: Thread,
    socket: Arc<Socket>,
}

impl Acceptor {
    /// Starts the thread that accepts connections. `port` is the virtual port
    /// that the connections are for, or `None` if the socket serves several
    /// ports.
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

    /// Wakes the thread, so that it notices `stop`, and waits until it ends.
    pub(super) fn end(&self) {
        let has_ended = self.thread.ended_by_waking(END_WITHIN, || {
            // The process may have no file descriptor left for a connection.
            if self.socket.wake(WAKE_WITHIN).is_err() {
                self.socket.shut_down();
            }
        });
        if !has_ended {
            log::warn!(target: "scape::onion", "the thread that accepts connections did not end in time");
        }
    }
}

/// The state of the thread that accepts connections.
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

    /// Adds a connection to the queue and waits while the queue is full.
    /// Returns false if the thread should end, because `stop` is disconnected
    /// or the listener is gone.
    fn queue(&self, connection: Result<OnionStream>) -> bool {
        select_biased! {
            recv(self.stop) -> _ => false,
            send(self.queue, connection) -> sent => sent.is_ok(),
        }
    }

    /// Queues an error for the listener if the queue is empty, and pauses
    /// before the next attempt to accept. Returns false if the thread should
    /// end, because `stop` is disconnected.
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

/// Returns true if an error concerns only one connection, so that the thread
/// can accept the next connection at once.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
    )
}
