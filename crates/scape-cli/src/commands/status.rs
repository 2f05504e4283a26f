//! `scape status` shows the state of a tor.

use std::collections::BTreeMap;

use clap::Args;
use scape::Controller;
use scape::event::Bootstrap;
use scape::info::{ListenerAddress, ListenerKind};
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;
use crate::base::units;

/// Show the state of the running tor on one screen
#[derive(Debug, Args)]
pub(crate) struct Arguments {}

/// The GETINFO keys that tor is asked for. Each key has its own GETINFO
/// command, so that a key that tor refuses doesn't affect the others. All
/// commands are sent together.
const KEYS: [&str; 20] = [
    "version",
    "status/version/current",
    "process/pid",
    "process/user",
    "uptime",
    "config-file",
    "status/bootstrap-phase",
    "network-liveness",
    "status/circuit-established",
    "dormant",
    "traffic/read",
    "traffic/written",
    "circuit-status",
    "stream-status",
    "orconn-status",
    "entry-guards",
    "onions/current",
    "onions/detached",
    "fingerprint",
    "address",
];

/// The state of the running tor, as it is printed with `--json`. A value is
/// `null` if tor doesn't report it.
#[derive(Debug, Serialize)]
struct Status {
    /// The version of tor, such as `0.4.9.8`.
    version: String,
    /// The directory authorities' opinion of the version, such as
    /// `recommended`.
    version_status: Option<String>,
    pid: Option<u32>,
    user: Option<String>,
    /// The time since tor started, in seconds.
    uptime: Option<u64>,
    config_file: Option<String>,
    bootstrap: Option<Bootstrap>,
    /// True if tor believes that the network is up.
    network_alive: Option<bool>,
    /// True if tor has built a circuit for a client.
    circuit_established: Option<bool>,
    dormant: Option<bool>,
    /// The number of bytes that tor has read since its start.
    bytes_read: Option<u64>,
    /// The number of bytes that tor has written since its start.
    bytes_written: Option<u64>,
    circuits: usize,
    streams: usize,
    or_connections: usize,
    guards: usize,
    onion_services: usize,
    /// The fingerprint of this tor as a relay. `null` if it is only a client.
    fingerprint: Option<String>,
    address: Option<String>,
    /// The addresses that tor listens on, by the kind of port, such as `socks`.
    ports: BTreeMap<String, Vec<String>>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let status = read(&context.controller()?)?;
        if context.out.is_json() {
            return context.out.value(&status);
        }
        context.out.line(describe(&status))
    }
}

fn read(controller: &Controller) -> Result<Status, Failure> {
    let info = controller.info();
    let kinds = ListenerKind::KNOWN;
    let listeners: Vec<String> = kinds.iter().map(|kind| format!("net/listeners/{kind}")).collect();
    let keys = KEYS.into_iter().chain(listeners.iter().map(String::as_str));
    let mut values = BTreeMap::new();
    for (key, value) in keys.clone().zip(info.get_each(keys)?) {
        match value {
            Ok(value) => {
                values.insert(key.to_owned(), value);
            }
            // tor refuses keys that it doesn't know or that don't apply, such
            // as the fingerprint of a client.
            Err(error) if error.refusal().is_some() => {}
            Err(error) => return Err(error.into()),
        }
    }
    let text = |key: &str| values.get(key).filter(|value| !value.is_empty()).cloned();
    let lines = |key: &str| values.get(key).map_or(0, |value| value.lines().count());
    let flag = |key: &str, word: &str| values.get(key).map(|value| value == word);
    let number = |key: &str| values.get(key).and_then(|value| value.parse().ok());
    let mut ports = BTreeMap::new();
    for (kind, key) in kinds.iter().zip(&listeners) {
        let found = values.get(key).and_then(|value| ListenerAddress::parse_list(value.as_bytes()));
        let addresses: Vec<_> = found.iter().flatten().map(ToString::to_string).collect();
        if !addresses.is_empty() {
            ports.insert(kind.to_string(), addresses);
        }
    }
    Ok(Status {
        version: text("version").unwrap_or_default(),
        version_status: text("status/version/current"),
        pid: text("process/pid").and_then(|pid| pid.parse().ok()),
        user: text("process/user"),
        uptime: number("uptime"),
        config_file: text("config-file"),
        bootstrap: values
            .get("status/bootstrap-phase")
            .and_then(|value| Bootstrap::parse(value.as_bytes())),
        network_alive: flag("network-liveness", "up"),
        circuit_established: flag("status/circuit-established", "1"),
        dormant: flag("dormant", "1"),
        bytes_read: number("traffic/read"),
        bytes_written: number("traffic/written"),
        circuits: lines("circuit-status"),
        streams: lines("stream-status"),
        or_connections: lines("orconn-status"),
        guards: lines("entry-guards"),
        onion_services: lines("onions/current") + lines("onions/detached"),
        fingerprint: text("fingerprint"),
        address: text("address"),
        ports,
    })
}

