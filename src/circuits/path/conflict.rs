//! Checks whether two relays may be in one path.

use crate::circuits::path::PathRule;
use scape_proto::netdoc::{FamilyMember, Relay};

/// Returns the rule that forbids two relays in one path, or `None` if they may
/// be in one path (path-spec, "Universal constraints"). `distinct_subnets` is
/// true if relays in the same network are forbidden.
pub(super) fn conflict(one: &Relay, other: &Relay, distinct_subnets: bool) -> Option<PathRule> {
    if one.fingerprint() == other.fingerprint() {
        Some(PathRule::SameRelay)
    } else if same_family(one, other) {
        Some(PathRule::SameFamily)
    } else if distinct_subnets && same_subnet(one, other) {
        Some(PathRule::SameSubnet)
    } else {
        None
    }
}

/// Returns true if each relay names the other in its family, or if both have a
/// family identity in common (path-spec, "Determining family membership").
fn same_family(one: &Relay, other: &Relay) -> bool {
    names(one, other) && names(other, one)
        || one.family_ids().iter().any(|family| other.family_ids().contains(family))
}

/// Returns true if `one` names `other` in its family.
fn names(one: &Relay, other: &Relay) -> bool {
    one.family().iter().any(|member| match member {
        FamilyMember::Fingerprint(fingerprint) => *fingerprint == other.fingerprint(),
        FamilyMember::Nickname(nickname) => nickname.eq_ignore_ascii_case(other.nickname()),
        _ => false,
    })
}

/// Returns true if both relays are in the same /16 of IPv4 or /32 of IPv6.
/// Unknown addresses are in no network.
fn same_subnet(one: &Relay, other: &Relay) -> bool {
    let [a, b] = [one, other].map(|relay| *relay.or_address().ip());
    if !a.is_unspecified() && a.octets()[..2] == b.octets()[..2] {
        return true;
    }
    match (one.ipv6(), other.ipv6()) {
        (Some(a), Some(b)) => {
            !a.ip().is_unspecified() && a.ip().octets()[..4] == b.ip().octets()[..4]
        }
        _ => false,
    }
}
