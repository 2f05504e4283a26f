//! GETINFO answers of a tor that has a consensus, circuits, guards, descriptors
//! and onion services.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use data_encoding::BASE64_NOPAD;
use scape::Controller;
use scape::control::{AddOnion, DirServerQuery, RouterPurpose};
use scape::event::{BootstrapTag, EventBody, EventKind, HsDescAction, OrConnStatus};
use scape::info::{EntryGuardStatus, HandshakeType, ListenerKind, MappingSource};
use scape::netdoc::{ConsensusFlavor, DescriptorDigest};
use scape::socks::SocksProxy;
use scape::testing::{Node, Role, TestNetwork};
use scape::word::{Expiry, Fingerprint, OnionAddress};

use crate::{NAME, SOON};

cases! {
    EVENTS:
    client_status_is_read = status,
    consensus_and_its_lifetime_are_read = consensus,
    guards_and_connections_of_a_client_are_read = guards,
    relay_documents_of_a_client_are_read = documents,
    relay_documents_of_an_authority_are_read = authority,
    policy_address_and_descriptor_of_a_relay_are_read = relay,
    address_mappings_and_traffic_are_read = mappings_and_bytes,
    exit_of_a_stream_has_its_address = exit,
    descriptors_of_an_onion_service_are_read = onion,
}

fn nodes(network: &TestNetwork, role: Role) -> impl Iterator<Item = &Node> {
    network.nodes().iter().filter(move |node| node.role() == role)
}

/// Returns the number of lines in `document` that begin with `beginning`.
fn count(document: &[u8], beginning: &str) -> usize {
    document.split(|b| *b == b'\n').filter(|line| line.starts_with(beginning.as_bytes())).count()
}

fn status(network: &TestNetwork) {
    let tor = network.client();
    let bootstrap = tor.info().bootstrap_phase().unwrap();
    assert!(bootstrap.is_done() && bootstrap.tag == BootstrapTag::Done, "{bootstrap}");
    assert!(tor.info().circuit_established().unwrap() && tor.info().enough_dir_info().unwrap());
    assert!(tor.info().network_liveness().unwrap() && !tor.info().dormant().unwrap());
    assert_eq!(tor.info().process().unwrap().pid, network.client_node().process().pid());
    let listeners = tor.info().listeners(&ListenerKind::Socks).unwrap();
    let listeners: Vec<_> = listeners.into_iter().map(scape::transport::Address::from).collect();
    assert!(listeners.contains(network.socks()), "{listeners:?}");
    assert!(listeners.contains(network.socks_unix().unwrap()), "{listeners:?}");
    // The authorities of this network recommend no version.
    assert!(tor.info().version_status().unwrap().is_recognized());
    assert!(tor.info().recommended_versions().unwrap().is_some());
    assert_eq!(tor.info().fingerprint().unwrap(), None);
    let traffic = tor.info().traffic().unwrap();
    // The network may have been ready for less than a second, so little traffic
    // is enough.
    assert!(traffic.read > 1000 && traffic.written > 1000, "{traffic:?}");
}

fn consensus(network: &TestNetwork) {
    let tor = network.client();
    let lifetime = tor.info().consensus_lifetime().unwrap().unwrap();
    assert!(
        lifetime.valid_after < lifetime.fresh_until && lifetime.fresh_until < lifetime.valid_until
    );
    assert!(lifetime.valid_after < SystemTime::now());
    assert_eq!(tor.info().consensus_packages().unwrap(), Vec::<String>::new());
    let document = tor.info().consensus_document(&ConsensusFlavor::Microdesc).unwrap().unwrap();
    assert!(document.starts_with(b"network-status-version 3 microdesc\n"));
    assert_eq!(count(&document, "r "), network.nodes().len() - 1);
    // The authorities agree on a random value only after some votes.
    let random = tor.info().shared_random().unwrap();
    assert!(random.current.is_some() || random.previous.is_none(), "{random:?}");

    let authorities = tor.info().downloads_cert_fps().unwrap();
    assert_eq!(authorities.len(), 3);
    for authority in authorities {
        assert_eq!(tor.info().downloads_cert(authority).unwrap().unwrap().failures, 0);
        for key in tor.info().downloads_cert_sks(authority).unwrap().unwrap() {
            assert!(tor.info().downloads_cert_sk(authority, key).unwrap().is_some());
        }
    }
    assert!(tor.info().downloads_networkstatus(&ConsensusFlavor::Microdesc, None).is_ok());
}

