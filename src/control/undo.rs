//! Undoing what a call has begun, after its deadline has passed.
//!
//! A command whose reply comes after the deadline may still have had its effect
//! in tor, but the caller got an error. [`Controller::request_or_undo`] waits
//! for the late reply on another thread and undoes the effect.
//!
//! "The restorables" are the services, keys, mappings and so on that are
//! restored after a reconnect: see [`restorables`](super::restorables).

use std::time::Duration;

use super::Controller;
use super::latest::{Claim, Watch};
use super::restorables::Kind;
use super::session::undone;
use super::time_limits::UNDO_WITHIN;
use crate::error::Result;
use crate::io::connection::{Closed, PendingReply};
use crate::io::transport::Deadline;
use scape_proto::control::{Command, Reply};

impl Controller {
    /// Returns a handle for commands after a call's deadline. All commands of
    /// the returned handle together take at most [`UNDO_WITHIN`], or this
    /// handle's timeout if that is shorter. The commands can't be cancelled.
    pub(crate) fn undoing(&self) -> Controller {
        self.undoing_within(UNDO_WITHIN)
    }

    /// Like [`undoing`](Self::undoing), but with `limit` in place of
    /// [`UNDO_WITHIN`].
    pub(crate) fn undoing_within(&self, limit: Duration) -> Controller {
        let uncancelled = Controller { cancel: None, ..self.clone() };
        uncancelled.with_timeout(self.timeout().min(limit)).in_one_call()
    }

    /// Sends a command and waits for the reply. If tor answers only after the
    /// call has given up, calls `undo` with that late reply, to undo the
    /// command's effect. `undo` runs on the session's thread for [late
    /// replies](super::late). It isn't called if tor refuses the command, or if
    /// the connection ends before the reply.
    ///
    /// The controller that is passed to `undo` only sends on the socket that
    /// `command` was sent on. On another socket, `undo` could change another
    /// tor, or undo the work of another program.
    pub(super) fn request_or_undo(
        &self,
        command: Command,
        undo: impl FnOnce(&Controller, &Reply) + Send + 'static,
    ) -> Result<Reply> {
        let shown = command.clone();
        let undo_success = move |tor: &Controller, reply: &Reply| {
            if reply.is_ok() {
                undo(tor, reply);
            }
        };
        let reply = self.reply_or_undo(command, undo_success)?;
        match reply.refusal(&shown) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(reply),
        }
    }

    /// Like [`request_or_undo`](Self::request_or_undo), but for a command of
    /// which tor may refuse only a part. So a refusal is not an error: it is
    /// returned as the reply, or passed to `undo`.
    pub(super) fn reply_or_undo(
        &self,
        command: Command,
        undo: impl FnOnce(&Controller, &Reply) + Send + 'static,
    ) -> Result<Reply> {
        let tor = self.on_this_link()?;
        let pending = tor.send_checked(command)?;
        match pending.wait_until_deadline() {
            Err(error) if error.is_unanswered() => {
                tor.undo_late(pending, undo);
                Err(error)
            }
            answer => answer,
        }
    }

    /// Makes sure that tor has the restorable named `what`, which was just
    /// added to the restorables. Without this call, tor would lack the
    /// restorable if this handle's socket ended after tor's reply and before
    /// the restorable was added. See
    /// [`Session::give_back_late`](super::session::Session::give_back_late). If
    /// restoring fails, removes the restorable from the restorables and from
    /// tor.
    pub(super) fn noted(&self, what: &str) -> Result<()> {
        let Some(link) = self.link else { return Ok(()) };
        let session = &self.inner.session;
        session.give_back_late(link, what, self.deadline()).inspect_err(|error| {
            let Some(command) = session.restorables.forget(what) else { return };
            if error.is_unanswered() {
                // tor may have the restorable already, or execute the command
                // later. So remove it from tor.
                let deadline = Deadline::after(self.timeout().min(UNDO_WITHIN));
                let sent = session.connection().send(command, deadline);
                let _ = sent.and_then(PendingReply::wait);
            }
        })
    }

    /// Makes sure that tor doesn't have a restorable that was just removed from
    /// the restorables. A reconnect may have restored it on another socket, if
    /// this handle's socket ended between tor's reply and the removal. `watch`
    /// must have begun when the call began.
    pub(super) fn not_given_back(&self, kind: &Kind, watch: &Watch<'_>) -> Result<()> {
        if !self.is_on_an_old_link() {
            return Ok(());
        }
        match self.inner.session.take_back_dropped(kind, watch, self.deadline()) {
            Err(error) if error.is::<Closed>() => Ok(()),
            taken => taken,
        }
    }

    /// Like [`not_given_back`](Self::not_given_back), for a call that holds a
    /// [`Claim`] on the restorable.
    pub(super) fn not_given_back_claimed(&self, kind: &Kind, claim: &Claim) -> Result<()> {
        if !self.is_on_an_old_link() {
            return Ok(());
        }
        let send = || self.inner.session.send_undo(kind, self.deadline());
        let sent = claim.undo(|is_latest| is_latest(&kind.claimed()).then(send));
        match undone(sent) {
            Err(error) if error.is::<Closed>() => Ok(()),
            taken => taken,
        }
    }

    /// Returns true if this handle sends on an old socket: the connection was
    /// opened again meanwhile, and callers now send on the new socket.
    fn is_on_an_old_link(&self) -> bool {
        let now = self.connection().link_number().ok();
        self.link.is_some() && now.is_some() && now != self.link
    }

    fn undo_late(
        &self,
        pending: PendingReply,
        undo: impl FnOnce(&Controller, &Reply) + Send + 'static,
    ) {
        let (tor, link) = (self.internal(), self.link);
        let command = pending.command().to_string();
        let undo = move |reply: &Reply| {
            if let Some(tor) = tor.get() {
                // Others wait for this thread, so each undo has little time.
                undo(&Controller { link, ..tor }.undoing(), reply);
            }
        };
        if let Err(error) = self.inner.session.late.expect(pending, undo) {
            log::warn!(target: "scape::connection", "the late effect of {command} will stay: {error}");
        }
    }
}
