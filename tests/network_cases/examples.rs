//! Runs the examples in the same way as a user.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::ChildStdin;
use std::time::{Duration, Instant};

use scape::control::AddOnion;
use scape::info::ListenerKind;
use scape::socks::SocksStream;
use scape::testing::TestNetwork;
use scape::{CircuitBuilder, State, Tor};

use crate::onions::added::{publish, server};
use crate::program::{Running, Says, example, fails, line, output, prints, run, start};
use crate::{NAME, NAMED, SOON};

cases! {
    EXAMPLES:
    example_exits_in_use = exits_in_use,
    example_bandwidth_meter = bandwidth_meter,
    example_circuit_watcher = circuit_watcher,
    example_circuits = circuits,
    example_streams_by_circuit = streams_by_circuit,
    #[cfg(feature = "geoip")]
    example_world = world,
    example_event_logger = event_logger,
    example_hs_descriptor = hs_descriptor,
    example_client_auth = client_auth,
    example_new_identity = new_identity,
    example_dns = dns,
    example_http_proxy = http_proxy,
    example_serve_serves_its_folder_only = serve,
    #[cfg(feature = "http")]
    example_web_client = web_client,
    example_echo_keeps_its_address = echo,
    example_chat = chat,
    example_gui_worker = gui_worker,
    example_attach_by_port = attach_by_port,
    example_exits_in_country = exits_in_country,
    example_next_stream = next_stream,
    example_circuit_failures = circuit_failures,
    example_exit_scanner = exit_scanner,
}

fn exits_in_use(network: &TestNetwork) {
    let text = run(network, "exits_in_use", &[]);
    assert!(
        text.lines().all(|line| line.starts_with("circuit ") && line.contains(" leaves at ")),
        "{text}"
    );
}

fn bandwidth_meter(network: &TestNetwork) {
    let text = run(network, "bandwidth_meter", &["2"]);
    assert_eq!(text.lines().count(), 2);
    assert!(
        text.lines().all(|line| line.starts_with("read |") && line.contains("total")),
        "{text}"
    );
}

fn circuit_watcher(network: &TestNetwork) {
    prints(network, "circuit_watcher", &[], vec!["circuits now"]);
}

fn circuits(network: &TestNetwork) {
    let state = network.tor().state().unwrap();
    let relays: Vec<_> = network.relays().filter_map(|relay| relay.fingerprint()).collect();
    let made = CircuitBuilder::along(&relays[..3])
        .attempts(1)
        .attempt_timeout(SOON)
        .timeout(SOON)
        .build(&state)
        .unwrap();
    let id = made.id().to_string();
    let text = run(network, "circuits", &[]);
    let lines: Vec<&str> = text.lines().collect();
    let begin = lines
        .iter()
        .position(|line| line.starts_with(&format!("circuit {id} BUILT GENERAL, ")))
        .unwrap();
    for (line, hop) in lines[begin + 1..].iter().zip(made.path()) {
        assert_eq!(*line, format!("    {hop}"));
    }
    assert_eq!(run(network, "circuits", &["close", &id]), format!("circuit {id} is closed\n"));
    made.wait_closed(SOON).unwrap();

    // Nobody accepts the connection, so only the example ends it.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let _connected = network.tor().client().unwrap().timeout(SOON).connect((NAME, port)).unwrap();
    let stream = state
        .wait(SOON, |state| {
            state
                .streams()
                .into_iter()
                .find(|s| s.target().port() == Some(port) && s.circuit().is_some())
        })
        .unwrap();
    let (circuit, stream_id) = (stream.circuit().unwrap().id().to_string(), stream.id());
    let text = run(network, "circuits", &[]);
    assert!(text.contains(&format!("    stream {stream_id} SUCCEEDED to ")), "{text}");
    let text = run(network, "circuits", &["close-streams", &circuit]);
    assert!(text.contains(&format!("stream {stream_id} is closed\n")), "{text}");
    stream.wait_closed(SOON).unwrap();

    for wrong in [&["close", "4000000000"][..], &["close", "x"], &["nonsense"]] {
        fails(network, "circuits", wrong);
    }
}

