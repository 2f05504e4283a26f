//! The option `__LeaveStreamsUnattached`, which is lent from tor and put back.

use parking_lot::Mutex;

use super::Controller;
use crate::connection::{Connection, PendingReply};
use crate::error::{Error, Result};
use crate::protocol::{Command, Reply};
use crate::transport::Deadline;

/// While it is 1, every new stream waits for a controller.
pub(crate) const OPTION: &str = "__LeaveStreamsUnattached";

/// What this connection has done to the option, and has to undo. The lock is held while a command is sent, never while its
/// answer is awaited: so the last one that is sent is what the state says.
#[derive(Debug, Default)]
pub(super) struct LeaveStreams(Mutex<Lent>);

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Lent {
    /// Nothing.
    #[default]
    No,
    /// It was 0, and was set to 1.
    Set,
    /// It was 1 already: another controller attaches streams.
    Found,
    /// It was to be put back, but the connection was down.
    Owed,
}

impl LeaveStreams {
    /// What is due on a connection that was made again. `ask` sends a command and waits for its answer.
    pub(super) fn restore(&self, ask: &dyn Fn(Command) -> Result<Reply>) -> Result<()> {
        let mut lent = self.0.lock();
        match *lent {
            Lent::No => Ok(()),
            Lent::Set => ask(set(true)?).map(drop),
            Lent::Found => {
                // Where tor was started again, nobody has set it.
                if !is_set(&ask(Command::build("GETCONF").word("option", OPTION).finish()?)?) {
                    ask(set(true)?)?;
                    *lent = Lent::Set;
                }
                Ok(())
            }
            Lent::Owed => {
                ask(set(false)?)?;
                *lent = Lent::No;
                Ok(())
            }
        }
    }

    /// The connection is about to end: puts the option back. Gives what tor's answer is waited for with.
    pub(super) fn put_back(&self, connection: &Connection, deadline: Deadline) -> Option<PendingReply> {
        let mut lent = self.0.lock();
        if *lent != Lent::Set {
            return None;
        }
        let sent = set(false).and_then(|command| connection.send(command, deadline));
        *lent = Lent::No;
        sent.ok()
    }
}

impl Controller {
    /// Has streams wait for this controller. Whether they did so already, for another one.
    pub(crate) fn leave_streams(&self) -> Result<bool> {
        let found = self.get_conf(OPTION)?.is_some_and(|value| value.trim() == "1");
        let pending = {
            let mut lent = self.inner.session.leave_streams.0.lock();
            if found && *lent != Lent::Owed {
                *lent = Lent::Found;
                return Ok(true);
            }
            let pending = self.send_checked(set(true)?)?;
            *lent = Lent::Set;
            pending
        };
        match pending.wait_ok() {
            Ok(_) => Ok(false),
            Err(error) => {
                // A late answer may still set it.
                let _ = self.stop_leaving_streams();
                Err(error)
            }
        }
    }

    /// Somebody else has put the option to 0 meanwhile. Whether it was set again, which it is not where this controller has
    /// put it back itself.
    pub(crate) fn leave_streams_again(&self) -> Result<bool> {
        let pending = {
            let mut lent = self.inner.session.leave_streams.0.lock();
            if !matches!(*lent, Lent::Set | Lent::Found) {
                return Ok(false);
            }
            let pending = self.send_checked(set(true)?)?;
            *lent = Lent::Set;
            pending
        };
        pending.wait_ok().map(|_| true)
    }

    /// Whether streams waited for another controller already.
    pub(crate) fn found_streams_left(&self) -> bool {
        *self.inner.session.leave_streams.0.lock() == Lent::Found
    }

    /// Puts the option back to what it was. On a connection that is down, that is done when it is made again.
    pub(crate) fn stop_leaving_streams(&self) -> Result<()> {
        let pending = {
            let mut lent = self.inner.session.leave_streams.0.lock();
            if *lent != Lent::Set {
                if *lent == Lent::Found {
                    *lent = Lent::No;
                }
                return Ok(());
            }
            match self.send_checked(set(false)?) {
                Ok(pending) => {
                    *lent = Lent::No;
                    pending
                }
                Err(error) => {
                    *lent = Lent::Owed;
                    return Err(error);
                }
            }
        };
        match pending.wait_ok() {
            Ok(_) => Ok(()),
            Err(error) => {
                let mut lent = self.inner.session.leave_streams.0.lock();
                // Nobody knows whether tor has read it, before it hung up.
                if matches!(error, Error::Closed(_)) && *lent == Lent::No {
                    *lent = Lent::Owed;
                }
                Err(error)
            }
        }
    }
}

fn set(on: bool) -> Result<Command> {
    Ok(Command::build("SETCONF").pair(OPTION, if on { "1" } else { "0" }).finish()?)
}

fn is_set(reply: &Reply) -> bool {
    reply.first().text.ends_with(b"=1")
}
