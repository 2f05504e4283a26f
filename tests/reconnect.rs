//! Manual and automatic reconnects, and everything that depends on the
//! connection.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/place.rs"]
mod place;

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::unbounded;
use place::{Place, SOON, eager, next, plain, statuses};
use scape::connection::{CloseCause, Closed};
use scape::control::{AddOnion, Caching, ClientAuth, ConnectError, Reconnect};
use scape::error::{Phase, Timeout};
use scape::event::EventKind;
use scape::testing::ScriptedTor;
use scape::word::{ClientKey, OnionKey};
use scape::{Connect, ErrorKind};

#[test]
fn manual_reconnect_after_the_connection_ended() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().connect().unwrap();
    let (_listener, told) = statuses(&controller);
    let (sender, seen) = unbounded();
    let _events = controller
        .on_event([EventKind::Bw], move |event| sender.send(event.text()).unwrap())
        .unwrap();
    let ended = controller.subscribe([EventKind::Bw]).unwrap();
    place.kill();
    let closed = controller.wait_closed(SOON).unwrap();
    // No reconnect was requested, so the subscription has ended.
    assert_eq!(ended.iter().count(), 0);
    assert_eq!(ended.cause().unwrap().to_string(), closed.to_string());
    assert!(!controller.is_alive());
    assert!(controller.reconnect().unwrap_err().get::<ConnectError>().is_some());
    assert_eq!(controller.closed().unwrap().to_string(), closed.to_string());
    assert!(controller.wait_connected(SOON).unwrap_err().is_closed());

    place.put(plain());
    assert!(controller.reconnect().unwrap().failures.is_empty());
    assert!(controller.is_alive() && controller.is_open());
    controller.wait_connected(SOON).unwrap();
    assert_eq!(
        [next(&told), next(&told), next(&told)],
        ["connected", "closed", "reconnected, 0 lost"]
    );
    let queue = controller.subscribe([EventKind::Bw]).unwrap();
    place.with(|tor| {
        assert!(tor.sent().iter().any(|line| line == "SETEVENTS BW SIGNAL"), "{:?}", tor.sent());
        tor.send("650 BW 1 2\r\n650 SIGNAL RELOAD\r\n");
    });
    assert_eq!(next(&seen), "BW 1 2");
    assert_eq!(next(&told), "reloaded");
    assert_eq!(queue.next_timeout(SOON).unwrap().text(), "BW 1 2");
}

#[test]
fn manual_reconnect_while_the_connection_is_open() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().connect().unwrap();
    let queue = controller.subscribe([EventKind::Bw]).unwrap();
    for round in 1..=3 {
        controller.reconnect().unwrap();
        assert_eq!(queue.interruptions(), round);
        place.with(|tor| tor.send(format!("650 BW {round} 0\r\n")));
        assert_eq!(queue.next_timeout(SOON).unwrap().text(), format!("BW {round} 0"));
    }
    assert!(controller.closed().is_none());
}

#[test]
fn pending_reply_fails_when_the_connection_ends() {
    let place = Place::default();
    place.put(ScriptedTor::builder().on("GETINFO never", "").start().unwrap());
    let controller = place.connect().connect().unwrap();
    let waiting = controller.clone();
    let waiter = thread::spawn(move || waiting.get_info("never").unwrap_err());
    place.with(|tor| tor.wait_for("GETINFO never")).unwrap();
    controller.reconnect().unwrap();
    let error = waiter.join().unwrap();
    let closed: &Closed = error.get().unwrap();
    assert!(matches!(closed.cause(), CloseCause::Reconnecting));
    assert!(!closed.is_local());
}

#[test]
fn reconnect_gives_up_and_works_again_by_hand() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager().max_attempts(3)).connect().unwrap();
    let (_listener, told) = statuses(&controller);
    let queue = controller.subscribe([EventKind::Bw]).unwrap();
    place.kill();
    // The iterator waits for a reconnect until the attempts are given up.
    assert_eq!(queue.iter().count(), 0);
    assert!(queue.cause().is_some());
    let words: Vec<String> = (0..5).map(|_| next(&told)).collect();
    assert_eq!(words, ["connected", "closed", "failed", "failed", "gave up"]);
    assert!(controller.wait_connected(SOON).unwrap_err().is_closed());
    place.put(plain());
    controller.reconnect().unwrap();
    assert_eq!(next(&told), "reconnected, 0 lost");
    // After that, automatic reconnects work again.
    place.with(ScriptedTor::hang_up);
    assert_eq!(next(&told), "closed");
    while let status = next(&told)
        && status != "reconnected, 0 lost"
    {
        assert_eq!(status, "failed");
    }
    assert!(controller.is_alive());
}

