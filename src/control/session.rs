//! The state that all handles of a controller share: the connection, and
//! everything that is needed to open it again and to restore what the program
//! made.
//!
//! [`Session::make`] is the reconnect. It connects, restores, and lets callers
//! in: from then on, callers can send commands on the new connection.
//!
//! Invariants:
//!
//! * One thread at a time reconnects: it holds `making`.
//! * Callers are let in only after the commands that restore all restorables
//!   (onion services, mappings and so on) were sent to the new tor. A
//!   restorable that is added later is restored by [`Session::give_back_rest`]
//!   or [`Session::give_back_late`].
//! * A restorable that the program drops while it is being restored doesn't
//!   stay in tor. [`Session::take_back_rest`] removes it.

mod keeping;

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::cache::Cache;
use super::keeper::{self, Keeping};
use super::late::LateReplies;
use super::latest::{Latest, Watch};
use super::leave_streams::{LAST_TRY, LeaveStreams};
use super::lost_onions::LostOnions;
use super::questions::Questions;
use super::recipe::Recipe;
use super::restorables::{Kind, Restorable, Restorables, onion_name};
use super::retake::{Part, Retakes, may_pass};
use super::shared::{ReconnectHook, Shared};
use super::time_limits::UNDO_WITHIN;
use crate::control::ConnectError;
use crate::error::{Error, Phase, Result};
use crate::io::connection::{
    Candidate, CloseCause, Closed, Connection, JOIN_FOR, PendingReply, Reconnected, Restoring,
    RouteGuard, Thread,
};
use crate::io::transport::{Address, Deadline};
use crate::io::undo::{self, Rank, Undo};
use scape_proto::control::{ArgumentError, Command, Refusal, Reply, Signal};
use scape_proto::word::{OnionAddress, StreamId};

/// The restorables that were restored on a new connection, each with its name
/// and its kind.
type Given = Vec<(String, Kind)>;

/// A socket number that no socket has, because sockets are counted from 1.
const NO_LINK: u64 = 0;

/// A function that takes a command that changes tor's configuration, and
/// returns the command to send instead. It keeps a launched tor from losing the
/// authentication of its control ports.
pub(super) type Amend = dyn Fn(Command) -> Result<Command> + Send + Sync;

/// A connection, and everything that is needed to open it again.
pub(super) struct Session {
    connection: Connection,
    /// The settings that the connection was made with. `None` if the connection
    /// was made from a transport, because a transport can't be opened again.
    recipe: Option<Recipe>,
    /// The address of the other end of the first socket, if this was a TCP
    /// socket.
    peer: Option<Address>,
    pub(super) cache: Arc<Cache>,
    pub(super) restorables: Restorables,
    /// The onion services that couldn't be restored after a reconnect.
    pub(super) lost_onions: LostOnions,
    /// The latest call that asked for each restorable. An earlier call for the
    /// same restorable may have timed out. The late effect of such a call isn't
    /// undone, because that would also undo the effect of the latest call.
    pub(super) latest: Arc<Latest>,
    /// The replies to commands that must be undone, because the calls that sent
    /// them have given up.
    pub(super) late: LateReplies,
    /// The change that this connection has made to the option
    /// `__LeaveStreamsUnattached`.
    pub(super) leave_streams: LeaveStreams,
    /// The time when the program dropped its last SOCKS client that was bound
    /// to a circuit. `None` if no such client was dropped yet.
    pub(super) last_circuit_client: Mutex<Option<Instant>>,
    /// The signals in tor's answer to `GETINFO signal/names`. `None` until tor
    /// was asked. The inner `Option` is `None` if a filter on the control port
    /// refuses the question.
    pub(super) signals: Mutex<Option<Option<Arc<[Signal]>>>>,
    /// The registration with which the cache gets tor's events. `None` if the
    /// cache needs no events.
    pub(super) cache_events: Mutex<Option<RouteGuard>>,
    /// Values that belong to the connection and are created on demand, such as
    /// the live state.
    pub(super) shared: Shared,
    /// The followers: values that are told about a reconnect, such as the live
    /// state. A reconnect calls them after it has restored everything else, and
    /// before other threads can use the connection.
    pub(super) followers: Mutex<Vec<Weak<dyn ReconnectHook>>>,
    /// The parts, such as onion services, that tor refused to restore after a
    /// reconnect. Later attempts follow.
    pub(super) retakes: Retakes,
    /// The function that amends each command that changes tor's configuration,
    /// before the command is sent. It is set for launched tors only.
    pub(super) amend: OnceLock<Box<Amend>>,
    /// Held during a reconnect, so that there is one at a time.
    making: Mutex<()>,
    /// The thread that looks after the connection. `None` until the thread is
    /// needed. `None` again when a call has begun to wait for the thread's end.
    keeper: Mutex<Option<Thread>>,
}

