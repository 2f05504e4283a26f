//! Parts that the benchmarks share: servers, baselines and ratios.
#![allow(dead_code, reason = "each benchmark uses a part")]

use fake_tor::FakeTor;
use real_tor::RealTor;

pub(crate) mod bare;
pub(crate) mod bare_events;
pub(crate) mod bare_relays;
pub(crate) mod child;
pub(crate) mod fake_network;
pub(crate) mod fake_tor;
pub(crate) mod flood;
pub(crate) mod memory;
pub(crate) mod random;
pub(crate) mod real_tor;
pub(crate) mod relays;
pub(crate) mod rounds;
pub(crate) mod scape_events;
pub(crate) mod scape_side;
pub(crate) mod scape_state;

/// The command that is sent in every round trip.
pub(crate) const REQUEST: &[u8] = b"GETINFO version\r\n";

/// The number of threads that share a connection. Also the number of requests
/// that one thread keeps in flight.
pub(crate) const TOGETHER: u64 = 8;

/// The address and the authentication of a real or fake tor.
pub(crate) struct Server {
    /// The `host:port` of the control port.
    pub(crate) address: String,
    /// The path of the authentication cookie. `None` if the server requires no
    /// cookie.
    pub(crate) cookie_file: Option<std::path::PathBuf>,
}

impl Server {
    /// Returns the AUTHENTICATE line with its line end. A client that doesn't
    /// send PROTOCOLINFO sends this line first.
    pub(crate) fn authenticate(&self) -> String {
        match &self.cookie_file {
            None => "AUTHENTICATE\r\n".into(),
            Some(path) => format!("AUTHENTICATE {}\r\n", hex::encode(std::fs::read(path).unwrap())),
        }
    }
}

/// Returns the available servers with their names: the fake tor, and the real
/// tor if tor is installed.
pub(crate) fn servers<'a>(
    fake_tor: &'a FakeTor,
    real_tor: Option<&'a RealTor>,
) -> Vec<(&'static str, &'a Server)> {
    if real_tor.is_none() {
        println!("There is no tor here: only the fake one answers.");
    }
    let real_tor = real_tor.map(|tor| ("tor", &tor.server));
    [Some(("fake", &fake_tor.server)), real_tor].into_iter().flatten().collect()
}
