//! What the handles of a controller share: its connection, how it was made, and
//! what it takes to make it again.

use std::sync::{Arc, OnceLock, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::cache::Cache;
use super::connect::Connect;
use super::keeper::{self, Keeping};
use super::latest::{Latest, Watch};
use super::leave_streams::LeaveStreams;
use super::ledger::{Belonging, Kind, Ledger};
use super::lost_onions::LostOnions;
use super::retake::{Part, Retakes, may_pass};
use super::shared::{Follower, Shared};
use super::undo::UNDO_WITHIN;
use crate::connection::{
    Candidate, CloseCause, Closed, Connection, JOIN_FOR, PendingReply, Reconnected, Registration,
    Restoring, Thread,
};
use crate::controller::ConnectError;
use crate::error::{Error, Phase, Result};
use crate::protocol::{ArgumentError, Command, Refusal, Reply, Signal};
use crate::transport::{Address, Deadline};
use crate::undo::{self, Rank, Undo};
use crate::word::OnionAddress;

/// The things that were given back on a new connection, with their names.
type Given = Vec<(String, Kind)>;

/// The number of no socket: they are counted from 1.
const NO_LINK: u64 = 0;

/// Makes another command of one that changes the configuration.
pub(super) type Amend = dyn Fn(Command) -> Result<Command> + Send + Sync;

/// A connection, and what it takes to make it again.
pub(super) struct Session {
    connection: Connection,
    /// How it was made; `None` where it was made from a transport, which cannot
    /// be opened again.
    connect: Option<Connect>,
    /// The other end of the first socket, if it was TCP.
    peer: Option<Address>,
    pub(super) cache: Arc<Cache>,
    pub(super) ledger: Ledger,
    /// The onion services that tor didn't take back.
    pub(super) lost_onions: LostOnions,
    /// The latest calls that asked for what a late answer would undo.
    pub(super) latest: Arc<Latest>,
    /// What was done to the option by which streams wait for a controller.
    pub(super) leave_streams: LeaveStreams,
    /// When the last client left that was bound to a circuit.
    pub(super) last_circuit_client: Mutex<Option<Instant>>,
    /// What `signal/names` says, once it was asked for; within, `None` where it
    /// could not be asked.
    pub(super) signals: Mutex<Option<Option<Arc<[Signal]>>>>,
    /// Registers the cache for events, where it needs them.
    pub(super) cache_events: Mutex<Option<Registration>>,
    /// What belongs to the connection and is made on demand: the live state.
    pub(super) shared: Shared,
    /// What wants to be told when the connection was made again, and everything
    /// was given back.
    pub(super) followers: Mutex<Vec<Weak<dyn Follower>>>,
    /// The things that tor refused to take back and is asked for again.
    pub(super) retakes: Retakes,
    /// Amends each change of the configuration before it is sent.
    pub(super) amend: OnceLock<Box<Amend>>,
    /// Held while the connection is made again: one at a time.
    making: Mutex<()>,
    keeper: Mutex<Option<Thread>>,
}

impl Session {
    /// A session on a connection that has just been authenticated on. With
    /// `keeping`, a thread looks after it.
    pub(super) fn start(
        connection: Connection,
        candidate: Candidate,
        connect: Option<Connect>,
        keeping: Keeping,
    ) -> Result<Arc<Session>> {
        let peer = candidate.peer().map(Address::Ip);
        connection.adopt(candidate)?;
        let session = Arc::new(Session {
            connection,
            connect,
            peer,
            cache: Arc::default(),
            ledger: Ledger::default(),
            lost_onions: LostOnions::default(),
            latest: Arc::default(),
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

    /// Starts the thread that looks after the connection, unless it runs.
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

    /// Returns how to open the connection again. `None` if it was made from a
    /// transport, which can't be opened again.
    pub(super) fn recipe(&self) -> Option<&Connect> {
        self.connect.as_ref()
    }

    /// Where tor is, as far as is known: the address that was connected to, or
    /// else the other end of a TCP connection that the program made. (The first
    /// one, if there were several.)
    pub(super) fn tor_address(&self) -> Option<&Address> {
        self.address().or(self.peer.as_ref())
    }

    /// Where it is connected to, where that is known.
    pub(super) fn address(&self) -> Option<&Address> {
        self.connect.as_ref().and_then(Connect::address)
    }

    /// The SOCKS port that the environment named, if it named this tor's
    /// control port as well or none.
    pub(super) fn environment_socks(&self) -> Option<&Address> {
        self.connect.as_ref().and_then(|connect| connect.socks.as_ref())
    }

    fn is_persistent(&self) -> bool {
        self.connect.as_ref().is_some_and(Connect::is_persistent)
    }

    /// Makes the connection again, open or not.
    pub(super) fn reconnect(self: &Arc<Self>, deadline: Deadline) -> Result<Reconnected> {
        let connect = self.connect.as_ref().ok_or_else(|| {
            let why = "was made from a transport, which cannot be opened again";
            ArgumentError::invalid("reconnect", "controller", why)
        })?;
        let making = self.lock_making(deadline)?;
        if let Some(closed) = self.connection.ended() {
            return Err(closed.into());
        }
        self.let_go_of_tor(deadline)?;
        self.connection.disconnect(CloseCause::Reconnecting);
        let made = self.make(connect, deadline);
        drop(making);
        if made.is_err() && !self.is_persistent() {
            self.connection.give_up();
        }
        made
    }

    /// tor ends with a connection that owns it: so before one that is open is
    /// ended to be made again, it must own nothing.
    fn let_go_of_tor(&self, deadline: Deadline) -> Result<()> {
        if !self.ledger.owns_tor() || self.connection.closed().is_some() {
            return Ok(());
        }
        let command = Command::build("DROPOWNERSHIP").finish()?;
        let sent = self.connection.send(command, deadline).and_then(PendingReply::wait_ok);
        match sent {
            Ok(_) => Ok(()),
            Err(error) if error.is::<Closed>() => Ok(()),
            Err(error) => {
                if error.is_unanswered() {
                    // tor may still do it, and the connection stays open.
                    let command = Command::build("TAKEOWNERSHIP").finish()?;
                    let sent = self.connection.send(command, Deadline::after(UNDO_WITHIN));
                    let _ = sent.and_then(PendingReply::wait);
                }
                Err(error)
            }
        }
    }

    /// Makes the connection again within `timeout`, unless somebody else has.
    /// `None` then.
    pub(super) fn reconnect_if_down(
        self: &Arc<Self>,
        timeout: Duration,
    ) -> Result<Option<Reconnected>> {
        let deadline = Deadline::after(timeout);
        let Some(connect) = &self.connect else { return Ok(None) };
        let _making = self.lock_making(deadline)?;
        match self.connection.closed() {
            Some(_) => self.make(connect, deadline).map(Some),
            None => Ok(None),
        }
    }

    pub(super) fn lock_making(&self, deadline: Deadline) -> Result<MutexGuard<'_, ()>> {
        let making = self.making.try_lock_until(deadline.instant());
        making.ok_or_else(|| deadline.error(Phase::Connect))
    }

    /// Connects, authenticates, gives back everything, and lets callers in.
    fn make(self: &Arc<Self>, connect: &Connect, deadline: Deadline) -> Result<Reconnected> {
        let candidate =
            connect.candidate(&self.connection, deadline.part(connect.call_timeout()))?;
        let restoring = self.connection.restore_on(candidate)?;
        // What the last tor said may not hold for this one.
        self.forget();
        let mut given = Given::new();
        let watch = self.latest.watch();
        let refused = self.restore(&restoring, deadline, &mut given)?;
        let failures = refused.iter().map(|(part, error)| (part.name(), error.clone()));
        let reconnected = Reconnected { failures: failures.collect() };
        for (part, error) in refused.iter().filter(|(_, error)| !may_pass(error)) {
            self.is_lost(part, error);
        }
        // Before callers are let in: the keeper looks at it when they are.
        if self.retakes.begin(restoring.number(), refused) {
            let keeping = Keeping { timeout: connect.call_timeout(), ..Keeping::default() };
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

    /// Tells tor again which events are wanted, and gives back what was made.
    /// Returns what tor refused. Other errors end the attempt: the connection
    /// isn't open until everything was asked for.
    ///
    /// The things that were given back, with their names, are in `given`.
    fn restore(
        &self,
        restoring: &Restoring,
        deadline: Deadline,
        given: &mut Given,
    ) -> Result<Vec<(Part, Error)>> {
        let ask = |command| restoring.request(command, deadline);
        let mut refused = Refused::default();
        self.lost_onions.clear();
        // First, so that everything that is asked for below is kept up to date
        // by events.
        refused.note(Part::Events, restoring.tell_again(deadline))?;
        // A service or mapping whose reply came just before the last connection
        // ended may be noted only now, and another one may be dropped
        // meanwhile.
        loop {
            let wanted = self.ledger.belongings();
            let unwanted: Vec<_> = given
                .extract_if(.., |(what, _)| !wanted.iter().any(|it| it.what == *what))
                .collect();
            for (what, kind) in &unwanted {
                log::debug!(target: "scape::connection", "{what} is taken away again");
                match ask(kind.undo()?) {
                    Ok(_) => {}
                    Err(error) if error.is::<Refusal>() => {}
                    Err(error) => return Err(error),
                }
            }
            let is_new = |it: &Belonging| !given.iter().any(|(what, _)| it.what == *what);
            let new: Vec<_> = wanted.into_iter().filter(is_new).collect();
            if new.is_empty() && unwanted.is_empty() {
                break;
            }
            given.extend(new.iter().map(|it| (it.what.clone(), it.kind.clone())));
            self.give_back(new, restoring, deadline, &mut refused)?;
        }
        let send = |commands| restoring.send_all(commands, deadline);
        let restored = self.leave_streams.restore(&send, self.ledger.client_auths(), deadline);
        refused.note(Part::LeaveStreams, restored)?;
        for follower in self.followers() {
            refused.note(Part::Follower(Arc::downgrade(&follower)), follower.reconnected(&ask))?;
        }
        Ok(refused.0)
    }

    /// Gives back what was noted in the ledger too late: its reply came on the
    /// socket of the number `link`, another one has taken its place, and
    /// everything was given back there before the note.
    ///
    /// Nothing is to be done if there is no connection now, because the next
    /// one is given everything. Between the two looks at the ledger here and in
    /// [`make`](Self::make) no note gets lost; both may give back the same.
    pub(super) fn give_back_late(&self, link: u64, what: &str, deadline: Deadline) -> Result<()> {
        let Ok(now) = self.connection.link_number() else { return Ok(()) };
        let belongings = self.ledger.belongings().into_iter();
        let Some(belonging) =
            belongings.filter(|_| now != link).find(|belonging| belonging.what == what)
        else {
            return Ok(());
        };
        let watch = self.latest.watch();
        let ask = |command| self.connection.send_on(Some(now), command, deadline)?.wait_ok();
        let given = match (ask(belonging.command?), belonging.kind.onion()) {
            (Err(refusal), Some(address)) if refusal.is::<Refusal>() => {
                self.has_onion(&address, &ask).and_then(|is_there| {
                    if is_there {
                        return Ok(());
                    }
                    self.ledger.remove_onion(&address);
                    Err(refusal)
                })
            }
            (given, _) => given.map(drop),
        };
        // It may have been dropped meanwhile.
        let given = given.and_then(|()| self.take_back_dropped(&belonging.kind, &watch, deadline));
        match given {
            Err(error) if error.is::<Closed>() => Ok(()),
            given => given,
        }
    }

    /// Gives back what was noted in the ledger between the last look at it and
    /// the opening of the connection. What a caller has just made on the new
    /// connection is there already, and stays.
    fn give_back_rest(&self, given: &Given, deadline: Deadline) {
        for belonging in self.ledger.belongings() {
            if given.iter().any(|(what, _)| *what == belonging.what) {
                continue;
            }
            if let Err(error) = self.give_back_late(NO_LINK, &belonging.what, deadline) {
                log::warn!(target: "scape::connection", "{} is lost: {error}", belonging.what);
            }
        }
    }

    /// Takes away again what was given back and was dropped before the
    /// connection was open, when whoever dropped it couldn't send anything.
    fn take_back_rest(&self, given: &Given, watch: &Watch<'_>, deadline: Deadline) {
        for (what, kind) in given {
            match self.take_back_dropped(kind, watch, deadline) {
                Ok(()) => {}
                Err(error) if error.is::<Closed>() => {}
                Err(error) => {
                    log::warn!(target: "scape::connection", "{what} may stay: {error}");
                }
            }
        }
    }

    /// Takes away what was given back since the watch began, if it is no longer
    /// wanted and no call has asked for it since.
    pub(super) fn take_back_dropped(
        &self,
        kind: &Kind,
        watch: &Watch<'_>,
        deadline: Deadline,
    ) -> Result<()> {
        let sent = watch.unless_claimed(&kind.claimed(), || self.send_undo(kind, deadline));
        undone(sent)
    }

    /// Sends what takes a thing away, unless it is to be there.
    pub(super) fn send_undo(
        &self,
        kind: &Kind,
        deadline: Deadline,
    ) -> Result<Option<PendingReply>> {
        match self.ledger.has(kind) {
            true => Ok(None),
            false => self.connection.send(kind.undo()?, deadline).map(Some),
        }
    }
    /// Gives back what this controller made, with one write.
    fn give_back(
        &self,
        belongings: Vec<Belonging>,
        restoring: &Restoring,
        deadline: Deadline,
        refused: &mut Refused,
    ) -> Result<()> {
        let mut asked = Vec::new();
        let mut commands = Vec::new();
        for belonging in belongings {
            let part = Part::Belonging(belonging.what, belonging.kind.onion());
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

    fn followers(&self) -> Vec<Arc<dyn Follower>> {
        self.followers.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Puts `__LeaveStreamsUnattached` back and closes undecided streams, so
    /// that nothing in tor waits for this connection after its end. If tor
    /// doesn't confirm that, [`undo_last`](Self::undo_last) tries once more.
    pub(super) fn take_leave(&self, deadline: Deadline) {
        if self.connection.closed().is_some() {
            return;
        }
        let send = |commands| self.connection.send_all_on(None, commands, deadline);
        let put_back = self.leave_streams.put_back(&send, self.ledger.client_auths(), deadline);
        let mut pending = Vec::new();
        for follower in self.followers() {
            pending.extend(follower.closing(&|command| self.connection.send(command, deadline)));
        }
        if let Some(put_back) = put_back {
            self.leave_streams.finish(put_back, &send);
        }
        for sent in pending {
            // It is over anyway.
            let _ = sent.wait();
        }
    }

    /// Does over a connection of its own what [`take_leave`](Self::take_leave)
    /// could not. To be called only after this connection has ended for good,
    /// because a connection that is made again sets the option again.
    fn undo_last(&self, timeout: Duration) -> Result<()> {
        let undone = self.undo_leaving_streams(&[], timeout);
        match &undone {
            // Most often tor has ended, and nothing waits any more.
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

    /// Returns true if tor has the service on this connection.
    pub(super) fn has_onion(
        &self,
        address: &OnionAddress,
        ask: &dyn Fn(Command) -> Result<Reply>,
    ) -> Result<bool> {
        let id = address.service_id();
        match ask(Command::build("GETINFO").word("key", "onions/current").finish()?) {
            Ok(reply) => Ok(reply.to_string().contains(id.as_str())),
            Err(error) if error.is::<Refusal>() => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Ends everything for good and waits for its threads, at most this long.
    /// If a last connection is needed to put back `__LeaveStreamsUnattached`,
    /// that may take up to the timeout again, and [`JOIN_FOR`] at most.
    pub(super) fn close(&self, deadline: Deadline) -> Result<()> {
        let closed = self.end(deadline, deadline.part(JOIN_FOR));
        // The connection is closed all the same, and tor may have ended.
        let _ = self.undo_last(deadline.timeout().min(JOIN_FOR));
        closed.and(self.end_keeper(deadline))
    }

    /// Ends everything for good within `timeout`, the last connection included.
    /// Returns the first part that ran out of time.
    fn close_within(&self, timeout: Duration) -> Result<()> {
        let deadline = Deadline::after(timeout);
        // A tor that doesn't answer must leave time for the other parts.
        let leave = deadline.part((timeout / 4).min(JOIN_FOR));
        let closed = self.end(deadline.part(timeout / 2), leave);
        let undone = self.undo_last(deadline.left());
        closed.and(undone).and(self.end_keeper(deadline))
    }

    /// Takes leave until `leave`, and ends the connection until `deadline`.
    fn end(&self, deadline: Deadline, leave: Deadline) -> Result<()> {
        // What is just being given back must be taken away again, or tor keeps
        // it.
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

/// The things that tor refused to take back.
#[derive(Default)]
struct Refused(Vec<(Part, Error)>);

impl Refused {
    /// Notes an error that concerns one thing. Returns errors of the connection
    /// itself, and of a call that ends without an answer.
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

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session")
            .field("connection", &self.connection)
            .field("connect", &self.connect)
            .field("ledger", &self.ledger)
            .finish_non_exhaustive()
    }
}

impl Undo for Session {
    fn undo(&self, timeout: Duration) -> Result<()> {
        self.close_within(timeout)
    }
}

/// The controller's last handle is gone.
pub(super) fn close_on_drop(session: &Session) {
    // A callback that still runs keeps what it needs alive by itself.
    let _ = session.close(Deadline::after(JOIN_FOR));
}

/// Waits for the answer to what took a thing away, if that was sent.
pub(super) fn undone(sent: Option<Result<Option<PendingReply>>>) -> Result<()> {
    match sent.transpose()?.flatten().map(PendingReply::wait_ok) {
        // Whoever dropped it may be quicker.
        None => Ok(()),
        Some(Err(error)) if error.is::<Refusal>() => Ok(()),
        Some(removed) => removed.map(drop),
    }
}

#[cfg(test)]
mod tests;
