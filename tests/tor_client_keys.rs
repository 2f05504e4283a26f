//! Checks that changes of tor's configuration by this library never lose client
//! keys for onion services, no matter which controller added them.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::time::{Duration, Instant};

use scape::attach::{Decision, StreamRequest};
use scape::control::{ClientAuth, Signal};
use scape::onion::disk::DiskOnions;
use scape::word::{ClientKey, OnionKey};
use scape::{Config, Controller};
use support::real_tor::RealTor;

/// The time limit for everything that a test waits for.
const SOON: Duration = Duration::from_secs(30);

/// Returns tor's client keys, sorted.
fn keys(controller: &Controller) -> Vec<ClientAuth> {
    let mut keys = controller.onion_client_auth().list().unwrap();
    keys.sort_by_key(|auth| auth.address.to_string());
    keys
}

#[test]
fn every_configuration_change_keeps_the_client_keys_of_all_controllers() {
    let tor = RealTor::start("");
    // One controller has keys, and another one changes the configuration.
    let (owner, other) = (tor.controller(), tor.controller());
    for name in [Some("eve"), None, Some("a=b")] {
        let auth = ClientAuth::new(OnionKey::random().address(), ClientKey::random());
        let auth = match name {
            Some(name) => auth.name(name),
            None => auth,
        };
        owner.onion_client_auth().add(&auth).unwrap();
    }
    let before = keys(&owner);
    assert_eq!(before.len(), 3);

    let same = |what: &str| assert_eq!(keys(&owner), before, "{what}");
    other.set_conf([("ContactInfo", "me")]).unwrap();
    same("set_conf");
    assert!(other.set_conf([("ContactInfo", "me"), ("SocksPort", "nonsense")]).is_err());
    same("set_conf that is refused");
    other.reset_conf(["ContactInfo"]).unwrap();
    same("reset_conf");
    other.load_conf(&tor.torrc()).unwrap();
    same("load_conf");
    for line in ["SETCONF ContactInfo=you", "resetconf ContactInfo"] {
        assert!(other.msg(line).unwrap().is_ok());
        same(line);
    }
    assert!(other.msg_with_data("+LOADCONF", tor.torrc().as_bytes()).unwrap().is_ok());
    same("LOADCONF");
    other.signal(Signal::Reload).unwrap();
    same("signal(Reload)");
    for line in ["SIGNAL HUP", "signal reload"] {
        assert!(other.msg(line).unwrap().is_ok());
        same(line);
    }
    let mut config = Config::new(&other).unwrap();
    config.set("ContactInfo", "he").unwrap();
    config.save().unwrap();
    same("Config::save");
    let onions = DiskOnions::of(&other);
    onions.reread().unwrap();
    same("DiskOnions::reread");

    let attacher = other.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    same("attach_streams");
    // Another controller resets the option, and it is set again.
    owner.set_conf([("__LeaveStreamsUnattached", "0")]).unwrap();
    let is_set = || owner.get_conf("__LeaveStreamsUnattached").unwrap().as_deref() == Some("1");
    let deadline = Instant::now() + SOON;
    while !is_set() {
        assert!(Instant::now() < deadline, "the option isn't set again");
        std::thread::yield_now();
    }
    same("the option is set again");
    attacher.close().unwrap();
    same("AttacherGuard::close");
    let attacher = other.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    drop(attacher);
    same("the drop of an AttacherGuard");
    let attacher = other.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    other.close().unwrap();
    drop(attacher);
    assert!(!is_set());
    same("the end of a connection that attaches streams");
}

#[test]
fn reconnect_keeps_the_client_keys_of_all_controllers() {
    let tor = RealTor::start("");
    let (owner, other) = (tor.controller(), tor.controller());
    let auth = ClientAuth::new(OnionKey::random().address(), ClientKey::random()).name("eve");
    owner.onion_client_auth().add(&auth).unwrap();
    let own = ClientAuth::new(OnionKey::random().address(), ClientKey::random());
    other.onion_client_auth().add(&own).unwrap();
    let before = keys(&owner);
    let _attacher = other.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    other.reconnect().unwrap();
    assert_eq!(keys(&owner), before);
}

#[test]
fn client_keys_added_during_configuration_changes_are_not_lost() {
    let tor = RealTor::start("");
    let changing = tor.controller();
    let stop = &std::sync::atomic::AtomicBool::new(false);
    std::thread::scope(|scope| {
        let busy = scope.spawn(move || {
            let mut number = 0_u32;
            while !stop.load(std::sync::atomic::Ordering::SeqCst) {
                number += 1;
                changing.set_conf([("ContactInfo", number.to_string())]).unwrap();
            }
            number
        });
        let owner = tor.controller();
        let mut kept = Vec::new();
        for round in 0..200 {
            let auth = ClientAuth::new(OnionKey::random().address(), ClientKey::random());
            owner.onion_client_auth().add(&auth).unwrap();
            owner
                .onion_client_auth()
                .add(&ClientAuth::new(auth.address, ClientKey::random()))
                .unwrap();
            match round % 2 {
                0 => assert!(owner.onion_client_auth().remove(&auth.address).is_ok()),
                _ => kept.push(auth.address),
            }
        }
        stop.store(true, std::sync::atomic::Ordering::SeqCst);
        assert!(busy.join().unwrap() > 0);
        let now = keys(&owner);
        for address in kept {
            assert!(
                now.iter().any(|auth| auth.address == address),
                "the key for {address} is lost"
            );
        }
    });
}
