//! Adding and removing client keys while the `ClientOnionAuthDir` contains a
//! permanent key that can't be read.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::time::Duration;

use scape::control::{ArgumentError, ClientAuth, ClientAuthAdded};
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::word::{ClientKey, OnionAddress};
use scape::{Connect, Controller};

const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
const BEFORE: &str = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";

fn controller(tor: &ScriptedTor) -> Controller {
    Connect::new()
        .timeout(Duration::from_secs(20))
        .authenticate_over(tor.transport().unwrap())
        .unwrap()
}

/// Returns a builder of a scripted tor with a relative path as
/// ClientOnionAuthDir, and with a permanent client key for the service `A`.
fn tor() -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .on("GETCONF ClientOnionAuthDir", "250 ClientOnionAuthDir=auth\r\n")
        .on(
            format!("ONION_CLIENT_AUTH_VIEW {A}"),
            format!(
                "250-ONION_CLIENT_AUTH_VIEW {A}\r\n250-CLIENT {A} {BEFORE} Flags=Permanent\r\n250 OK\r\n"
            ),
        )
        .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n")
        .on_prefix("ONION_CLIENT_AUTH_REMOVE", "250 OK\r\n")
}

/// Returns the commands about client keys that tor has received, without their
/// common prefix.
fn sent(tor: &ScriptedTor) -> Vec<String> {
    let sent = tor.sent();
    sent.iter()
        .filter_map(|line| line.strip_prefix("ONION_CLIENT_AUTH_"))
        .map(str::to_owned)
        .collect()
}

fn auth() -> ClientAuth {
    ClientAuth::new(A.parse::<OnionAddress>().unwrap(), ClientKey::from_bytes([7; 32])).permanent()
}

#[test]
fn permanent_key_that_tor_has_is_removed_first() {
    let tor = tor().start().unwrap();
    let added = controller(&tor).onion_client_auth().add(&auth()).unwrap();
    assert_eq!(added, ClientAuthAdded::Replaced);
    let key = auth().key.to_blob();
    assert_eq!(
        sent(&tor),
        [format!("VIEW {A}"), format!("REMOVE {A}"), format!("ADD {A} {} Flags=Permanent", *key),]
    );
}

#[test]
fn removed_key_is_restored_if_tor_refuses_the_new_one() {
    let new = auth().key.to_blob().to_string();
    let tor = tor()
        .on_prefix(format!("ONION_CLIENT_AUTH_ADD {A} {new}"), "553 Unable to add\r\n")
        .start()
        .unwrap();
    let error = controller(&tor).onion_client_auth().add(&auth()).unwrap_err();
    assert_eq!(error.code(), Some(553));
    assert_eq!(sent(&tor).last().unwrap(), &format!("ADD {A} {BEFORE} Flags=Permanent"));
}

#[test]
fn key_is_added_if_a_filter_hides_the_existing_keys() {
    // Like Whonix's profile for client authorization, this filter allows only
    // this command.
    let tor = ScriptedTor::builder()
        .on_any(|line| line.starts_with("GETCONF").then(|| "510 Command filtered\r\n".into()))
        .on_prefix("ONION_CLIENT_AUTH_ADD", "250 OK\r\n")
        .start()
        .unwrap();
    let controller = controller(&tor);
    assert_eq!(controller.onion_client_auth().add(&auth()).unwrap(), ClientAuthAdded::New);
    // A key that is kept in memory only is sent without a question.
    let memory = ClientAuth::new(auth().address, auth().key);
    controller.onion_client_auth().add(&memory).unwrap();
    assert_eq!(sent(&tor).iter().filter(|line| line.starts_with("VIEW")).count(), 1);
    let no_name = controller.onion_client_auth().add(&auth().name("two words")).unwrap_err();
    assert!(no_name.get::<ArgumentError>().is_some(), "{no_name}");
}

#[test]
fn removed_key_is_restored_on_the_next_connection_unless_tor_has_one() {
    const SOON: Duration = Duration::from_secs(20);
    // The command after which the connection ends, and whether tor has the key
    // when the connection is open again.
    for (last, has_key) in [("ADD", false), ("ADD", true), ("REMOVE", false)] {
        let silent = tor().on_prefix(format!("ONION_CLIENT_AUTH_{last}"), "").listen().unwrap();
        let restored = match has_key {
            true => tor(),
            false => tor().on(
                format!("ONION_CLIENT_AUTH_VIEW {A}"),
                format!("250-ONION_CLIENT_AUTH_VIEW {A}\r\n250 OK\r\n"),
            ),
        };
        let restored = restored.listen().unwrap();
        let (first, second) = (silent.address().cloned(), restored.address().cloned());
        let addresses = parking_lot::Mutex::new([first, second].into_iter().flatten());
        let controller = Connect::through(move || {
            let address = addresses.lock().next().ok_or(std::io::ErrorKind::ConnectionRefused)?;
            scape::transport::Transport::connect(&address, std::time::Instant::now() + SOON)
        })
        .timeout(SOON)
        .reconnect(scape::control::Reconnect::new())
        .connect()
        .unwrap();
        let error = std::thread::scope(|scope| {
            let adding = scope.spawn(|| controller.onion_client_auth().add(&auth()).unwrap_err());
            silent.wait_for(&format!("ONION_CLIENT_AUTH_{last}")).unwrap();
            silent.hang_up();
            adding.join().unwrap()
        });
        assert!(error.is_closed() && !error.to_string().contains("lost"), "{error}");
        let mut expected = vec![format!("VIEW {A}")];
        if !has_key {
            expected.push(format!("ADD {A} {BEFORE} Flags=Permanent"));
        }
        assert_eq!(sent(&restored), expected, "{last}");
    }
}

#[test]
fn error_says_that_a_removed_key_may_be_lost() {
    let tor = tor().on_prefix("ONION_CLIENT_AUTH_ADD", "").start().unwrap();
    let controller = controller(&tor);
    let error = std::thread::scope(|scope| {
        let adding = scope.spawn(|| controller.onion_client_auth().add(&auth()).unwrap_err());
        tor.wait_for("ONION_CLIENT_AUTH_ADD").unwrap();
        tor.hang_up();
        adding.join().unwrap()
    });
    let text = error.to_string();
    assert!(error.is_closed() && text.contains(A) && text.contains("may be lost"), "{text}");
    assert!(!format!("{error:?} {error:#?}").contains("8FqJ"), "{error:#?}");
    assert!(error.get::<scape::connection::Closed>().is_some());
}
