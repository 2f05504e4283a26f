//! The facts that tor reports about itself.

use std::time::{Duration, SystemTime};

use scape::event::Bootstrap;

/// The answers to the questions that tor is asked regularly. A fact is `None`
/// if tor hasn't reported it, or if it doesn't apply to this tor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) version: String,
    /// The verdict of the directory authorities on the version, such as
    /// `recommended`.
    pub(crate) version_status: Option<String>,
    pub(crate) pid: Option<u32>,
    pub(crate) user: Option<String>,
    pub(crate) started: Option<SystemTime>,
    pub(crate) config_file: Option<String>,
    pub(crate) bootstrap: Option<Bootstrap>,
    /// False if tor believes that the network is down.
    pub(crate) network_alive: Option<bool>,
    pub(crate) circuit_established: Option<bool>,
    pub(crate) dormant: Option<bool>,
    /// The number of bytes read since tor was started.
    pub(crate) read: Option<u64>,
    pub(crate) written: Option<u64>,
    /// True if this tor is a relay, so that peers connect to it. `None` if tor
    /// hasn't reported it yet.
    pub(crate) is_relay: Option<bool>,
    /// The relay's fingerprint. `None` if tor is only a client.
    pub(crate) fingerprint: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) nickname: Option<String>,
    /// The flags of this relay in the consensus.
    pub(crate) flags: Option<String>,
    /// The ports that tor listens on, such as `("socks", "127.0.0.1:9050")`.
    pub(crate) ports: Vec<(String, String)>,
    pub(crate) accounting: Option<Accounting>,
    /// The maximum number of file descriptors that tor may open.
    pub(crate) descriptor_limit: Option<u64>,
}

/// The state of accounting, which limits traffic for a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Accounting {
    pub(crate) hibernating: String,
    pub(crate) read_left: u64,
    pub(crate) written_left: u64,
    pub(crate) end: SystemTime,
}

impl Facts {
    /// Returns the time since tor was started.
    pub(crate) fn uptime(&self, now: SystemTime) -> Option<Duration> {
        self.started.map(|started| now.duration_since(started).unwrap_or_default())
    }
}

/// The resources that the process of tor uses. Everything is `None` if the
/// process is on another machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The processor time in tenths of a percent of one core.
    pub(crate) cpu: Option<u64>,
    /// The memory that the process takes, in bytes.
    pub(crate) memory: Option<u64>,
    /// The number of open file descriptors.
    pub(crate) descriptors: Option<u64>,
}
