//! Onion services as Rust values: publishing with progress, listening,
//! connections from another tor, and interruptions at every step.

use std::fs;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustix::process::{Pid, Signal, kill_process};
use scape::control::{AddOnion, ClientAuth, OnionTarget, Reconnect};
use scape::onion::OnionStream;
use scape::socks::{SocksError, SocksStatus, SocksStream};
use scape::testing::TestNetwork;
use scape::word::{ClientKey, OnionAddress, Progress};
use scape::{Connect, Error, OnionBuilder, OnionListener, Tor};

use crate::SOON;
use crate::onions::added::server;
use crate::tors::killed::{buried, kill};

cases! {
    ONIONS:
    onion_listener_is_reached_by_another_tor = reached,
    onion_service_accepts_clients_with_the_right_key_only = authorized,
    onion_service_moves_to_another_tor_with_its_key = comes_back,
    onion_service_keeps_its_tor_running = keeps_its_tor,
    onion_listener_goes_on_after_a_reconnect = made_again,
    onion_publication_ends_when_tor_is_killed_at_any_step = killed_while_publishing,
}

/// Launches another client tor on the network.
fn another(network: &TestNetwork) -> Tor {
    Tor::launch(network.launch().option("SocksPort", "auto ExtendedErrors").timeout(SOON)).unwrap()
}

