//! The restorables: everything that a controller has made in tor and that can
//! be restored on a new connection.

use parking_lot::Mutex;

use crate::error::Result;
use scape_proto::control::Command;
use scape_proto::word::OnionAddress;

/// Everything that the program has made in tor and hasn't removed, such as
/// onion services and address mappings, for a reconnect to restore. Each entry
/// ends together with the connection or with tor.
///
/// The commands contain the private keys of onion services and clients. These
/// keys are wiped from memory together with the commands.
#[derive(Debug, Default)]
pub(super) struct Restorables(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    owns_tor: bool,
    /// The onion services, each with the command that adds it again, or with an
    /// error if it can't be restored.
    onions: Vec<(OnionAddress, Result<Command>)>,
    /// The detached onion services that the program has added, each with the
    /// command that adds it again, or with an error if it can't be restored.
    /// The command is `None` if the program has given up its handle and left
    /// the service in tor. A detached service ends with tor, but not with the
    /// connection.
    detached: Vec<(OnionAddress, Option<Result<Command>>)>,
    /// The addresses of the services that have a client key. Each comes with
    /// the command that adds the key again, or with an error if the key can't
    /// be restored.
    client_auths: Vec<(OnionAddress, Result<Command>)>,
    /// The address mappings: each address, and the address that it is mapped
    /// to.
    mappings: Vec<(String, String)>,
}

/// Something to restore on a new connection: an onion service, a client key, an
/// address mapping, or the ownership of tor.
pub(super) struct Restorable {
    /// The restorable's name, for users and for the log.
    pub(super) what: String,
    pub(super) kind: Kind,
    /// The command that makes the restorable in tor, or an error if it can't be
    /// restored.
    pub(super) command: Result<Command>,
}

/// The kind of a [`Restorable`], with the address that identifies it.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Ownership,
    Onion(OnionAddress),
    ClientAuth(OnionAddress),
    /// A mapping of this address to another one.
    Mapping(String),
}

impl Kind {
    /// Returns the service's address if the restorable is an onion service, or
    /// else `None`.
    pub(super) fn onion(&self) -> Option<OnionAddress> {
        match self {
            Kind::Onion(address) => Some(*address),
            _ => None,
        }
    }

    /// Returns the name under which calls [claim](super::latest::Latest::claim)
    /// the restorable.
    pub(super) fn claimed(&self) -> String {
        match self {
            Kind::Ownership => "ownership".to_owned(),
            Kind::Onion(address) => format!("onion {}", address.service_id()),
            Kind::ClientAuth(address) => format!("key {}", address.service_id()),
            Kind::Mapping(from) => format!("mapping {}", from.to_ascii_lowercase()),
        }
    }

    /// Returns the command that removes the restorable from tor.
    pub(super) fn undo(&self) -> Result<Command> {
        let command = match self {
            Kind::Ownership => Command::build("DROPOWNERSHIP").finish(),
            Kind::Onion(address) => {
                Command::build("DEL_ONION").word("address", &address.service_id()).finish()
            }
            Kind::ClientAuth(address) => Command::build("ONION_CLIENT_AUTH_REMOVE")
                .word("address", &address.service_id())
                .finish(),
            Kind::Mapping(from) => {
                Command::build("MAPADDRESS").word("mapping", &format!("{from}={from}")).finish()
            }
        };
        Ok(command?)
    }
}

impl Restorables {
    /// Records whether the connection owns tor. `owns` is false if it no longer
    /// does.
    pub(super) fn set_owns_tor(&self, owns: bool) {
        self.0.lock().owns_tor = owns;
    }

    /// Returns true if the connection owns tor.
    pub(super) fn owns_tor(&self) -> bool {
        self.0.lock().owns_tor
    }

    /// Adds an onion service that ends with the connection. `again` is the
    /// command that adds the service again at the same address, or an error if
    /// the service can't be restored.
    pub(super) fn add_onion(&self, address: OnionAddress, again: Result<Command>) {
        let mut entries = self.0.lock();
        entries.onions.retain(|(known, _)| *known != address);
        entries.onions.push((address, again));
    }

    /// Adds a detached onion service. `again` is the same as in
    /// [`add_onion`](Self::add_onion).
    pub(super) fn add_detached(&self, address: OnionAddress, again: Result<Command>) {
        let mut entries = self.0.lock();
        entries.detached.retain(|(known, _)| *known != address);
        entries.detached.push((address, Some(again)));
    }

    /// Records that the program has given up its handle for a detached service
    /// and leaves the service in tor. A reconnect neither adds this service
    /// again nor removes it.
    pub(super) fn let_go(&self, address: &OnionAddress) {
        let mut entries = self.0.lock();
        let found = entries.detached.iter_mut().find(|(known, _)| known == address);
        if let Some((_, again)) = found {
            *again = None;
        }
    }

    /// Returns the detached onion services that the program has handles for,
    /// each with the command that adds it again. They aren't among the
    /// [`belongings`](Self::belongings), because tor may still have them.
    pub(super) fn detached(&self) -> Vec<(OnionAddress, Result<Command>)> {
        let entries = self.0.lock();
        let detached = entries.detached.iter();
        detached.filter_map(|(address, again)| Some((*address, again.clone()?))).collect()
    }

