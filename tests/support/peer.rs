//! The other end of a control connection. The test plays tor there.
#![allow(dead_code, reason = "each test uses a part")]

use std::io::{Read, Write};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use scape::Controller;
use scape::transport::Transport;

/// The time limit for everything that a test waits for.
pub(crate) const SOON: Duration = Duration::from_secs(20);

/// The other end of a controller's connection. It sends exactly the bytes that
/// the test passes.
#[derive(Clone)]
pub(crate) struct Peer {
    transport: Arc<Transport>,
}

impl Peer {
    /// Returns a controller and its peer, connected in memory.
    pub(crate) fn pair() -> (Controller, Peer) {
        let (ours, theirs) = Transport::pair();
        let controller = Controller::from_authenticated(ours).unwrap().with_timeout(SOON);
        (controller, Peer { transport: Arc::new(theirs) })
    }

    /// Returns a controller, its peer, and a thread that answers each command
    /// line through the peer. A command for which `answer` returns `None` gets
    /// no answer.
    pub(crate) fn answering(
        mut answer: impl FnMut(&str) -> Option<String> + Send + 'static,
    ) -> (Controller, Peer, JoinHandle<()>) {
        let (controller, peer) = Peer::pair();
        let server = peer.clone();
        let thread = thread::spawn(move || {
            while let Some(line) = server.line() {
                if let Some(text) = answer(&line)
                    && !server.try_send(&text)
                {
                    return;
                }
            }
        });
        (controller, peer, thread)
    }

    /// Sends the bytes. Panics if the connection is closed.
    pub(crate) fn send(&self, bytes: impl AsRef<[u8]>) {
        (&*self.transport).write_all(bytes.as_ref()).unwrap();
    }

    /// Sends the bytes. Returns false if the connection is closed.
    pub(crate) fn try_send(&self, bytes: impl AsRef<[u8]>) -> bool {
        (&*self.transport).write_all(bytes.as_ref()).is_ok()
    }

    /// Returns the next line that the controller sends, or `None` at the end of
    /// the stream.
    pub(crate) fn line(&self) -> Option<String> {
        let mut line = Vec::new();
        let mut byte = [0];
        loop {
            match (&*self.transport).read(&mut byte) {
                Ok(1) if byte[0] == b'\n' => break,
                Ok(1) => line.push(byte[0]),
                _ => return None,
            }
        }
        Some(String::from_utf8(line).unwrap().trim_end().to_string())
    }

    /// Checks that `line` is the next line that the controller sends.
    pub(crate) fn expect(&self, line: &str) {
        assert_eq!(self.line().as_deref(), Some(line));
    }

    /// Closes the connection.
    pub(crate) fn hang_up(&self) {
        self.transport.shutdown().unwrap();
    }

    /// Closes the direction from the peer to the controller. The peer can still
    /// read.
    pub(crate) fn half_close(&self) {
        self.transport.shutdown_write().unwrap();
    }
}

/// Returns an answer for [`Peer::answering`]: `250-key=value of key` to
/// `GETINFO key`, and `250 OK` to any other command. Never returns `None`.
pub(crate) fn echo(line: &str) -> Option<String> {
    Some(match line.strip_prefix("GETINFO ") {
        Some(key) => format!("250-{key}=value of {key}\r\n250 OK\r\n"),
        None => "250 OK\r\n".to_string(),
    })
}
