use std::io::{Read as _, Write as _};
use std::net::TcpListener;
use std::process;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, bounded};
use scape::State;
use scape::event::StreamStatus;
use scape::state::Stream;
use scape::testing::TestNetwork;

use crate::watching::Watching;
use crate::{NAME, SOON, scape};

cases! { TABLES:
    streams_are_listed_watched_and_closed = listed,
    waiting_stream_is_attached = attached,
    waiting_streams_are_released = released,
}

/// A connection through tor to a [`Server`]. A thread keeps it open.
struct Visit {
    greeting: Receiver<[u8; 5]>,
    thread: JoinHandle<()>,
}

impl Visit {
    /// Waits for the greeting of the server. Call this before closing the
    /// stream, because closing loses bytes that are still on their way.
    fn wait_greeted(&self) {
        assert_eq!(&self.greeting.recv_timeout(SOON).unwrap(), b"hello");
    }

    /// Waits until tor has closed the stream.
    fn wait_closed(self) {
        self.thread.join().unwrap();
    }
}

/// A server that greets its clients and then waits until they close the
/// connection.
struct Server {
    port: u16,
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                thread::spawn(move || {
                    stream.write_all(b"hello").unwrap();
                    let _ = stream.read_to_end(&mut Vec::new());
                });
            }
        });
        Server { port }
    }

    /// Connects to the server through tor.
    fn visit(&self, network: &TestNetwork) -> Visit {
        let client = network.tor().client().unwrap().timeout(SOON);
        let port = self.port;
        let (sender, greeting) = bounded(1);
        let thread = thread::spawn(move || {
            let mut stream = client.connect((NAME, port)).unwrap();
            let mut greeting = [0; 5];
            stream.read_exact(&mut greeting).unwrap();
            sender.send(greeting).unwrap();
            // tor may reset the connection when it closes the stream.
            let _ = stream.read_to_end(&mut Vec::new());
        });
        Visit { greeting, thread }
    }

    fn wait_for(&self, state: &State, status: &StreamStatus) -> Stream {
        // The host may be the address that the exit has found, if the stream
        // existed before the state.
        let is_wanted = |stream: &Stream| {
            stream.first_target().port() == Some(self.port) && stream.status() == *status
        };
        state.wait(SOON, |state| state.streams().into_iter().find(is_wanted)).unwrap()
    }
}

fn listed(network: &TestNetwork) {
    let server = Server::start();
    let target = format!(":{}", server.port);
    let watching = Watching::start(scape(network, ["streams", "--watch", "60", "--json"]));
    watching.value(|value| value["streams"].is_array());
    let visit = server.visit(network);
    let state = State::new(network.client()).unwrap();
    let stream = server.wait_for(&state, &StreamStatus::Succeeded);
    let id = stream.id().to_string();
    let circuit = stream.circuit().unwrap().id().to_string();

    // The stream has begun while the command runs, so its program is known.
    let with = |value: &serde_json::Value, status: &str| {
        let streams = value["streams"].as_array().unwrap();
        streams.iter().find(|it| it["id"] == id.as_str() && it["status"] == status).cloned()
    };
    let value = watching.value(|value| with(value, "SUCCEEDED").is_some());
    let shown = with(&value, "SUCCEEDED").unwrap();
    assert_eq!(shown["circuit"], circuit.as_str());
    assert!(shown["source"].as_str().unwrap().starts_with("127.0.0.1:"), "{shown}");
    assert_eq!(shown["client_protocol"], "SOCKS5");
    assert_eq!(shown["program"]["pid"], process::id());
    assert!(shown["opened"].is_string(), "{shown}");

    let text = scape(network, ["streams"]).ok();
    let line = text.lines().find(|line| line.contains(&target)).unwrap();
    assert!(line.contains("SUCCEEDED") && line.contains(&circuit), "{line}");
    let values = scape(network, ["streams"]).json();
    let value = values.iter().find(|value| value["id"] == id.as_str()).unwrap();
    assert_eq!(
        (&value["status"], &value["circuit"]),
        (&"SUCCEEDED".into(), &circuit.as_str().into())
    );
    let filtered = ["streams", "--target", &target, "--circuit", &circuit, "--status", "succeeded"];
    let values = scape(network, filtered).json();
    assert!(values.len() == 1 && values[0]["id"] == id.as_str(), "{values:?}");
    let circuits = scape(network, ["circuits"]).json();
    let carrier = circuits.iter().find(|value| value["streams"] == serde_json::json!([id]));
    assert_eq!(carrier.unwrap()["id"], circuit.as_str());
    let done = scape(network, ["circuits", "close", "--if-unused", &circuit]).run().expect(0);
    assert_eq!(done.error, format!("circuit {circuit} carries streams, and was left open\n"));
    let done = scape(network, ["streams", "attach", &id, &circuit]).run().expect(1);
    assert!(done.error.contains("only a stream that isn't open yet"), "{done:?}");

    visit.wait_greeted();
    let done = scape(network, ["streams", "close", &id, "--reason", "exit-policy"]).run().expect(0);
    assert_eq!(done.error, format!("closed stream {id}\n"));
    visit.wait_closed();
    // The watching command still shows the stream, with the reason.
    let value = watching.value(|value| with(value, "CLOSED").is_some());
    assert_eq!(with(&value, "CLOSED").unwrap()["reason"], "EXITPOLICY");
    let done = watching.interrupt().expect(130);
    assert_eq!(done.error, "");
}

