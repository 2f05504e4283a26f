//! Documents of a private network. Each kind that tor makes must parse
//! strictly, and its signatures must be valid.
//!
//! `SCAPE_RECORD=FOLDER cargo test --all-features --test network_documents`
//! also writes the documents to FOLDER. The documents in
//! `crates/scape-proto/tests/data/documents` were recorded in this way.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/dir_port.rs"]
mod dir_port;
#[path = "support/network_end.rs"]
mod network_end;
#[path = "support/own_network.rs"]
mod own_network;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use dir_port::wait_for;
use own_network::{end, start};
use scape::OnionBuilder;
use scape::control::DirServerQuery;
use scape::documents::{DirectoryClient, DirectoryError, DirectoryProblem};
use scape::netdoc::onion::{BlindedPublicKey, HashRing, HsDirParams, OnionDescriptor};
use scape::netdoc::{
    BandwidthFile, Consensus, ConsensusDiff, ConsensusFlavor, DetachedSignatures, ExtraInfo,
    KeyCertificate, Microdescriptor, RouterStatus, ServerDescriptor, Vote,
};
use scape::onion::Wait;
use scape::testing::{Node, Role, TestNetwork};
use scape::word::Fingerprint;

/// The time limit for a vote. It is long enough for a very busy machine.
const VOTE: Duration = Duration::from_secs(120);

fn of_role(network: &TestNetwork, role: Role) -> &Node {
    network.nodes().iter().find(|node| node.role() == role).unwrap()
}

/// Returns the documents in a node's file `name`, followed by those in the
/// file's journal (`name.new`), to which tor appends newer documents.
fn read(node: &Node, name: &str) -> Vec<u8> {
    let folder = node.process().data_directory();
    let mut text = fs::read(folder.join(name)).unwrap_or_default();
    text.extend(fs::read(folder.join(format!("{name}.new"))).unwrap_or_default());
    assert!(!text.is_empty(), "{} has no {name}", node.nickname());
    text
}

/// Writes a document to the folder that the environment variable `SCAPE_RECORD`
/// names. Does nothing if the variable isn't set.
fn record(name: &str, text: &[u8]) {
    if let Some(folder) = std::env::var_os("SCAPE_RECORD") {
        fs::write(Path::new(&folder).join(name), text).unwrap();
    }
}

#[test]
fn documents_of_a_private_network_are_valid() {
    let relay = |relay: scape::testing::RelayOptions| relay.bandwidth(5000).family("siblings");
    // Without this parameter, exits refuse connections to directory ports of
    // relays.
    let builder = TestNetwork::builder().option("ConsensusParams", "allow-network-reentry=1");
    let network = start(builder.relay(relay).relay(relay));
    network.wait_for_vote(VOTE).unwrap();
    let authority = of_role(&network, Role::Authority);
    let now = SystemTime::now();

    let certificates = read(authority, "cached-certs");
    record("key-certificates", &certificates);
    let certificates: Vec<KeyCertificate<'_>> =
        KeyCertificate::parse_all(&certificates).strict().collect::<Result<_, _>>().unwrap();
    assert_eq!(certificates.len(), 3);
    for certificate in &certificates {
        certificate.verify(now).unwrap();
    }
    let authorities: Vec<Fingerprint> =
        certificates.iter().map(|certificate| certificate.fingerprint.unwrap()).collect();

    check_descriptors(authority, now);
    check_consensuses(authority, &certificates, &authorities);
    check_votes(authority, &authorities);
    check_detached_signatures(authority, &certificates, &authorities);
    check_diff(authority);
    check_bandwidth_file(authority);
    check_onion_descriptor(&network);
    check_directory_client(&network, &authorities);
    end(network);
}

fn check_descriptors(authority: &Node, now: SystemTime) {
    let (descriptors, extra_infos) =
        (read(authority, "cached-descriptors"), read(authority, "cached-extrainfo"));
    let relays: Vec<ServerDescriptor<'_>> =
        ServerDescriptor::parse_all(&descriptors).strict().collect::<Result<_, _>>().unwrap();
    assert!(relays.len() >= 8, "{}", relays.len());
    for relay in &relays {
        relay.verify(now).unwrap();
        assert_eq!(relay.unknown_items().count(), 0, "{relay:?}");
    }
    let mut matched = 0;
    for info in ExtraInfo::parse_all(&extra_infos).strict() {
        let info = info.unwrap();
        assert_eq!(info.unknown_items().count(), 0, "{info:?}");
        let relay = relays.iter().find(|relay| relay.extra_info_digest == info.digest());
        if let Some(relay) = relay {
            info.verify(relay, now).unwrap();
            assert_eq!(info.digest_sha256(), relay.extra_info_sha256);
            matched += 1;
            record(&format!("server-descriptor-{matched}"), relay.text());
            record(&format!("extra-info-{matched}"), info.text());
        }
    }
    assert!(matched >= 8, "{matched} extra-info documents belong to a descriptor");
}

