//! The option `__LeaveStreamsUnattached`, which is set while this program
//! attaches streams, and reset afterwards.

use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::Controller;
use super::client_keys::{self, Change, Kept, SendAll};
use super::streams::{close_command, leave_to_tor_command};
use super::time_limits::UNDO_WITHIN;
use crate::error::{Error, Phase, Result};
use crate::io::connection::{CloseCause, Closed, Connection, PendingReply};
use crate::io::transport::Deadline;
use scape_proto::control::{ArgumentError, Command, Refusal, parse_getconf};
use scape_proto::event::{EndReason, StreamInfo, StreamStatus};
use scape_proto::word::{StreamId, is_disguised_onion};

/// The name of the option `__LeaveStreamsUnattached`. While the option is 1,
/// tor attaches no new stream itself: the streams wait for a controller.
pub(crate) const OPTION: &str = "__LeaveStreamsUnattached";
/// The time limit for resetting the option `__LeaveStreamsUnattached` over a
/// separate connection, after this connection has ended.
pub(super) const LAST_TRY: Duration = Duration::from_secs(5);

/// The change that this connection has made to the option
/// `__LeaveStreamsUnattached` and has to undo.
#[derive(Debug, Default)]
pub(super) struct LeaveStreams {
    /// The state of the option after the last command that set or reset it.
    lent: Mutex<Lent>,
    /// Held while a command is sent and `lent` is updated, but not while the
    /// reply is awaited. So `lent` matches the last command that was sent. If
    /// tor reads nothing, sending blocks and the lock stays held. So waiting
    /// for the lock has a deadline.
    turn: Mutex<()>,
}

/// The state of the option `__LeaveStreamsUnattached`, as far as this
/// connection is responsible for it.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Lent {
    /// This connection has not changed `__LeaveStreamsUnattached`, or has reset
    /// it.
    #[default]
    No,
    /// `__LeaveStreamsUnattached` was 0, and this connection has set it to 1.
    Set,
    /// `__LeaveStreamsUnattached` was 1 already, because another controller
    /// attaches streams. So this connection has not changed the option.
    Found,
    /// This connection must still reset `__LeaveStreamsUnattached` to 0. It
    /// couldn't do so earlier because it was down or because an attempt failed.
    Owed,
    /// This connection has set `__LeaveStreamsUnattached` to 1, and then was
    /// lost. The option was reset over a separate connection. A reconnect sets
    /// the option to 1 again.
    Undone,
}

impl LeaveStreams {
    fn get(&self) -> Lent {
        *self.lent.lock()
    }

    fn set(&self, lent: Lent) {
        *self.lent.lock() = lent;
    }

