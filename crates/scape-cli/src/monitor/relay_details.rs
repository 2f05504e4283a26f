//! Reads the details of one relay: its entry in the consensus and its
//! descriptor.

use scape::geoip::GeoIp;
use scape::netdoc::{FamilyMember, RouterStatus, ServerDescriptor};
use scape::word::Fingerprint;
use scape::{Controller, Result};

use crate::base::output::printable;
use crate::base::units;

use super::data::relays::Place;

/// Returns the title and the lines of the box with the details of a relay.
pub(crate) fn read(
    controller: &Controller,
    geoip: &GeoIp,
    fingerprint: Fingerprint,
) -> Result<(String, Vec<String>)> {
    let info = controller.info();
    let mut lines = vec![line("Fingerprint", &fingerprint.to_string())];
    let mut title = format!("Relay {fingerprint}");
    let status = info.ns_id(fingerprint)?;
    if let Some(status) = status.as_ref().and_then(|text| text.parse().ok()) {
        title = format!("Relay {}", printable(status.nickname()));
        lines.extend(of_status(&status));
        // Without a database, the country and the network are left out.
        if let Ok(location) = geoip.lookup((*status.or_address().ip()).into()) {
            let place = Place::from(location);
            lines.extend(place.country.map(|country| line("Country", country.as_str())));
            lines.extend(place.network.map(|network| line("Network", &network.to_string())));
        }
    } else {
        lines.push("The relay isn't in the consensus.".into());
    }
    // Clients usually have microdescriptors, and relays have server
    // descriptors. So ask for the server descriptor first.
    let descriptor = info.desc_id(fingerprint).ok().flatten();
    let microdescriptor = match descriptor {
        Some(_) => None,
        None => info.md_id(fingerprint).ok().flatten(),
    };
    if let Some(descriptor) = descriptor.as_ref().and_then(|text| text.parse().ok()) {
        lines.extend(of_descriptor(&descriptor));
    } else if let Some(descriptor) = microdescriptor.as_ref().and_then(|text| text.parse().ok()) {
        lines.push(line("Exits to", &descriptor.policy().to_string()));
        lines.extend(family(&descriptor.family()));
    }
    Ok((title, lines))
}

fn line(name: &str, value: &str) -> String {
    format!("{name:<12} {}", printable(value))
}

fn of_status(status: &RouterStatus<'_>) -> Vec<String> {
    let mut lines = vec![line("Address", &status.or_address().to_string())];
    lines.extend(status.ipv6().map(|address| line("IPv6", &address.to_string())));
    lines.push(line("Flags", &status.flags().to_string()));
    lines.extend(status.bandwidth().map(|weight| line("Weight", &weight.to_string())));
    lines.extend(status.version().map(|version| line("Version", &version.to_string())));
    lines
}

fn of_descriptor(descriptor: &ServerDescriptor<'_>) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(descriptor.platform.as_ref().map(|platform| line("Platform", platform)));
    lines.extend(descriptor.contact.as_ref().map(|contact| line("Contact", contact)));
    lines.extend(descriptor.published.map(|at| line("Published", &units::time(at))));
    let uptime = descriptor.uptime.and_then(|seconds| u64::try_from(seconds).ok());
    let uptime = uptime.map(std::time::Duration::from_secs);
    lines.extend(uptime.map(|uptime| line("Uptime", &units::duration(uptime))));
    if let Some(bandwidth) = &descriptor.bandwidth {
        let text = format!("{}/s observed", units::bytes(bandwidth.observed));
        lines.push(line("Bandwidth", &text));
    }
    if descriptor.is_hibernating {
        lines.push(line("State", "hibernating"));
    }
    if let Ok(policy) = descriptor.exit_policy() {
        lines.push(line("Exit policy", &policy.to_string()));
    }
    lines.extend(family(&descriptor.family()));
    lines
}

/// Formats the line about a relay's family. Returns `None` if the relay has no
/// family.
fn family(members: &[FamilyMember]) -> Option<String> {
    if members.is_empty() {
        return None;
    }
    let members: Vec<String> = members.iter().map(ToString::to_string).collect();
    Some(line("Family", &members.join(" ")))
}