fn guards(network: &TestNetwork) {
    let tor = network.client();
    let known = |relay| network.nodes().iter().any(|node| node.fingerprint() == relay);
    let guards = tor.info().entry_guards().unwrap();
    assert!(guards.iter().any(|guard| guard.status == EntryGuardStatus::Up), "{guards:?}");
    assert!(
        guards.iter().all(|guard| guard.status.is_recognized() && known(guard.relay.fingerprint()))
    );
    let connections = tor.info().or_connections().unwrap();
    assert!(connections.iter().any(|connection| connection.status == OrConnStatus::Connected));
    assert!(connections.iter().all(|connection| connection.extra.is_empty()), "{connections:?}");
}

fn documents(network: &TestNetwork) {
    let tor = network.client();
    let relays = network.nodes().len() - 1;
    assert_eq!(count(&tor.info().ns_all().unwrap(), "r "), relays);
    assert!(count(&tor.info().md_all().unwrap(), "id ed25519 ") >= relays);
    assert!(
        tor.info().md_download_enabled().unwrap() && !tor.info().desc_download_enabled().unwrap()
    );
    for relay in network.relays() {
        let fingerprint = relay.fingerprint().unwrap();
        let entry = tor.info().ns_id(fingerprint).unwrap().unwrap();
        assert!(entry.starts_with(format!("r {} ", relay.nickname()).as_bytes()));
        assert_eq!(tor.info().ns_name(relay.nickname()).unwrap().unwrap(), entry);
        let microdescriptor = tor.info().md_id(fingerprint).unwrap().unwrap();
        assert_eq!(count(&microdescriptor, "ntor-onion-key "), 1);
        assert_eq!(tor.info().md_name(relay.nickname()).unwrap(), Some(microdescriptor));
        // A client has no server descriptors except those that controllers gave
        // it. tor's error names the key to ask for instead.
        match tor.info().desc_id(fingerprint) {
            Ok(given) => assert!(given.is_some_and(|given| given.starts_with(b"router "))),
            Err(error) => assert_eq!(error.code(), Some(552), "{error}"),
        }
    }
    let nobody = Fingerprint::from_bytes([0; 20]);
    assert_eq!(
        (tor.info().ns_id(nobody).unwrap(), tor.info().md_id(nobody).unwrap()),
        (None, None)
    );
    assert_eq!(tor.info().desc_id(nobody).unwrap_err().code(), Some(552));
    assert_eq!(
        (tor.info().ns_name("nobody").unwrap(), tor.info().md_name("nobody").unwrap()),
        (None, None)
    );
}