    /// Takes the lock `turn`. Returns an error if another thread holds it until
    /// the deadline.
    fn turn(&self, deadline: Deadline) -> Result<MutexGuard<'_, ()>> {
        self.turn.try_lock_until(deadline.instant()).ok_or_else(|| deadline.error(Phase::Write))
    }

    /// Sets or resets the option `__LeaveStreamsUnattached` after a reconnect,
    /// depending on the state in `lent`. `send` sends commands on the new
    /// connection. tor forgets the client keys in its memory when an option is
    /// changed. `own` are the commands that add this controller's keys again:
    /// see [`Kept::send`].
    pub(super) fn restore(
        &self,
        send: SendAll<'_>,
        own: Vec<Command>,
        deadline: Deadline,
    ) -> Result<()> {
        let before = self.get();
        match before {
            Lent::No => return Ok(()),
            // After a restart of tor, the option is 0 again.
            Lent::Found if is_set(send)? => return Ok(()),
            _ => {}
        }
        let kept = Kept::look(send)?;
        let (pending, then) = {
            let _turn = self.turn(deadline)?;
            let (on, then) = match self.get() {
                // The option was reset, or needn't be set any more, since tor
                // was asked.
                Lent::No => return Ok(()),
                Lent::Set | Lent::Undone | Lent::Found => (true, Lent::Set),
                Lent::Owed => (false, Lent::No),
            };
            let pending = kept.send(send, set(on)?, own)?;
            self.set(then);
            (pending, then)
        };
        let restored = succeeded(pending, send);
        if restored.is_err() {
            let mut lent = self.lent.lock();
            match *lent {
                // The option was not reset, so a reset is still due.
                Lent::No if then == Lent::No => *lent = Lent::Owed,
                // tor refused to set the option, so there is nothing to undo.
                Lent::Set
                    if before == Lent::Found
                        && restored.as_ref().is_err_and(Error::is::<Refusal>) =>
                {
                    *lent = before;
                }
                // tor may still set the option late, so it has to be reset.
                _ => {}
            }
        }
        restored
    }

    /// Sends the command that resets the option `__LeaveStreamsUnattached`,
    /// before the connection ends. The caller then waits for the returned
    /// change with [`finish`](Self::finish). Returns `None` if the option
    /// needn't be reset. Also returns `None` if the command couldn't be sent.
    /// Then the option must be reset later. tor forgets the client keys in its
    /// memory when an option is changed. `own` are the commands that add this
    /// controller's keys again: see [`Kept::send`].
    pub(super) fn put_back(
        &self,
        send: SendAll<'_>,
        own: Vec<Command>,
        deadline: Deadline,
    ) -> Option<Change> {
        if !self.is_due() {
            return None;
        }
        // The option is reset even if tor doesn't report its client keys in
        // time.
        let kept = Kept::look(send).unwrap_or_default();
        let Ok(_turn) = self.turn(deadline) else {
            let mut lent = self.lent.lock();
            // No reset is due if the thread that has the turn has reset the
            // option meanwhile.
            if *lent == Lent::Set {
                *lent = Lent::Owed;
            }
            return None;
        };
        if !self.is_due() {
            return None;
        }
        let sent = set(false).and_then(|command| kept.send(send, command, own));
        self.set(if sent.is_ok() { Lent::No } else { Lent::Owed });
        sent.ok()
    }

    /// Resets the option `__LeaveStreamsUnattached` on the current socket, if
    /// an earlier attempt has failed. Does nothing if no reset is due, or if
    /// the connection is down. Errors are only logged. tor forgets the client
    /// keys in its memory when an option is changed. `own` returns the commands
    /// that add this controller's keys again: see [`Kept::send`].
    pub(super) fn put_back_owed(
        &self,
        connection: &Connection,
        own: impl Fn() -> Vec<Command>,
        timeout: Duration,
    ) {
        let Ok(link) = connection.link_number() else { return };
        if self.get() != Lent::Owed {
            return;
        }
        // The deadline of the call isn't used, because the option must be reset
        // even if the call was cancelled.
        let deadline = Deadline::after(timeout.min(UNDO_WITHIN));
        let send = |commands| connection.send_all_on(Some(link), commands, deadline);
        if let Err(error) = self.restore(&send, own(), deadline) {
            log::debug!(target: "scape::attach", "{OPTION} could not be reset, another try follows: {error}");
        }
    }

    /// Returns true if the option `__LeaveStreamsUnattached` has to be reset
    /// when the connection ends.
    pub(super) fn is_due(&self) -> bool {
        matches!(self.get(), Lent::Set | Lent::Owed)
    }

    /// Sets the option `__LeaveStreamsUnattached` to 0 over a separate
    /// connection, on which `send` sends commands. Then closes the `undecided`
    /// streams, which wait for a decision that this controller can't make any
    /// more. Does nothing if the option isn't 1. tor forgets the client keys in
    /// its memory when an option is changed. `own` are the commands that add
    /// this controller's keys again: see [`Kept::send`].
    pub(super) fn undo_over(
        &self,
        send: SendAll<'_>,
        own: Vec<Command>,
        undecided: &[StreamId],
    ) -> Result<()> {
        if !is_set(send)? {
            // This is another tor by now, or somebody else has reset the
            // option.
            return Ok(());
        }
        change(send, false, own)?;
        let closing: Result<Vec<Command>> =
            undecided.iter().map(|id| close_command(*id, EndReason::MISC)).collect();
        for closed in send(closing?)? {
            // An error only means that the stream has ended meanwhile.
            let _ = closed.wait();
        }
        Ok(())
    }

    /// Records that the option `__LeaveStreamsUnattached` was reset to 0 over a
    /// separate connection.
    pub(super) fn was_undone(&self) {
        let mut lent = self.lent.lock();
        *lent = match *lent {
            Lent::Set => Lent::Undone,
            Lent::Owed => Lent::No,
            other => other,
        };
    }

    /// Waits until tor has reset the option `__LeaveStreamsUnattached`. If tor
    /// refuses or doesn't answer, notes that the option must still be reset.
    pub(super) fn finish(&self, put_back: Change, send: SendAll<'_>) {
        if let Err(error) = succeeded(put_back, send) {
            log::debug!(target: "scape::attach", "{OPTION} could not be reset, another try follows: {error}");
            let mut lent = self.lent.lock();
            if *lent == Lent::No {
                *lent = Lent::Owed;
            }
        }
    }
}

