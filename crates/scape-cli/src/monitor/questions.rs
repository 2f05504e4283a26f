//! The requests that the monitor regularly sends to tor.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use scape::event::Bootstrap;
use scape::info::{ListenerAddress, ListenerKind};
use scape::onion::disk::DiskOnions;
use scape::{Controller, ErrorKind, Result};

use crate::commands::shared::files::{is_local, read_start};

use super::data::facts::{Accounting, Facts};
use super::data::onions::{Origin, Service};

/// The GETINFO keys for the facts, except those for ports.
const KEYS: [&str; 15] = [
    "version",
    "status/version/current",
    "process/pid",
    "process/user",
    "process/descriptor-limit",
    "uptime",
    "config-file",
    "status/bootstrap-phase",
    "network-liveness",
    "status/circuit-established",
    "dormant",
    "traffic/read",
    "traffic/written",
    FINGERPRINT,
    "address",
];

const FINGERPRINT: &str = "fingerprint";
/// A part of the error message with which tor refuses [`FINGERPRINT`] if it
/// isn't a relay.
const NO_RELAY: &str = "server mode";

/// The maximum number of bytes that are read from the file `hostname` of an
/// onion service.
const HOSTNAME: u64 = 1_024;

/// Asks tor for the facts. The facts that rarely change are copied from `old`;
/// [`slow_facts`] asks for them.
pub(crate) fn facts(controller: &Controller, old: &Facts) -> Result<Facts> {
    let kinds = ListenerKind::KNOWN;
    let listeners: Vec<_> = kinds.iter().map(|kind| format!("net/listeners/{kind}")).collect();
    let keys = KEYS.into_iter().chain(listeners.iter().map(String::as_str));
    let answers = controller.info().get_each(keys.clone())?;
    let mut values: BTreeMap<&str, String> = BTreeMap::new();
    let mut is_client = false;
    for (key, answer) in keys.zip(answers) {
        match answer {
            Ok(value) => drop(values.insert(key, value)),
            // tor refuses keys that don't apply, such as the fingerprint of a
            // client.
            Err(error) if error.kind() == ErrorKind::Refused => {
                let refusal = error.refusal().filter(|_| key == FINGERPRINT);
                is_client |= refusal.is_some_and(|refusal| refusal.text().contains(NO_RELAY));
            }
            // The error is returned, because a missing fact must not look like
            // a fact that doesn't apply.
            Err(error) => return Err(error),
        }
    }
    let text = |key: &str| values.get(key).filter(|value| !value.is_empty()).cloned();
    let flag = |key: &str, word: &str| values.get(key).map(|value| value == word);
    let number = |key: &str| values.get(key).and_then(|value| value.parse::<u64>().ok());
    let mut ports = Vec::new();
    for (kind, key) in kinds.iter().zip(&listeners) {
        let value = values.get(key.as_str());
        let found = value.and_then(|value| ListenerAddress::parse_list(value.as_bytes()));
        let found = found.into_iter().flatten();
        ports.extend(found.map(|address| (kind.to_string(), address.to_string())));
    }
    let uptime = number("uptime").map(Duration::from_secs);
    let fingerprint = text(FINGERPRINT);
    let is_relay = match (&fingerprint, is_client) {
        (Some(_), _) => Some(true),
        (None, true) => Some(false),
        (None, false) => None,
    };
    Ok(Facts {
        version: text("version").unwrap_or_default(),
        version_status: text("status/version/current"),
        pid: text("process/pid").and_then(|pid| pid.parse().ok()),
        user: text("process/user"),
        started: uptime.and_then(|uptime| SystemTime::now().checked_sub(uptime)),
        config_file: text("config-file"),
        bootstrap: text("status/bootstrap-phase")
            .and_then(|value| Bootstrap::parse(value.as_bytes())),
        network_alive: flag("network-liveness", "up"),
        circuit_established: flag("status/circuit-established", "1"),
        dormant: flag("dormant", "1"),
        read: number("traffic/read"),
        written: number("traffic/written"),
        is_relay,
        fingerprint,
        address: text("address"),
        nickname: old.nickname.clone(),
        flags: old.flags.clone(),
        ports,
        accounting: old.accounting.clone(),
        descriptor_limit: number("process/descriptor-limit"),
    })
}

/// Asks tor for the facts that rarely change: the nickname, accounting and the
/// flags. After an error, the facts that weren't read keep their values.
pub(crate) fn slow_facts(controller: &Controller, facts: &mut Facts) -> Result<()> {
    let info = controller.info();
    facts.nickname = controller.get_conf("Nickname")?;
    facts.accounting = info.accounting()?.map(|accounting| Accounting {
        hibernating: accounting.hibernating.to_string(),
        read_left: accounting.left.read,
        written_left: accounting.left.written,
        end: accounting.interval_end,
    });
    let entry = match info.fingerprint()? {
        Some(fingerprint) => info.ns_id(fingerprint)?,
        None => None,
    };
    let status = entry.as_ref().and_then(|text| text.parse().ok());
    facts.flags = status.map(|status| status.flags().to_string());
    Ok(())
}

/// Asks tor for its onion services. Reads the addresses of services in the
/// configuration from their files if tor runs on this machine.
pub(crate) fn services(controller: &Controller) -> Result<Vec<Service>> {
    let info = controller.info();
    let mut services = Vec::new();
    for (origin, addresses) in
        [(Origin::Current, info.onions_current()?), (Origin::Detached, info.onions_detached()?)]
    {
        services.extend(addresses.into_iter().map(|address| Service {
            address: Some(address),
            origin,
            ports: Vec::new(),
            directory: None,
        }));
    }
    let is_local = is_local(controller);
    let disk = DiskOnions::of(controller);
    for service in disk.list()? {
        // The directory may belong to another user, so it isn't a failure if
        // the file can't be read.
        let path = service.directory().join("hostname");
        let hostname = is_local.then(|| read_start(&path, HOSTNAME).ok()).flatten();
        services.push(Service {
            address: hostname.and_then(|text| text.trim().parse().ok()),
            origin: Origin::Disk,
            ports: service.values("HiddenServicePort").map(str::to_owned).collect(),
            directory: Some(service.directory().display().to_string()),
        });
    }
    Ok(services)
}

#[cfg(test)]
mod tests {
    use scape::Connect;
    use scape::testing::ScriptedTor;

    use super::*;

    /// Returns the result of [`facts`] for a scripted tor. The tor answers
    /// `GETINFO fingerprint` with the reply `fingerprint`, and refuses all
    /// other keys.
    fn ask(fingerprint: &'static str) -> Result<Facts> {
        let tor = ScriptedTor::builder()
            .on_any(move |command| match command.strip_prefix("GETINFO ")? {
                FINGERPRINT => Some(fingerprint.into()),
                _ => Some("552 Unrecognized key\r\n".into()),
            })
            .start()
            .unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        facts(&controller.with_timeout(Duration::from_secs(2)), &Facts::default())
    }

    #[test]
    fn role_is_unknown_unless_tor_reports_it() {
        let relay = "250-fingerprint=000000000000000000000000000000000000002A\r\n250 OK\r\n";
        for (answer, is_relay) in [
            (relay, Some(true)),
            ("551 Not running in server mode\r\n", Some(false)),
            ("551 Something else\r\n", None),
        ] {
            assert_eq!(ask(answer).unwrap().is_relay, is_relay, "{answer}");
        }
    }

    #[test]
    fn facts_fail_if_tor_does_not_answer_a_key() {
        assert!(ask("").unwrap_err().is_timeout());
    }
}
