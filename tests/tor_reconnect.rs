//! Reconnecting to a real tor that was killed and restarted, or that kept
//! running.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use crossbeam_channel::unbounded;
use scape::State;
use scape::config::{ConfigError, ConfigProblem};
use scape::connection::ConnectionStatus;
use scape::control::{AddOnion, ClientAuth, Reconnect, Signal};
use scape::event::{EventBody, EventKind};
use scape::info::MappingSource;
use scape::word::{ClientKey, OnionAddress};
use support::real_tor::RealTor;

const SOON: Duration = Duration::from_secs(30);

#[test]
fn controller_reconnects_to_a_tor_that_is_killed_twenty_times() {
    let mut tor = RealTor::start("CookieAuthentication 1\n");
    let policy =
        Reconnect::new().first_delay(Duration::from_millis(5)).max_delay(Duration::from_millis(50));
    let controller = tor.over_unix().reconnect(policy).connect().unwrap();
    let onion = controller.add_onion(&AddOnion::new().local_port(80)).unwrap();
    let (sender, made_again) = unbounded();
    let _status = controller
        .on_status(move |status| {
            if let ConnectionStatus::Reconnected(made) = status {
                sender.send(made.failures.len()).unwrap();
            }
        })
        .unwrap();
    let calls = Arc::new(AtomicUsize::new(0));
    let counting = calls.clone();
    let _listener = controller
        .on_event([EventKind::Signal], move |event| {
            if matches!(event.body(), EventBody::Signal(Signal::Heartbeat)) {
                counting.fetch_add(1, Ordering::SeqCst);
            }
        })
        .unwrap();
    let queue = controller.subscribe([EventKind::Signal]).unwrap();
    for round in 1..=20 {
        tor.kill();
        controller.wait_closed(SOON).unwrap();
        tor.restart();
        assert_eq!(made_again.recv_timeout(SOON).unwrap(), 0, "something could not be given back");
        assert_eq!(queue.interruptions(), round);
        // The service exists again, at its address.
        assert_eq!(controller.get_info("onions/current").unwrap(), onion.address.service_id());
        controller.signal(Signal::Heartbeat).unwrap();
        let event = queue.next_timeout(SOON).unwrap();
        assert_eq!(event.text(), "SIGNAL HEARTBEAT");
        controller.sync().unwrap();
        assert_eq!(calls.load(Ordering::SeqCst), usize::try_from(round).unwrap());
    }
    assert!(queue.try_iter().next().is_none());
    assert!(made_again.is_empty());
}

