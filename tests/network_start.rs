//! The start of a `TestNetwork`: compares the documents that the library writes
//! beforehand with those that the authorities make.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/network_end.rs"]
mod network_end;
#[path = "support/own_network.rs"]
mod own_network;
#[path = "support/watchdog.rs"]
mod watchdog;

use std::fs;
use std::net::Ipv4Addr;
use std::thread;
use std::time::{Duration, Instant};

use own_network::{LONGEST, end, start};
use scape::control::ExtendCircuit;
use scape::netdoc::RouterFlags;
use scape::testing::{Node, Role, TestNetwork};
use scape::word::Progress;
use scape::{CancelToken, Tor};

/// The time limit for the second consensus. It is long enough for a very busy
/// machine.
const VOTE: Duration = Duration::from_secs(120);

fn of_role(network: &TestNetwork, role: Role) -> &Node {
    network.nodes().iter().find(|node| node.role() == role).unwrap()
}

/// Returns the lines of a consensus that are the same after each vote. Times,
/// digests, signatures, and measurements of the authorities are left out.
fn lasting(consensus: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in consensus.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        match words[0] {
            "directory-signature" => break,
            "valid-after" | "fresh-until" | "valid-until" | "vote-digest" | "w"
            | "bandwidth-weights" => lines.push(words[0].to_owned()),
            "shared-rand-current-value" | "shared-rand-previous-value" => {}
            // The ns flavour also has a digest and a time.
            "r" => lines.push(format!(
                "r {} {} {}",
                words[1],
                words[2],
                words[words.len() - 3..].join(" ")
            )),
            // An authority may have known a relay for too short a time to call
            // it Stable.
            "s" => lines.push(line.replace(" Stable", "")),
            _ => lines.push(line.to_owned()),
        }
    }
    lines
}

