//! What a controller has made, to be made again on a new connection.

use parking_lot::Mutex;

use super::onions::AddOnion;
use crate::error::Result;
use crate::protocol::Command;
use crate::types::OnionAddress;

/// What ends with the connection, or with the tor, that it was made on, and was not taken back.
///
/// It holds the private keys of onion services and clients, which are wiped from memory with it.
#[derive(Debug, Default)]
pub(super) struct Ledger(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    owns_tor: bool,
    onions: Vec<(OnionAddress, AddOnion)>,
}

/// Something to be made again.
pub(super) struct Belonging {
    /// What it is, for people.
    pub(super) what: String,
    /// How it is made.
    pub(super) command: Result<Command>,
}

impl Ledger {
    /// The connection owns tor, or does so no longer.
    pub(super) fn set_owns_tor(&self, owns: bool) {
        self.0.lock().owns_tor = owns;
    }

    /// Whether the connection owns tor.
    pub(super) fn owns_tor(&self) -> bool {
        self.0.lock().owns_tor
    }

    /// A service was added that ends with the connection. Its key must be in it.
    pub(super) fn add_onion(&self, address: OnionAddress, service: AddOnion) {
        let mut entries = self.0.lock();
        entries.onions.retain(|(known, _)| *known != address);
        entries.onions.push((address, service));
    }

    /// A service was removed.
    pub(super) fn remove_onion(&self, address: &OnionAddress) {
        self.0.lock().onions.retain(|(known, _)| known != address);
    }

    /// Everything, in the order in which it is to be made.
    pub(super) fn belongings(&self) -> Vec<Belonging> {
        let entries = self.0.lock();
        let mut belongings = Vec::new();
        if entries.owns_tor {
            let command = Command::build("TAKEOWNERSHIP").finish().map_err(Into::into);
            belongings.push(Belonging { what: "the ownership of tor".into(), command });
        }
        for (address, service) in &entries.onions {
            let what = format!("the onion service {address}");
            belongings.push(Belonging { what, command: service.command_again() });
        }
        belongings
    }
}