fn streams_by_circuit(network: &TestNetwork) {
    let (_watching, mut lines, _input) = start(network, "streams_by_circuit", &[]);
    let now = lines.find_map(|line| line.unwrap().strip_suffix(" streams now").map(str::to_owned));
    now.unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let connected = network.tor().client().unwrap().timeout(SOON).connect((NAME, port)).unwrap();
    let opened = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| line.contains(&format!(" to {NAME}:{port}")))
        .unwrap();
    if cfg!(target_os = "linux") {
        assert!(opened.ends_with(&format!(" ({})", std::process::id())), "{opened}");
    }
    let id = opened.strip_prefix("+ stream ").unwrap().split(' ').next().unwrap().to_owned();
    let path = line(&mut lines, &format!("  stream {id} on circuit "));
    assert!(path.contains(" > "), "{path}");
    drop(connected);
    line(&mut lines, &format!("- stream {id}: CLOSED"));
}

#[cfg(feature = "geoip")]
fn world(network: &TestNetwork) {
    use crate::mmdb::{Mmdb, Value};

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("country.mmdb");
    let here = Value::Map(vec![("country_code", Value::Text("DE"))]);
    fs::write(&path, Mmdb::new("Country", 4, 24).with("127.0.0.0/8", &here).bytes()).unwrap();
    let text = run(network, "world", &[path.to_str().unwrap()]);
    // The weights may all be 0 here.
    assert!(text.starts_with("de     8 relays ") && text.lines().count() == 1, "{text}");
    fails(network, "world", &["/nonexistent"]);
}

fn event_logger(network: &TestNetwork) {
    prints(network, "event_logger", &["bw"], vec!["BW "]);
    prints(network, "event_logger", &[], vec!["BW ", "DEBUG "]);
}

fn hs_descriptor(network: &TestNetwork) {
    let tor = network.client();
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let service = publish(tor, &AddOnion::new().port(80, target));
    let text = run(network, "hs_descriptor", &[&service.address.to_string()]);
    assert!(text.starts_with("hs-descriptor 3\n"), "{text}");
    tor.del_onion(&service.address).unwrap();
}

fn client_auth(network: &TestNetwork) {
    const ADDRESS: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    const KEY: &str = "8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";
    let add = example(network, "client_auth", &["add", ADDRESS, "bob"]);
    let added = output(add, &format!("{KEY}\n"));
    assert_eq!(String::from_utf8_lossy(&added.stdout), "added\n", "{added:?}");
    assert_eq!(run(network, "client_auth", &[]), format!("{ADDRESS} bob\n"));
    assert_eq!(run(network, "client_auth", &["remove", ADDRESS]), "removed\n");
    assert_eq!(run(network, "client_auth", &["remove", ADDRESS]), "there was no key for it\n");
    fails(network, "client_auth", &["nonsense"]);
}

fn new_identity(network: &TestNetwork) {
    let text = run(network, "new_identity", &[]);
    assert!(text.starts_with("a new identity, after "), "{text}");
}

fn dns(network: &TestNetwork) {
    let address = NAMED.to_string();
    let text = run(network, "dns", &[NAME, &address]);
    assert_eq!(text, format!("{NAME} 127.0.0.1\n{address} seven.scape.test\n"));
    let unknown = fails(network, "dns", &["nobody.scape.test", NAME]);
    assert_eq!(String::from_utf8_lossy(&unknown.stdout), format!("{NAME} 127.0.0.1\n"));
}

