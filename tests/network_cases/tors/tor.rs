//! `Tor` and `TorClient`, in all modes.

use std::collections::HashSet;
use std::env;
use std::fs::{self, Permissions};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;
use std::sync::Arc;
use std::thread;
use std::time::Instant;

use parking_lot::Mutex;
use scape::control::{ArgumentError, Refusal, Signal};
use scape::event::{EventBody, EventKind};
use scape::info::ListenerKind;
use scape::process::{Control, find_tor};
use scape::socks::SocksError;
use scape::testing::{ScriptedTor, TestNetwork};
use scape::tor::{NoControlError, NoSocksPortError, SocksPort, TorMode};
use scape::transport::Address;
use scape::word::{CircuitId, Progress};
use scape::{Connect, Controller, ErrorKind, Tor, TorClient};

use crate::onions::added::server;
use crate::tors::killed::launch;
use crate::{NAME, NAMED, SOON, TORS};

cases! {
    TORS:
    client_of_a_running_tor_connects = connects,
    client_resolves_names_and_addresses = looks_up,
    client_refuses_private_targets_unless_allowed = private_addresses,
    isolated_clients_share_no_circuit = isolation,
    socks_port_with_options_is_found_or_added = socks_ports,
    socks_port_on_a_unix_socket_is_added = unix_socks_port,
    tor_with_only_a_socks_port_is_used = socks_only,
    socks_port_with_restrictive_flags_is_recognized_as_tors = restrictive_socks_ports,
    dormant_tor_becomes_ready = wakes,
    port_with_a_number_can_be_added_beside_auto = numbered_port,
    launched_tor_ends_with_its_last_user = launched,
    global_tor_is_shared_and_replaced = global,
}

#[test]
fn global_tor_is_launched_if_no_running_tor_is_found() {
    // The other process runs this test too.
    if child().is_none() {
        TORS.run("the global tor is launched if no running tor is found", global_is_launched);
    }
}

/// The environment variable that makes a process the child process of a test,
/// which must launch the global tor. The value is the port to connect to.
const CHILD: &str = "SCAPE_TEST_GLOBAL";

/// Reads everything that the server sends.
fn said(mut stream: impl Read) -> String {
    let mut said = String::new();
    stream.read_to_string(&mut said).unwrap();
    said
}

/// Returns a port of 127.0.0.1 on which no program listens.
fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port()
}

/// Adds a `SocksPort` with a number after one with `auto`, and checks that no
/// listener changes later. tor may mistake the listener of the numbered port
/// for that of `auto`.
fn numbered_port(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let socket = format!("unix:{} ExtendedErrors", folder.path().join("socks").display());
    let launch = network
        .launch()
        .option("SocksPort", "127.0.0.1:auto ExtendedErrors")
        .option("SocksPort", socket)
        .control(Control::TcpPort);
    let tor = Tor::launch(launch).unwrap();
    let address = tor.controller().unwrap().control_address().unwrap().clone();
    let connect = || Connect::to(&address).unwrap().connect().unwrap();
    // The listeners are opened again, behind the control connections.
    for is_off in ["1", "0"] {
        connect().set_conf([("DisableNetwork", is_off)]).unwrap();
    }
    let set = |name: &str, value: String| {
        let mut config = connect().config().unwrap();
        match name {
            "SocksPort" => config.append(name, value).unwrap(),
            _ => config.set(name, value).unwrap(),
        }
        config.save().unwrap();
    };
    let listeners = || {
        let all = connect().info().listeners(&ListenerKind::Socks).unwrap();
        all.iter().map(ToString::to_string).collect::<HashSet<_>>()
    };
    set("SocksPort", format!("{} IsolateDestAddr", free_port()));
    let before = listeners();
    assert_eq!(before.len(), 3, "{before:?}");
    for seconds in 300..305 {
        set("MaxCircuitDirtiness", seconds.to_string());
    }
    assert_eq!(listeners(), before);
}

