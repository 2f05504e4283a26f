//! Publishing and removing ephemeral onion services: the commands sent, and
//! every way in which publishing fails.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/onions.rs"]
mod onions;
#[path = "support/place.rs"]
mod place;

use std::sync::Arc;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use onions::{A, KEY, controller, one, relay, removals};
use place::{Place, SOON, eager};
use scape::OnionBuilder;
use scape::control::{ArgumentError, OnionTarget};
use scape::error::{Phase, Timeout};
use scape::event::HsDescReason;
use scape::onion::{OnionService, PublishError, PublishHint, Wait};
use scape::testing::{Script, ScriptedTor, ScriptedTorBuilder};
use scape::word::{ClientPublicKey, OnionKey, Progress};

const OTHER: &str = "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad";
const CLIENT: &str = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
const HIDDEN: &str = "250-HiddenServiceNonAnonymousMode=0\r\n250 HiddenServiceSingleHopMode=0\r\n";
const SINGLE_HOP: &str =
    "250-HiddenServiceNonAnonymousMode=1\r\n250 HiddenServiceSingleHopMode=1\r\n";
const NEW: &str = "ADD_ONION NEW:ED25519-V3 Port=80,127.0.0.1:8080";

fn added(address: &str) -> String {
    format!("250-ServiceID={address}\r\n250-PrivateKey={KEY}\r\n250 OK\r\n")
}

/// Returns tor's events about the service `A`, one for each word. The word `c1`
/// means CREATED for descriptor 1, `u12` UPLOAD of descriptor 1 to directory 2,
/// `d2` UPLOADED to directory 2, and `f12` FAILED of descriptor 1 at directory
/// 2. The word `o2` is an UPLOADED event of another service.
fn events(words: &str) -> String {
    let event = |word: &str| {
        let mut parts = word.chars();
        let (what, first, second) = (parts.next().unwrap(), parts.next().unwrap(), parts.next());
        let at = |directory: char| relay(directory.to_digit(10).unwrap() as usize);
        let text = match (what, second) {
            ('c', None) => format!("CREATED {A} UNKNOWN UNKNOWN {first}"),
            ('u', Some(to)) => format!("UPLOAD {A} UNKNOWN {} {first} HSDIR_INDEX=AA", at(to)),
            ('d', None) => format!("UPLOADED {A} UNKNOWN {}", at(first)),
            ('f', Some(to)) => {
                format!("FAILED {A} UNKNOWN {} {first} REASON=UPLOAD_REJECTED", at(to))
            }
            // This is an event of another service.
            ('o', None) => format!("UPLOADED {OTHER} UNKNOWN {}", at(first)),
            _ => panic!("{word}"),
        };
        format!("650 HS_DESC {text}\r\n")
    };
    words.split_whitespace().map(event).collect()
}

const ALL: &str = "c1 c2 u11 u12 o1 d1 u21 u23 d2 d1 f23";

fn tor() -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .on_prefix("GETCONF HiddenService", HIDDEN)
        .on_prefix("DEL_ONION", "250 OK\r\n")
}

/// Returns a scripted tor that adds the service and then sends the events of
/// `words`: see [`events`].
fn publishing(words: &str) -> ScriptedTor {
    tor().on_prefix("ADD_ONION", added(A) + &events(words)).start().unwrap()
}