fn check_consensuses(
    authority: &Node,
    certificates: &[KeyCertificate<'_>],
    authorities: &[Fingerprint],
) {
    let (ns, microdesc) =
        (read(authority, "cached-consensus"), read(authority, "cached-microdesc-consensus"));
    record("consensus-ns", &ns);
    record("consensus-microdesc", &microdesc);
    for text in [&ns, &microdesc] {
        let consensus = Consensus::parse_strict(text).unwrap();
        let at = consensus.valid_after.unwrap();
        consensus.verify(certificates, authorities, at).unwrap();
        assert_eq!(consensus.unknown_items().count(), 0, "{consensus:?}");
        assert_eq!(consensus.relays().results().filter(Result::is_err).count(), 0);
    }

    let descriptors = read(authority, "cached-descriptors");
    let digests: Vec<_> =
        ServerDescriptor::parse_all(&descriptors).map(|relay| relay.digest()).collect();
    let consensus = Consensus::parse(&ns).unwrap();
    assert!(consensus.relays().all(|relay| digests.contains(&relay.digest())));

    let microdescriptors = read(authority, "cached-microdescs");
    record("microdescriptors", &microdescriptors);
    let digests: Vec<[u8; 32]> = Microdescriptor::parse_all(&microdescriptors)
        .map(|relay| Microdescriptor::parse_strict(relay.text()).unwrap().digest())
        .collect();
    let consensus = Consensus::parse(&microdesc).unwrap();
    let in_file = |relay: &RouterStatus<'_>| relay.microdescriptor_digest();
    assert!(consensus.relays().all(|relay| digests.contains(&in_file(&relay).unwrap())));
}

fn check_votes(authority: &Node, authorities: &[Fingerprint]) {
    let text = read(authority, "v3-status-votes");
    let votes: Vec<Vote<'_>> =
        text_of_votes(&text).into_iter().map(|text| Vote::parse_strict(text).unwrap()).collect();
    assert!(!votes.is_empty());
    record("vote", votes[0].text());
    for vote in &votes {
        vote.verify(authorities, vote.valid_after.unwrap()).unwrap();
        assert_eq!(vote.unknown_items().count(), 0, "{vote:?}");
        assert!(vote.relays().count() >= 8);
    }
}

/// Splits a file with several votes into the votes.
fn text_of_votes(text: &[u8]) -> Vec<&[u8]> {
    let start = b"network-status-version 3\n";
    let mut starts: Vec<usize> = text
        .windows(start.len())
        .enumerate()
        .filter_map(|(at, window)| (window == start).then_some(at))
        .collect();
    starts.push(text.len());
    starts.windows(2).map(|ends| &text[ends[0]..ends[1]]).collect()
}

fn check_detached_signatures(
    authority: &Node,
    certificates: &[KeyCertificate<'_>],
    authorities: &[Fingerprint],
) {
    let path = "/tor/status-vote/next/consensus-signatures";
    let text = wait_for(authority, path, "", VOTE);
    record("detached-signatures", &text);
    let signatures = DetachedSignatures::parse_strict(&text).unwrap();
    let at = signatures.valid_after.unwrap();
    signatures.verify(certificates, authorities, at).unwrap();
}

fn check_diff(authority: &Node) {
    let path = "/tor/status-vote/current/consensus-microdesc";
    let old = wait_for(authority, path, "", VOTE);
    let base = Consensus::parse(&old).unwrap().digest_sha3_signed();
    let header = format!("X-Or-Diff-From-Consensus: {}\r\n", hex::encode_upper(base));
    let begun = Instant::now();
    // The authority answers with a whole consensus as long as it has no diff.
    let diff = loop {
        let answer = wait_for(authority, path, &header, VOTE);
        if answer.starts_with(b"network-status-diff-version") {
            break answer;
        }
        assert!(begun.elapsed() < VOTE, "no diff");
        thread::sleep(Duration::from_millis(100));
    };
    record("consensus-diff", &diff);
    record("consensus-diff-base", &old);
    let new = ConsensusDiff::parse(&diff).unwrap().apply(&old).unwrap();
    record("consensus-diff-result", &new);
    let (old, new) = (Consensus::parse(&old).unwrap(), Consensus::parse_strict(&new).unwrap());
    assert!(new.valid_after > old.valid_after);
}

fn check_bandwidth_file(authority: &Node) {
    let text = wait_for(authority, "/tor/status-vote/next/bandwidth", "", VOTE);
    record("bandwidth-file", &text);
    let file = BandwidthFile::parse_strict(&text).unwrap();
    assert!(file.relays().count() >= 1);
}

fn check_onion_descriptor(network: &TestNetwork) {
    let client = network.client();
    let service = OnionBuilder::new(client)
        .port(80, 80)
        .wait(Wait::AllUploads)
        .timeout(VOTE)
        .publish()
        .unwrap();
    let address = *service.address();
    let fetched = client.hs_descriptors().fetch(address, VOTE).unwrap();
    record("onion-descriptor", &fetched.content);
    let descriptor = OnionDescriptor::parse_strict(&fetched.content).unwrap();

    // The key follows from the address and the consensus, and the relay that
    // sent the descriptor is responsible for it.
    let (consensus, microdescriptors) = (
        client.get_info("dir/status-vote/current/consensus-microdesc").unwrap(),
        client.info().md_all().unwrap(),
    );
    let consensus = Consensus::parse(consensus.as_bytes()).unwrap();
    let params = HsDirParams::new(&consensus).unwrap().for_testing_network();
    let periods = [params.fetch(), params.uploads()[0], params.uploads()[1]];
    let key = |period: scape::netdoc::onion::TimePeriod| BlindedPublicKey::new(&address, period);
    let now = SystemTime::now();
    let period = periods
        .iter()
        .find(|period| Some(key(period.period)) == descriptor.blinded_key())
        .expect("the descriptor is of one of the consensus's periods");
    descriptor.verify(&key(period.period), now).unwrap();
    assert!(descriptor.verify(&key(period.period.next()), now).is_err());

    let identity = |relay: &RouterStatus<'_>| {
        let digest = relay.microdescriptor_digest();
        let mut all = Microdescriptor::parse_all(&microdescriptors);
        all.find(|microdescriptor| Some(microdescriptor.digest()) == digest)?.ed25519()
    };
    let relays = consensus.relays().filter_map(|relay| Some((identity(&relay)?, relay)));
    let ring = HashRing::new(period, relays.map(|(key, relay)| (key, relay.fingerprint())));
    let responsible = ring.responsible(&key(period.period), params.replicas, params.spread_store);
    let sender = fetched.hsdir.unwrap().fingerprint().unwrap();
    assert!(responsible.contains(&&sender), "{sender} isn't in {responsible:?}");

    let opened = descriptor.open_strict(&address, None).unwrap();
    assert_eq!(opened.first.unknown_items().count(), 0);
    assert_eq!(opened.second.unknown_items().count(), 0);
    assert!(!opened.second.introduction_points.is_empty());
    service.close().unwrap();
}

fn check_directory_client(network: &TestNetwork, authorities: &[Fingerprint]) {
    let tor = network.tor().client().unwrap().allow_private_addresses(true);
    let nobody: SocketAddr = ([127, 0, 0, 1], 1).into();
    let port = dir_port::address(of_role(network, Role::Authority));
    // The first server can't be reached.
    let directory = DirectoryClient::new(&tor, [nobody, port]).unwrap().timeout(VOTE);

    let old = directory.consensus(&ConsensusFlavor::Microdesc).unwrap();
    let digests: Vec<[u8; 32]> =
        old.parse().unwrap().relays().filter_map(|relay| relay.microdescriptor_digest()).collect();
    let microdescriptors = directory.microdescriptors(&digests).unwrap();
    assert_eq!(microdescriptors.documents().count(), digests.len());
    let relays: Vec<Fingerprint> =
        old.parse().unwrap().relays().map(|relay| relay.fingerprint()).collect();
    let query = DirServerQuery::Fingerprints(relays.clone());
    let descriptors = directory.server_descriptors(&query).unwrap();
    assert_eq!(descriptors.documents().count(), relays.len());
    assert!(directory.extra_infos(&DirServerQuery::All).unwrap().documents().count() > 0);
    assert_eq!(directory.key_certificates().unwrap().documents().count(), 3);
    let local = DirectoryClient::local([port]).unwrap();
    let certificates = |client: &DirectoryClient| client.key_certificates().unwrap();
    assert_eq!(certificates(&local), certificates(&directory));
    let vote = directory.vote(authorities[0]).unwrap();
    vote.parse_strict().unwrap();
    assert!(directory.bandwidth_file().unwrap().parse_strict().is_ok());

    // Fetch a newer consensus, whole or as a difference.
    let valid_after = |text: &[u8]| Consensus::parse(text).unwrap().valid_after.unwrap();
    let begun = Instant::now();
    let new = loop {
        let new = directory.consensus_since(&ConsensusFlavor::Microdesc, &old).unwrap();
        if valid_after(&new) > valid_after(&old) {
            break new;
        }
        assert!(begun.elapsed() < VOTE, "no new consensus");
        thread::sleep(Duration::from_millis(100));
    };
    new.parse_strict().unwrap();

    // The server that answered last is asked first.
    let missing = directory.clone().rounds(1).vote(Fingerprint::from_bytes([7; 20])).unwrap_err();
    let error = missing.get::<DirectoryError>().unwrap();
    let problems: Vec<_> = error.failures().iter().map(|failure| &failure.problem).collect();
    assert!(
        matches!(problems[..], [DirectoryProblem::Status(404), DirectoryProblem::Request(_)]),
        "{error}"
    );
}
