//! GETINFO where there is a consensus, with circuits, guards, descriptors and
//! onion services.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use data_encoding::BASE64_NOPAD;
use scape::controller::DirServerQuery;
use scape::descriptor::DescriptorDigest;
use scape::event::{BootstrapTag, EventBody, EventKind, HsDescAction, OrConnStatus};
use scape::protocol::{
    ConsensusFlavor, EntryGuardStatus, HandshakeType, ListenerKind, MappingSource, RouterPurpose,
};
use scape::socks::SocksProxy;
use scape::testing::{Node, Role, TestNetwork};
use scape::word::{Expiry, Fingerprint, OnionAddress};
use scape::{AddOnion, Controller};

use crate::{NAME, SOON};

cases! {
    EVENTS:
    how_a_client_is_doing = status,
    the_consensus_and_its_lifetime = consensus,
    a_clients_guards_and_connections = guards,
    a_clients_documents_of_relays = documents,
    an_authoritys_documents_of_relays = authority,
    a_relays_own_policy_address_and_descriptor = relay,
    addresses_that_are_mapped_and_bytes = mappings_and_bytes,
    the_exit_of_a_stream_and_its_address = exit,
    the_descriptors_of_an_onion_service = onion,
}

fn nodes(network: &TestNetwork, role: Role) -> impl Iterator<Item = &Node> {
    network.nodes().iter().filter(move |node| node.role() == role)
}

/// How many lines begin with this.
fn count(document: &[u8], beginning: &str) -> usize {
    document.split(|b| *b == b'\n').filter(|line| line.starts_with(beginning.as_bytes())).count()
}

fn status(network: &TestNetwork) {
    let tor = network.client();
    let bootstrap = tor.bootstrap_phase().unwrap();
    assert!(bootstrap.is_done() && bootstrap.tag == BootstrapTag::Done, "{bootstrap}");
    assert!(tor.circuit_established().unwrap() && tor.enough_dir_info().unwrap());
    assert!(tor.network_liveness().unwrap() && !tor.dormant().unwrap());
    assert_eq!(tor.process().unwrap().pid, network.client_node().process().pid());
    let listeners = tor.listeners(&ListenerKind::Socks).unwrap();
    let listeners: Vec<_> = listeners.into_iter().map(scape::transport::Address::from).collect();
    assert!(listeners.contains(network.socks()), "{listeners:?}");
    assert!(listeners.contains(network.socks_unix().unwrap()), "{listeners:?}");
    // The authorities of this network recommend no version.
    assert!(tor.version_status().unwrap().is_recognized());
    assert!(tor.recommended_versions().unwrap().is_some());
    assert_eq!(tor.fingerprint().unwrap(), None);
    let traffic = tor.traffic().unwrap();
    assert!(traffic.read > 10_000 && traffic.written > 1000, "{traffic:?}");
}

fn consensus(network: &TestNetwork) {
    let tor = network.client();
    let lifetime = tor.consensus_lifetime().unwrap().unwrap();
    assert!(
        lifetime.valid_after < lifetime.fresh_until && lifetime.fresh_until < lifetime.valid_until
    );
    assert!(lifetime.valid_after < SystemTime::now());
    assert_eq!(tor.consensus_packages().unwrap(), Vec::<String>::new());
    let document = tor.consensus_document(&ConsensusFlavor::Microdesc).unwrap().unwrap();
    assert!(document.starts_with(b"network-status-version 3 microdesc\n"));
    assert_eq!(count(&document, "r "), network.nodes().len() - 1);
    // Agreed on after some votes.
    let random = tor.shared_random().unwrap();
    assert!(random.current.is_some() || random.previous.is_none(), "{random:?}");

    let authorities = tor.downloads_cert_fps().unwrap();
    assert_eq!(authorities.len(), 3);
    for authority in authorities {
        assert_eq!(tor.downloads_cert(authority).unwrap().unwrap().failures, 0);
        for key in tor.downloads_cert_sks(authority).unwrap().unwrap() {
            assert!(tor.downloads_cert_sk(authority, key).unwrap().is_some());
        }
    }
    assert!(tor.downloads_networkstatus(&ConsensusFlavor::Microdesc, None).is_ok());
}

fn guards(network: &TestNetwork) {
    let tor = network.client();
    let known = |relay| network.nodes().iter().any(|node| node.fingerprint() == relay);
    let guards = tor.entry_guards().unwrap();
    assert!(guards.iter().any(|guard| guard.status == EntryGuardStatus::Up), "{guards:?}");
    assert!(
        guards.iter().all(|guard| guard.status.is_recognized() && known(guard.relay.fingerprint()))
    );
    let connections = tor.or_connections().unwrap();
    assert!(connections.iter().any(|connection| connection.status == OrConnStatus::Connected));
    assert!(connections.iter().all(|connection| connection.extra.is_empty()), "{connections:?}");
}

