//! The authorities' votes.
//!
//! In a network that begins without a consensus, two rules avoid long waits:
//!
//! * No authority votes before all authorities have every relay's descriptor.
//!   Otherwise they would vote only on the relays whose descriptors have
//!   arrived by chance.
//! * No node asks for the consensus before it is available. Otherwise the node
//!   would ask again after ever longer pauses.
//!
//! So each node is told when to fetch the consensus. The relays are told when
//! the authorities have published it, and the client is told when the relays
//! have it. Without these rules, a start would take from ten seconds to a
//! minute.

use std::thread;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::node::{Node, Role};
use crate::control::Controller;
use crate::error::{Phase, Result};
use crate::io::transport::Deadline;
use scape_proto::event::{Bootstrap, EventKind};

/// The time between two requests to a node. The answers are small, so the
/// requests don't slow down the node even on a busy machine.
pub(super) const POLL: Duration = Duration::from_millis(100);

/// The interval of the first vote, in seconds. tor counts intervals from
/// midnight, and allows no interval below 5 seconds. The second vote follows
/// after `V3AuthVotingInterval`.
const FIRST_INTERVAL: u64 = 5;
/// The duration of the first vote, in seconds. tor uses a quarter of the
/// interval for voting and another quarter for signing: one second each.
const VOTING_AND_SIGNING: u64 = 2;

/// The bootstrap percentage at which a relay has the descriptors of the other
/// relays.
const RELAY_IS_READY: u8 = 75;

/// Waits until a node has a consensus that it didn't have at the time of the
/// call.
pub(super) fn wait_for_next(node: &Node, deadline: Deadline) -> Result<()> {
    const KEY: &str = "consensus/valid-after";
    let node = node.until(deadline);
    let events = node.subscribe([EventKind::NewConsensus])?;
    let before = node.get_info(KEY)?;
    let mut wait = events.wait(deadline, Phase::Event);
    while node.get_info(KEY)? == before {
        wait.next()?;
    }
    Ok(())
}

/// The time from the beginning of a vote to the consensus: voting and signing
/// take two seconds each.
pub(super) const VOTE_TAKES: Duration = Duration::from_secs(4);

/// Makes the authorities of a network that has a consensus vote as soon as
/// possible, and waits until each has the next consensus. With an interval of
/// up to ten seconds, only waits for the next regular vote.
///
/// All commands sent with `authorities` must have `deadline`.
pub(super) fn vote_now(
    authorities: &[Controller],
    interval: Duration,
    deadline: Deadline,
) -> Result<()> {
    let valid_after = |authority: &Controller| authority.get_info("consensus/valid-after");
    let before: Vec<String> = authorities.iter().map(valid_after).collect::<Result<_>>()?;
    if interval.as_secs() > 2 * FIRST_INTERVAL {
        // This leaves time to tell the authorities, and the time to the next
        // full second.
        let begin = SystemTime::now() + Duration::from_millis(1300);
        set_offset(authorities, begin + VOTE_TAKES, interval)?;
    }
    for (authority, before) in authorities.iter().zip(before) {
        while valid_after(authority)? == before {
            if deadline.has_passed() {
                return Err(deadline.error(Phase::Event));
            }
            thread::sleep(POLL);
        }
    }
    Ok(())
}

/// Makes authorities vote on a consensus with this valid-after time, which they
/// round down to a second.
pub(super) fn set_offset(
    authorities: &[Controller],
    valid_after: SystemTime,
    interval: Duration,
) -> Result<()> {
    let since = valid_after.duration_since(UNIX_EPOCH).unwrap_or_default();
    let offset = since.as_secs() % interval.as_secs().max(1);
    // All authorities must know the offset before the vote. It is saved only
    // afterwards, because saving takes longer.
    for authority in authorities {
        authority.set_conf([("TestingV3AuthVotingStartOffset", offset.to_string())])?;
    }
    // The offset is saved, so that RELOAD doesn't undo it.
    authorities.iter().try_for_each(Controller::save_conf)
}

/// Waits until every authority has the descriptor of every relay.
pub(super) fn wait_for_descriptors(nodes: &[Node], deadline: Deadline) -> Result<()> {
    let keys = of_each_relay(nodes, "desc/id/");
    wait(of_role(nodes, Role::Authority), deadline, |authority| knows_all(authority, &keys))
}

/// Makes the authorities vote at the next full second, and waits until each has
/// published the consensus.
pub(super) fn vote(nodes: &[Node], deadline: Deadline) -> Result<()> {
    // This leaves time to tell the authorities.
    let soon = SystemTime::now() + Duration::from_millis(300);
    let soon = soon.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs() + 1;
    let offset = (soon + VOTING_AND_SIGNING) % FIRST_INTERVAL;
    for authority in of_role(nodes, Role::Authority) {
        let authority = authority.until(deadline);
        authority.set_conf([
            ("TestingV3AuthInitialVotingInterval", FIRST_INTERVAL.to_string()),
            ("TestingV3AuthVotingStartOffset", offset.to_string()),
        ])?;
        authority.save_conf()?;
    }
    let keys = of_each_relay(nodes, "ns/id/");
    wait(of_role(nodes, Role::Authority), deadline, |authority| knows_all(authority, &keys))
}

/// Lets the relays and bridges fetch the consensus, and waits until they have
/// it.
pub(super) fn tell_relays(nodes: &[Node], deadline: Deadline) -> Result<()> {
    let mut relays = of_role(nodes, Role::Relay);
    relays.extend(of_role(nodes, Role::Bridge));
    relays.iter().try_for_each(|relay| start_to_fetch(&relay.until(deadline)))?;
    wait(relays, deadline, |relay| {
        let phase = relay.info().get_bytes("status/bootstrap-phase")?;
        Ok(Bootstrap::parse(&phase).is_some_and(|bootstrap| bootstrap.progress >= RELAY_IS_READY))
    })
}

/// Lets a node fetch the consensus and descriptors: sets the option
/// `FetchServerDescriptors` to 1. The option is saved, so that RELOAD doesn't
/// undo it.
pub(super) fn start_to_fetch(controller: &Controller) -> Result<()> {
    controller.set_conf([("FetchServerDescriptors", "1")])?;
    controller.save_conf()
}

fn of_role(nodes: &[Node], role: Role) -> Vec<&Node> {
    nodes.iter().filter(|node| node.role() == role).collect()
}

/// Waits until `is_so` returns true for every node.
fn wait(
    nodes: Vec<&Node>,
    deadline: Deadline,
    is_so: impl Fn(&Controller) -> Result<bool>,
) -> Result<()> {
    for node in nodes {
        let node = node.until(deadline);
        while !is_so(&node)? {
            if deadline.has_passed() {
                return Err(deadline.error(Phase::Bootstrap));
            }
            thread::sleep(POLL);
        }
    }
    Ok(())
}

/// Returns a GETINFO key for each relay and authority: `key`, such as
/// `desc/id/`, followed by the fingerprint. Bridges are left out, because they
/// are not in the consensus.
pub(super) fn of_each_relay(nodes: &[Node], key: &str) -> Vec<String> {
    nodes
        .iter()
        .filter(|node| node.role() != Role::Bridge)
        .filter_map(Node::fingerprint)
        .map(|fingerprint| format!("{key}{fingerprint}"))
        .collect()
}

/// Returns true if a node has an answer for each of these GETINFO keys.
pub(super) fn knows_all(controller: &Controller, keys: &[String]) -> Result<bool> {
    Ok(controller.info().get_each(keys)?.iter().all(Result::is_ok))
}