fn http_proxy(network: &TestNetwork) {
    const ANSWER: &[u8] = b"HTTP/1.0 200 OK\r\n\r\nover tor";
    let port = server(ANSWER).port();
    let (_proxy, mut lines, _input) = start(network, "http_proxy", &["0"]);
    let proxy: SocketAddr = line(&mut lines, "a proxy at http://").parse().unwrap();
    assert!(proxy.ip().is_loopback());
    let ask = |request: &str| {
        let mut stream = TcpStream::connect(proxy).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let answer = ask(&format!("CONNECT {NAME}:{port} HTTP/1.1\r\nHost: {NAME}:{port}\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("over tor"), "{answer}");
    let answer = ask(&format!("GET http://{NAME}:{port}/page?a HTTP/1.1\r\nHost: {NAME}\r\n\r\n"));
    assert!(answer.starts_with("HTTP/1.0 200 ") && answer.ends_with("over tor"), "{answer}");
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "400"),
        ("GET https://www.scape.test/ HTTP/1.1\r\n\r\n", "400"),
        ("POST http://www.scape.test/ HTTP/1.1\r\nContent-Length: 1\r\n\r\nx", "405"),
        ("CONNECT www.scape.test HTTP/1.1\r\n\r\n", "400"),
        ("nonsense\r\n\r\n", "400"),
        ("CONNECT nobody.scape.test:80 HTTP/1.1\r\n\r\n", "502"),
        // Services of this machine are not reached through tor.
        ("GET http://127.0.0.1/ HTTP/1.1\r\n\r\n", "502"),
    ] {
        let answer = ask(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
    }
}

/// Creates a folder with files to serve, and with others that must not be
/// served.
fn public_html() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().join("public_html");
    fs::create_dir_all(root.join("sub/<b>")).unwrap();
    fs::create_dir(root.join("site")).unwrap();
    for (name, content) in [
        ("index.html", "<p>welcome</p>"),
        ("sub/a b.txt", "a text"),
        (".secret", "secret"),
        ("site/index.html", "a site"),
        ("../outside", "secret"),
    ] {
        fs::write(root.join(name), content).unwrap();
    }
    std::os::unix::fs::symlink("../outside", root.join("link")).unwrap();
    folder
}

/// Starts the example `serve`. Returns the running example, and the site's
/// address `http://….onion/`.
fn site(network: &TestNetwork, folder: &Path) -> (Running, String) {
    let root = folder.join("public_html");
    let (running, mut lines, _) = start(network, "serve", &["onion:80", root.to_str().unwrap()]);
    (running, format!("http://{}", line(&mut lines, "http://")))
}

fn serve(network: &TestNetwork) {
    let folder = public_html();
    let (_serve, address) = site(network, folder.path());
    let host = address.strip_prefix("http://").unwrap().trim_end_matches('/').to_owned();
    let client = network.tor().client().unwrap().timeout(SOON);
    let ask = |request: &str| {
        let mut stream = client.connect((host.as_str(), 80)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        write!(stream, "{request}\r\nHost: {host}\r\n\r\n").unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    };
    let page = ask("GET / HTTP/1.1");
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=utf-8\r\n"),
        "{page}"
    );
    assert!(page.ends_with("\r\n\r\n<p>welcome</p>"), "{page}");
    let head = ask("HEAD / HTTP/1.1");
    assert!(head.contains("Content-Length: 14\r\n") && head.ends_with("\r\n\r\n"), "{head}");
    let text = ask("GET /sub/a%20b.txt?query HTTP/1.1");
    assert!(text.contains("text/plain") && text.ends_with("a text"), "{text}");
    let list = ask("GET /sub/ HTTP/1.1");
    assert!(list.contains("<a href=\"./a%20b.txt\">a b.txt</a>"), "{list}");
    assert!(list.contains("<a href=\"./%3Cb%3E/\">&lt;b&gt;/</a>"), "{list}");
    assert!(ask("GET /site HTTP/1.1").contains("\r\nLocation: /site/\r\n"));
    assert!(ask("GET //site HTTP/1.1").contains("\r\nLocation: /site/\r\n"));
    assert!(ask("GET /site/ HTTP/1.1").ends_with("a site"));
    for (request, status) in [
        ("GET /../outside HTTP/1.1", "404"),
        ("GET /%2e%2e/outside HTTP/1.1", "404"),
        ("GET /sub/..%2f..%2foutside HTTP/1.1", "404"),
        ("GET /link HTTP/1.1", "404"),
        ("GET /.secret HTTP/1.1", "404"),
        ("GET /index.html/ HTTP/1.1", "404"),
        ("GET /a%00 HTTP/1.1", "404"),
        ("GET /%zz HTTP/1.1", "400"),
        ("GET index.html HTTP/1.1", "400"),
        ("POST / HTTP/1.1", "405"),
        ("nonsense", "400"),
    ] {
        let answer = ask(request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{request}: {answer}");
        assert!(!answer.contains("secret"), "{request}: {answer}");
    }
}

#[cfg(feature = "http")]
fn web_client(network: &TestNetwork) {
    let folder = public_html();
    let (_serve, address) = site(network, folder.path());
    let text = run(network, "web_client", &[&address, &format!("{address}sub/a%20b.txt")]);
    assert_eq!(text, "<p>welcome</p>a text");
    fails(network, "web_client", &[&format!("{address}nothing")]);
}

fn echo(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    let key = folder.path().join("echo.key");
    let client = network.tor().client().unwrap().timeout(SOON / 4);
    let mut before = None;
    for _ in 0..2 {
        let (_echo, mut lines, _input) = start(network, "echo", &[key.to_str().unwrap()]);
        let address = line(&mut lines, "an echo at ");
        assert!(address.ends_with(".onion:7"), "{address}");
        // In the second round, the client has an outdated descriptor and must
        // find that out first.
        let deadline = Instant::now() + 2 * SOON;
        let mut stream = loop {
            match client.isolated().connect(address.as_str()) {
                Ok(stream) => break stream,
                Err(error) => assert!(Instant::now() < deadline, "{error}"),
            }
        };
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(b"is there anybody?").unwrap();
        let mut answer = [0; 17];
        stream.read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"is there anybody?");
        assert_eq!(*before.get_or_insert(address.clone()), address);
    }
}

fn chat(network: &TestNetwork) {
    let (host, mut host_says, mut host_hears) = start(network, "chat", &["host"]);
    let address = line(&mut host_says, "your friend says: chat join ");
    let key = line(&mut host_says, "and gives this key: ");

    // A stranger with another key.
    let other = scape::word::ClientKey::random();
    let stranger =
        output(example(network, "chat", &["join", &address]), &format!("{}\n", *other.to_base32()));
    assert!(!stranger.status.success());

    let (friend, mut friend_says, mut friend_hears) = start(network, "chat", &["join", &address]);
    writeln!(friend_hears, "{key}").unwrap();
    line(&mut friend_says, "you are there");
    line(&mut host_says, "your friend is here");
    writeln!(host_hears, "hello").unwrap();
    assert_eq!(line(&mut friend_says, "friend: "), "hello");
    writeln!(friend_hears, "\u{1b}[2Jhi").unwrap();
    assert_eq!(line(&mut host_says, "friend: "), "[2Jhi");
    drop(friend_hears);
    line(&mut host_says, "the talk is over");
    line(&mut friend_says, "the talk is over");
    host.wait();
    friend.wait();
    // Neither the service nor the key is left.
    let address = address.parse().unwrap();
    assert!(network.client().onion_client_auth().get(&address).unwrap().is_none());
}

fn gui_worker(network: &TestNetwork) {
    let port = server(b"hello").port();
    let (worker, mut says, mut hears) = start(network, "gui_worker", &[]);
    line(&mut says, "ready: tor ");
    writeln!(hears, "connect {NAME}:{port}").unwrap();
    line(&mut says, &format!("connected to {NAME}:{port} in "));
    writeln!(hears, "connect nobody.scape.test:80").unwrap();
    line(&mut says, "failed: ");
    line(&mut says, "read ");
    // The example ends at once, whatever is still running.
    writeln!(hears, "identity").unwrap();
    drop(hears);
    line(&mut says, "ended");
    worker.wait();
}

fn circuit_failures(network: &TestNetwork) {
    let text = run(network, "circuit_failures", &["3"]);
    let guards: Vec<&str> = text.lines().filter(|line| !line.ends_with("not to be used")).collect();
    assert!(!guards.is_empty(), "{text}");
    assert!(
        guards.iter().all(|line| line.starts_with('$') && line.contains(": 3 circuits, ")),
        "{text}"
    );
    assert!(guards.iter().any(|line| line.ends_with(" 0 failed (0 %)")), "{text}");
}

fn exit_scanner(network: &TestNetwork) {
    // This server answers with the address of its client.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let from = connection.peer_addr().unwrap().ip();
            let mut request = BufReader::new(&connection).lines().map_while(Result::ok);
            let _ = request.find(String::is_empty);
            let _ = write!(connection, "HTTP/1.0 200 OK\r\n\r\n{from}\n");
        }
    });
    let text = run(network, "exit_scanner", &[NAME, &port]);
    let exits = network.relays().count();
    let (first, others) = text.split_once('\n').unwrap();
    assert_eq!(first, format!("{exits} exits lead to {NAME}:{port}"));
    assert_eq!(others.lines().count(), exits, "{text}");
    for relay in network.relays() {
        let line = others.lines().find(|line| line.contains(&format!("~{} ", relay.nickname())));
        assert!(
            line.unwrap().ends_with("arrives from 127.0.0.1, its address in the consensus"),
            "{text}"
        );
    }
    let few = run(network, "exit_scanner", &[NAME, &port, "1"]);
    assert_eq!(few.lines().count(), 2, "{few}");
}

