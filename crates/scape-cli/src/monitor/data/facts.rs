//! The facts that tor reports about itself, and the resources that it uses.

use std::time::{Duration, SystemTime};

use scape::event::Bootstrap;

/// The facts that the monitor regularly asks tor for. A fact is `None` if tor
/// hasn't reported it, or if it doesn't apply to this tor.
#[derive(Debug, Clone, Default)]
pub(crate) struct Facts {
    pub(crate) version: String,
    /// The directory authorities' opinion of the version, such as
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
    /// The number of bytes that tor has read since its start.
    pub(crate) read: Option<u64>,
    pub(crate) written: Option<u64>,
    /// True if this tor is a relay, so that other relays and clients connect to
    /// it. `None` if tor hasn't reported it yet.
    pub(crate) is_relay: Option<bool>,
    /// The fingerprint of this tor as a relay. `None` if it is only a client.
    pub(crate) fingerprint: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) nickname: Option<String>,
    /// The flags that the consensus lists for this relay, such as
    /// `Fast Running`.
    pub(crate) flags: Option<String>,
    /// The kinds and addresses of the ports that tor listens on, such as
    /// `("socks", "127.0.0.1:9050")`.
    pub(crate) ports: Vec<(String, String)>,
    pub(crate) accounting: Option<Accounting>,
    /// The maximum number of file descriptors that tor may open.
    pub(crate) descriptor_limit: Option<u64>,
}

/// The state of tor's accounting (option `AccountingMax`), which limits the
/// traffic in a period.
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

/// The resources that tor's process uses. All fields are `None` if the process
/// is on another machine.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// The processor time that the process uses, in tenths of a percent of one
    /// core.
    pub(crate) cpu: Option<u64>,
    /// The memory that the process occupies, in bytes.
    pub(crate) memory: Option<u64>,
    /// The number of file descriptors that the process has open.
    pub(crate) descriptors: Option<u64>,
}
