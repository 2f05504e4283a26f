//! Tests the parsing of NEWDESC, DESCCHANGED, NS, NEWCONSENSUS,
//! NETWORK_LIVENESS and AUTHDIR_NEWDESCS events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape_proto::event::{AuthDirAction, Event, EventBody, NetworkStatus, RouterStatusEvent};
use support::event::{event, events};

const ENTRY: &str = "r relay01 +A23Vs20RarVApgai4C6dEik/qw KbJtv8Mr81gd2/6gAeIeWjAMYIE 2038-01-01 00:00:00 127.0.0.11 9001 0\r\n\
                     s Fast Guard HSDir Running Stable V2Dir Valid\r\nw Bandwidth=1000\r\n";

fn only(wire: &str) -> Event {
    let mut all = events(wire.as_bytes());
    assert_eq!(all.len(), 1, "{wire:?}");
    all.remove(0)
}

#[test]
fn newdesc_is_parsed() {
    let one = event("NEWDESC $E516474F6922A04E077129A94C0582092DD0A249~relay07");
    let EventBody::NewDesc(new) = one.body() else { panic!("{one}") };
    assert_eq!(new.to_string(), "relay07");
    let line = "NEWDESC $E516474F6922A04E077129A94C0582092DD0A249 \
                $C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97=relay02 WHY=curious $short moria1";
    let several = event(line);
    let EventBody::NewDesc(new) = several.body() else { panic!("{several}") };
    let names: Vec<String> = new.relays.iter().map(ToString::to_string).collect();
    let expected = [
        "$E516474F6922A04E077129A94C0582092DD0A249",
        "$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02",
        "$short",
        "moria1",
    ];
    assert_eq!(names, expected);
    assert_eq!(new.extra, [("WHY".to_owned(), "curious".to_owned())]);
    let none = event("NEWDESC");
    assert!(matches!(none.body(), EventBody::NewDesc(new) if new.relays.is_empty()));
}

#[test]
fn descchanged_is_parsed() {
    for (line, words) in [("DESCCHANGED", 0), ("DESCCHANGED ", 0), ("DESCCHANGED soon A=b", 2)] {
        let event = event(line);
        let EventBody::DescChanged(changed) = event.body() else { panic!("{event}") };
        assert_eq!(changed.extra.len() + changed.extra_words.len(), words, "{line:?}");
        assert_eq!(changed.to_string(), "this relay's descriptor has changed");
    }
}

fn statuses(wire: &str) -> RouterStatusEvent {
    let event = only(wire);
    match (event.kind().as_str(), event.body()) {
        ("NS", EventBody::Ns(statuses)) | ("NEWCONSENSUS", EventBody::NewConsensus(statuses)) => {
            statuses.clone()
        }
        _ => panic!("{event}"),
    }
}

/// Checks that `count` equals the number of entries that `routers` parses or
/// skips. The entries have unusual first lines.
#[test]
fn count_of_entries_is_that_of_the_parsed_and_the_skipped_ones() {
    let tab = ENTRY.replacen("r ", "r\t", 1);
    for (text, count) in [
        (format!("{ENTRY}r\r\ns Fast\r\n{tab}"), 3),
        (format!("odd\r\n{tab}"), 1),
        (format!("{ENTRY}directory-footer\r\n{ENTRY}"), 1),
        (format!("{ENTRY}rx y\r\n"), 1),
    ] {
        let statuses = statuses(&format!("650+NS\r\n{text}.\r\n650 OK\r\n"));
        let mut routers = statuses.routers();
        let parsed = routers.by_ref().count();
        assert_eq!((statuses.count(), parsed + routers.skipped()), (count, count), "{text}");
    }
}

#[test]
fn ns_and_newconsensus_entries_are_parsed() {
    for kind in ["NS", "NEWCONSENSUS"] {
        for count in [1, 2, 300] {
            let wire = format!("650+{kind}\r\n{}.\r\n650 OK\r\n", ENTRY.repeat(count));
            let statuses = statuses(&wire);
            assert_eq!(statuses.entries(), ENTRY.repeat(count).replace("\r\n", "\n").as_bytes());
            assert_eq!(statuses.count(), count);
            let expected =
                if count == 1 { "1 relay".to_owned() } else { format!("{count} relays") };
            assert_eq!(statuses.to_string(), expected);
            assert!(format!("{statuses:?}").len() < 120);
        }
        for empty in ["\r\n", ""] {
            let statuses = statuses(&format!("650+{kind} odd A=b\r\n{empty}.\r\n650 OK\r\n"));
            assert_eq!((statuses.entries(), statuses.count()), (&b""[..], 0));
            assert_eq!((statuses.extra.len(), statuses.extra_words.len()), (1, 1));
        }
        assert_eq!(event(kind).body(), &EventBody::Unknown);
        assert_eq!(
            only(&format!("650-{kind}\r\n650-r x\r\n650 OK\r\n")).body(),
            &EventBody::Unknown
        );
    }
}

#[test]
fn ns_line_that_only_contains_an_r_is_no_entry() {
    assert_eq!(statuses("650+NS\r\nx r y\r\nrr z\r\n r q\r\n.\r\n650 OK\r\n").count(), 0);
}

#[test]
fn network_liveness_is_parsed() {
    for (word, up) in [("UP", true), ("DOWN", false), ("SIDEWAYS", false)] {
        let event = event(format!("NETWORK_LIVENESS {word} odd A=b"));
        let EventBody::NetworkLiveness(network) = event.body() else { panic!("{event}") };
        assert_eq!((network.status.as_str(), network.is_up()), (word, up));
        assert_eq!(network.status.is_recognized(), NetworkStatus::KNOWN.contains(&network.status));
        assert_eq!((network.extra.len(), network.extra_words.len()), (1, 1));
        assert_eq!(network.to_string(), format!("network {word}"));
    }
    assert_eq!(event("NETWORK_LIVENESS").body(), &EventBody::Unknown);
}

#[test]
fn authdir_newdescs_of_older_tors_is_parsed() {
    for action in AuthDirAction::KNOWN.iter().map(|action| action.as_str()).chain(["FRAMED"]) {
        let wire = format!(
            "650+AUTHDIR_NEWDESCS\r\n{action}\r\nIt is fine.\r\nrouter x\r\npublished y\r\n.\r\n650 OK\r\n"
        );
        let event = only(&wire);
        let EventBody::AuthDirNewDescs(new) = event.body() else { panic!("{event}") };
        assert_eq!((new.action.as_str(), new.message.as_str()), (action, "It is fine."));
        assert_eq!(&*new.descriptor, b"router x\npublished y\n");
        assert_eq!(new.to_string(), format!("{action}: It is fine."));
    }
    for wire in [
        "650 AUTHDIR_NEWDESCS\r\n",
        "650+AUTHDIR_NEWDESCS\r\n.\r\n650 OK\r\n",
        "650+AUTHDIR_NEWDESCS\r\nACCEPTED\r\n.\r\n650 OK\r\n",
        "650+AUTHDIR_NEWDESCS\r\n\r\nmessage\r\nrouter\r\n.\r\n650 OK\r\n",
    ] {
        assert_eq!(only(wire).body(), &EventBody::Unknown, "{wire:?}");
    }
}