/// Starts an example that attaches the streams of `tor`. Returns the running
/// example, its output, and its input.
fn attaching(
    tor: &Tor,
    network: &TestNetwork,
    name: &str,
    arguments: &[&str],
) -> (Running, Says, ChildStdin) {
    let listeners = tor.controller().unwrap().info().listeners(&ListenerKind::Control).unwrap();
    let mut command = example(network, name, arguments);
    command.env("SCAPE_CONTROL", listeners[0].to_string());
    Running::start(command)
}

/// Launches a tor that has this GeoIP data, and a control port for examples.
fn controlled(network: &TestNetwork, geoip: &Path) -> Tor {
    let launch = network
        .launch()
        .option("ControlPort", "127.0.0.1:auto")
        .option("CookieAuthentication", "1");
    let tor = Tor::launch(launch.option("GeoIPFile", geoip)).unwrap();
    tor.become_ready(SOON).unwrap();
    tor
}

fn reached(tor: &Tor, port: u16) -> Result<SocksStream, scape::Error> {
    tor.client()
        .unwrap()
        .allow_private_addresses(true)
        .timeout(SOON)
        .isolated()
        .connect((NAME, port))
}

fn attach_by_port(network: &TestNetwork) {
    let tor = controlled(network, Path::new("/nonexistent"));
    let state = tor.state().unwrap();
    let (one, two) = (server(b"one").port(), server(b"two").port());
    let (attacher, mut says, input) =
        attaching(&tor, network, "attach_by_port", &[&one.to_string()]);
    line(&mut says, "attaching streams");
    let streams =
        [reached(&tor, one).unwrap(), reached(&tor, one).unwrap(), reached(&tor, two).unwrap()];
    let circuits: Vec<String> =
        (0..2).map(|_| line(&mut says, &format!("{NAME}:{one} goes over circuit "))).collect();
    assert_eq!(circuits[0], circuits[1]);
    assert!(state.circuits().iter().any(|circuit| circuit.id().to_string() == circuits[0]));
    drop((streams, input));
    attacher.wait();
    assert_eq!(
        tor.controller().unwrap().get_conf("__LeaveStreamsUnattached").unwrap().as_deref(),
        Some("0")
    );
}

