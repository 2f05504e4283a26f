//! Checks that the library parses every event in the transcripts of a real tor
//! and knows every word in it.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;

use scape_proto::control::{Decoder, parse_getinfo};
use scape_proto::event::{
    Bootstrap, CircuitInfo, Event, EventBody, OrConnInfo, OrConnStatus, StatusDetail, StreamInfo,
};
use scape_proto::word::Expiry;
use support::event::events;
use support::transcript::Transcript;

fn all_events() -> Vec<Event> {
    let exchanges = Transcript::load_all().into_iter().flat_map(|transcript| transcript.exchanges);
    exchanges.flat_map(|exchange| events(&exchange.received)).collect()
}

#[test]
fn transcript_events_have_a_known_type() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in all_events() {
        *counts.entry(event.kind().to_string()).or_default() += 1;
        assert!(event.kind().is_recognized(), "{event}");
        assert_ne!(event.body(), &EventBody::Unknown, "{event}");
        assert_eq!(event.body().to_string().lines().count(), 1, "{event}");
    }
    // These are the kinds that a client receives, and those that tor only sends
    // if a testing option is set.
    for (kind, least) in [
        ("CIRC", 200),
        ("CIRC_MINOR", 20),
        ("STREAM", 100),
        ("ORCONN", 10),
        ("BW", 20),
        ("STREAM_BW", 10),
        ("CIRC_BW", 20),
        ("CONN_BW", 10),
        ("CELL_STATS", 20),
        ("ADDRMAP", 10),
        ("CONF_CHANGED", 20),
        ("GUARD", 40),
        ("HS_DESC", 40),
        ("HS_DESC_CONTENT", 2),
        ("NS", 3),
        ("NEWCONSENSUS", 3),
        ("NEWDESC", 1),
        ("NETWORK_LIVENESS", 1),
        ("BUILDTIMEOUT_SET", 2),
        ("STATUS_GENERAL", 10),
        ("STATUS_CLIENT", 20),
        ("STATUS_SERVER", 2),
        ("SIGNAL", 10),
        ("NOTICE", 20),
        ("WARN", 5),
        ("INFO", 5),
        ("DEBUG", 1),
    ] {
        assert!(counts.get(kind).is_some_and(|count| *count >= least), "{kind}: {counts:?}");
    }
}

