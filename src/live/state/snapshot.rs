//! tor's state at one moment, requested with a single command.

use crate::error::{Error, Result};
use scape_proto::control::{Command, Reply, parse_getinfo};
use scape_proto::event::{CircuitInfo, StreamInfo};
use scape_proto::info::{AddressMapping, EntryGuard};

/// The requested keys. All answers to one command describe the same moment.
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
    /// Requests a snapshot. `ask` sends a command and waits for the reply.
    pub(super) fn ask(ask: &dyn Fn(Command) -> Result<Reply>) -> Result<Snapshot> {
        let mut command = Command::build("GETINFO");
        for key in KEYS {
            command.word("key", key);
        }
        let reply = ask(command.finish()?)?;
        let values =
            parse_getinfo(&reply, &KEYS).map_err(|problem| Error::answer(asked(), problem))?;
        let values: [Vec<u8>; 5] =
            values.try_into().map_err(|_| Error::answer(asked(), "unexpected number of values"))?;
        let [routers, circuits, streams, addresses, guards] = values;
        Ok(Snapshot {
            routers,
            circuits: lines(&circuits, CircuitInfo::parse),
            streams: lines(&streams, StreamInfo::parse),
            addresses: lines(&addresses, AddressMapping::parse),
            guards: lines(&guards, EntryGuard::parse),
        })
    }
}

fn asked() -> String {
    format!("GETINFO {}", KEYS.join(" "))
}

/// Parses each line. A malformed line is skipped and doesn't hide the others,
/// because later events report the missing information.
fn lines<T>(value: &[u8], parse: impl Fn(&[u8]) -> Option<T>) -> Vec<T> {
    let lines = value.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let (parsed, odd): (Vec<_>, Vec<_>) = lines.map(parse).partition(Option::is_some);
    if !odd.is_empty() {
        log::warn!(
            target: "scape::state",
            "skipped malformed lines ({} in total) in tor's answer to {}",
            odd.len(),
            asked()
        );
    }
    parsed.into_iter().flatten().collect()
}
