//! The type [`Closed`]: the end of a control connection, with its cause.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use crate::error::{Cause, ErrorKind};

use crate::error::Error;

/// The end of a control connection, with its cause. Calls that are waiting for
/// tor fail with this cause. Later calls also fail with this cause, until the
/// connection is opened again.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder().start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::connection::CloseCause;
///
/// # tor.hang_up();
/// let closed = controller.wait_closed(controller.timeout())?;
/// assert!(matches!(closed.cause(), CloseCause::Remote { .. }));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "SocketClosed")]
#[doc(alias = "TorDisconnectError")]
#[derive(Debug, Clone)]
pub struct Closed {
    cause: Arc<CloseCause>,
}

/// The reason why a control connection ended.
#[derive(Debug)]
#[non_exhaustive]
pub enum CloseCause {
    /// This program closed the connection: it called `close()` or `quit()`, or
    /// dropped the last handle.
    Local,
    /// tor closed the connection, or ended, between two replies.
    Remote {
        /// The refusal after which tor closed the connection. `None` if tor's
        /// last message was something else.
        last_words: Option<String>,
    },
    /// tor ended. This cause is only known for a tor that this program
    /// launched: see [`Launch`](crate::Launch).
    ///
    /// The error is a [`LaunchError`](crate::process::LaunchError) with the
    /// exit status or the signal, and with tor's last log lines.
    Exited(Error),
    /// tor closed the connection, ended, or was killed in the middle of a
    /// reply.
    Truncated,
    /// The socket failed.
    Io(io::Error),
    /// The peer sent data that is not the control protocol, or more than the
    /// [limits](crate::Connect::limits) allow.
    Protocol(String),
    /// Only a part of a command could be written before its deadline, so no
    /// further command can follow.
    Stalled,
    /// tor didn't answer the heartbeat within the time limit, and sent nothing
    /// else either: see [`Connect::heartbeat`](crate::Connect::heartbeat).
    Unresponsive {
        /// The time for which this program waited for the answer.
        after: Duration,
    },
    /// This program ended the connection in order to reconnect: see
    /// [`Controller::reconnect`](crate::Controller::reconnect).
    Reconnecting,
}

impl Closed {
    /// Creates a `Closed` with the given cause.
    pub(crate) fn new(cause: CloseCause) -> Self {
        Closed { cause: Arc::new(cause) }
    }

    /// Returns the cause of the connection's end.
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
            CloseCause::Reconnecting => f.write_str("this program ended it to connect again"),
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