fn authority(network: &TestNetwork) {
    let tor = nodes(network, Role::Authority).next().unwrap().controller();
    // The first consensus names no descriptors that exist, so another vote is
    // needed.
    network.vote(SOON).unwrap();
    let document = tor.info().consensus_document(&ConsensusFlavor::Ns).unwrap().unwrap();
    assert!(document.starts_with(b"network-status-version 3\n"));
    assert!(tor.info().desc_download_enabled().unwrap());

    let relay = network.relays().next().unwrap();
    let fingerprint = relay.fingerprint().unwrap();
    let descriptor = tor.info().desc_id(fingerprint).unwrap().unwrap();
    assert!(descriptor.starts_with(format!("router {} 127.0.0.1 ", relay.nickname()).as_bytes()));
    assert_eq!(tor.info().desc_name(relay.nickname()).unwrap().as_ref(), Some(&descriptor));
    let digest = digest_of(&document, relay.nickname());
    assert!(tor.info().downloads_desc(digest).unwrap().is_none_or(|status| status.failures == 0));
    let one = tor.info().dir_server(&DirServerQuery::Digests(vec![digest])).unwrap();
    assert!(one.is_none_or(|one| one.starts_with(b"router ")));
    let one = tor.info().dir_server(&DirServerQuery::Fingerprints(vec![fingerprint])).unwrap();
    assert_eq!(one.as_ref(), Some(&descriptor));
    let all = tor.info().dir_server(&DirServerQuery::All).unwrap().unwrap();
    assert_eq!(count(&all, "router "), network.nodes().len() - 1);
    assert!(count(&tor.info().desc_all_recent().unwrap(), "router ") >= network.relays().count());
    assert!(
        count(&tor.info().desc_all_recent_with_extra_info().unwrap(), "router ")
            >= network.relays().count()
    );
    let annotations = tor.info().desc_annotations(fingerprint).unwrap().unwrap();
    assert!(count(&annotations, "@") > 0, "{}", String::from_utf8_lossy(&annotations));
    assert!(
        count(&tor.info().ns_purpose(&RouterPurpose::General).unwrap(), "r ")
            >= network.relays().count()
    );

    let text = descriptor.to_string();
    let digest = text.lines().find_map(|line| line.strip_prefix("extra-info-digest "));
    let digest: DescriptorDigest = digest.unwrap().split(' ').next().unwrap().parse().unwrap();
    let extra_info = tor.info().extra_info(digest).unwrap().unwrap();
    assert!(
        extra_info
            .starts_with(format!("extra-info {} {fingerprint}\n", relay.nickname()).as_bytes())
    );
    assert_eq!(tor.info().extra_info(DescriptorDigest::from_bytes([0; 20])).unwrap(), None);
}

/// Returns the digest of a relay's server descriptor, read from a consensus of
/// the ns flavour.
fn digest_of(consensus: &[u8], nickname: &str) -> DescriptorDigest {
    let consensus = String::from_utf8_lossy(consensus);
    let line = consensus.lines().find(|line| line.starts_with(&format!("r {nickname} "))).unwrap();
    let digest = BASE64_NOPAD.decode(line.split(' ').nth(3).unwrap().as_bytes()).unwrap();
    DescriptorDigest::from_bytes(digest.try_into().unwrap())
}

