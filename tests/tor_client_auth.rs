//! Client authorization of onion services, as service and as client, with a
//! real tor that connects to nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs;
use std::path::Path;

use proptest::prelude::{ProptestConfig, any, prop_assert_eq};
use proptest::test_runner::TestRunner;
use scape::Controller;
use scape::control::{ArgumentError, ClientAuth, ClientAuthAdded, Command, Refusal, Signal};
use scape::onion::client_auth::{ClientAuthDir, ClientAuthGuard};
use scape::onion::disk::{DiskOnion, DiskOnions};
use scape::word::{ClientKey, OnionAddress, OnionKey};
use support::real_tor::RealTor;

fn address() -> OnionAddress {
    OnionKey::random().address()
}

/// Returns tor's client key for a service. The `bool` is true if the key is
/// also in a file. Returns `None` if tor has no key for the service.
fn known(controller: &Controller, address: &OnionAddress) -> Option<(ClientKey, bool)> {
    controller.onion_client_auth().get(address).unwrap().map(|auth| (auth.key, auth.permanent))
}

fn files(directory: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(directory)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn client_key_files_are_read_by_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    assert_eq!(ClientAuthDir::of(&controller).unwrap(), None);
    let keys = ClientAuthDir::at(tor.folder().join("client auth")).unwrap();
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(20)
    });
    let outcome =
        runner.run(&(any::<[u8; 32]>(), "[^./\\\\:\\pC][^/\\\\:\\pC]{0,20}"), |(seed, name)| {
            let (address, key) = (OnionKey::from_seed(&seed).address(), ClientKey::random());
            keys.add(&name, &address, &key).unwrap();
            keys.apply(&controller).unwrap();
            prop_assert_eq!(known(&controller, &address), Some((key.clone(), true)));
            let listed = ClientAuthDir::of(&controller).unwrap().unwrap().list().unwrap();
            assert!(listed.bad.is_empty());
            prop_assert_eq!(
                (&listed.keys[0].name, &listed.keys[0].address, &listed.keys[0].key),
                (&name, &address, &key)
            );
            assert!(keys.remove(&name).unwrap());
            keys.apply(&controller).unwrap();
            prop_assert_eq!(known(&controller, &address), None);
            Ok(())
        });
    outcome.unwrap();
}

#[test]
fn client_key_files_of_tor_are_read_and_errors_are_explained() {
    let mut tor = RealTor::start("");
    let controller = tor.controller();
    let keys = ClientAuthDir::at(tor.folder().join("auth")).unwrap();
    // tor doesn't create the directory.
    let error = keys.apply(&controller).unwrap_err().to_string();
    assert!(error.contains("513") && error.contains("does not exist"), "{error}");
    let (address, other, key) = (address(), address(), ClientKey::random());
    keys.add("mine", &other, &key).unwrap();
    keys.apply(&controller).unwrap();
    controller.onion_client_auth().add(&ClientAuth::new(address, key.clone()).permanent()).unwrap();
    let list = keys.list().unwrap();
    let found = list.keys.iter().find(|file| file.address == address).unwrap();
    assert_eq!((&found.key, &found.name), (&key, &address.service_id()));

    // Two files are for one service.
    let copy = tor.folder().join("auth/copy.auth_private");
    fs::copy(tor.folder().join("auth/mine.auth_private"), &copy).unwrap();
    assert_eq!(keys.list().unwrap().bad.len(), 1);
    let error = keys.apply(&controller).unwrap_err();
    assert!(
        error.code() == Some(513) && error.to_string().contains("Duplicate authorization"),
        "{error}"
    );
    fs::remove_file(copy).unwrap();
    fs::write(tor.folder().join("auth/bad.auth_private"), "nothing").unwrap();
    keys.apply(&controller).unwrap();
    assert_eq!(known(&controller, &other), Some((key, true)));
    assert!(tor.is_running());
}

#[test]
fn permanent_key_is_refused_beside_another_file_for_the_service() {
    let mut tor = RealTor::start("");
    let controller = tor.controller();
    let keys = ClientAuthDir::at(tor.folder().join("auth")).unwrap();
    let (address, key) = (address(), ClientKey::random());
    keys.add("bob", &address, &key).unwrap();
    keys.apply(&controller).unwrap();
    for permanent in [ClientKey::random(), key.clone()] {
        let auth = ClientAuth::new(address, permanent).permanent();
        let error = controller.onion_client_auth().add(&auth).unwrap_err();
        assert!(
            error.get::<ArgumentError>().is_some()
                && error.to_string().contains("bob.auth_private"),
            "{error}"
        );
    }
    assert_eq!(files(keys.directory()), ["bob.auth_private"]);
    // tor still accepts a configuration, and keeps running.
    controller.set_conf([("MaxCircuitDirtiness", "77")]).unwrap();
    assert_eq!(known(&controller, &address), Some((key, true)));
    assert!(tor.is_running());
    // Without that file, tor's own file can be replaced any number of times.
    keys.remove("bob").unwrap();
    for _ in 0..2 {
        let key = ClientKey::random();
        controller
            .onion_client_auth()
            .add(&ClientAuth::new(address, key.clone()).permanent())
            .unwrap();
        controller.set_conf([("MaxCircuitDirtiness", "78")]).unwrap();
        assert_eq!(known(&controller, &address), Some((key, true)));
    }
}