#[test]
fn wait_connected_ends_at_its_timeout_and_on_close() {
    let place = Place::default();
    place.put(plain());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    let error = controller.wait_connected(Duration::from_millis(50)).unwrap_err();
    assert_eq!(error.get().map(Timeout::phase), Some(Phase::Connect), "{error}");
    let closing = controller.clone();
    let queue = {
        place.put(plain());
        controller.wait_connected(SOON).unwrap();
        let queue = controller.subscribe([EventKind::Bw]).unwrap();
        place.kill();
        controller.wait_closed(SOON).unwrap();
        queue
    };
    let waiter = thread::spawn(move || queue.iter().count());
    // The controller is closed for good while it reconnects.
    closing.close().unwrap();
    assert_eq!(waiter.join().unwrap(), 0);
    assert!(controller.wait_connected(SOON).unwrap_err().is_closed());
    assert!(controller.reconnect().unwrap_err().is_closed());
    assert!(!controller.is_open());
}

#[test]
fn quitting_a_tor_ends_its_automatic_reconnect() {
    let tor = ScriptedTor::builder().listen().unwrap();
    let later = Reconnect::new().first_delay(Duration::MAX).max_delay(Duration::MAX);
    let connect = Connect::to(tor.address().cloned().unwrap()).unwrap();
    let controller = connect.reconnect(later).connect().unwrap();
    tor.hang_up();
    controller.wait_closed(SOON).unwrap();
    assert!(controller.wait_connected(Duration::ZERO).unwrap_err().is_timeout());
    scape::Tor::from(controller.clone()).quit().unwrap();
    assert!(controller.wait_connected(SOON).unwrap_err().is_closed());
    // Nothing is left to be ended.
    scape::Tor::from(controller).quit().unwrap();
}

#[test]
fn connection_over_a_given_transport_cannot_reconnect() {
    let tor = plain();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let error = controller.reconnect().unwrap_err();
    assert!(error.kind() == ErrorKind::Argument && controller.is_alive(), "{error}");
    let error =
        Connect::new().reconnect(eager()).authenticate_over(tor.transport().unwrap()).unwrap_err();
    assert!(error.to_string().contains("Connect::through"), "{error}");
}

