//! The kinds of nodes that a `TestNetwork` can have: with IPv6 addresses, in
//! countries, in families, bridges, and bridges with a pluggable transport.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/network_end.rs"]
mod network_end;
#[path = "support/own_network.rs"]
mod own_network;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::collections::BTreeMap;
use std::fs;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use own_network::{LONGEST, end, start};
use scape::control::ExtendCircuit;
use scape::netdoc::RouterFlags;
use scape::process::{LaunchError, TorProcess};
use scape::testing::{Node, Role, TestNetwork, TestNetworkBuilder};
use scape::word::Fingerprint;
use scape::{Controller, ErrorKind, Launch};

/// The time limit for the second consensus. It is long enough for a very busy
/// machine.
const VOTE: Duration = Duration::from_secs(120);

fn launch(launch: Launch) -> TorProcess {
    watchdog::within(LONGEST, "the launch of a client", || launch.timeout(VOTE).start().unwrap())
}

/// Builds a circuit and returns the fingerprints of its relays.
fn path(client: &Controller) -> Vec<Fingerprint> {
    let circuit = client.build_circuit(&ExtendCircuit::new(), VOTE).unwrap();
    circuit.path.iter().map(|relay| relay.fingerprint().unwrap()).collect()
}

fn small() -> TestNetworkBuilder {
    TestNetwork::builder().authorities(1).relays(3)
}

fn named<'a>(network: &'a TestNetwork, nickname: &str) -> &'a Node {
    network.nodes().iter().find(|node| node.nickname() == nickname).unwrap()
}

fn read(node: &Node, name: &str) -> String {
    fs::read_to_string(node.process().data_directory().join(name)).unwrap_or_default()
}

/// Returns the lines of a consensus that begin with one of these keywords,
/// grouped by the relay's nickname.
fn lines_of(consensus: &str, keywords: &[&str]) -> BTreeMap<String, Vec<String>> {
    let mut relays: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut nickname = None;
    for line in consensus.lines() {
        let mut words = line.split(' ');
        let keyword = words.next().unwrap();
        match keyword {
            "r" => nickname = words.next().map(str::to_owned),
            "directory-footer" => break,
            _ => {}
        }
        if let Some(nickname) = &nickname {
            let lines = relays.entry(nickname.clone()).or_default();
            if keywords.contains(&keyword) {
                lines.push(line.to_owned());
            }
        }
    }
    relays
}

/// Returns the microdesc and the ns flavor of the first consensus of a network
/// that was just started.
fn first_consensus(network: &TestNetwork) -> [String; 2] {
    let relay = network.relays().next().unwrap();
    ["cached-microdesc-consensus", "cached-consensus"].map(|name| read(relay, name))
}

/// Waits for the authorities' vote, and checks that the new consensus has the
/// same lines for each relay as the first one. No client or relay may have
/// fetched a microdescriptor.
///
/// The first vote is postponed until the authorities have every descriptor. So
/// its consensus lists all relays, even on a busy machine.
fn check_vote(network: &TestNetwork, first: &[String; 2]) {
    const KEYWORDS: [&str; 4] = ["a", "m", "v", "pr"];
    let authority = named(network, "authority0").controller();
    let valid_after =
        |text: &str| text.lines().find(|line| line.starts_with("valid-after")).map(str::to_owned);
    network.wait_for_vote(VOTE).unwrap();
    let voted = [
        read(network.client_node(), "cached-microdesc-consensus"),
        authority.get_info("dir/status-vote/current/consensus").unwrap(),
    ];
    for (voted, seed) in voted.iter().zip(first) {
        assert_ne!(valid_after(voted), valid_after(seed));
        assert_eq!(lines_of(voted, &KEYWORDS), lines_of(seed, &KEYWORDS));
    }
    // The client has the voted consensus, and fetched no microdescriptors.
    for node in network.nodes().iter().filter(|node| node.role() != Role::Authority) {
        assert_eq!(read(node, "cached-microdescs.new"), "", "{}", node.nickname());
    }
}

#[test]
fn first_consensus_with_families_equals_the_voted_one() {
    let network = start(
        TestNetwork::builder()
            .ipv6(true)
            .relays(1)
            .relay(|relay| relay.family("two"))
            .relay(|relay| relay.family("two"))
            .relay(|relay| relay.family("three").exit(false))
            .relay(|relay| relay.family("three"))
            .relay(|relay| relay.family("three").guard(false))
            .relay(|relay| relay.guard(false).exit(false))
            .relay(|relay| relay.family("one").country("de")),
    );
    let first = first_consensus(&network);
    let client = network.client_node();
    let digests = || lines_of(&read(client, "cached-microdesc-consensus"), &["m"]);
    let before = digests();
    assert_eq!(before.len(), 11);
    assert!(before.values().all(|lines| lines.len() == 1), "{before:?}");
    check_vote(&network, &first);
    assert_eq!(digests(), before);

    let microdescriptor = |nickname: &str| {
        let fingerprint = named(&network, nickname).fingerprint().unwrap();
        client.controller().get_info(&format!("md/id/{fingerprint}")).unwrap()
    };
    let family = |nickname: &str| {
        let text = microdescriptor(nickname);
        text.lines().find_map(|line| line.strip_prefix("family ")).unwrap_or_default().to_owned()
    };
    assert_eq!(family("relay1").split(' ').count(), 2);
    assert_eq!(family("relay1"), family("relay2"));
    assert_eq!(family("relay3").split(' ').count(), 3);
    assert_eq!((family("relay0").as_str(), family("relay7").as_str()), ("", ""));
    end(network);
}

