use std::net::TcpListener;

use rustix::process::Signal;

use crate::run::{Done, Scape, send_signal};

/// Opens a port that accepts connections and never answers. Returns the
/// listener, which keeps the port open, and the port's address.
fn silent() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    (listener, address)
}

fn resolve(socks: &str) -> Scape {
    Scape::new(["resolve", "example.com", "--socks", socks])
}

#[test]
fn silent_socks_port_is_given_up_after_the_timeout() {
    let (_listener, socks) = silent();
    resolve(&socks).arg("--timeout").arg("1s").run().expect(4);
}

#[test]
fn ctrl_c_ends_the_wait_for_a_silent_socks_port() {
    let (listener, socks) = silent();
    let child = resolve(&socks).arg("--timeout").arg("10min").start();
    // The program is waiting for the answer of the port.
    let _connection = listener.accept().unwrap();
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"scape resolve").expect(130);
}
