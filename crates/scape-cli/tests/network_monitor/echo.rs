//! A server that sends back everything it receives, and connections to it.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener};
use std::thread;

use scape::event::StreamInfo;
use scape::socks::{SocksStream, ToTarget};
use scape::testing::TestNetwork;
use scape::{Controller, Tor, TorClient};

use crate::{NAME, SOON};

/// A server on 127.0.0.1 that sends back everything it receives. It runs until
/// the test process ends.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Echo {
    pub(crate) port: u16,
}

impl Echo {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for visitor in listener.incoming().flatten() {
                thread::spawn(move || {
                    let _ = io::copy(&mut &visitor, &mut &visitor);
                    let _ = visitor.shutdown(Shutdown::Both);
                });
            }
        });
        Echo { port }
    }

    pub(crate) fn address(self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.port).into()
    }

    /// Returns the end of the target of a stream to this server: `:` and the
    /// port. The host changes, because tor replaces the name by the address
    /// when the exit has resolved it.
    pub(crate) fn target(self) -> String {
        format!(":{}", self.port)
    }

    /// Connects to the server through the network's client.
    pub(crate) fn visit(self, network: &TestNetwork) -> Visit {
        Visit::to(&network.tor(), (NAME, self.port))
    }

    /// Returns the stream to the server from tor's list of open streams.
    /// Returns `None` if there is no such stream.
    pub(crate) fn stream(self, controller: &Controller) -> Option<StreamInfo> {
        let target = self.target();
        let streams = controller.streams().unwrap();
        streams.into_iter().find(|stream| stream.target.to_string().ends_with(&target))
    }
}

/// A connection through tor to an [`Echo`] server.
#[derive(Debug)]
pub(crate) struct Visit(SocksStream);

impl Visit {
    pub(crate) fn to(tor: &Tor, target: impl ToTarget) -> Self {
        Visit::with(tor.client().unwrap(), target)
    }

    /// Connects to `target` with the settings of `client`.
    pub(crate) fn with(client: TorClient, target: impl ToTarget) -> Self {
        let stream = client.timeout(SOON).connect(target).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        Visit(stream)
    }

    /// Sends `count` bytes, and waits until all have come back.
    pub(crate) fn exchange(&mut self, count: usize) {
        let mut writer = self.0.try_clone().unwrap();
        let sender = thread::spawn(move || writer.write_all(&vec![b'x'; count]));
        self.0.read_exact(&mut vec![0; count]).unwrap();
        sender.join().unwrap().unwrap();
    }

    /// Waits until tor closes the connection.
    pub(crate) fn wait_closed(mut self) {
        // tor may reset the connection when it closes the stream.
        if let Err(error) = self.0.read_to_end(&mut Vec::new()) {
            let is_timeout = matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut);
            assert!(!is_timeout, "the stream stays open");
        }
    }
}
