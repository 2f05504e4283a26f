//! Onion listeners: incoming connections, and every way in which a listener
//! ends.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "support/place.rs"]
mod place;

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::time::{Duration, Instant};

use crossbeam_channel::{RecvTimeoutError, select, unbounded};
use place::{Place, SOON, eager};
use scape::control::{ArgumentError, OnionTarget};
use scape::error::{IoError, Phase, Timeout};
use scape::onion::Wait;
use scape::testing::{ScriptedTor, ScriptedTorBuilder};
use scape::{Connect, Controller, Error, OnionBuilder, OnionListener};

const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
const KEY: &str = "ED25519-V3:uDeGxPv+8Mz4Mr6Ex8APZWRFHizLUvolYXwGz67NT0DavzPc3mZWrxzfTfbjj3mXGCMCqYlfESz8bwyV9dWl9w==";
const HIDDEN: &str = "250-HiddenServiceNonAnonymousMode=0\r\n250 HiddenServiceSingleHopMode=0\r\n";

fn builder() -> ScriptedTorBuilder {
    ScriptedTor::builder()
        .on_prefix("GETCONF HiddenService", HIDDEN)
        .on_prefix("ADD_ONION", format!("250-ServiceID={A}\r\n250-PrivateKey={KEY}\r\n250 OK\r\n"))
        .on_prefix("DEL_ONION", "250 OK\r\n")
}

fn tor() -> ScriptedTor {
    builder().start().unwrap()
}

fn controller(tor: &ScriptedTor) -> Controller {
    Connect::new().timeout(SOON).authenticate_over(tor.transport().unwrap()).unwrap()
}

fn new(tor: &ScriptedTor) -> OnionBuilder {
    OnionBuilder::new(&controller(tor)).wait(Wait::Nothing).timeout(SOON)
}

/// Connects to a service's target, like tor does when a client arrives.
fn connect(target: &OnionTarget) -> TcpStream {
    let OnionTarget::Tcp(address) = target else { panic!("{target:?}") };
    TcpStream::connect_timeout(address, SOON).unwrap()
}

fn is_listening(target: &OnionTarget) -> bool {
    let OnionTarget::Tcp(address) = target else { panic!("{target:?}") };
    TcpStream::connect_timeout(address, SOON).is_ok()
}

/// Sends bytes from the client to the listener and back, and checks them.
fn is_echoed(client: &mut TcpStream, listener: &OnionListener) {
    let server = listener.accept_timeout(SOON).unwrap();
    client.write_all(b"hello").unwrap();
    let mut heard = [0; 5];
    // `&OnionStream` can be read and written, like `&TcpStream`.
    (&server).read_exact(&mut heard).unwrap();
    (&server).write_all(&heard).unwrap();
    client.read_exact(&mut heard).unwrap();
    assert_eq!(&heard, b"hello");
}

#[test]
fn onion_listener_accepts_a_client() {
    let tor = tor();
    let listener = new(&tor).virtual_port(80).listen().unwrap();
    assert_eq!(listener.to_string(), format!("{A}.onion:80"));
    assert_eq!((listener.address().service_id(), listener.port()), (A.to_owned(), 80));
    assert_eq!(listener.service().ports(), [(80, listener.local_addr().clone())]);
    assert!(
        tor.sent().contains(&format!("ADD_ONION NEW:ED25519-V3 Port=80,{}", listener.local_addr()))
    );
    let OnionTarget::Tcp(local) = listener.local_addr() else { panic!("{listener:?}") };
    assert!(local.ip().is_loopback());

    let mut client = connect(listener.local_addr());
    is_echoed(&mut client, &listener);
    let mut clients: Vec<TcpStream> = (0..40).map(|_| connect(listener.local_addr())).collect();
    let servers: Vec<_> = listener.incoming().take(40).map(Result::unwrap).collect();
    for (number, client) in (0..).zip(&mut clients) {
        client.write_all(&[number]).unwrap();
    }
    for (number, mut server) in (0..).zip(&servers) {
        let mut heard = [0];
        server.read_exact(&mut heard).unwrap();
        assert_eq!(heard, [number], "in the order in which they come");
        assert_eq!(server.port(), Some(80));
        assert!(server.as_tcp().unwrap().nodelay().unwrap());
    }
    listener.close().unwrap();
}