#[test]
fn onion_service_is_published_with_progress_and_removed_on_drop() {
    let tor = publishing(ALL);
    let controller = controller(&tor);
    let (sender, steps) = unbounded();
    let service = one(&controller)
        .on_progress(move |step: &Progress| sender.send(step.clone()).unwrap())
        .publish()
        .unwrap();
    assert_eq!(service.to_string(), format!("{A}.onion"));
    assert_eq!(service.key().unwrap().expose(), KEY.parse::<OnionKey>().unwrap().expose());
    assert_eq!(service.ports(), [(80, OnionTarget::from(8080))]);
    assert!(service.clients().is_empty() && !service.is_detached());
    assert!(!format!("{service:?}").contains("uDeGx"), "the key is shown");

    let steps: Vec<Progress> = steps.try_iter().collect();
    assert!(steps.windows(2).all(|two| two[0].percent <= two[1].percent), "{steps:?}");
    let mut tags: Vec<&str> = steps.iter().map(|step| step.tag.as_str()).collect();
    tags.dedup();
    assert_eq!(tags, ["adding", "added", "created", "uploading", "uploaded", "published"]);
    assert_eq!((steps[0].percent, steps.last().unwrap().percent), (0, 100));
    let problem = steps.iter().find_map(|step| step.problem.clone());
    assert_eq!(problem.as_deref(), Some("1 upload failed"));

    assert!(tor.sent().contains(&NEW.to_owned()), "{:?}", tor.sent());
    assert_eq!(removals(&tor), 0);
    drop(service);
    assert_eq!(removals(&tor), 1);
}

#[test]
fn onion_service_is_published_whatever_the_order_of_uploads() {
    for words in [
        "c1 c2 u11 d1 u21 d1",
        "c1 c2 u11 u21 d1 d1",
        "c1 c2 u21 u11 f11 d1",
        "u11 u21 d1 d1",
        "c1 c2 u11 u12 f11 f12 u23 d3",
        "c1 c2 u11 d1 c1 c2 u11 u21 d1 d1",
        "o1 c1 o2 c2 u11 o1 d1 u22 o2 d2",
    ] {
        let tor = publishing(words);
        let service =
            one(&controller(&tor)).publish().unwrap_or_else(|error| panic!("{words}: {error}"));
        service.close().unwrap();
        assert_eq!(removals(&tor), 1, "{words}");
    }
}

#[test]
fn unpublished_onion_service_is_reported_and_removed() {
    let cases = [
        ("", 0, 0, 0),
        ("c1 c2", 0, 0, 0),
        ("c1 c2 u11 d1", 1, 0, 0),
        ("c1 c2 u11 u12 d1 d2 u21", 2, 0, 1),
        ("c1 c2 u11 u21 f11 f21", 0, 2, 0),
        ("c1 c2 u11 u21 o1 o1", 0, 0, 2),
        ("c1 c2 d1 d1", 0, 0, 0),
    ];
    let fails = |(words, uploaded, failed, unanswered): (&str, usize, usize, usize)| {
        // The events come before the reply, so they have arrived when the call
        // returns from ADD_ONION.
        let tor = tor().on_prefix("ADD_ONION", events(words) + &added(A)).start().unwrap();
        let short = Duration::from_secs(2);
        let begun = Instant::now();
        let error = one(&controller(&tor)).timeout(short).publish().unwrap_err();
        assert!(begun.elapsed() < SOON && error.is_timeout(), "{words}: {error}");
        let Some(error) = error.get::<PublishError>() else { panic!("{words}: {error}") };
        assert_eq!(
            (error.uploaded, error.failures.len(), error.unanswered.len()),
            (uploaded, failed, unanswered)
        );
        assert_eq!((error.address.service_id(), error.after), (A.to_owned(), short));
        assert!(error.failures.iter().all(|f| f.reason == Some(HsDescReason::UploadRejected)));
        assert_eq!(removals(&tor), 1, "{words}");
    };
    std::thread::scope(|scope| {
        for case in cases {
            scope.spawn(move || fails(case));
        }
    });
}

#[test]
fn publish_error_names_options_that_prevent_publishing() {
    let tor = tor()
        .on_prefix("ADD_ONION", added(A))
        .on_prefix(
            "GETCONF DisableNetwork",
            "250-DisableNetwork=1\r\n250 PublishHidServDescriptors=0\r\n",
        )
        .info(
            "status/bootstrap-phase",
            "NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY=\"Connecting\"",
        )
        .start()
        .unwrap();
    let error = one(&controller(&tor)).timeout(Duration::from_secs(2)).publish().unwrap_err();
    let Some(error) = error.get::<PublishError>() else { panic!("{error}") };
    assert_eq!(
        error.hints,
        [
            PublishHint::NetworkDisabled,
            PublishHint::NotBootstrapped { percent: 5 },
            PublishHint::PublishingDisabled
        ]
    );
}