fn connects(network: &TestNetwork) {
    let tor = network.tor();
    assert_eq!(tor.mode(), TorMode::Control);
    assert!(tor.is_alive() && tor.is_ready().unwrap());
    assert!(tor.pid().is_none() && tor.log_tail().is_empty());
    let port = server(b"hello").port();
    let client = tor.client().unwrap().timeout(SOON);
    assert_eq!(client.address(), network.socks());
    let stream = client.connect((NAME, port)).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    assert_eq!(said(&stream), "hello");
    assert_eq!(said(tor.dial(format!("{NAME}:{port}").as_str()).unwrap()), "hello");
    // Any number of threads may use one client.
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| assert_eq!(said(client.connect((NAME, port)).unwrap()), "hello"));
        }
    });
    // The Unix socket is another SOCKS port.
    let unix = tor.client_on(&SocksPort::at(network.socks_unix().unwrap().clone())).unwrap();
    assert_eq!(said(unix.connect((NAME, port)).unwrap()), "hello");
}

fn looks_up(network: &TestNetwork) {
    let client = network.tor().client().unwrap();
    assert_eq!(client.dns_resolve(NAME).unwrap(), Ipv4Addr::LOCALHOST);
    assert_eq!(client.dns_resolve_ptr(NAMED).unwrap(), "seven.scape.test");
    let six: IpAddr = "2001:db8::6".parse().unwrap();
    network.name_server().add_address("sixth.scape.test", six);
    network.name_server().add_name(six, "sixth.scape.test");
    assert_eq!(client.dns_resolve("sixth.scape.test").unwrap(), six);
    assert_eq!(client.dns_resolve_ptr(six).unwrap(), "sixth.scape.test");
    assert!(client.dns_resolve("nobody.scape.test").unwrap_err().get::<SocksError>().is_some());
    let error = client.dns_resolve("bücher.example").unwrap_err();
    assert!(error.to_string().contains("xn--"), "{error}");
}

fn private_addresses(network: &TestNetwork) {
    let address = server(b"private");
    let client = network.tor().client().unwrap();
    for target in [
        address.to_string(),
        format!("[::1]:{}", address.port()),
        format!("localhost:{}", address.port()),
    ] {
        let error = client.connect(target.as_str()).unwrap_err();
        let Some(error) = error.get::<SocksError>() else { panic!("{target}: {error}") };
        let text = error.to_string();
        assert!(error.is_private() && text.contains("private addresses are not allowed"), "{text}");
    }
    let client = client.allow_private_addresses(true);
    assert_eq!(said(client.connect(address).unwrap()), "private");
}

fn isolation(network: &TestNetwork) {
    let tor = network.tor();
    let port = server(b"").port();
    let events = tor.controller().unwrap().subscribe([EventKind::Stream]).unwrap();
    let client = tor.client().unwrap();
    let (alice, bob) = (client.isolated(), client.isolated());
    // tor decides to which circuit it attaches a stream. Streams of one client
    // may use several circuits.
    let circuits = |client: &TorClient| -> HashSet<CircuitId> {
        for _ in 0..3 {
            assert_eq!(reached(client, port), "");
        }
        // tor's events about the streams are in the queue now.
        tor.controller().unwrap().sync().unwrap();
        let mut circuits = HashSet::new();
        for event in events.try_iter() {
            let EventBody::Stream(stream) = event.body() else { continue };
            if stream.target.to_string() == format!("{NAME}:{port}") {
                circuits.extend(stream.circuit);
            }
        }
        assert!(!circuits.is_empty());
        circuits
    };
    for _ in 0..2 {
        assert!(circuits(&alice).is_disjoint(&circuits(&bob)));
    }
}

/// Returns tor's options for SOCKS ports, with their values.
fn socks_options(controller: &Controller) -> Vec<(String, String)> {
    let lines = controller.get_conf_lines(["SocksPort", "__SocksPort"]).unwrap();
    lines.into_iter().filter_map(|line| Some((line.name, line.value?))).collect()
}

