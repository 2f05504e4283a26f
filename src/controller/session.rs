//! What the handles of a controller share: its connection, how it was made, and what it takes to make it again.

use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};

use super::cache::Cache;
use super::connect::Connect;
use super::keeper::{self, Keeping};
use super::leave_streams::LeaveStreams;
use super::ledger::Ledger;
use super::shared::{Follower, Shared};
use crate::connection::{
    Candidate, Connection, ConnectionStatus, JOIN_FOR, PendingReply, Reconnected, Registration, Thread,
};
use crate::error::{ArgumentError, CloseCause, Error, Phase, Result, Timeout};
use crate::protocol::Command;
use crate::transport::{Address, deadline_after};
use crate::types::{OnionAddress, Signal};
use crate::undo::{self, Rank, Undo};

/// A connection, and what it takes to make it again.
#[derive(Debug)]
pub(super) struct Session {
    connection: Connection,
    /// How it was made; `None` where it was made from a transport, which cannot be opened again.
    connect: Option<Connect>,
    pub(super) cache: Arc<Cache>,
    pub(super) ledger: Ledger,
    /// What was done to the option by which streams wait for a controller.
    pub(super) leave_streams: LeaveStreams,
    /// What `signal/names` says, once it was asked for; within, `None` where it could not be asked.
    pub(super) signals: Mutex<Option<Option<Arc<[Signal]>>>>,
    /// Registers the cache for events, where it needs them.
    pub(super) cache_events: Mutex<Option<Registration>>,
    /// What belongs to the connection and is made on demand: the live state.
    pub(super) shared: Shared,
    /// What wants to be told when the connection was made again, and everything was given back.
    pub(super) followers: Mutex<Vec<Weak<dyn Follower>>>,
    /// Held while the connection is made again: one at a time.
    making: Mutex<()>,
    keeper: Mutex<Option<Thread>>,
}

impl Session {
    /// A session on a connection that has just been authenticated on. With `keeping`, a thread looks after it.
    pub(super) fn start(
        connection: Connection,
        candidate: Candidate,
        connect: Option<Connect>,
        keeping: Keeping,
    ) -> Result<Arc<Session>> {
        connection.adopt(candidate)?;
        let session = Arc::new(Session {
            connection,
            connect,
            cache: Arc::default(),
            ledger: Ledger::default(),
            leave_streams: LeaveStreams::default(),
            signals: Mutex::default(),
            cache_events: Mutex::default(),
            shared: Shared::default(),
            followers: Mutex::default(),
            making: Mutex::default(),
            keeper: Mutex::default(),
        });
        undo::register(Rank::Connection, &session);
        session.connection.set_persistent(session.is_persistent());
        if keeping.is_needed() {
            let for_keeper = session.clone();
            match Thread::spawn("scape-keeper", move || keeper::run(&for_keeper, &keeping)) {
                Ok(thread) => *session.keeper.lock() = Some(thread),
                Err(error) => {
                    close_on_drop(&session);
                    return Err(Error::io("start the thread that looks after the connection", error));
                }
            }
        }
        Ok(session)
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.connection
    }

    /// How it was made; `None` if it was made from a transport, which can't be opened again.
    pub(super) fn recipe(&self) -> Option<&Connect> {
        self.connect.as_ref()
    }

    /// Where it is connected to, where that is known.
    pub(super) fn address(&self) -> Option<&Address> {
        self.connect.as_ref().and_then(Connect::address)
    }

    fn is_persistent(&self) -> bool {
        self.connect.as_ref().is_some_and(Connect::is_persistent)
    }

    /// Makes the connection again, open or not.
    pub(super) fn reconnect(&self, timeout: Duration) -> Result<Reconnected> {
        let connect = self.connect.as_ref().ok_or_else(|| {
            let why = "was made from a transport, which cannot be opened again";
            ArgumentError::invalid("reconnect", "controller", why)
        })?;
        let making = self.lock_making(timeout)?;
        if let Some(closed) = self.connection.ended() {
            return Err(closed.into());
        }
        self.let_go_of_tor(timeout)?;
        self.connection.disconnect(CloseCause::Reconnecting);
        let made = self.make(connect);
        drop(making);
        if made.is_err() && !self.is_persistent() {
            self.connection.give_up();
        }
        made
    }

