//! SIGNAL RELOAD when tor acts on it late, and when a filter hides tor's
//! events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use scape::control::Signal;
use scape::error::{Phase, Timeout};
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::{CancelToken, Connect, Controller};

const KEY: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid \
                   x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";

/// Returns a builder of a scripted tor that lists a client key at the first
/// request, and none at later requests.
fn tor() -> ScriptedTorBuilder {
    let mut looked = 0;
    ScriptedTor::builder().on_any(move |line| {
        Some(match line {
            "ONION_CLIENT_AUTH_VIEW" => {
                looked += 1;
                let key = if looked == 1 { format!("250-CLIENT {KEY}\r\n") } else { String::new() };
                format!("250-ONION_CLIENT_AUTH_VIEW\r\n{key}250 OK\r\n").into()
            }
            "SIGNAL RELOAD" => "250 OK\r\n".into(),
            "GETINFO signal/names" => "250-signal/names=RELOAD HUP\r\n250 OK\r\n".into(),
            _ if line.starts_with("ONION_CLIENT_AUTH_ADD") => "250 OK\r\n".into(),
            _ => return None,
        })
    })
}

fn connect(tor: &ScriptedTor) -> Controller {
    Connect::new().authenticate_over(tor.transport().unwrap()).unwrap()
}

#[test]
fn client_keys_are_restored_when_tor_reloads_after_the_call_has_ended() {
    for cancels in [false, true] {
        let tor = tor().start().unwrap();
        let controller = connect(&tor);
        let error = match cancels {
            false => controller
                .with_timeout(Duration::from_millis(200))
                .signal(Signal::Reload)
                .unwrap_err(),
            true => {
                let token = CancelToken::new();
                let cancellable = controller.cancel_with(&token);
                std::thread::scope(|scope| {
                    let call = scope
                        .spawn(move || cancellable.msg("SIGNAL RELOAD").map(drop).unwrap_err());
                    tor.wait_for("SIGNAL RELOAD").unwrap();
                    std::thread::sleep(Duration::from_millis(50));
                    token.cancel();
                    call.join().unwrap()
                })
            }
        };
        match error.get::<Timeout>() {
            Some(timeout) => assert!(!cancels && timeout.phase() == Phase::Signal),
            None => assert!(cancels && error.is_cancelled(), "{error}"),
        }
        tor.send("650 SIGNAL NEWNYM\r\n650 SIGNAL RELOAD\r\n");
        let given = tor.wait_for("ONION_CLIENT_AUTH_ADD").unwrap();
        assert_eq!(given, format!("ONION_CLIENT_AUTH_ADD {KEY}"));
    }
}

#[test]
fn reload_without_keys_waits_for_nothing() {
    let none = "250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n";
    let tor = tor().on("ONION_CLIENT_AUTH_VIEW", none).start().unwrap();
    connect(&tor).signal(Signal::Reload).unwrap();
}

#[test]
fn reload_behind_a_filter_that_hides_signals_or_keys_waits_for_nothing() {
    for (hidden, answer) in [
        ("SETEVENTS SIGNAL", "552 Unrecognized event \"SIGNAL\"\r\n"),
        ("ONION_CLIENT_AUTH_VIEW", "510 Command filtered\r\n"),
    ] {
        let tor = tor().on(hidden, answer).start().unwrap();
        connect(&tor).signal(Signal::from("HUP")).unwrap();
        assert_eq!(tor.wait_for("SIGNAL").unwrap(), "SIGNAL RELOAD", "{hidden}");
    }
}

#[test]
fn client_keys_are_restored_when_tor_answers_the_signal_after_the_call_has_ended() {
    let tor = tor().on_any(|line| (line == "SIGNAL RELOAD").then(Vec::new)).start().unwrap();
    let controller = connect(&tor).with_timeout(Duration::from_millis(200));
    assert!(controller.msg("SIGNAL RELOAD").unwrap_err().is_timeout());
    tor.send("250 OK\r\n650 SIGNAL RELOAD\r\n");
    let given = tor.wait_for("ONION_CLIENT_AUTH_ADD").unwrap();
    assert_eq!(given, format!("ONION_CLIENT_AUTH_ADD {KEY}"));
}