/// Connects to the server and returns the text that it sends. Tries again,
/// because tor may wait for a better guard although it has a circuit.
fn reached(client: &TorClient, port: u16) -> String {
    let client = client.clone().timeout(SOON / 3);
    let deadline = Instant::now() + 2 * SOON;
    loop {
        match client.connect((NAME, port)) {
            Ok(stream) => return said(stream),
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
    }
}

fn socks_ports(network: &TestNetwork) {
    // Use a separate tor, so that other tests' use of its circuits doesn't
    // matter.
    let tor =
        Tor::launch(network.launch().timeout(SOON).option("SocksPort", "auto ExtendedErrors"))
            .unwrap();
    let controller = tor.controller().unwrap();
    let before = socks_options(controller);
    let listeners = controller.info().listeners(&ListenerKind::Socks).unwrap();
    let port = server(b"added").port();

    let extended = tor.client_on(&SocksPort::with_options(["extendederrors"])).unwrap();
    assert_eq!(extended.address(), tor.client().unwrap().address());
    let error = tor.client_on(&SocksPort::with_options(["IsolateDestAddr"])).unwrap_err();
    assert!(matches!(error.get(), Some(NoSocksPortError::Options { .. })), "{error}");
    assert!(
        error.to_string().contains("IsolateDestAddr")
            && error.to_string().contains("ExtendedErrors"),
        "{error}"
    );
    // Only single words reach the configuration.
    for bad in ["", "a b", "x\"", "IsolateDestAddr\nControlPort", "#"] {
        assert!(
            tor.client_on(&SocksPort::added([bad])).unwrap_err().get::<ArgumentError>().is_some(),
            "{bad:?}"
        );
    }
    let added = tor.client_on(&SocksPort::added(["IsolateDestAddr", "SessionGroup=7"])).unwrap();
    assert!(!listeners.iter().any(|old| Address::from(old.clone()) == *added.address()));
    assert_eq!(reached(&added, port), "added");
    // All old ports are there, and the same added port is found again.
    let now = controller.info().listeners(&ListenerKind::Socks).unwrap();
    assert!(listeners.iter().all(|old| now.contains(old)), "{listeners:?} {now:?}");
    assert_eq!(now.len(), listeners.len() + 1);
    let again = tor.client_on(&SocksPort::added(["SessionGroup=7", "isolatedestaddr"])).unwrap();
    assert_eq!(again.address(), added.address());
    assert_eq!(controller.info().listeners(&ListenerKind::Socks).unwrap(), now);
    controller.set_conf(before).unwrap();
    assert_eq!(controller.info().listeners(&ListenerKind::Socks).unwrap().len(), listeners.len());
}

fn unix_socks_port(network: &TestNetwork) {
    // Use a separate tor, so that other tests' use of its circuits doesn't
    // matter.
    let tor =
        Tor::launch(network.launch().timeout(SOON).option("SocksPort", "auto ExtendedErrors"))
            .unwrap();
    let controller = tor.controller().unwrap();
    let before = socks_options(controller);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a \"socket\"");
    // tor explains which permissions it wants.
    fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
    let error = tor.client_on(&SocksPort::added_unix(&path)).unwrap_err();
    let Some(refusal) = error.get::<Refusal>() else { panic!("{error}") };
    assert!(refusal.log().iter().any(|line| line.contains("accessible")), "{error}");
    assert!(error.to_string().contains(&directory.path().display().to_string()), "{error}");
    // tor also explains that a directory doesn't exist, or that a port is in
    // use.
    let missing = directory.path().join("missing").join("socks");
    let error = tor.client_on(&SocksPort::added_unix(&missing)).unwrap_err();
    assert!(error.to_string().contains("missing") && error.refusal().is_some(), "{error}");
    let busy = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let mut config = tor.config().unwrap();
    config.append("SocksPort", busy.local_addr().unwrap().to_string()).unwrap();
    let error = config.save().unwrap_err();
    assert!(error.to_string().contains("in use") && error.code() == Some(553), "{error}");
    fs::set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
    let client = tor.client_on(&SocksPort::added_unix(&path)).unwrap();
    assert_eq!(client.address().path(), Some(path.as_path()));
    assert_eq!(reached(&client, server(b"unix").port()), "unix");
    let again = tor.client_on(&SocksPort::added_unix(&path)).unwrap();
    assert_eq!(again.address(), client.address());
    controller.set_conf(before).unwrap();
}

fn socks_only(network: &TestNetwork) {
    for address in [network.socks(), network.socks_unix().unwrap()] {
        let tor = Tor::socks_only(address.clone()).unwrap();
        assert_eq!(tor.mode(), TorMode::SocksOnly);
        assert!(tor.is_ready().unwrap());
        tor.become_ready(SOON).unwrap();
        assert_eq!(said(tor.dial((NAME, server(b"only").port())).unwrap()), "only");
        let error = tor.controller().unwrap_err();
        assert!(
            error.get::<NoControlError>().is_some() && error.to_string().contains("ControlPort"),
            "{error}"
        );
        let error = tor.client_on(&SocksPort::added(["IsolateDestAddr"])).unwrap_err();
        assert!(error.get::<NoControlError>().is_some());
        tor.quit().unwrap();
    }
    // Another proxy would resolve names itself, so it is refused although it
    // speaks SOCKS5.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let proxy = thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut greeting = [0; 3];
        stream.read_exact(&mut greeting).unwrap();
        stream.write_all(b"\x05\x00").unwrap();
        let mut request = [0; 10];
        stream.read_exact(&mut request).unwrap();
        stream.write_all(b"\x05\x07\x00\x01\0\0\0\0\0\0").unwrap();
    });
    let error = Tor::socks_only(Address::from(address)).unwrap_err();
    assert!(error.get::<SocksError>().is_some(), "{error}");
    proxy.join().unwrap();
    assert!(Tor::socks_only(Address::from(address)).is_err());
}