impl Controller {
    /// Sets the option `__LeaveStreamsUnattached` to 1, so that new streams
    /// wait for this controller. If another controller has set the option to 1
    /// already, changes nothing and returns true. New streams then wait for
    /// that controller.
    pub(crate) fn leave_streams(&self) -> Result<bool> {
        let deadline = self.deadline();
        // All commands go to one socket, because another tor has other client
        // keys and another value of the option.
        let tor = self.on_this_link()?.until(deadline);
        let send = |commands| tor.send_all(commands);
        let mut asked = send(vec![get()?, client_keys::view()?])?.into_iter();
        let found = asked.next().map(was_set).transpose()?.unwrap_or_default();
        let kept = asked.next().map(Kept::from).transpose()?.unwrap_or_default();
        let pending = {
            let leave_streams = &self.inner.session.leave_streams;
            let _turn = leave_streams.turn(deadline)?;
            if found && leave_streams.get() != Lent::Owed {
                leave_streams.set(Lent::Found);
                // The state is set before the socket is checked. So either a
                // reconnect sees the new state and sets the option on the next
                // socket, or this check sees the next socket.
                if tor.link != self.connection().link_number().ok() {
                    if leave_streams.get() == Lent::Found {
                        leave_streams.set(Lent::No);
                    }
                    return Err(Closed::new(CloseCause::Reconnecting).into());
                }
                return Ok(true);
            }
            let pending =
                kept.send(&send, set(true)?, self.inner.session.restorables.client_auths())?;
            leave_streams.set(Lent::Set);
            pending
        };
        // If this fails, tor may still set the option late. The caller has to
        // undo that.
        succeeded(pending, &send).map(|()| false)
    }

    /// Sets the option `__LeaveStreamsUnattached` to 1 again, after somebody
    /// else has set it to 0. Sends nothing and returns false if this controller
    /// has reset the option itself.
    pub(crate) fn leave_streams_again(&self) -> Result<bool> {
        self.change_lent(true, |lent| matches!(lent, Lent::Set | Lent::Found).then_some(Lent::Set))
    }

    /// Records that the program has just dropped its last SOCKS client that was
    /// bound to a circuit.
    /// [`had_circuit_client_within`](Self::had_circuit_client_within) reads the
    /// recorded time.
    pub(crate) fn circuit_client_left(&self) {
        *self.inner.session.last_circuit_client.lock() = Some(Instant::now());
    }

    /// Returns true if less than `time` has passed since the program dropped
    /// its last SOCKS client that was bound to a circuit.
    pub(crate) fn had_circuit_client_within(&self, time: Duration) -> bool {
        self.inner.session.last_circuit_client.lock().is_some_and(|left| left.elapsed() < time)
    }

    /// Returns true if the option `__LeaveStreamsUnattached` was 1 already when
    /// this controller began to attach streams. The reason is that another
    /// controller attaches streams.
    pub(crate) fn found_streams_left(&self) -> bool {
        self.inner.session.leave_streams.get() == Lent::Found
    }