#[test]
fn publish_waits_for_as_much_as_requested() {
    let tor = publishing("c1 c2 u11 u12 d1");
    one(&controller(&tor)).wait(Wait::FirstUpload).publish().unwrap().close().unwrap();

    let tor = publishing("");
    let (sender, steps) = unbounded();
    let service = one(&controller(&tor))
        .wait(Wait::Nothing)
        .on_progress(move |step| sender.send(step.percent).unwrap())
        .publish()
        .unwrap();
    assert_eq!(steps.try_iter().collect::<Vec<_>>(), [0, 100]);
    // Without waiting, no descriptor events are needed.
    assert!(!tor.sent().iter().any(|line| line.starts_with("SETEVENTS")), "{:?}", tor.sent());
    service.close().unwrap();
}

#[test]
fn onion_builder_settings_are_sent() {
    let tor = publishing("");
    let key: OnionKey = KEY.parse().unwrap();
    let client: ClientPublicKey = CLIENT.parse().unwrap();
    let builder = OnionBuilder::new(&controller(&tor))
        .port(80, OnionTarget::Tcp("[::1]:8080".parse().unwrap()))
        .port(81, 9090)
        .key(key.clone())
        .client(client)
        .max_streams(5)
        .max_streams_close_circuit()
        .proof_of_work(Some(1), None)
        .detached()
        .wait(Wait::Nothing);
    assert!(!format!("{builder:?}").contains("uDeGx"), "the key is shown");
    let service = builder.publish().unwrap();
    let sent = tor.wait_for("ADD_ONION").unwrap();
    let expected = format!(
        "ADD_ONION {KEY} Flags=Detach,V3Auth,MaxStreamsCloseCircuit MaxStreams=5 PoWDefensesEnabled=1 PoWQueueRate=1 \
         Port=80,[::1]:8080 Port=81,127.0.0.1:9090 ClientAuthV3={CLIENT}"
    );
    assert_eq!(sent, expected);
    assert_eq!(service.key().unwrap().expose(), key.expose());
    assert!(service.is_detached());
    assert_eq!(service.detach().service_id(), A);
    assert_eq!(removals(&tor), 0);
}

#[cfg(unix)]
#[test]
fn onion_target_may_be_a_unix_socket() {
    let tor = publishing("");
    let path = std::path::Path::new("/run/web server/socket");
    let forward =
        |path| OnionBuilder::new(&controller(&tor)).port(80, path).wait(Wait::Nothing).publish();
    let error = forward(path).unwrap_err();
    assert!(error.get::<ArgumentError>().is_some(), "{error}");
    assert!(!tor.sent().iter().any(|line| line.starts_with("ADD_ONION")));
    let _service = forward(std::path::Path::new("/run/web/socket")).unwrap();
    assert!(
        tor.sent().contains(&"ADD_ONION NEW:ED25519-V3 Port=80,unix:/run/web/socket".to_owned())
    );
}

#[test]
fn contradictory_onion_settings_are_refused_before_anything_is_sent() {
    let tor = publishing(ALL);
    let controller = controller(&tor);
    let before = tor.sent().len();
    let new = || OnionBuilder::new(&controller);
    for (builder, why) in [
        (
            new(),
            "the list of ports is empty: a service needs one: port() with its local target, or virtual_port() for a listener",
        ),
        (
            new().virtual_port(80),
            "the port 80 has no target: add it with port(), or call listen() instead of publish()",
        ),
        (new().port(80, 8080).virtual_port(81), "the port 81 has no target"),
        (new().port(0, 8080), "the port is 0"),
        (new().port(80, 0), "the port is 0"),
        (new().port(80, 8080).port(80, 8081), "the port 80 is given twice"),
    ] {
        let error = builder.publish().unwrap_err();
        assert!(
            error.get::<ArgumentError>().is_some() && error.to_string().contains(why),
            "{error}"
        );
    }
    for (builder, why) in [
        (new(), "the list of ports is empty"),
        (
            new().port(80, 8080),
            "the list of ports has none for the listener: add one with virtual_port(), or call publish() instead of listen()",
        ),
        (new().virtual_port(0), "the port is 0"),
        (new().virtual_port(80).port(80, 8080), "the port 80 is given twice"),
    ] {
        let error = builder.listen().unwrap_err();
        assert!(
            error.get::<ArgumentError>().is_some() && error.to_string().contains(why),
            "{error}"
        );
    }
    assert_eq!(tor.sent().len(), before);
}

