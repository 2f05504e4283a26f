//! Summarizes documents that list relays, such as consensuses and votes.

use std::collections::BTreeMap;
use std::time::SystemTime;

use scape::geoip::GeoIp;
use scape::netdoc::{
    BandwidthWeights, BridgeNetworkStatus, Consensus, DocumentKind, NetworkStatusV2, Protocols,
    RouterFlags, RouterStatus, Vote,
};

use super::page::{Summary, Unit};
use crate::base::failure::Failure;

pub(super) fn consensus(
    consensus: &Consensus<'_>,
    geoip: Option<&GeoIp>,
) -> Result<Summary, Failure> {
    let relays: Vec<RouterStatus<'_>> = consensus.relays().collect();
    let title = format!("Consensus with {} relays", relays.len());
    let mut page = Summary::new(DocumentKind::Consensus, title);
    page.text("flavor", Some(&consensus.flavor));
    page.number("method", consensus.method.map(u64::from));
    page.time("valid_after", consensus.valid_after);
    page.time("fresh_until", consensus.fresh_until);
    page.time("valid_until", consensus.valid_until);
    let now = SystemTime::now();
    let expired = consensus.valid_until.and_then(|end| now.duration_since(end).ok());
    page.duration("expired_for", expired);
    page.count("relays", relays.len());
    let authorities = consensus.dir_sources.iter().map(|source| &*source.nickname);
    page.text("authorities", Some(authorities.collect::<Vec<_>>().join(", ")));
    page.count("signatures", consensus.signatures.len());
    let malformed = consensus.relays().results().filter(Result::is_err).count();
    page.count("malformed_lines", consensus.skipped().len());
    page.count("malformed_relays", malformed);
    flags(&mut page, &relays);
    bandwidths(&mut page, &consensus.bandwidth_weights, &relays);
    versions(&mut page, &relays, &consensus.server_versions);
    let demands = [
        (consensus.required_relay_protocols.as_ref(), "required"),
        (consensus.recommended_relay_protocols.as_ref(), "recommended"),
    ];
    protocols(&mut page, &relays, demands);
    countries(&mut page, geoip, &relays)?;
    Ok(page)
}

pub(super) fn vote(vote: &Vote<'_>, geoip: Option<&GeoIp>) -> Result<Summary, Failure> {
    let relays: Vec<RouterStatus<'_>> = vote.relays().collect();
    let authority = vote.dir_source.as_ref();
    let name = authority.map_or("an unknown authority", |source| &*source.nickname);
    let title = format!("Vote of {name} with {} relays", relays.len());
    let mut page = Summary::new(DocumentKind::Vote, title);
    page.text("authority", Some(name));
    page.text("fingerprint", authority.map(|source| source.identity));
    page.time("published", vote.published);
    page.time("valid_after", vote.valid_after);
    page.time("valid_until", vote.valid_until);
    page.count("relays", relays.len());
    page.count("malformed_lines", vote.skipped().len());
    let measured = relays.iter().filter(|relay| relay.measured().is_some()).count();
    page.count("measured_relays", measured);
    flags(&mut page, &relays);
    versions(&mut page, &relays, &vote.server_versions);
    countries(&mut page, geoip, &relays)?;
    Ok(page)
}

pub(super) fn bridges(status: &BridgeNetworkStatus<'_>) -> Summary {
    let bridges: Vec<RouterStatus<'_>> = status.bridges().collect();
    let title = format!("Network status with {} bridges", bridges.len());
    let mut page = Summary::new(DocumentKind::BridgeNetworkStatus, title);
    page.time("published", status.published);
    page.count("bridges", bridges.len());
    // The addresses in published documents about bridges are replaced by
    // others, so they have no countries.
    flags(&mut page, &bridges);
    page
}

pub(super) fn old_status(
    status: &NetworkStatusV2<'_>,
    geoip: Option<&GeoIp>,
) -> Result<Summary, Failure> {
    let relays: Vec<RouterStatus<'_>> = status.relays().collect();
    let title = format!("Network status of version 2 with {} relays", relays.len());
    let mut page = Summary::new(DocumentKind::NetworkStatusV2, title);
    page.text("authority", status.hostname.as_deref());
    page.time("published", status.published);
    page.count("relays", relays.len());
    flags(&mut page, &relays);
    versions(&mut page, &relays, &status.server_versions);
    countries(&mut page, geoip, &relays)?;
    Ok(page)
}

