use scape::State;
use scape::control::ExtendCircuit;
use scape::testing::{Node, TestNetwork};

use crate::echo::{Echo, Visit};
use crate::{NAME, SOON, line_with, monitor, quit};

cases! { MONITORED:
    streams_are_below_their_circuits_with_their_bytes = streams,
    stream_is_closed_after_a_question = closed_stream,
    circuit_is_closed_after_a_question = closed_circuit,
    circuits_relays_are_shown_with_details = relays,
    quitting_leaves_tor_as_it_was = quitting,
}

fn streams(network: &TestNetwork) {
    let mut monitor = monitor(network, "connections");
    let echo = Echo::start();
    let mut visit = echo.visit(network);
    let stream = echo.stream(network.client()).unwrap();
    let (name, circuit) =
        (format!("str {} ", stream.id), format!("circ {} ", stream.circuit.unwrap()));
    monitor.wait("stream below its circuit", |screen| {
        let text = screen.contents();
        let above = text.lines().take_while(|line| !line.contains(&name));
        let carrier = above.filter(|line| line.starts_with("circ ")).last();
        let line = line_with(screen, &name).unwrap_or_default();
        line.contains(&echo.target())
            && line.contains("SUCCEEDED")
            && carrier.is_some_and(|line| line.starts_with(&circuit) && line.contains("BUILT"))
    });
    monitor.see("1 stream,");
    // The bytes of both directions are counted.
    visit.exchange(300_000);
    monitor.wait("bytes of the stream", |screen| {
        line_with(screen, &name).is_some_and(|line| line.contains("600 kB"))
    });
    // The details are those of the stream that was searched.
    monitor.press(&format!("/{}\r", echo.target()));
    monitor.wait("stream alone", |screen| line_with(screen, &circuit).is_none());
    monitor.press("\r");
    monitor.see(&format!("Stream {}", stream.id));
    monitor.see(&format!("Circuit      {}", stream.circuit.unwrap()));
    monitor.see("Source       127.0.0.1:");
    monitor.press("\x1b");
    monitor.lose("Source       127.0.0.1:");
    drop(visit);
    monitor.lose(&name);
    quit(monitor);
}

fn closed_stream(network: &TestNetwork) {
    let mut monitor = monitor(network, "connections");
    let echo = Echo::start();
    let mut visit = echo.visit(network);
    let stream = echo.stream(network.client()).unwrap();
    let (name, question) = (format!("str {} ", stream.id), format!("Close stream {}?", stream.id));
    monitor.press(&format!("/{}\r", echo.target()));
    monitor.see(&name);
    monitor.press("x");
    monitor.see(&question);
    monitor.press("n");
    monitor.lose(&question);
    visit.exchange(10);
    monitor.press("x");
    monitor.see(&question);
    monitor.press("y");
    monitor.see("the stream is closed");
    visit.wait_closed();
    monitor.lose(&name);
    assert!(echo.stream(network.client()).is_none());
    quit(monitor);
}

fn closed_circuit(network: &TestNetwork) {
    let mut monitor = monitor(network, "connections");
    let echo = Echo::start();
    let state = State::new(network.client()).unwrap();
    let path = network.relays().take(3).filter_map(Node::fingerprint);
    let id = network.client().build_circuit(&ExtendCircuit::new().path(path), SOON).unwrap().id;
    let circuit = state.wait(SOON, |state| state.circuit(id)).unwrap();
    // Attach the stream to this circuit, because a stream on one of tor's
    // linked circuits would outlive its circuit.
    let visit = Visit::with(circuit.client().unwrap(), (NAME, echo.port));
    assert_eq!(echo.stream(network.client()).unwrap().circuit, Some(id));
    let (name, question) = (format!("circ {id} "), format!("Close circuit {id} and its streams?"));
    monitor.press(&format!("/{name}\r"));
    monitor.wait("circuit alone", |screen| {
        line_with(screen, &name).is_some() && line_with(screen, &echo.target()).is_none()
    });
    monitor.press("x");
    monitor.see(&question);
    monitor.press("\x1b");
    monitor.lose(&question);
    assert!(circuit.is_built());
    monitor.press("x");
    monitor.see(&question);
    monitor.press("y");
    monitor.see("the circuit is closed");
    monitor.lose(&name);
    let closed = circuit.wait_closed(SOON).unwrap();
    assert_eq!(closed.reason.as_ref().unwrap().as_str(), "REQUESTED");
    visit.wait_closed();
    quit(monitor);
}

fn relays(network: &TestNetwork) {
    let mut monitor = monitor(network, "connections");
    let nodes: Vec<&Node> = network.relays().take(3).collect();
    let path = nodes.iter().filter_map(|node| node.fingerprint());
    let id = network.client().build_circuit(&ExtendCircuit::new().path(path), SOON).unwrap().id;
    let names: Vec<&str> = nodes.iter().map(|node| node.nickname()).collect();
    let name = format!("circ {id} ");
    monitor.wait("built circuit", |screen| {
        let line = line_with(screen, &name).unwrap_or_default();
        line.contains(&names.join(" > ")) && line.contains("BUILT")
    });
    monitor.press(&format!("/{name}\r"));
    monitor.lose("SUCCEEDED");
    monitor.press("\r");
    monitor.see(&format!("Circuit {id}"));
    for (hop, node) in nodes.iter().enumerate() {
        monitor.see(&format!("Relay {}      {}", hop + 1, node.nickname()));
        monitor.see(&node.fingerprint().unwrap().to_string());
    }
    monitor.press("\x1b");
    monitor.lose(&nodes[0].fingerprint().unwrap().to_string());
    // With the key `e`, each relay of the path has a row.
    monitor.press("\x1b");
    monitor.lose("search: ");
    monitor.press("f");
    monitor.see("circuits only");
    monitor.press("e");
    let version = nodes[0].controller().version().unwrap().numbers();
    let version = version.map(|number| number.to_string()).join(".");
    monitor.wait("rows of relays", |screen| {
        let text = screen.contents();
        let below = text.lines().skip_while(|line| !line.starts_with(&name)).skip(1);
        let hops = below.take_while(|line| line.starts_with("  relay "));
        let hops: Vec<&str> = hops.collect();
        hops.len() == 3
            && hops.iter().zip(&names).all(|(line, name)| {
                line.split_whitespace().nth(1) == Some(name) && line.contains(&version)
            })
    });
    network.client().close_circuit(id).unwrap();
    monitor.lose(&name);
    quit(monitor);
}

fn quitting(network: &TestNetwork) {
    let client = network.client();
    let echo = Echo::start();
    let mut visit = echo.visit(network);
    let stream = echo.stream(client).unwrap();
    let settings = client.get_info("config-text").unwrap();
    let mut monitor = monitor(network, "connections");
    for page in ["2", "3", "4", "5", "6", "7"] {
        monitor.press(page);
    }
    monitor.see("Type a command for tor");
    monitor.press("GETINFO version\r");
    monitor.see("250-version=");
    quit(monitor);
    let now = echo.stream(client).unwrap();
    assert_eq!((now.id, now.circuit, now.status), (stream.id, stream.circuit, stream.status));
    assert_eq!(client.get_info("config-text").unwrap(), settings);
    visit.exchange(1_000);
}
