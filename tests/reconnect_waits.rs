//! Calls that wait for an event, and calls that send several commands, during a
//! reconnect to another tor. Events of the new tor may not count as answers of
//! the previous one. Commands that depend on the previous tor's answers may not
//! be sent to the new one.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/place.rs"]
mod place;

use std::fmt::Debug;
use std::fmt::Write;
use std::thread;
use std::time::{Duration, Instant};

use place::{Place, SOON, eager, plain};
use scape::control::ExtendCircuit;
use scape::event::EventKind;
use scape::onion::disk::DiskOnions;
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::word::{CircuitId, StreamId};
use scape::{CancelToken, Controller, Error, Result, Tor};

/// A timeout that is longer than any test takes.
const LONG: Duration = Duration::from_secs(60);
const SERVICE: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
const ONE: &str = "$607CC6F7FDEBDE658A9739AE613CF8991B95BC35~one";

/// Ends tor when it has received `command`, reconnects to another tor, and
/// makes this new tor send `event`. The call must fail soon because its tor is
/// gone, and the new tor must receive none of the call's commands.
fn fails_over_a_reconnect<T: Debug + Send>(
    tor: ScriptedTorBuilder,
    command: &str,
    event: &str,
    call: impl FnOnce(&Controller) -> Result<T> + Send,
) {
    let place = Place::default();
    place.put(tor.start().unwrap());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let begun = Instant::now();
    let result = thread::scope(|scope| {
        let caller = controller.clone();
        let calling = scope.spawn(move || call(&caller));
        place.with(|tor| tor.wait_for(command).unwrap());
        // tor answers commands in order. So when `sync` returns, the call has
        // its answer and waits for its event.
        controller.sync().unwrap();
        thread::sleep(Duration::from_millis(20));
        place.kill();
        controller.wait_closed(SOON).unwrap();
        place.put(plain());
        controller.wait_connected(SOON).unwrap();
        place.with(|tor| tor.send(event));
        calling.join().unwrap()
    });
    assert!(result.as_ref().is_err_and(Error::is_closed), "{command}: {result:?}");
    assert!(begun.elapsed() < SOON, "{command}: {:?}", begun.elapsed());
    controller.sync().unwrap();
    let sent = place.with(ScriptedTor::sent);
    let known = ["PROTOCOLINFO", "AUTHENTICATE", "SETEVENTS", "GETINFO version"];
    let others = sent.iter().filter(|line| !known.iter().any(|known| line.starts_with(known)));
    assert_eq!(others.collect::<Vec<_>>(), [""; 0], "{command}");
}

#[test]
fn build_circuit_ignores_circuits_of_the_next_tor() {
    let built =
        "650 CIRC 7 BUILT $607CC6F7FDEBDE658A9739AE613CF8991B95BC35~one PURPOSE=GENERAL\r\n";
    let tor = ScriptedTor::builder().on("EXTENDCIRCUIT 0", "250 EXTENDED 7\r\n");
    fails_over_a_reconnect(tor, "EXTENDCIRCUIT", built, |tor| {
        tor.build_circuit(&ExtendCircuit::new(), LONG)
    });
    let tor = ScriptedTor::builder().info("circuit-status", "7 EXTENDED PURPOSE=GENERAL");
    fails_over_a_reconnect(tor, "GETINFO circuit-status", built, |tor| {
        tor.wait_built(CircuitId::new(7), LONG)
    });
}

#[test]
fn resolve_ignores_addresses_of_the_next_tor() {
    let asked = "250 OK\r\n650 STREAM 4 NEWRESOLVE 0 example.com:0 PURPOSE=DNS_REQUEST SESSION_GROUP=-3\r\n";
    let answer = "650 ADDRMAP other.example 192.0.2.9 \"2026-11-21 02:12:34\" EXPIRES=\"2026-11-21 02:12:34\" \
                  CACHED=\"NO\" STREAMID=4\r\n";
    let tor = ScriptedTor::builder().on("RESOLVE example.com", asked);
    fails_over_a_reconnect(tor, "RESOLVE", answer, |tor| tor.resolve("example.com", LONG));
}

