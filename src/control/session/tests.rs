//! Tests of restoring and removing restorables around a reconnect.

use std::net::{TcpListener, TcpStream};

use crate::control::Controller;
use crate::io::transport::{Address, Transport};

#[cfg(feature = "testing")]
#[test]
fn onion_service_noted_after_reconnect_is_restored() {
    use crate::control::{AddOnion, Connect};
    use crate::testing::ScriptedTor;
    use scape_proto::word::OnionKey;

    let key = OnionKey::from_seed(&[7; 32]);
    let address = key.address();
    let tor = ScriptedTor::builder()
        .on_prefix("ADD_ONION", format!("250-ServiceID={}\r\n250 OK\r\n", address.service_id()))
        .on_prefix("DEL_ONION", "250 OK\r\n")
        .listen()
        .unwrap();
    let controller = Connect::to(tor.address().cloned().unwrap()).unwrap().connect().unwrap();
    // tor has answered ADD_ONION on this socket, but the thread that waited for
    // the answer is late.
    let early = controller.on_this_link().unwrap();
    controller.reconnect().unwrap();
    let added = || tor.sent().iter().filter(|line| line.starts_with("ADD_ONION")).count();
    let restorables = &controller.inner.session.restorables;
    let service = AddOnion::new().key(key).local_port(80);
    restorables.add_onion(address, service.command_again());
    let what = format!("the onion service {address}");
    early.noted(&what).unwrap();
    assert_eq!(added(), 1);
    // Nothing is sent if the current socket is the one on which tor answered.
    controller.on_this_link().unwrap().noted(&what).unwrap();
    assert_eq!(added(), 1);
    // A command that undoes something of the first socket isn't sent on the
    // second.
    assert!(early.undoing().del_onion(&address).unwrap_err().is_closed());
    assert!(!tor.sent().iter().any(|line| line.starts_with("DEL_ONION")));
}

#[cfg(feature = "testing")]
#[test]
fn detached_service_noted_after_a_reconnect_is_added_if_tor_lacks_it() {
    use crate::control::{AddOnion, AddedOnion, Connect};
    use crate::testing::ScriptedTor;
    use scape_proto::word::OnionKey;

    let key = OnionKey::from_seed(&[7; 32]);
    let (address, id) = (key.address(), key.address().service_id());
    let service = AddOnion::new().local_port(80).detach();
    for (listed, times) in [("", 1), (&*id, 0)] {
        let tor = ScriptedTor::builder()
            .on_prefix("ADD_ONION", format!("250-ServiceID={id}\r\n250 OK\r\n"))
            .info("onions/detached", listed)
            .listen()
            .unwrap();
        let controller = Connect::to(tor.address().cloned().unwrap()).unwrap().connect().unwrap();
        let early = controller.on_this_link().unwrap();
        controller.reconnect().unwrap();
        let added = AddedOnion { address, key: Some(key.clone()), clients: Vec::new() };
        early.keep_detached(&service, &added).unwrap();
        let count = || tor.sent().iter().filter(|line| line.starts_with("ADD_ONION")).count();
        assert_eq!(count(), times, "{listed:?}");
        // The next reconnect asks again. If the program leaves the service in
        // tor, it isn't added again.
        controller.reconnect().unwrap();
        assert_eq!(count(), 2 * times, "{listed:?}");
        controller.let_go_of_detached(&address);
        controller.reconnect().unwrap();
        assert_eq!(count(), 2 * times, "{listed:?}");
    }
}