#[test]
fn reconnect_restores_services_mappings_and_ownership() {
    let added = |id: &str, key: &str| format!("250-ServiceID={id}\r\n{key}250 OK\r\n");
    let (one, two, three) = (
        "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid",
        "duckduckgogg42xjoc72x3sjasowoarfbgcmvfimaftt6twagswzczad",
        "vww6ybal4bd7szmgncyruucpgfkqahzddi37ktceo3ah7ngmcopnpyyd",
    );
    let blob = OnionKey::from_seed(&[7; 32]).to_blob().to_string();
    let first = ScriptedTor::builder()
        .on("ADD_ONION NEW:ED25519-V3 Port=80", added(one, &format!("250-PrivateKey={blob}\r\n")))
        .on("ADD_ONION NEW:ED25519-V3 Flags=DiscardPK Port=81", added(two, ""))
        .on(
            "ADD_ONION NEW:ED25519-V3 Flags=Detach Port=82",
            added(three, &format!("250-PrivateKey={blob}\r\n")),
        )
        .on_prefix("DEL_ONION", "250 OK\r\n")
        .on("TAKEOWNERSHIP", "250 OK\r\n")
        .on(
            "MAPADDRESS 0.0.0.0=example.com a.test=b.test",
            "250-127.9.9.9=example.com\r\n250 a.test=b.test\r\n",
        )
        .on("MAPADDRESS a.test=a.test", "250 a.test=a.test\r\n")
        .on_prefix("ONION_CLIENT_AUTH", "250 OK\r\n")
        .start()
        .unwrap();
    let place = Place::default();
    place.put(first);
    let controller = place.connect().connect().unwrap();
    controller.take_ownership().unwrap();
    controller.map_address([("0.0.0.0", "example.com"), ("a.test", "b.test")]).unwrap();
    controller.unmap_address("a.test").unwrap();
    let client = ClientKey::from_bytes([9; 32]);
    for (address, permanent) in [(one, false), (two, true), (three, false)] {
        let auth = ClientAuth::new(address.parse().unwrap(), client.clone()).name("bob");
        controller
            .onion_client_auth()
            .add(&if permanent { auth.permanent() } else { auth })
            .unwrap();
    }
    controller.onion_client_auth().remove(&three.parse().unwrap()).unwrap();
    let kept = controller.add_onion(&AddOnion::new().local_port(80)).unwrap();
    controller.add_onion(&AddOnion::new().local_port(81).discard_key()).unwrap();
    controller.add_onion(&AddOnion::new().local_port(82).detach()).unwrap();
    place.kill();
    let again = ScriptedTor::builder()
        .on(format!("ADD_ONION {blob} Port=80"), added(one, ""))
        .on("TAKEOWNERSHIP", "250 OK\r\n")
        .on_prefix("DEL_ONION", "250 OK\r\n")
        .on("DROPOWNERSHIP", "250 OK\r\n")
        .on_prefix("ONION_CLIENT_AUTH", "250 OK\r\n")
        .on("MAPADDRESS 127.9.9.9=example.com", "250 127.9.9.9=example.com\r\n")
        .on("MAPADDRESS 127.9.9.9=127.9.9.9", "250 127.9.9.9=127.9.9.9\r\n")
        .start()
        .unwrap();
    place.put(again);
    let made = controller.reconnect().unwrap();
    assert_eq!(made.failures.len(), 1, "{:?}", made.failures);
    assert!(made.failures[0].0.contains(two), "{:?}", made.failures);
    assert!(made.failures[0].1.to_string().contains("discarded"), "{:?}", made.failures);
    assert!(!format!("{made:?} {controller:?}").contains(blob.trim_start_matches("ED25519-V3:")));
    let sent = place.with(ScriptedTor::sent);
    assert!(sent.contains(&"TAKEOWNERSHIP".to_owned()));
    let count = |start: &str| sent.iter().filter(|line| line.starts_with(start)).count();
    assert_eq!(
        (count("ADD_ONION"), count("MAPADDRESS"), count("ONION_CLIENT_AUTH_ADD")),
        (1, 1, 1),
        "{sent:?}"
    );
    assert!(
        sent.contains(&format!(
            "ONION_CLIENT_AUTH_ADD {one} {} ClientName=bob",
            &*client.to_blob()
        ))
    );

    // Removed items are not restored.
    controller.del_onion(&kept.address).unwrap();
    controller.del_onion(&two.parse().unwrap()).unwrap();
    controller.drop_ownership().unwrap();
    controller.unmap_address("127.9.9.9").unwrap();
    controller.onion_client_auth().remove(&one.parse().unwrap()).unwrap();
    place.put(plain());
    assert!(controller.reconnect().unwrap().failures.is_empty());
    let sent = place.kill();
    assert!(
        sent.iter()
            .all(|line| line.starts_with("PROTOCOLINFO") || line.starts_with("AUTHENTICATE")),
        "{sent:?}"
    );
}

#[test]
fn reconnect_reports_what_could_not_be_restored() {
    let place = Place::default();
    place.put(ScriptedTor::builder().on("TAKEOWNERSHIP", "250 OK\r\n").start().unwrap());
    let controller = place.connect().connect().unwrap();
    controller.take_ownership().unwrap();
    let _events = controller.on_event([EventKind::Bw], |_| ()).unwrap();
    place.put(
        ScriptedTor::builder().on_prefix("SETEVENTS", "510 Command filtered\r\n").start().unwrap(),
    );
    let made = controller.reconnect().unwrap();
    let what: Vec<&str> = made.failures.iter().map(|(what, _)| what.as_str()).collect();
    assert_eq!(what, ["the events", "the ownership of tor"]);
    assert!(made.failures.iter().all(|(_, error)| error.code() == Some(510)));
    assert!(controller.is_alive());
}