#[test]
fn onion_service_is_only_added_in_the_expected_anonymity_mode() {
    let not_added =
        |tor: &ScriptedTor| !tor.sent().iter().any(|line| line.starts_with("ADD_ONION"));

    let tor = publishing("");
    let error = one(&controller(&tor)).single_hop().publish().unwrap_err();
    assert!(error.get::<ArgumentError>().is_some(), "{error}");
    assert!(
        error.to_string().contains("this tor hides its services") && not_added(&tor),
        "{error}"
    );

    let single = || ScriptedTor::builder().on_prefix("GETCONF HiddenService", SINGLE_HOP);
    let tor = single().start().unwrap();
    let error = one(&controller(&tor)).publish().unwrap_err();
    assert!(error.to_string().contains("would not be hidden") && not_added(&tor), "{error}");
    assert!(error.to_string().contains("single_hop()"), "{error}");

    let tor = single()
        .on_prefix("ADD_ONION", added(A))
        .on_prefix("DEL_ONION", "250 OK\r\n")
        .start()
        .unwrap();
    one(&controller(&tor)).single_hop().wait(Wait::Nothing).publish().unwrap().close().unwrap();
    assert!(tor.wait_for("ADD_ONION NEW:ED25519-V3 Flags=NonAnonymous Port=80").is_ok());

    // Behind a filter that hides these options, tor decides.
    let refusing = ScriptedTor::builder()
        .on_prefix("ADD_ONION", "512 Tor is in non-anonymous hidden service mode\r\n");
    let tor = refusing.start().unwrap();
    let error = one(&controller(&tor)).publish().unwrap_err();
    assert_eq!(error.code(), Some(512), "{error}");
}

#[test]
fn onion_refusal_contains_the_words_of_tor() {
    let tor = tor().on_prefix("ADD_ONION", "550 Onion address collision\r\n").start().unwrap();
    let error = one(&controller(&tor)).publish().unwrap_err();
    assert_eq!(error.code(), Some(550), "{error}");
    assert!(error.to_string().contains("Onion address collision"), "{error}");
    let tor = self::tor()
        .on("SETEVENTS HS_DESC", "552 Unrecognized event \"HS_DESC\"\r\n")
        .start()
        .unwrap();
    assert_eq!(one(&controller(&tor)).publish().unwrap_err().code(), Some(552));
    assert!(!tor.sent().iter().any(|line| line.starts_with("ADD_ONION")));
}

#[test]
fn publish_fails_when_tor_ends_at_any_step() {
    let steps =
        Script::new().login().expect_prefix("GETCONF").send(HIDDEN).expect("SETEVENTS HS_DESC");
    let begun = steps.clone().send("250 OK\r\n").expect(NEW);
    for script in [
        Script::new().login().expect_prefix("GETCONF").hang_up(),
        steps.hang_up(),
        begun.clone().hang_up(),
        begun.clone().send("250-ServiceID=").hang_up(),
        begun.clone().send(added(A)).hang_up(),
        begun.clone().send(added(A) + &events("c1 c2")).hang_up(),
        begun.send(added(A) + &events("c1 c2 u11 d1")).hang_up(),
    ] {
        let tor = ScriptedTor::follow(script).unwrap();
        let begun = Instant::now();
        let error = one(&controller(&tor)).publish().unwrap_err();
        assert!(error.is_closed() && begun.elapsed() < SOON, "{error}");
        tor.finish().unwrap();
    }
}

