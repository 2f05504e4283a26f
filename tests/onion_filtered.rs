//! Onion services behind a filter in front of the control port. They must work
//! as far as the filter allows, report the limits, and leave nothing behind.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/grater.rs"]
mod grater;
#[path = "support/onions.rs"]
mod onions;
#[path = "support/place.rs"]
mod place;

use std::time::{Duration, Instant};

use grater::{BISQ, CWTCH, ONIONSHARE, Profile, RICOCHET};
use onions::{A, KEY, controller, one, relay, removals};
use place::{Place, SOON, eager};
use scape::OnionBuilder;
use scape::control::AddOnion;
use scape::error::AnswerError;
use scape::onion::{OnionService, PublishError, PublishHint, Wait};
use scape::testing::ScriptedTor;
use scape::word::OnionKey;

/// Returns tor's events while it publishes the service `A`. Descriptor `one`
/// goes to directories 1 to 8, and descriptor `two` to directories 5 to 12. Of
/// all these uploads, `unanswered` don't end and `failed` fail.
fn published(unanswered: usize, failed: usize) -> String {
    let mut said = String::new();
    let mut event = |text: String| said += &format!("650 HS_DESC {text}\r\n");
    for id in ["one", "two"] {
        event(format!("CREATED {A} UNKNOWN UNKNOWN {id}"));
    }
    let uploads: Vec<(&str, usize)> = [("one", 1), ("two", 5)]
        .into_iter()
        .flat_map(|(id, first)| (first..first + 8).map(move |d| (id, d)))
        .collect();
    for half in uploads.chunks(8) {
        for (id, directory) in half {
            event(format!("UPLOAD {A} UNKNOWN {} {id} HSDIR_INDEX=AA", relay(*directory)));
        }
        // Events of another client's fetch come in between.
        event(format!("REQUESTED {A} NO_AUTH {} other HSDIR_INDEX=AA", relay(99)));
        let ended = half.iter().rev();
        for (at, (id, directory)) in ended.enumerate().skip(unanswered / 2) {
            if at < unanswered / 2 + failed / 2 {
                event(format!(
                    "FAILED {A} UNKNOWN {} {id} REASON=UPLOAD_REJECTED",
                    relay(*directory)
                ));
            } else {
                event(format!("UPLOADED {A} UNKNOWN {}", relay(*directory)));
            }
        }
    }
    said
}

/// Returns a scripted tor behind the filter `profile`. tor answers ADD_ONION
/// with a service, and then sends `events`.
fn behind(profile: Profile, events: String) -> ScriptedTor {
    let tor = move |line: &str| match line.split(' ').next() {
        Some("ADD_ONION") => {
            format!("250-ServiceID={A}\r\n250-PrivateKey={KEY}\r\n250 OK\r\n{events}")
        }
        Some("GETINFO") => format!("250-onions/current={A}\r\n250 OK\r\n"),
        _ => "250 OK\r\n".to_owned(),
    };
    profile.in_front_of(tor).start().unwrap()
}

#[test]
fn publication_ends_when_a_filter_hides_directories_and_descriptors() {
    for (name, profile) in [("onionshare", ONIONSHARE), ("cwtch", CWTCH), ("bisq", BISQ)] {
        let tor = behind(profile, published(0, 0));
        let controller = controller(&tor);
        let begun = Instant::now();
        let service = one(&controller).publish().unwrap_or_else(|error| panic!("{name}: {error}"));
        assert!(begun.elapsed() < SOON / 2, "{name}");
        assert_eq!(service.address().service_id(), A);
        assert!(controller.is_open(), "{name}: {:?}", controller.closed());
        drop(service);
        assert_eq!(removals(&tor), 1, "{name}");
        one(&controller).wait(Wait::FirstUpload).publish().unwrap().close().unwrap();
    }
}

#[test]
fn failed_uploads_are_counted_although_the_filter_hides_their_directory() {
    let tor = behind(BISQ, published(0, 4));
    one(&controller(&tor)).publish().unwrap().close().unwrap();
}

#[test]
fn unfinished_publication_error_mentions_the_filter() {
    let tor = behind(BISQ, published(4, 2));
    let error = one(&controller(&tor)).timeout(Duration::from_secs(2)).publish().unwrap_err();
    let text = error.to_string();
    let Some(error) = error.get::<PublishError>() else { panic!("{text}") };
    assert_eq!(
        (error.uploaded, error.failures.len(), error.unanswered.len()),
        (10, 2, 4),
        "{text}"
    );
    assert!(error.failures.iter().all(|failure| failure.hsdir.is_none()), "{text}");
    assert!(error.hints.contains(&PublishHint::Filtered), "{text}");
    assert!(text.contains("filter"), "{text}");
    assert_eq!(removals(&tor), 1);
    // The filter drops all events.
    let tor = behind(CWTCH, String::new());
    let error = one(&controller(&tor)).timeout(Duration::from_secs(2)).publish().unwrap_err();
    let Some(error) = error.get::<PublishError>() else { panic!("{error}") };
    assert_eq!(error.hints, [PublishHint::Filtered]);
    assert_eq!(removals(&tor), 1);
}

