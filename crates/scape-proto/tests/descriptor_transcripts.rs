//! Checks that answers of a real tor about relays are parsed to the last line.
//! They contain entries, consensuses and microdescriptors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape_proto::control::{Decoder, Reply};
use scape_proto::event::{Event, EventBody};
use scape_proto::netdoc::ConsensusFlavor;
use scape_proto::netdoc::{
    Consensus, Directory, ExitPolicy, Microdescriptor, Relay, RouterFlags, RouterStatus,
};
use support::transcript::Transcript;

const FILES: [&str; 8] = [
    "31-getinfo-ns-microdesc-flavour",
    "32-getinfo-md",
    "34-getinfo-consensus-document-microdesc",
    "36-getinfo-ns-full-flavour",
    "38-getinfo-consensus-document-ns",
    "64-events-ns",
    "98-live-newconsensus-signals",
    "99-live-getinfo",
];

fn replies(file: &str) -> Vec<Reply> {
    let mut decoder = Decoder::default();
    decoder.feed(&Transcript::load(file).received());
    std::iter::from_fn(|| decoder.next_reply().unwrap()).collect()
}

/// Returns every data block of a transcript file, each after the text of the
/// reply line that begins the block.
fn blocks(file: &str) -> Vec<(String, Vec<u8>)> {
    let replies = replies(file);
    let lines = replies.iter().flat_map(|reply| reply.lines());
    lines
        .filter_map(|line| {
            Some((String::from_utf8_lossy(line.text).into_owned(), line.data?.to_vec()))
        })
        .collect()
}

fn block(file: &str, key: &str) -> Vec<u8> {
    let found = blocks(file).into_iter().find(|(text, _)| text.trim_end_matches('=') == key);
    found.unwrap_or_else(|| panic!("{file}: no {key}")).1
}

fn count(text: &[u8], beginning: &str) -> usize {
    text.split(|b| *b == b'\n').filter(|line| line.starts_with(beginning.as_bytes())).count()
}

#[test]
fn every_router_status_entry_is_parsed_completely() {
    let mut seen = 0;
    for file in FILES {
        for (key, text) in blocks(file) {
            let mut statuses = RouterStatus::parse_all(&text);
            let mut read = 0;
            for status in &mut statuses {
                read += 1;
                assert_eq!(status.unknown_lines().count(), 0, "{status:?}");
                assert_eq!(status.unknown_flags().count(), 0, "{status:?}");
                assert!(status.flags().contains(RouterFlags::RUNNING), "{status:?}");
                assert!(status.bandwidth().is_some() && status.published().is_some(), "{status:?}");
                assert_eq!(
                    status.ipv6().is_some(),
                    status.lines().any(|line| line.starts_with(b"a ["))
                );
                assert_eq!(status.policy().is_some(), status.policy_text().is_some(), "{status:?}");
                assert_eq!(
                    status.protocols().is_some(),
                    status.protocols_text().is_some(),
                    "{status:?}"
                );
                assert_eq!(
                    status.version().is_some(),
                    status.version_text().is_some(),
                    "{status:?}"
                );
                let entry = Relay::from(&status);
                assert_eq!(entry.to_string(), status.to_string());
                assert_eq!(
                    (entry.flags(), entry.policy()),
                    (status.flags(), status.policy().as_ref())
                );
            }
            assert_eq!((read, statuses.skipped()), (count(&text, "r "), 0), "{file}: {key}");
            seen += read;
        }
    }
    assert!(seen > 80, "{seen}");
}

#[test]
fn ns_and_newconsensus_events_contain_router_status_entries() {
    let mut seen = 0;
    for file in ["64-events-ns", "98-live-newconsensus-signals"] {
        for reply in replies(file).into_iter().filter(|reply| reply.code() == 650) {
            if let EventBody::Ns(statuses) | EventBody::NewConsensus(statuses) =
                Event::parse(reply, std::time::SystemTime::UNIX_EPOCH).body()
            {
                assert_eq!(statuses.routers().count(), statuses.count());
                seen += statuses.count();
            }
        }
    }
    assert!(seen > 2, "{seen}");
}