    /// Resets the option `__LeaveStreamsUnattached` to its former value.
    /// Returns false if nothing was sent, because this controller has not
    /// changed the option. If the connection is down, a reconnect resets the
    /// option. If tor refuses or doesn't answer, this call returns an error,
    /// and the option is reset when the connection ends.
    pub(crate) fn stop_leaving_streams(&self) -> Result<bool> {
        let call = self.in_one_call();
        let session = &self.inner.session;
        let leave_streams = &session.leave_streams;
        {
            // A reconnect may be setting the option at this moment. It updates
            // the state before it releases the lock.
            let turn = leave_streams.turn(call.deadline());
            let mut lent = leave_streams.lent.lock();
            match (&turn, *lent) {
                (Ok(_), Lent::Found | Lent::Undone) => *lent = Lent::No,
                (Err(error), Lent::Found | Lent::Undone) => {
                    *lent = Lent::Owed;
                    return Err(error.clone());
                }
                _ => {}
            }
            if *lent != Lent::Set {
                return Ok(false);
            }
        }
        let put_back = call.change_lent(false, |lent| (lent == Lent::Set).then_some(Lent::No));
        if let Err(error) = &put_back {
            {
                let mut lent = leave_streams.lent.lock();
                // The command wasn't sent, was refused or wasn't answered. So
                // the option is still to be reset.
                if matches!(*lent, Lent::Set | Lent::No) {
                    *lent = Lent::Owed;
                }
            }
            if error.is_closed() {
                // A reconnect may have read the state before it was set here,
                // and then resets nothing.
                session.put_back_owed(self.timeout);
            }
        }
        put_back
    }

    /// Sets the option `__LeaveStreamsUnattached` to 1 if `on` is true, or else
    /// to 0. `to` takes the current state and returns the new one. If `to`
    /// returns `None`, nothing is sent. Returns true if the command was sent.
    fn change_lent(&self, on: bool, to: impl Fn(Lent) -> Option<Lent>) -> Result<bool> {
        let leave_streams = &self.inner.session.leave_streams;
        if to(leave_streams.get()).is_none() {
            return Ok(false);
        }
        let deadline = self.deadline();
        let tor = self.on_this_link()?.until(deadline);
        let send = |commands| tor.send_all(commands);
        let kept = match Kept::look(&send) {
            // Resetting the option matters more than restoring the client keys.
            Err(error) if !on && error.is_unanswered() => Kept::default(),
            kept => kept?,
        };
        let pending = {
            let _turn = leave_streams.turn(deadline)?;
            let Some(then) = to(leave_streams.get()) else { return Ok(false) };
            let pending =
                kept.send(&send, set(on)?, self.inner.session.restorables.client_auths())?;
            leave_streams.set(then);
            pending
        };
        succeeded(pending, &send).map(|()| true)
    }

    /// Resets the option `__LeaveStreamsUnattached` over a separate connection,
    /// after this controller's connection was lost. Then closes the `undecided`
    /// streams over the separate connection, too.
    pub(crate) fn undo_leaving_streams(&self, undecided: &[StreamId]) -> Result<()> {
        self.inner.session.undo_leaving_streams(undecided, self.timeout)
    }

    /// Returns true if the option `__LeaveStreamsUnattached` is 1, but this
    /// controller has not set it. Perhaps the program that has set it has
    /// ended. Then nothing attaches new streams.
    pub(crate) fn leaves_streams_to_others(&self) -> Result<bool> {
        let ours = self.inner.session.leave_streams.get() == Lent::Set;
        Ok(!ours && is_set(&|commands| self.send_all(commands))?)
    }

