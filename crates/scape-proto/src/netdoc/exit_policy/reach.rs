//! Questions about all addresses or all ports of an exit policy.
//!
//! Each rule covers a rectangle of addresses and ports. A point in it is one
//! address and one port. The first rule that covers a point decides about the
//! point. [`decides_somewhere`] looks for a point with a given decision. It
//! goes through the ports in ascending order and keeps a tree over the
//! addresses, with the rules that apply at the current port. So the time grows
//! with the number of rules, not with its square.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::ops::Range;

use super::address_pattern::AddressPattern;
use super::policy::ExitPolicy;
use super::port_range::PortRange;
use super::rule::{ExitAction, ExitRule};

impl ExitPolicy {
    /// Returns true if the policy allows at least one stream to this address
    /// and port. A missing address stands for any IPv4 or IPv6 address, and a
    /// missing port for any port from 1 to 65535.
    ///
    /// The answer is exact: all rules count together. stem's `can_exit_to`
    /// looks only at the first rule that may match. For the policy below, stem
    /// answers that port 80 is allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy =
    ///     "reject 192.0.2.0/24:80,accept 192.0.2.7:80,accept *:443,reject *:*".parse()?;
    /// assert!(policy.allows_some(None, Some(443)));
    /// assert!(!policy.allows_some(None, Some(80)));
    /// assert!(policy.allows_some(Some("192.0.2.7".parse()?), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "can_exit_to")]
    pub fn allows_some(&self, ip: Option<IpAddr>, port: Option<u16>) -> bool {
        self.decides(ExitAction::Accept, ip, port)
    }

    /// Returns true if the policy allows every stream to this address and port.
    /// A missing address stands for all IPv4 and IPv6 addresses, and a missing
    /// port for all ports from 1 to 65535.
    ///
    /// Nearly every relay rejects private addresses, so ask a policy [without
    /// these rules](Self::strip_private). For one family of addresses, ask the
    /// policy [for IPv4](Self::only_v4) or [for IPv6](Self::only_v6). These
    /// have no rules for the other family, so they allow all addresses of it.
    ///
    /// The answer is exact, unlike that of stem's `can_exit_to` with `strict`,
    /// which looks only at the first rule that may match.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "reject private:*,accept *:443,reject *:*".parse()?;
    /// assert!(!policy.allows_all(None, Some(443)));
    /// assert!(policy.strip_private().allows_all(None, Some(443)));
    /// assert!(!policy.allows_all(Some("192.0.2.7".parse()?), None));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[doc(alias = "can_exit_to")]
    pub fn allows_all(&self, ip: Option<IpAddr>, port: Option<u16>) -> bool {
        !self.decides(ExitAction::Reject, ip, port)
    }

    /// Returns true if the policy allows any stream, and false if it rejects
    /// every address on every port from 1 to 65535.
    ///
    /// ```
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// assert!("accept *:443,reject *:*".parse::<ExitPolicy>()?.is_exiting_allowed());
    /// assert!(!"reject *:443,accept *:443,reject *:*".parse::<ExitPolicy>()?.is_exiting_allowed());
    /// # Ok::<(), scape_proto::netdoc::ParseExitPolicyError>(())
    /// ```
    pub fn is_exiting_allowed(&self) -> bool {
        self.allows_some(None, None)
    }

    /// Returns true if the policy accepts or rejects, as `action` says, at
    /// least one of these addresses on at least one of these ports. `None`
    /// means all addresses or all ports.
    fn decides(&self, action: ExitAction, ip: Option<IpAddr>, port: Option<u16>) -> bool {
        let targets = match ip {
            Some(IpAddr::V4(address)) => vec![AddressPattern::V4 { address, prefix: 32 }],
            Some(IpAddr::V6(address)) => vec![AddressPattern::V6 { address, prefix: 128 }],
            None => AddressPattern::Any.split(),
        };
        let ports = port.map_or(PortRange::ANY, PortRange::single);
        targets.into_iter().any(|target| decides_somewhere(self.rules(), action, target, ports))
    }
}

/// A part of a rule: a range of addresses on a range of ports.
struct Area {
    addresses: (u128, u128),
    ports: PortRange,
    /// True if the rule has the action that [`decides_somewhere`] looks for.
    is_wanted: bool,
}

