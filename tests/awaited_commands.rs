//! Commands that end with an event. The library must find this event among
//! those of other requests, and each possible outcome must end the wait.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::time::{Duration, Instant};

use scape::connection::Closed;
use scape::control::{HsFetch, HsFetchError, HsFetchProblem, HsPostOutcome, ResolveError};
use scape::error::{AnswerError, Phase, Timeout};
use scape::event::{HsDescReason, StreamReason};
use scape::testing::{Script, ScriptedTor};
use scape::word::OnionAddress;
use scape::{Connect, Controller, Error};

const SOON: Duration = Duration::from_secs(20);
const SERVICE: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
const OTHER: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
const ONE: &str = "$607CC6F7FDEBDE658A9739AE613CF8991B95BC35~one";
const TWO: &str = "$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~two";

fn service() -> OnionAddress {
    SERVICE.parse().unwrap()
}

/// Returns a scripted tor that accepts `command` and then sends `events`, and a
/// controller for it.
fn says(command: &str, events: &[String]) -> (ScriptedTor, Controller) {
    let mut reply = "250 OK\r\n".to_owned();
    for event in events {
        reply += &format!("{event}\r\n");
    }
    let tor = ScriptedTor::builder().on_prefix(command, reply).start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    (tor, controller)
}

fn told(action: &str, address: &str, hsdir: &str, more: &str) -> String {
    format!("650 HS_DESC {action} {address} NO_AUTH {hsdir} Ti8T{more}")
}

fn content(address: &str, hsdir: &str, content: &str) -> String {
    format!("650+HS_DESC_CONTENT {address} Ti8T {hsdir}\r\n{content}\r\n.\r\n650 OK")
}

#[test]
fn hs_fetch_goes_on_after_a_directory_fails() {
    let (_tor, c) = says(
        "HSFETCH",
        &[
            told("REQUESTED", SERVICE, ONE, " HSDIR_INDEX=AB"),
            // These events belong to another service.
            told("REQUESTED", OTHER, TWO, " HSDIR_INDEX=AB"),
            content(OTHER, TWO, "hs-descriptor other"),
            told("FAILED", SERVICE, ONE, " REASON=NOT_FOUND"),
            content(SERVICE, ONE, ""),
            told("REQUESTED", SERVICE, TWO, " HSDIR_INDEX=AB"),
            told("RECEIVED", SERVICE, TWO, ""),
            content(SERVICE, TWO, "hs-descriptor 3\r\n..dots"),
        ],
    );
    let fetched = c.hs_descriptors().fetch(service(), SOON).unwrap();
    assert_eq!(&*fetched.content, b"hs-descriptor 3\n.dots\n");
    assert_eq!(fetched.hsdir, Some(TWO.into()));
    assert_eq!((fetched.address, &*fetched.descriptor_id), (service(), "Ti8T"));
}

#[test]
fn hs_fetch_ends_when_all_directories_have_failed() {
    let (_tor, c) = says(
        "HSFETCH",
        &[
            told("REQUESTED", SERVICE, ONE, " HSDIR_INDEX=AB"),
            told("REQUESTED", SERVICE, TWO, " HSDIR_INDEX=AB"),
            told("FAILED", SERVICE, TWO, " REASON=BAD_DESC"),
            content(SERVICE, TWO, ""),
            told("FAILED", SERVICE, ONE, " REASON=NOT_FOUND"),
            content(SERVICE, ONE, ""),
        ],
    );
    let begun = Instant::now();
    let fetch = HsFetch::new(service()).server(ONE).server(TWO);
    let error = c.hs_descriptors().fetch(fetch, SOON).unwrap_err();
    assert!(begun.elapsed() < SOON / 2);
    let error: &HsFetchError = error.get().unwrap();
    assert_eq!(error.problem, HsFetchProblem::AllFailed);
    let failures: Vec<_> = error
        .failures
        .iter()
        .map(|f| (f.hsdir.clone().unwrap(), f.reason.clone().unwrap()))
        .collect();
    assert_eq!(
        failures,
        [(TWO.into(), HsDescReason::BadDesc), (ONE.into(), HsDescReason::NotFound)]
    );
    assert!(!error.is_not_found() && error.unanswered.is_empty());
}