#[cfg(feature = "testing")]
#[test]
fn onion_service_that_tor_has_already_is_kept_when_it_is_noted_late() {
    use crate::control::{AddOnion, Connect};
    use crate::testing::ScriptedTor;
    use scape_proto::word::OnionKey;

    let (key, other) = (OnionKey::from_seed(&[7; 32]), OnionKey::from_seed(&[8; 32]).address());
    let (address, id) = (key.address(), key.address().service_id());
    for (current, is_there) in [
        (id.clone(), true),
        // tor answers with a data block if it has several services.
        (format!("{}\n{id}", other.service_id()), true),
        (format!("{}\nx{id}", other.service_id()), false),
        (String::new(), false),
    ] {
        let tor = ScriptedTor::builder()
            .on_prefix("ADD_ONION", "550 Onion address collision\r\n")
            .info("onions/current", &*current)
            .listen()
            .unwrap();
        let controller = Connect::to(tor.address().cloned().unwrap()).unwrap().connect().unwrap();
        let early = controller.on_this_link().unwrap();
        controller.reconnect().unwrap();
        let restorables = &controller.inner.session.restorables;
        let service = AddOnion::new().key(key.clone()).local_port(80);
        restorables.add_onion(address, service.command_again());
        let noted = early.noted(&format!("the onion service {address}"));
        assert_eq!(
            (noted.is_ok(), restorables.belongings().len()),
            (is_there, usize::from(is_there)),
            "{current:?}"
        );
    }
}

#[cfg(feature = "testing")]
#[test]
fn things_dropped_during_reconnect_are_removed_from_tor() {
    use std::sync::{Arc, Weak};

    use parking_lot::Mutex;

    use crate::control::{ClientAuth, Connect, MappedAddress, Questions};
    use crate::error::Result;
    use crate::io::connection::PendingReply;
    use crate::onion::client_auth::ClientAuthGuard;
    use crate::onion::{OnionBuilder, OnionService, Wait};
    use crate::testing::ScriptedTor;
    use scape_proto::control::Command;
    use scape_proto::word::{ClientKey, OnionKey};

    /// A follower that drops a service, a client key and a mapping when a
    /// reconnect calls it. The reconnect does so after it has restored
    /// everything and before other threads can use the connection.
    struct Dropping(Mutex<Option<(OnionService, ClientAuthGuard, MappedAddress)>>);

    impl super::ReconnectHook for Dropping {
        fn name(&self) -> &'static str {
            "dropping"
        }

        fn reconnected(&self, _tor: &Questions<'_>) -> Result<()> {
            drop(self.0.lock().take());
            Ok(())
        }

        fn closing(&self, _: &dyn Fn(Command) -> Result<PendingReply>) -> Vec<PendingReply> {
            Vec::new()
        }
    }

    for detached in [false, true] {
        let key = OnionKey::from_seed(&[7; 32]);
        let id = key.address().service_id().to_string();
        let tor = ScriptedTor::builder()
            .on_prefix("ADD_ONION", format!("250-ServiceID={id}\r\n250 OK\r\n"))
            .on_prefix("DEL_ONION", "250 OK\r\n")
            .info("onions/detached", "")
            .on("MAPADDRESS a.test=b.test", "250 a.test=b.test\r\n")
            .on("MAPADDRESS a.test=a.test", "250 a.test=a.test\r\n")
            .on_prefix("ONION_CLIENT_AUTH_VIEW", "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n")
            .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n")
            .on_prefix("ONION_CLIENT_AUTH_REMOVE", "250 OK\r\n")
            .listen()
            .unwrap();
        let controller = Connect::to(tor.address().cloned().unwrap()).unwrap().connect().unwrap();
        let auth = ClientAuth::new(key.address(), ClientKey::random());
        let auth = ClientAuthGuard::add(&controller, &auth).unwrap();
        let service = OnionBuilder::new(&controller).key(key).port(80, 8080).wait(Wait::Nothing);
        let service = if detached { service.detached() } else { service };
        let service = service.publish().unwrap();
        let mapping = controller.mapped_address("a.test", "b.test").unwrap();
        let dropping = Arc::new(Dropping(Mutex::new(Some((service, auth, mapping)))));
        let weak: Weak<dyn super::ReconnectHook> = Arc::downgrade(&dropping) as _;
        controller.inner.session.followers.lock().push(weak);
        controller.reconnect().unwrap();
        let sent = tor.sent();
        let given = |start: &str| sent.iter().filter(|line| line.starts_with(start)).count();
        assert_eq!((given("ADD_ONION"), given("MAPADDRESS a.test=b.test")), (2, 2), "{sent:?}");
        let mut taken = [
            format!("DEL_ONION {id}"),
            format!("ONION_CLIENT_AUTH_REMOVE {id}"),
            "MAPADDRESS a.test=a.test".to_owned(),
        ];
        let mut last = sent[sent.len() - 3..].to_vec();
        last.sort();
        taken.sort();
        assert_eq!(last, taken, "{sent:?}");
        controller.reconnect().unwrap();
        let starts = ["ADD_ONION", "ONION_CLIENT_AUTH", "MAPADDRESS"];
        let again = |line: &&String| starts.iter().any(|start| line.starts_with(start));
        assert_eq!(tor.sent()[sent.len()..].iter().find(again), None);
    }
}

