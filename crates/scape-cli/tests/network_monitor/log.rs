use std::io::Write as _;
use std::net::TcpStream;

use scape::control::ExtendCircuit;
use scape::testing::{Node, TestNetwork};

use crate::{SOON, monitor, quit};

cases! { MONITORED:
    log_shows_warnings_and_chosen_events = log,
}

fn log(network: &TestNetwork) {
    let mut monitor = monitor(network, "log");
    let client = network.client();
    client.set_conf([("SafeSocks", "1")]).unwrap();
    monitor.see("SafeSocks=1");
    // tor warns about a request of SOCKS 4, which has no name.
    let mut socks = TcpStream::connect(network.socks().to_string()).unwrap();
    socks.write_all(b"\x04\x01\x00\x01\x7f\x00\x00\x01\x00").unwrap();
    monitor.see("is giving Tor only an IP address");
    monitor.see("[WARN]");
    client.reset_conf(["SafeSocks"]).unwrap();
    // The list of events begins with circuits.
    monitor.press("f");
    monitor.see("[ ] CIRC ");
    monitor.press(" ");
    monitor.see("[x] CIRC ");
    monitor.press("\r");
    monitor.lose("[x] CIRC ");
    let path = network.relays().take(2).filter_map(Node::fingerprint);
    let id = client.build_circuit(&ExtendCircuit::new().path(path), SOON).unwrap().id;
    monitor.see(&format!("[CIRC] {id} BUILT"));
    client.close_circuit(id).unwrap();
    monitor.see(&format!("[CIRC] {id} CLOSED"));
    monitor.press(&format!("/^{id} (CLOSED|FAILED)\r"));
    monitor.see("matching");
    monitor.lose("[WARN]");
    monitor.lose(&format!("[CIRC] {id} BUILT"));
    monitor.see(&format!("[CIRC] {id} CLOSED"));
    monitor.press("\r");
    monitor.see("REASON=REQUESTED");
    monitor.press("\x1b");
    monitor.lose("REASON=REQUESTED");
    // Warnings are in the overview, too.
    monitor.press("1");
    monitor.see("is giving Tor only an IP address");
    quit(monitor);
}
