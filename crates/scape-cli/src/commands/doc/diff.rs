//! `scape doc diff` compares two consensuses.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use clap::Args;
use scape::documents::FoundDocument;
use scape::netdoc::{Consensus, ConsensusFlavor, DocumentKind, RouterStatus};
use scape::word::Fingerprint;
use serde::Serialize;

use super::input::reader;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::table::Table;
use crate::base::units;
use crate::commands::shared::json;

/// Compare two consensuses: relays that were added, removed or changed
///
/// The first consensus of each file is compared. A line with + is a relay that
/// was added, one with - a relay that was removed, and one with ~ a relay whose
/// flags or bandwidth changed.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The file with the old consensus. - is standard input
    old: PathBuf,

    /// The file with the new consensus
    new: PathBuf,

    /// Print only the numbers of relays that were added, removed and changed
    #[arg(long)]
    counts: bool,
}

/// The differences between two consensuses, as they are printed with `--json`.
#[derive(Debug, Serialize)]
struct Difference {
    old: Side,
    new: Side,
    /// The number of relays that are only in the new consensus.
    came_count: usize,
    /// The number of relays that are only in the old consensus.
    left_count: usize,
    /// The number of relays whose flags changed.
    flags_count: usize,
    /// The number of relays whose bandwidth changed.
    bandwidth_count: usize,
    /// The relays that are only in the new consensus. With `--counts`, this
    /// list and the next two lists are missing.
    #[serde(skip_serializing_if = "Option::is_none")]
    came: Option<Vec<Relay>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    left: Option<Vec<Relay>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed: Option<Vec<Changed>>,
}

/// The facts about one of the two consensuses.
#[derive(Debug, Serialize)]
struct Side {
    flavor: ConsensusFlavor,
    /// The start of the validity in UTC, such as `2026-11-30T02:00:00Z`.
    #[serde(serialize_with = "json::seconds")]
    valid_after: Option<SystemTime>,
    relays: usize,
    /// The sum of the bandwidths of all relays, in units of 1000 bytes per
    /// second.
    bandwidth: u64,
}

#[derive(Debug, Serialize)]
struct Relay {
    nickname: String,
    fingerprint: Fingerprint,
    flags: Vec<String>,
    /// The bandwidth in units of 1000 bytes per second. `null` if the consensus
    /// doesn't contain it.
    bandwidth: Option<u32>,
}

/// A relay that is in both consensuses, but with other flags or another
/// bandwidth.
#[derive(Debug, Serialize)]
struct Changed {
    nickname: String,
    fingerprint: Fingerprint,
    /// The flags that the relay has only in the new consensus.
    flags_added: Vec<String>,
    /// The flags that the relay has only in the old consensus.
    flags_removed: Vec<String>,
    bandwidth_old: Option<u32>,
    bandwidth_new: Option<u32>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let (old, new) = (read(context, &self.old)?, read(context, &self.new)?);
        let mut difference = compare(&parse(&self.old, &old)?, &parse(&self.new, &new)?);
        if self.counts {
            (difference.came, difference.left, difference.changed) = (None, None, None);
        }
        match context.out.is_json() {
            true => context.out.value(&difference),
            false => describe(context, &difference),
        }
    }
}

/// Returns the first consensus in a file.
fn read(context: &Context, path: &Path) -> Result<FoundDocument, Failure> {
    for found in reader(context, &[path.to_owned()], None) {
        context.check_interrupt()?;
        let found = found?;
        if found.kind() == Some(DocumentKind::Consensus) {
            return Ok(found);
        }
    }
    Err(Failure::failed(format!("{} contains no consensus", path.display())))
}

fn parse<'a>(path: &Path, found: &'a FoundDocument) -> Result<Consensus<'a>, Failure> {
    Consensus::parse(found.text())
        .map_err(|error| Failure::failed(format!("{}: {error}", path.display())))
}

fn compare(old: &Consensus<'_>, new: &Consensus<'_>) -> Difference {
    let by_fingerprint = |consensus: &Consensus<'_>| -> BTreeMap<Fingerprint, Relay> {
        consensus.relays().map(|relay| (relay.fingerprint(), Relay::new(&relay))).collect()
    };
    let (before, mut after) = (by_fingerprint(old), by_fingerprint(new));
    let sides = (Side::new(old, &before), Side::new(new, &after));
    let (mut left, mut changed) = (Vec::new(), Vec::new());
    for (fingerprint, relay) in before {
        match after.remove(&fingerprint) {
            Some(now) => changed.extend(Changed::new(&relay, now)),
            None => left.push(relay),
        }
    }
    let came: Vec<Relay> = after.into_values().collect();
    Difference {
        old: sides.0,
        new: sides.1,
        came_count: came.len(),
        left_count: left.len(),
        flags_count: changed.iter().filter(|changed| changed.has_new_flags()).count(),
        bandwidth_count: changed.iter().filter(|changed| changed.has_new_bandwidth()).count(),
        came: Some(came),
        left: Some(left),
        changed: Some(changed),
    }
}