fn restrictive_socks_ports(network: &TestNetwork) {
    let tor = Tor::launch(network.launch().timeout(SOON).option("SocksPort", "auto")).unwrap();
    let controller = tor.controller().unwrap();
    for flags in [&["OnionTrafficOnly"][..], &["NoIPv4Traffic", "IPv6Traffic"], &["NoDNSRequest"]] {
        let port = tor.client_on(&SocksPort::added(flags.iter().copied())).unwrap();
        let only =
            Tor::socks_only(port.address()).unwrap_or_else(|error| panic!("{flags:?}: {error}"));
        assert!(only.is_ready().unwrap());
    }
    controller.set_conf([("SafeSocks", "1")]).unwrap();
    let port = tor.client().unwrap();
    Tor::socks_only(port.address()).unwrap();
}

fn wakes(network: &TestNetwork) {
    // Use a separate tor, because its ports change.
    let tor = launch(network);
    let controller = tor.controller().unwrap();
    let events = controller.subscribe([EventKind::Signal]).unwrap();
    controller.signal(Signal::Dormant).unwrap();
    while !matches!(events.next_timeout(SOON).unwrap().body(), EventBody::Signal(Signal::Dormant)) {
    }
    let mut steps = Vec::new();
    tor.become_ready_with(SOON, |step| steps.push(step.clone())).unwrap();
    assert!(steps.last().unwrap().is_done(), "{steps:?}");
    assert!(tor.is_ready().unwrap());
    // Without a network there is no SOCKS port. With the network, there is
    // another SOCKS port.
    controller.set_conf([("DisableNetwork", "1")]).unwrap();
    assert!(tor.client().unwrap_err().get::<NoSocksPortError>().is_some());
    controller.set_conf([("DisableNetwork", "0")]).unwrap();
    tor.become_ready(SOON).unwrap();
    assert_eq!(said(tor.dial((NAME, server(b"awake").port())).unwrap()), "awake");
}

/// Fetches a page, and reads the page after the agent was dropped. Until then,
/// the unread page must keep tor running.
#[cfg(feature = "http")]
fn fetched_with_the_last_handle(client: &TorClient) {
    let port = server(b"HTTP/1.0 200 OK\r\n\r\nfetched").port();
    let agent = client.http().unwrap();
    let response = agent.get(format!("http://{NAME}:{port}/")).call().unwrap();
    drop(agent);
    assert_eq!(response.into_body().read_to_string().unwrap(), "fetched");
}

fn launched(network: &TestNetwork) {
    let steps = Arc::new(Mutex::new(Vec::new()));
    let noted = steps.clone();
    let launch =
        network.launch().timeout(SOON).on_progress(move |step| noted.lock().push(step.percent));
    let tor = Tor::launch(launch).unwrap();
    assert_eq!(tor.mode(), TorMode::Launched);
    assert_eq!(steps.lock().last(), Some(&100));
    let pid = tor.pid().unwrap();
    let directory = tor.data_directory().unwrap();
    assert!(tor.is_ready().unwrap());
    let mut stream = tor.dial((NAME, server(b"launched").port())).unwrap();
    let client = tor.client().unwrap();
    #[cfg(feature = "http")]
    fetched_with_the_last_handle(&client);
    drop(tor);
    drop(client);
    // The stream still keeps tor.
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert_eq!(all, "launched");
    let process = format!("/proc/{pid}");
    assert!(fs::exists(&process).unwrap());
    drop(stream);
    assert!(!fs::exists(&process).unwrap() && !directory.exists());

    let tor = Tor::launch(network.launch().timeout(SOON)).unwrap();
    let other = tor.clone();
    let pid = tor.pid().unwrap();
    tor.quit().unwrap();
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap());
    assert!(!other.is_alive() && other.pid().is_none());
    assert!(other.client().unwrap_err().is_closed());
    other.quit().unwrap();
}

