//! Listening at `onion:` endpoints: the commands that tor receives, and the
//! progress reports. Checks that nothing is sent before listening.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use scape::control::OnionTarget;
use scape::endpoint::{EndpointError, EndpointProblem, OnionEndpoint};
use scape::error::IoError;
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::word::{OnionKey, Progress};
use scape::{Connect, Tor};

const CLIENT: &str = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
const LONG: Duration = Duration::from_secs(20);

fn key() -> OnionKey {
    OnionKey::from_seed(&[7; 32])
}

/// Returns a builder of a scripted tor that has bootstrapped, and that
/// publishes the service of [`key`] at once.
fn tor() -> ScriptedTorBuilder {
    let id = key().address().service_id();
    let relay = "$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1";
    let mut published = format!("250-ServiceID={id}\r\n250 OK\r\n");
    for descriptor in ["one", "two"] {
        published += &format!("650 HS_DESC CREATED {id} UNKNOWN UNKNOWN {descriptor}\r\n");
        published +=
            &format!("650 HS_DESC UPLOAD {id} UNKNOWN {relay} {descriptor} HSDIR_INDEX=AA\r\n");
        published += &format!("650 HS_DESC UPLOADED {id} UNKNOWN {relay}\r\n");
    }
    ready().on_prefix("ADD_ONION", published)
}

/// Returns a builder of a scripted tor that has bootstrapped, isn't in
/// single-hop mode, and accepts every DEL_ONION.
fn ready() -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .info("status/bootstrap-phase", r#"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY="Done""#)
        .info("status/enough-dir-info", "1")
        .info("dormant", "0")
        .on_prefix(
            "GETCONF HiddenServiceNonAnonymousMode",
            "250-HiddenServiceNonAnonymousMode=0\r\n250 HiddenServiceSingleHopMode=0\r\n",
        )
        .on_prefix("DEL_ONION", "250 OK\r\n")
}

fn escaped(text: impl ToString) -> String {
    text.to_string().replace(':', r"\:")
}

/// Returns the commands with this prefix that tor has received.
fn sent(tor: &ScriptedTor, prefix: &str) -> Vec<String> {
    tor.sent().into_iter().filter(|line| line.starts_with(prefix)).collect()
}

fn is_sent(tor: &ScriptedTor) -> bool {
    tor.sent().iter().any(|line| line.starts_with("ADD_ONION") || line.starts_with("SETCONF"))
}

