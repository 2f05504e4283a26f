//! Ephemeral onion services of a real tor that connects to nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::io::Read;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use scape::control::{ArgumentError, OnionTarget, Reconnect};
use scape::onion::{OnionService, PublishError, PublishHint, Wait};
use scape::word::{OnionAddress, OnionKey};
use scape::{Controller, OnionBuilder};
use support::real_tor::RealTor;

const SOON: Duration = Duration::from_secs(30);
const CLIENT: &str = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";

fn new(controller: &Controller) -> OnionBuilder {
    OnionBuilder::new(controller).wait(Wait::Nothing).timeout(SOON)
}

fn one(controller: &Controller) -> OnionBuilder {
    new(controller).port(80, 8080)
}

fn eager() -> Reconnect {
    Reconnect::new().first_delay(Duration::from_millis(5)).max_delay(Duration::from_millis(50))
}

/// Waits until `of` returns these services. tor removes a service some time
/// after the end of the connection that added it.
fn become_services(of: impl Fn() -> Vec<OnionAddress>, expected: &[OnionAddress]) {
    let deadline = Instant::now() + SOON;
    while of() != expected {
        assert!(Instant::now() < deadline, "{:?} instead of {expected:?}", of());
        std::thread::yield_now();
    }
}

#[test]
fn onion_service_ends_on_drop_and_close_unless_detached() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let current = || controller.info().onions_current().unwrap();
    let service = one(&controller).publish().unwrap();
    assert_eq!(current(), [*service.address()]);
    drop(service);
    assert!(current().is_empty());
    let service = one(&controller).publish().unwrap();
    service.close().unwrap();
    assert!(current().is_empty());
    // The service is gone already.
    let service = one(&controller).publish().unwrap();
    controller.del_onion(service.address()).unwrap();
    service.close().unwrap();

    let service = one(&controller).publish().unwrap();
    let key = service.key().unwrap().clone();
    let address = service.detach();
    assert_eq!(current(), [address]);
    let again = one(&controller).key(key.clone()).publish().unwrap_err();
    assert_eq!(again.code(), Some(550), "{again}");
    OnionService::adopt(&controller, address).unwrap().close().unwrap();
    // The key determines the address.
    let service = one(&controller).key(key).publish().unwrap();
    assert_eq!(*service.address(), address);
    assert!(service.key().is_some());
    assert!(one(&controller).discard_key().publish().unwrap().key().is_none());
}

#[test]
fn detached_onion_service_outlives_its_connection_and_is_adopted() {
    let tor = RealTor::start("");
    let first = tor.controller();
    let dropped = one(&first).detached().publish().unwrap();
    assert!(
        dropped.is_detached() && first.info().onions_detached().unwrap() == [*dropped.address()]
    );
    drop(dropped);
    assert!(first.info().onions_detached().unwrap().is_empty());
    let address = one(&first).detached().publish().unwrap().detach();
    let other = one(&first).publish().unwrap().detach();
    let second = tor.controller();
    let error = OnionService::adopt(&second, other).unwrap_err();
    assert!(error.get::<ArgumentError>().is_some(), "another connection's: {error}");
    first.close().unwrap();
    let found = OnionService::adopt(&second, address).unwrap();
    assert!(found.is_detached());
    drop(found);
    become_services(|| second.info().onions_detached().unwrap(), &[]);
}

#[test]
fn detached_onion_service_is_added_again_if_tor_was_restarted() {
    let mut tor = RealTor::start("");
    let controller = tor.over_unix().reconnect(eager()).connect().unwrap();
    let service = one(&controller).detached().publish().unwrap();
    let listener = new(&controller).virtual_port(80).detached().listen().unwrap();
    let keyless = new(&controller).virtual_port(80).discard_key().detached().listen().unwrap();
    let left = one(&controller).detached().publish().unwrap().detach();
    drop(one(&controller).detached().publish().unwrap());
    let detached = || {
        let mut all = controller.info().onions_detached().unwrap();
        all.sort_by_key(ToString::to_string);
        all
    };
    let sorted = |mut all: Vec<OnionAddress>| {
        all.sort_by_key(ToString::to_string);
        all
    };
    // If only the connection ends, tor keeps the services.
    controller.reconnect().unwrap();
    let all = [*service.address(), *listener.address(), *keyless.address(), left];
    assert_eq!(detached(), sorted(all.to_vec()));
    keyless.check().unwrap();
    tor.kill();
    controller.wait_closed(SOON).unwrap();
    tor.restart();
    controller.wait_connected(SOON).unwrap();
    // The program has let go of one service, and the key of another isn't
    // known.
    assert_eq!(detached(), sorted(vec![*service.address(), *listener.address()]));
    listener.check().unwrap();
    for error in [keyless.check().unwrap_err(), keyless.accept().unwrap_err()] {
        assert!(error.get::<ArgumentError>().is_some(), "{error}");
    }
    assert!(service.close().unwrap());
    listener.close().unwrap();
    assert_eq!(detached(), []);
}