#[test]
fn permanent_key_replaces_another_file_if_the_directory_cannot_be_read() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let keys = ClientAuthDir::at(tor.folder().join("auth")).unwrap();
    let (address, key) = (address(), ClientKey::random());
    keys.add("bob", &address, &ClientKey::random()).unwrap();
    keys.apply(&controller).unwrap();
    // This program can't find the directory, because the path is relative to
    // tor's working directory.
    let relative = keys.directory().strip_prefix("/").unwrap().to_str().unwrap();
    let up = "../".repeat(20) + relative;
    controller.set_conf([("ClientOnionAuthDir", up.as_str())]).unwrap();
    let added = controller
        .onion_client_auth()
        .add(&ClientAuth::new(address, key.clone()).permanent())
        .unwrap();
    assert_eq!(added, ClientAuthAdded::Replaced);
    controller.set_conf([("MaxCircuitDirtiness", "77")]).unwrap();
    assert_eq!(known(&controller, &address), Some((key, true)));
    assert_eq!(files(keys.directory()), [address.service_id() + ".auth_private"]);
}

#[test]
fn client_keys_in_memory_stay_when_files_are_read_again() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let (kept, lost) = (address(), ClientKey::random());
    controller.onion_client_auth().add(&ClientAuth::new(kept, lost.clone()).name("bob")).unwrap();
    let onions = DiskOnions::of(&controller);
    let service = onions.add(&DiskOnion::new(tor.folder().join("hs")).local_port(80)).unwrap();
    assert_eq!(known(&controller, &kept), Some((lost.clone(), false)));
    service.reread().unwrap();
    service.remove().unwrap();
    let auth = controller.onion_client_auth().get(&kept).unwrap().unwrap();
    assert_eq!((auth.key, auth.name.as_deref()), (lost.clone(), Some("bob")));
    // A refused change removes no key either.
    assert!(ClientAuthDir::at(tor.folder().join("none")).unwrap().apply(&controller).is_err());
    assert_eq!(known(&controller, &kept), Some((lost, false)));
}

#[test]
fn client_key_guard_adds_a_key_until_it_is_dropped() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let (address, key) = (address(), ClientKey::random());
    let guard = ClientAuthGuard::add(&controller, &ClientAuth::new(address, key.clone())).unwrap();
    assert_eq!(known(&controller, &address), Some((key.clone(), false)));
    // This SETCONF comes from a program that doesn't restore the keys.
    let forgetful = Command::build("SETCONF").pair("ContactInfo", "me").finish().unwrap();
    tor.controller().send(forgetful).unwrap().wait_ok().unwrap();
    assert_eq!(known(&controller, &address), None);
    guard.renew().unwrap();
    assert_eq!(known(&controller, &address), Some((key.clone(), false)));
    assert!(guard.close().unwrap());
    assert_eq!(known(&controller, &address), None);
    let guard = ClientAuthGuard::add(&controller, &ClientAuth::new(address, key.clone())).unwrap();
    assert!(controller.onion_client_auth().remove(&address).unwrap());
    // The key is gone already.
    assert!(!guard.close().unwrap());

    let before = ClientAuth::new(address, ClientKey::random());
    controller.onion_client_auth().add(&before).unwrap();
    let guard = ClientAuthGuard::add(&controller, &ClientAuth::new(address, key.clone())).unwrap();
    assert_eq!(known(&controller, &address), Some((key.clone(), false)));
    drop(guard);
    assert_eq!(known(&controller, &address), Some((before.key.clone(), false)));
    // Without a directory for a permanent key, nothing has changed.
    let error =
        ClientAuthGuard::add(&controller, &ClientAuth::new(address, key).permanent()).unwrap_err();
    assert_eq!(error.code(), Some(553));
    assert_eq!(known(&controller, &address), Some((before.key, false)));
}