#[test]
fn hs_fetch_timeout_names_the_directories_that_have_not_answered() {
    let (_tor, c) = says(
        "HSFETCH",
        &[
            told("REQUESTED", SERVICE, ONE, " HSDIR_INDEX=AB"),
            told("FAILED", SERVICE, ONE, " REASON=NOT_FOUND"),
            content(SERVICE, ONE, ""),
            told("REQUESTED", SERVICE, TWO, " HSDIR_INDEX=AB"),
            // A failed upload doesn't belong to the fetch, because it has no
            // content.
            told("FAILED", SERVICE, TWO, " REASON=UNEXPECTED"),
        ],
    );
    let timeout = Duration::from_millis(1500);
    let error = c.hs_descriptors().fetch(service(), timeout).unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let Some(error) = error.get::<HsFetchError>() else { panic!("{error:?}") };
    assert_eq!(error.problem, HsFetchProblem::Timeout(timeout));
    assert_eq!((error.failures.len(), &error.unanswered), (1, &vec![TWO.into()]));
}

#[test]
fn end_of_the_connection_ends_hs_fetch_and_resolve() {
    for command in ["HSFETCH", "RESOLVE"] {
        let script = Script::new()
            .login()
            .expect_prefix("SETEVENTS")
            .send("250 OK\r\n")
            .expect_prefix(command)
            .send("250 OK\r\n")
            .hang_up();
        let tor = ScriptedTor::follow(script).unwrap();
        let c = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        let error = match command {
            "HSFETCH" => c.hs_descriptors().fetch(service(), SOON).unwrap_err(),
            _ => c.resolve("a.example", SOON).unwrap_err(),
        };
        assert!(
            error.get::<Closed>().is_some_and(|closed| !closed.is_local()),
            "{command}: {error:?}"
        );
    }
}

fn new_stream(id: u32, name: &str, group: i32) -> String {
    format!("650 STREAM {id} NEWRESOLVE 0 {name}:0 PURPOSE=DNS_REQUEST SESSION_GROUP={group}")
}

fn answer(from: &str, to: &str, more: &str) -> String {
    let time = "2026-11-21 02:12:34";
    format!("650 ADDRMAP {from} {to} \"{time}\" {more}EXPIRES=\"{time}\" CACHED=\"NO\"")
}

#[test]
fn resolve_finds_its_answer_by_the_stream() {
    let (_tor, c) = says(
        "RESOLVE",
        &[
            // These are a mapping of the name, and another program's request
            // for it.
            "650 ADDRMAP a.example 10.0.0.1 NEVER CACHED=\"YES\"".to_owned(),
            new_stream(3, "a.example", -4),
            new_stream(4, "b.example", -3),
            new_stream(5, "A.Example", -3),
            format!("{} STREAMID=3", answer("a.example", "10.0.0.2", "")),
            format!("{} STREAMID=4", answer("b.example", "10.0.0.3", "")),
            "650 STREAM 3 CLOSED 0 a.example:0 REASON=DONE".to_owned(),
            // This is the answer to the request under test, whose name was
            // mapped to another one meanwhile.
            format!("{} STREAMID=5", answer("mapped.example", "10.0.0.4", "")),
        ],
    );
    assert_eq!(c.resolve("a.example", SOON).unwrap().to_string(), "10.0.0.4");
}

