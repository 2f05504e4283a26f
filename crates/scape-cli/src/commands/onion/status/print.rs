//! Formats the result of `scape onion status` as text.

use std::time::Duration;

use super::descriptor::{Descriptor, Inside};
use super::{Connection, Status};
use crate::base::output::printable;
use crate::base::units;

/// Returns the descriptor, the directories and the connection as lines of text.
pub(super) fn describe(status: &Status) -> String {
    let mut lines: Vec<(&str, String)> = vec![("Address", status.address.to_string())];
    for asked in &status.directories {
        let name = asked.nickname.clone().unwrap_or_else(|| asked.fingerprint.to_string());
        let result = match (asked.revision, &asked.error) {
            (Some(revision), _) => format!("has revision {revision}"),
            (None, Some(error)) => format!("failed: {error}"),
            (None, None) => "has a descriptor without a revision".to_owned(),
        };
        lines.push(("Directory", format!("{name}: {result}")));
    }
    if let Some(descriptor) = &status.descriptor {
        add_descriptor(&mut lines, descriptor);
    }
    if let Some(connection) = &status.connection {
        lines.push(("Connection", connected(connection)));
    }
    let bold = anstyle::Style::new().bold();
    let described =
        lines.iter().map(|(name, text)| format!("{bold}{name:<14}{bold:#}{}", printable(text)));
    described.collect::<Vec<_>>().join("\n")
}

fn add_descriptor(lines: &mut Vec<(&str, String)>, descriptor: &Descriptor) {
    let mut words = Vec::new();
    words.extend(descriptor.revision.map(|revision| format!("revision {revision}")));
    let lifetime = descriptor.lifetime.map(Duration::from_secs);
    words.extend(lifetime.map(|lifetime| format!("lifetime {}", units::duration(lifetime))));
    let expires = descriptor.certificate_expires.map(units::time);
    words.extend(expires.map(|at| format!("certificate until {at}")));
    lines.push(("Descriptor", words.join(", ")));
    let authorization = match descriptor.client_authorization {
        Some(true) => "authorized clients only",
        Some(false) => "everybody",
        None => "unknown",
    };
    lines.push(("Clients", authorization.to_owned()));
    lines.extend(descriptor.problem.clone().map(|problem| ("Problem", problem)));
    if let Some(inside) = &descriptor.inside {
        add_inside(lines, inside);
    }
}

fn add_inside(lines: &mut Vec<(&str, String)>, inside: &Inside) {
    for point in &inside.introduction_points {
        let fingerprint = point.fingerprint.map(|it| it.to_string());
        let name = point.nickname.clone().unwrap_or_else(|| "not in the consensus".to_owned());
        let text =
            format!("{name} {} {}", fingerprint.unwrap_or_default(), point.addresses.join(" "));
        lines.push(("Introduction", text.trim_end().to_owned()));
    }
    if inside.introduction_points.is_empty() {
        lines.push(("Introduction", "no introduction points".to_owned()));
    }
    if inside.single_onion_service {
        lines.push(("Anonymity", "none: a single onion service".to_owned()));
    }
    if !inside.introduction_authorization.is_empty() {
        let kinds = inside.introduction_authorization.join(", ");
        lines.push(("Authorization", format!("{kinds} at introduction points")));
    }
    lines.extend(inside.flow_control.clone().map(|versions| ("Flow control", versions)));
    for pow in &inside.proof_of_work {
        let effort = pow.effort.map(|effort| format!(", effort {effort}")).unwrap_or_default();
        let expires = pow.expires.map(|at| format!(", until {}", units::time(at)));
        lines.push((
            "Proof of work",
            format!("{}{effort}{}", pow.kind, expires.unwrap_or_default()),
        ));
    }
}

fn connected(connection: &Connection) -> String {
    match &connection.error {
        Some(error) => format!("port {}: {error}", connection.port),
        None => format!("port {}: connected in {:.1} s", connection.port, connection.seconds),
    }
}