impl Session {
    /// Creates a session on a connection that was just authenticated. If
    /// `keeping` has tasks, a thread looks after the connection.
    pub(super) fn start(
        connection: Connection,
        candidate: Candidate,
        recipe: Option<Recipe>,
        keeping: Keeping,
    ) -> Result<Arc<Session>> {
        let peer = candidate.peer().map(Address::Ip);
        connection.adopt(candidate)?;
        let session = Arc::new(Session {
            connection,
            recipe,
            peer,
            cache: Arc::default(),
            restorables: Restorables::default(),
            lost_onions: LostOnions::default(),
            latest: Arc::default(),
            late: LateReplies::default(),
            leave_streams: LeaveStreams::default(),
            last_circuit_client: Mutex::default(),
            signals: Mutex::default(),
            cache_events: Mutex::default(),
            shared: Shared::default(),
            followers: Mutex::default(),
            retakes: Retakes::default(),
            amend: OnceLock::new(),
            making: Mutex::default(),
            keeper: Mutex::default(),
        });
        undo::register(Rank::Connection, &session);
        session.connection.set_persistent(session.is_persistent());
        if keeping.is_needed()
            && let Err(error) = session.keep(keeping)
        {
            close_on_drop(&session);
            return Err(error);
        }
        Ok(session)
    }

    /// Starts the thread that looks after the connection, unless it runs
    /// already.
    fn keep(self: &Arc<Self>, keeping: Keeping) -> Result<()> {
        let mut keeper = self.keeper.lock();
        if keeper.is_none() {
            let session = self.clone();
            let thread = Thread::spawn("scape-keeper", move || keeper::run(&session, &keeping));
            *keeper =
                Some(thread.map_err(|e| {
                    Error::io("start the thread that looks after the connection", e)
                })?);
        }
        Ok(())
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// Returns the settings for opening the connection again. Returns `None` if
    /// the connection was made from a transport, because a transport can't be
    /// opened again.
    pub(super) fn recipe(&self) -> Option<&Recipe> {
        self.recipe.as_ref()
    }

    /// Returns the address of tor if it is known: the address that was
    /// connected to, or else the other end of the first TCP connection that the
    /// program opened.
    pub(super) fn tor_address(&self) -> Option<&Address> {
        self.address().or(self.peer.as_ref())
    }

    /// Returns the address that was connected to. Returns `None` if the program
    /// opens the transport itself.
    pub(super) fn address(&self) -> Option<&Address> {
        self.recipe.as_ref().and_then(Recipe::address)
    }

    /// Returns the SOCKS port that the environment names for this tor. Returns
    /// `None` if the environment names no SOCKS port, or if the connection
    /// wasn't made with [`Connect::from_env`](super::Connect::from_env).
    pub(super) fn environment_socks(&self) -> Option<&Address> {
        self.recipe.as_ref().and_then(|recipe| recipe.socks.as_ref())
    }

    fn is_persistent(&self) -> bool {
        self.recipe.as_ref().is_some_and(Recipe::is_persistent)
    }

    /// Closes the connection if it is open, and opens it again. Returns an
    /// error if the connection has ended for good, or if it was made from a
    /// transport.
    pub(super) fn reconnect(self: &Arc<Self>, deadline: Deadline) -> Result<Reconnected> {
        let recipe = self.recipe.as_ref().ok_or_else(|| {
            let why = "was made from a transport, which cannot be opened again";
            ArgumentError::invalid("reconnect", "controller", why)
        })?;
        let making = self.lock_making(deadline)?;
        if let Some(closed) = self.connection.ended() {
            return Err(closed.into());
        }
        self.let_go_of_tor(deadline)?;
        self.connection.disconnect(CloseCause::Reconnecting);
        let made = self.make(recipe, deadline);
        drop(making);
        if made.is_err() && !self.is_persistent() {
            self.connection.give_up();
        }
        made
    }

    /// Drops the ownership of tor, because tor would otherwise end together
    /// with the connection that is about to be replaced. Does nothing if the
    /// connection is already closed, or doesn't own tor.
    fn let_go_of_tor(&self, deadline: Deadline) -> Result<()> {
        if !self.restorables.owns_tor() || self.connection.closed().is_some() {
            return Ok(());
        }
        let command = Command::build("DROPOWNERSHIP").finish()?;
        let sent = self.connection.send(command, deadline).and_then(PendingReply::wait_ok);
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.is::<Closed>() => Ok(()),
            Err(error) => {
                if error.is_unanswered() {
                    // tor may still execute the command, and this connection
                    // stays open, so it must own tor again.
                    let command = Command::build("TAKEOWNERSHIP").finish()?;
                    let sent = self.connection.send(command, Deadline::after(UNDO_WITHIN));
                    let _ = sent.and_then(PendingReply::wait);
                }
                Err(error)
            }
        }
    }

