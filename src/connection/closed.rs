//! The end of a control connection.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Cause, ErrorKind};

use crate::error::Error;

/// The control connection has ended. Every waiter and every later call gets the
/// same value.
#[derive(Debug, Clone)]
pub struct Closed {
    cause: Arc<CloseCause>,
}

/// The reason why a control connection ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum CloseCause {
    /// This program closed it: `close()`, `quit()`, or the last handle was
    /// dropped.
    Local,
    /// tor closed it (or ended), between two replies.
    Remote {
        /// The refusal that tor ended it after, if it was one.
        last_words: Option<String>,
    },
    /// tor ended. Only a tor that this program launched is known to: see
    /// [`Launch`](crate::Launch).
    ///
    /// The error is a [`LaunchError`](crate::process::LaunchError) with the
    /// exit status or the signal, and with what tor last logged.
    Exited(Error),
    /// tor closed it (or ended, or was killed) in the middle of a reply.
    Truncated,
    /// The socket failed.
    Io(io::Error),
    /// The peer said what no control port says, or more than the limits allow.
    Protocol(String),
    /// A command could be written only in part before its deadline, so nothing
    /// can follow it.
    Stalled,
    /// tor did not answer the heartbeat in time: see
    /// [`Connect::heartbeat`](crate::Connect::heartbeat).
    Unresponsive {
        /// The time that was waited.
        after: Duration,
    },
    /// This program ended it to make it anew: see
    /// [`Controller::reconnect`](crate::Controller::reconnect).
    Reconnecting,
}

impl Closed {
    /// A connection that ended because of `cause`.
    pub(crate) fn new(cause: CloseCause) -> Self {
        Closed { cause: Arc::new(cause) }
    }

    /// Returns the reason.
    pub fn cause(&self) -> &CloseCause {
        &self.cause
    }

    /// Returns true if this program closed the connection.
    pub fn is_local(&self) -> bool {
        matches!(*self.cause, CloseCause::Local)
    }
}

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the control connection is closed: ")?;
        match &*self.cause {
            CloseCause::Local => f.write_str("this program closed it"),
            CloseCause::Remote { last_words: None } => f.write_str("tor closed it, or ended"),
            CloseCause::Remote { last_words: Some(words) } => {
                write!(f, "tor closed it, or ended, after saying {words:?}")
            }
            CloseCause::Exited(error) => write!(f, "{error}"),
            CloseCause::Truncated => f.write_str("it ended in the middle of a reply"),
            CloseCause::Io(_) => f.write_str("the socket failed"),
            CloseCause::Protocol(what) => f.write_str(what),
            CloseCause::Unresponsive { after } => {
                write!(f, "tor did not answer the heartbeat within {after:?}")
            }
            CloseCause::Reconnecting => f.write_str("this program makes it anew"),
            CloseCause::Stalled => f.write_str("tor stopped reading in the middle of a command"),
        }
    }
}

impl std::error::Error for Closed {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &*self.cause {
            CloseCause::Io(error) => Some(error),
            _ => None,
        }
    }
}

impl Cause for Closed {
    fn kind(&self) -> ErrorKind {
        ErrorKind::Closed
    }
}