impl Side {
    fn new(consensus: &Consensus<'_>, relays: &BTreeMap<Fingerprint, Relay>) -> Self {
        Side {
            flavor: consensus.flavor.clone(),
            valid_after: consensus.valid_after,
            relays: relays.len(),
            bandwidth: relays.values().filter_map(|relay| relay.bandwidth).map(u64::from).sum(),
        }
    }
}

impl Relay {
    fn new(relay: &RouterStatus<'_>) -> Self {
        let mut flags: Vec<String> = relay.flags().iter().map(str::to_owned).collect();
        flags.extend(relay.unknown_flags().map(|flag| String::from_utf8_lossy(flag).into_owned()));
        Relay {
            nickname: relay.nickname().to_owned(),
            fingerprint: relay.fingerprint(),
            flags,
            bandwidth: relay.bandwidth(),
        }
    }
}

impl Changed {
    /// Compares the entries of a relay in the two consensuses. Returns `None`
    /// if the flags and the bandwidth are the same.
    fn new(old: &Relay, new: Relay) -> Option<Self> {
        let without = |these: &[String], those: &[String]| -> Vec<String> {
            these.iter().filter(|flag| !those.contains(flag)).cloned().collect()
        };
        let changed = Changed {
            flags_added: without(&new.flags, &old.flags),
            flags_removed: without(&old.flags, &new.flags),
            nickname: new.nickname,
            fingerprint: new.fingerprint,
            bandwidth_old: old.bandwidth,
            bandwidth_new: new.bandwidth,
        };
        (changed.has_new_flags() || changed.has_new_bandwidth()).then_some(changed)
    }

    fn has_new_flags(&self) -> bool {
        !self.flags_added.is_empty() || !self.flags_removed.is_empty()
    }

    fn has_new_bandwidth(&self) -> bool {
        self.bandwidth_old != self.bandwidth_new
    }
}

fn describe(context: &Context, difference: &Difference) -> Result<(), Failure> {
    let mut sides =
        Table::new(&["", "flavor", "valid after", "relays", "bandwidth"]).right(3).right(4);
    for (name, side) in [("old", &difference.old), ("new", &difference.new)] {
        let valid_after = side.valid_after.map(units::time).unwrap_or_default();
        let bandwidth = rate(side.bandwidth);
        let (flavor, relays) = (side.flavor.to_string(), side.relays.to_string());
        sides.row([name, &flavor, &valid_after, &relays, &bandwidth]);
    }
    context.out.line(sides.text(&context.out))?;
    context.out.line(format_args!(
        "\n{} came, {} left, {} with other flags, {} with another bandwidth",
        difference.came_count,
        difference.left_count,
        difference.flags_count,
        difference.bandwidth_count
    ))?;
    let mut relays = Table::new(&["", "nickname", "fingerprint", "flags", "bandwidth"]).right(4);
    let mut count = 0;
    for (sign, list) in [("+", &difference.came), ("-", &difference.left)] {
        for relay in list.iter().flatten() {
            let bandwidth = relay.bandwidth.map(|bandwidth| rate(bandwidth.into()));
            relays.row([
                sign.to_owned(),
                relay.nickname.clone(),
                relay.fingerprint.to_string(),
                relay.flags.join(" "),
                bandwidth.unwrap_or_default(),
            ]);
            count += 1;
        }
    }
    for changed in difference.changed.iter().flatten() {
        let added = changed.flags_added.iter().map(|flag| format!("+{flag}"));
        let removed = changed.flags_removed.iter().map(|flag| format!("-{flag}"));
        let known = |bandwidth: Option<u32>| {
            bandwidth.map_or_else(|| "?".to_owned(), |bandwidth| rate(bandwidth.into()))
        };
        let bandwidth = match changed.has_new_bandwidth() {
            true => format!("{} > {}", known(changed.bandwidth_old), known(changed.bandwidth_new)),
            false => String::new(),
        };
        relays.row([
            "~".to_owned(),
            changed.nickname.clone(),
            changed.fingerprint.to_string(),
            added.chain(removed).collect::<Vec<_>>().join(" "),
            bandwidth,
        ]);
        count += 1;
    }
    match count {
        0 => Ok(()),
        _ => context.out.line(format_args!("\n{}", relays.text(&context.out))),
    }
}

/// Formats a bandwidth that is given in units of 1000 bytes per second, as in a
/// consensus.
fn rate(kilobytes: u64) -> String {
    format!("{}/s", units::bytes(kilobytes.saturating_mul(1_000)))
}
