//! tor's state at one moment, requested with a single command.

use crate::control::Questions;
use crate::error::Result;
use scape_proto::event::{CircuitInfo, StreamInfo};
use scape_proto::info::{AddressMapping, EntryGuard};

/// The requested GETINFO keys. All of them are in one command, because all
/// answers to one command describe the same moment.
const KEYS: [&str; 5] =
    ["ns/all", "circuit-status", "stream-status", "address-mappings/all", "entry-guards"];

/// tor's state at one moment.
#[derive(Debug)]
pub(super) struct Snapshot {
    /// Router status entries, as in dir-spec.
    pub(super) routers: Vec<u8>,
    pub(super) circuits: Vec<CircuitInfo>,
    pub(super) streams: Vec<StreamInfo>,
    pub(super) addresses: Vec<AddressMapping>,
    pub(super) guards: Vec<EntryGuard>,
}

impl Snapshot {
    /// Requests a snapshot from tor.
    pub(super) fn ask(tor: &Questions<'_>) -> Result<Snapshot> {
        let [routers, circuits, streams, addresses, guards] = tor.info(KEYS)?;
        Ok(Snapshot {
            routers,
            circuits: lines(&circuits, CircuitInfo::parse),
            streams: lines(&streams, StreamInfo::parse),
            addresses: lines(&addresses, AddressMapping::parse),
            guards: lines(&guards, EntryGuard::parse),
        })
    }
}

/// Parses each line of `value` with `parse`. A malformed line is skipped, so
/// that the other lines are still used. Later events report the missing
/// information.
fn lines<T>(value: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Vec<T> {
    let lines = value.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let (parsed, odd): (Vec<_>, Vec<_>) = lines.map(parse).partition(Option::is_some);
    if !odd.is_empty() {
        log::warn!(
            target: "scape::state",
            "skipped malformed lines ({} in total) in tor's answer to GETINFO {}",
            odd.len(),
            KEYS.join(" ")
        );
    }
    parsed.into_iter().flatten().collect()
}
