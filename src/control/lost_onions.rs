//! Onion services that couldn't be restored after a reconnect.

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::Controller;
use crate::error::Error;
use scape_proto::word::OnionAddress;

/// The message type of a channel on which nothing is sent. The channel only
/// signals by being disconnected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Never {}

/// The onion services of this connection that couldn't be restored, each with
/// the reason. Such a service is called lost. Threads can wait until a service
/// is lost.
#[derive(Debug)]
pub(super) struct LostOnions(Mutex<State>);

#[derive(Debug)]
struct State {
    lost: Vec<(OnionAddress, Error)>,
    /// The channel that tells waiting threads about a lost service. When a
    /// service is lost, a new channel replaces this one. The old channel is
    /// then disconnected, which wakes the threads that wait for it.
    bell: (Sender<Never>, Receiver<Never>),
}

impl Default for LostOnions {
    fn default() -> Self {
        LostOnions(Mutex::new(State { lost: Vec::new(), bell: bounded(0) }))
    }
}

impl LostOnions {
    /// Forgets the lost services. A reconnect calls this before it restores
    /// services on the new connection.
    pub(super) fn clear(&self) {
        self.0.lock().lost.clear();
    }

    /// Records that a service is lost: it couldn't be restored, and no further
    /// attempt follows. `error` is the reason, most often tor's refusal.
    pub(super) fn add(&self, address: OnionAddress, error: Error) {
        let mut state = self.0.lock();
        state.lost.push((address, error));
        state.bell = bounded(0);
    }

    /// Records that the program has added a service again. The service then no
    /// longer counts as lost.
    pub(super) fn found(&self, address: &OnionAddress) {
        self.0.lock().lost.retain(|(lost, _)| lost != address);
    }

    fn get(&self, address: &OnionAddress) -> Option<Error> {
        let state = self.0.lock();
        state.lost.iter().find(|(lost, _)| lost == address).map(|(_, error)| error.clone())
    }
}

impl Controller {
    /// Returns the reason why an onion service of this connection was lost on a
    /// reconnect. Returns `None` if it wasn't lost.
    pub(crate) fn lost_onion(&self, address: &OnionAddress) -> Option<Error> {
        self.inner.session.lost_onions.get(address)
    }

    /// Returns a channel that is disconnected when a service of this connection
    /// is lost. Get the channel before calling
    /// [`lost_onion`](Self::lost_onion), so that no loss is missed.
    pub(crate) fn onions_lost(&self) -> Receiver<Never> {
        self.inner.session.lost_onions.0.lock().bell.1.clone()
    }
}