    pub(super) fn lock_making(&self, deadline: Deadline) -> Result<MutexGuard<'_, ()>> {
        let making = self.making.try_lock_until(deadline.instant());
        making.ok_or_else(|| deadline.error(Phase::Connect))
    }

    /// Connects, authenticates, restores what the program made, and lets
    /// callers use the connection. The result names what tor refused to
    /// restore.
    fn make(self: &Arc<Self>, recipe: &Recipe, deadline: Deadline) -> Result<Reconnected> {
        let candidate = recipe.candidate(&self.connection, deadline.part(recipe.timeout))?;
        let restoring = self.connection.restore_on(candidate)?;
        // The cached answers came from the previous tor, and may be wrong for
        // this one.
        self.forget();
        let mut given = Given::new();
        let watch = self.latest.watch(deadline)?;
        let refused = self.restore(&restoring, deadline, &mut given)?;
        let failures = refused.iter().map(|(part, error)| (part.name(), error.clone()));
        let reconnected = Reconnected { failures: failures.collect() };
        for (part, error) in refused.iter().filter(|(_, error)| !may_pass(error)) {
            self.is_lost(part, error);
        }
        // This comes before callers are let in, because the keeper looks at the
        // retakes as soon as the connection is open.
        if self.retakes.begin(restoring.number(), refused) {
            let keeping = Keeping { timeout: recipe.timeout, ..Keeping::default() };
            if let Err(error) = self.keep(keeping) {
                log::warn!(target: "scape::connection", "what tor refused is not tried again: {error}");
            }
        }
        restoring.open(&reconnected, self.is_persistent())?;
        self.put_back_owed(deadline.timeout());
        self.give_back_rest(&given, deadline);
        self.take_back_rest(&given, &watch, deadline);
        Ok(reconnected)
    }

    fn forget(&self) {
        self.cache.forget();
        *self.signals.lock() = None;
    }

    /// Subscribes to events again and restores what the program made. For each
    /// restorable that was restored, `given` gets an entry.
    ///
    /// Returns the parts that tor refused, with the refusals. Other errors end
    /// the attempt, because the connection must not open before everything was
    /// sent.
    fn restore(
        &self,
        restoring: &Restoring,
        deadline: Deadline,
        given: &mut Given,
    ) -> Result<Vec<(Part, Error)>> {
        let ask = |command| restoring.request(command, deadline);
        let mut refused = Refused::default();
        self.lost_onions.clear();
        // The subscriptions to events come first, so that events report every
        // change of what is read from tor below.
        refused.note(Part::Events, restoring.tell_again(deadline))?;
        // The restorables may change while they are restored. A call whose
        // reply came just before the last connection ended may add its service
        // or mapping only now. The program may also drop a restorable that was
        // just restored. So repeat until nothing has changed.
        loop {
            let wanted = self.restorables.belongings();
            let unwanted: Vec<_> = given
                .extract_if(.., |(what, _)| !wanted.iter().any(|it| it.what == *what))
                .collect();
            for (what, kind) in &unwanted {
                log::debug!(target: "scape::connection", "{what} was dropped meanwhile and is removed");
                match ask(kind.undo()?) {
                    Ok(_) => {}
                    Err(error) if error.is::<Refusal>() => {}
                    Err(error) => return Err(error),
                }
            }
            let is_new = |it: &Restorable| !given.iter().any(|(what, _)| it.what == *what);
            let new: Vec<_> = wanted.into_iter().filter(is_new).collect();
            if new.is_empty() && unwanted.is_empty() {
                break;
            }
            given.extend(new.iter().map(|it| (it.what.clone(), it.kind.clone())));
            self.give_back(new, restoring, deadline, &mut refused)?;
        }
        for (address, again) in self.restorables.detached() {
            let (what, kind) = (onion_name(&address), Kind::Onion(address));
            match give_back_detached(&address, again, &ask) {
                // The program may have dropped the service meanwhile.
                Ok(true) => given.push((what, kind)),
                Ok(false) => {}
                Err(error) => refused.note(Part::Restorable(what, Some(address)), Err(error))?,
            }
        }
        let send = |commands| restoring.send_all(commands, deadline);
        let restored = self.leave_streams.restore(&send, self.restorables.client_auths(), deadline);
        refused.note(Part::LeaveStreams, restored)?;
        for follower in self.followers() {
            refused.note(
                Part::ReconnectHook(Arc::downgrade(&follower)),
                follower.reconnected(&Questions::new(&ask)),
            )?;
        }
        Ok(refused.0)
    }

    /// Restores the restorable with the name `what` on the current socket, if
    /// the last reconnect may have missed it. `link` is the number of the
    /// socket on which tor replied to the command that made the restorable. If
    /// another socket has replaced that socket, the restorable may have been
    /// added to the restorables too late for the reconnect.
    ///
    /// Does nothing if there is no connection now, because the next reconnect
    /// restores everything. The restorable must be in the restorables before
    /// this call. Then the reconnect finds the restorable there, or this call
    /// finds the new socket. If both happen, the restorable is restored twice,
    /// which does no harm.
    pub(super) fn give_back_late(&self, link: u64, what: &str, deadline: Deadline) -> Result<()> {
        let Ok(now) = self.connection.link_number() else { return Ok(()) };
        let belongings = self.restorables.belongings().into_iter();
        let Some(belonging) =
            belongings.filter(|_| now != link).find(|belonging| belonging.what == what)
        else {
            return Ok(());
        };
        let watch = self.latest.watch(deadline)?;
        let ask = |command| self.connection.send_on(Some(now), command, deadline)?.wait_ok();
        let given = match (ask(belonging.command?), belonging.kind.onion()) {
            (Err(refusal), Some(address)) if refusal.is::<Refusal>() => {
                Questions::new(&ask).has_onion(&address).and_then(|is_there| {
                    if is_there {
                        return Ok(());
                    }
                    self.restorables.remove_onion(&address);
                    Err(refusal)
                })
            }
            (given, _) => given.map(drop),
        };
        // The program may have dropped the restorable meanwhile.
        let given = given.and_then(|()| self.take_back_dropped(&belonging.kind, &watch, deadline));
        match given {
            Err(error) if error.is::<Closed>() => Ok(()),
            given => given,
        }
    }

    /// Does for a detached service the same as
    /// [`give_back_late`](Self::give_back_late) does for a restorable: adds it
    /// to tor again if another socket has replaced the one with the number
    /// `link`, and tor no longer has the service.
    pub(super) fn give_back_detached_late(
        &self,
        link: u64,
        address: OnionAddress,
        again: Result<Command>,
        deadline: Deadline,
    ) -> Result<()> {
        let now = match self.connection.link_number() {
            Ok(now) if now != link => now,
            _ => return Ok(()),
        };
        let watch = self.latest.watch(deadline)?;
        let ask = |command| self.connection.send_on(Some(now), command, deadline)?.wait_ok();
        // The program may have dropped the service meanwhile.
        let given = give_back_detached(&address, again, &ask)
            .and_then(|_| self.take_back_dropped(&Kind::Onion(address), &watch, deadline));
        match given {
            Err(error) if error.is::<Closed>() => Ok(()),
            given => given,
        }
    }

    /// Restores the restorables that were added after
    /// [`restore`](Self::restore) had last read the list. Among these may be
    /// one that a caller has just made on the new connection. Restoring it
    /// again leaves it as it is.
    fn give_back_rest(&self, given: &Given, deadline: Deadline) {
        for belonging in self.restorables.belongings() {
            if given.iter().any(|(what, _)| *what == belonging.what) {
                continue;
            }
            if let Err(error) = self.give_back_late(NO_LINK, &belonging.what, deadline) {
                log::warn!(target: "scape::connection", "{} is lost: {error}", belonging.what);
            }
        }
    }

    /// Removes from tor the restorables in `given` that the program dropped
    /// while they were being restored. At that time, the program's own commands
    /// to remove them couldn't be sent.
    fn take_back_rest(&self, given: &Given, watch: &Watch<'_>, deadline: Deadline) {
        for (what, kind) in given {
            match self.take_back_dropped(kind, watch, deadline) {
                Ok(()) => {}
                Err(error) if error.is::<Closed>() => {}
                Err(error) => {
                    log::warn!(target: "scape::connection", "cannot remove {what}: {error}");
                }
            }
        }
    }

    /// Removes from tor a restorable that was restored after `watch` began,
    /// although the program had dropped the restorable. Sends nothing if the
    /// restorable is still in `restorables`, or if a call has asked for it
    /// since `watch` began.
    pub(super) fn take_back_dropped(
        &self,
        kind: &Kind,
        watch: &Watch<'_>,
        deadline: Deadline,
    ) -> Result<()> {
        let sent = watch.unless_claimed(&kind.claimed(), || self.send_undo(kind, deadline));
        undone(sent)
    }

    /// Sends the command that removes a restorable from tor. If the restorable
    /// is still in `restorables`, sends nothing and returns `None`.
    pub(super) fn send_undo(
        &self,
        kind: &Kind,
        deadline: Deadline,
    ) -> Result<Option<PendingReply>> {
        match self.restorables.has(kind) {
            true => Ok(None),
            false => self.connection.send(kind.undo()?, deadline).map(Some),
        }
    }

    /// Restores `belongings` with one write. A restorable that tor refuses to
    /// restore is added to `refused`. Other errors are returned.
    fn give_back(
        &self,
        belongings: Vec<Restorable>,
        restoring: &Restoring,
        deadline: Deadline,
        refused: &mut Refused,
    ) -> Result<()> {
        let mut asked = Vec::new();
        let mut commands = Vec::new();
        for belonging in belongings {
            let part = Part::Restorable(belonging.what, belonging.kind.onion());
            match belonging.command {
                Ok(command) => {
                    commands.push(command);
                    asked.push(part);
                }
                Err(error) => refused.note(part, Err(error))?,
            }
        }
        let pending = restoring.send_all(commands, deadline)?;
        for (part, pending) in asked.into_iter().zip(pending) {
            refused.note(part, pending.wait_ok().map(drop))?;
        }
        Ok(())
    }

    /// Logs that a part stays missing on this connection, because no further
    /// attempt to restore it follows. An onion service is also added to the
    /// lost services.
    fn is_lost(&self, part: &Part, error: &Error) {
        log::warn!(target: "scape::connection", "{} is lost: {error}", part.name());
        if let Part::Restorable(_, Some(address)) = part {
            self.lost_onions.add(*address, error.clone());
        }
    }

    fn followers(&self) -> Vec<Arc<dyn ReconnectHook>> {
        self.followers.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Resets `__LeaveStreamsUnattached` and closes the streams that wait for a
    /// decision. So nothing in tor waits for this connection after its end. If
    /// tor doesn't confirm the reset, [`undo_last`](Self::undo_last) tries once
    /// more.
    pub(super) fn take_leave(&self, deadline: Deadline) {
        if self.connection.closed().is_some() {
            return;
        }
        let send = |commands| self.connection.send_all_on(None, commands, deadline);
        let put_back =
            self.leave_streams.put_back(&send, self.restorables.client_auths(), deadline);
        let mut pending = Vec::new();
        for follower in self.followers() {
            pending.extend(follower.closing(&|command| self.connection.send(command, deadline)));
        }
        if let Some(put_back) = put_back {
            self.leave_streams.finish(put_back, &send);
        }
        for sent in pending {
            // The connection ends even if tor refuses a command, so errors make
            // no difference.
            let _ = sent.wait();
        }
    }

    /// Resets `__LeaveStreamsUnattached` over another connection, if
    /// [`take_leave`](Self::take_leave) could not. May be called only after
    /// this connection has ended for good, because a reconnect sets the option
    /// again.
    fn undo_last(&self, timeout: Duration) -> Result<()> {
        let undone = self.undo_leaving_streams(&[], timeout);
        match &undone {
            // Most often tor has ended, and no stream waits any more.
            Err(error) if error.is::<ConnectError>() && !error.is_timeout() => {
                log::debug!(target: "scape::attach", "no last connection: {error}");
                return Ok(());
            }
            Err(error) => {
                log::warn!(target: "scape::attach", "new streams may wait for a program that has ended: {error}");
            }
            Ok(()) => {}
        }
        undone
    }

    /// Resets `__LeaveStreamsUnattached` if an earlier attempt has failed. Does
    /// nothing if no reset is due, or if the connection is down. Errors are
    /// only logged.
    ///
    /// Two callers need this: a reconnect that has opened the connection, and
    /// an attempt to reset the option that has failed because the connection
    /// had ended. Such an attempt may fail before or after the reconnect opens
    /// the connection. Whichever of the two calls comes later resets the
    /// option.
    pub(super) fn put_back_owed(&self, timeout: Duration) {
        let own = || self.restorables.client_auths();
        self.leave_streams.put_back_owed(&self.connection, own, timeout);
    }

    /// Resets `__LeaveStreamsUnattached` over a separate connection, if this
    /// session's connection has ended while the option was set. The separate
    /// connection is made with this session's settings, and is closed before
    /// this method returns. The `undecided` streams, which wait for a decision
    /// of this program, are closed.
    ///
    /// Does nothing if the option needn't be reset, or if the connection was
    /// made from a transport. Holds the lock that
    /// [`reconnect`](Self::reconnect) takes, because a reconnect sets the
    /// option again.
    pub(super) fn undo_leaving_streams(
        &self,
        undecided: &[StreamId],
        timeout: Duration,
    ) -> Result<()> {
        let leave_streams = &self.leave_streams;
        let Some(recipe) = &self.recipe else { return Ok(()) };
        if !leave_streams.is_due() {
            return Ok(());
        }
        let deadline = Deadline::after(timeout.min(LAST_TRY));
        // A manual reconnect sets the option again. It must not do so between
        // the commands that are sent below.
        let _making = self.lock_making(deadline)?;
        if !leave_streams.is_due() || self.connection.closed().is_none() {
            return Ok(());
        }
        let connection = Connection::default();
        let candidate = recipe.candidate(&connection, deadline)?;
        connection.adopt(candidate)?;
        let send = |commands| connection.send_all_on(None, commands, deadline);
        let own = self.restorables.client_auths();
        let undone = leave_streams.undo_over(&send, own, undecided);
        // It doesn't matter if the threads of this separate connection don't
        // end in time.
        let _ = connection.close(Deadline::after(deadline.left().max(Duration::from_millis(100))));
        undone?;
        leave_streams.was_undone();
        Ok(())
    }

    /// Ends the connection for good and waits for its threads until `deadline`.
    /// If a separate connection is needed to reset `__LeaveStreamsUnattached`,
    /// the call may take up to [`JOIN_FOR`] longer.
    pub(super) fn close(&self, deadline: Deadline) -> Result<()> {
        let closed = self.end(deadline, deadline.part(JOIN_FOR));
        // An error doesn't matter here: the connection is closed, and tor may
        // have ended.
        let _ = self.undo_last(deadline.timeout().min(JOIN_FOR));
        closed.and(self.end_keeper(deadline))
    }

    /// Ends the connection for good within `timeout`. This includes the time
    /// for a separate connection that resets `__LeaveStreamsUnattached`.
    /// Returns the first error: of closing the connection, of resetting the
    /// option, or of waiting for the thread that looks after the connection.
    fn close_within(&self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout);
        // Leave time for the other parts if tor doesn't answer.
        let leave = deadline.part((timeout / 4).min(JOIN_FOR));
        let closed = self.end(deadline.part(timeout / 2), leave);
        let undone = self.undo_last(deadline.left());
        closed.and(undone).and(self.end_keeper(deadline))
    }

    /// Prepares tor for the end of the connection with
    /// [`take_leave`](Self::take_leave), until `leave` at the latest. Then ends
    /// the connection, and waits for its threads until `deadline`.
    fn end(&self, deadline: Deadline, leave: Deadline) -> Result<()> {
        // Wait for a reconnect that is restoring, because everything that it
        // restores must be undone.
        self.connection.wait_while_restoring(leave.left());
        self.take_leave(leave);
        self.connection.close(deadline)
    }

    fn end_keeper(&self, deadline: Deadline) -> Result<()> {
        let keeper = self.keeper.lock().take();
        let left = deadline.left().max(Duration::from_millis(1));
        match keeper {
            Some(keeper) if !keeper.is_current() && !keeper.ended_within(left) => {
                Err(deadline.error(Phase::Close))
            }
            _ => Ok(()),
        }
    }
}