#[test]
fn resolve_fails_with_the_reason_of_its_stream() {
    let error = |events: &[String]| -> ResolveError {
        let (_tor, c) = says("RESOLVE", events);
        let error = c.resolve("a.example", SOON).unwrap_err();
        error.get::<ResolveError>().unwrap_or_else(|| panic!("{error:?}")).clone()
    };
    let failed = format!("{} STREAMID=5", answer("a.example", "<error>", "error=yes "));
    let refused = error(&[
        new_stream(5, "a.example", -3),
        failed.clone(),
        "650 STREAM 5 CLOSED 0 a.example:0 REASON=END REMOTE_REASON=RESOLVEFAILED".to_owned(),
    ]);
    assert_eq!((&*refused.name, &*refused.error), ("a.example", "yes"));
    assert_eq!(refused.reason, Some(StreamReason::End));
    assert_eq!(refused.remote_reason, Some(StreamReason::ResolveFailed));

    // The reason may be missing, the stream may end without an answer, or no
    // stream may have been made.
    assert_eq!(error(&[new_stream(5, "a.example", -3), failed]).reason, None);
    let ended = error(&[
        new_stream(5, "a.example", -3),
        "650 STREAM 5 FAILED 0 a.example:0 REASON=TIMEOUT".to_owned(),
    ]);
    assert_eq!(ended.reason, Some(StreamReason::Timeout));
    let internal =
        error(&["650 ADDRMAP a.example a.example NEVER internal CACHED=\"NO\"".to_owned()]);
    assert!(internal.to_string().contains("error internal"), "{internal}");
}

#[test]
fn resolve_of_unusual_or_missing_answers() {
    let resolve = |to: &str| {
        let answer = format!("{} STREAMID=5", answer("a.example", to, ""));
        let (_tor, c) = says("RESOLVE", &[new_stream(5, "a.example", -3), answer]);
        c.resolve("a.example", SOON)
    };
    assert_eq!(resolve("[2001:db8::1]").unwrap().to_string(), "2001:db8::1");
    assert!(resolve("b.example").unwrap_err().get::<AnswerError>().is_some());

    let answer = format!("{} STREAMID=5", answer("192.0.2.7", "seven.example", ""));
    let (_tor, c) =
        says("RESOLVE mode=reverse 192.0.2.7", &[new_stream(5, "192.0.2.7", -3), answer]);
    assert_eq!(c.resolve_reverse([192, 0, 2, 7].into(), SOON).unwrap(), "seven.example");
    // tor sends no answer at all.
    let (_tor, c) = says("RESOLVE", &[]);
    let brief = Duration::from_millis(20);
    let error = c.resolve("a.example", brief).unwrap_err();
    assert!(
        error.get::<Timeout>().is_some_and(|t| t.phase() == Phase::Resolve && t.after() == brief),
        "{error}"
    );
}

#[test]
fn hs_post_returns_each_named_directory_and_its_answer() {
    let (_tor, c) = says(
        "+HSPOST",
        &[
            told("UPLOADED", OTHER, ONE, ""),
            told("UPLOADED", SERVICE, "$9695DFC35FFEB861329B9F1AB04C46397020CE31~unasked", ""),
            // This event belongs to a fetch.
            told("FAILED", SERVICE, ONE, " REASON=NOT_FOUND"),
            told("FAILED", SERVICE, TWO, " REASON=UPLOAD_REJECTED"),
            format!("650 HS_DESC UPLOADED {SERVICE} UNKNOWN {ONE}"),
        ],
    );
    let servers = ["$607CC6F7FDEBDE658A9739AE613CF8991B95BC35", "two"];
    let answers = c.hs_descriptors().post(&service(), "hs-descriptor 3\n", servers, SOON).unwrap();
    let shown: Vec<String> = answers.iter().map(ToString::to_string).collect();
    assert_eq!(shown, [format!("{TWO} FAILED UPLOAD_REJECTED"), format!("{ONE} UPLOADED")]);
    assert!(answers[1].is_uploaded() && !answers[0].is_uploaded());
}

