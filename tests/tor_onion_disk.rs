//! Onion services in the configuration of a real tor that connects to nothing.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use proptest::prelude::{ProptestConfig, Strategy, prop_assert_eq};
use proptest::test_runner::TestRunner;
use scape::control::{ConfLine, Signal};
use scape::onion::disk::{
    DiskOnion, DiskOnionError, DiskOnionFiles, DiskOnionProblem, DiskOnionService, DiskOnions,
};
use scape::word::OnionKey;
use scape::{Controller, Error};
use support::real_tor::RealTor;

const SOON: Duration = Duration::from_secs(30);

fn problem<T>(result: Result<T, Error>) -> DiskOnionError {
    let error = result.err().expect("a refusal");
    error.get::<DiskOnionError>().unwrap_or_else(|| panic!("{error}")).clone()
}

fn directories(onions: &DiskOnions) -> Vec<String> {
    let name = |service: DiskOnion| {
        service.directory().file_name().unwrap().to_string_lossy().into_owned()
    };
    onions.list().unwrap().into_iter().map(name).collect()
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

/// Returns tor's lines of all services on disk (the group
/// `HiddenServiceOptions`). Asks tor, because the library could read the
/// services wrongly. Lines without a value are left out.
fn group(controller: &Controller) -> Vec<ConfLine> {
    let mut lines = controller.get_conf_lines(["HiddenServiceOptions"]).unwrap();
    lines.retain(|line| line.value.is_some());
    lines
}

#[test]
fn disk_onions_are_added_changed_and_removed() {
    let mut tor = RealTor::start("");
    let controller = tor.controller();
    let onions = DiskOnions::of(&controller);
    assert_eq!(onions.list().unwrap(), []);
    let one =
        DiskOnion::new(tor.folder().join("one")).port(80, ([127, 0, 0, 1], 8080)).max_streams(5);
    let two = DiskOnion::new(tor.folder().join("two"))
        .port(80, tor.folder().join("a \"b\" \\ 'c' é").as_path())
        .port(81, ([0, 0, 0, 0, 0, 0, 0, 1], 81))
        .local_port(22)
        .option("HiddenServiceVersion", "3")
        .max_streams_close_circuit(true)
        .allow_unknown_ports(true)
        .export_circuit_id(true)
        .introduction_points(20)
        .intro_dos_defense(Some(5), Some(6))
        .proof_of_work(Some(7), Some(8));
    let first = onions.add(&one).unwrap();
    let second = onions.add(&two).unwrap();
    assert_eq!(onions.list().unwrap(), [one.clone(), two.clone()]);
    assert_ne!(first.address(), second.address());
    // tor has created everything, even without a network.
    assert_eq!(first.hostname().unwrap(), first.address());
    assert_eq!(first.public_key().unwrap(), *first.address().public_key());
    assert_eq!(first.secret_key().unwrap().address(), first.address());
    assert_eq!(mode(first.directory()), 0o700);

    let changed = one.clone().without("HiddenServiceMaxStreams").allow_unknown_ports(true);
    first.change(&changed).unwrap();
    assert_eq!(onions.list().unwrap(), [changed.clone(), two.clone()]);
    let again = onions.open(tor.folder().join("one/")).unwrap().unwrap();
    assert_eq!(again.address(), first.address());
    assert_eq!(again.config().unwrap(), Some(changed));

    first.remove().unwrap();
    assert_eq!(onions.list().unwrap(), std::slice::from_ref(&two));
    assert_eq!(second.clone().remove().unwrap(), Some(two.clone()));
    // The service is gone already.
    assert_eq!(second.clone().remove().unwrap(), None);
    assert_eq!(second.clone().guard().close().unwrap(), None);
    assert_eq!(onions.list().unwrap(), []);
    // The keys have stayed, so the service has the same address when it is
    // added again.
    assert_eq!(onions.add(&two).unwrap().address(), second.address());
    let guard = onions.add(&one).unwrap().guard();
    assert_eq!(directories(&onions), ["two", "one"]);
    drop(guard);
    assert_eq!(directories(&onions), ["two"]);
    assert_eq!(onions.open(two.directory()).unwrap().unwrap().guard().close().unwrap(), Some(two));
    assert!(onions.list().unwrap().is_empty() && tor.is_running());
}

#[test]
fn disk_onion_edit_moves_and_adds_several_services() {
    let tor = RealTor::start("");
    let onions = DiskOnions::of(&tor.controller());
    let at = |name: &str| DiskOnion::new(tor.folder().join(name)).local_port(80);
    onions
        .edit(|services| {
            services.extend(["a", "b", "c"].map(at));
            Ok(())
        })
        .unwrap();
    let old = onions.open(tor.folder().join("b")).unwrap().unwrap();
    onions.change(old.directory(), &at("d")).unwrap();
    assert_eq!(directories(&onions), ["a", "d", "c"]);
    let new = onions.open(tor.folder().join("d")).unwrap().unwrap();
    assert_ne!(new.address(), old.address());
    let taken = problem(onions.change(new.directory(), &at("a")));
    assert!(matches!(taken.problem, DiskOnionProblem::Configured), "{taken}");
}

#[test]
fn disk_onion_with_a_given_key_has_its_address() {
    let tor = RealTor::start("");
    let onions = DiskOnions::of(&tor.controller());
    // This key ends with bytes that a careless reader would strip.
    let mut bytes = *OnionKey::random().expose();
    bytes[60..].copy_from_slice(b"\t\r\n ");
    let key = OnionKey::from_expanded(bytes).unwrap();
    let files = DiskOnionFiles::new().key(key.clone());
    let service = DiskOnion::new(tor.folder().join("hs")).local_port(80);
    let added = onions.add_with(&service, &files).unwrap();
    assert_eq!(added.address(), key.address());
    assert_eq!(added.secret_key().unwrap().expose(), &bytes);
    assert_eq!(mode(&added.directory().join("hs_ed25519_secret_key")), 0o600);
    added.remove().unwrap();

    let other = problem(onions.add_with(&service, &DiskOnionFiles::new().key(OnionKey::random())));
    assert!(
        matches!(other.problem, DiskOnionProblem::OtherKey(address) if address == key.address()),
        "{other}"
    );
    assert_eq!(onions.add_with(&service, &files).unwrap().address(), key.address());
    // tor would accept a second service with the same key, and serve only one
    // of them.
    let copy = DiskOnion::new(tor.folder().join("copy")).local_port(80);
    let same = problem(onions.add_with(&copy, &files));
    assert!(matches!(same.problem, DiskOnionProblem::SameKey(_)), "{same}");
    assert!(!copy.directory().exists());
}

#[test]
fn disk_onion_is_a_backend_of_the_frontends_that_were_given() {
    let mut tor = RealTor::start("");
    let controller = tor.controller();
    let onions = DiskOnions::of(&controller);
    let frontends = [OnionKey::random().address(), OnionKey::random().address()];
    let files = DiskOnionFiles::new().onion_balance(frontends[0]).onion_balance(frontends[1]);
    let backend = DiskOnion::new(tor.folder().join("backend")).local_port(80);
    let service = onions.add_with(&backend, &files).unwrap();
    let config = service.config().unwrap().unwrap();
    assert_eq!(config.settings().onion_balance_instance, Some(true));
    let written = fs::read_to_string(service.directory().join("ob_config")).unwrap();
    for frontend in frontends {
        assert!(written.contains(&format!("MasterOnionAddress {frontend}\n")), "{written}");
    }
    // The same frontends are accepted again, and others are not.
    service.remove().unwrap();
    onions.add_with(&backend, &files).unwrap().remove().unwrap();
    let other = DiskOnionFiles::new().onion_balance(frontends[0]);
    let error = problem(onions.add_with(&backend, &other));
    assert!(matches!(error.problem, DiskOnionProblem::OtherFrontends), "{error}");
    assert!(tor.is_running());
}

#[test]
fn refused_disk_onion_is_explained_and_changes_nothing() {
    let mut tor = RealTor::start("");
    let controller = tor.controller();
    let onions = DiskOnions::of(&controller);
    let at = |name: &str| DiskOnion::new(tor.folder().join(name)).local_port(80);
    onions.add(&at("good")).unwrap();
    let before = group(&controller);

    let open = at("open");
    fs::create_dir(open.directory()).unwrap();
    fs::set_permissions(open.directory(), Permissions::from_mode(0o755)).unwrap();
    let error = problem(onions.add(&open));
    assert!(matches!(error.problem, DiskOnionProblem::Permissions { mode: 0o755 }), "{error}");
    assert_eq!(error.refusal.as_ref().unwrap().code(), 513);
    assert!(error.log.iter().any(|line| line.contains("too permissive")), "{error}");

    // tor requires a file in this directory, and mentions the file only in its
    // log.
    let balanced = at("balanced").onion_balance_instance(true);
    let error = problem(onions.add(&balanced));
    assert!(matches!(error.problem, DiskOnionProblem::Refused), "{error}");
    assert!(error.log.iter().any(|line| line.contains("ob_config")), "{error}");
    assert!(!balanced.directory().exists(), "what was made for it is left");

    let unknown = at("unknown").option("HiddenServiceNoSuchThing", "1");
    let error = problem(onions.add(&unknown));
    assert_eq!(error.refusal.as_ref().unwrap().code(), 552, "{error}");

    for (name, is_it) in [
        ("good", (|p| matches!(p, DiskOnionProblem::Configured)) as fn(&DiskOnionProblem) -> bool),
        ("missing/hs", |p| matches!(p, DiskOnionProblem::ParentMissing)),
        ("torrc", |p| matches!(p, DiskOnionProblem::NotADirectory)),
    ] {
        let error = problem(onions.add(&at(name)));
        assert!(is_it(&error.problem), "{error}");
    }
    assert_eq!(group(&controller), before);
    assert!(tor.is_running());
}

#[test]
fn disk_onion_that_would_end_tor_or_lose_a_key_is_not_sent() {
    let mut tor = RealTor::start("");
    let onions = DiskOnions::of(&tor.controller());
    let at = |name: &str| DiskOnion::new(tor.folder().join(name)).local_port(80);
    let clients = at("clients");
    fs::create_dir(clients.directory()).unwrap();
    fs::set_permissions(clients.directory(), Permissions::from_mode(0o700)).unwrap();
    fs::write(clients.directory().join("authorized_clients"), "").unwrap();
    let error = problem(onions.add(&clients));
    assert!(matches!(error.problem, DiskOnionProblem::AuthorizedClients), "{error}");

    let key = at("key");
    fs::create_dir(key.directory()).unwrap();
    fs::set_permissions(key.directory(), Permissions::from_mode(0o700)).unwrap();
    let file = key.directory().join("hs_ed25519_secret_key");
    let cut = OnionKey::random().to_secret_key_file()[..95].to_vec();
    fs::write(&file, &cut).unwrap();
    let error = problem(onions.add(&key));
    assert!(matches!(error.problem, DiskOnionProblem::BadKey { .. }), "{error}");
    assert_eq!(fs::read(&file).unwrap(), cut);
    assert!(onions.list().unwrap().is_empty() && tor.is_running());
}

#[test]
fn disk_onion_in_another_users_directory_is_explained() {
    let mut tor = RealTor::start("");
    let onions = DiskOnions::of(&tor.controller());
    let service = DiskOnion::new(tor.folder().join("theirs")).local_port(80);
    fs::create_dir(service.directory()).unwrap();
    fs::set_permissions(service.directory(), Permissions::from_mode(0o700)).unwrap();
    let uid = tor.controller().get_info("process/uid").unwrap().parse::<u32>().unwrap();
    if chown(service.directory(), Some(uid + 1), None).is_err() {
        // Only root can give a directory away. For any other user, the root
        // directory belongs to somebody else.
        assert_ne!(uid, 0);
        let error = problem(onions.add(&DiskOnion::new("/root").local_port(80)));
        assert!(matches!(error.problem, DiskOnionProblem::Owner { owner: 0, .. }), "{error}");
        return;
    }
    let error = problem(onions.add(&service));
    let DiskOnionProblem::Owner { owner, tor: user } = error.problem else { panic!("{error}") };
    assert_eq!((owner, user), (uid + 1, uid));
    assert!(tor.is_running(), "{error}");
}

#[test]
fn saved_disk_onions_survive_a_restart_and_unsaved_ones_end_with_a_reload() {
    let mut tor = RealTor::start("");
    let onions = DiskOnions::of(&tor.controller());
    let at = |name: &str| DiskOnion::new(tor.folder().join(name)).local_port(80);
    let saved = onions.add(&at("sa # ved").max_streams(3)).unwrap();
    tor.controller().save_conf().unwrap();
    onions.add(&at("unsaved")).unwrap();
    onions.reread().unwrap();
    assert_eq!(directories(&onions), ["sa # ved", "unsaved"]);
    tor.controller().signal(Signal::Reload).unwrap();
    assert_eq!(directories(&onions), ["sa # ved"]);

    let lines = group(&tor.controller());
    tor.kill();
    tor.restart();
    let controller = connect_again(&tor);
    assert_eq!(group(&controller), lines);
    let again = DiskOnions::of(&controller).open(saved.directory()).unwrap().unwrap();
    assert_eq!(again.address(), saved.address());
}

/// Connects to a tor that is restarting, as soon as tor listens again.
fn connect_again(tor: &RealTor) -> Controller {
    let deadline = Instant::now() + SOON;
    loop {
        match tor.over_unix().connect() {
            Ok(controller) => return controller,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn disk_onion_edits_of_several_controllers_and_threads_are_kept() {
    let tor = RealTor::start("");
    let controllers = [tor.over_unix().connect().unwrap(), tor.over_tcp().connect().unwrap()];
    let services: Vec<Vec<DiskOnionService>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let onions = DiskOnions::of(&controllers[thread % 2]);
                let folder = tor.folder();
                scope.spawn(move || {
                    let add = |number: usize| {
                        let name = format!("{thread}-{number}");
                        onions.add(&DiskOnion::new(folder.join(name)).local_port(80)).unwrap()
                    };
                    let mut mine = vec![add(0), add(1), add(2)];
                    mine.swap_remove(thread % 3).remove().unwrap();
                    let service = mine[0].config().unwrap().unwrap().max_streams(thread as u16 + 1);
                    mine[0].change(&service).unwrap();
                    mine
                })
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let list = DiskOnions::of(&controllers[0]).list().unwrap();
    assert_eq!(list.len(), 8);
    for (thread, mine) in services.iter().enumerate() {
        for (number, service) in mine.iter().enumerate() {
            let config =
                list.iter().find(|config| config.directory() == service.directory()).unwrap();
            assert_eq!(config.settings().max_streams, (number == 0).then_some(thread as u16 + 1));
        }
    }
}

/// A change that a test makes to the list of services.
#[derive(Debug, Clone)]
enum Edit {
    Add(usize, u16),
    Change(usize, u16),
    Remove(usize),
}

fn edits() -> impl Strategy<Value = Vec<Edit>> {
    let edit = (0..3, 0..5usize, 1..=u16::MAX).prop_map(|(kind, which, port)| match kind {
        0 => Edit::Add(which, port),
        1 => Edit::Change(which, port),
        _ => Edit::Remove(which),
    });
    proptest::collection::vec(edit, 1..10)
}

#[test]
fn random_disk_onion_edits_arrive_at_tor() {
    let tor = RealTor::start("");
    let controllers = [tor.over_unix().connect().unwrap(), tor.over_tcp().connect().unwrap()];
    let directory = |which: usize| tor.folder().join(format!("hs {which} é"));
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(12)
    });
    let outcome = runner.run(&edits(), |edits| {
        let onions = DiskOnions::of(&controllers[0]);
        onions
            .edit(|services| {
                services.clear();
                Ok(())
            })
            .unwrap();
        let mut expected: Vec<DiskOnion> = Vec::new();
        for (number, edit) in edits.into_iter().enumerate() {
            let onions = DiskOnions::of(&controllers[number % 2]);
            let at =
                |which| expected.iter().position(|service| service.directory() == directory(which));
            match edit {
                Edit::Add(which, port) => {
                    let service = DiskOnion::new(directory(which)).local_port(port);
                    prop_assert_eq!(onions.add(&service).is_ok(), at(which).is_none());
                    if at(which).is_none() {
                        expected.push(service);
                    }
                }
                Edit::Change(which, port) => {
                    let service =
                        DiskOnion::new(directory(which)).local_port(port).max_streams(port);
                    prop_assert_eq!(
                        onions.change(directory(which), &service).is_ok(),
                        at(which).is_some()
                    );
                    if let Some(at) = at(which) {
                        expected[at] = service;
                    }
                }
                Edit::Remove(which) => {
                    prop_assert_eq!(onions.remove(directory(which)).is_ok(), at(which).is_some());
                    if let Some(at) = at(which) {
                        expected.remove(at);
                    }
                }
            }
            let lines: Vec<ConfLine> = expected.iter().flat_map(DiskOnion::lines).collect();
            prop_assert_eq!(group(&controllers[0]), lines);
        }
        Ok(())
    });
    outcome.unwrap();
}

#[test]
fn random_disk_onion_paths_are_read_back_unchanged() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let onions = DiskOnions::of(&controller);
    let name = r#"[ -.0-~é€"'#\\\x01\t\x7f]{0,12}[!-.0-\[\]-~é]"#;
    let mut runner = TestRunner::new(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::with_cases(30)
    });
    let outcome = runner.run(&(name, name), |(directory, socket)| {
        if directory.chars().all(|c| c == '.') {
            return Ok(());
        }
        let service = DiskOnion::new(tor.folder().join(format!("hs {directory}")))
            .port(80, tor.folder().join(&socket).as_path());
        let added = onions.add(&service).unwrap();
        prop_assert_eq!(onions.list().unwrap(), [service.clone()]);
        // tor's own file is in the intended directory, and stays there after
        // SAVECONF and RELOAD.
        prop_assert_eq!(added.hostname().unwrap(), added.address());
        controller.save_conf().unwrap();
        controller.signal(Signal::Reload).unwrap();
        prop_assert_eq!(onions.list().unwrap(), [service]);
        added.remove().unwrap();
        Ok(())
    });
    outcome.unwrap();
}