fn documents(network: &TestNetwork) {
    let tor = network.client();
    let relays = network.nodes().len() - 1;
    assert_eq!(count(&tor.ns_all().unwrap(), "r "), relays);
    assert!(count(&tor.md_all().unwrap(), "id ed25519 ") >= relays);
    assert!(tor.md_download_enabled().unwrap() && !tor.desc_download_enabled().unwrap());
    for relay in network.relays() {
        let fingerprint = relay.fingerprint().unwrap();
        let entry = tor.ns_id(fingerprint).unwrap().unwrap();
        assert!(entry.starts_with(format!("r {} ", relay.nickname()).as_bytes()));
        assert_eq!(tor.ns_name(relay.nickname()).unwrap().unwrap(), entry);
        let microdescriptor = tor.md_id(fingerprint).unwrap().unwrap();
        assert_eq!(count(&microdescriptor, "ntor-onion-key "), 1);
        assert_eq!(tor.md_name(relay.nickname()).unwrap(), Some(microdescriptor));
        // A client has no server descriptors but those that controllers gave
        // it; tor says what to ask for instead.
        match tor.desc_id(fingerprint) {
            Ok(given) => assert!(given.is_some_and(|given| given.starts_with(b"router "))),
            Err(error) => assert_eq!(error.code(), Some(552), "{error}"),
        }
    }
    let nobody = Fingerprint::from_bytes([0; 20]);
    assert_eq!((tor.ns_id(nobody).unwrap(), tor.md_id(nobody).unwrap()), (None, None));
    assert_eq!(tor.desc_id(nobody).unwrap_err().code(), Some(552));
    assert_eq!((tor.ns_name("nobody").unwrap(), tor.md_name("nobody").unwrap()), (None, None));
}

fn authority(network: &TestNetwork) {
    let tor = nodes(network, Role::Authority).next().unwrap().controller();
    // The first consensus names no descriptors that there are.
    network.vote(SOON).unwrap();
    let document = tor.consensus_document(&ConsensusFlavor::Ns).unwrap().unwrap();
    assert!(document.starts_with(b"network-status-version 3\n"));
    assert!(tor.desc_download_enabled().unwrap());

    let relay = network.relays().next().unwrap();
    let fingerprint = relay.fingerprint().unwrap();
    let descriptor = tor.desc_id(fingerprint).unwrap().unwrap();
    assert!(descriptor.starts_with(format!("router {} 127.0.0.1 ", relay.nickname()).as_bytes()));
    assert_eq!(tor.desc_name(relay.nickname()).unwrap().as_ref(), Some(&descriptor));
    let digest = digest_of(&document, relay.nickname());
    assert!(tor.downloads_desc(digest).unwrap().is_none_or(|status| status.failures == 0));
    let one = tor.dir_server(&DirServerQuery::Digests(vec![digest])).unwrap();
    assert!(one.is_none_or(|one| one.starts_with(b"router ")));
    let one = tor.dir_server(&DirServerQuery::Fingerprints(vec![fingerprint])).unwrap();
    assert_eq!(one.as_ref(), Some(&descriptor));
    let all = tor.dir_server(&DirServerQuery::All).unwrap().unwrap();
    assert_eq!(count(&all, "router "), network.nodes().len() - 1);
    assert!(count(&tor.desc_all_recent().unwrap(), "router ") >= network.relays().count());
    assert!(
        count(&tor.desc_all_recent_with_extra_info().unwrap(), "router ")
            >= network.relays().count()
    );
    let annotations = tor.desc_annotations(fingerprint).unwrap().unwrap();
    assert!(count(&annotations, "@") > 0, "{}", String::from_utf8_lossy(&annotations));
    assert!(
        count(&tor.ns_purpose(&RouterPurpose::General).unwrap(), "r ") >= network.relays().count()
    );

    let text = String::from_utf8(descriptor).unwrap();
    let digest = text.lines().find_map(|line| line.strip_prefix("extra-info-digest "));
    let digest: DescriptorDigest = digest.unwrap().split(' ').next().unwrap().parse().unwrap();
    let extra_info = tor.extra_info(digest).unwrap().unwrap();
    assert!(
        extra_info
            .starts_with(format!("extra-info {} {fingerprint}\n", relay.nickname()).as_bytes())
    );
    assert_eq!(tor.extra_info(DescriptorDigest::from_bytes([0; 20])).unwrap(), None);
}