#[test]
fn late_onion_service_of_a_publication_is_removed() {
    let script = Script::new()
        .login()
        .expect_prefix("GETCONF")
        .send(HIDDEN)
        .expect(NEW)
        .gate("late")
        .send(added(A))
        .expect(format!("DEL_ONION {A}"))
        .send("250 OK\r\n");
    let tor = ScriptedTor::follow(script).unwrap();
    let controller = controller(&tor);
    let error =
        one(&controller).wait(Wait::Nothing).timeout(Duration::from_secs(2)).publish().unwrap_err();
    assert_eq!(error.get().map(Timeout::phase), Some(Phase::Reply), "{error}");
    tor.open("late");
    tor.wait_for("DEL_ONION").unwrap();
    tor.finish().unwrap();
}

#[test]
fn closing_an_onion_service_reports_errors_and_dropping_does_not() {
    let with = |answer: &str| {
        let tor = ScriptedTor::builder()
            .on_prefix("GETCONF", HIDDEN)
            .on_prefix("ADD_ONION", added(A))
            .on_prefix("DEL_ONION", answer);
        tor.start().unwrap()
    };
    let gone = with("552 Unknown Onion Service id\r\n");
    let refused = with("551 Internal error\r\n");
    let publish = |tor: &ScriptedTor| one(&controller(tor)).wait(Wait::Nothing).publish().unwrap();
    assert!(!publish(&gone).close().unwrap());
    assert!(publish(&with("250 OK\r\n")).close().unwrap());
    drop(publish(&gone));
    assert_eq!(publish(&refused).close().unwrap_err().code(), Some(551));
    drop(publish(&refused));
    // The service ended with its connection.
    let service = publish(&gone);
    gone.hang_up();
    service.controller().wait_closed(SOON).unwrap();
    assert!(!service.close().unwrap());
    let service = publish(&refused);
    refused.hang_up();
    drop(service);
    // A detached service may still exist.
    let detached = one(&controller(&gone)).detached().wait(Wait::Nothing).publish().unwrap();
    gone.hang_up();
    detached.controller().wait_closed(SOON).unwrap();
    assert!(detached.close().unwrap_err().is_closed());
}

#[test]
fn silent_tor_does_not_block_removing_an_onion_service() {
    let silent = || {
        let tor =
            ScriptedTor::builder().on_prefix("GETCONF", HIDDEN).on_prefix("ADD_ONION", added(A));
        tor.on_prefix("DEL_ONION", "").start().unwrap()
    };
    let publish = |tor: &ScriptedTor| {
        let impatient = controller(tor).with_timeout(Duration::from_secs(2));
        OnionBuilder::new(&impatient).port(80, 8080).wait(Wait::Nothing).publish().unwrap()
    };
    let begun = Instant::now();
    let (one, other) = (silent(), silent());
    drop(publish(&one));
    assert!(publish(&other).close().unwrap_err().is_timeout());
    assert!(begun.elapsed() < SOON);
}

#[test]
fn onion_service_keeps_its_connection_open() {
    let tor = publishing("");
    let controller = controller(&tor);
    let service = one(&controller).wait(Wait::Nothing).publish().unwrap();
    // The service itself keeps its connection open.
    drop(controller);
    assert!(service.controller().is_open());
    assert_eq!(removals(&tor), 0);
    let closing = service.controller().downgrade();
    drop(service);
    assert_eq!(removals(&tor), 1);
    assert!(closing.upgrade().is_none());
}

#[test]
fn existing_onion_services_are_adopted() {
    let tor = tor().info("onions/current", A).info("onions/detached", OTHER).start().unwrap();
    let controller = controller(&tor);
    let current = OnionService::adopt(&controller, A.parse().unwrap()).unwrap();
    assert!(!current.is_detached() && current.key().is_none() && current.ports().is_empty());
    let detached = OnionService::adopt(&controller, OTHER.parse().unwrap()).unwrap();
    assert!(detached.is_detached());
    let nobody = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid".parse().unwrap();
    let error = OnionService::adopt(&controller, nobody).unwrap_err();
    assert!(
        error.to_string().contains("is no service of this connection, and no detached one"),
        "{error}"
    );
    drop((current, detached));
    assert_eq!(removals(&tor), 1);
}

