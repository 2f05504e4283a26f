//! Finds and prints relays for `/info`.

use std::net::IpAddr;

use scape::Controller;
use scape::netdoc::Relay;
use scape::word::Fingerprint;
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::printable;
use crate::base::units;
use crate::commands::shared::relay::flags;

/// A relay, as `/info` prints it with `--json`.
#[derive(Debug, Serialize)]
struct RelayValue {
    nickname: String,
    fingerprint: String,
    address: String,
    ipv6: Option<String>,
    country: Option<String>,
    flags: Vec<String>,
    /// The bandwidth in the consensus, in kilobytes (1,000 bytes) per second.
    /// `null` if the consensus doesn't contain it.
    bandwidth: Option<u32>,
    version: Option<String>,
    /// The summary of the exit policy, such as `accept 80,443`. `null` if it is
    /// unknown.
    exit_policy: Option<String>,
    family: Vec<String>,
}

/// Prints tor's data about the relays whose fingerprint, nickname or address is
/// `name`. Without a name, prints the data about this tor if it is a relay.
/// Returns a failure if the consensus doesn't contain the relay.
pub(super) fn show(
    context: &Context,
    controller: &Controller,
    name: Option<&str>,
) -> Result<(), Failure> {
    let own = match name {
        Some(_) => None,
        None => Some(controller.info().fingerprint()?.ok_or_else(|| {
            Failure::failed("this tor isn't a relay: show another relay with /info NICKNAME")
        })?),
    };
    let directory = controller.info().directory()?;
    let relays = directory.relays().iter().filter(|relay| match (&own, name) {
        (Some(own), _) => relay.fingerprint() == *own,
        (None, name) => is_named(relay, name.unwrap_or_default()),
    });
    let mut is_known = false;
    for relay in relays {
        is_known = true;
        let value = value(controller, relay);
        match context.out.is_json() {
            true => context.out.value(&value)?,
            false => context.out.line(describe(&value))?,
        }
    }
    match is_known {
        true => Ok(()),
        false => Err(Failure::failed(format!(
            "the consensus has no relay {}: use a fingerprint, a nickname or an IP address",
            name.unwrap_or("with this tor's fingerprint")
        ))),
    }
}

/// Returns true if `word` is the fingerprint, the nickname or an address of
/// this relay.
fn is_named(relay: &Relay, word: &str) -> bool {
    let digits = word.strip_prefix('$').unwrap_or(word);
    let digits = digits.split(['~', '=']).next().unwrap_or_default();
    if let Ok(fingerprint) = digits.parse::<Fingerprint>() {
        return relay.fingerprint() == fingerprint;
    }
    if let Ok(address) = word.parse::<IpAddr>() {
        let others = relay.other_addresses();
        let addresses = others.iter().map(|address| address.ip());
        return addresses.chain([IpAddr::from(*relay.or_address().ip())]).any(|it| it == address);
    }
    if word.contains(':') {
        return relay.or_address().to_string() == word;
    }
    relay.nickname().eq_ignore_ascii_case(word)
}

fn value(controller: &Controller, relay: &Relay) -> RelayValue {
    let ip = IpAddr::from(*relay.or_address().ip());
    // Without country data in tor, the country is left out.
    let country = controller.info().ip_to_country(ip).ok().flatten();
    RelayValue {
        nickname: relay.nickname().into(),
        fingerprint: relay.fingerprint().to_string(),
        address: relay.or_address().to_string(),
        ipv6: relay.ipv6().map(|address| address.to_string()),
        country: country.map(|country| country.to_string()),
        flags: flags(relay),
        bandwidth: relay.bandwidth(),
        version: relay.version().map(ToString::to_string),
        exit_policy: relay.policy().map(ToString::to_string),
        family: relay.family().iter().map(ToString::to_string).collect(),
    }
}

fn describe(relay: &RelayValue) -> String {
    let bandwidth = relay.bandwidth.map(units::kilobyte_rate);
    let family = (!relay.family.is_empty()).then(|| relay.family.join(" "));
    let lines = [
        ("nickname", Some(relay.nickname.clone())),
        ("fingerprint", Some(relay.fingerprint.clone())),
        ("address", Some(relay.address.clone())),
        ("IPv6", relay.ipv6.clone()),
        ("country", relay.country.clone()),
        ("flags", Some(relay.flags.join(" "))),
        ("bandwidth", bandwidth),
        ("version", relay.version.clone()),
        ("exit policy", relay.exit_policy.clone()),
        ("family", family),
    ];
    let lines = lines
        .into_iter()
        .filter_map(|(name, text)| text.map(|text| format!("{name:<12} {}", printable(&text))));
    lines.collect::<Vec<_>>().join("\n")
}