#[test]
fn storm_of_calls_through_sixty_reconnects() {
    let mut tor = RealTor::start("CookieAuthentication 1\n");
    let policy =
        Reconnect::new().first_delay(Duration::from_millis(2)).max_delay(Duration::from_millis(20));
    let controller = tor.over_unix().reconnect(policy).connect().unwrap();
    let onion = controller.add_onion(&AddOnion::new().local_port(80)).unwrap();
    let service: OnionAddress =
        "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse().unwrap();
    controller
        .onion_client_auth()
        .add(&ClientAuth::new(service, ClientKey::from_bytes([9; 32])))
        .unwrap();
    let mapped = controller.mapped_address("a.test", "b.test").unwrap();
    let state = State::new(&controller).unwrap();
    let config = controller.config().unwrap();
    let queue = controller.subscribe([EventKind::Signal]).unwrap();
    let over = Arc::new(AtomicBool::new(false));
    let callers: Vec<_> = (0..3)
        .map(|n| {
            let (controller, over, mut config) = (controller.clone(), over.clone(), config.clone());
            thread::spawn(move || {
                let mut saved = 0;
                while !over.load(Ordering::SeqCst) {
                    // A caller that is admitted finds everything restored.
                    match controller.get_info("onions/current") {
                        Ok(found) => assert_eq!(found, onion.address.service_id()),
                        Err(error) => assert!(error.is_closed(), "{error}"),
                    }
                    let changed = config.set("ContactInfo", format!("caller {n}, {saved}"));
                    match changed.and_then(|()| config.save()) {
                        Ok(()) => saved += 1,
                        Err(error) => match error.get::<ConfigError>() {
                            Some(error) if error.problem == ConfigProblem::Conflict => {
                                config.discard_all();
                            }
                            _ => assert!(error.is_closed(), "{error}"),
                        },
                    }
                    // Conflicts between the callers don't matter to this test.
                    config.take_overwritten();
                }
                saved
            })
        })
        .collect();
    for round in 1..=60_u64 {
        if round % 3 == 0 {
            tor.kill();
            controller.wait_closed(SOON).unwrap();
            tor.restart();
        } else {
            assert!(controller.reconnect().unwrap().failures.is_empty());
        }
        controller.wait_connected(SOON).unwrap();
        assert_eq!(queue.interruptions(), round);
        controller.signal(Signal::Heartbeat).unwrap();
        assert_eq!(queue.next_timeout(SOON).unwrap().text(), "SIGNAL HEARTBEAT");
        let mappings = controller.info().address_mappings(&MappingSource::Control).unwrap();
        assert!(
            mappings.iter().any(|mapping| mapping.from == "a.test" && mapping.to == "b.test"),
            "{mappings:?}"
        );
        assert_eq!(controller.onion_client_auth().list().unwrap().len(), 1);
        assert!(state.addresses().iter().any(|mapping| mapping.from == "a.test"));
    }
    over.store(true, Ordering::SeqCst);
    let saved: u64 = callers.into_iter().map(|caller| caller.join().unwrap()).sum();
    assert!(saved > 0);
    assert!(queue.try_iter().next().is_none());
    assert!(mapped.remove().unwrap());
}

#[test]
fn manual_reconnect_to_a_running_tor() {
    let tor = RealTor::start("");
    let controller = tor.over_tcp().connect().unwrap();
    let queue = controller.subscribe([EventKind::Signal]).unwrap();
    let onion = controller.add_onion(&AddOnion::new().local_port(80)).unwrap();
    for _ in 0..5 {
        // The service ends with the old connection, and is added again over the
        // new one.
        assert!(controller.reconnect().unwrap().failures.is_empty());
        assert_eq!(controller.get_info("onions/current").unwrap(), onion.address.service_id());
        controller.signal(Signal::Dormant).unwrap();
        controller.wake(SOON).unwrap();
        let told: Vec<String> = (0..2).map(|_| queue.next_timeout(SOON).unwrap().text()).collect();
        assert_eq!(told, ["SIGNAL DORMANT", "SIGNAL ACTIVE"]);
    }
    controller.del_onion(&onion.address).unwrap();
    controller.reconnect().unwrap();
    assert_eq!(controller.get_info("onions/current").unwrap(), "");
}

#[test]
fn reload_of_tor_is_reported() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let (sender, told) = unbounded();
    let _listener = controller
        .on_status(move |status| {
            if matches!(status, ConnectionStatus::Reloaded) {
                sender.send(()).unwrap();
            }
        })
        .unwrap();
    controller.set_conf([("ContactInfo", "somebody")]).unwrap();
    controller.signal(Signal::Reload).unwrap();
    told.recv_timeout(SOON).unwrap();
    assert_eq!(controller.get_conf("ContactInfo").unwrap(), None);
}

#[test]
fn reconnect_takes_ownership_again() {
    let mut tor = RealTor::start("");
    let controller = tor.over_unix().connect().unwrap();
    controller.take_ownership().unwrap();
    // The connection ends, but tor doesn't.
    for _ in 0..3 {
        assert!(controller.reconnect().unwrap().failures.is_empty());
        assert!(controller.is_alive() && tor.is_running());
    }
    drop(controller);
    assert!(tor.wait_for_end(SOON).is_some());
}