#[test]
fn unresponsive_tor_is_disconnected_and_reconnected() {
    let silent = ScriptedTor::builder().on("GETINFO version", "").start().unwrap();
    let place = Place::default();
    place.put(silent);
    let controller = place
        .connect()
        .timeout(Duration::from_secs(2))
        .heartbeat(Duration::from_millis(10))
        .reconnect(eager())
        .connect()
        .unwrap();
    let closed = controller.wait_closed(SOON).unwrap();
    assert!(matches!(closed.cause(), CloseCause::Unresponsive { .. }), "{closed}");
    place.put(ScriptedTor::builder().info("version", "0.4.9.11").start().unwrap());
    controller.wait_connected(SOON).unwrap();
    // Heartbeats go on.
    let deadline = Instant::now() + SOON;
    while place.with(|tor| tor.sent().iter().filter(|line| *line == "GETINFO version").count()) < 5
    {
        assert!(Instant::now() < deadline);
        thread::yield_now();
    }
    assert!(controller.is_open());
}

#[test]
fn heartbeat_without_an_answer_ends_the_connection() {
    let tor = ScriptedTor::builder().on("GETINFO version", "").start().unwrap();
    let connect =
        Connect::new().timeout(Duration::from_secs(2)).heartbeat(Duration::from_millis(10));
    let controller = connect.authenticate_over(tor.transport().unwrap()).unwrap();
    let closed = controller.wait_closed(SOON).unwrap();
    assert!(matches!(closed.cause(), CloseCause::Unresponsive { .. }), "{closed}");
    assert!(closed.to_string().contains("heartbeat"));
}

#[test]
fn heartbeats_go_on_after_a_manual_reconnect() {
    let place = Place::default();
    place.put(plain());
    let never = Reconnect::new().first_delay(Duration::MAX).max_delay(Duration::MAX);
    let connect = place.connect().reconnect(never).heartbeat(Duration::from_millis(10));
    let controller = connect.connect().unwrap();
    place.kill();
    controller.wait_closed(SOON).unwrap();
    place.put(plain());
    assert!(controller.wait_connected(Duration::from_millis(50)).unwrap_err().is_timeout());
    controller.reconnect().unwrap();
    place.with(|tor| tor.wait_for("GETINFO version").unwrap());
}

#[test]
fn reconnect_empties_the_cache() {
    let place = Place::default();
    let version = |version: &str| ScriptedTor::builder().info("version", version).start().unwrap();
    place.put(version("0.4.8.1"));
    let controller = place.connect().connect().unwrap();
    assert_eq!(controller.set_caching(Caching::Constants).unwrap(), Caching::Constants);
    assert_eq!(controller.get_info("version").unwrap(), "0.4.8.1");
    assert_eq!(controller.get_info("version").unwrap(), "0.4.8.1");
    let sent = place.kill();
    assert_eq!(sent.iter().filter(|line| *line == "GETINFO version").count(), 1);
    controller.wait_closed(SOON).unwrap();
    assert!(controller.get_info("version").unwrap_err().is_closed());
    place.put(version("0.4.9.11"));
    controller.reconnect().unwrap();
    assert_eq!(controller.get_info("version").unwrap(), "0.4.9.11");
}

#[test]
fn reconnect_over_a_tcp_socket() {
    let tor = ScriptedTor::builder().listen().unwrap();
    let address: SocketAddr = tor.address().unwrap().to_string().parse().unwrap();
    let controller = Connect::to(address).unwrap().reconnect(eager()).connect().unwrap();
    let queue = controller.subscribe([EventKind::Bw]).unwrap();
    for round in 1..=5 {
        tor.hang_up();
        while queue.interruptions() < round {
            thread::yield_now();
        }
        controller.wait_connected(SOON).unwrap();
        // The event below must come after tor's answer to SETEVENTS. So
        // subscribe to another kind of event, and wait for the answer.
        let _circuits = loop {
            match controller.subscribe([EventKind::Circ]) {
                Ok(circuits) => break circuits,
                Err(error) => assert!(error.is_closed(), "{error}"),
            }
        };
        tor.send(format!("650 BW {round} 1\r\n"));
        assert_eq!(queue.next_timeout(SOON).unwrap().text(), format!("BW {round} 1"));
    }
}