#[test]
fn onion_stream_works_like_a_tcp_stream() {
    let tor = tor();
    let listener = new(&tor).virtual_port(80).listen().unwrap();
    let mut client = connect(listener.local_addr());
    let mut server = listener.accept().unwrap();
    server.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    server.set_write_timeout(Some(SOON)).unwrap();
    let error = server.read(&mut [0]).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut), "{error}");
    server.set_read_timeout(None).unwrap();
    let clone = server.try_clone().unwrap();
    let waiting = std::thread::spawn(move || (&clone).read(&mut [0]).unwrap());
    server.write_all(b"last words").unwrap();
    server.flush().unwrap();
    server.shutdown(Shutdown::Both).unwrap();
    assert_eq!(waiting.join().unwrap(), 0);
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "last words");
    assert_eq!(server.into_transport().is_unix(), cfg!(not(unix)));
}

#[test]
fn onion_listener_distinguishes_its_ports() {
    let tor = tor();
    let listener = new(&tor).virtual_port(80).port(22, 2222).virtual_port(81).listen().unwrap();
    let ports = listener.service().ports();
    assert_eq!(ports.iter().map(|(port, _)| *port).collect::<Vec<_>>(), [80, 22, 81]);
    assert_eq!(ports[1].1, OnionTarget::from(2222));
    for (port, target) in [&ports[2], &ports[0]] {
        let _client = connect(target);
        assert_eq!(listener.accept_timeout(SOON).unwrap().port(), Some(*port));
    }
    // Ports that share a socket can't be distinguished.
    let listener = new(&tor).virtual_port(80).virtual_port(81).local_port(0).listen().unwrap();
    let ports = listener.service().ports();
    assert_eq!(ports[0].1, ports[1].1);
    let _client = connect(&ports[1].1);
    assert_eq!(listener.accept_timeout(SOON).unwrap().port(), None);
}

#[test]
fn onion_listener_is_displayed_with_a_port_that_it_serves() {
    let tor = tor();
    let listener = new(&tor).port(22, 2222).virtual_port(80).virtual_port(81).listen().unwrap();
    assert_eq!(listener.service().ports()[0].0, 22);
    assert_eq!((listener.port(), listener.to_string()), (80, format!("{A}.onion:80")));
    assert_eq!(*listener.local_addr(), listener.service().ports()[1].1);
}

#[test]
fn onion_listener_listens_at_the_chosen_address() {
    let tor = tor();
    // This port is free now.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let listener = new(&tor).virtual_port(80).local_port(free.port()).listen().unwrap();
    assert_eq!(*listener.local_addr(), OnionTarget::Tcp(free));
    is_echoed(&mut connect(listener.local_addr()), &listener);
    let sent = tor.sent().len();
    let error = new(&tor).virtual_port(80).local(free).listen().unwrap_err();
    assert_eq!(error.get().map(IoError::kind), Some(ErrorKind::AddrInUse), "{error}");
    assert!(error.to_string().contains(&free.to_string()), "{error}");
    assert!(!tor.sent()[sent..].iter().any(|line| line.starts_with("ADD_ONION")));

    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    given.set_nonblocking(true).unwrap();
    let address = given.local_addr().unwrap();
    let listener = new(&tor).virtual_port(80).listen_on(given).listen().unwrap();
    assert_eq!(*listener.local_addr(), OnionTarget::Tcp(address));
    is_echoed(&mut connect(listener.local_addr()), &listener);
    // The socket listens on all addresses, and tor is given a loopback address.
    let everywhere: SocketAddr = "0.0.0.0:0".parse().unwrap();
    let listener = new(&tor).virtual_port(80).local(everywhere).listen().unwrap();
    let [(80, OnionTarget::Tcp(target))] = listener.service().ports() else {
        panic!("{listener:?}")
    };
    assert!(target.ip().is_loopback());
    // The user may also give the address at which tor reaches the socket.
    let container: SocketAddr = "192.0.2.7:8080".parse().unwrap();
    let listener =
        new(&tor).virtual_port(80).local(everywhere).reached_at(container).listen().unwrap();
    assert_eq!(listener.service().ports(), [(80, OnionTarget::Tcp(container))]);
}

