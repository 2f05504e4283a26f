use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use scape::event::{EventBody, EventKind, StreamStatus};
use scape::testing::TestNetwork;
use serde_json::Value;

use crate::server::Server;
use crate::watching::Watching;
use crate::{NAME, SOON, scape};

cases! {
    ONIONS:
    proxy_passes_requests_and_tunnels_on = passes,
    proxy_isolates_users = isolates,
}

/// Connects to the HTTP proxy at `address`, sends `request`, and returns
/// everything that the proxy answers.
fn ask(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(SOON)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn passes(network: &TestNetwork) {
    let server = Server::start();
    let running = Watching::start(scape(network, ["proxy", "--listen", "127.0.0.1:0"]));
    let line = running.line();
    let proxy = line.strip_prefix("http://").unwrap();
    let answer = ask(proxy, &format!("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", server.url("/")));
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\nX-Test: yes\r\n"), "{answer}");
    assert!(answer.ends_with("\r\n\r\nhello\n"), "{answer}");
    // A body is passed on, and the bytes after it aren't.
    let url = server.url("/echo");
    let answer = ask(
        proxy,
        &format!(
            "POST {url} HTTP/1.1\r\nContent-Length: 4\r\nProxy-Connection: keep-alive\r\nA: b\r\n\
             \r\nbodyGET http://other.test/ HTTP/1.1\r\n\r\n"
        ),
    );
    let expected = format!(
        "POST /echo HTTP/1.1\r\nHost: {NAME}:{}\r\nContent-Length: 4\r\nA: b\r\n\
         Connection: close\r\n\r\nbody",
        server.port
    );
    assert!(answer.ends_with(&expected), "{answer}");
    let tunnel = format!("CONNECT {NAME}:{} HTTP/1.1\r\n\r\nGET / HTTP/1.0\r\n\r\n", server.port);
    let answer = ask(proxy, &tunnel);
    assert!(answer.starts_with("HTTP/1.1 200 Connection established\r\n\r\nHTTP/1.1 200 OK\r\n"));
    assert!(answer.ends_with("hello\n"), "{answer}");
    for (request, status) in [
        ("CONNECT nobody.scape.test:80 HTTP/1.1\r\n\r\n", "502 Bad Gateway"),
        ("CONNECT localhost:80 HTTP/1.1\r\n\r\n", "403 Forbidden"),
        ("GET / HTTP/1.1\r\nHost: x\r\n\r\n", "400 Bad Request"),
        ("nonsense\r\n\r\n", "400 Bad Request"),
    ] {
        let answer = ask(proxy, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{answer}");
    }
    let done = scape(network, ["proxy", "--listen", proxy]).run().expect(1);
    assert!(done.error.contains("--listen"), "{done:?}");
    running.interrupt().expect(130);
}

fn isolates(network: &TestNetwork) {
    let server = Server::start();
    let proxy = scape(network, ["proxy", "--listen", "127.0.0.1:0", "--isolate-by-user", "--json"]);
    let running = Watching::start(proxy);
    let ready: Value = serde_json::from_str(&running.line()).unwrap();
    let address = ready["listen"].as_str().unwrap().to_owned();
    assert_eq!(ready["url"], format!("http://{address}"));
    let streams = network.client().subscribe([EventKind::Stream]).unwrap();
    let request = |user: &str| {
        let header = match user {
            "" => String::new(),
            user => {
                let encoded = data_encoding::BASE64.encode(format!("{user}:x").as_bytes());
                format!("Proxy-Authorization: Basic {encoded}\r\n")
            }
        };
        ask(&address, &format!("GET {} HTTP/1.1\r\n{header}\r\n", server.url("/")))
    };
    // The user and the circuit of the stream that succeeds.
    let stream = |user: &str| {
        assert!(request(user).ends_with("hello\n"));
        loop {
            let event = streams.next_timeout(SOON).unwrap();
            if let EventBody::Stream(stream) = event.body()
                && stream.status == StreamStatus::Succeeded
            {
                return (stream.socks_username.clone().unwrap(), stream.circuit.unwrap());
            }
        }
    };
    let (alice, bob, again) = (stream("alice"), stream("bob"), stream("alice"));
    // tor may use another circuit for a user's second stream, but none that
    // carries streams of another user.
    assert_eq!(alice.0, again.0);
    assert_ne!(alice.0, bob.0);
    assert!(![alice.1, again.1].contains(&bob.1), "{alice:?} {bob:?} {again:?}");
    let answer = request("");
    assert!(answer.starts_with("HTTP/1.1 407 "), "{answer}");
    assert!(answer.contains("\r\nProxy-Authenticate: Basic "), "{answer}");
    running.interrupt().expect(130);
}