    /// tor ends with a connection that owns it: so before one that is open is ended to be made again, it must own nothing.
    fn let_go_of_tor(&self, timeout: Duration) -> Result<()> {
        if !self.ledger.owns_tor() || self.connection.closed().is_some() {
            return Ok(());
        }
        let command = Command::build("DROPOWNERSHIP").finish()?;
        let sent = self.connection.send(command, timeout).and_then(PendingReply::wait_ok);
        match sent {
            Ok(_) | Err(Error::Closed(_)) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Makes the connection again unless somebody else has. `None` then.
    pub(super) fn reconnect_if_down(&self, timeout: Duration) -> Result<Option<Reconnected>> {
        let Some(connect) = &self.connect else { return Ok(None) };
        let _making = self.lock_making(timeout)?;
        match self.connection.closed() {
            Some(_) => self.make(connect).map(Some),
            None => Ok(None),
        }
    }

    fn lock_making(&self, timeout: Duration) -> Result<MutexGuard<'_, ()>> {
        let making = self.making.try_lock_until(deadline_after(timeout));
        making.ok_or_else(|| Timeout::new(Phase::Connect, timeout).into())
    }

    /// Connects, authenticates, and gives back everything.
    fn make(&self, connect: &Connect) -> Result<Reconnected> {
        let candidate = connect.candidate(&self.connection)?;
        self.connection.adopt(candidate)?;
        self.connection.set_persistent(self.is_persistent());
        self.forget();
        let restored = self.restore(connect.call_timeout());
        // What was asked for before CONF_CHANGED was, may have changed unseen.
        self.forget();
        match restored {
            Ok(reconnected) => {
                self.connection.tell(ConnectionStatus::Reconnected(reconnected.clone()));
                Ok(reconnected)
            }
            Err(error) => {
                self.connection.disconnect(CloseCause::Reconnecting);
                Err(error)
            }
        }
    }

    /// What this tor said may not hold for the next.
    fn forget(&self) {
        self.cache.forget();
        *self.signals.lock() = None;
    }

    /// Tells tor again which events are wanted, and what was made. A refusal is no error, but noted.
    fn restore(&self, timeout: Duration) -> Result<Reconnected> {
        let mut reconnected = Reconnected::default();
        let mut note = |what: String, result: Result<()>| match result {
            Ok(()) => Ok(()),
            Err(error @ (Error::Closed(_) | Error::Timeout(_))) => Err(error),
            Err(error) => {
                log::warn!(target: "scape::connection", "cannot give back {what}: {error}");
                reconnected.failures.push((what, error));
                Ok(())
            }
        };
        note("the events".into(), self.connection.tell_again(timeout))?;
        for belonging in self.ledger.belongings() {
            let sent =
                belonging.command.and_then(|command| self.connection.send(command, timeout)?.wait_ok());
            let is_there = sent.is_ok();
            note(belonging.what, sent.map(drop))?;
            if is_there && let Some(address) = belonging.onion {
                self.take_back(&address, timeout)?;
            }
        }
        let connection = &self.connection;
        let send = |commands| connection.send_all(commands, timeout);
        let restored = self.leave_streams.restore(&send, self.ledger.client_auths());
        note("that streams wait for this controller".into(), restored)?;
        let ask = |command| connection.send(command, timeout).and_then(PendingReply::wait_ok);
        for follower in self.followers() {
            note(follower.name().into(), follower.reconnected(&ask))?;
        }
        Ok(reconnected)
    }

    fn followers(&self) -> Vec<Arc<dyn Follower>> {
        self.followers.lock().iter().filter_map(Weak::upgrade).collect()
    }

    /// Leaves nothing behind in tor that would wait for this connection when it has ended. What tor doesn't confirm is
    /// tried once more over a connection of its own, which takes up to `timeout` again.
    pub(super) fn take_leave(&self, timeout: Duration) {
        let deadline = deadline_after(timeout);
        let left = || deadline.saturating_duration_since(Instant::now());
        if self.connection.closed().is_none() {
            let send = |commands| self.connection.send_all(commands, left());
            let put_back = self.leave_streams.put_back(&send, self.ledger.client_auths());
            let mut pending = Vec::new();
            for follower in self.followers() {
                pending.extend(follower.closing(&|command| self.connection.send(command, left())));
            }
            if let Some(put_back) = put_back
                && put_back.wait(&send).is_err()
            {
                self.leave_streams.is_owed_again();
            }
            for sent in pending {
                // It is over anyway.
                let _ = sent.wait();
            }
        }
        match self.undo_leaving_streams(&[], timeout) {
            // Most often tor has ended, and nothing waits any more.
            Err(error @ Error::Connect(_)) => {
                log::debug!(target: "scape::attach", "no last connection: {error}");
            }
            Err(error) => {
                log::warn!(target: "scape::attach", "new streams may wait for a program that has ended: {error}");
            }
            Ok(()) => {}
        }
    }

    /// Removes a service that was given back, where it was removed by somebody else at the same time.
    fn take_back(&self, address: &OnionAddress, timeout: Duration) -> Result<()> {
        if self.ledger.has_onion(address) {
            return Ok(());
        }
        let command = Command::build("DEL_ONION").word("address", &address.service_id()).finish()?;
        // Whoever removed it may be quicker, so a refusal is fine.
        self.connection.request(command, timeout).map(drop)
    }

    /// Ends everything for good and waits for its threads, at most this long.
    pub(super) fn close(&self, timeout: Duration) -> Result<()> {
        let deadline = deadline_after(timeout);
        self.take_leave(timeout.min(JOIN_FOR));
        let closed = self.connection.close(timeout);
        let keeper = self.keeper.lock().take();
        let left = deadline.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        match keeper {
            Some(keeper) if !keeper.is_current() && !keeper.ended_within(left) => {
                closed.and(Err(Timeout::new(Phase::Close, timeout).into()))
            }
            _ => closed,
        }
    }
}

impl Undo for Session {
    fn undo(&self, timeout: Duration) -> Result<()> {
        self.close(timeout)
    }
}

/// The controller's last handle is gone.
pub(super) fn close_on_drop(session: &Session) {
    // A callback that still runs keeps what it needs alive by itself.
    let _ = session.close(JOIN_FOR);
}