#[test]
fn descriptor_calls_ignore_events_of_the_next_tor() {
    let address = SERVICE.parse().unwrap();
    let content =
        format!("650+HS_DESC_CONTENT {SERVICE} Ti8T {ONE}\r\nhs-descriptor 3\r\n.\r\n650 OK\r\n");
    let tor = ScriptedTor::builder().on_prefix("HSFETCH", "250 OK\r\n");
    fails_over_a_reconnect(tor, "HSFETCH", &content, |tor| {
        tor.hs_descriptors().fetch(address, LONG)
    });
    let uploaded = format!("650 HS_DESC UPLOADED {SERVICE} UNKNOWN {ONE}\r\n");
    let tor = ScriptedTor::builder().on_prefix("+HSPOST", "250 OK\r\n");
    fails_over_a_reconnect(tor, "+HSPOST", &uploaded, |tor| {
        tor.hs_descriptors().post(&address, "hs-descriptor 3\n", ["one"], LONG)
    });
}

#[test]
fn signal_calls_ignore_events_of_the_next_tor() {
    let tor = || {
        ScriptedTor::builder()
            .info("signal/names", "NEWNYM ACTIVE")
            .on_prefix("SIGNAL", "250 OK\r\n")
    };
    fails_over_a_reconnect(tor(), "SIGNAL", "650 SIGNAL NEWNYM\r\n", |tor| tor.new_identity(LONG));
    fails_over_a_reconnect(tor(), "SIGNAL", "650 SIGNAL ACTIVE\r\n", |tor| tor.wake(LONG));
}

#[test]
fn become_ready_goes_on_with_the_next_tor() {
    for is_filtered in [false, true] {
        goes_on_with_the_next(|percent, enough| {
            let tor = bootstrapping(percent, enough);
            let filtered = "510 Command filtered\r\n";
            let tor = if is_filtered { tor.on("SETEVENTS STATUS_CLIENT", filtered) } else { tor };
            tor.start().unwrap()
        });
    }
}

fn bootstrapping(percent: u32, enough: &str) -> ScriptedTorBuilder {
    let phase = format!("NOTICE BOOTSTRAP PROGRESS={percent} TAG=some SUMMARY=\"Some\"");
    let tor = ScriptedTor::builder().info("status/bootstrap-phase", phase);
    let tor = tor.info("status/enough-dir-info", enough).info("signal/names", "ACTIVE");
    tor.on("SIGNAL ACTIVE", "250 OK\r\n650 SIGNAL ACTIVE\r\n")
}

#[test]
fn become_ready_is_cancelled_while_the_connection_is_down() {
    let place = Place::default();
    place.put(bootstrapping(50, "0").start().unwrap());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let token = CancelToken::new();
    let waiting = thread::spawn({
        let tor = Tor::from(controller.clone()).cancel_with(&token);
        move || tor.become_ready(Duration::from_secs(3))
    });
    place.with(|tor| tor.wait_for("GETINFO status/bootstrap-phase").unwrap());
    place.kill();
    controller.wait_closed(SOON).unwrap();
    thread::sleep(Duration::from_millis(50));
    token.cancel();
    let error = waiting.join().unwrap().unwrap_err();
    assert!(error.is_cancelled(), "{error}");
}

fn goes_on_with_the_next(tor: impl Fn(u32, &str) -> ScriptedTor) {
    let place = Place::default();
    place.put(tor(50, "0"));
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let waiting = thread::spawn({
        let tor = Tor::from(controller.clone());
        move || tor.become_ready(LONG)
    });
    place.with(|tor| tor.wait_for("GETINFO status/bootstrap-phase").unwrap());
    place.kill();
    controller.wait_closed(SOON).unwrap();
    // The connection is down when the next step is requested.
    thread::sleep(Duration::from_millis(700));
    // The next tor reports that it is ready before anybody asks, and not again.
    place.put(tor(100, "1"));
    let begun = Instant::now();
    waiting.join().unwrap().unwrap();
    assert!(begun.elapsed() < SOON, "{:?}", begun.elapsed());
}