#[test]
fn service_whose_key_the_filter_hides_is_added_without_a_key() {
    let tor = behind(ONIONSHARE, published(0, 0));
    let controller = controller(&tor);
    let added = controller.add_onion(&AddOnion::new().local_port(80)).unwrap();
    assert_eq!((added.address.service_id(), added.key), (A.to_owned(), None));
    let service = one(&controller).publish().unwrap();
    assert!(service.key().is_none());
    service.close().unwrap();
    assert_eq!(removals(&tor), 1);
    // A key that the caller gave is known anyway.
    let key: OnionKey = KEY.parse().unwrap();
    let service = one(&controller).key(key.clone()).wait(Wait::Nothing).publish().unwrap();
    assert_eq!(service.key(), Some(&key));
}

#[test]
fn service_whose_reply_has_no_address_is_removed() {
    let key: OnionKey = KEY.parse().unwrap();
    for (reply, removed) in [
        ("250-ServiceID=redacted\r\n250 OK\r\n", "DEL_ONION redacted"),
        (
            "250-ServiceID=abcdefghij234567\r\n250-PrivateKey=ED25519-V3:redacted\r\n250 OK\r\n",
            "DEL_ONION abcdefghij234567",
        ),
    ] {
        let tor = ScriptedTor::builder()
            .on_prefix("ADD_ONION", reply)
            .on_prefix("DEL_ONION", "250 OK\r\n")
            .start()
            .unwrap();
        let error = controller(&tor).add_onion(&AddOnion::new().local_port(80)).unwrap_err();
        assert!(error.get::<AnswerError>().is_some(), "{error}");
        assert_eq!(tor.sent().last().map(String::as_str), Some(removed));
    }
    // The address is computed from the key, which the caller or tor gave.
    let hidden = format!("250-ServiceID=redacted\r\n250-PrivateKey={KEY}\r\n250 OK\r\n");
    let tor = ScriptedTor::builder().on_prefix("ADD_ONION", hidden).start().unwrap();
    let added = controller(&tor).add_onion(&AddOnion::new().local_port(80)).unwrap();
    assert_eq!(added.address, key.address());
    let tor = ScriptedTor::builder().on_prefix("ADD_ONION", "250 OK\r\n").start().unwrap();
    let added =
        controller(&tor).add_onion(&AddOnion::new().key(key.clone()).local_port(80)).unwrap();
    assert_eq!(added.address, key.address());
    // The secret is not repeated.
    let odd = format!("250-PrivateKey={KEY}!\r\n250 OK\r\n");
    let tor = ScriptedTor::builder().on_prefix("ADD_ONION", odd).start().unwrap();
    let error = controller(&tor).add_onion(&AddOnion::new().local_port(80)).unwrap_err();
    assert!(!format!("{error} {error:?}").contains("uDeGx"), "{error:?}");
}

#[test]
fn refused_descriptor_events_are_explained_before_a_service_is_added() {
    let tor = behind(RICOCHET, String::new());
    let controller = controller(&tor);
    let error = one(&controller).publish().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("Command filtered") && text.contains("Wait::Nothing"), "{text}");
    // GETCONF and SETEVENTS were sent, so the error must not say that nothing
    // was sent.
    assert!(!text.contains("nothing was sent"), "{text}");
    assert!(!tor.sent().iter().any(|line| line.starts_with("ADD_ONION")));
    one(&controller).wait(Wait::Nothing).publish().unwrap().close().unwrap();
}

#[test]
fn service_is_adopted_if_one_of_the_lists_passes_the_filter() {
    let tor = behind(ONIONSHARE, String::new());
    let service = OnionService::adopt(&controller(&tor), A.parse().unwrap()).unwrap();
    assert!(!service.is_detached());
    service.close().unwrap();
    let other = OnionKey::random().address();
    let error = OnionService::adopt(&controller(&tor), other).unwrap_err();
    assert_eq!(error.code(), Some(510), "{error}");
}

#[test]
fn listener_of_a_service_with_a_hidden_key_fails_after_a_reconnect() {
    let place = Place::default();
    place.put(behind(ONIONSHARE, String::new()));
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let listener = OnionBuilder::new(&controller)
        .virtual_port(80)
        .wait(Wait::Nothing)
        .timeout(SOON)
        .listen()
        .unwrap();
    listener.check().unwrap();
    place.kill();
    place.put(behind(ONIONSHARE, String::new()));
    let error = listener.accept_timeout(SOON).unwrap_err();
    assert!(error.to_string().contains("key"), "{error}");
    assert!(listener.check().is_err());
}