#[test]
fn written_documents_equal_those_of_the_authorities() {
    let network = start(TestNetwork::builder());
    let relay = of_role(&network, Role::Relay).process().data_directory();
    let read = |name: &str| fs::read_to_string(relay.join(name)).unwrap();
    let (ns, microdesc) = (read("cached-consensus"), read("cached-microdesc-consensus"));
    let microdescriptors = read("cached-microdescs");
    let valid_after = |consensus: &str| {
        consensus.lines().find(|line| line.starts_with("valid-after")).unwrap().to_owned()
    };

    let authority = of_role(&network, Role::Authority).controller();
    network.wait_for_vote(VOTE).unwrap();
    let get = |key: &str| authority.get_info(key).unwrap();
    let voted = get("dir/status-vote/current/consensus");
    assert_ne!(valid_after(&voted), valid_after(&ns));
    assert_eq!(lasting(&voted), lasting(&ns));
    let voted = get("dir/status-vote/current/consensus-microdesc");
    assert_ne!(valid_after(&voted), valid_after(&microdesc));
    assert_eq!(lasting(&voted), lasting(&microdesc));

    // The digests are in the consensus, so the documents are the same. No node
    // but the authorities has fetched any of them.
    for node in network.nodes() {
        let directory = node.process().data_directory();
        let fetched = fs::read_to_string(directory.join("cached-microdescs.new"));
        if node.role() != Role::Authority {
            assert_eq!(fetched.unwrap_or_default(), "", "{}", node.nickname());
        }
    }
    assert_eq!(microdescriptors.matches("@last-listed ").count(), 8);
    network.client().build_circuit(&ExtendCircuit::new(), Duration::from_secs(60)).unwrap();
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
fn no_node_warns_about_the_written_documents() {
    // With a shorter interval, the first vote of a very busy machine can warn
    // of votes that came too late.
    let network = start(TestNetwork::builder().voting_interval(Duration::from_secs(30)));
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
fn relays_have_the_described_properties() {
    let network = start(
        TestNetwork::builder()
            .relays(3)
            .relay(|relay| relay.nickname("fast").bandwidth(20_000).exit(false))
            .relay(|relay| relay.guard(false).family("f").option("ContactInfo", "me@example.org"))
            .relay(|relay| relay.family("f")),
    );
    let of = |nickname: &str| {
        let node = network.nodes().iter().find(|node| node.nickname() == nickname).unwrap();
        node.fingerprint().unwrap()
    };
    let check = || {
        let relay = |nickname: &str| {
            let status = network.client().info().network_status(of(nickname)).unwrap().unwrap();
            assert_eq!(status.nickname(), nickname);
            status
        };
        let (fast, plain, family) = (relay("fast"), relay("relay0"), relay("relay4"));
        assert_eq!((fast.bandwidth(), plain.bandwidth()), (Some(20_000), Some(1000)));
        assert!(
            !fast.flags().contains(RouterFlags::EXIT) && fast.flags().contains(RouterFlags::GUARD)
        );
        assert!(
            plain.flags().contains(RouterFlags::EXIT) && plain.flags().contains(RouterFlags::GUARD)
        );
        assert!(
            family.flags().contains(RouterFlags::EXIT)
                && !family.flags().contains(RouterFlags::GUARD)
        );
    };
    check();
    let relay4 = network.nodes().iter().find(|node| node.nickname() == "relay4").unwrap();
    assert_eq!(
        relay4.controller().get_conf("ContactInfo").unwrap().as_deref(),
        Some("me@example.org")
    );
    let family = network.client().info().md_id(of("relay4")).unwrap().unwrap();
    let family = String::from_utf8_lossy(&family).into_owned();
    assert!(family.contains(&format!("${}", of("relay5"))), "{family}");
    // The vote has the same result.
    network.wait_for_vote(VOTE).unwrap();
    check();
    end(network);
}

#[test]
fn launched_clients_start_with_the_consensus() {
    let network = start(TestNetwork::builder().authorities(1).relays(3));
    let valid_after = |launch: scape::Launch| {
        let tor = launch.option("DisableNetwork", "1").start().unwrap();
        tor.controller().get_info("consensus/valid-after").unwrap_or_default()
    };
    assert_ne!(valid_after(network.launch()), "");
    assert_eq!(valid_after(network.launch_empty()), "");
    for launch in [network.launch(), network.launch_empty()] {
        let tor = Tor::launch(launch.timeout(LONGEST)).unwrap();
        tor.controller()
            .unwrap()
            .build_circuit(&ExtendCircuit::new(), Duration::from_secs(60))
            .unwrap();
    }
    end(network);
}

#[test]
fn networks_share_their_keys_unless_new_ones_are_requested() {
    let small = || TestNetwork::builder().authorities(1).relays(3);
    let (first, second) = thread::scope(|scope| {
        let first = scope.spawn(|| start(small().name("a.test", Ipv4Addr::LOCALHOST)));
        let second = scope.spawn(|| start(small().new_keys(true)));
        (first.join().unwrap(), second.join().unwrap())
    });
    let third = start(small());
    let keys = |network: &TestNetwork| {
        network.nodes().iter().map(|node| node.fingerprint()).collect::<Vec<_>>()
    };
    assert_eq!(keys(&first), keys(&third));
    assert!(keys(&first).iter().flatten().all(|key| !keys(&second).contains(&Some(*key))));
    let resolved = first.tor().client().unwrap().dns_resolve("a.test").unwrap();
    assert_eq!(resolved, Ipv4Addr::LOCALHOST);
    for network in [first, second, third] {
        network.client().build_circuit(&ExtendCircuit::new(), Duration::from_secs(60)).unwrap();
        end(network);
    }
}

/// Checks that the steps of a start were reported in order, up to 100 percent.
fn assert_in_order(steps: &[Progress]) {
    let percents: Vec<u8> = steps.iter().map(|step| step.percent).collect();
    assert!(percents.is_sorted(), "{steps:?}");
    assert_eq!((percents.first(), percents.last()), (Some(&0), Some(&100)));
}

#[test]
fn network_can_vote_first() {
    let (sender, steps) = std::sync::mpsc::channel();
    let builder = TestNetwork::builder().authorities(1).relays(3).vote_first(true);
    let network = start(builder.on_progress(move |step| sender.send(step.clone()).unwrap()));
    let steps: Vec<Progress> = steps.try_iter().collect();
    assert_in_order(&steps);
    assert!(steps.iter().any(|step| step.tag == "bootstrap"), "{steps:?}");
    let circuit =
        network.client().build_circuit(&ExtendCircuit::new(), Duration::from_secs(60)).unwrap();
    assert_eq!(circuit.path.len(), 3);
    Tor::launch(network.launch().timeout(LONGEST)).unwrap();
    end(network);
}

#[test]
fn unusable_first_consensus_is_replaced_by_the_vote() {
    // A client with this option can't use the written documents. It needs the
    // other flavour, and descriptors that caches only have after the vote.
    let (sender, steps) = std::sync::mpsc::channel();
    let network = start(
        TestNetwork::builder()
            .client_option("UseMicrodescriptors", "0")
            // The vote comes long after the first consensus was given up.
            .voting_interval(Duration::from_secs(30))
            .on_progress(move |step| sender.send(step.clone()).unwrap()),
    );
    let steps: Vec<Progress> = steps.try_iter().collect();
    assert_in_order(&steps);
    assert!(steps.iter().any(|step| step.tag == "vote"), "{steps:?}");
    network.client().build_circuit(&ExtendCircuit::new(), Duration::from_secs(60)).unwrap();
    end(network);
}

#[test]
fn network_starts_with_a_relay_that_does_not_publish_its_descriptor() {
    let network = start(
        TestNetwork::builder()
            .authorities(1)
            .relays(3)
            .relay(|relay| relay.nickname("silent").option("PublishServerDescriptor", "0")),
    );
    let published = |node: &Node| {
        let key = format!("desc/id/{}", node.fingerprint().unwrap());
        network.nodes()[0].controller().get_info(&key).is_ok()
    };
    // On a busy machine, the start may end before the other relays are
    // published.
    let deadline = Instant::now() + LONGEST;
    for relay in network.relays().filter(|relay| relay.nickname() != "silent") {
        while !published(relay) {
            assert!(Instant::now() < deadline, "{} is not published", relay.nickname());
            thread::sleep(Duration::from_millis(100));
        }
    }
    assert!(!published(network.node("silent").unwrap()));
    network.client().build_circuit(&ExtendCircuit::new(), LONGEST).unwrap();
    end(network);
}

#[test]
fn start_can_be_cancelled_at_every_step() {
    for step in ["keys", "nodes", "circuit", "exits", "descriptors"] {
        let token = CancelToken::new();
        let stop = token.clone();
        let builder = TestNetwork::builder().authorities(1).relays(4);
        let builder = builder.cancel_with(&token).on_progress(move |progress| {
            if progress.tag == step {
                stop.cancel();
            }
        });
        let error = builder.start().map(|_| step).unwrap_err();
        assert!(error.is_cancelled(), "{step}: {error}");
    }
}

#[test]
fn start_that_waits_is_cancelled_by_another_thread() {
    let token = CancelToken::new();
    let stop = token.clone();
    let (sender, cancelled) = crossbeam_channel::bounded(1);
    // The client has no guard, so its first circuit never comes.
    let builder = TestNetwork::builder()
        .authorities(1)
        .relays(4)
        .client_option("EntryNodes", "0123456789012345678901234567890123456789")
        .cancel_with(&token)
        .on_progress(move |progress| {
            if progress.tag == "circuit" {
                let (stop, sender) = (stop.clone(), sender.clone());
                thread::spawn(move || {
                    thread::sleep(Duration::from_secs(1));
                    let _ = sender.send(Instant::now());
                    stop.cancel();
                });
            }
        });
    let error = builder.start().map(drop).unwrap_err();
    assert!(error.is_cancelled(), "{error}");
    let took = cancelled.recv().unwrap().elapsed();
    assert!(took < LONGEST, "{took:?}");
}
