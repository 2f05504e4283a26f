//! Tests the parsing of CELL_STATS events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::Duration;

use scape_proto::event::{CellCommand, CellStats, EventBody};
use scape_proto::word::{CircuitId, OrConnId};
use support::event::event;

fn cell_stats(line: &str) -> CellStats {
    let event = event(format!("CELL_STATS {line}"));
    let EventBody::CellStats(stats) = event.body() else { panic!("{event}") };
    stats.clone()
}

#[test]
fn cell_stats_of_an_origin_circuit() {
    let stats = cell_stats(
        "ID=5 OutboundQueue=3690154477 OutboundConn=1 OutboundRemoved=relay_early:4,create2:1 \
         OutboundTime=relay_early:20,create2:0",
    );
    assert_eq!((stats.circuit, &stats.inbound), (Some(CircuitId::new(5)), &None));
    let queue = stats.outbound.as_ref().unwrap();
    assert_eq!((queue.queue, queue.connection), (3_690_154_477, OrConnId::new(1)));
    assert_eq!(queue.added, []);
    assert_eq!(queue.removed, [(CellCommand::RelayEarly, 4), (CellCommand::Create2, 1)]);
    let expected = [
        (CellCommand::RelayEarly, Duration::from_millis(20)),
        (CellCommand::Create2, Duration::ZERO),
    ];
    assert_eq!(queue.time, expected);
    assert_eq!(queue.total_removed(), 5);
    assert!(stats.extra.is_empty() && stats.extra_words.is_empty());
    assert_eq!(stats.to_string(), "circuit 5: outbound relay_early:4,create2:1");
}

#[test]
fn cell_stats_of_a_relayed_circuit() {
    let stats = cell_stats(
        "InboundQueue=19403 InboundConn=15 InboundAdded=relay:7,destroy:1 InboundRemoved=relay:6 \
         InboundTime=relay:82 OutboundQueue=6710 OutboundConn=18446744073709551615 OutboundAdded=relay:1 \
         OutboundRemoved=relay:1 OutboundTime=relay:0",
    );
    assert_eq!(stats.circuit, None);
    let (inbound, outbound) = (stats.inbound.as_ref().unwrap(), stats.outbound.as_ref().unwrap());
    assert_eq!((inbound.queue, inbound.connection), (19403, OrConnId::new(15)));
    assert_eq!(inbound.added, [(CellCommand::Relay, 7), (CellCommand::Destroy, 1)]);
    assert_eq!(inbound.removed, [(CellCommand::Relay, 6)]);
    assert_eq!(inbound.time, [(CellCommand::Relay, Duration::from_millis(82))]);
    assert_eq!((outbound.queue, outbound.connection), (6710, OrConnId::new(u64::MAX)));
    assert_eq!(outbound.added, [(CellCommand::Relay, 1)]);
    assert!(stats.extra.is_empty() && stats.extra_words.is_empty());
    assert_eq!(stats.to_string(), "relayed circuit: inbound relay:6 outbound relay:1");
}

#[test]
fn cell_stats_with_every_cell_command() {
    for command in CellCommand::KNOWN.iter().map(|command| command.as_str()).chain(["create3"]) {
        let stats =
            cell_stats(&format!("ID=1 OutboundQueue=1 OutboundConn=1 OutboundRemoved={command}:9"));
        let queue = stats.outbound.unwrap();
        assert_eq!((queue.removed[0].0.as_str(), queue.removed[0].1), (command, 9));
    }
    let stats = cell_stats("ID=1 OutboundQueue=1 OutboundConn=1 OutboundAdded=");
    assert_eq!(stats.outbound.unwrap().added, []);
}

#[test]
fn cell_stats_keeps_unknown_and_malformed_words() {
    let stats = cell_stats(
        "ID=x OutboundQueue=1 OutboundConn=2 OutboundRemoved=relay OutboundTime=relay:x,create:1 OutboundNew=1 \
         InboundQueue=1 InboundRemoved=relay:1 odd COLOUR=red",
    );
    let extra = [
        ("ID", "x"),
        ("OutboundRemoved", "relay"),
        ("OutboundTime", "relay:x,create:1"),
        ("OutboundNew", "1"),
        ("InboundQueue", "1"),
        ("InboundRemoved", "relay:1"),
        ("COLOUR", "red"),
    ];
    assert_eq!(stats.extra, extra.map(|(key, value)| (key.to_owned(), value.to_owned())));
    assert_eq!(stats.extra_words, ["odd"]);
    assert_eq!(
        (stats.circuit, stats.inbound),
        (None, None),
        "a queue has a number and a connection"
    );
}

#[test]
fn cell_stats_without_circuit_and_queue_is_an_unknown_event() {
    for line in ["CELL_STATS", "CELL_STATS ID=x", "CELL_STATS odd A=b", "CELL_STATS InboundQueue=1"]
    {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}
