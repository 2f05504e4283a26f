//! The options with which clients reach a bridge.

use std::net::SocketAddr;

use super::plan::PlannedRelay;
use super::transport::Transport;
use crate::error::Result;
use scape_proto::word::Fingerprint;

/// The address, the fingerprint and the transport of a bridge, for the options
/// of its clients.
#[derive(Debug)]
pub(super) struct Bridge {
    or_port: SocketAddr,
    fingerprint: Fingerprint,
    transport: Option<Transport>,
}

impl Bridge {
    /// Creates the description of a planned bridge, and starts its transport if
    /// it has one. The bridge itself need not be running yet.
    pub(super) fn of(planned: &PlannedRelay) -> Result<Self> {
        let or_port = planned.or_address();
        let transport = match &planned.options.transport {
            Some(name) => Some(Transport::start(name, or_port)?),
            None => None,
        };
        Ok(Bridge { or_port, fingerprint: planned.fingerprint, transport })
    }

    /// Returns the value of the option `Bridge` for the bridge's clients.
    pub(super) fn line(&self) -> String {
        match &self.transport {
            Some(it) => format!("{} {} {}", it.name(), it.server_address(), self.fingerprint),
            None => format!("{} {}", self.or_port, self.fingerprint),
        }
    }

    /// Returns the value of the option `ClientTransportPlugin` for the bridge's
    /// clients, or `None` if the bridge has no transport.
    pub(super) fn transport_line(&self) -> Option<String> {
        self.transport.as_ref().map(Transport::line)
    }
}
