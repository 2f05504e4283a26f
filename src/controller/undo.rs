//! Undoing what a call began whose deadline has passed.

use std::thread;
use std::time::Duration;

use super::Controller;
use crate::connection::PendingReply;
use crate::error::Result;
use crate::protocol::{Command, Reply};

/// How long a call may go on after its deadline to have tor undo what the call began, and to ask tor what went wrong.
pub(crate) const UNDO_WITHIN: Duration = Duration::from_secs(1);

impl Controller {
    /// A handle for what comes after a call's deadline. All its commands together may take [`UNDO_WITHIN`], or the handle's
    /// timeout if that is shorter. It can't be cancelled.
    pub(crate) fn undoing(&self) -> Controller {
        self.undoing_within(UNDO_WITHIN)
    }

    /// Like [`undoing`](Self::undoing), with another limit.
    pub(crate) fn undoing_within(&self, limit: Duration) -> Controller {
        self.to_keep().with_timeout(self.timeout().min(limit)).in_one_call()
    }

    /// Sends a command whose effect nobody would know of if its reply came too late. If it does, `undo` is called with the
    /// late reply, on a thread that ends with the reply or the connection.
    pub(super) fn request_or_undo(
        &self,
        command: Command,
        undo: impl FnOnce(&Controller, &Reply) + Send + 'static,
    ) -> Result<Reply> {
        let pending = self.send_checked(command)?;
        match pending.wait_until_deadline() {
            Ok(reply) => match reply.refusal(pending.command()) {
                Some(refusal) => Err(refusal.into()),
                None => Ok(reply),
            },
            Err(error) if error.is_unanswered() => {
                self.undo_late(pending, undo);
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn undo_late(&self, pending: PendingReply, undo: impl FnOnce(&Controller, &Reply) + Send + 'static) {
        let tor = self.downgrade();
        let command = pending.command().to_string();
        let wait = move || {
            let Ok(reply) = pending.wait_timeout(Duration::MAX) else { return };
            if reply.is_ok()
                && let Some(tor) = tor.upgrade()
            {
                undo(&tor, &reply);
            }
        };
        if let Err(error) = thread::Builder::new().name("scape-undo".into()).spawn(wait) {
            log::warn!(target: "scape::connection", "the late effect of {command} will stay: {error}");
        }
    }
}