/// Returns the number of words in the event that the library doesn't know.
/// Panics if an expected value is missing or isn't recognized.
fn unread(event: &Event) -> usize {
    match event.body() {
        EventBody::Circ(e) => {
            assert!(
                e.status.is_recognized() && e.purpose.as_ref().is_some_and(|p| p.is_recognized()),
                "{event}"
            );
            assert!(e.created.is_some(), "{event}");
            assert!(e.path.iter().all(|relay| relay.fingerprint().is_some()), "{event}");
            assert_eq!(e.reason.is_some(), e.status.is_end(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::CircMinor(e) => {
            assert!(e.change.is_recognized() && e.old_purpose.is_some(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::Stream(e) => {
            assert!(e.status.is_recognized() && e.target.port().is_some(), "{event}");
            assert!(e.nym_epoch.is_some() && e.session_group.is_some(), "{event}");
            assert!(e.reason.iter().all(|reason| reason.is_recognized()), "{event}");
            assert!(e.iso_fields.iter().all(|field| field.is_recognized()), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::HsDesc(e) => {
            assert!(e.action.is_recognized() && e.address.is_some(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::StatusGeneral(e) | EventBody::StatusClient(e) | EventBody::StatusServer(e) => {
            assert!(e.severity.is_recognized() && e.action.is_recognized(), "{event}");
            assert_ne!(e.detail(), StatusDetail::Other, "{event}");
            assert!(e.bootstrap().iter().all(|bootstrap| bootstrap.tag.is_recognized()), "{event}");
            0
        }
        EventBody::Signal(signal) => usize::from(!signal.is_recognized()),
        EventBody::Log(e) => usize::from(e.message.is_empty()),
        _ => unread_of_the_network(event),
    }
}

/// The part of [`unread`] for events about connections, bandwidth and the
/// directory.
fn unread_of_the_network(event: &Event) -> usize {
    match event.body() {
        EventBody::OrConn(e) => {
            assert!(e.status.is_recognized() && e.id.is_some(), "{event}");
            assert!(e.target.relay().is_some_and(|relay| relay.fingerprint().is_some()), "{event}");
            assert!(e.reason.iter().all(|reason| reason.is_recognized()), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::Bw(e) => e.extra.len() + e.extra_words.len(),
        EventBody::StreamBw(e) => {
            assert!(e.time.is_some(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::CircBw(e) => {
            assert!(
                e.time.is_some() && e.delivered_read.is_some() && e.overhead_read.is_some(),
                "{event}"
            );
            assert!(e.delivered_written.is_some() && e.overhead_written.is_some(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::ConnBw(e) => {
            assert!(e.conn_type.is_recognized(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::CellStats(e) => {
            let queue = e.outbound.as_ref().expect("a client's circuit has one");
            assert!(e.circuit.is_some() && queue.total_removed() > 0, "{event}");
            assert!(queue.removed.iter().all(|(command, _)| command.is_recognized()), "{event}");
            assert_eq!(queue.removed.len(), queue.time.len(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::HsDescContent(e) => {
            assert!(
                e.address.is_some() && e.hsdir.is_some() && e.descriptor_id.len() == 43,
                "{event}"
            );
            assert!(
                e.content.starts_with(b"hs-descriptor 3\n") && e.content.ends_with(b"\n"),
                "{event}"
            );
            e.extra.len() + e.extra_words.len()
        }
        EventBody::AddrMap(e) => {
            assert!(!matches!(e.expires, Expiry::Other(_)) && e.cached.is_some(), "{event}");
            assert_eq!(e.expires == Expiry::Never, e.expires_local.is_none(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::ConfChanged(e) => {
            assert!(e.options.iter().all(|line| !line.name.is_empty()), "{event}");
            usize::from(e.options.is_empty())
        }
        EventBody::Guard(e) => {
            assert!(e.guard_type.is_recognized() && e.status.is_recognized(), "{event}");
            assert!(e.relay.fingerprint().is_some() && e.relay.nickname().is_some(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::NewDesc(e) => {
            assert!(
                !e.relays.is_empty() && e.relays.iter().all(|r| r.fingerprint().is_some()),
                "{event}"
            );
            e.extra.len()
        }
        EventBody::Ns(e) | EventBody::NewConsensus(e) => {
            let lines = e.entries().split(|byte| *byte == b'\n');
            assert_eq!(lines.filter(|line| line.starts_with(b"r ")).count(), e.count(), "{event}");
            assert!(e.count() > 0, "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::NetworkLiveness(e) => {
            assert!(e.status.is_recognized(), "{event}");
            e.extra.len() + e.extra_words.len()
        }
        EventBody::BuildTimeoutSet(e) => {
            assert!(
                e.change.is_recognized() && e.total_times.is_some() && e.timeout.is_some(),
                "{event}"
            );
            assert!(e.xm.is_some() && e.alpha.is_some() && e.cutoff_quantile.is_some(), "{event}");
            assert!(
                e.timeout_rate.is_some() && e.close.is_some() && e.close_rate.is_some(),
                "{event}"
            );
            e.extra.len() + e.extra_words.len()
        }
        _ => panic!("no transcript had such an event until now: {event}"),
    }
}

#[test]
fn transcript_events_have_no_unknown_words() {
    for event in all_events() {
        assert_eq!(unread(&event), 0, "{event}");
    }
}

/// Returns every value that a GETINFO answer in the transcripts has for this
/// key.
fn values(key: &str) -> Vec<Vec<u8>> {
    let mut values = Vec::new();
    for transcript in Transcript::load_all() {
        for exchange in transcript.exchanges {
            let mut decoder = Decoder::default();
            decoder.feed(&exchange.received);
            while let Ok(Some(reply)) = decoder.next_reply() {
                let asked = reply.first().text.strip_prefix(key.as_bytes());
                if asked.is_some_and(|rest| rest.starts_with(b"=")) && reply.len() == 2 {
                    values.extend(parse_getinfo(&reply, &[key]).expect("an answer of GETINFO"));
                }
            }
        }
    }
    values
}

fn lines(values: &[Vec<u8>]) -> impl Iterator<Item = &[u8]> {
    values
        .iter()
        .flat_map(|value| value.split(|byte| *byte == b'\n'))
        .filter(|line| !line.is_empty())
}

#[test]
fn getinfo_lines_are_parsed_by_the_event_parsers() {
    let circuits = values("circuit-status");
    for line in lines(&circuits) {
        let circuit =
            CircuitInfo::parse(line).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(line)));
        assert!(circuit.status.is_recognized() && circuit.created.is_some(), "{circuit}");
        assert!(circuit.extra.is_empty() && circuit.extra_words.is_empty(), "{circuit:?}");
    }
    assert!(lines(&circuits).count() > 10);
    let streams = values("stream-status");
    for line in lines(&streams) {
        let stream =
            StreamInfo::parse(line).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(line)));
        assert!(stream.status.is_recognized(), "{stream}");
        assert!(stream.extra.is_empty() && stream.extra_words.is_empty(), "{stream:?}");
    }
    assert!(lines(&streams).count() > 0);
    let connections = values("orconn-status");
    for line in lines(&connections) {
        let connection =
            OrConnInfo::parse(line).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(line)));
        assert_eq!(connection.status, OrConnStatus::Connected, "{connection}");
        assert!(connection.extra.is_empty() && connection.extra_words.is_empty(), "{connection:?}");
    }
    assert!(lines(&connections).count() > 3);
    let phases = values("status/bootstrap-phase");
    for phase in &phases {
        let bootstrap =
            Bootstrap::parse(phase).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(phase)));
        assert!(bootstrap.tag.is_recognized() && !bootstrap.summary.is_empty(), "{bootstrap}");
    }
    assert!(!phases.is_empty());
}
