//! Every event that a real tor sent has the form that this library expects, and nothing in it goes unread.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;

use scape::event::{Bootstrap, CircuitInfo, Event, EventBody, StreamInfo};
use scape::protocol::{Decoder, parse_getinfo};
use scape::types::EventKind;
use support::event::events;
use support::transcript::Transcript;

fn all_events() -> Vec<Event> {
    let exchanges = Transcript::load_all().into_iter().flat_map(|transcript| transcript.exchanges);
    exchanges.flat_map(|exchange| events(&exchange.received)).collect()
}

#[test]
fn events_of_a_typed_kind_have_their_type() {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for event in all_events() {
        *counts.entry(event.kind().to_string()).or_default() += 1;
        assert!(event.kind().is_recognized(), "{event}");
        let typed = !matches!(event.body(), EventBody::Unknown);
        let expected = match event.kind() {
            EventKind::Circ
            | EventKind::CircMinor
            | EventKind::Stream
            | EventKind::Bw
            | EventKind::StatusGeneral
            | EventKind::StatusClient
            | EventKind::StatusServer
            | EventKind::HsDesc
            | EventKind::Signal => true,
            kind => EventKind::LOG.contains(kind),
        };
        assert_eq!(typed, expected, "{event}");
    }
    for kind in ["CIRC", "CIRC_MINOR", "STREAM", "BW", "STATUS_CLIENT", "HS_DESC", "SIGNAL", "NOTICE"] {
        assert!(counts.get(kind).is_some_and(|count| *count > 3), "{kind}: {counts:?}");
    }
}

#[test]
fn nothing_in_them_goes_unread() {
    for event in all_events() {
        let unread = match event.body() {
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
                assert_eq!(e.bootstrap().is_some(), e.action.as_str() == "BOOTSTRAP", "{event}");
                assert!(e.bootstrap().iter().all(|bootstrap| bootstrap.tag.is_recognized()), "{event}");
                0
            }
            EventBody::Signal(signal) => usize::from(!signal.is_recognized()),
            _ => 0,
        };
        assert_eq!(unread, 0, "{event}");
    }
}

/// The values of this GETINFO key in all transcripts.
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
    values.iter().flat_map(|value| value.split(|byte| *byte == b'\n')).filter(|line| !line.is_empty())
}

#[test]
fn the_same_parsers_read_getinfo() {
    let circuits = values("circuit-status");
    for line in lines(&circuits) {
        let circuit = CircuitInfo::parse(line).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(line)));
        assert!(circuit.status.is_recognized() && circuit.created.is_some(), "{circuit}");
        assert!(circuit.extra.is_empty() && circuit.extra_words.is_empty(), "{circuit:?}");
    }
    assert!(lines(&circuits).count() > 10);
    let streams = values("stream-status");
    for line in lines(&streams) {
        let stream = StreamInfo::parse(line).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(line)));
        assert!(stream.status.is_recognized(), "{stream}");
        assert!(stream.extra.is_empty() && stream.extra_words.is_empty(), "{stream:?}");
    }
    assert!(lines(&streams).count() > 0);
    let phases = values("status/bootstrap-phase");
    for phase in &phases {
        let bootstrap =
            Bootstrap::parse(phase).unwrap_or_else(|| panic!("{}", String::from_utf8_lossy(phase)));
        assert!(bootstrap.tag.is_recognized() && !bootstrap.summary.is_empty(), "{bootstrap}");
    }
    assert!(!phases.is_empty());
}