#[cfg(unix)]
#[test]
fn onion_listener_on_unix_sockets() {
    use std::os::unix::fs::PermissionsExt as _;
    use std::os::unix::net::{UnixListener, UnixStream};

    let tor = tor();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("given");
    let given = UnixListener::bind(&path).unwrap();
    for builder in [
        new(&tor).virtual_port(80).unix_socket(),
        new(&tor).virtual_port(80).unix_socket_at(folder.path().join("own")),
        new(&tor).virtual_port(80).listen_on(given),
    ] {
        let listener = builder.listen().unwrap();
        let OnionTarget::Unix(path) = listener.local_addr().clone() else { panic!("{listener:?}") };
        let mut client = UnixStream::connect(&path).unwrap();
        let mut server = listener.accept_timeout(SOON).unwrap();
        assert!(server.as_unix().is_some() && server.as_tcp().is_none());
        server.write_all(b"hello").unwrap();
        listener.close().unwrap();
        // The connection goes on, but the socket is closed.
        assert!(UnixStream::connect(&path).is_err());
        assert_eq!(path.exists(), path.ends_with("given"));
        drop(server);
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "hello");
    }
    let listener = new(&tor).virtual_port(80).unix_socket().listen().unwrap();
    let OnionTarget::Unix(path) = listener.local_addr().clone() else { panic!("{listener:?}") };
    let directory = path.parent().unwrap();
    assert_eq!(directory.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    drop(listener);
    assert!(!directory.exists());

    for (path, why) in [("relative", "is not absolute"), ("/with a/space", "may not contain")] {
        let sent = tor.sent().len();
        let error = new(&tor).virtual_port(80).unix_socket_at(path).listen().unwrap_err();
        let is_io = error.get::<IoError>().is_some();
        assert!(is_io || error.to_string().contains(why), "{error}");
        assert!(!tor.sent()[sent..].iter().any(|line| line.starts_with("ADD_ONION")));
    }
    let spaced = folder.path().join("with a space");
    let error = new(&tor).virtual_port(80).unix_socket_at(&spaced).listen().unwrap_err();
    assert!(
        error.get::<ArgumentError>().is_some() && error.to_string().contains("may not contain ' '"),
        "{error}"
    );
    assert!(!spaced.exists());
}

#[test]
fn accept_ends_at_its_timeout_and_at_shutdown() {
    let tor = tor();
    let listener = new(&tor).virtual_port(80).listen().unwrap();
    let begun = Instant::now();
    let error = listener.accept_timeout(Duration::from_millis(30)).unwrap_err();
    assert_eq!(error.get().map(Timeout::phase), Some(Phase::Accept), "{error}");
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert!(listener.accept_timeout(Duration::ZERO).unwrap_err().is_timeout());

    let shutdown = listener.shutdown_handle();
    std::thread::scope(|scope| {
        let accepting: Vec<_> =
            (0..3).map(|_| scope.spawn(|| listener.accept().unwrap_err())).collect();
        let iterating = scope.spawn(|| listener.incoming().count());
        shutdown.clone().shutdown();
        for thread in accepting {
            let error = thread.join().unwrap();
            assert_eq!(error.get().map(IoError::kind), Some(ErrorKind::NotConnected));
            assert!(error.to_string().contains("was shut down"), "{error}");
        }
        assert_eq!(iterating.join().unwrap(), 0);
    });
    assert!(listener.is_shut_down() && shutdown.is_shut_down() && listener.check().is_err());
    shutdown.shutdown();
    // Waiting connections are not returned any more. The service is removed
    // with the listener.
    assert!(!tor.sent().iter().any(|line| line.starts_with("DEL_ONION")));
    listener.close().unwrap();
    assert!(tor.wait_for("DEL_ONION").is_ok());
}

#[test]
fn onion_listener_can_be_selected_on() {
    let tor = tor();
    let listener = new(&tor).virtual_port(80).listen().unwrap();
    let (quit, quitting) = unbounded::<()>();
    let mut client = connect(listener.local_addr());
    let mut served = 0;
    loop {
        select! {
            recv(listener.receiver()) -> stream => {
                stream.unwrap().unwrap().write_all(b"selected").unwrap();
                served += 1;
                quit.send(()).unwrap();
            }
            recv(quitting) -> _ => break,
            default(SOON) => panic!("nobody comes"),
        }
    }
    assert_eq!(served, 1);
    let mut heard = String::new();
    client.read_to_string(&mut heard).unwrap();
    assert_eq!(heard, "selected");
    listener.check().unwrap();
}

