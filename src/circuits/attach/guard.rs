//! The methods that install an attacher, and the guard that removes it.

use std::fmt;

use super::leave_unattached::{Afterwards, LeaveUnattachedGuard};
use super::registry::Registry;
use super::{PriorityMember, StreamAttacher};
use crate::control::Controller;
use crate::error::Result;
use crate::live::state::State;

/// Attaching streams: the command ATTACHSTREAM and the event STREAM in
/// control-spec, and `__LeaveStreamsUnattached` in tor's manual.
impl Controller {
    /// Installs an attacher with priority 0. As long as the returned guard
    /// lives, the attacher decides which circuits new streams use. See
    /// [`attach`](crate::attach).
    ///
    /// Until the guard is dropped, every new stream of this tor waits for this
    /// program. A program that is ended by a signal should call
    /// [`undo_all`](crate::undo_all) first. Otherwise the streams of every
    /// program stay unattached until tor is restarted or
    /// [`release_streams`](Self::release_streams) is called: see [the
    /// module](crate::attach).
    ///
    /// ```no_run
    /// use scape::attach::{Decision, StreamRequest};
    /// use scape::event::EndReason;
    ///
    /// let tor = scape::Tor::connect()?;
    /// let guard = tor.controller()?.attach_streams(|stream: &StreamRequest| {
    ///     match stream.target().port() {
    ///         Some(25) => Decision::Refuse(EndReason::EXIT_POLICY),
    ///         _ => Decision::Pass,
    ///     }
    /// })?;
    /// guard.close()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`attach_streams_with`](Self::attach_streams_with), most
    /// often of the kind [`ErrorKind::Refused`](crate::ErrorKind::Refused).
    pub fn attach_streams(&self, attacher: impl StreamAttacher) -> Result<AttacherGuard> {
        self.attach_streams_with(0, attacher)
    }

    /// Installs an attacher with a priority. The attacher with the highest
    /// priority is asked first. Of attachers with equal priority, the one that
    /// was installed first is asked first. If an attacher returns
    /// [`Pass`](crate::attach::Decision::Pass), the next one is asked.
    ///
    /// The call takes at most the timeout of this controller. If the call
    /// fails, undoing its changes takes up to one second more.
    ///
    /// Until the guard is dropped, every new stream of this tor waits for this
    /// program. A program that is ended by a signal should call
    /// [`undo_all`](crate::undo_all) first. Otherwise the streams of every
    /// program stay unattached until tor is restarted or
    /// [`release_streams`](Self::release_streams) is called: see [the
    /// module](crate::attach).
    ///
    /// Hand-picked circuits stand out, and may reveal their user.
    ///
    /// ```no_run
    /// use scape::attach::{Decision, StreamRequest};
    ///
    /// let tor = scape::Tor::connect()?;
    /// // A low priority: this one is asked after all others.
    /// let last = |stream: &StreamRequest| {
    ///     println!("{} is left to tor", stream.target());
    ///     Decision::Tor
    /// };
    /// let guard = tor.controller()?.attach_streams_with(-10, last)?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter in
    /// front of its control port, refuses the option
    /// `__LeaveStreamsUnattached`, the STREAM and CONF_CHANGED events, or
    /// `GETINFO stream-status`. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// within the controller's timeout. In both cases the option is reset, and
    /// streams that began to wait meanwhile are left to tor. If tor doesn't
    /// answer the reset either, the option is reset when the connection ends.
    pub fn attach_streams_with(
        &self,
        priority: i32,
        attacher: impl StreamAttacher,
    ) -> Result<AttacherGuard> {
        let registry = Registry::of(self)?;
        // The attacher is added first, so that it is asked about streams that
        // already wait.
        let member = registry.users.add(priority, attacher);
        let hold = LeaveUnattachedGuard::hold(registry, self, Afterwards::PutBack)?;
        Ok(AttacherGuard { member, hold })
    }
}

