//! Reads documents with scape, and calls every method that parses further
//! values on request.

use std::hint::black_box;

use scape_proto::netdoc::{Consensus, ExtraInfo, Microdescriptor, ServerDescriptor};

pub(super) fn consensus(text: &str) -> usize {
    let consensus = Consensus::parse(text.as_bytes()).unwrap();
    let mut count = 0;
    for relay in consensus.relays() {
        black_box((relay.nickname(), relay.fingerprint(), relay.digest()));
        black_box((relay.microdescriptor_digest(), relay.published(), relay.ed25519()));
        black_box((relay.or_address(), relay.dir_port(), relay.ipv6()));
        black_box((relay.flags(), relay.unknown_flags().count()));
        black_box((relay.bandwidth(), relay.is_measured()));
        black_box(relay.version().unwrap());
        black_box(relay.protocols().unwrap());
        black_box(relay.policy());
        count += 1;
    }
    count
}

pub(super) fn server_descriptors(text: &str) -> usize {
    let mut count = 0;
    for relay in ServerDescriptor::parse_all(text.as_bytes()) {
        black_box(relay.exit_policy().unwrap());
        black_box(relay.ipv6_policy());
        black_box(relay.protocols().unwrap());
        black_box(relay.family());
        black_box(relay.digest().unwrap());
        black_box(&relay);
        count += 1;
    }
    count
}

pub(super) fn microdescriptors(text: &str) -> usize {
    let mut count = 0;
    for relay in Microdescriptor::parse_all(text.as_bytes()) {
        black_box((relay.ntor_onion_key().unwrap(), relay.ed25519().unwrap(), relay.ipv6()));
        black_box((relay.family(), relay.family_ids().count(), relay.other_addresses().count()));
        black_box((relay.policy(), relay.policy_v6(), relay.digest()));
        count += 1;
    }
    count
}

pub(super) fn extra_info(text: &str) -> usize {
    let mut count = 0;
    for relay in ExtraInfo::parse_all(text.as_bytes()) {
        for history in [
            &relay.write_history,
            &relay.read_history,
            &relay.ipv6_write_history,
            &relay.ipv6_read_history,
            &relay.dirreq_write_history,
            &relay.dirreq_read_history,
        ] {
            black_box(history.as_ref().map(|history| history.values().sum::<i64>()));
        }
        for counts in [
            relay.dirreq.v3.ips,
            relay.dirreq.v3.requests,
            relay.dirreq.v3.responses,
            relay.dirreq.v3.direct_downloads,
            relay.dirreq.v3.tunneled_downloads,
            relay.entry.ips,
        ] {
            black_box(counts.map(|counts| counts.iter().map(|(_, count)| count).sum::<u64>()));
        }
        for ports in
            [relay.exit.kibibytes_written, relay.exit.kibibytes_read, relay.exit.streams_opened]
        {
            black_box(ports.map(|ports| ports.iter().map(|(_, count)| count).sum::<u64>()));
        }
        for deciles in
            [relay.cell.processed_cells, relay.cell.queued_cells, relay.cell.time_in_queue]
        {
            black_box(deciles.map(|deciles| deciles.values().sum::<f64>()));
        }
        black_box(relay.padding.as_ref().map(|padding| padding.iter().count()));
        black_box((relay.digest().unwrap(), relay.digest_sha256().unwrap()));
        black_box(&relay);
        count += 1;
    }
    count
}