#[test]
fn client_key_guard_restores_the_key_file() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let keys = ClientAuthDir::at(tor.folder().join("auth")).unwrap();
    let (address, first, second) = (address(), ClientKey::random(), ClientKey::random());
    keys.add("blog", &address, &first).unwrap();
    keys.apply(&controller).unwrap();
    for permanent in [false, true] {
        let mut auth = ClientAuth::new(address, second.clone());
        auth.permanent = permanent;
        let guard = ClientAuthGuard::add(&controller, &auth).unwrap();
        assert_eq!(known(&controller, &address), Some((second.clone(), permanent)));
        // There is one file for the service. With two, tor would accept no
        // configuration any more.
        assert_eq!(files(keys.directory()).len(), 1);
        guard.close().unwrap();
        assert_eq!(known(&controller, &address), Some((first.clone(), true)));
        keys.apply(&controller).unwrap();
        assert_eq!(known(&controller, &address), Some((first.clone(), true)));
        assert_eq!(files(keys.directory()).len(), 1);
    }
    // A permanent key that replaced none is removed with its file.
    let other = OnionKey::random().address();
    let guard =
        ClientAuthGuard::add(&controller, &ClientAuth::new(other, second).permanent()).unwrap();
    assert_eq!(files(keys.directory()).len(), 2);
    drop(guard);
    assert_eq!((known(&controller, &other), files(keys.directory()).len()), (None, 1));
}

#[test]
fn authorized_clients_are_read_again_and_no_service_is_lost() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    controller
        .set_conf([("Log", format!("info file {}", tor.folder().join("info").display()))])
        .unwrap();
    let log = || fs::read_to_string(tor.folder().join("info")).unwrap();
    let loaded = |name: &str| {
        log().matches(&format!("Loaded a client authorization key file {name}.auth.")).count()
    };
    let onions = DiskOnions::of(&controller);
    let service = onions.add(&DiskOnion::new(tor.folder().join("hs")).local_port(80)).unwrap();
    let clients = service.authorized_clients();
    assert!(clients.list().unwrap().is_open());
    clients.add("bob", &ClientKey::random().public_key()).unwrap();
    assert_eq!(loaded("bob"), 0);
    service.reread().unwrap();
    assert_eq!(loaded("bob"), 1);
    // A malformed file is skipped.
    fs::write(clients.directory().join("eve.auth"), "nothing").unwrap();
    service.reread().unwrap();
    assert_eq!((loaded("bob"), loaded("eve")), (2, 0));
    assert_eq!(clients.list().unwrap().bad[0].file, "eve.auth");
    assert_eq!(onions.list().unwrap().len(), 1);
    // SIGNAL RELOAD loses the service, because it was not saved.
    controller.signal(Signal::Reload).unwrap();
    assert!(onions.list().unwrap().is_empty());
}

#[test]
fn client_key_names_cannot_leave_the_directory() {
    let folder = tempfile::tempdir().unwrap();
    let keys = ClientAuthDir::at(folder.path().join("auth")).unwrap();
    for name in ["../x", "/x", "a/b", "..", ".", "", "a\0b"] {
        let error = keys.add(name, &address(), &ClientKey::random()).unwrap_err();
        assert!(error.get::<ArgumentError>().is_some(), "{name:?}: {error}");
    }
    assert!(!folder.path().join("auth").exists());
}

#[test]
fn configuration_changes_keep_the_client_keys() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let (one, other) = (address(), address());
    for address in [&one, &other] {
        controller
            .onion_client_auth()
            .add(&ClientAuth::new(*address, ClientKey::random()).name("bob"))
            .unwrap();
    }
    let before = controller.onion_client_auth().list().unwrap();
    assert_eq!(before.len(), 2);
    controller.set_conf([("MaxCircuitDirtiness", "77")]).unwrap();
    assert_eq!(controller.get_conf("MaxCircuitDirtiness").unwrap().as_deref(), Some("77"));
    let same = |now: Vec<ClientAuth>| {
        before.iter().all(|auth| now.contains(auth)) && now.len() == before.len()
    };
    assert!(same(controller.onion_client_auth().list().unwrap()));
    controller.reset_conf(["MaxCircuitDirtiness"]).unwrap();
    assert!(same(controller.onion_client_auth().list().unwrap()));
    let torrc = controller.info().config_text().unwrap();
    controller.load_conf(&torrc).unwrap();
    assert!(same(controller.onion_client_auth().list().unwrap()));
    // A refused change removes no key, and a removed key doesn't come back.
    assert!(controller.set_conf([("NoSuchOption", "1")]).unwrap_err().get::<Refusal>().is_some());
    assert!(same(controller.onion_client_auth().list().unwrap()));
    controller.onion_client_auth().remove(&one).unwrap();
    controller.set_conf([("MaxCircuitDirtiness", "78")]).unwrap();
    assert_eq!(known(&controller, &one), None);
    assert!(known(&controller, &other).is_some());
}