/// Methods for attaching streams, which do the same as those of [`Controller`].
impl State {
    /// Installs an attacher with priority 0, which is active as long as the
    /// returned guard lives: see [`Controller::attach_streams`].
    ///
    /// ```
    /// # use scape::attach::{Decision, StreamRequest};
    /// # let tor = scape::testing::ScriptedTor::builder()
    /// #     .info("stream-status", "").info("ns/all", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").info("version", "0.4.9.11")
    /// #     .info("circuit-status", "7 BUILT alice,bob PURPOSE=GENERAL")
    /// #     .on_prefix("SETCONF", "250 OK\r\n").on_prefix("ATTACHSTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::word::CircuitId;
    ///
    /// let circuit = state.circuit(CircuitId::new(7)).ok_or("there is no circuit 7")?;
    /// let guard = state.attach(move |stream: &StreamRequest| match stream.target().port() {
    ///     Some(443) => Decision::on(&circuit),
    ///     _ => Decision::Pass,
    /// })?;
    /// # tor.send("650 STREAM 12 NEW 0 example.com:443 PURPOSE=USER\r\n");
    /// # tor.send("650 STREAM 12 CONTROLLER_WAIT 0 example.com:443\r\n");
    /// # assert_eq!(tor.wait_for("ATTACHSTREAM")?, "ATTACHSTREAM 12 7");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Controller::attach_streams_with`], most often of the
    /// kind [`ErrorKind::Refused`](crate::ErrorKind::Refused).
    #[doc(alias = "set_attacher")]
    pub fn attach(&self, attacher: impl StreamAttacher) -> Result<AttacherGuard> {
        self.controller().attach_streams(attacher)
    }

    /// Installs an attacher with a priority. The attacher with the highest
    /// priority is asked first: see [`Controller::attach_streams_with`].
    ///
    /// ```
    /// # let tor = scape::testing::ScriptedTor::builder()
    /// #     .info("stream-status", "").info("ns/all", "")
    /// #     .info("address-mappings/all", "").info("entry-guards", "").info("version", "0.4.9.11")
    /// #     .info("circuit-status", "7 BUILT alice,bob PURPOSE=GENERAL")
    /// #     .on_prefix("SETCONF", "250 OK\r\n").on_prefix("ATTACHSTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let state = scape::State::new(&controller)?;
    /// use scape::attach::{Decision, StreamRequest};
    ///
    /// // A low priority: this attacher is asked after all others.
    /// let guard = state.attach_with(-10, |_: &StreamRequest| Decision::Tor)?;
    /// guard.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Controller::attach_streams_with`], most often of the
    /// kind [`ErrorKind::Refused`](crate::ErrorKind::Refused).
    pub fn attach_with(
        &self,
        priority: i32,
        attacher: impl StreamAttacher,
    ) -> Result<AttacherGuard> {
        self.controller().attach_streams_with(priority, attacher)
    }
}

/// The guard of an installed attacher. The attacher is active as long as its
/// guard lives. [`Controller::attach_streams`] returns the guard.
///
/// Dropping the guard removes the attacher. Dropping the last guard also resets
/// tor's option `__LeaveStreamsUnattached`, and waits up to five seconds for
/// tor's reply. The removed attacher may still decide on streams that it is
/// being asked about, and on streams that it kept for later
/// ([`StreamAnswer`](super::StreamAnswer)). The guard keeps the control
/// connection open.
#[must_use = "dropping this removes the attacher at once"]
pub struct AttacherGuard {
    // The order matters: the attacher is removed before
    // `__LeaveStreamsUnattached` is reset.
    member: PriorityMember,
    hold: LeaveUnattachedGuard,
}

impl AttacherGuard {
    /// Removes the attacher like dropping the guard does, but reports errors.
    /// Waits for at most the timeout of the [`Controller`] that installed the
    /// attacher.
    ///
    /// Returns false if the control connection wasn't open. If this was also
    /// the last guard, tor's option `__LeaveStreamsUnattached` stays 1 until
    /// the connection reconnects.
    ///
    /// ```
    /// # let tor = scape::testing::ScriptedTor::builder().info("stream-status", "")
    /// #     .info("version", "0.4.9.11").on_prefix("SETCONF", "250 OK\r\n")
    /// #     .on_prefix("ATTACHSTREAM", "250 OK\r\n").on_prefix("CLOSESTREAM", "250 OK\r\n")
    /// #     .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=0\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::attach::{Decision, StreamRequest};
    ///
    /// let guard = controller.attach_streams(|_: &StreamRequest| Decision::Tor)?;
    /// assert!(guard.close()?); // the connection was open, and tor's option is reset
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// within the controller's timeout. The errors of
    /// [`set_conf`](Controller::set_conf) are also possible. The attacher is
    /// removed even if the call fails.
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
