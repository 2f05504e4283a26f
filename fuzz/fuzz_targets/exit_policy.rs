//! Parses exit policies and port policies, and calls every method of them.
#![no_main]

mod common;

use std::net::IpAddr;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{ExitAction, ExitPolicy, ExitRule, PortPolicy, Protocols};

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let _ = text.parse::<ExitRule>().map(|rule| common::show(&rule));
    if let Ok(ports) = text.parse::<PortPolicy>() {
        check_ports(&ports);
    }
    if let Ok(protocols) = text.parse::<Protocols>() {
        assert_eq!(protocols.to_string().parse(), Ok(protocols));
    }
    let policy = match text.parse::<ExitPolicy>() {
        Ok(policy) => policy,
        Err(error) => {
            assert!(text.get(error.position()..).is_some_and(|at| at.starts_with(error.rule())));
            let _ = (error.to_string(), error.problem());
            return;
        }
    };
    common::show(&policy);
    assert_eq!(policy.to_string().parse().as_ref(), Ok(&policy));
    let samples = samples(&policy);
    let versions = [policy.expand_private(), policy.only_v4(), policy.only_v6()];
    for (ip, port) in &samples {
        let allows = policy.allows(*ip, *port);
        assert_eq!(policy.allows_some(Some(*ip), Some(*port)), allows, "{ip} {port}");
        assert_eq!(policy.allows_all(Some(*ip), Some(*port)), allows, "{ip} {port}");
        assert!(!allows || policy.allows_some(None, Some(*port)));
        assert!(!allows || policy.allows_some(Some(*ip), None));
        assert!(!allows || policy.allows_some(None, None));
        assert!(allows || !policy.allows_all(None, Some(*port)));
        assert!(allows || !policy.allows_all(Some(*ip), None));
        assert_eq!(versions[0].allows(*ip, *port), allows);
        assert_eq!(versions[if ip.is_ipv4() { 1 } else { 2 }].allows(*ip, *port), allows);
    }
    assert_eq!(policy.is_exiting_allowed(), policy.allows_some(None, None));
    assert!(policy.strip_private().rules().len() <= policy.rules().len());
    assert!(policy.has_private() || policy.strip_private() == policy);
    assert!(policy.has_default() || policy.strip_default() == policy);
    check_ports(&policy.summary_v4());
    check_ports(&policy.summary_v6());
});

fn check_ports(ports: &PortPolicy) {
    let text = ports.to_string();
    if !ports.ports().is_empty() {
        assert_eq!(text.parse().as_ref(), Ok(ports));
    }
    common::show(ports);
    let _ = (ports.is_reject_all(), ports.is_exiting_allowed());
    assert!(!ports.allows(0) && ports.allows(80) == ports.clone().allows(80));
}

/// Returns addresses and ports at the borders of the first rules, where
/// mistakes are most likely.
fn samples(policy: &ExitPolicy) -> Vec<(IpAddr, u16)> {
    let mut samples: Vec<(IpAddr, u16)> =
        ["1.2.3.4", "10.1.1.1", "127.0.0.1", "::1", "2001:db8::1", "::ffff:1.2.3.4"]
            .iter()
            .filter_map(|ip| Some((ip.parse().ok()?, 80)))
            .collect();
    for rule in policy.rules().iter().take(3) {
        assert!(matches!(rule.action, ExitAction::Accept | ExitAction::Reject));
        let text = rule.address.to_string();
        let ip = text.split('/').next().unwrap_or_default().trim_matches(['[', ']']).parse();
        let ip = ip.unwrap_or(IpAddr::from([8, 8, 8, 8]));
        for port in [rule.ports.min(), rule.ports.max()] {
            samples.push((ip, port.max(1)));
            samples.push((ip, port.saturating_add(1)));
        }
    }
    samples
}