#[test]
fn clients_without_ipv4_build_circuits_over_ipv6() {
    let network = start(TestNetwork::builder().ipv6(true).relays(3));
    let first = first_consensus(&network);
    for node in network.nodes().iter().filter(|node| node.role() != Role::Client) {
        let of = node.fingerprint().unwrap();
        let status = network.client().info().network_status(of).unwrap().unwrap();
        assert!(status.ipv6().unwrap().ip().is_loopback(), "{}", node.nickname());
    }
    check_vote(&network, &first);
    for launched in [network.launch(), network.launch_empty()] {
        let client = launch(launched.option("ClientUseIPv4", "0"));
        assert_eq!(path(client.controller()).len(), 3);
        // Compare the ports with the client's connections, as the system lists
        // them.
        let ports = network.nodes().iter().filter_map(|node| {
            let of = node.fingerprint()?;
            let status = network.client().info().network_status(of).unwrap()?;
            Some((status.or_address().port(), status.ipv6()?.port()))
        });
        let (ipv4, ipv6): (Vec<u16>, Vec<u16>) = ports.unzip();
        let connected = |file: &str, ports: &[u16]| {
            let sockets = sockets(client.pid());
            connections(file)
                .iter()
                .filter(|(inode, _)| sockets.contains(inode))
                .filter(|(_, port)| ports.contains(port))
                .count()
        };
        assert_eq!(connected("/proc/net/tcp", &ipv4), 0);
        assert_ne!(connected("/proc/net/tcp6", &ipv6), 0);
    }
    end(network);
}

/// Returns the inode numbers of a process's sockets, which identify them.
fn sockets(pid: u32) -> Vec<String> {
    let links = fs::read_dir(format!("/proc/{pid}/fd")).into_iter().flatten().flatten();
    let targets = links.filter_map(|entry| fs::read_link(entry.path()).ok());
    targets
        .filter_map(|target| {
            let target = target.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
            Some(target)
        })
        .collect()
}

/// Returns the socket's inode number and the remote port of each connection in
/// `file`, which is `/proc/net/tcp` or `/proc/net/tcp6`.
fn connections(file: &str) -> Vec<(String, u16)> {
    let text = fs::read_to_string(file).unwrap();
    text.lines()
        .skip(1)
        .map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let port = fields[2].rsplit(':').next().unwrap();
            (fields[9].to_owned(), u16::from_str_radix(port, 16).unwrap())
        })
        .collect()
}

#[test]
fn networks_without_ipv6_have_no_ipv6_addresses() {
    let network = start(small());
    assert!(
        lines_of(&read(network.client_node(), "cached-microdesc-consensus"), &["a"])
            .values()
            .all(Vec::is_empty)
    );
    let geoip_file = network.client().get_conf("GeoIPFile").unwrap().unwrap_or_default();
    let own = network.client_node().process().data_directory().parent().unwrap();
    assert!(!geoip_file.starts_with(own.to_str().unwrap()), "{geoip_file}");
    end(network);
}