fn relay(network: &TestNetwork) {
    let node = network.relays().next().unwrap();
    let tor = node.controller();
    assert_eq!(tor.info().fingerprint().unwrap(), node.fingerprint());
    assert_eq!(tor.info().address_v4().unwrap(), Some(Ipv4Addr::LOCALHOST));
    // The network is ready before the authorities have a descriptor.
    let begun = Instant::now();
    while !tor.info().accepted_server_descriptor().unwrap() {
        assert!(begun.elapsed() < SOON, "the descriptor isn't accepted");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(tor.info().reachability().unwrap().or && tor.info().or_reachable().unwrap());
    let own = tor.info().dir_server(&DirServerQuery::Authority).unwrap().unwrap();
    assert!(own.starts_with(format!("router {} ", node.nickname()).as_bytes()));
    assert!(tor.info().fresh_relay_descs().unwrap().starts_with(b"router "));

    let (full, v4) =
        (tor.info().exit_policy_full().unwrap(), tor.info().exit_policy_ipv4().unwrap());
    assert!(
        full.allows(Ipv4Addr::LOCALHOST.into(), 80) && v4.allows(Ipv4Addr::LOCALHOST.into(), 80),
        "{full}"
    );
    // The relay has IPv6Exit, so it allows IPv6 addresses.
    let v6 = tor.info().exit_policy_ipv6().unwrap();
    assert!(v6.allows("2001:db8::1".parse().unwrap(), 80), "{v6}");
    tor.info().exit_policy_reject_private_relay().unwrap();

    let ports = tor.info().listeners(&ListenerKind::Or).unwrap();
    assert!(
        ports.iter().all(|port| port.socket_addr().is_some()) && !ports.is_empty(),
        "{ports:?}"
    );
    let handshakes = tor.info().handshake_stats(&HandshakeType::Ntor).unwrap();
    assert!(handshakes.assigned <= handshakes.requested, "{handshakes:?}");
    assert_eq!(tor.info().handshake_stats(&HandshakeType::Tap).unwrap().assigned, 0);
}

fn mappings_and_bytes(network: &TestNetwork) {
    let tor = network.client();
    let events = tor.subscribe([EventKind::Bw]).unwrap();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let stream =
        SocksProxy::new(network.socks().clone()).timeout(SOON).connect((NAME, port)).unwrap();
    let streams = tor.streams().unwrap();
    assert!(streams.iter().any(|stream| stream.target.port() == Some(port)), "{streams:?}");
    drop(stream);
    // The exit's answer is cached only if a client port caches it.
    for mapping in tor.info().address_mappings(&MappingSource::Cache).unwrap() {
        assert!(matches!(mapping.expires, Expiry::At(_)), "{mapping}");
    }
    events.next_timeout(SOON).unwrap();
    let cache = tor.info().bw_event_cache().unwrap();
    assert!(!cache.is_empty() && cache.len() <= 300, "{cache:?}");
    assert!(tor.info().uptime().unwrap() > Duration::from_secs(0));
}

/// Adds a service and waits until it is published to all directories, because a
/// client may ask any of them.
fn publish(tor: &Controller, port: u16) -> OnionAddress {
    let events = tor.subscribe([EventKind::HsDesc]).unwrap();
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let address = tor.add_onion(&AddOnion::new().port(80, target)).unwrap().address;
    let (mut begun, mut done) = (0, 0);
    while done == 0 || done < begun {
        let event = events.next_timeout(SOON).unwrap();
        if let EventBody::HsDesc(descriptor) = event.body()
            && descriptor.address == Some(address)
        {
            begun += u32::from(descriptor.action == HsDescAction::Upload);
            done += u32::from(descriptor.action == HsDescAction::Uploaded);
        }
    }
    address
}

fn onion(network: &TestNetwork) {
    let tor = network.client();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = publish(tor, server.local_addr().unwrap().port());
    assert!(tor.info().onions_current().unwrap().contains(&address));
    let descriptor = tor.info().hs_service_desc(&address).unwrap().unwrap();
    assert!(
        descriptor.starts_with(b"hs-descriptor 3\n"),
        "{}",
        String::from_utf8_lossy(&descriptor)
    );
    // tor has no descriptor on its client side before it has fetched one.
    assert_eq!(tor.info().hs_client_desc(&address).unwrap(), None);
    let events = tor.subscribe([EventKind::HsDesc]).unwrap();
    assert!(tor.msg(&format!("HSFETCH {}", address.service_id())).unwrap().is_ok());
    loop {
        let event = events.next_timeout(SOON).unwrap();
        let EventBody::HsDesc(fetched) = event.body() else { continue };
        match fetched.action {
            HsDescAction::Received if fetched.address == Some(address) => break,
            _ => {}
        }
    }
    let fetched = tor.info().hs_client_desc(&address).unwrap().unwrap();
    assert!(fetched.starts_with(b"hs-descriptor 3\n"));
    tor.del_onion(&address).unwrap();
    assert!(!tor.info().onions_current().unwrap().contains(&address));
    assert_eq!(tor.info().hs_service_desc(&address).unwrap(), None);
}

fn exit(network: &TestNetwork) {
    let tor = network.client();
    let server = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = server.local_addr().unwrap().port();
    let proxy = SocksProxy::new(network.socks().clone()).timeout(SOON);
    let open = proxy.connect((Ipv4Addr::LOCALHOST, port)).unwrap();
    let stream = tor
        .streams()
        .unwrap()
        .into_iter()
        .find(|stream| stream.target.port() == Some(port))
        .unwrap();
    // A conflux set has two circuits, and the stream is reported on one of
    // them.
    let circuits = tor.circuits().unwrap();
    let circuit = circuits.iter().find(|circuit| Some(circuit.id) == stream.circuit).unwrap();
    let exit = circuit.path.last().and_then(|relay| relay.fingerprint()).unwrap();
    let entry = tor.info().ns_id(exit).unwrap().unwrap().to_string();
    assert_eq!(
        entry.lines().next().and_then(|line| line.split(' ').nth(6)),
        Some("127.0.0.1"),
        "{entry}"
    );
    drop(open);
}
