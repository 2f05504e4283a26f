//! Tests the parsing of HS_DESC and HS_DESC_CONTENT events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape_proto::event::{EventBody, HsDescAction, HsDescContent, HsDescEvent, HsDescReason};
use support::event::{event, events};

const ONION: &str = "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad";
const HSDIR: &str = "$93C6649E3079751CC7600A15DC65B3B28C848DFD~relay4";
const ID: &str = "8jPP1Q/8DTy9wMaZl2oqoA0a863ajj9TZXt22Su6+e0";
const INDEX: &str = "AB95A010678C3509E52F527388EDB265260779F47B03C21091D28E2AE87E39B0";

fn hs_desc(line: &str) -> HsDescEvent {
    let event = event(format!("HS_DESC {line}"));
    let EventBody::HsDesc(hs_desc) = event.body() else { panic!("{event}") };
    hs_desc.clone()
}

#[test]
fn hs_desc_in_every_form_is_parsed() {
    // Each case has a line, and whether it names a directory, an id, an index
    // and a reason.
    let cases = [
        (
            format!("REQUESTED {ONION} NO_AUTH {HSDIR} {ID} HSDIR_INDEX={INDEX}"),
            [true, true, true, false],
        ),
        (format!("RECEIVED {ONION} NO_AUTH {HSDIR} {ID}"), [true, true, false, false]),
        (
            format!("FAILED {ONION} NO_AUTH {HSDIR} {ID} REASON=NOT_FOUND"),
            [true, true, false, true],
        ),
        (
            format!("FAILED {ONION} NO_AUTH UNKNOWN REASON=QUERY_NO_HSDIR"),
            [false, false, false, true],
        ),
        (format!("CREATED {ONION} UNKNOWN UNKNOWN {ID}"), [false, true, false, false]),
        (
            format!("UPLOAD {ONION} UNKNOWN {HSDIR} {ID} HSDIR_INDEX={INDEX}"),
            [true, true, true, false],
        ),
        (format!("UPLOADED {ONION} UNKNOWN {HSDIR}"), [true, false, false, false]),
        (format!("IGNORE {ONION} NO_AUTH {HSDIR} {ID}"), [true, true, false, false]),
    ];
    let mut missing: Vec<&HsDescAction> = HsDescAction::KNOWN.iter().collect();
    for (line, has) in cases {
        let words: Vec<&str> = line.split(' ').collect();
        let event = hs_desc(&line);
        assert_eq!((event.action.as_str(), event.auth.as_str()), (words[0], words[2]), "{line}");
        assert!(event.action.is_recognized());
        assert_eq!(
            (event.address, event.address_text.as_str()),
            (ONION.parse().ok(), ONION),
            "{line}"
        );
        assert_eq!(
            event.hsdir.map(|hsdir| hsdir.to_string()).as_deref(),
            has[0].then_some(HSDIR),
            "{line}"
        );
        assert_eq!(event.descriptor_id.as_deref(), has[1].then_some(ID), "{line}");
        assert_eq!(event.hsdir_index.as_deref(), has[2].then_some(INDEX), "{line}");
        assert_eq!(event.reason.is_some(), has[3], "{line}");
        assert!(event.extra.is_empty() && event.extra_words.is_empty(), "{line}");
        missing.retain(|action| **action != event.action);
    }
    assert_eq!(missing, Vec::<&HsDescAction>::new(), "every action has a case");
}

#[test]
fn hs_desc_of_every_reason_is_parsed() {
    for reason in HsDescReason::KNOWN.iter().map(|reason| reason.as_str()).chain(["TIRED"]) {
        let event = hs_desc(&format!("FAILED {ONION} NO_AUTH {HSDIR} {ID} REASON={reason}"));
        assert_eq!(event.reason.unwrap().as_str(), reason);
    }
}

#[test]
fn hs_desc_address_unknown_to_tor_is_kept_as_text() {
    for text in ["UNKNOWN", "expyuzz4wqqyqhjn"] {
        let event = hs_desc(&format!("FAILED {text} NO_AUTH {HSDIR} {ID} REASON=UNEXPECTED"));
        assert_eq!((event.address, event.address_text.as_str()), (None, text));
    }
}

#[test]
fn hs_desc_directory_without_a_nickname_is_parsed() {
    let (bare, _) = HSDIR.split_once('~').unwrap();
    let event = hs_desc(&format!("UPLOADED {ONION} UNKNOWN {bare}"));
    assert_eq!(event.hsdir.unwrap().to_string(), bare);
}