#[cfg(feature = "testing")]
#[test]
fn mapping_dropped_during_retake_is_removed_from_tor() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Arc, OnceLock, Weak};

    use crate::control::Connect;
    use crate::testing::ScriptedTor;

    let session: Arc<OnceLock<Weak<super::Session>>> = Arc::default();
    let (given, found) = (AtomicUsize::new(0), session.clone());
    let tor = ScriptedTor::builder()
        .on_any(move |line| {
            if line != "MAPADDRESS a.test=b.test" {
                return None;
            }
            let answer = match given.fetch_add(1, Ordering::SeqCst) {
                1 => "451 no more\r\n",
                // The program drops the mapping before tor answers.
                2 => {
                    let session = found.get().unwrap().upgrade().unwrap();
                    session.restorables.set_mapping("a.test", "a.test");
                    "250 a.test=b.test\r\n"
                }
                _ => "250 a.test=b.test\r\n",
            };
            Some(answer.into())
        })
        .on("MAPADDRESS a.test=a.test", "250 a.test=a.test\r\n")
        .listen()
        .unwrap();
    let controller = Connect::to(tor.address().cloned().unwrap()).unwrap().connect().unwrap();
    session.set(Arc::downgrade(&controller.inner.session)).unwrap();
    controller.map_address([("a.test", "b.test")]).unwrap();
    controller.reconnect().unwrap();
    tor.wait_for("MAPADDRESS a.test=a.test").unwrap();
}

#[cfg(feature = "testing")]
#[test]
fn thing_removed_just_before_reconnect_is_removed_on_the_next_connection() {
    use crate::control::Connect;
    use crate::control::restorables::Kind;
    use crate::testing::ScriptedTor;
    use scape_proto::word::OnionKey;

    let address = OnionKey::from_seed(&[7; 32]).address();
    let (id, mapping) = (address.service_id(), Kind::Mapping("a.test".into()));
    let tor = ScriptedTor::builder()
        .on_prefix("DROPOWNERSHIP", "250 OK\r\n")
        .on_prefix("DEL_ONION", "250 OK\r\n")
        .on_prefix("ONION_CLIENT_AUTH_REMOVE", "250 OK\r\n")
        .on("MAPADDRESS a.test=a.test", "250 a.test=a.test\r\n")
        .listen()
        .unwrap();
    let controller = Connect::to(tor.address().cloned().unwrap()).unwrap().connect().unwrap();
    let session = &controller.inner.session;
    let watch = session.latest.watch(controller.deadline()).unwrap();
    let early = controller.on_this_link().unwrap();
    let kinds = [Kind::Ownership, Kind::Onion(address), Kind::ClientAuth(address)];
    // On the same connection nothing more is sent, because the call's own
    // command has removed the restorable.
    for kind in &kinds {
        early.not_given_back(kind, &watch).unwrap();
    }
    let claim = session.latest.claim(vec![mapping.claimed()], early.deadline()).unwrap();
    early.not_given_back_claimed(&mapping, &claim).unwrap();
    controller.reconnect().unwrap();
    for kind in &kinds {
        early.not_given_back(kind, &watch).unwrap();
    }
    early.not_given_back_claimed(&mapping, &claim).unwrap();
    let expected = [
        "DROPOWNERSHIP".to_owned(),
        format!("DEL_ONION {id}"),
        format!("ONION_CLIENT_AUTH_REMOVE {id}"),
        "MAPADDRESS a.test=a.test".to_owned(),
    ];
    let sent = tor.sent();
    let given = |line: &&String| expected.contains(line);
    assert_eq!(sent.iter().filter(given).collect::<Vec<_>>(), expected.each_ref());
}

