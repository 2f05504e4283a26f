//! Undoing the effects of a call whose deadline has passed.

use std::thread;
use std::time::Duration;

use super::Controller;
use crate::connection::PendingReply;
use crate::error::{Error, Result};
use crate::protocol::{Command, Reply};

/// The time that a call may take after its deadline, to undo what it began and
/// to ask tor what went wrong.
pub(crate) const UNDO_WITHIN: Duration = Duration::from_secs(1);

impl Controller {
    /// A handle for what comes after a call's deadline. All its commands together may take [`UNDO_WITHIN`], or the handle's
    /// timeout if that is shorter.
    pub(crate) fn undoing(&self) -> Controller {
        self.with_timeout(self.timeout().min(UNDO_WITHIN)).in_one_call()
    }

    /// Sends a command whose effect nobody would know of if its reply came too late. If it does, `undo` is called with the
    /// late reply, on a thread that ends with the reply or the connection.
    pub(super) fn request_or_undo(
        &self,
        command: Command,
        undo: impl FnOnce(&Controller, &Reply) + Send + 'static,
    ) -> Result<Reply> {
        // What is undone is undone at the tor that did it.
        let tor = self.on_this_link()?;
        let pending = tor.send_checked(command)?;
        match pending.wait_until_deadline() {
            Ok(reply) => match reply.refusal(pending.command()) {
                Some(refusal) => Err(refusal.into()),
                None => Ok(reply),
            },
            Err(error @ Error::Timeout(_)) => {
                tor.undo_late(pending, undo);
                Err(error)
            }
            Err(error) => Err(error),
        }
    }

    fn undo_late(&self, pending: PendingReply, undo: impl FnOnce(&Controller, &Reply) + Send + 'static) {
        let (tor, link) = (self.downgrade(), self.link);
        let command = pending.command().to_string();
        let wait = move || {
            let Ok(reply) = pending.wait_timeout(Duration::MAX) else { return };
            if reply.is_ok()
                && let Some(tor) = tor.upgrade()
            {
                undo(&Controller { link, ..tor }, &reply);
            }
        };
        if let Err(error) = thread::Builder::new().name("scape-undo".into()).spawn(wait) {
            log::warn!(target: "scape::connection", "the late effect of {command} will stay: {error}");
        }
    }
}