/// Reconnects between two commands of a call: after the answer to `first` has
/// arrived, but before the call has read this long answer. The call must fail,
/// and the new tor must not receive the rest of the call's commands.
fn stays_on_its_tor<T: Debug + Send>(
    tor: ScriptedTorBuilder,
    first: &'static str,
    call: impl FnOnce(&Controller) -> Result<T> + Send,
) {
    let place = Place::default();
    place.put(tor.start().unwrap());
    let controller = place.connect().connect().unwrap();
    let _events = controller.subscribe([EventKind::Bw]).unwrap();
    let result = thread::scope(|scope| {
        let caller = controller.clone();
        let calling = scope.spawn(move || call(&caller));
        place.with(|tor| tor.wait_for(first).unwrap());
        // tor answers commands in order, so the call's answer has arrived when
        // this command has ended.
        controller.get_info("version").unwrap_err();
        place.put(agreeing());
        let made = controller.reconnect();
        assert!(made.is_ok(), "{made:?}");
        assert!(!calling.is_finished(), "{first}: the answer is read too quickly for this test");
        calling.join().unwrap()
    });
    assert!(result.as_ref().is_err_and(Error::is_closed), "{first}: {result:?}");
    let sent = place.with(ScriptedTor::sent);
    let known = ["PROTOCOLINFO", "AUTHENTICATE", "SETEVENTS"];
    let others = sent.iter().filter(|line| !known.iter().any(|known| line.starts_with(known)));
    assert_eq!(others.collect::<Vec<_>>(), [""; 0], "{first}");
}

/// Returns a scripted tor that accepts every command.
fn agreeing() -> ScriptedTor {
    let commands = ["ATTACHSTREAM", "SETCONF", "SETCIRCUITPURPOSE", "ONION_CLIENT_AUTH"];
    let tor = commands
        .iter()
        .fold(ScriptedTor::builder(), |tor, command| tor.on_prefix(*command, "250 OK\r\n"));
    tor.start().unwrap()
}

fn many(line: impl Fn(u32) -> String) -> String {
    (100..30_000).fold(String::new(), |mut text, number| {
        writeln!(text, "{}", line(number)).unwrap();
        text
    })
}

fn circuits() -> String {
    format!(
        "{}7 BUILT {ONE} PURPOSE=GENERAL",
        many(|n| format!("{n} BUILT {ONE},{ONE},{ONE} PURPOSE=GENERAL"))
    )
}

fn streams() -> String {
    format!("{}12 NEW 0 a.example:80", many(|n| format!("{n} SUCCEEDED 7 host{n}.example.com:80")))
}

#[test]
fn stream_of_another_tor_is_not_attached() {
    for stream in ["12 NEW 0 a.example:80", "12 NEWRESOLVE 0 a.example:0"] {
        let tor =
            ScriptedTor::builder().info("circuit-status", circuits()).info("stream-status", stream);
        stays_on_its_tor(tor, "GETINFO circuit-status", |tor| {
            tor.attach_stream(StreamId::new(12), CircuitId::new(7), None)
        });
    }
}

#[test]
fn streams_of_another_tor_are_not_released() {
    let tor = ScriptedTor::builder()
        .on("GETCONF __LeaveStreamsUnattached", "250 __LeaveStreamsUnattached=1\r\n")
        .on("ONION_CLIENT_AUTH_VIEW", "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n")
        .on("SETCONF __LeaveStreamsUnattached=0", "250 OK\r\n")
        .info("stream-status", streams());
    stays_on_its_tor(tor, "GETINFO stream-status", Controller::release_streams);
}

#[test]
fn client_keys_of_one_tor_are_not_sent_to_another() {
    let key = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";
    let keys = many(|_| format!("250-CLIENT {SERVICE} {key}")).replace('\n', "\r\n");
    let view = format!("250-ONION_CLIENT_AUTH_VIEW\r\n{keys}250 OK\r\n");
    let tor = ScriptedTor::builder().on("ONION_CLIENT_AUTH_VIEW", view);
    stays_on_its_tor(tor, "ONION_CLIENT_AUTH_VIEW", |tor| tor.set_conf([("ContactInfo", "me")]));
}

#[test]
fn onion_services_of_one_tor_are_not_sent_to_another() {
    let lines = many(|n| format!("250-HiddenServiceDir=/services/{n}")).replace('\n', "\r\n");
    let group = format!("{lines}250 HiddenServiceDir=/services/1\r\n");
    let tor = ScriptedTor::builder().on("GETCONF HiddenServiceOptions", group);
    stays_on_its_tor(tor, "GETCONF HiddenServiceOptions", |tor| {
        DiskOnions::of(tor).edit(|services| {
            services.clear();
            Ok(())
        })
    });
}
