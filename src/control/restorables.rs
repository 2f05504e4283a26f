//! The restorables: the things that a controller has made, so that they can be
//! restored on a new connection.

use parking_lot::Mutex;

use super::addresses::Mapping;
use super::client_auth::ClientAuth;
use super::onions::AddOnion;
use crate::error::Result;
use scape_proto::control::Command;
use scape_proto::word::OnionAddress;

/// The things that the program has made and not removed, and that end with the
/// connection or the tor that they were made on.
///
/// The ledger contains the private keys of onion services and clients. They are
/// wiped from memory together with it.
#[derive(Debug, Default)]
pub(super) struct Restorables(Mutex<Entries>);

#[derive(Debug, Default)]
struct Entries {
    owns_tor: bool,
    onions: Vec<(OnionAddress, AddOnion)>,
    client_auths: Vec<ClientAuth>,
    mappings: Vec<Mapping>,
}

/// A thing to restore.
pub(super) struct Restorable {
    /// The name, for users and for the log.
    pub(super) what: String,
    pub(super) kind: Kind,
    /// The command that makes it.
    pub(super) command: Result<Command>,
}

/// The kind of a thing, with its identity.
#[derive(Clone, Debug)]
pub(super) enum Kind {
    Ownership,
    Onion(OnionAddress),
    ClientAuth(OnionAddress),
    /// A mapping of this address to another one.
    Mapping(String),
}

impl Kind {
    /// Returns the address, if the thing is an onion service.
    pub(super) fn onion(&self) -> Option<OnionAddress> {
        match self {
            Kind::Onion(address) => Some(*address),
            _ => None,
        }
    }

    /// Returns the name under which calls [claim](super::latest::Latest::claim)
    /// the thing.
    pub(super) fn claimed(&self) -> String {
        match self {
            Kind::Ownership => "ownership".to_owned(),
            Kind::Onion(address) => format!("onion {}", address.service_id()),
            Kind::ClientAuth(address) => format!("key {}", address.service_id()),
            Kind::Mapping(from) => format!("mapping {}", from.to_ascii_lowercase()),
        }
    }

    /// Returns the command that removes the thing from tor.
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
    /// Notes that the connection owns tor, or no longer owns it.
    pub(super) fn set_owns_tor(&self, owns: bool) {
        self.0.lock().owns_tor = owns;
    }

    /// Returns true if the connection owns tor.
    pub(super) fn owns_tor(&self) -> bool {
        self.0.lock().owns_tor
    }

    /// Notes a service that ends with the connection. `service` must have its
    /// key.
    pub(super) fn add_onion(&self, address: OnionAddress, service: AddOnion) {
        let mut entries = self.0.lock();
        entries.onions.retain(|(known, _)| *known != address);
        entries.onions.push((address, service));
    }

    /// Notes that a service was removed.
    pub(super) fn remove_onion(&self, address: &OnionAddress) {
        self.0.lock().onions.retain(|(known, _)| known != address);
    }

    /// Notes a client key that tor keeps in memory only.
    pub(super) fn add_client_auth(&self, auth: ClientAuth) {
        let mut entries = self.0.lock();
        entries.client_auths.retain(|known| known.address != auth.address);
        entries.client_auths.push(auth);
    }

    /// Notes that the client key for a service was removed, or that tor now
    /// keeps it in a file.
    pub(super) fn remove_client_auth(&self, address: &OnionAddress) {
        self.0.lock().client_auths.retain(|known| known.address != *address);
    }

    /// Returns the commands that add the client keys which tor keeps in memory
    /// only.
    pub(super) fn client_auths(&self) -> Vec<Command> {
        let entries = self.0.lock();
        entries.client_auths.iter().filter_map(|auth| auth.command().ok()).collect()
    }

    /// Notes a mapping. A mapping of an address to itself removes the mapping.
    pub(super) fn set_mapping(&self, mapping: &Mapping) {
        let mut entries = self.0.lock();
        entries.mappings.retain(|known| known.from != mapping.from);
        if mapping.from != mapping.to {
            entries.mappings.push(mapping.clone());
        }
    }

    /// Returns true if the restorables have this thing. For a mapping, the
    /// address may be mapped to another target by now.
    pub(super) fn has(&self, kind: &Kind) -> bool {
        let entries = self.0.lock();
        match kind {
            Kind::Ownership => entries.owns_tor,
            Kind::Onion(address) => entries.onions.iter().any(|(known, _)| known == address),
            Kind::ClientAuth(address) => {
                entries.client_auths.iter().any(|auth| auth.address == *address)
            }
            Kind::Mapping(from) => {
                entries.mappings.iter().any(|mapping| mapping.from.eq_ignore_ascii_case(from))
            }
        }
    }

    /// Removes the entry with this name. Returns the command that removes the
    /// thing from a tor that may have it.
    pub(super) fn forget(&self, what: &str) -> Option<Command> {
        let found = self.belongings().into_iter().find(|belonging| belonging.what == what)?;
        match &found.kind {
            Kind::Ownership => self.set_owns_tor(false),
            Kind::Onion(address) => self.remove_onion(address),
            Kind::ClientAuth(address) => self.remove_client_auth(address),
            Kind::Mapping(from) => {
                self.set_mapping(&Mapping { from: from.clone(), to: from.clone() });
            }
        }
        found.kind.undo().ok()
    }

    /// Returns everything, in the order in which to restore it.
    pub(super) fn belongings(&self) -> Vec<Restorable> {
        let entries = self.0.lock();
        let mut belongings = Vec::new();
        if entries.owns_tor {
            let command = Command::build("TAKEOWNERSHIP").finish().map_err(Into::into);
            belongings.push(Restorable { what: OWNERSHIP.into(), kind: Kind::Ownership, command });
        }
        for (address, service) in &entries.onions {
            let what = onion_name(address);
            belongings.push(Restorable {
                what,
                kind: Kind::Onion(*address),
                command: service.command_again(),
            });
        }
        for auth in &entries.client_auths {
            let what = key_name(&auth.address);
            let kind = Kind::ClientAuth(auth.address);
            belongings.push(Restorable { what, kind, command: auth.command() });
        }
        for mapping in &entries.mappings {
            let command =
                Command::build("MAPADDRESS").word("mapping", &mapping.to_string()).finish();
            let what = mapping_name(mapping);
            let kind = Kind::Mapping(mapping.from.clone());
            belongings.push(Restorable { what, kind, command: command.map_err(Into::into) });
        }
        belongings
    }
}

/// The name of the ownership of tor.
pub(super) const OWNERSHIP: &str = "the ownership of tor";

/// Returns the name of an onion service, which also identifies its entry.
pub(super) fn onion_name(address: &OnionAddress) -> String {
    format!("the onion service {address}")
}

/// Returns the name of the client key for a service.
pub(super) fn key_name(address: &OnionAddress) -> String {
    format!("the client's key for {address}")
}

/// Returns the name of a mapping.
pub(super) fn mapping_name(mapping: &Mapping) -> String {
    format!("the mapping {mapping}")
}