fn global(network: &TestNetwork) {
    let own = Tor::connect_with(&Connect::to(network.control_address().clone()).unwrap()).unwrap();
    own.set_global();
    let (first, second) = (Tor::global().unwrap(), Tor::global().unwrap());
    assert!(!first.controller().unwrap().get_conf_list("DirAuthority").unwrap().is_empty());
    second.quit().unwrap();
    // The global tor can't be used any more, so the next one is another tor.
    assert!(!first.is_alive() && !own.is_alive());
    let another = network.tor();
    another.set_global();
    assert!(Tor::global().unwrap().is_ready().unwrap());
}

/// Runs this test program again in a child process. In its environment, no tor
/// can be controlled, and the tor program uses only this network.
fn global_is_launched(network: &TestNetwork) {
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("tor");
    let mut script = format!("#!/bin/sh\nexec '{}' \"$@\"", find_tor().unwrap().display());
    let only_here = [
        ("TestingTorNetwork", "1"),
        ("PathsNeededToBuildCircuits", "0.67"),
        ("EnforceDistinctSubnets", "0"),
        ("OutboundBindAddress", "127.0.0.1"),
        ("ClientDNSRejectInternalAddresses", "0"),
        ("ClientRejectInternalAddresses", "0"),
    ];
    for (name, value) in only_here {
        script += &format!(" --{name} {value}");
    }
    let authorities = network.client().get_conf_list("DirAuthority").unwrap();
    assert!(!authorities.is_empty());
    for (number, line) in authorities.iter().enumerate() {
        // The first line replaces tor's default authorities, and the others are
        // added.
        script += &format!(" --{}DirAuthority '{line}'", if number == 0 { "" } else { "+" });
    }
    fs::write(&program, script + "\n").unwrap();
    fs::set_permissions(&program, Permissions::from_mode(0o700)).unwrap();
    let nobody = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let output = Command::new(env::current_exe().unwrap())
        .args([
            "tors::tor::global_tor_is_launched_if_no_running_tor_is_found",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, server(b"global").port().to_string())
        .env("SCAPE_TOR", &program)
        .env("SCAPE_CONTROL", nobody.to_string())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
}

/// Does the work of the child process. Returns `None` if this isn't the child
/// process.
fn child() -> Option<()> {
    let port: u16 = env::var(CHILD).ok()?.parse().unwrap();
    let (sender, steps) = crossbeam_channel::unbounded();
    let tors: Vec<Tor> = thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|_| {
                let sender = sender.clone();
                let tell = move |step: &Progress| {
                    // The callback can't wait for its own launch.
                    assert_eq!(Tor::global().unwrap_err().kind(), ErrorKind::Argument);
                    sender.send(step.clone()).unwrap();
                };
                scope.spawn(|| Tor::global_with(tell).unwrap())
            })
            .collect();
        asking.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert!(steps.try_iter().last().unwrap().is_done());
    let pid = tors[0].pid().unwrap();
    assert!(tors.iter().all(|tor| tor.mode() == TorMode::Launched && tor.pid() == Some(pid)));
    assert_eq!(said(tors[0].dial((NAME, port)).unwrap()), "global");
    assert_eq!(said(scape::dial(format!("tor:{NAME}:{port}").as_str()).unwrap()), "global");
    let directory = tors[0].data_directory().unwrap();
    let private = Tor::private().unwrap();
    assert_ne!(private.pid(), Some(pid));
    assert_eq!(said(private.dial((NAME, port)).unwrap()), "global");
    private.quit().unwrap();
    drop(tors);
    assert!(!fs::exists(format!("/proc/{pid}")).unwrap() && !directory.exists());

    // A tor that the progress callback sets takes precedence over the launched
    // one.
    let scripted = ScriptedTor::builder().info("version", "0.4.9.11").start().unwrap();
    let controller = Connect::new().authenticate_over(scripted.transport().unwrap()).unwrap();
    let own = Tor::from(controller);
    let set = own.clone();
    let found = Tor::global_with(move |_| set.set_global()).unwrap();
    assert_eq!(found.mode(), TorMode::Control);
    assert_eq!(Tor::global().unwrap().mode(), TorMode::Control);
    Some(())
}