/// Checks that a shutdown wakes the listener's threads. They are waiting for a
/// connection, and none arrives.
#[test]
fn shutdown_disconnects_the_receiver_at_once() {
    let tor = tor();
    let mut builders = vec![
        new(&tor).virtual_port(80).virtual_port(81),
        new(&tor).virtual_port(80).local("0.0.0.0:0".parse().unwrap()),
    ];
    if cfg!(unix) {
        builders.push(on_a_unix_socket(new(&tor).virtual_port(80)));
    }
    for builder in builders {
        let listener = builder.listen().unwrap();
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| listener.receiver().recv_timeout(SOON).unwrap_err());
            listener.shutdown_handle().shutdown();
            assert_eq!(waiting.join().unwrap(), RecvTimeoutError::Disconnected);
        });
        listener.close().unwrap();
    }
    // A connection that came before is still in the channel.
    let listener = new(&tor).virtual_port(80).listen().unwrap();
    let _client = connect(listener.local_addr());
    let deadline = Instant::now() + SOON;
    while listener.receiver().is_empty() {
        assert!(Instant::now() < deadline);
        std::thread::yield_now();
    }
    listener.shutdown_handle().shutdown();
    assert!(listener.receiver().recv_timeout(SOON).unwrap().is_ok());
    let end = listener.receiver().recv_timeout(SOON).unwrap_err();
    assert_eq!(end, RecvTimeoutError::Disconnected);
}

#[cfg(unix)]
fn on_a_unix_socket(builder: OnionBuilder) -> OnionBuilder {
    builder.unix_socket()
}

#[cfg(not(unix))]
fn on_a_unix_socket(builder: OnionBuilder) -> OnionBuilder {
    builder
}

#[test]
fn onion_service_is_removed_before_the_socket_is_closed() {
    let (sender, seen) = unbounded();
    let (place, reached) = unbounded();
    let tor = builder()
        .on_any(move |command| {
            command.strip_prefix("DEL_ONION")?;
            let target: OnionTarget = reached.recv().unwrap();
            sender.send(is_listening(&target)).unwrap();
            None
        })
        .start()
        .unwrap();
    for by_close in [true, false] {
        let listener = new(&tor).virtual_port(80).listen().unwrap();
        let target = listener.local_addr().clone();
        place.send(target.clone()).unwrap();
        let mut client = connect(&target);
        let mut server = listener.accept().unwrap();
        if by_close {
            listener.close().unwrap();
        } else {
            drop(listener);
        }
        assert!(seen.recv_timeout(SOON).unwrap(), "the socket was closed first");
        assert!(!is_listening(&target));
        server.write_all(b"still here").unwrap();
        drop(server);
        let mut heard = String::new();
        client.read_to_string(&mut heard).unwrap();
        assert_eq!(heard, "still here");
    }
}

#[test]
fn refused_onion_listener_leaves_no_socket() {
    let tor = ScriptedTor::builder()
        .on_prefix("ADD_ONION", "551 Failed to add Onion Service\r\n")
        .start()
        .unwrap();
    let given = TcpListener::bind("127.0.0.1:0").unwrap();
    let target = OnionTarget::Tcp(given.local_addr().unwrap());
    let error = new(&tor).virtual_port(80).listen_on(given).listen().unwrap_err();
    assert_eq!(error.code(), Some(551), "{error}");
    assert!(!is_listening(&target));
}

#[test]
fn end_of_the_connection_ends_accept() {
    let tor = tor();
    let listener = new(&tor).virtual_port(80).listen().unwrap();
    let mut early = connect(listener.local_addr());
    is_echoed(&mut early, &listener);
    std::thread::scope(|scope| {
        let accepting: Vec<_> =
            (0..3).map(|_| scope.spawn(|| listener.accept().unwrap_err())).collect();
        let iterating = scope.spawn(|| listener.incoming().collect::<Vec<_>>());
        tor.hang_up();
        for thread in accepting {
            let error = thread.join().unwrap();
            assert!(error.is_closed(), "{error}");
        }
        let told = iterating.join().unwrap();
        assert!(told.len() == 1 && told[0].as_ref().is_err_and(Error::is_closed), "{told:?}");
    });
    assert!(
        listener.accept().unwrap_err().is_closed() && listener.check().unwrap_err().is_closed()
    );
    assert!(listener.accept_timeout(SOON).unwrap_err().is_closed());
    // A client that has come before is still served.
    let mut late = connect(listener.local_addr());
    late.write_all(b"x").unwrap();
    let deadline = Instant::now() + SOON;
    while let Err(error) = listener.accept() {
        assert!(error.is_closed() && Instant::now() < deadline, "{error}");
    }
    listener.close().unwrap();
}

