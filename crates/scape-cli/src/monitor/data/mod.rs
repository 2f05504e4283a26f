//! The data that the monitor knows about tor, as plain values of bounded size.
//! Messages update the data, so this module needs no connection.

pub(crate) mod connections;
pub(crate) mod facts;
pub(crate) mod history;
pub(crate) mod log;
pub(crate) mod onions;
pub(crate) mod programs;
pub(crate) mod relays;

use std::sync::Arc;
use std::time::SystemTime;

use scape::config::{ConfigDiff, ConfigOption};
use scape_manual::Manual;

use connections::Connections;
use facts::{Facts, Usage};
use history::Histories;
use log::Log;
use onions::Onions;
use relays::Relays;

/// The state of the control connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Link {
    Up,
    /// The connection is lost. Contains the reason, or the error of the last
    /// attempt to reconnect.
    Lost(String),
}

/// All data that is known about tor. A paused screen shows a copy of it.
#[derive(Debug, Clone)]
pub(crate) struct Data {
    /// The time of the last tick, which comes every second.
    pub(crate) now: SystemTime,
    pub(crate) link: Link,
    pub(crate) facts: Arc<Facts>,
    pub(crate) usage: Usage,
    pub(crate) histories: Histories,
    pub(crate) connections: Connections,
    pub(crate) log: Log,
    pub(crate) onions: Onions,
    pub(crate) relays: Arc<Relays>,
    pub(crate) options: Arc<Options>,
    /// tor's manual page. `None` if it isn't installed.
    pub(crate) manual: Option<Arc<Manual>>,
}

/// tor's configuration options.
#[derive(Debug, Clone, Default)]
pub(crate) struct Options {
    pub(crate) all: Vec<ConfigOption>,
    /// The changes that the user has made but not applied yet.
    pub(crate) changes: Vec<ConfigDiff>,
}

impl Data {
    pub(crate) fn new(now: SystemTime) -> Self {
        Data {
            now,
            link: Link::Up,
            facts: Arc::default(),
            usage: Usage::default(),
            histories: Histories::default(),
            connections: Connections::default(),
            log: Log::default(),
            onions: Onions::default(),
            relays: Arc::default(),
            options: Arc::default(),
            manual: None,
        }
    }
}