#[test]
fn consensus_of_both_flavours_is_parsed() {
    for (file, key, flavor) in [
        (
            "34-getinfo-consensus-document-microdesc",
            "consensus-microdesc",
            ConsensusFlavor::Microdesc,
        ),
        ("38-getinfo-consensus-document-ns", "consensus", ConsensusFlavor::Ns),
    ] {
        let text = block(file, &format!("dir/status-vote/current/{key}"));
        let consensus = Consensus::parse(&text).unwrap();
        assert_eq!((&consensus.flavor, consensus.method), (&flavor, Some(34)));
        assert!(
            consensus.valid_after < consensus.fresh_until
                && consensus.fresh_until < consensus.valid_until
        );
        assert_eq!(consensus.voting_delay.map(|(votes, _)| votes.as_secs()), Some(300));
        assert_eq!(consensus.known_flags, RouterFlags::all());
        assert_eq!(consensus.client_versions, consensus.server_versions);
        assert!(consensus.required_client_protocols.as_ref().unwrap().supports("Link", 4));
        assert!(consensus.recommended_relay_protocols.as_ref().unwrap().supports("LinkAuth", 3));
        assert_eq!((consensus.param("cc_alg"), consensus.param("nothing")), (Some(2), None));
        assert!(
            consensus.shared_random_current.is_some() && consensus.shared_random_previous.is_some()
        );
        assert_eq!((consensus.dir_sources.len(), consensus.signatures.len()), (1, 1));
        assert_eq!(consensus.dir_sources[0].identity, consensus.signatures[0].identity);
        assert_eq!(
            consensus.signatures[0].algorithm,
            if key == "consensus" { "sha1" } else { "sha256" }
        );
        assert_eq!(
            (consensus.bandwidth_weights.get("Wgg"), consensus.bandwidth_weights.scale()),
            (Some(5869), 10_000)
        );
        assert_eq!(consensus.relays().count(), 12);
    }
}

#[test]
fn directories_of_both_flavours_agree() {
    let md = block("32-getinfo-md", "md/all");
    let consensus = block(
        "34-getinfo-consensus-document-microdesc",
        "dir/status-vote/current/consensus-microdesc",
    );
    let full = block("38-getinfo-consensus-document-ns", "dir/status-vote/current/consensus");
    assert_eq!(Microdescriptor::parse_all(&md).count(), count(&md, "id ed25519 "));
    let of_md = Directory::parse(&consensus, &md).unwrap();
    let of_ns = Directory::parse(&full, b"").unwrap();
    assert_eq!((of_md.relays().len(), of_ns.relays().len()), (12, 12));
    let policy: ExitPolicy =
        "accept *:53,accept *:80,accept *:443,accept *:6660-6669,reject *:*".parse().unwrap();
    for (relay, other) in of_md.relays().iter().zip(of_ns.relays()) {
        assert!(relay.has_microdescriptor() && relay.ed25519().is_some(), "{relay}");
        assert!(!other.has_microdescriptor() && other.policy_v6().is_none());
        assert_eq!((relay.to_string(), relay.flags()), (other.to_string(), other.flags()));
        assert_eq!((relay.version(), relay.protocols()), (other.version(), other.protocols()));
        assert!(relay.protocols().unwrap().supports("Relay", 3));
        assert_eq!(relay.policy(), other.policy());
        let is_exit = relay.flags().contains(RouterFlags::EXIT);
        for port in [1, 25, 53, 80, 443, 6659, 6665, 65535] {
            let allowed = is_exit && policy.allows([192, 0, 2, 1].into(), port);
            assert_eq!(relay.policy().unwrap().allows(port), allowed, "{relay} {port}");
        }
        assert_eq!(of_md.relay(relay.fingerprint()), Some(relay));
        assert_eq!(of_md.named(&relay.nickname().to_uppercase()).collect::<Vec<_>>(), [relay]);
    }
    assert_eq!((of_md.skipped(), of_md.weights()), (0, of_ns.weights()));
    assert!(Directory::parse(&md, b"").is_err() && Directory::parse(b"", &md).is_err());
}

#[test]
fn documents_of_the_live_network_agree() {
    let consensus = block("99-live-getinfo", "dir/status-vote/current/consensus-microdesc");
    let md = block("99-live-getinfo", "md/all");
    let ns = block("99-live-getinfo", "ns/all");
    let directory = Directory::parse(&consensus, &md).unwrap();
    assert_eq!(directory.relays().len(), RouterStatus::parse_all(&ns).count());
    for status in RouterStatus::parse_all(&ns) {
        let relay = directory.relay(status.fingerprint()).unwrap();
        assert_eq!((relay.flags(), relay.bandwidth()), (status.flags(), status.bandwidth()));
        assert_eq!(
            (relay.or_address(), relay.nickname()),
            (status.or_address(), status.nickname())
        );
        assert!(relay.has_microdescriptor(), "{relay}");
    }
}