    /// Removes an onion service that is no longer in tor.
    pub(super) fn remove_onion(&self, address: &OnionAddress) {
        let mut entries = self.0.lock();
        entries.onions.retain(|(known, _)| known != address);
        entries.detached.retain(|(known, _)| known != address);
    }

    /// Records a client key for a service. Callers record only keys that tor
    /// has in memory and not in a file. `again` is the command that adds the
    /// key to tor again, or an error if the key can't be restored.
    pub(super) fn add_client_auth(&self, address: OnionAddress, again: Result<Command>) {
        let mut entries = self.0.lock();
        entries.client_auths.retain(|(known, _)| *known != address);
        entries.client_auths.push((address, again));
    }

    /// Removes the client key for a service, because tor no longer has the key
    /// or now keeps it in a file.
    pub(super) fn remove_client_auth(&self, address: &OnionAddress) {
        self.0.lock().client_auths.retain(|(known, _)| known != address);
    }

    /// Returns the commands that add this program's client keys to tor again.
    /// Leaves out keys that can't be restored. tor has these keys in memory
    /// only, and forgets them whenever its configuration changes.
    pub(super) fn client_auths(&self) -> Vec<Command> {
        let entries = self.0.lock();
        entries.client_auths.iter().filter_map(|(_, again)| again.clone().ok()).collect()
    }

    /// Adds a mapping of the address `from` to `to`, in place of an earlier
    /// one. If both addresses are the same, removes the mapping of `from`.
    pub(super) fn set_mapping(&self, from: &str, to: &str) {
        let mut entries = self.0.lock();
        entries.mappings.retain(|(known, _)| known != from);
        if from != to {
            entries.mappings.push((from.to_owned(), to.to_owned()));
        }
    }

    /// Returns true if a restorable of this kind, with this address, is
    /// recorded here. For a mapping, only the mapped address counts, not the
    /// address that it is mapped to.
    pub(super) fn has(&self, kind: &Kind) -> bool {
        let entries = self.0.lock();
        match kind {
            Kind::Ownership => entries.owns_tor,
            Kind::Onion(address) => {
                entries.onions.iter().any(|(known, _)| known == address)
                    || entries.detached.iter().any(|(known, _)| known == address)
            }
            Kind::ClientAuth(address) => {
                entries.client_auths.iter().any(|(known, _)| known == address)
            }
            Kind::Mapping(from) => {
                entries.mappings.iter().any(|(known, _)| known.eq_ignore_ascii_case(from))
            }
        }
    }

    /// Removes the entry with this name, and returns the command that removes
    /// the restorable from tor. Returns `None` if there is no such entry.
    pub(super) fn forget(&self, what: &str) -> Option<Command> {
        let found = self.belongings().into_iter().find(|belonging| belonging.what == what)?;
        match &found.kind {
            Kind::Ownership => self.set_owns_tor(false),
            Kind::Onion(address) => self.remove_onion(address),
            Kind::ClientAuth(address) => self.remove_client_auth(address),
            Kind::Mapping(from) => self.set_mapping(from, from),
        }
        found.kind.undo().ok()
    }

    /// Returns everything that is to be restored, in the order in which it is
    /// restored.
    pub(super) fn belongings(&self) -> Vec<Restorable> {
        let entries = self.0.lock();
        let mut belongings = Vec::new();
        if entries.owns_tor {
            let command = Command::build("TAKEOWNERSHIP").finish().map_err(Into::into);
            belongings.push(Restorable { what: OWNERSHIP.into(), kind: Kind::Ownership, command });
        }
        for (address, again) in &entries.onions {
            let (what, kind) = (onion_name(address), Kind::Onion(*address));
            belongings.push(Restorable { what, kind, command: again.clone() });
        }
        for (address, again) in &entries.client_auths {
            let (what, kind) = (key_name(address), Kind::ClientAuth(*address));
            belongings.push(Restorable { what, kind, command: again.clone() });
        }
        for (from, to) in &entries.mappings {
            let command =
                Command::build("MAPADDRESS").word("mapping", &format!("{from}={to}")).finish();
            let (what, kind) = (mapping_name(from, to), Kind::Mapping(from.clone()));
            belongings.push(Restorable { what, kind, command: command.map_err(Into::into) });
        }
        belongings
    }
}

/// The name of the entry for the ownership of tor.
pub(super) const OWNERSHIP: &str = "the ownership of tor";

/// Returns the name of the entry for an onion service. Names are for users and
/// for the log, and identify the entries.
pub(super) fn onion_name(address: &OnionAddress) -> String {
    format!("the onion service {address}")
}

/// Returns the name of the entry for the client key for a service.
pub(super) fn key_name(address: &OnionAddress) -> String {
    format!("the client's key for {address}")
}

/// Returns the name of the entry for an address mapping.
pub(super) fn mapping_name(from: &str, to: &str) -> String {
    format!("the mapping {from}={to}")
}