    /// Repairs a tor whose streams wait for a controller that is gone. Sets
    /// tor's option `__LeaveStreamsUnattached` to 0, and lets tor attach the
    /// waiting streams. Returns the number of streams that tor attaches.
    /// Waiting streams to an onion address with a trailing dot are closed
    /// instead, because tor would ask an exit for such an address.
    ///
    /// A program that attaches streams may end without resetting this option
    /// (`SIGKILL`, an abort, a crash). Then every new stream of every program
    /// waits for two minutes and fails. See [`undo_all`](crate::undo_all) for
    /// how a program avoids that when it is told to end.
    ///
    /// Don't call this while another program attaches streams, because tor
    /// would then choose the circuits for that program's streams. tor can't
    /// tell if there is such a program. If the option is 0, nothing is changed
    /// and the result is 0.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=1\r\n")
    /// #     .on("SETCONF __LeaveStreamsUnattached=0", "250 OK\r\n").info("stream-status", "12 NEW 0 a.example:80")
    /// #     .on("ATTACHSTREAM 12 0", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let streams = controller.release_streams()?;
    /// println!("{streams} streams were waiting");
    /// # assert_eq!(streams, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if this controller
    /// attaches streams itself. The kind is
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter in
    /// front of it, doesn't allow GETCONF, SETCONF or `GETINFO stream-status`.
    pub fn release_streams(&self) -> Result<usize> {
        let lent = self.inner.session.leave_streams.get();
        if matches!(lent, Lent::Set | Lent::Found) {
            let why = "attaches streams itself: close its attachers and clients first";
            return Err(ArgumentError::invalid("release_streams", "controller", why).into());
        }
        let tor = self.on_this_link()?.in_one_call();
        let send = |commands| tor.send_all(commands);
        if !is_set(&send)? {
            return Ok(0);
        }
        change(&send, false, self.inner.session.restorables.client_auths())?;
        let waiting = tor.streams()?.into_iter().filter(waits);
        let (disguised, waiting): (Vec<_>, Vec<_>) =
            waiting.partition(|stream| is_disguised_onion(stream.target.host()));
        let commands = waiting.iter().chain(&disguised).map(leave_to_tor_command);
        let commands = commands.collect::<Result<Vec<Command>>>()?;
        let mut released = 0;
        for (at, reply) in tor.send_all_unchecked(commands)?.into_iter().enumerate() {
            // tor refuses this for a stream that has ended meanwhile, or that
            // it handles already (555).
            released += usize::from(reply.wait()?.is_ok() && at < waiting.len());
        }
        Ok(released)
    }
}

/// Returns true if the stream waits for a circuit.
fn waits(stream: &StreamInfo) -> bool {
    matches!(stream.status, StreamStatus::New | StreamStatus::NewResolve)
        && stream.circuit.is_none()
}

/// Sets the option `__LeaveStreamsUnattached` to 1 if `on` is true, or else to
/// 0, and waits for tor's reply. tor forgets the client keys in its memory when
/// an option is changed. `own` are the commands that add this controller's keys
/// again: see [`Kept::send`].
fn change(send: SendAll<'_>, on: bool, own: Vec<Command>) -> Result<()> {
    let pending = Kept::look(send)?.send(send, set(on)?, own)?;
    succeeded(pending, send)
}

fn succeeded(change: Change, send: SendAll<'_>) -> Result<()> {
    let (reply, command) = change.wait(send)?;
    match reply.refusal(&command) {
        Some(refusal) => Err(refusal.into()),
        None => Ok(()),
    }
}

fn get() -> Result<Command> {
    Ok(Command::build("GETCONF").word("option", OPTION).finish()?)
}

fn set(on: bool) -> Result<Command> {
    Ok(Command::build("SETCONF").pair(OPTION, if on { "1" } else { "0" }).finish()?)
}

fn is_set(send: SendAll<'_>) -> Result<bool> {
    send(vec![get()?])?.pop().map_or(Ok(false), was_set)
}

fn was_set(asked: PendingReply) -> Result<bool> {
    let lines = parse_getconf(&asked.wait_ok()?, 1);
    Ok(lines
        .first()
        .and_then(|line| line.value.as_deref())
        .is_some_and(|value| value.trim() == "1"))
}