/// Returns true if the rules take `action` for at least one of the `target`
/// addresses on at least one of the `ports`.
fn decides_somewhere(
    rules: &[ExitRule],
    action: ExitAction,
    target: AddressPattern,
    ports: PortRange,
) -> bool {
    let areas = areas(rules, action, target, ports);
    // A border is the first address of an area, or the first address after an
    // area. All addresses from one border to the next have the same rules.
    let ends = areas.iter().filter_map(|area| area.addresses.1.checked_add(1));
    let mut borders: Vec<u128> = areas.iter().map(|area| area.addresses.0).chain(ends).collect();
    borders.sort_unstable();
    borders.dedup();
    let cell = |address: u128| borders.partition_point(|border| *border < address);
    // The line enters an area at its lowest port, and leaves it after its
    // highest port.
    let mut changes = Vec::new();
    for (number, area) in areas.iter().enumerate() {
        let end = area.addresses.1.checked_add(1).map_or(borders.len(), cell);
        let cells = cell(area.addresses.0)..end;
        let own = Own { number, is_wanted: area.is_wanted };
        changes.push((u32::from(area.ports.min()), true, cells.clone(), own));
        changes.push((u32::from(area.ports.max()) + 1, false, cells, own));
    }
    changes.sort_by_key(|(port, ..)| *port);
    let mut tree = Node::new(0..borders.len());
    let mut changes = changes.into_iter().peekable();
    while let Some((port, enters, cells, own)) = changes.next() {
        tree.change(&cells, own, enters);
        // All changes at a port must be made before the tree is asked.
        let is_complete = changes.peek().is_some_and(|(next, ..)| *next > port);
        if is_complete && tree.wanted.is_some() {
            return true;
        }
    }
    false
}

/// Returns the parts of the rules that are inside `target` and `ports`, in the
/// order of the rules. The last part covers everything, because a stream that
/// no rule matches is allowed.
fn areas(
    rules: &[ExitRule],
    action: ExitAction,
    target: AddressPattern,
    ports: PortRange,
) -> Vec<Area> {
    let family = target.family();
    let Some((lowest, highest)) = target.range() else { return Vec::new() };
    let mut areas = Vec::new();
    // If no rule matches, the stream is allowed.
    let fallback = ExitRule {
        action: ExitAction::Accept,
        address: AddressPattern::Any,
        ports: PortRange::ALL,
    };
    for rule in rules.iter().chain([&fallback]) {
        let shared =
            PortRange::new(ports.min().max(rule.ports.min()), ports.max().min(rule.ports.max()));
        let Some(ports) = shared else { continue };
        let patterns = rule.address.split().into_iter().filter(|p| p.family() == family);
        for (low, high) in patterns.filter_map(AddressPattern::range) {
            let addresses = (low.max(lowest), high.min(highest));
            if addresses.0 <= addresses.1 {
                areas.push(Area { addresses, ports, is_wanted: rule.action == action });
            }
        }
    }
    areas
}

/// An entry for an area in a node of the tree. The area covers all addresses of
/// the node.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Own {
    /// The area's position in the order of the rules. The area with the lowest
    /// number decides.
    number: usize,
    is_wanted: bool,
}

/// A node of the tree over the addresses, with the areas that apply at the
/// current port.
struct Node {
    /// The indexes of the node's cells. A cell is a range of addresses to which
    /// the same rules apply.
    cells: Range<usize>,
    /// The areas that cover all cells of this node, but not all cells of its
    /// parent.
    own: BTreeSet<Own>,
    /// The two child nodes, each with half of the cells. `None` for a single
    /// cell.
    halves: Option<Box<[Node; 2]>>,
    /// The highest number of an area that decides about one of the cells. Among
    /// the areas that cover a cell, the one with the lowest number decides.
    /// Only the areas of this node and of the nodes below it count.
    /// `usize::MAX` if one of the cells isn't covered by such an area.
    last: usize,
    /// The lowest number of an area that decides about one of the cells and has
    /// the wanted action. `None` if no area does.
    wanted: Option<usize>,
}

impl Node {
    fn new(cells: Range<usize>) -> Node {
        let middle = cells.start.midpoint(cells.end);
        let halves = (middle > cells.start)
            .then(|| Box::new([Node::new(cells.start..middle), Node::new(middle..cells.end)]));
        Node { cells, own: BTreeSet::new(), halves, last: usize::MAX, wanted: None }
    }

    /// Adds `area`, which covers `cells`, to the tree if `adds` is true.
    /// Otherwise, removes the area from the tree.
    fn change(&mut self, cells: &Range<usize>, area: Own, adds: bool) {
        if self.cells.end <= cells.start || cells.end <= self.cells.start {
            return;
        }
        if cells.start <= self.cells.start && self.cells.end <= cells.end {
            if adds {
                self.own.insert(area)
            } else {
                self.own.remove(&area)
            };
        } else if let Some(halves) = &mut self.halves {
            halves.iter_mut().for_each(|half| half.change(cells, area, adds));
        }
        self.update();
    }

