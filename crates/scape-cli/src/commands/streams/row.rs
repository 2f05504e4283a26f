//! A stream as `scape streams` prints it.

use std::net::SocketAddr;
use std::time::SystemTime;

use scape::event::{ClientProtocol, StreamPurpose, StreamReason, StreamStatus, StreamTarget};
use scape::state::Stream;
use scape::word::{CircuitId, StreamId};
use serde::Serialize;

use crate::base::units;
use crate::commands::shared::column::{self, Key};
use crate::commands::shared::json;

/// A program that uses a stream, as it is printed with `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Program {
    pid: u32,
    name: String,
}

impl Program {
    /// Returns the program that uses the stream. Returns `None` if the program
    /// isn't known, or if scape isn't allowed to inspect it.
    pub(super) fn of(stream: &Stream) -> Option<Program> {
        stream.source_addr()?;
        let owner = stream.process().ok()??;
        Some(Program { pid: owner.pid, name: owner.name })
    }
}

/// A column of the list of streams.
type Column = column::Column<StreamRow>;

/// A stream, as it is printed with `--json`.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct StreamRow {
    id: StreamId,
    /// The status in tor's spelling, such as `SUCCEEDED`.
    status: StreamStatus,
    /// The target as tor writes it, such as `www.example.com:443`.
    target: StreamTarget,
    /// The circuit that carries the stream. `null` if the stream isn't
    /// attached.
    circuit: Option<CircuitId>,
    /// The purpose in tor's spelling, such as `USER`.
    purpose: Option<StreamPurpose>,
    client_protocol: Option<ClientProtocol>,
    /// The address of the client. `null` if tor hasn't reported it.
    source: Option<SocketAddr>,
    /// The process id and the name of the program that uses the stream. `null`
    /// if the program isn't known.
    program: Option<Program>,
    /// The time when the stream was first seen. `null` for a stream that
    /// existed when the command was started.
    #[serde(serialize_with = "json::time")]
    opened: Option<SystemTime>,
    /// The reason why the stream ended, or why tor last failed to attach it.
    /// `null` if neither has happened.
    reason: Option<StreamReason>,
    /// The reason that the exit relay gave for ending the stream. `null` if the
    /// exit relay gave none.
    remote_reason: Option<StreamReason>,
}

impl StreamRow {
    pub(super) fn new(
        stream: &Stream,
        opened: Option<SystemTime>,
        program: Option<Program>,
    ) -> Self {
        let info = stream.info();
        StreamRow {
            id: info.id,
            status: info.status.clone(),
            target: info.target.clone(),
            circuit: info.circuit,
            purpose: info.purpose.clone(),
            client_protocol: info.client_protocol.clone(),
            source: info.source_socket_addr(),
            program,
            opened,
            reason: info.reason.clone(),
            remote_reason: info.remote_reason.clone(),
        }
    }
}

/// Returns the columns of the table that `scape streams` prints.
pub(super) fn columns() -> Vec<Column> {
    vec![
        Column::new("id", |row| Some(row.id.to_string()))
            .by(|row| Some(Key::Number(row.id.get())))
            .right(),
        Column::new("status", |row| Some(row.status.to_string())),
        Column::new("circuit", |row| Some(row.circuit?.to_string()))
            .by(|row| Some(Key::Number(row.circuit?.get().into())))
            .right(),
        Column::new("purpose", |row| Some(row.purpose.as_ref()?.to_string())),
        Column::new("age", |row| row.opened.map(units::age))
            .by(|row| row.opened.and_then(Key::age))
            .right(),
        Column::new("target", |row| Some(row.target.to_string())),
        Column::new("source", |row| match &row.program {
            Some(program) => Some(format!("{} ({})", program.name, program.pid)),
            None => row.source.map(|address| address.to_string()),
        }),
        Column::new("reason", |row| {
            let remote = row.remote_reason.as_ref().map(|reason| format!(" ({reason})"));
            Some(format!("{}{}", row.reason.as_ref()?, remote.unwrap_or_default()))
        }),
    ]
}