/// Connects to the service's target in the same way as tor.
fn connect(target: &OnionTarget) -> TcpStream {
    let OnionTarget::Tcp(address) = target else { panic!("{target}") };
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

#[test]
fn listen_adds_the_endpoints_service_and_removes_it_with_the_listener() {
    let tor = tor().listen().unwrap();
    let key = key();
    let text = format!(
        "onion:80,81:controlPort={}:privateKey={}:client={CLIENT}:maxStreams=5:pow=true:detach=true:localAddress=127.0.0.1",
        escaped(tor.address().unwrap()),
        escaped(&*key.to_blob()),
    );
    let listener = scape::listen(text).unwrap();
    assert_eq!(*listener.address(), key.address());
    let added = sent(&tor, "ADD_ONION").pop().unwrap();
    let local = listener.local_addr();
    for word in [
        "Flags=Detach,V3Auth",
        "MaxStreams=5",
        "PoWDefensesEnabled=1",
        &format!("Port=80,{local}"),
        &format!("Port=81,{local}"),
        &format!("ClientAuthV3={CLIENT}"),
    ] {
        assert!(added.split(' ').any(|w| w == word), "{word}: {added}");
    }

    connect(local).write_all(b"hello").unwrap();
    let mut stream = listener.accept_timeout(LONG).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    assert_eq!(said, "hello");
    listener.close().unwrap();
    assert_eq!(sent(&tor, "DEL_ONION"), [format!("DEL_ONION {}", key.address().service_id())]);
}

#[test]
fn listen_progress_rises_to_done() {
    let scripted = tor().start().unwrap();
    let tor = Tor::from(Connect::new().authenticate_over(scripted.transport().unwrap()).unwrap());
    let steps = Arc::new(Mutex::new(Vec::<Progress>::new()));
    let told = steps.clone();
    let endpoint = OnionEndpoint::new(80).unwrap().private_key(key());
    let listener =
        endpoint.listen_through(&tor, move |step| told.lock().push(step.clone())).unwrap();
    let steps = std::mem::take(&mut *steps.lock());
    let percents: Vec<u8> = steps.iter().map(|step| step.percent).collect();
    assert!(percents.is_sorted(), "{percents:?}");
    // An existing tor counts as 40 percent.
    assert!(percents.first().is_some_and(|first| *first >= 40), "{percents:?}");
    assert!(steps.last().is_some_and(Progress::is_done), "{percents:?}");
    // Both ports belong to one service and have sockets of their own.
    assert_eq!(listener.port(), 80);
    drop(listener);
}

#[test]
fn listen_without_a_control_port_uses_the_global_tor() {
    let scripted = tor().start().unwrap();
    let tor = Tor::from(Connect::new().authenticate_over(scripted.transport().unwrap()).unwrap());
    tor.set_global();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a:b=c.key");
    std::fs::write(&path, key().to_blob().as_bytes()).unwrap();
    let endpoint = OnionEndpoint::new(80).unwrap().private_key_file(path);
    let again: OnionEndpoint = endpoint.to_string().parse().unwrap();
    let listener = scape::endpoint::listen_with(&again, |_| {}).unwrap();
    assert_eq!(*listener.address(), key().address());
    // Only the listener keeps the tor.
    drop(tor);
    assert!(Tor::global().unwrap().is_alive());
}

#[test]
fn listen_binds_the_named_local_port() {
    let scripted = tor().start().unwrap();
    let tor = Tor::from(Connect::new().authenticate_over(scripted.transport().unwrap()).unwrap());
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let endpoint: OnionEndpoint = format!("onion:80:localPort={port}").parse().unwrap();
    // If the local port is taken, no service is added.
    let error = endpoint.clone().private_key(key()).listen_through(&tor, |_| {}).unwrap_err();
    assert!(error.get::<IoError>().is_some(), "{error}");
    assert!(!is_sent(&scripted));
    drop(taken);
    let listener = endpoint.private_key(key()).listen_through(&tor, |_| {}).unwrap();
    assert_eq!(listener.local_addr().to_string(), format!("127.0.0.1:{port}"));
}

#[test]
#[cfg(unix)]
fn listen_creates_and_removes_the_unix_socket() {
    let scripted = tor().start().unwrap();
    let tor = Tor::from(Connect::new().authenticate_over(scripted.transport().unwrap()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let endpoint = OnionEndpoint::new(80).unwrap().private_key(key()).unix_socket(&path);
    let listener = endpoint.listen_through(&tor, |_| {}).unwrap();
    assert!(path.exists());
    let added = sent(&scripted, "ADD_ONION").pop().unwrap();
    assert!(added.contains(&format!("Port=80,unix:{}", path.display())), "{added}");
    drop(listener);
    assert!(!path.exists());
}

#[test]
fn listen_reports_mistakes_before_it_adds_a_service() {
    let scripted = tor().start().unwrap();
    let tor = Tor::from(Connect::new().authenticate_over(scripted.transport().unwrap()).unwrap());
    let folder = tempfile::tempdir().unwrap();
    let no_key = folder.path().join("no.key");
    std::fs::write(&no_key, "no key").unwrap();
    let at = || OnionEndpoint::new(80).unwrap();
    let cases = [
        (at().local_address("0.0.0.0".parse().unwrap()), "localAddress"),
        (at().local_address("::".parse().unwrap()), "localAddress"),
        (at().private_key_file(no_key), "privateKeyFile"),
        (at().hidden_service_dir("x").detach(), "hiddenServiceDir"),
        (at().client(CLIENT.parse().unwrap()).hidden_service_dir("x"), "hiddenServiceDir"),
    ];
    for (endpoint, option) in cases {
        let error = endpoint.listen_through(&tor, |_| {}).unwrap_err();
        let Some(error) = error.get::<EndpointError>() else { panic!("{endpoint}: {error}") };
        assert_eq!(error.option(), Some(option), "{error}");
    }
    // A tor that hides its services can't add single-hop ones.
    let error = at().single_hop().listen_through(&tor, |_| {}).unwrap_err();
    assert!(error.to_string().contains("HiddenServiceSingleHopMode"), "{error}");
    assert!(!is_sent(&scripted));

    let error = scape::listen("tor:example.com:80").unwrap_err();
    let problem = error.get().map(EndpointError::problem);
    assert_eq!(problem, Some(&EndpointProblem::OtherKind { needed: "onion" }));
}

#[test]
fn listen_removes_a_service_that_is_not_published_in_time() {
    let id = key().address().service_id();
    // tor sends no events about uploads.
    let scripted = ready()
        .on_prefix("ADD_ONION", format!("250-ServiceID={id}\r\n250 OK\r\n"))
        .on_prefix("GETCONF", "250 PublishHidServDescriptors=1\r\n")
        .start()
        .unwrap();
    let tor = Tor::from(Connect::new().authenticate_over(scripted.transport().unwrap()).unwrap());
    let endpoint =
        OnionEndpoint::new(80).unwrap().private_key(key()).timeout(Duration::from_secs(2));
    let error = endpoint.listen_through(&tor, |_| {}).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(sent(&scripted, "DEL_ONION").len(), 1);
}