#[test]
fn relays_in_countries_are_excluded_and_chosen_by_country() {
    let network = start(
        TestNetwork::builder()
            .relays(1)
            .relay(|relay| relay.nickname("berlin").country("de"))
            .relay(|relay| relay.nickname("malmo").country("SE"))
            .relay(|relay| relay.nickname("hamburg").country("De").exit(false))
            .bridge(|bridge| bridge.nickname("bremen").country("de")),
    );
    let first = first_consensus(&network);
    let address = |nickname: &str| {
        let of = named(&network, nickname).fingerprint().unwrap();
        let status = network.client().info().network_status(of).unwrap().unwrap();
        *status.or_address().ip()
    };
    let addresses = ["relay0", "berlin", "malmo", "hamburg"].map(|it| address(it).to_string());
    assert_eq!(addresses, ["127.0.0.1", "127.1.0.1", "127.2.0.1", "127.1.0.1"]);
    let bridge = named(&network, "bremen");
    assert!(bridge.bridge_line().unwrap().starts_with("127.1.0.1:"));

    let country = |node: &Controller, address: &str| {
        let country = node.info().ip_to_country(address.parse::<IpAddr>().unwrap()).unwrap();
        country.map(|code| code.to_string())
    };
    let launched =
        launch(network.launch().option("ExcludeNodes", "{de}").option("StrictNodes", true));
    let relay = named(&network, "relay0").controller();
    let authority = named(&network, "authority0").controller();
    for node in [network.client(), relay, authority, launched.controller()] {
        assert_eq!(country(node, "127.1.0.1").as_deref(), Some("de"));
        assert_eq!(country(node, "127.1.255.255").as_deref(), Some("de"));
        assert_eq!(country(node, "127.2.0.1").as_deref(), Some("se"));
        assert_eq!(country(node, "127.0.0.1"), None);
        assert_eq!(country(node, "127.3.0.1"), None);
    }

    let of = |nickname: &str| named(&network, nickname).fingerprint().unwrap();
    let excluded = [of("berlin"), of("hamburg")];
    for _ in 0..5 {
        let path = path(launched.controller());
        assert!(!path.iter().any(|relay| excluded.contains(relay)), "{path:?}");
    }
    for (country, exit) in [("{de}", "berlin"), ("{se}", "malmo")] {
        network.client().set_conf([("ExitNodes", country)]).unwrap();
        let name = format!("{exit}.test");
        network.name_server().add_address(&name, "127.0.0.1".parse().unwrap());
        for _ in 0..3 {
            assert_eq!(path(network.client()).last(), Some(&of(exit)), "{country}");
        }
        let resolved = network.tor().client().unwrap().dns_resolve(&name).unwrap();
        assert_eq!(resolved.to_string(), "127.0.0.1");
    }
    network.client().reset_conf(["ExitNodes"]).unwrap();
    // The authorities vote for the same lines, and the relays connect to each
    // other.
    check_vote(&network, &first);
    assert_eq!(address("malmo").to_string(), "127.2.0.1");
    drop(launched);
    end(network);
}

/// Launches two clients that use the bridge with this nickname, one with the
/// network's documents and one without. Checks that the bridge is their first
/// hop.
fn check_bridge(network: &TestNetwork, nickname: &str) {
    let bridge = named(network, nickname);
    for launched in [network.launch(), network.launch_empty()] {
        let launched =
            launched.option("UseBridges", true).option("Bridge", bridge.bridge_line().unwrap());
        let launched = match bridge.transport_line() {
            Some(line) => launched.option("ClientTransportPlugin", line),
            None => launched,
        };
        let client = launch(launched);
        let path = path(client.controller());
        assert_eq!((path.len(), path[0]), (3, bridge.fingerprint().unwrap()), "{nickname}");
        let tor = scape::Tor::from(client.controller().clone());
        let resolved = tor.client().unwrap().dns_resolve("www.scape.test").unwrap();
        assert_eq!(resolved.to_string(), "127.0.0.1");
    }
}

#[test]
fn clients_reach_the_network_through_a_bridge() {
    let network = start(
        small()
            .name("www.scape.test", "127.0.0.1".parse::<IpAddr>().unwrap())
            .bridge(|bridge| bridge)
            .bridge(|bridge| bridge.nickname("other").option("ContactInfo", "me@example.org")),
    );
    let nicknames: Vec<_> = network.bridges().map(Node::nickname).collect();
    assert_eq!(nicknames, ["bridge0", "other"]);
    let other = named(&network, "other");
    assert_eq!(other.role(), Role::Bridge);
    assert_eq!(other.transport_line(), None);
    let contact = other.controller().get_conf("ContactInfo").unwrap();
    assert_eq!(contact.as_deref(), Some("me@example.org"));
    for node in network.nodes().iter().filter(|node| node.role() != Role::Bridge) {
        assert_eq!((node.bridge_line(), node.transport_line()), (None, None));
    }
    let line = other.bridge_line().unwrap();
    let (address, fingerprint) = line.split_once(' ').unwrap();
    assert!(address.parse::<SocketAddr>().unwrap().ip().is_loopback());
    assert_eq!(fingerprint, other.fingerprint().unwrap().to_string());
    check_bridge(&network, "bridge0");

    // Neither consensus lists a bridge.
    let is_unknown = || {
        let of_bridge = other.fingerprint().unwrap();
        assert!(network.client().info().network_status(of_bridge).unwrap().is_none());
    };
    is_unknown();
    network.wait_for_vote(VOTE).unwrap();
    is_unknown();
    check_bridge(&network, "other");
    end(network);
}