#[test]
fn accept_goes_on_after_a_reconnect() {
    let place = Place::default();
    place.put(tor());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let listener =
        OnionBuilder::new(&controller).virtual_port(80).wait(Wait::Nothing).listen().unwrap();
    for _ in 0..3 {
        std::thread::scope(|scope| {
            let accepting = scope.spawn(|| listener.accept());
            place.kill();
            controller.wait_closed(SOON).unwrap();
            place.put(tor());
            controller.wait_connected(SOON).unwrap();
            let added = place.with(|tor| tor.wait_for("ADD_ONION").unwrap());
            // The service has the same address and the same socket.
            assert_eq!(added, format!("ADD_ONION {KEY} Port=80,{}", listener.local_addr()));
            let _client = connect(listener.local_addr());
            accepting.join().unwrap().unwrap();
        });
    }
    listener.close().unwrap();
    place.with(|tor| assert!(tor.wait_for("DEL_ONION").is_ok()));
}

#[test]
fn onion_listener_fails_if_tor_refuses_the_service_after_a_reconnect() {
    let refusing = || {
        builder().on_prefix("ADD_ONION", "512 Tor is in non-anonymous mode\r\n").start().unwrap()
    };
    let place = Place::default();
    place.put(tor());
    let controller = place.connect().reconnect(eager()).connect().unwrap();
    let listener = OnionBuilder::new(&controller)
        .virtual_port(80)
        .wait(Wait::Nothing)
        .timeout(SOON)
        .listen()
        .unwrap();
    std::thread::scope(|scope| {
        let accepting = scope.spawn(|| listener.accept());
        let iterating = scope.spawn(|| listener.incoming().collect::<Vec<_>>());
        place.kill();
        place.put(refusing());
        assert_eq!(accepting.join().unwrap().unwrap_err().code(), Some(512));
        let told = iterating.join().unwrap();
        assert_eq!(told.len(), 1, "{told:?}");
        assert_eq!(told[0].as_ref().unwrap_err().code(), Some(512));
    });
    assert_eq!(listener.check().unwrap_err().code(), Some(512));
    // The next tor accepts the service.
    place.kill();
    place.put(tor());
    let deadline = Instant::now() + SOON;
    while listener.check().is_err() {
        assert!(Instant::now() < deadline, "{:?}", listener.check());
        std::thread::yield_now();
    }
    let mut client = connect(listener.local_addr());
    is_echoed(&mut client, &listener);
    // A listener that has failed is closed like any other, once a tor has
    // accepted its service again.
    place.kill();
    place.put(refusing());
    assert_eq!(listener.accept_timeout(SOON).unwrap_err().code(), Some(512));
    place.kill();
    place.put(tor());
    controller.wait_connected(SOON).unwrap();
    listener.close().unwrap();
}

#[test]
fn accept_goes_on_after_a_manual_reconnect() {
    let place = Place::default();
    place.put(tor());
    let controller = place.connect().connect().unwrap();
    let listener =
        OnionBuilder::new(&controller).virtual_port(80).wait(Wait::Nothing).listen().unwrap();
    place.kill();
    assert!(listener.accept().unwrap_err().is_closed());
    place.put(tor());
    assert!(controller.reconnect().unwrap().failures.is_empty());
    let _client = connect(listener.local_addr());
    listener.accept_timeout(SOON).unwrap();
    assert!(listener.accept_timeout(Duration::from_millis(10)).unwrap_err().is_timeout());
}

#[test]
fn onion_listener_ends_when_the_reconnect_policy_gives_up() {
    let place = Place::default();
    place.put(tor());
    let controller = place.connect().reconnect(eager().max_attempts(3)).connect().unwrap();
    let listener =
        OnionBuilder::new(&controller).virtual_port(80).wait(Wait::Nothing).listen().unwrap();
    place.kill();
    assert!(listener.accept().unwrap_err().is_closed());
    assert!(listener.incoming().next().unwrap().unwrap_err().is_closed());
}