#[test]
fn hs_post_names_directories_that_have_not_answered() {
    let (_tor, c) = says("+HSPOST", &[told("UPLOADED", SERVICE, ONE, "")]);
    // This is long enough for one answer on a busy machine.
    let enough = Duration::from_secs(3);
    let answers =
        c.hs_descriptors().post(&service(), "hs-descriptor 3\n", ["one", "two"], enough).unwrap();
    assert_eq!(answers.len(), 2);
    assert_eq!(
        (answers[1].hsdir.clone(), answers[1].outcome.clone()),
        ("two".into(), HsPostOutcome::Unanswered)
    );

    let brief = Duration::from_millis(500);
    let (_tor, c) = says("+HSPOST", &[]);
    let error =
        c.hs_descriptors().post(&service(), "hs-descriptor 3\n", ["one"], brief).unwrap_err();
    assert!(
        error.get::<Timeout>().is_some_and(|t| t.phase() == Phase::Publish && t.after() == brief),
        "{error}"
    );
    let error =
        c.hs_descriptors().post(&service(), "hs-descriptor 3\n", [""; 0], brief).unwrap_err();
    assert!(error.is_timeout(), "{error}");
}

#[test]
fn hs_post_counts_answers_whose_directory_a_filter_hides() {
    let uploaded = || format!("650 HS_DESC UPLOADED {SERVICE} UNKNOWN redacted");
    let post = |events: &[String], timeout| {
        let (_tor, c) = says("+HSPOST", events);
        let answers =
            c.hs_descriptors().post(&service(), "hs-descriptor 3\n", ["one", "two"], timeout)?;
        Ok::<_, Error>(answers.iter().map(ToString::to_string).collect::<Vec<_>>())
    };
    let begun = Instant::now();
    assert_eq!(post(&[uploaded(), uploaded()], SOON).unwrap(), ["one UPLOADED", "two UPLOADED"]);
    let failed = told("FAILED", SERVICE, "redacted", " REASON=UPLOAD_REJECTED");
    let mixed = post(&[uploaded(), failed], SOON).unwrap();
    assert_eq!(mixed, ["redacted UPLOADED", "redacted FAILED UPLOAD_REJECTED"]);
    let named = post(&[uploaded(), told("UPLOADED", SERVICE, ONE, "")], SOON).unwrap();
    assert_eq!(named, [format!("{ONE} UPLOADED"), "two UPLOADED".to_owned()]);
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
    // It is unknown which of the two directories answered.
    let one = post(&[uploaded()], Duration::from_millis(500)).unwrap();
    assert_eq!(one, ["redacted UPLOADED", "redacted no answer"]);
}

#[test]
fn circuit_whose_id_comes_too_late_is_closed() {
    let script = Script::new()
        .login()
        .expect_prefix("SETEVENTS")
        .send("250 OK\r\n")
        .expect("EXTENDCIRCUIT 0")
        .gate("late")
        .send("250 EXTENDED 7\r\n")
        .expect_prefix("SETEVENTS")
        .send("250 OK\r\n")
        .expect("CLOSECIRCUIT 7")
        .send("250 OK\r\n");
    let tor = ScriptedTor::follow(script).unwrap();
    let c = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let limit = Duration::from_secs(2);
    let error = c.build_circuit(&scape::control::ExtendCircuit::new(), limit).unwrap_err();
    assert!(error.get::<Timeout>().is_some_and(|t| t.after() == limit), "{error}");
    tor.open("late");
    assert_eq!(tor.wait_for("CLOSECIRCUIT").unwrap(), "CLOSECIRCUIT 7");
    tor.finish().unwrap();
}

#[test]
fn circuit_that_is_not_built_in_time_is_closed() {
    let tor = ScriptedTor::builder()
        .on("EXTENDCIRCUIT 0", "250 EXTENDED 7\r\n650 CIRC 7 LAUNCHED\r\n")
        .on_prefix("CLOSECIRCUIT", "250 OK\r\n")
        .start()
        .unwrap();
    let c = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let error =
        c.build_circuit(&scape::control::ExtendCircuit::new(), Duration::from_secs(2)).unwrap_err();
    assert_eq!(error.get().map(Timeout::phase), Some(Phase::Circuit), "{error}");
    assert_eq!(tor.wait_for("CLOSECIRCUIT").unwrap(), "CLOSECIRCUIT 7");
}
