//! Endpoint strings on a network: dialing and listening with each form of them.

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scape::OnionListener;
use scape::control::{ArgumentError, ClientAuth};
use scape::endpoint::{ClientEndpoint, OnionEndpoint};
use scape::onion::disk::DiskOnions;
use scape::socks::SocksError;
use scape::testing::TestNetwork;
use scape::word::{ClientKey, OnionAddress, Progress};
use scape::{Error, Tor};

use crate::onions::added::{is_final, server};
use crate::{NAME, SOON};

cases! {
    // These cases are in the group of the `Tor::global` tests, because both set
    // the global tor.
    TORS:
    endpoint_strings_dial_a_name_with_every_option = dials,
    endpoint_strings_listen_on_two_ports_of_the_global_tor = listens,
    endpoint_strings_key_file_keeps_the_onion_address = key_file,
    endpoint_strings_listen_on_a_unix_socket_for_one_client = authorized_unix_socket,
    endpoint_strings_listen_at_a_hidden_service_dir = hidden_service_dir,
    endpoint_strings_listen_at_a_single_hop_service = single_hop,
}

fn escaped(text: impl ToString) -> String {
    text.to_string().replace('\\', r"\\").replace(':', r"\:").replace('=', r"\=")
}

/// Returns the endpoint options that select the network's client.
fn control(network: &TestNetwork) -> String {
    format!("controlPort={}:timeout={}", escaped(network.control_address()), SOON.as_secs())
}

