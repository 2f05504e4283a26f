//! The functions of [`Session`] for the thread that looks after its connection.
//! Among them are the later attempts to restore what tor refused.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::{Session, give_back_detached};
use crate::control::keeper::Kept;
use crate::control::questions::Questions;
use crate::control::restorables::Kind;
use crate::control::retake::{Part, may_pass};
use crate::error::Result;
use crate::io::connection::{Closed, Connection, ConnectionStatus};
use crate::io::transport::Deadline;
use scape_proto::control::{Command, Refusal};

impl Kept for Session {
    fn connection(&self) -> &Connection {
        &self.connection
    }

    fn next_retake(&self) -> Option<Instant> {
        self.retakes.next()
    }

    fn retake(&self, timeout: Duration) {
        let (link, due) = self.retakes.take_due();
        for mut due in due {
            let what = due.part.name();
            match self.retake_part(link, &due.part, timeout) {
                Ok(true) => {
                    log::info!(target: "scape::connection", "{what} is restored");
                    self.connection().tell(ConnectionStatus::Restored { what });
                }
                // The program has dropped the restorable.
                Ok(false) => {}
                // A reconnect restores everything and replaces the list of
                // retakes. Until then the part stays in the list.
                Err(error) if error.is::<Closed>() => self.retakes.put_back(link, due),
                Err(error) => {
                    if let Part::ReconnectHook(follower) = &due.part
                        && error.is_timeout()
                        && let Some(follower) = follower.upgrade()
                    {
                        follower.unreadable(&error);
                    }
                    let next = due
                        .failed(Instant::now())
                        .filter(|_| may_pass(&error) || error.is_timeout());
                    let attempt = due.attempts;
                    log::debug!(target: "scape::connection", "attempt {attempt} to restore {what} failed: {error}");
                    if next.is_some() {
                        self.retakes.put_back(link, due);
                    } else {
                        self.is_lost(&due.part, &error);
                    }
                    self.connection().tell(ConnectionStatus::RestoreFailed {
                        what,
                        attempt,
                        error,
                        next,
                    });
                }
            }
        }
    }

    fn reconnect_if_down(self: &Arc<Self>, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout);
        let Some(recipe) = &self.recipe else { return Ok(()) };
        let _making = self.lock_making(deadline)?;
        match self.connection.closed() {
            Some(_) => self.make(recipe, deadline).map(drop),
            None => Ok(()),
        }
    }
}

impl Session {
    /// Restores `part` on the socket with the number `link`. Returns false if
    /// the part is a restorable that the program has dropped meanwhile.
    fn retake_part(&self, link: u64, part: &Part, timeout: Duration) -> Result<bool> {
        let deadline = Deadline::after(timeout);
        let ask =
            |command: Command| self.connection().send_on(Some(link), command, deadline)?.wait_ok();
        match part {
            Part::Events => self.connection().tell_again(deadline)?,
            Part::Restorable(what, onion) => {
                let detached = self.restorables.detached().into_iter();
                let mut detached = detached.filter(|(address, _)| Some(*address) == *onion);
                if let Some((address, again)) = detached.next() {
                    let watch = self.latest.watch(deadline)?;
                    give_back_detached(&address, again, &ask)?;
                    self.take_back_dropped(&Kind::Onion(address), &watch, deadline)?;
                    return Ok(true);
                }
                let Some(belonging) =
                    self.restorables.belongings().into_iter().find(|it| it.what == *what)
                else {
                    return Ok(false);
                };
                let watch = self.latest.watch(deadline)?;
                let taken = ask(belonging.command?);
                if let Some(address) = belonging.kind.onion() {
                    match taken {
                        // The service exists on this connection already: an
                        // earlier attempt succeeded after its timeout, or the
                        // program has added the service again.
                        Err(error)
                            if error.is::<Refusal>()
                                && Questions::new(&ask).has_onion(&address)? => {}
                        taken => drop(taken?),
                    }
                } else {
                    taken?;
                }
                // The program may have dropped the restorable meanwhile.
                self.take_back_dropped(&belonging.kind, &watch, deadline)?;
            }
            Part::LeaveStreams => {
                let send = |commands| self.connection().send_all_on(Some(link), commands, deadline);
                self.leave_streams.restore(&send, self.restorables.client_auths(), deadline)?;
            }
            Part::ReconnectHook(follower) => match follower.upgrade() {
                Some(follower) => follower.reconnected(&Questions::new(&ask))?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}
