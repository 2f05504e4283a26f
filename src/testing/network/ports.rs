//! Ports for the network's nodes.

use std::net::{Ipv4Addr, TcpListener};

use crate::error::{Error, Result};

/// Returns ports of 127.0.0.1 that nobody has. They are let go before tor takes
/// them, so somebody may be quicker. Then the network is started again.
pub(super) fn free_ports(count: usize) -> Result<Vec<u16>> {
    let fail = |error| Error::io("find a free port", error);
    // Held together, so that none is found twice.
    let mut listeners = Vec::new();
    for _ in 0..count {
        listeners.push(TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(fail)?);
    }
    let port = |listener: &TcpListener| Ok(listener.local_addr()?.port());
    listeners.iter().map(port).collect::<std::io::Result<_>>().map_err(fail)
}