#[test]
fn onion_builder_settings_are_accepted_by_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let service = new(&controller)
        .port(80, OnionTarget::Tcp("[::1]:8080".parse().unwrap()))
        .port(81, std::path::Path::new("/run/web/socket"))
        .client(CLIENT.parse().unwrap())
        .max_streams(5)
        .max_streams_close_circuit()
        .proof_of_work(Some(10), Some(20))
        .detached()
        .publish()
        .unwrap();
    assert_eq!(service.clients(), [CLIENT.parse().unwrap()]);
    for port in [1, u16::MAX] {
        new(&controller).virtual_port(port).listen().unwrap().close().unwrap();
    }
}

#[test]
fn publish_error_names_the_reason_without_a_network() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    for wait in [Wait::FirstUpload, Wait::AllUploads] {
        let error =
            one(&controller).wait(wait).timeout(Duration::from_secs(1)).publish().unwrap_err();
        let Some(error) = error.get::<PublishError>() else { panic!("{error}") };
        assert!(error.hints.contains(&PublishHint::NetworkDisabled), "{error}");
        assert!(error.hints.contains(&PublishHint::NotBootstrapped { percent: 0 }), "{error}");
        assert!(!error.hints.contains(&PublishHint::PublishingDisabled), "{error}");
    }
    assert!(controller.info().onions_current().unwrap().is_empty());
    controller.set_conf([("PublishHidServDescriptors", "0")]).unwrap();
    let error = one(&controller)
        .wait(Wait::AllUploads)
        .timeout(Duration::from_secs(1))
        .publish()
        .unwrap_err();
    assert!(error.to_string().contains("PublishHidServDescriptors 0"), "{error}");
}

#[test]
fn onion_anonymity_mode_is_checked_first() {
    let hiding = RealTor::start("");
    let controller = hiding.controller();
    let error = one(&controller).single_hop().publish().unwrap_err();
    assert!(
        error.get::<ArgumentError>().is_some() && error.to_string().contains("hides its services"),
        "{error}"
    );

    let open = RealTor::start("HiddenServiceNonAnonymousMode 1\nHiddenServiceSingleHopMode 1");
    let controller = open.controller();
    let error = one(&controller).publish().unwrap_err();
    assert!(
        error.get::<ArgumentError>().is_some() && error.to_string().contains("not be hidden"),
        "{error}"
    );
    assert!(controller.info().onions_current().unwrap().is_empty());
    let service = one(&controller).single_hop().publish().unwrap();
    assert_eq!(controller.info().onions_current().unwrap(), [*service.address()]);
}

#[test]
fn onion_service_and_listener_survive_a_restart_of_tor() {
    let mut tor = RealTor::start("CookieAuthentication 1\n");
    let controller = tor.over_unix().reconnect(eager()).connect().unwrap();
    let service = one(&controller).publish().unwrap();
    let listener = new(&controller).virtual_port(80).listen().unwrap();
    let mut expected = [*service.address(), *listener.address()];
    expected.sort();
    for _ in 0..3 {
        tor.kill();
        controller.wait_closed(SOON).unwrap();
        assert!(listener.accept_timeout(Duration::from_millis(5)).unwrap_err().is_timeout());
        tor.restart();
        controller.wait_connected(SOON).unwrap();
        let current = || {
            let mut current = controller.info().onions_current().unwrap_or_default();
            current.sort();
            current
        };
        become_services(current, &expected);
        let OnionTarget::Tcp(local) = listener.local_addr() else { panic!("{listener:?}") };
        let _client = TcpStream::connect(local).unwrap();
        listener.accept_timeout(SOON).unwrap();
    }
    // A service that is dropped while tor is down is not added again.
    tor.kill();
    controller.wait_closed(SOON).unwrap();
    drop(service);
    listener.close().unwrap();
    tor.restart();
    controller.wait_connected(SOON).unwrap();
    controller.sync().unwrap();
    assert!(controller.info().onions_current().unwrap().is_empty());
}

#[test]
fn onion_listener_hears_of_the_end_of_tor() {
    let mut tor = RealTor::start("");
    let controller = tor.controller();
    let listener = new(&controller).virtual_port(80).unix_socket().listen().unwrap();
    let OnionTarget::Unix(path) = listener.local_addr().clone() else { panic!("{listener:?}") };
    std::thread::scope(|scope| {
        let accepting = scope.spawn(|| listener.accept().unwrap_err());
        tor.kill();
        assert!(accepting.join().unwrap().is_closed());
    });
    listener.close().unwrap();
    assert!(!path.parent().unwrap().exists());
}

#[test]
fn saved_onion_key_has_the_same_address_in_another_tor() {
    let tor = RealTor::start("");
    let service = one(&tor.controller()).publish().unwrap();
    let saved = tor.folder().join("key");
    fs::write(&saved, service.key().unwrap().to_blob().as_bytes()).unwrap();
    let another = RealTor::start("");
    let mut blob = String::new();
    fs::File::open(&saved).unwrap().read_to_string(&mut blob).unwrap();
    let key: OnionKey = blob.parse().unwrap();
    assert_eq!(one(&another.controller()).key(key).publish().unwrap().address(), service.address());
}
