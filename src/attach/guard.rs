//! An attacher that is installed.

use std::fmt;

use super::hold::{Afterwards, Hold};
use super::registry::Registry;
use super::{PriorityMember, StreamAttacher};
use crate::controller::Controller;
use crate::error::Result;
use crate::state::State;

/// Attaching streams. control-spec, command ATTACHSTREAM and event STREAM;
/// tor's manual, `__LeaveStreamsUnattached`.
impl Controller {
    /// Installs an attacher with priority 0. It decides over which circuits new
    /// streams go as long as the returned guard lives. See
    /// [`attach`](crate::attach).
    ///
    /// Until the guard is dropped, every new stream of this tor waits for this
    /// program. A program that is ended by a signal should call
    /// [`undo_all`](crate::undo_all) first, or no program can use that tor any
    /// more: see [the module](crate::attach).
    ///
    /// # Errors
    ///
    /// Same errors as [`attach_streams_with`](Self::attach_streams_with), most
    /// often [`ErrorKind::Refused`](crate::ErrorKind::Refused).
    pub fn attach_streams(&self, attacher: impl StreamAttacher) -> Result<AttacherGuard> {
        self.attach_streams_with(0, attacher)
    }

    /// Installs an attacher with a priority. The attacher with the highest
    /// priority is asked first, and of equal ones the one that was installed
    /// first. If it answers [`NotMine`](crate::attach::Decision::NotMine), the
    /// next one is asked.
    ///
    /// The call takes the handle's timeout at most. If it fails, undoing takes
    /// up to one second more.
    ///
    /// Until the guard is dropped, every new stream of this tor waits for this
    /// program. A program that is ended by a signal should call
    /// [`undo_all`](crate::undo_all) first, or no program can use that tor any
    /// more: see [the module](crate::attach).
    ///
    /// Circuits that are chosen by hand can be told from others, and may reveal
    /// who uses them.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter
    /// before it, doesn't let the option be set or read, or refuses the events
    /// or `stream-status`, and of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// in time. Nothing is changed then.
    pub fn attach_streams_with(
        &self,
        priority: i32,
        attacher: impl StreamAttacher,
    ) -> Result<AttacherGuard> {
        let registry = Registry::of(self)?;
        // First, so that the streams that wait already are asked about.
        let member = registry.users.add(priority, attacher);
        let hold = registry.hold(self, Afterwards::PutBack)?;
        Ok(AttacherGuard { member, hold })
    }
}

/// Attaching streams: as the methods of [`Controller`].
impl State {
    /// Has `attacher` decide over which circuits streams go, as long as the
    /// returned guard lives: [`Controller::attach_streams`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn attach(&self, attacher: impl StreamAttacher) -> Result<AttacherGuard> {
        self.controller().attach_streams(attacher)
    }

    /// As [`attach`](Self::attach), with a priority:
    /// [`Controller::attach_streams_with`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn attach_with(
        &self,
        priority: i32,
        attacher: impl StreamAttacher,
    ) -> Result<AttacherGuard> {
        self.controller().attach_streams_with(priority, attacher)
    }
}

/// An attacher that decides on streams as long as this lives. Made by
/// [`Controller::attach_streams`].
///
/// Dropping it removes the attacher, and with the last one puts
/// `__LeaveStreamsUnattached` back, for which it waits up to five seconds. What
/// it is being asked about at that moment is still its own to decide, as is
/// what it has kept ([`StreamAnswer`](super::StreamAnswer)). It keeps the
/// control connection open.
#[must_use = "dropping this removes the attacher at once"]
pub struct AttacherGuard {
    // In this order: the attacher goes before the option.
    member: PriorityMember,
    hold: Hold,
}

impl AttacherGuard {
    /// Removes the attacher, like dropping the guard, but within the handle's
    /// timeout, and reports errors. Returns false if the control connection
    /// wasn't open. What is to be put back is put back if the connection is
    /// made again.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// in time. The errors of [`set_conf`](Controller::set_conf) are also
    /// possible. The attacher is removed anyway.
    pub fn close(self) -> Result<bool> {
        let AttacherGuard { member, hold } = self;
        let was_there = hold.controller().closed().is_none();
        drop(member);
        hold.close().map(|()| was_there)
    }
}

impl fmt::Debug for AttacherGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AttacherGuard").field("member", &self.member).finish_non_exhaustive()
    }
}