fn said(mut stream: impl Read) -> String {
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// Dials a service, and returns the text that it sends. Tries again on other
/// circuits while the descriptor is being uploaded, and while the client has an
/// outdated descriptor.
fn read(endpoint: &str) -> Result<String, Error> {
    let endpoint: ClientEndpoint = endpoint.parse().unwrap();
    let endpoint = endpoint.isolate().timeout(SOON / 4);
    let deadline = Instant::now() + 2 * SOON;
    loop {
        match endpoint.dial() {
            Ok(stream) => {
                stream.set_read_timeout(Some(SOON)).unwrap();
                return Ok(said(stream));
            }
            Err(error) if Instant::now() < deadline && !is_final(&error) => {
                println!("once more: {error}");
            }
            Err(error) => return Err(error),
        }
    }
}

/// A thread that greets the visitors of a service.
struct Greeter {
    is_ended: Arc<AtomicBool>,
    /// The thread that accepts visitors and finally returns the listener.
    /// `None` after [`close`](Self::close).
    thread: Option<JoinHandle<OnionListener>>,
}

/// Starts a thread that sends each visitor the virtual port to which the
/// visitor connected. There may be more visitors than the test makes, because
/// on a busy machine the connection of a visitor that has given up may still
/// arrive.
fn greet(listener: OnionListener) -> Greeter {
    let is_ended = Arc::new(AtomicBool::new(false));
    let ended = is_ended.clone();
    let thread = thread::spawn(move || {
        while !ended.load(Ordering::SeqCst) {
            match listener.accept_timeout(Duration::from_millis(50)) {
                // An error only means that the visitor is gone.
                Ok(mut stream) => {
                    let _ = write!(stream, "welcome at {:?}", stream.port());
                }
                Err(error) => assert!(error.is_timeout(), "{error}"),
            }
        }
        listener
    });
    Greeter { is_ended, thread: Some(thread) }
}

impl Greeter {
    /// Ends the thread, and closes the service.
    fn close(mut self) {
        self.is_ended.store(true, Ordering::SeqCst);
        self.thread.take().unwrap().join().unwrap().close().unwrap();
    }
}

impl Drop for Greeter {
    fn drop(&mut self) {
        // If the test has failed, the thread drops the listener.
        self.is_ended.store(true, Ordering::SeqCst);
    }
}

fn dials(network: &TestNetwork) {
    let port = server(b"hello").port();
    let control = control(network);
    let (tcp, unix) = (escaped(network.socks()), escaped(network.socks_unix().unwrap()));
    for options in [
        control.clone(),
        format!("{control}:isolate=true"),
        format!("{control}:socksUsername=me:socksPassword=a\\:b"),
        format!("socksPort={tcp}:timeout=60"),
        format!("socksPort={unix}:isolate=true:timeout=60"),
    ] {
        assert_eq!(
            said(scape::dial(format!("tor:{NAME}:{port}:{options}")).unwrap()),
            "hello",
            "{options}"
        );
    }
    let endpoint = format!("tor:127.0.0.1:{port}:{control}");
    assert!(scape::dial(&endpoint).unwrap_err().get::<SocksError>().is_some());
    assert_eq!(said(scape::dial(format!("{endpoint}:allowPrivate=true")).unwrap()), "hello");
    // The stream can be turned into a `SocksStream`.
    let stream =
        scape::dial(format!("tor:{NAME}:{port}:{control}")).unwrap().into_socks_stream().unwrap();
    assert_eq!(said(stream), "hello");
}

fn listens(network: &TestNetwork) {
    let tor = network.tor();
    tor.set_global();
    let steps = Arc::new(Mutex::new(Vec::<Progress>::new()));
    let told = steps.clone();
    let listener =
        scape::endpoint::listen_with("onion:80,81", move |step| told.lock().push(step.clone()))
            .unwrap();
    let steps = std::mem::take(&mut *steps.lock());
    assert!(steps.is_sorted_by_key(|step| step.percent), "{steps:?}");
    assert!(steps.last().is_some_and(Progress::is_done), "{steps:?}");

    let address = *listener.address();
    let greeter = greet(listener);
    for port in [80, 81] {
        assert_eq!(
            read(&format!("tor:{address}:{port}")).unwrap(),
            format!("welcome at Some({port})")
        );
    }
    greeter.close();
    assert!(!tor.controller().unwrap().info().onions_current().unwrap().contains(&address));
}

fn key_file(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("site.key");
    let text = format!("onion:80:privateKeyFile={}:{}", escaped(path.display()), control(network));
    let mut addresses = Vec::<OnionAddress>::new();
    for _ in 0..2 {
        let listener = scape::listen(&text).unwrap();
        addresses.push(*listener.address());
        let greeter = greet(listener);
        let dial = format!("tor:{}:80:{}", addresses[0], control(network));
        assert_eq!(read(&dial).unwrap(), "welcome at Some(80)");
        greeter.close();
    }
    assert_eq!(addresses[0], addresses[1]);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
}

fn authorized_unix_socket(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    let key = ClientKey::random();
    let text = format!(
        "onion:80:unixSocket={}:client={}:detach=true:maxStreams=10:{}",
        escaped(socket.display()),
        key.public_key(),
        control(network)
    );
    let listener = scape::listen(&text).unwrap();
    assert!(socket.exists());
    let address = *listener.address();
    let dial = format!("tor:{address}:80:{}", control(network));
    let error = read(&dial).unwrap_err();
    assert!(is_final(&error), "{error}");

    let tor = network.client();
    tor.onion_client_auth().add(&ClientAuth::new(address, key)).unwrap();
    assert!(tor.info().onions_detached().unwrap().contains(&address));
    let greeter = greet(listener);
    assert!(read(&dial).unwrap().starts_with("welcome at "));
    greeter.close();
    tor.onion_client_auth().remove(&address).unwrap();
    assert!(!tor.info().onions_detached().unwrap().contains(&address));
    assert!(!socket.exists());
}

fn hidden_service_dir(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    let directory = folder.path().join("a \"site\": #1");
    let text =
        format!("onion:80:hiddenServiceDir={}:{}", escaped(directory.display()), control(network));
    let onions = DiskOnions::of(network.client());
    let mut addresses = Vec::<OnionAddress>::new();
    for _ in 0..2 {
        let listener = scape::listen(&text).unwrap();
        addresses.push(*listener.address());
        // The guard removes the service from the configuration even if the case
        // fails, because its folder is deleted.
        let _configured = onions.open(&directory).unwrap().unwrap().guard();
        let greeter = greet(listener);
        let dial = format!("tor:{}:80:{}", addresses[0], control(network));
        assert_eq!(read(&dial).unwrap(), "welcome at Some(80)");
        greeter.close();
        // The service is not configured any more, but its files are kept so
        // that it can come back.
        assert!(onions.get(&directory).unwrap().is_none());
        assert!(directory.join("hs_ed25519_secret_key").exists());
    }
    assert_eq!(addresses[0], addresses[1]);
}

fn single_hop(network: &TestNetwork) {
    let endpoint: OnionEndpoint = "onion:80:singleHop=true:timeout=60".parse().unwrap();
    // The network's client hides its services.
    let error = endpoint.listen_through(&network.tor(), |_| {}).unwrap_err();
    assert!(error.get::<ArgumentError>().is_some(), "{error}");
    let open = network
        .launch()
        .option("HiddenServiceNonAnonymousMode", true)
        .option("HiddenServiceSingleHopMode", true);
    let listener = endpoint.listen_through(&Tor::launch(open).unwrap(), |_| {}).unwrap();
    let dial = format!("tor:{}:80:{}", listener.address(), control(network));
    let greeter = greet(listener);
    // Only the listener keeps its tor.
    assert_eq!(read(&dial).unwrap(), "welcome at Some(80)");
    greeter.close();
    // The dialed service doesn't have to exist.
    let gone: ClientEndpoint = dial.parse().unwrap();
    assert!(gone.timeout(SOON / 6).dial().is_err());
}
