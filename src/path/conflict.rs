//! Which relays may not be in one path.

use crate::descriptor::{FamilyMember, Relay};
use crate::path::PathRule;

/// The rule that keeps two relays out of one path, where there is one.
/// path-spec, "Universal constraints".
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

/// Whether each names the other as its family, or both are members of a family
/// with an identity of its own. path-spec, "Determining family membership".
fn same_family(one: &Relay, other: &Relay) -> bool {
    names(one, other) && names(other, one)
        || one.family_ids().iter().any(|family| other.family_ids().contains(family))
}

/// Whether `one` says that `other` is of its family.
fn names(one: &Relay, other: &Relay) -> bool {
    one.family().iter().any(|member| match member {
        FamilyMember::Fingerprint(fingerprint) => *fingerprint == other.fingerprint(),
        FamilyMember::Nickname(nickname) => nickname.eq_ignore_ascii_case(other.nickname()),
        _ => false,
    })
}

/// Whether they are in the same /16 of IPv4 or /32 of IPv6. Addresses that are
/// not known are in no network.
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