#[cfg(feature = "testing")]
#[test]
fn call_that_times_out_after_reconnect_leaves_nothing_in_tor() {
    use std::time::Duration;

    use crate::control::{AddOnion, Connect};
    use crate::testing::ScriptedTor;
    use scape_proto::word::OnionKey;

    let key = OnionKey::from_seed(&[7; 32]);
    let address = key.address();
    let tor = ScriptedTor::builder()
        .on_any(|line| {
            (line.starts_with("ADD_ONION") || line == "MAPADDRESS a.test=b.test").then(Vec::new)
        })
        .listen()
        .unwrap();
    let controller = Connect::to(tor.address().cloned().unwrap()).unwrap().connect().unwrap();
    let brief = controller.with_timeout(Duration::from_millis(100));
    let early = brief.on_this_link().unwrap();
    controller.reconnect().unwrap();
    let restorables = &controller.inner.session.restorables;
    let service = AddOnion::new().key(key).local_port(80);
    restorables.add_onion(address, service.command_again());
    restorables.set_mapping("a.test", "b.test");
    for what in [format!("the onion service {address}"), "the mapping a.test=b.test".into()] {
        assert!(early.noted(&what).unwrap_err().is_timeout(), "{what}");
    }
    assert!(restorables.belongings().is_empty());
    tor.wait_for(&format!("DEL_ONION {}", address.service_id())).unwrap();
    tor.wait_for("MAPADDRESS a.test=a.test").unwrap();
}

#[cfg(feature = "testing")]
#[test]
fn waiting_for_a_claim_and_for_the_answer_has_one_deadline() {
    use std::thread;
    use std::time::{Duration, Instant};

    use crate::control::{AddOnion, Connect};
    use crate::io::transport::Deadline;
    use crate::testing::ScriptedTor;

    const TIMEOUT: Duration = Duration::from_secs(4);
    const BUSY: Duration = Duration::from_millis(3600);
    // With a deadline for each part, a call would take 7.6 seconds.
    const LIMIT: Duration = Duration::from_millis(6700);

    let tor = ScriptedTor::builder().on_prefix("ADD_ONION", "").on_prefix("MAPADDRESS", "");
    let tor = tor.start().unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let brief = &controller.with_timeout(TIMEOUT);
    let latest = &controller.inner.session.latest;
    let claim = latest.claim(Vec::new(), Deadline::after(TIMEOUT)).unwrap();
    let (sender, is_held) = crossbeam_channel::bounded::<()>(1);
    thread::scope(|scope| {
        // Another thread sends a command that removes something.
        scope.spawn(move || {
            claim.undo(|_| {
                sender.send(()).unwrap();
                thread::sleep(BUSY);
            });
        });
        is_held.recv().unwrap();
        let begun = Instant::now();
        let calls = [
            scope.spawn(|| brief.add_onion(&AddOnion::new().local_port(80)).map(drop)),
            scope.spawn(|| brief.map_address([("a.test", "b.test")]).map(drop)),
        ];
        for call in calls {
            assert!(call.join().unwrap().unwrap_err().is_timeout());
        }
        assert!(begun.elapsed() < LIMIT, "{:?}", begun.elapsed());
    });
}

#[test]
fn tcp_transport_tells_the_address_of_tor() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let stream = TcpStream::connect(address).unwrap();
    let controller = Controller::from_authenticated(Transport::from(stream)).unwrap();
    assert_eq!(controller.control_address(), None);
    assert_eq!(controller.tor_address(), Some(&Address::Ip(address)));
}