fn flags(page: &mut Summary, relays: &[RouterStatus<'_>]) {
    let mut counts = BTreeMap::new();
    for relay in relays {
        for flag in relay.flags().iter() {
            *counts.entry(flag.to_owned()).or_insert(0) += 1;
        }
        for flag in relay.unknown_flags() {
            *counts.entry(String::from_utf8_lossy(flag).into_owned()).or_insert(0) += 1;
        }
    }
    page.counts("flags", counts, relays.len() as u64, Unit::Number);
}

/// Adds two tables: the bandwidth by the kind of relay (guards, exits and
/// others), and the part of the bandwidth that clients use for each position in
/// a circuit.
fn bandwidths(page: &mut Summary, weights: &BandwidthWeights, relays: &[RouterStatus<'_>]) {
    const KINDS: [&str; 4] = ["guards", "guards and exits", "exits", "others"];
    /// The names of the bandwidth weights. Each row is a kind of relay, and the
    /// columns are the guard, middle and exit positions: path-spec, "Weighting
    /// node selection". Relays without the flag Guard are never used as guards,
    /// and relays without the flag Exit never as exits.
    const WEIGHTS: [[&str; 3]; 4] =
        [["Wgg", "Wmg", ""], ["Wgd", "Wmd", "Wed"], ["", "Wme", "Wee"], ["", "Wmm", ""]];
    let mut sums = [0u64; 4];
    for relay in relays {
        let has = |flag| relay.flags().contains(flag);
        // Clients don't leave the network at an exit with the flag BadExit.
        let is_exit = has(RouterFlags::EXIT) && !has(RouterFlags::BAD_EXIT);
        let kind = match (has(RouterFlags::GUARD), is_exit) {
            (true, false) => 0,
            (true, true) => 1,
            (false, true) => 2,
            (false, false) => 3,
        };
        if let Some(sum) = sums.get_mut(kind) {
            *sum += u64::from(relay.bandwidth().unwrap_or(0));
        }
    }
    let total: u64 = sums.iter().sum();
    let rows = KINDS.iter().zip(sums).map(|(kind, sum)| ((*kind).to_owned(), sum));
    page.ordered("bandwidth", rows.collect(), total, Unit::Kilobytes);
    if weights.is_empty() {
        return;
    }
    let scale = u64::from(weights.scale().max(1));
    let weighted = |position: usize| -> u64 {
        let parts = WEIGHTS.iter().zip(sums).map(|(names, sum)| {
            let weight = names.get(position).and_then(|name| weights.get(name)).unwrap_or(0);
            sum.saturating_mul(u64::from(weight)) / scale
        });
        parts.sum()
    };
    let positions = ["guard", "middle", "exit"].into_iter().enumerate();
    let rows = positions.map(|(at, name)| (name.to_owned(), weighted(at))).collect();
    page.ordered("bandwidth_by_position", rows, total, Unit::Kilobytes);
}

/// Adds the number of relays with each version, and the number of relays whose
/// version the authorities recommend.
fn versions(page: &mut Summary, relays: &[RouterStatus<'_>], recommended: &[Box<str>]) {
    let mut counts = BTreeMap::new();
    let mut recommended_relays: u64 = 0;
    for relay in relays {
        let version = relay.version_text().map_or("unknown".into(), String::from_utf8_lossy);
        let number = version.strip_prefix("Tor ").unwrap_or(&version);
        recommended_relays += u64::from(recommended.iter().any(|known| **known == *number));
        *counts.entry(version.into_owned()).or_insert(0) += 1;
    }
    if !recommended.is_empty() {
        page.number("relays_with_recommended_version", recommended_relays);
    }
    page.counts("versions", counts, relays.len() as u64, Unit::Number);
}

/// Adds a table with the newest version of each protocol, and the number of
/// relays that support it. A remark says if the consensus requires or
/// recommends this version.
fn protocols(
    page: &mut Summary,
    relays: &[RouterStatus<'_>],
    demands: [(Option<&Protocols>, &'static str); 2],
) {
    let lists: Vec<Protocols> = relays.iter().filter_map(RouterStatus::protocols).collect();
    let mut newest: BTreeMap<&str, u32> = BTreeMap::new();
    for (name, versions) in lists.iter().flat_map(Protocols::iter) {
        let highest = versions.map(|(_, highest)| highest).max().unwrap_or(0);
        let known = newest.entry(name).or_default();
        *known = highest.max(*known);
    }
    let (mut rows, mut demanded) = (Vec::new(), BTreeMap::new());
    for (name, version) in newest {
        let label = format!("{name}={version}");
        let demand =
            demands.iter().find(|(list, _)| list.is_some_and(|list| list.supports(name, version)));
        if let Some((_, word)) = demand {
            demanded.insert(label.clone(), *word);
        }
        let count = lists.iter().filter(|list| list.supports(name, version)).count();
        rows.push((label, count as u64));
    }
    page.ordered("newest_protocols", rows, relays.len() as u64, Unit::Number);
    page.remarks(demanded);
}

fn countries(
    page: &mut Summary,
    geoip: Option<&GeoIp>,
    relays: &[RouterStatus<'_>],
) -> Result<(), Failure> {
    let Some(geoip) = geoip else { return Ok(()) };
    // All addresses are looked up at once, because a separate look-up of each
    // would take a round trip.
    let addresses = relays.iter().map(|relay| (*relay.or_address().ip()).into());
    let (mut counts, mut bandwidths) = (BTreeMap::new(), BTreeMap::new());
    for (location, relay) in geoip.lookup_all(addresses)?.into_iter().zip(relays) {
        let country = location?.country.map_or("??".to_owned(), |country| country.to_string());
        *counts.entry(country.clone()).or_insert(0) += 1;
        *bandwidths.entry(country).or_insert(0) += u64::from(relay.bandwidth().unwrap_or(0));
    }
    page.counts("countries", counts, relays.len() as u64, Unit::Number);
    let total = bandwidths.values().sum();
    if total > 0 {
        page.counts("bandwidth_by_country", bandwidths, total, Unit::Kilobytes);
    }
    Ok(())
}
