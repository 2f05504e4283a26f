//! Using a control port behind a filter that refuses most commands. The allowed
//! commands still work, and a refused command doesn't affect later ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use scape::Connect;
use scape::connection::ConnectionStatus;
use scape::control::{Caching, Refusal, Signal};
use scape::event::{EventBody, EventKind};
use scape::testing::ScriptedTor;

/// The timeout of waiting for an event.
const SOON: Duration = Duration::from_secs(20);

/// Returns a scripted filter that allows NEWNYM and the commands that a chat
/// program needs for its onion service. Like real filters, it answers all
/// others with 510.
fn filter() -> ScriptedTor {
    ScriptedTor::builder()
        .on_any(|line| {
            let answer = match line {
                "SIGNAL NEWNYM" | "QUIT" | "SETEVENTS" => "250 OK\r\n",
                "SETEVENTS CIRC" => "250 OK\r\n650 CIRC 1 BUILT PURPOSE=GENERAL\r\n",
                "GETINFO status/circuit-established" => {
                    "250-status/circuit-established=1\r\n250 OK\r\n"
                }
                _ if line.starts_with("PROTOCOLINFO") || line.starts_with("AUTHENTICATE") => {
                    return None;
                }
                _ => "510 Command filtered\r\n",
            };
            Some(answer.into())
        })
        .start()
        .unwrap()
}

#[test]
fn allowed_commands_work_and_refused_ones_name_the_filter() {
    let tor = filter();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    // The names of signals are unknown here, so they are not checked.
    controller.signal(Signal::NewNym).unwrap();
    controller.signal(Signal::NewNym).unwrap();
    assert_eq!(controller.get_info("status/circuit-established").unwrap(), "1");
    for error in [
        controller.version().unwrap_err(),
        controller.circuits().unwrap_err(),
        controller.get_conf("SocksPort").unwrap_err(),
        controller.set_conf([("SocksPort", "0")]).unwrap_err(),
        controller.signal(Signal::Halt).unwrap_err(),
        controller.take_ownership().unwrap_err(),
        controller.subscribe([EventKind::Stream]).unwrap_err(),
        controller.set_caching(Caching::Configuration).unwrap_err(),
    ] {
        let Some(refusal) = error.get::<Refusal>() else { panic!("{error}") };
        assert!(
            refusal.is_unrecognized_command() && refusal.text() == "Command filtered",
            "{error}"
        );
    }
    // The refused commands don't affect later ones.
    let events = controller.subscribe([EventKind::Circ]).unwrap();
    let event = events.next_timeout(SOON).unwrap();
    assert!(matches!(event.body(), EventBody::Circ(_)), "{event}");
    assert!(controller.is_alive());
    controller.sync().unwrap();
}

#[test]
fn status_listener_behind_a_filter_hears_of_the_end() {
    let tor = filter();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let (sender, told) = crossbeam_channel::unbounded();
    let _listener =
        controller.on_status(move |status| sender.send(status.clone()).unwrap()).unwrap();
    assert!(matches!(told.recv_timeout(SOON).unwrap(), ConnectionStatus::Connected));
    let _events = controller.subscribe([EventKind::Circ]).unwrap();
    tor.hang_up();
    assert!(matches!(told.recv_timeout(SOON).unwrap(), ConnectionStatus::Closed(_)));
}

#[test]
fn heartbeat_accepts_any_answer() {
    let tor = filter();
    let connect = Connect::new().heartbeat(Duration::from_millis(1));
    let controller = connect.authenticate_over(tor.transport().unwrap()).unwrap();
    tor.wait_for("GETINFO version").unwrap();
    controller.sync().unwrap();
    assert!(controller.is_open());
}

#[test]
fn long_refusal_does_not_delay_the_next_call() {
    let tor = ScriptedTor::builder()
        .on_any(|line| match line {
            "GETINFO config-text" => {
                Some(format!("551 {}\r\n", "x25519:a PrivateKey=b ".repeat(100_000)).into())
            }
            "GETINFO uptime" => Some("250-uptime=7\r\n250 OK\r\n".into()),
            _ => None,
        })
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let start = std::time::Instant::now();
    let error = controller.get_info("config-text").unwrap_err();
    assert!(error.get::<Refusal>().is_some());
    assert_eq!(controller.get_info("uptime").unwrap(), "7");
    assert!(start.elapsed() < SOON, "{:?}", start.elapsed());
}

#[test]
fn close_quotes_only_a_refusal_that_ends_a_connection() {
    let last_words = |code: &'static str| {
        let tor = ScriptedTor::builder()
            .on_any(move |line| {
                (line == "GETINFO config-text").then(|| format!("{code} because\r\n").into())
            })
            .start()
            .unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        controller.get_info("config-text").unwrap_err();
        tor.hang_up();
        let closed = controller.wait_closed(SOON).unwrap();
        match closed.cause() {
            scape::connection::CloseCause::Remote { last_words } => last_words.clone(),
            cause => panic!("{cause:?}"),
        }
    };
    assert_eq!(last_words("514").as_deref(), Some("514 because"));
    assert_eq!(last_words("500").as_deref(), Some("500 because"));
    assert_eq!(last_words("551"), None);
    assert_eq!(last_words("510"), None);
}