    /// Computes `last` and `wanted` from `own` and the halves.
    fn update(&mut self) {
        (self.last, self.wanted) = match self.halves.as_deref() {
            Some([one, other]) => {
                let both = one.wanted.into_iter().chain(other.wanted);
                (one.last.max(other.last), both.min())
            }
            None => (usize::MAX, None),
        };
        // The first own area decides about each cell whose number is higher.
        if let Some(own) = self.own.first().filter(|own| own.number < self.last) {
            self.last = own.number;
            self.wanted = self.wanted.filter(|wanted| *wanted < own.number);
            if own.is_wanted && self.wanted.is_none() {
                self.wanted = Some(own.number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(text: &str) -> ExitPolicy {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn exiting_is_allowed_if_any_stream_is() {
        for (text, allowed) in [
            ("", true),
            ("accept *:*", true),
            ("reject *:*", false),
            ("accept *:80,reject *:*", true),
            ("reject *:80,accept *:80,reject *:*", false),
            ("reject *:50-90,accept *:80,reject *:*", false),
            ("reject *:2-65535,accept *:80-65535,reject *:*", false),
            ("reject *:2-65535,accept 127.0.0.0:1,reject *:*", true),
            ("reject 127.0.0.1:*,accept *:80,reject *:*", true),
            // No single rule before the one that accepts has all addresses.
            ("reject 0.0.0.0/1:*,reject 128.0.0.0/1:*,accept *4:80,reject *:*", false),
            ("reject 0.0.0.0/1:*,reject 128.0.0.0/2:*,accept *4:80,reject *:*", true),
            ("reject *:1-100,reject *4:101-65535,accept *:*", true),
            ("reject *4:*", true),
            ("reject *4:*,reject [::]/0:*", false),
            ("reject *:1-65535", false),
            ("reject *:0-65534", true),
            ("accept *:0,reject *:*", false),
            ("accept private:80,reject *:*", true),
            ("reject private:*,accept 10.0.0.0/8:*,accept [::1]:80,reject *:*", false),
        ] {
            assert_eq!(policy(text).is_exiting_allowed(), allowed, "{text}");
        }
    }

    #[test]
    fn policy_allows_some_or_all_addresses_of_a_port() {
        for (text, port, some, all) in [
            ("accept *:80,accept *:443,reject *:*", 80, true, true),
            ("accept *:80,accept *:443,reject *:*", 81, false, false),
            ("reject 1.0.0.0/8:80,accept *:*", 80, true, false),
            ("accept 1.0.0.0/8:80,reject *:*", 80, true, false),
            ("reject 1.0.0.0/8:80,accept 1.0.0.0/8:80,reject *:*", 80, false, false),
            ("accept 0.0.0.0/1:80,accept 128.0.0.0/1:80,accept *6:80,reject *:*", 80, true, true),
            ("accept 1.0.0.0/8:80,reject 1.2.0.0/16:80,accept *:*", 80, true, true),
        ] {
            let policy = policy(text);
            assert_eq!(policy.allows_some(None, Some(port)), some, "{text}");
            assert_eq!(policy.allows_all(None, Some(port)), all, "{text}");
        }
    }

    #[test]
    fn policy_allows_some_or_all_ports_of_an_address() {
        for (text, ip, some, all) in [
            ("reject 1.0.0.0/8:80,accept *:*", "1.2.3.4", true, false),
            ("reject 1.0.0.0/8:80,accept *:*", "2.2.3.4", true, true),
            ("accept 1.0.0.0/8:80,reject *:*", "1.2.3.4", true, false),
            ("accept 1.0.0.0/8:80,reject *:*", "2.2.3.4", false, false),
            ("accept *4:1-80,accept *4:81-65535,reject *:*", "2.2.3.4", true, true),
            ("accept *4:1-80,accept *4:81-65535,reject *:*", "2001:db8::1", false, false),
            ("accept [2001:db8::]/32:1-80,reject *:*", "2001:db8::1", true, false),
        ] {
            let (policy, ip) = (policy(text), ip.parse().unwrap());
            assert_eq!(policy.allows_some(Some(ip), None), some, "{text}");
            assert_eq!(policy.allows_all(Some(ip), None), all, "{text}");
        }
    }

    #[test]
    fn long_policies_are_decided_quickly() {
        // With the square of the rules, this would take hours.
        let mut text = String::new();
        for i in 0..30_000 {
            let [_, _, a, b] = u32::to_be_bytes(i);
            text += &format!("reject 192.{a}.{b}.0/24:{}-{},", i + 1, 65_535 - i);
        }
        let open = policy(&text);
        assert!(open.allows_some(None, None) && !open.allows_all(None, None));
        let closed = policy(&format!("{text}reject *:*"));
        assert!(!closed.is_exiting_allowed());
    }

    fn pattern() -> impl Strategy<Value = AddressPattern> {
        prop_oneof![
            Just(AddressPattern::Any),
            Just(AddressPattern::AnyV4),
            Just(AddressPattern::AnyV6),
            Just(AddressPattern::Private),
            (0u32..8, prop_oneof![0u8..3, 28u8..=32]).prop_map(|(address, prefix)| {
                AddressPattern::V4 { address: address.into(), prefix }
            }),
            (0u128..8, prop_oneof![0u8..3, 124u8..=128]).prop_map(|(address, prefix)| {
                AddressPattern::V6 { address: address.into(), prefix }
            }),
        ]
    }

    fn rule() -> impl Strategy<Value = ExitRule> {
        let ports = prop_oneof![
            Just(PortRange::ANY),
            (0u16..5, 0u16..4).prop_map(|(min, more)| PortRange::new(min, min + more).unwrap()),
            (65_530u16..=65_535).prop_map(|min| PortRange::new(min, u16::MAX).unwrap()),
        ];
        (any::<bool>(), pattern(), ports).prop_map(|(accepts, address, ports)| ExitRule {
            action: if accepts { ExitAction::Accept } else { ExitAction::Reject },
            address,
            ports,
        })
    }

    /// Returns the addresses on both sides of the ends of every rule's range.
    /// `policy` makes the same decision for all addresses between two neighbors
    /// in the list.
    fn addresses(policy: &ExitPolicy) -> Vec<IpAddr> {
        let mut addresses = vec![IpAddr::V4(0.into()), IpAddr::V6(0.into())];
        for pattern in policy.rules().iter().flat_map(|rule| rule.address.split()) {
            let (low, high) = pattern.range().unwrap();
            for address in [low, high, low.wrapping_sub(1), high.wrapping_add(1)] {
                addresses.push(match u32::try_from(address) {
                    Ok(address) if pattern.family() == AddressPattern::AnyV4.family() => {
                        IpAddr::V4(address.into())
                    }
                    _ => IpAddr::V6(address.into()),
                });
            }
        }
        addresses
    }

    proptest! {
        #[test]
        fn answers_match_single_streams(
            rules in prop::collection::vec(rule(), 0..12),
            ip in prop_oneof![
                (0u32..9).prop_map(|ip| IpAddr::V4(ip.into())),
                (0u128..9).prop_map(|ip| IpAddr::V6(ip.into())),
            ],
            port in 0u16..9,
        ) {
            let policy: ExitPolicy = rules.into_iter().collect();
            let addresses = addresses(&policy);
            let ports: Vec<u16> = (1..12).chain(65_525..=u16::MAX).collect();
            let mut one_port = addresses.iter().map(|ip| policy.allows(*ip, port));
            prop_assert_eq!(policy.allows_some(None, Some(port)), one_port.clone().any(|a| a));
            prop_assert_eq!(policy.allows_all(None, Some(port)), one_port.all(|a| a));
            let mut one_address = ports.iter().map(|port| policy.allows(ip, *port));
            prop_assert_eq!(policy.allows_some(Some(ip), None), one_address.clone().any(|a| a));
            prop_assert_eq!(policy.allows_all(Some(ip), None), one_address.all(|a| a));
            let mut every = addresses
                .iter()
                .flat_map(|ip| ports.iter().map(|port| policy.allows(*ip, *port)));
            prop_assert_eq!(policy.is_exiting_allowed(), every.clone().any(|a| a));
            prop_assert_eq!(policy.allows_all(None, None), every.all(|a| a));
            let allows = policy.allows(ip, port);
            prop_assert_eq!(policy.allows_some(Some(ip), Some(port)), allows);
            prop_assert_eq!(policy.allows_all(Some(ip), Some(port)), allows);
        }

        #[test]
        fn policies_of_one_family_decide_in_the_same_way(
            rules in prop::collection::vec(rule(), 0..8),
            v4 in 0u32..9,
            v6 in 0u128..9,
            port in 0u16..9,
        ) {
            let policy: ExitPolicy = rules.into_iter().collect();
            let (v4, v6) = (IpAddr::V4(v4.into()), IpAddr::V6(v6.into()));
            let expanded = policy.expand_private();
            prop_assert_eq!(policy.only_v4().allows(v4, port), policy.allows(v4, port));
            prop_assert_eq!(policy.only_v6().allows(v6, port), policy.allows(v6, port));
            prop_assert_eq!(expanded.allows(v4, port), policy.allows(v4, port));
            prop_assert_eq!(expanded.allows(v6, port), policy.allows(v6, port));
            prop_assert!(policy.only_v4().allows(v6, port) && policy.only_v6().allows(v4, port));
        }
    }
}