/// The digest of a relay's server descriptor, by a consensus of the flavour ns.
fn digest_of(consensus: &[u8], nickname: &str) -> DescriptorDigest {
    let consensus = String::from_utf8_lossy(consensus);
    let line = consensus.lines().find(|line| line.starts_with(&format!("r {nickname} "))).unwrap();
    let digest = BASE64_NOPAD.decode(line.split(' ').nth(3).unwrap().as_bytes()).unwrap();
    DescriptorDigest::from_bytes(digest.try_into().unwrap())
}

fn relay(network: &TestNetwork) {
    let node = network.relays().next().unwrap();
    let tor = node.controller();
    assert_eq!(tor.fingerprint().unwrap(), node.fingerprint());
    assert_eq!(tor.address_v4().unwrap(), Some(Ipv4Addr::LOCALHOST));
    // The network is ready before the authorities have a descriptor.
    let begun = Instant::now();
    while !tor.accepted_server_descriptor().unwrap() {
        assert!(begun.elapsed() < SOON, "the descriptor isn't accepted");
        thread::sleep(Duration::from_millis(50));
    }
    assert!(tor.reachability().unwrap().or && tor.or_reachable().unwrap());
    let own = tor.dir_server(&DirServerQuery::Authority).unwrap().unwrap();
    assert!(own.starts_with(format!("router {} ", node.nickname()).as_bytes()));
    assert!(tor.fresh_relay_descs().unwrap().starts_with(b"router "));

    let (full, v4) = (tor.exit_policy_full().unwrap(), tor.exit_policy_ipv4().unwrap());
    assert!(
        full.allows(Ipv4Addr::LOCALHOST.into(), 80) && v4.allows(Ipv4Addr::LOCALHOST.into(), 80),
        "{full}"
    );
    // IPv6Exit is on.
    let v6 = tor.exit_policy_ipv6().unwrap();
    assert!(v6.allows("2001:db8::1".parse().unwrap(), 80), "{v6}");
    tor.exit_policy_reject_private_relay().unwrap();

    let ports = tor.listeners(&ListenerKind::Or).unwrap();
    assert!(
        ports.iter().all(|port| port.socket_addr().is_some()) && !ports.is_empty(),
        "{ports:?}"
    );
    let handshakes = tor.handshake_stats(&HandshakeType::Ntor).unwrap();
    assert!(handshakes.assigned <= handshakes.requested, "{handshakes:?}");
    assert_eq!(tor.handshake_stats(&HandshakeType::Tap).unwrap().assigned, 0);
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
    // What the exit answered is remembered only where a client port caches it.
    for mapping in tor.address_mappings(&MappingSource::Cache).unwrap() {
        assert!(matches!(mapping.expires, Expiry::At(_)), "{mapping}");
    }
    events.next_timeout(SOON).unwrap();
    let cache = tor.bw_event_cache().unwrap();
    assert!(!cache.is_empty() && cache.len() <= 300, "{cache:?}");
    assert!(tor.uptime().unwrap() > Duration::from_secs(0));
}

/// Adds a service, and waits until it is published everywhere: a client may ask
/// any of the directories.
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
    assert!(tor.onions_current().unwrap().contains(&address));
    let descriptor = tor.hs_service_desc(&address).unwrap().unwrap();
    assert!(
        descriptor.starts_with(b"hs-descriptor 3\n"),
        "{}",
        String::from_utf8_lossy(&descriptor)
    );
    // As a client it has none before it has asked for one.
    assert_eq!(tor.hs_client_desc(&address).unwrap(), None);
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
    let fetched = tor.hs_client_desc(&address).unwrap().unwrap();
    assert!(fetched.starts_with(b"hs-descriptor 3\n"));
    tor.del_onion(&address).unwrap();
    assert!(!tor.onions_current().unwrap().contains(&address));
    assert_eq!(tor.hs_service_desc(&address).unwrap(), None);
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
    // A set of two circuits has one that the stream is told to be on.
    let circuits = tor.circuits().unwrap();
    let circuit = circuits.iter().find(|circuit| Some(circuit.id) == stream.circuit).unwrap();
    let exit = circuit.path.last().and_then(|relay| relay.fingerprint()).unwrap();
    let entry = String::from_utf8(tor.ns_id(exit).unwrap().unwrap()).unwrap();
    assert_eq!(
        entry.lines().next().and_then(|line| line.split(' ').nth(6)),
        Some("127.0.0.1"),
        "{entry}"
    );
    drop(open);
}
