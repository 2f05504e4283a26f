//! Cached answers are never older than the last change.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::thread;
use std::time::{Duration, Instant};

use scape::control::{Caching, Signal};
use scape::testing::ScriptedTor;
use scape::{Connect, Controller};

/// The timeout of waiting for an event.
const SOON: Duration = Duration::from_secs(20);

fn tor() -> (ScriptedTor, Controller) {
    let tor = ScriptedTor::builder()
        .info("version", "0.4.9.11")
        .info("uptime", "7")
        .info("signal/names", "RELOAD NEWNYM")
        .on_prefix("GETCONF", "250 Nickname=one\r\n")
        .on_prefix("SETCONF", "250 OK\r\n")
        .on_prefix("RESETCONF", "250 OK\r\n")
        .on_prefix("+LOADCONF", "250 OK\r\n")
        .on_prefix("SIGNAL", "250 OK\r\n")
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    (tor, controller)
}

fn asked(tor: &ScriptedTor, line: &str) -> usize {
    tor.sent().iter().filter(|sent| *sent == line).count()
}

#[test]
fn constant_getinfo_keys_are_requested_once() {
    let (tor, controller) = tor();
    for _ in 0..3 {
        assert_eq!(controller.get_info("version").unwrap(), "0.4.9.11");
        assert_eq!(controller.version().unwrap().to_string(), "0.4.9.11");
        assert_eq!(controller.get_info("uptime").unwrap(), "7");
        assert_eq!(controller.get_conf("Nickname").unwrap().as_deref(), Some("one"));
    }
    assert_eq!(asked(&tor, "GETINFO version"), 1);
    assert_eq!(asked(&tor, "GETINFO uptime"), 3);
    assert_eq!(asked(&tor, "GETCONF Nickname"), 3);
    // Several keys come from the cache only if all of them are cached.
    assert_eq!(controller.info().get_many(["version", "uptime"]).unwrap(), ["0.4.9.11", "7"]);
    assert_eq!(asked(&tor, "GETINFO version uptime"), 1);
}

#[test]
fn caching_off_keeps_no_answers() {
    let (tor, controller) = tor();
    controller.get_info("version").unwrap();
    controller.set_caching(Caching::Off).unwrap();
    assert_eq!(controller.set_caching(Caching::Off).unwrap(), Caching::Off);
    for _ in 0..3 {
        controller.get_info("version").unwrap();
    }
    assert_eq!(asked(&tor, "GETINFO version"), 4);
}

#[test]
fn cached_options_are_kept_until_they_change() {
    let (tor, controller) = tor();
    controller.set_caching(Caching::Configuration).unwrap();
    let ask = || controller.get_conf("Nickname").unwrap();
    let count = || asked(&tor, "GETCONF Nickname");
    ask();
    ask();
    assert_eq!(count(), 1);
    let changes: [&dyn Fn(); 5] = [
        &|| controller.set_conf([("Nickname", "two")]).unwrap(),
        &|| controller.reset_conf(["Nickname"]).unwrap(),
        &|| controller.load_conf("Nickname two").unwrap(),
        &|| controller.signal(Signal::Reload).unwrap(),
        &|| drop(controller.msg("setconf Nickname=two").unwrap()),
    ];
    for (before, change) in changes.into_iter().enumerate() {
        change();
        ask();
        ask();
        assert_eq!(count(), before + 2);
    }
    for event in ["650-CONF_CHANGED\r\n650-Nickname=three\r\n650 OK\r\n", "650 SIGNAL RELOAD\r\n"] {
        let before = count();
        tor.send(event);
        // The cache is emptied as soon as the event has arrived.
        let deadline = Instant::now() + SOON;
        while count() == before {
            assert!(Instant::now() < deadline);
            ask();
        }
    }
    let before = count();
    ask();
    tor.send("650 SIGNAL NEWNYM\r\n");
    controller.sync().unwrap();
    ask();
    assert_eq!(count(), before, "that is no change");
    assert!(asked(&tor, "SETEVENTS SIGNAL CONF_CHANGED") == 1, "{:?}", tor.sent());
    controller.set_caching(Caching::Constants).unwrap();
    ask();
    assert_eq!(count(), before + 1);
    tor.wait_for("SETEVENTS ").unwrap();
}

#[test]
fn configuration_caching_fails_without_its_events() {
    let tor = ScriptedTor::builder()
        .on_prefix("SETEVENTS", "510 Command filtered\r\n")
        .info("version", "0.4.9.11")
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    assert_eq!(controller.set_caching(Caching::Configuration).unwrap_err().code(), Some(510));
    assert_eq!(controller.set_caching(Caching::Constants).unwrap(), Caching::Constants);
    controller.get_info("version").unwrap();
    controller.get_info("version").unwrap();
    assert_eq!(asked(&tor, "GETINFO version"), 1);
    let connect = Connect::new().caching(Caching::Configuration);
    assert!(connect.authenticate_over(tor.transport().unwrap()).is_err());
}

#[test]
fn cached_option_is_never_older_than_a_threads_own_change() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    let value = Arc::new(AtomicUsize::new(0));
    let inside = value.clone();
    let tor = ScriptedTor::builder()
        .on_any(move |line| {
            if let Some(set) = line.strip_prefix("SETCONF MaxCircuitDirtiness=") {
                inside.fetch_max(set.trim_matches('"').parse().unwrap(), Ordering::SeqCst);
                return Some(b"250 OK\r\n".to_vec());
            }
            line.strip_prefix("GETCONF")?;
            Some(
                format!("250 MaxCircuitDirtiness={}\r\n", inside.load(Ordering::SeqCst))
                    .into_bytes(),
            )
        })
        .start()
        .unwrap();
    let connect = Connect::new().caching(Caching::Configuration);
    let controller = connect.authenticate_over(tor.transport().unwrap()).unwrap();
    let next = Arc::new(AtomicUsize::new(1));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let (controller, next) = (controller.clone(), next.clone());
            thread::spawn(move || {
                for _ in 0..200 {
                    let mine = next.fetch_add(1, Ordering::SeqCst);
                    controller.set_conf([("MaxCircuitDirtiness", mine.to_string())]).unwrap();
                    let seen: usize = controller
                        .get_conf("MaxCircuitDirtiness")
                        .unwrap()
                        .unwrap()
                        .parse()
                        .unwrap();
                    assert!(seen >= mine, "{seen} was before {mine}");
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
}