#[test]
fn clients_reach_a_bridge_through_its_pluggable_transport() {
    let network = start(
        small()
            .name("www.scape.test", "127.0.0.1".parse::<IpAddr>().unwrap())
            .bridge(|bridge| bridge.transport("scrambled")),
    );
    let bridge = network.bridges().next().unwrap();
    let (line, plugin) = (bridge.bridge_line().unwrap(), bridge.transport_line().unwrap());
    let words: Vec<&str> = line.split(' ').collect();
    let fingerprint = bridge.fingerprint().unwrap().to_string();
    assert_eq!((words[0], words[2]), ("scrambled", fingerprint.as_str()));
    let client_side = plugin.strip_prefix("scrambled socks5 ").unwrap();
    let sides = [words[1], client_side].map(|text| text.parse::<SocketAddr>().unwrap());
    assert!(sides.iter().all(|address| address.ip().is_loopback()));
    // The transport's port isn't the OR port, and tor doesn't understand the
    // bytes that arrive there.
    let or_port = bridge.controller().get_conf("ORPort").unwrap().unwrap();
    assert_ne!(or_port, words[1]);
    check_bridge(&network, "bridge0");
    let error = network
        .launch()
        .option("UseBridges", true)
        .option("Bridge", format!("{} {}", words[1], words[2]))
        .timeout(Duration::from_secs(5))
        .start()
        .unwrap_err();
    assert!(error.get::<LaunchError>().is_some(), "{error}");

    // An open connection ends with the network, and nobody listens any more.
    let client = launch(
        network
            .launch()
            .option("UseBridges", true)
            .option("Bridge", line)
            .option("ClientTransportPlugin", plugin),
    );
    end(network);
    assert!(sides.iter().all(|address| TcpStream::connect(address).is_err()));
    drop(client);
}

#[test]
fn network_with_nodes_of_all_kinds_can_vote_first() {
    let network = start(
        TestNetwork::builder()
            .name("www.scape.test", "127.0.0.1".parse::<IpAddr>().unwrap())
            .vote_first(true)
            .ipv6(true)
            .relays(2)
            .relay(|relay| relay.country("de"))
            .bridge(|bridge| bridge.transport("scrambled")),
    );
    let of = network.relays().last().unwrap().fingerprint().unwrap();
    let status = network.client().info().network_status(of).unwrap().unwrap();
    assert_eq!(status.or_address().ip().to_string(), "127.1.0.1");
    assert!(status.flags().contains(RouterFlags::RUNNING));
    check_bridge(&network, "bridge0");
    end(network);
}

/// Texts in the expected warnings, which the nodes of every test network log.
/// They are about the network's options and about files that a new tor doesn't
/// find.
const EXPECTED: [&str; 10] = [
    "CircuitBuildTimeout is shorter",
    "You have used DirAuthority",
    "V3AuthVotingInterval is very low",
    "TestingTorNetwork is set",
    "Your log may contain sensitive information",
    "Your ContactInfo config option is not set",
    "You are running Tor as root",
    "approved-routers'. That's ok.",
    "/sr-state\"",
    "SR: Unable to read SR state file",
];

#[test]
fn nodes_of_every_kind_log_no_unexpected_warnings() {
    let network = start(
        TestNetwork::builder()
            // With a shorter interval, the first vote of a very busy machine
            // can warn of votes that came too late.
            .voting_interval(Duration::from_secs(30))
            .ipv6(true)
            .relays(2)
            .relay(|relay| relay.country("de"))
            .relay(|relay| relay.country("se"))
            .bridge(|bridge| bridge.transport("scrambled")),
    );
    for node in network.nodes() {
        for line in node.process().log_tail() {
            let warns = ["[warn]", "[err]"].iter().any(|level| line.contains(level));
            let is_expected = EXPECTED.iter().any(|text| line.contains(text));
            assert!(!warns || is_expected, "{}: {line}", node.nickname());
        }
    }
    end(network);
}

#[test]
fn impossible_network_settings_are_refused_before_the_start() {
    let refused = |builder: TestNetworkBuilder, words: &[&str]| {
        let error = builder.start().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Argument, "{error}");
        let text = error.to_string();
        assert!(words.iter().all(|word| text.contains(word)), "{text}");
    };
    for code in ["", "d", "deu", "d1", "{de}", "dé"] {
        refused(small().relay(|relay| relay.country(code)), &["country", "two letters"]);
        refused(small().bridge(|bridge| bridge.country(code)), &["country", "two letters"]);
    }
    refused(small().relay(|relay| relay.transport("obfs")), &["transport", "only bridges"]);
    refused(small().bridge(|bridge| bridge.transport("a-b")), &["transport", "a-b"]);
    refused(small().bridge(|bridge| bridge.family("f")), &["family", "bridge"]);
    refused(small().bridge(|bridge| bridge.bandwidth(5)), &["bandwidth", "bridge"]);
    refused(small().bridge(|bridge| bridge.nickname("relay0")), &["nickname", "relay0", "twice"]);
    refused(TestNetwork::builder().authorities(1).relays(2).bridge(|it| it), &["relays", "few"]);
}