fn attached(network: &TestNetwork) {
    let server = Server::start();
    let state = State::new(network.client()).unwrap();
    let _unattached = Unattached::begin(&state);
    for hop in [None, Some("3")] {
        let circuits = scape(network, ["circuits", "build"]).json();
        let circuit = circuits[0]["id"].as_str().unwrap();
        let visit = server.visit(network);
        let id = server.wait_for(&state, &StreamStatus::ControllerWait).id().to_string();
        let listed = scape(network, ["streams"]).json();
        let shown = listed.iter().find(|value| value["id"] == id.as_str()).unwrap();
        assert_eq!(shown["circuit"], serde_json::Value::Null);
        let done = scape(network, ["streams", "attach", &id, "99999"]).run().expect(1);
        assert!(done.error.contains("tor has no circuit 99999"), "{done:?}");
        match hop {
            None => {
                let done = scape(network, ["streams", "attach", &id, circuit]).run().expect(0);
                assert_eq!(done.error, format!("attached stream {id} to circuit {circuit}\n"));
            }
            Some(hop) => {
                let attach = scape(network, ["streams", "attach", &id, circuit, "--hop", hop]);
                assert_eq!(attach.json()[0]["circuit"], circuit);
            }
        }
        let stream = server.wait_for(&state, &StreamStatus::Succeeded);
        assert_eq!(stream.circuit().unwrap().id().to_string(), circuit);
        visit.wait_greeted();
        let values = scape(network, ["streams", "close", &id]).json();
        assert_eq!(
            (&values[0]["status"], &values[0]["reason"]),
            (&"CLOSED".into(), &"MISC".into())
        );
        visit.wait_closed();
    }
    // With circuit 0, tor chooses the circuit.
    let visit = server.visit(network);
    let id = server.wait_for(&state, &StreamStatus::ControllerWait).id().to_string();
    let done = scape(network, ["streams", "attach", &id, "0"]).run().expect(0);
    assert_eq!(done.error, format!("tor attaches stream {id}\n"));
    server.wait_for(&state, &StreamStatus::Succeeded);
    visit.wait_greeted();
    scape(network, ["streams", "close", &id]).ok();
    visit.wait_closed();
}

fn released(network: &TestNetwork) {
    let server = Server::start();
    let state = State::new(network.client()).unwrap();
    let done = scape(network, ["streams", "release"]).run().expect(0);
    assert_eq!(done.error, "tor attaches streams; released 0 streams\n");
    for json in [false, true] {
        let _unattached = Unattached::begin(&state);
        let visit = server.visit(network);
        let id = server.wait_for(&state, &StreamStatus::ControllerWait).id().to_string();
        let release = scape(network, ["streams", "release"]);
        if json {
            assert_eq!(release.json(), [serde_json::json!({ "released": 1 })]);
        } else {
            let done = release.run().expect(0);
            assert_eq!(done.error, "tor attaches streams; released 1 stream\n");
        }
        server.wait_for(&state, &StreamStatus::Succeeded);
        visit.wait_greeted();
        let option = state.controller().get_conf("__LeaveStreamsUnattached").unwrap();
        assert_eq!(option.as_deref(), Some("0"));
        scape(network, ["streams", "close", &id]).ok();
        visit.wait_closed();
    }
}

/// A guard that keeps tor from attaching new streams until it is dropped. The
/// test can attach them with a command.
struct Unattached<'a> {
    state: &'a State,
}

impl<'a> Unattached<'a> {
    fn begin(state: &'a State) -> Self {
        state.controller().set_conf([("__LeaveStreamsUnattached", "1")]).unwrap();
        Unattached { state }
    }
}

impl Drop for Unattached<'_> {
    fn drop(&mut self) {
        let _ = self.state.controller().reset_conf(["__LeaveStreamsUnattached"]);
        for stream in self.state.streams() {
            // Streams that still wait are attached by tor. For the others, tor
            // refuses the command.
            let _ = self.state.controller().attach_stream(stream.id(), None, None);
        }
    }
}