/// Returns a scripted tor to which the library reconnects. It accepts only an
/// ADD_ONION with the service's key, and then sends the events of `words`: see
/// [`events`].
fn again(words: &str) -> ScriptedTor {
    let tor = tor().on_prefix(
        format!("ADD_ONION {KEY} "),
        format!("250-ServiceID={A}\r\n250 OK\r\n{}", events(words)),
    );
    tor.start().unwrap()
}

#[test]
fn publication_goes_on_after_a_reconnect() {
    let place = Place::default();
    place.put(publishing("c1 c2 u11 u21 d1"));
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let (sender, steps) = unbounded();
    let builder = one(&controller).on_progress(move |step| sender.send(step.tag.clone()).unwrap());
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| builder.publish());
        while steps.recv_timeout(SOON).unwrap() != "uploaded" {}
        place.kill();
        place.put(again("c1 c2 u11 d1 u22 d2"));
        let service = publishing.join().unwrap().unwrap();
        assert_eq!(service.address().service_id(), A);
        service.close().unwrap();
    });
    place.with(|tor| assert_eq!(removals(tor), 1));
}

#[test]
fn publication_fails_if_the_connection_stays_closed() {
    let place = Place::default();
    place.put(publishing("c1 c2 u11 u21 d1"));
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let (sender, steps) = unbounded();
    let builder = one(&controller)
        .timeout(Duration::from_secs(3))
        .on_progress(move |step| sender.send(step.tag.clone()).unwrap());
    std::thread::scope(|scope| {
        let publishing = scope.spawn(|| builder.publish());
        while steps.recv_timeout(SOON).unwrap() != "uploaded" {}
        place.kill();
        let error = publishing.join().unwrap().unwrap_err();
        assert!(error.is_closed(), "{error}");
    });
    // A service that nobody waits for any more is not added again.
    place.put(again(""));
    controller.wait_connected(SOON).unwrap();
    controller.close().unwrap();
    assert!(!place.kill().iter().any(|line| line.starts_with("ADD_ONION")));
}

#[test]
fn onion_service_can_be_removed_while_a_reconnect_restores_it() {
    let place = Place::default();
    place.put(publishing(""));
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let service = one(&controller).wait(Wait::Nothing).publish().unwrap();
    place.kill();
    let script = Script::new()
        .login()
        .expect_prefix(format!("ADD_ONION {KEY} "))
        .gate("removed")
        .send(format!("250-ServiceID={A}\r\n250 OK\r\n"))
        .answer();
    place.put(tor().script(script).start().unwrap());
    // This is outside of `with`, because nobody can connect during `with`.
    let deadline = Instant::now() + SOON;
    while !place.with(|tor| tor.sent().iter().any(|line| line.starts_with("ADD_ONION"))) {
        assert!(Instant::now() < deadline, "it is not given back");
        std::thread::yield_now();
    }
    place.with(|tor| {
        std::thread::scope(|scope| {
            scope.spawn(move || drop(service));
            tor.open("removed");
        });
    });
    controller.wait_connected(SOON).unwrap();
    // The command may be sent only after callers are admitted again.
    place.with(|tor| tor.wait_for(&format!("DEL_ONION {A}")).unwrap());
    place.with(|tor| {
        let sent = tor.sent();
        let last = |what: &str| sent.iter().rposition(|line| line.starts_with(what));
        assert!(last("DEL_ONION") > last("ADD_ONION"), "{sent:?}");
    });
    controller.reconnect().unwrap();
    place.with(|tor| {
        assert_eq!(
            tor.sent().iter().filter(|line| line.starts_with("ADD_ONION")).count(),
            1,
            "{:?}",
            tor.sent()
        );
    });
}

#[test]
fn onion_services_are_published_from_many_threads_at_once() {
    let tor = publishing(ALL);
    let controller = controller(&tor);
    let shared = Arc::new(controller);
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope
                .spawn(|| one(&shared).wait(Wait::FirstUpload).publish().unwrap().close().unwrap());
        }
    });
    assert_eq!(removals(&tor), 8);
}