/// Connects to the service with `tor`. Tries again while the descriptor is
/// being uploaded, or while `tor` is still bootstrapping.
fn visit(tor: &Tor, address: &OnionAddress, port: u16) -> Result<SocksStream, Error> {
    let client = tor.client().unwrap().timeout(SOON);
    let deadline = Instant::now() + SOON;
    loop {
        match client.connect((address.to_string().as_str(), port)) {
            Ok(stream) => {
                stream.set_read_timeout(Some(SOON)).unwrap();
                return Ok(stream);
            }
            Err(error) if Instant::now() < deadline && !is_final(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

fn is_final(error: &Error) -> bool {
    let refused = [SocksStatus::ONION_AUTH_MISSING, SocksStatus::ONION_AUTH_WRONG];
    error.get().and_then(SocksError::status).is_some_and(|status| refused.contains(&status))
}

/// Connects to the service, and returns the text that it sends.
fn said(tor: &Tor, address: &OnionAddress, port: u16) -> String {
    let mut said = String::new();
    visit(tor, address, port).unwrap().read_to_string(&mut said).unwrap();
    said
}

/// Reads `bytes` bytes and sends them back. Returns the number of bytes that
/// are missing because the visitor has ended the stream.
fn echo(mut stream: OnionStream, bytes: usize) -> usize {
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut buffer = vec![0; 65536];
    let mut left = bytes;
    while left > 0 {
        let count = stream.read(&mut buffer).unwrap();
        if count == 0 {
            break;
        }
        stream.write_all(&buffer[..count]).unwrap();
        left -= count;
    }
    left
}

/// Sends two megabytes from a client to the listener and back.
fn echoes(listener: &OnionListener, visitor: &Tor, port: u16) {
    let sent: Vec<u8> = (0..2_000_000u32).map(|n| (n % 251) as u8).collect();
    thread::scope(|scope| {
        let serving = scope.spawn(|| {
            loop {
                let stream = listener.accept_timeout(2 * SOON).unwrap();
                assert_eq!(stream.port(), Some(port));
                // A visitor that has given up may come first on a busy machine.
                match echo(stream, 2_000_000) {
                    0 => break,
                    2_000_000 => {}
                    left => panic!("{left} bytes are missing"),
                }
            }
        });
        let stream = visit(visitor, listener.address(), port).unwrap();
        let (mut writing, mut reading) = (stream.try_clone().unwrap(), stream);
        scope.spawn(move || writing.write_all(&sent).unwrap());
        let mut heard = vec![0; 2_000_000];
        reading.read_exact(&mut heard).unwrap();
        assert!(heard.iter().zip(0u32..).all(|(byte, n)| u32::from(*byte) == n % 251));
        serving.join().unwrap();
    });
}

fn reached(network: &TestNetwork) {
    let visitor = another(network);
    let tor = network.client();
    // Uploads of other services on the same tor don't count.
    let noise = tor.add_onion(&AddOnion::new().local_port(80)).unwrap();
    let steps: Arc<Mutex<Vec<Progress>>> = Arc::default();
    let noting = steps.clone();
    let listener = OnionBuilder::new(tor)
        .virtual_port(80)
        .port(81, server(b"elsewhere"))
        .proof_of_work(Some(100), None)
        .max_streams(100)
        .timeout(SOON)
        .on_progress(move |step| noting.lock().push(step.clone()))
        .listen()
        .unwrap();
    let steps = std::mem::take(&mut *steps.lock());
    assert!(steps.windows(2).all(|two| two[0].percent <= two[1].percent), "{steps:?}");
    let mut tags: Vec<&str> = steps.iter().map(|step| step.tag.as_str()).collect();
    tags.dedup();
    assert_eq!(tags, ["adding", "added", "created", "uploading", "uploaded", "published"]);
    assert!(steps.last().unwrap().is_done());
    // The descriptor is at every directory, so any of them has it.
    let descriptor = tor.hs_descriptors().fetch(*listener.address(), SOON).unwrap();
    assert_eq!(descriptor.address, *listener.address());

    echoes(&listener, &visitor, 80);
    assert_eq!(said(&visitor, listener.address(), 81), "elsewhere");
    let unix =
        OnionBuilder::new(tor).virtual_port(80).unix_socket().timeout(SOON).listen().unwrap();
    let OnionTarget::Unix(path) = unix.local_addr().clone() else { panic!("{unix:?}") };
    echoes(&unix, &visitor, 80);
    unix.close().unwrap();
    assert!(!path.exists());

    // The connection outlives the service and the listener.
    let mut stream = visit(&visitor, listener.address(), 80).unwrap();
    let mut served = listener.accept_timeout(SOON).unwrap();
    listener.close().unwrap();
    served.write_all(b"still here").unwrap();
    drop(served);
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "still here");
    tor.del_onion(&noise.address).unwrap();
}

fn authorized(network: &TestNetwork) {
    let visitor = another(network);
    let controller = visitor.controller().unwrap();
    let (one, other, wrong) = (ClientKey::random(), ClientKey::random(), ClientKey::random());
    let service = OnionBuilder::new(network.client())
        .port(80, server(b"welcome"))
        .client(one.public_key())
        .client(other.public_key())
        .timeout(SOON)
        .publish()
        .unwrap();
    assert_eq!(service.clients(), [one.public_key(), other.public_key()]);
    let refused = |status| {
        let error = visit(&visitor, service.address(), 80).unwrap_err();
        assert!(error.get().and_then(SocksError::status) == Some(status), "{error}");
    };
    refused(SocksStatus::ONION_AUTH_MISSING);
    controller.onion_client_auth().add(&ClientAuth::new(*service.address(), wrong)).unwrap();
    refused(SocksStatus::ONION_AUTH_WRONG);
    for key in [one, other] {
        controller.onion_client_auth().add(&ClientAuth::new(*service.address(), key)).unwrap();
        assert_eq!(said(&visitor, service.address(), 80), "welcome");
    }
    service.close().unwrap();
}

fn comes_back(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    let saved = folder.path().join("key");
    let first = another(network);
    let service =
        first.onion().unwrap().port(80, server(b"first")).timeout(SOON).publish().unwrap();
    fs::write(&saved, service.key().unwrap().to_blob().as_bytes()).unwrap();
    let address = *service.address();
    assert_eq!(said(&network.tor(), &address, 80), "first");
    service.close().unwrap();
    drop(first);

    let second = another(network);
    let key = fs::read_to_string(&saved).unwrap().parse().unwrap();
    let builder = second.onion().unwrap().port(80, server(b"second")).key(key);
    let service = builder.timeout(SOON).publish().unwrap();
    assert_eq!(*service.address(), address);
    // The service is reached from a tor that knows nothing of the first
    // service.
    assert_eq!(said(&another(network), &address, 80), "second");
    service.close().unwrap();
}

fn keeps_its_tor(network: &TestNetwork) {
    let tor = another(network);
    let pid = tor.pid().unwrap();
    let listener = tor.onion().unwrap().virtual_port(80).timeout(SOON).listen().unwrap();
    drop(tor);
    let visitor = network.tor();
    let mut stream = visit(&visitor, listener.address(), 80).unwrap();
    listener.accept_timeout(SOON).unwrap().write_all(b"kept").unwrap();
    let mut heard = String::new();
    stream.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "kept");
    drop(listener);
    assert!(!Path::new(&format!("/proc/{pid}")).exists(), "tor is left");
}

fn made_again(network: &TestNetwork) {
    let eager = Reconnect::new().first_delay(Duration::from_millis(5));
    let controller =
        Connect::to(network.control_address()).unwrap().reconnect(eager).connect().unwrap();
    let listener = OnionBuilder::new(&controller).virtual_port(80).timeout(SOON).listen().unwrap();
    let visitor = another(network);
    echoes(&listener, &visitor, 80);
    let publication = scape::onion::Publication::begin(&controller).unwrap();
    assert!(controller.reconnect().unwrap().failures.is_empty());
    publication.wait(listener.address(), scape::onion::Wait::AllUploads, SOON, |_| {}).unwrap();
    // The service is reached from a tor that doesn't know the former
    // introduction points.
    echoes(&listener, &another(network), 80);
    listener.close().unwrap();
}

/// Returns the number of threads in this process that accept connections to
/// onion services.
fn acceptors() -> usize {
    let tasks = fs::read_dir("/proc/self/task").unwrap().flatten();
    let name =
        |task: fs::DirEntry| fs::read_to_string(task.path().join("comm")).unwrap_or_default();
    tasks.map(name).filter(|name| name.trim() == "scape-onion").count()
}

fn killed_while_publishing(network: &TestNetwork) {
    for step in ["adding", "added", "created", "uploading", "uploaded"] {
        let tor = another(network);
        let pid = Pid::from_raw(i32::try_from(tor.pid().unwrap()).unwrap()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let (begun, mut killed) = (Instant::now(), false);
        let error = tor
            .onion()
            .unwrap()
            .virtual_port(80)
            .unix_socket_at(&socket)
            .timeout(2 * SOON)
            .on_progress(move |progress| {
                if progress.tag == step && !killed {
                    killed = true;
                    kill_process(pid, Signal::KILL).unwrap();
                }
            })
            .listen()
            .unwrap_err();
        assert!(error.is_closed() && begun.elapsed() < SOON, "{step}: {error}");
        assert!(!socket.exists(), "{step}: {} is left", socket.display());
        let deadline = Instant::now() + SOON;
        while acceptors() > 0 {
            assert!(Instant::now() < deadline, "{step}: a thread is left");
            thread::sleep(Duration::from_millis(10));
        }
        buried(tor);
    }
    while_it_accepts(network);
}

fn while_it_accepts(network: &TestNetwork) {
    let tor = another(network);
    let listener = tor.onion().unwrap().virtual_port(80).timeout(SOON).listen().unwrap();
    let service = tor.onion().unwrap().port(80, 80).timeout(SOON).publish().unwrap();
    thread::scope(|scope| {
        let accepting = scope.spawn(|| listener.accept().unwrap_err());
        kill(&tor);
        assert!(accepting.join().unwrap().is_closed());
    });
    let begun = Instant::now();
    drop(service);
    listener.close().unwrap();
    assert!(begun.elapsed() < SOON && acceptors() == 0);
    buried(tor);
}