fn exits_in_country(network: &TestNetwork) {
    let directory = tempfile::tempdir().unwrap();
    let geoip = directory.path().join("geoip");
    // 127.0.0.0/8 is in Germany, and 198.51.100.0/24 is in France.
    fs::write(&geoip, "2130706432,2147483647,DE\n3325256704,3325256959,FR\n").unwrap();
    let tor = controlled(network, &geoip);
    network.name_server().add_name(IpAddr::from([198, 51, 100, 8]), "eight.scape.test");
    let port = server(b"hello").port();
    let (attacher, mut says, input) = attaching(&tor, network, "exits_in_country", &[]);
    line(&mut says, "attaching streams");
    let stream = reached(&tor, port).unwrap();
    let over = line(&mut says, &format!("{NAME}:{port} is in de: it goes over "));
    assert!(over.contains("BUILT"), "{over}");
    drop(stream);
    // No exit is in this country, so tor chooses.
    let client = tor.client().unwrap().timeout(Duration::from_secs(5));
    assert!(client.connect(("198.51.100.7", 80)).is_err());
    line(&mut says, "198.51.100.7:80 is in fr, where no exit is: ");
    drop(input);
    attacher.wait();
}

fn next_stream(network: &TestNetwork) {
    let tor = controlled(network, Path::new("/nonexistent"));
    let state = tor.state().unwrap();
    let relays: Vec<String> =
        network.relays().take(3).map(|relay| relay.nickname().to_owned()).collect();
    let relays: Vec<&str> = relays.iter().map(String::as_str).collect();
    let port = server(b"hello").port();
    let (attacher, mut says, _input) = attaching(&tor, network, "next_stream", &relays);
    let circuit = line(&mut says, "the next stream goes over ");
    let id = circuit.split(' ').next().unwrap();
    let mut stream = reached(&tor, port).unwrap();
    let way = line(&mut says, "");
    assert!(way.contains(&format!("on circuit {id}")) || way == "it has ended already", "{way}");
    stream.set_read_timeout(Some(SOON)).unwrap();
    let mut hello = String::new();
    stream.read_to_string(&mut hello).unwrap();
    assert_eq!(hello, "hello");
    attacher.wait();
    // The next stream is left to tor again.
    assert_eq!(
        tor.controller().unwrap().get_conf("__LeaveStreamsUnattached").unwrap().as_deref(),
        Some("0")
    );
    let own = |state: &State| {
        state.circuits().into_iter().find(|circuit| circuit.id().to_string() == *id)
    };
    let stream = reached(&tor, port).unwrap();
    let source = stream.as_tcp().unwrap().local_addr().unwrap();
    let on = state.streams().into_iter().find(|stream| stream.source_addr() == Some(source));
    assert!(
        on.and_then(|stream| stream.circuit()).is_none_or(|circuit| Some(circuit) != own(&state))
    );
}
