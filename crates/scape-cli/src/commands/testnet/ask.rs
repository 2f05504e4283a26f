//! Sends requests to private networks that run in the background.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, unbounded};
use serde::de::DeserializeOwned;

use super::place::{self, Name};
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::threads;

/// The interval at which a wait checks if a signal has come.
const POLL: Duration = Duration::from_millis(50);
/// The default time limit for the answer of a network's server, counted from
/// the request. A server answers much faster unless it hangs.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answer of a network's server to a request.
#[derive(Debug)]
pub(super) enum Answer<T> {
    Is(T),
    /// The network has ended before its server answered.
    HasEnded,
    /// No network with this name is running. Its socket may still exist,
    /// because a killed server doesn't remove it.
    NotRunning,
}

impl<T> Answer<T> {
    /// Returns the value of the answer. Returns a failure if the network isn't
    /// running. `name` is its name for the message.
    pub(super) fn found(self, name: &Name) -> Result<T, Failure> {
        match self {
            Answer::Is(value) => Ok(value),
            Answer::HasEnded | Answer::NotRunning => Err(not_running(name)),
        }
    }
}

pub(super) fn not_running(name: &Name) -> Failure {
    Failure::failed(format_args!(
        "no network named {name} is running: start it with `scape testnet up`"
    ))
}

/// A request that was sent to a network.
#[derive(Debug)]
pub(super) struct Asked {
    name: Name,
    lines: Receiver<io::Result<String>>,
    sent: Instant,
}

impl Asked {
    /// Sends a request to the network with this name. Doesn't wait for the
    /// answer.
    pub(super) fn send(name: Name, request: &'static str) -> Result<Self, Failure> {
        let path = place::socket(&name)?;
        let (sender, lines) = unbounded();
        // Another thread sends the request, because a server that hangs must
        // not keep this program from ending.
        threads::start_or_fail(move || {
            if let Err(error) = talk(&path, request, &sender) {
                let _ = sender.send(Err(error));
            }
        })?;
        Ok(Asked { name, lines, sent: Instant::now() })
    }

    pub(super) fn name(&self) -> &Name {
        &self.name
    }

    /// Waits for the next line of the answer, and parses it. The time limit is
    /// `--timeout` or, without this option, [`PATIENCE`].
    pub(super) fn answer<T: DeserializeOwned>(
        &self,
        context: &Context,
    ) -> Result<Answer<T>, Failure> {
        self.answer_within(context, context.options.timeout.unwrap_or(PATIENCE))
    }

    /// Waits for the next line of the answer, and parses it. `limit` counts
    /// from the time of the request. So waiting for several servers that hang
    /// takes no longer than waiting for one.
    pub(super) fn answer_within<T: DeserializeOwned>(
        &self,
        context: &Context,
        limit: Duration,
    ) -> Result<Answer<T>, Failure> {
        let name = &self.name;
        let line = match self.receive(context, limit)? {
            None => return Ok(Answer::HasEnded),
            Some(Ok(line)) => line,
            Some(Err(error)) => {
                return match error.kind() {
                    io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => {
                        Ok(Answer::NotRunning)
                    }
                    io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => {
                        Ok(Answer::HasEnded)
                    }
                    _ => Err(Failure::failed(format_args!("cannot ask network {name}: {error}"))),
                };
            }
        };
        serde_json::from_str(&line).map(Answer::Is).map_err(|error| {
            Failure::failed(format_args!("malformed answer of network {name}: {error}"))
        })
    }

    /// Waits for the next line of the answer. Returns `None` if the server has
    /// closed the connection. `limit` counts from the time of the request.
    fn receive(
        &self,
        context: &Context,
        limit: Duration,
    ) -> Result<Option<io::Result<String>>, Failure> {
        loop {
            let left = limit.saturating_sub(self.sent.elapsed());
            match self.lines.recv_timeout(POLL.min(left)) {
                Ok(line) => return Ok(Some(line)),
                Err(RecvTimeoutError::Disconnected) => return Ok(None),
                Err(RecvTimeoutError::Timeout) => context.check_interrupt()?,
            }
            if self.sent.elapsed() >= limit {
                return Err(self.no_answer(limit));
            }
        }
    }

    fn no_answer(&self, limit: Duration) -> Failure {
        let server = match place::server_of(&self.name) {
            Some(pid) => format!(" (its server is process {pid})"),
            None => String::new(),
        };
        let message = format!("network {}: no answer within {limit:?}{server}", self.name);
        Failure::new(Exit::Timeout, message)
    }
}

/// Sends a request to the server at the socket `path`. Sends each line of the
/// answer to `lines`.
fn talk(path: &Path, request: &str, lines: &Sender<io::Result<String>>) -> io::Result<()> {
    let mut socket = UnixStream::connect(path)?;
    writeln!(socket, "{request}")?;
    for line in BufReader::new(socket).lines() {
        if lines.send(Ok(line?)).is_err() {
            break;
        }
    }
    Ok(())
}
