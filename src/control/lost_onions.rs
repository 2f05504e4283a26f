//! Onion services that tor didn't take back after a reconnect.

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::Controller;
use crate::error::Error;
use scape_proto::word::OnionAddress;

/// The message type of a channel on which nothing is sent. The channel only
/// signals by being disconnected.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Never {}

/// The onion services of this connection that tor refused to take back, each
/// with tor's reason. Threads can wait for a service to be lost.
#[derive(Debug)]
pub(super) struct LostOnions(Mutex<State>);

#[derive(Debug)]
struct State {
    lost: Vec<(OnionAddress, Error)>,
    /// A channel that is replaced when a service is lost. This disconnects the
    /// old one and wakes all threads that wait for it.
    bell: (Sender<Never>, Receiver<Never>),
}

impl Default for LostOnions {
    fn default() -> Self {
        LostOnions(Mutex::new(State { lost: Vec::new(), bell: bounded(0) }))
    }
}

impl LostOnions {
    /// Forgets the lost services. It is called before everything is restored on
    /// a new connection.
    pub(super) fn clear(&self) {
        self.0.lock().lost.clear();
    }

    /// Notes that tor refuses to take a service back and isn't asked again.
    pub(super) fn add(&self, address: OnionAddress, error: Error) {
        let mut state = self.0.lock();
        state.lost.push((address, error));
        state.bell = bounded(0);
    }

    /// Notes that the program has added a service again.
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
    /// is lost. Get it before asking [`lost_onion`](Self::lost_onion), so that
    /// no loss is missed.
    pub(crate) fn onions_lost(&self) -> Receiver<Never> {
        self.inner.session.lost_onions.0.lock().bell.1.clone()
    }
}
