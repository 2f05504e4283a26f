use std::fs;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;

use scape::testing::TestNetwork;
use scape::word::ClientKey;
use serde_json::{Value, json};

use crate::run::Scape;
use crate::server::Server;
use crate::watching::Watching;
use crate::{SOON, scape, visit};

cases! {
    ONIONS:
    onion_forward_exports_ports_and_sockets = exports,
    onion_forward_imports_onion_services = imports,
    onion_forward_explains_failures = explains,
}

/// Starts a `scape onion forward` command with `--json`. Returns the running
/// command, and the JSON values of its first `lines` lines.
fn forward(command: Scape, lines: usize) -> (Watching, Vec<Value>) {
    let running = Watching::start(command.arg("--json"));
    let values = (0..lines).map(|_| serde_json::from_str(&running.line()).unwrap()).collect();
    (running, values)
}

fn get(network: &TestNetwork, value: &Value) -> String {
    let url = format!("http://{}:{}/", value["address"].as_str().unwrap(), value["port"]);
    visit(network, &url);
    scape(network, ["get", &url]).ok()
}

fn exports(network: &TestNetwork) {
    let port = Server::start().port;
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("a.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    thread::spawn(move || {
        for mut visitor in listener.incoming().flatten() {
            let _ = visitor.read(&mut [0; 1000]);
            let _ = visitor.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nunix");
        }
    });
    let command = || {
        scape(network, ["onion", "forward"])
            .env("XDG_DATA_HOME", folder.path())
            .arg(format!("{port}~80,8080@web"))
            .arg(format!("127.0.0.1:{port}"))
            .arg(format!("{}~81", socket.display()))
    };
    let (running, values) = forward(command(), 4);
    let find = |port: u16| values.iter().find(|value| value["port"] == port).unwrap();
    let [web, other, plain, unix] = [80, 8080, port, 81].map(find);
    assert_eq!((&web["direction"], &web["name"]), (&json!("export"), &json!("web")));
    assert_eq!(web["local"], format!("127.0.0.1:{port}"));
    let file = folder.path().join("scape/onions/web.key");
    assert_eq!((web["key_file"].as_str(), file.exists()), (file.to_str(), true));
    assert_eq!((&plain["name"], &plain["key_file"]), (&Value::Null, &Value::Null));
    assert_eq!((&web["address"], &plain["address"]), (&other["address"], &unix["address"]));
    assert_ne!(web["address"], plain["address"]);
    for value in [web, other, plain] {
        assert_eq!(get(network, value), "hello\n", "{value}");
    }
    assert_eq!(get(network, unix), "unix");
    running.interrupt().expect(130);
    // The service with a name keeps its address, and the service without a name
    // doesn't.
    let running = Watching::start(command());
    let lines: Vec<String> = (0..4).map(|_| running.line()).collect();
    let web = web["address"].as_str().unwrap();
    assert!(lines.contains(&format!("127.0.0.1:{port} => {web}:80")), "{lines:?}");
    let plain = plain["address"].as_str().unwrap();
    assert!(!lines.iter().any(|line| line.contains(plain)), "{lines:?}");
    running.interrupt().expect(130);
}

fn imports(network: &TestNetwork) {
    let port = Server::start().port;
    let key = ClientKey::random();
    let public = key.public_key().to_string();
    let spec = format!("{port}~80");
    let (service, values) =
        forward(scape(network, ["onion", "forward", &spec, "--client", &public]), 1);
    let address = values[0]["address"].as_str().unwrap();
    let import = format!("{address}:80~0");
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, &*key.to_base32()).unwrap();
    let command = scape(network, ["onion", "forward", &import, "--client-key"]).arg(&file);
    let (running, values) = forward(command, 1);
    assert_eq!((&values[0]["direction"], &values[0]["port"]), (&json!("import"), &json!(80)));
    visit(network, &format!("http://{address}/"));
    let local = values[0]["local"].as_str().unwrap();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(local).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").unwrap();
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        assert!(text.ends_with("\r\n\r\nhello\n"), "{text}");
    }
    running.interrupt().expect(130);
    // The key is removed again.
    assert_eq!(network.client().onion_client_auth().list().unwrap(), []);
    service.interrupt().expect(130);
}

fn explains(network: &TestNetwork) {
    let forward = |words: &[&str]| {
        let command = scape(network, ["onion", "forward"]);
        words.iter().fold(command, |command, word| command.arg(word)).run()
    };
    let done = forward(&["8000~80", "8001~80"]).expect(2);
    assert!(done.error.contains("port 80 of an onion address is forwarded twice"), "{done:?}");
    let done = forward(&["example.com:80"]).expect(2);
    assert!(done.error.contains("names aren't resolved"), "{done:?}");
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap();
    let listener = TcpListener::bind(taken).unwrap();
    let nobody = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    let done = forward(&[&format!("{nobody}:80~{taken}")]).expect(1);
    assert!(done.error.contains(&format!("cannot listen on {taken}")), "{done:?}");
    drop(listener);
    // The local port has no server, and the onion address has no service.
    let running = Watching::start(scape(network, ["onion", "forward", &taken.port().to_string()]));
    running.line();
    let done = running.interrupt().expect(130);
    assert!(done.error.contains(&format!("no program listens on {taken} yet")), "{done:?}");
    let running = Watching::start(scape(network, ["onion", "forward", &format!("{nobody}:80~0")]));
    let line = running.line();
    let local = line.strip_prefix(&format!("{nobody}:80 => ")).unwrap();
    let mut stream = TcpStream::connect(local).unwrap();
    // The limit is longer than any command may take.
    stream.set_read_timeout(Some(4 * SOON)).unwrap();
    match stream.read(&mut [0; 10]) {
        Ok(count) => assert_eq!(count, 0),
        Err(error) => assert_eq!(error.kind(), ErrorKind::ConnectionReset),
    }
    let done = running.interrupt().expect(130);
    assert!(done.error.contains(nobody), "{done:?}");
}
