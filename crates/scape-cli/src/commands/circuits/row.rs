//! A circuit as `scape circuits` prints it.

use std::time::SystemTime;

use scape::event::{BuildFlag, CircuitPurpose, CircuitReason, CircuitStatus, ConfluxId, HsState};
use scape::state::Circuit;
use scape::word::{CircuitId, StreamId};
use serde::Serialize;

use crate::base::units;
use crate::commands::shared::column::{self, Key};
use crate::commands::shared::json;
use crate::commands::shared::relay::RelayRef;

/// The number of characters of a conflux id that the table shows. They are
/// enough to distinguish the few conflux sets that a tor has at the same time.
const SHORT_ID: usize = 8;

/// A column of the list of circuits.
type Column = column::Column<CircuitRow>;

/// A circuit, as it is printed with `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct CircuitRow {
    id: CircuitId,
    /// The status in tor's spelling, such as `BUILT`.
    status: CircuitStatus,
    /// The purpose in tor's spelling, such as `GENERAL`.
    purpose: Option<CircuitPurpose>,
    /// The state of a circuit that is used for an onion service. `null` if the
    /// circuit isn't used for one.
    hs_state: Option<HsState>,
    /// The address of the onion service that the circuit is used for. `null` if
    /// the circuit isn't used for one.
    rend_query: Option<String>,
    /// The relays, the first hop first.
    path: Vec<RelayRef>,
    build_flags: Vec<BuildFlag>,
    /// The time when the circuit was created or, if tor has reused it for
    /// another purpose, when the reuse began.
    #[serde(serialize_with = "json::time")]
    created: Option<SystemTime>,
    /// The streams that the circuit carries.
    streams: Vec<StreamId>,
    /// The id that all circuits of a conflux set share. tor spreads the traffic
    /// of a stream over the circuits of such a set. `null` for other circuits.
    conflux_id: Option<ConfluxId>,
    /// The reason why the circuit ended. `null` while the circuit is open.
    reason: Option<CircuitReason>,
    /// The reason that a relay gave for closing the circuit. `null` while the
    /// circuit is open, and if no relay gave a reason.
    remote_reason: Option<CircuitReason>,
}

impl CircuitRow {
    pub(super) fn new(circuit: &Circuit) -> Self {
        let info = circuit.info();
        CircuitRow {
            id: info.id,
            status: info.status.clone(),
            purpose: info.purpose.clone(),
            hs_state: info.hs_state.clone(),
            rend_query: info.rend_query.clone(),
            path: info.path.iter().map(RelayRef::from).collect(),
            build_flags: info.build_flags.clone(),
            created: info.created,
            streams: circuit.streams().iter().map(|stream| stream.id()).collect(),
            conflux_id: info.conflux_id,
            reason: info.reason.clone(),
            remote_reason: info.remote_reason.clone(),
        }
    }

    fn path(&self, name: fn(&RelayRef) -> String) -> Option<String> {
        Some(self.path.iter().map(name).collect::<Vec<_>>().join(","))
    }
}

/// Returns the columns of the table. If `long` is true, the path contains the
/// relays' fingerprints.
pub(super) fn columns(long: bool) -> Vec<Column> {
    let path: fn(&CircuitRow) -> Option<String> = match long {
        true => |row| row.path(RelayRef::long),
        false => |row| row.path(RelayRef::short),
    };
    vec![
        Column::new("id", |row| Some(row.id.to_string()))
            .by(|row| Some(Key::Number(row.id.get().into())))
            .right(),
        Column::new("status", |row| Some(row.status.to_string())),
        Column::new("purpose", |row| Some(row.purpose.as_ref()?.to_string())),
        Column::new("age", |row| row.created.map(units::age))
            .by(|row| row.created.and_then(Key::age))
            .right(),
        Column::new("streams", |row| Some(row.streams.len().to_string()))
            .by(|row| Some(Key::Number(row.streams.len() as u64)))
            .right(),
        Column::new("path", path),
        Column::new("conflux", |row| {
            Some(row.conflux_id?.to_string().chars().take(SHORT_ID).collect())
        }),
        Column::new("reason", |row| {
            let remote = row.remote_reason.as_ref().map(|reason| format!(" ({reason})"));
            Some(format!("{}{}", row.reason.as_ref()?, remote.unwrap_or_default()))
        }),
    ]
}