/// Formats the state as several lines of text.
fn describe(status: &Status) -> String {
    let mut lines: Vec<(&str, String)> = Vec::new();
    let verdict = status.version_status.as_ref().map(|verdict| format!(" ({verdict})"));
    lines.push(("Tor", format!("{}{}", status.version, verdict.unwrap_or_default())));
    let mut process: Vec<String> = Vec::new();
    process.extend(status.pid.map(|pid| format!("process {pid}")));
    process.extend(status.user.as_ref().map(|user| format!("user {user}")));
    let uptime = status.uptime.map(std::time::Duration::from_secs);
    process.extend(uptime.map(|uptime| format!("up {}", units::duration(uptime))));
    lines.push(("Process", process.join(", ")));
    lines.extend(status.config_file.clone().map(|file| ("Configuration", file)));
    lines.push(("Network", network(status)));
    if let (Some(read), Some(written)) = (status.bytes_read, status.bytes_written) {
        let text = format!("{} read, {} written", units::bytes(read), units::bytes(written));
        lines.push(("Traffic", text));
    }
    let counts = [
        (status.circuits, "circuit"),
        (status.streams, "stream"),
        (status.or_connections, "connection"),
        (status.guards, "guard"),
        (status.onion_services, "onion service"),
    ];
    lines.push(("Open", counts.map(|(count, noun)| units::plural(count, noun)).join(", ")));
    lines.extend(status.fingerprint.clone().map(|fingerprint| ("Relay", fingerprint)));
    lines.extend(status.address.clone().map(|address| ("Address", address)));
    for (kind, addresses) in &status.ports {
        lines.push((port_name(kind), addresses.join(", ")));
    }
    let bold = anstyle::Style::new().bold();
    let described = lines
        .iter()
        .filter(|(_, text)| !text.is_empty())
        .map(|(name, text)| format!("{bold}{name:<14}{bold:#}{}", printable(text)));
    described.collect::<Vec<_>>().join("\n")
}

fn network(status: &Status) -> String {
    let mut words = Vec::new();
    if let Some(bootstrap) = &status.bootstrap {
        words.push(match bootstrap.is_done() {
            true => "ready".to_owned(),
            false => format!("{} %: {}", bootstrap.progress, bootstrap.summary),
        });
        words.extend(bootstrap.problem.as_ref().map(|problem| problem.warning.clone()));
    }
    if status.network_alive == Some(false) {
        words.push("the network seems to be down".into());
    }
    if status.circuit_established == Some(false) {
        words.push("no circuit yet".into());
    }
    if status.dormant == Some(true) {
        words.push("dormant".into());
    }
    words.join(", ")
}

/// Returns the torrc option that opens ports of this kind, such as `SocksPort`
/// for `socks`. Returns an unknown kind unchanged.
fn port_name(kind: &str) -> &str {
    match kind {
        "or" => "ORPort",
        "extor" => "ExtORPort",
        "dir" => "DirPort",
        "socks" => "SocksPort",
        "trans" => "TransPort",
        "natd" => "NATDPort",
        "httptunnel" => "HTTPTunnelPort",
        "dns" => "DNSPort",
        "control" => "ControlPort",
        "metrics" => "MetricsPort",
        other => other,
    }
}
