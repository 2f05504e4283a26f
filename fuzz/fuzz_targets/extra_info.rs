//! Parses extra-info documents, both as a single document and as a sequence.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{ExtraInfo, NamedCounts, PortCounts};

fuzz_target!(|data: &[u8]| {
    let (lenient, strict) = (ExtraInfo::parse(data), ExtraInfo::parse_strict(data));
    let is_complete = common::begins_with(data, "extra-info");
    common::check(data, is_complete, &lenient, &strict, |info| info.skipped().to_vec());
    if let Ok(info) = &lenient {
        common::use_items(info.unknown_items());
        for transport in &info.transports {
            let _ = (transport.arguments().count(), transport.arguments_text());
        }
        let named = |counts: Option<NamedCounts<'_>>| {
            let Some(counts) = counts else { return };
            for (name, _) in counts.iter().take(9) {
                assert!(counts.get(name).is_some() && !counts.is_empty());
            }
        };
        let ports = |counts: Option<PortCounts<'_>>| {
            let Some(counts) = counts else { return };
            for (port, _) in counts.iter().take(9) {
                let first = port.map_or_else(|| counts.other(), |port| counts.get(port));
                assert!(first.is_some() && !counts.is_empty());
            }
        };
        for counts in [&info.dirreq.v2, &info.dirreq.v3] {
            named(counts.ips);
            named(counts.requests);
            named(counts.responses);
            named(counts.direct_downloads);
            named(counts.tunneled_downloads);
        }
        for counts in [info.entry.ips, info.bridge.ips, info.bridge.ip_versions] {
            named(counts);
        }
        named(info.bridge.ip_transports);
        named(info.bridge.geoip_client_origins);
        ports(info.exit.kibibytes_written);
        ports(info.exit.kibibytes_read);
        ports(info.exit.streams_opened);
        let services = [&info.hidden_service_v2, &info.hidden_service_v3];
        for count in services.iter().flat_map(|s| [s.rend_relayed_cells, s.dir_onions_seen]) {
            let _ = count.map(|count| count.parameters().count());
        }
        if let Some(padding) = &info.padding {
            padding
                .iter()
                .take(9)
                .for_each(|(name, _)| assert!(padding.get(name) <= Some(u64::MAX)));
        }
    }
    if let Ok(info) = &strict {
        assert!(info.digest().is_some() || !info.is_sanitized());
    }
    let all = ExtraInfo::parse_all(data).count();
    assert_eq!(all, ExtraInfo::parse_all(data).strict().count());
});
