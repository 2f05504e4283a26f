//! Parts that the benchmarks share: servers to talk to, baselines to compare
//! with, and ratios.
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

/// The command of every round trip.
pub(crate) const REQUEST: &[u8] = b"GETINFO version\r\n";

/// The threads that share a connection, and the requests that one thread keeps
/// under way.
pub(crate) const TOGETHER: u64 = 8;

/// A tor, or what answers like one.
pub(crate) struct Server {
    /// `host:port` of its control port.
    pub(crate) address: String,
    /// Where its authentication cookie is; `None` where it wants none.
    pub(crate) cookie_file: Option<std::path::PathBuf>,
}

impl Server {
    /// The first line of a client that doesn't ask, with its line end.
    pub(crate) fn authenticate(&self) -> String {
        match &self.cookie_file {
            None => "AUTHENTICATE\r\n".into(),
            Some(path) => format!("AUTHENTICATE {}\r\n", hex::encode(std::fs::read(path).unwrap())),
        }
    }
}

/// The servers that there are, by name.
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