/// The parts that couldn't be restored, each with the reason, most often tor's
/// refusal.
#[derive(Default)]
struct Refused(Vec<(Part, Error)>);

impl Refused {
    /// Records an error that concerns one part, most often a refusal. Returns
    /// errors of the connection itself and of commands that got no answer.
    fn note(&mut self, part: Part, result: Result<()>) -> Result<()> {
        match result {
            Ok(()) => Ok(()),
            Err(error) if error.is_closed() || error.is_unanswered() => Err(error),
            Err(error) => {
                log::info!(target: "scape::connection", "tor refused to take back {}: {error}", part.name());
                self.0.push((part, error));
                Ok(())
            }
        }
    }
}

/// Adds a detached service again if tor no longer has it, most often because
/// tor was restarted. Returns true if the service was added. If a filter in
/// front of tor hides the detached services, assumes that tor still has the
/// service.
fn give_back_detached(
    address: &OnionAddress,
    again: Result<Command>,
    ask: &dyn Fn(Command) -> Result<Reply>,
) -> Result<bool> {
    match Questions::new(ask).has_detached(address) {
        Ok(Some(false)) => again.and_then(ask).map(|_| true),
        Err(error) if error.is_closed() || error.is_unanswered() => Err(error),
        Ok(_) | Err(_) => Ok(false),
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("connection", &self.connection)
            .field("recipe", &self.recipe)
            .field("restorables", &self.restorables)
            .finish_non_exhaustive()
    }
}

impl Undo for Session {
    fn undo(&self, timeout: Duration) -> Result<()> {
        self.close_within(timeout)
    }
}

/// Ends the connection, because its last handle was dropped.
pub(super) fn close_on_drop(session: &Session) {
    // A callback may still be running, so waiting for it may time out. It keeps
    // alive everything that it needs.
    let _ = session.close(Deadline::after(JOIN_FOR));
}

/// Waits for the answer to a command that removes a restorable from tor, if one
/// was sent. A refusal counts as success, because the restorable may have been
/// removed already.
pub(super) fn undone(sent: Option<Result<Option<PendingReply>>>) -> Result<()> {
    match sent.transpose()?.flatten().map(PendingReply::wait_ok) {
        // The thread that dropped the restorable may have removed it first.
        None => Ok(()),
        Some(Err(error)) if error.is::<Refusal>() => Ok(()),
        Some(removed) => removed.map(drop),
    }
}

#[cfg(test)]
mod tests;