#[test]
fn hs_desc_keeps_unknown_and_malformed_words() {
    let line = format!("RECEIVED {ONION} NO_AUTH {HSDIR} {ID} stray REPLICA=x COLOUR=red");
    let event = hs_desc(&line);
    assert_eq!(event.extra_words, ["stray"]);
    assert_eq!(event.extra, [("REPLICA".into(), "x".into()), ("COLOUR".into(), "red".to_owned())]);
    assert_eq!(hs_desc(&format!("UPLOAD {ONION} UNKNOWN {HSDIR} {ID} REPLICA=1")).replica, Some(1));
    assert_eq!(hs_desc(&format!("POLISHED {ONION} NO_AUTH {HSDIR}")).action.as_str(), "POLISHED");
}

#[test]
fn hs_desc_without_its_four_words_is_an_unknown_event() {
    for line in [
        String::new(),
        "FAILED".into(),
        format!("FAILED {ONION}"),
        format!("FAILED {ONION} NO_AUTH "),
    ] {
        assert_eq!(event(format!("HS_DESC {line}")).body(), &EventBody::Unknown, "{line:?}");
    }
}

#[test]
fn hs_desc_display_names_action_address_and_reason() {
    let event = hs_desc(&format!("FAILED {ONION} NO_AUTH {HSDIR} {ID} REASON=NOT_FOUND"));
    assert_eq!(event.to_string(), format!("FAILED {ONION}.onion at relay4 (NOT_FOUND)"));
    assert_eq!(hs_desc("CREATED UNKNOWN UNKNOWN UNKNOWN").to_string(), "CREATED UNKNOWN");
}

fn content(wire: &str) -> HsDescContent {
    let all = events(wire.as_bytes());
    let EventBody::HsDescContent(content) = all[0].body() else { panic!("{:?}", all[0]) };
    content.clone()
}

#[test]
fn hs_desc_content_is_parsed() {
    let descriptor = "hs-descriptor 3\r\n..dot\r\n\r\nrevision-counter 7\r\n";
    let content = content(&format!(
        "650+HS_DESC_CONTENT {ONION} {ID} {HSDIR}\r\n{descriptor}.\r\n650 OK\r\n"
    ));
    assert_eq!((content.address, content.address_text.as_str()), (ONION.parse().ok(), ONION));
    assert_eq!(
        (content.descriptor_id.as_str(), content.hsdir.as_ref().unwrap().to_string()),
        (ID, HSDIR.into())
    );
    assert_eq!(&*content.content, b"hs-descriptor 3\n.dot\n\nrevision-counter 7\n");
    assert!(!content.is_failure() && content.extra.is_empty() && content.extra_words.is_empty());
    assert_eq!(content.to_string(), format!("{ONION}.onion from relay4: 41 bytes"));
    assert!(
        format!("{content:?}").contains("41 bytes") && !format!("{content:?}").contains("revision")
    );
}

#[test]
fn hs_desc_content_of_a_failed_fetch_is_empty() {
    for (hsdir, has_one) in [(HSDIR, true), ("UNKNOWN", false)] {
        let wire =
            format!("650+HS_DESC_CONTENT {ONION} {ID} {hsdir} odd A=b\r\n\r\n.\r\n650 OK\r\n");
        let content = content(&wire);
        assert!(content.is_failure() && content.content.is_empty());
        assert_eq!(content.hsdir.is_some(), has_one);
        assert_eq!(content.extra_words, ["odd"]);
        assert_eq!(content.extra, [("A".to_owned(), "b".to_owned())]);
    }
    let unknown = content(&format!("650+HS_DESC_CONTENT UNKNOWN {ID} {HSDIR}\r\n.\r\n650 OK\r\n"));
    assert_eq!((unknown.address, unknown.address_text.as_str()), (None, "UNKNOWN"));
}

#[test]
fn hs_desc_content_without_words_or_data_is_an_unknown_event() {
    for wire in [
        "650+HS_DESC_CONTENT\r\nx\r\n.\r\n650 OK\r\n".to_owned(),
        format!("650+HS_DESC_CONTENT {ONION} {ID}\r\nx\r\n.\r\n650 OK\r\n"),
        format!("650 HS_DESC_CONTENT {ONION} {ID} {HSDIR}\r\n"),
        format!("650-HS_DESC_CONTENT {ONION} {ID} {HSDIR}\r\n650 OK\r\n"),
    ] {
        let all = events(wire.as_bytes());
        assert_eq!((all.len(), all[0].body()), (1, &EventBody::Unknown), "{wire:?}");
    }
}
