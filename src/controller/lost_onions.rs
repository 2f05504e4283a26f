//! Onion services that tor didn't take back when the connection was made again.

use crossbeam_channel::{Receiver, Sender, bounded};
use parking_lot::Mutex;

use super::Controller;
use crate::error::Error;
use crate::word::OnionAddress;

/// Nothing is ever sent of this: its channel tells by its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Never {}

/// The onion services of this connection that tor doesn't have, each with the
/// reason, and whoever waits for that.
#[derive(Debug)]
pub(super) struct LostOnions(Mutex<State>);

#[derive(Debug)]
struct State {
    lost: Vec<(OnionAddress, Error)>,
    /// Exchanged when something is lost, which wakes all that wait for its end.
    bell: (Sender<Never>, Receiver<Never>),
}

impl Default for LostOnions {
    fn default() -> Self {
        LostOnions(Mutex::new(State { lost: Vec::new(), bell: bounded(0) }))
    }
}

impl LostOnions {
    /// Forgets what was lost: on a new connection everything is given back.
    pub(super) fn clear(&self) {
        self.0.lock().lost.clear();
    }

    /// tor refuses to take a service back, and isn't asked again.
    pub(super) fn add(&self, address: OnionAddress, error: Error) {
        let mut state = self.0.lock();
        state.lost.push((address, error));
        state.bell = bounded(0);
    }

    /// A service was added again by the program.
    pub(super) fn found(&self, address: &OnionAddress) {
        self.0.lock().lost.retain(|(lost, _)| lost != address);
    }

    fn get(&self, address: &OnionAddress) -> Option<Error> {
        let state = self.0.lock();
        state.lost.iter().find(|(lost, _)| lost == address).map(|(_, error)| error.clone())
    }
}

impl Controller {
    /// The reason why tor doesn't have an onion service of this connection, if
    /// the service was lost when the connection was made again.
    pub(crate) fn lost_onion(&self, address: &OnionAddress) -> Option<Error> {
        self.inner.session.lost_onions.get(address)
    }

    /// A channel that is disconnected when a service of this connection is
    /// lost. Get it before asking [`lost_onion`](Self::lost_onion).
    pub(crate) fn onions_lost(&self) -> Receiver<Never> {
        self.inner.session.lost_onions.0.lock().bell.1.clone()
    }
}
