//! A listener that records the traffic between a controller and tor.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;

/// A listener that records all bytes between a controller and a real control
/// port.
#[derive(Debug)]
pub(crate) struct Wiretap {
    address: SocketAddr,
    sent: Arc<Mutex<Vec<u8>>>,
    received: Arc<Mutex<Vec<u8>>>,
}

impl Wiretap {
    /// Starts a listener that forwards one connection to `target`.
    pub(crate) fn start(target: SocketAddr) -> Wiretap {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("its address");
        let (sent, received): (Arc<Mutex<_>>, Arc<Mutex<_>>) = Default::default();
        let (to, from) = (sent.clone(), received.clone());
        thread::spawn(move || {
            let (here, _) = listener.accept().expect("a connection");
            let there = TcpStream::connect(target).expect("the control port");
            let (source, sink) =
                (here.try_clone().expect("a handle"), there.try_clone().expect("a handle"));
            thread::spawn(move || hand_on(source, sink, &to));
            hand_on(there, here, &from);
        });
        Wiretap { address, sent, received }
    }

    /// Returns the address of the listener.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the lines that the controller has sent so far.
    pub(crate) fn sent(&self) -> Vec<String> {
        lines(&self.sent.lock())
    }

    /// Returns the lines that tor has sent so far.
    pub(crate) fn received(&self) -> Vec<String> {
        lines(&self.received.lock())
    }
}

fn lines(bytes: &[u8]) -> Vec<String> {
    String::from_utf8_lossy(bytes).lines().map(str::to_owned).collect()
}

/// Forwards bytes from `from` to `to`. Appends them to `kept` before.
fn hand_on(mut from: TcpStream, mut to: TcpStream, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        kept.lock().extend_from_slice(&buffer[..count]);
        if to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}
