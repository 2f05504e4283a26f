//! Finds free ports for the network's nodes.

use std::net::{IpAddr, TcpListener};

use crate::error::{Error, Result};

/// Returns a free port for each address.
///
/// The ports are released before tor takes them, so another program may take
/// one. [`TestNetworkBuilder::start`](super::TestNetworkBuilder::start) then
/// makes another attempt.
///
/// # Errors
///
/// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if this
/// machine doesn't have one of the addresses. The error names the first such
/// address.
pub(super) fn free_ports(addresses: impl IntoIterator<Item = IpAddr>) -> Result<Vec<u16>> {
    // The listeners are kept until the end, so that no port is found twice.
    let mut listeners = Vec::new();
    let mut ports = Vec::new();
    for address in addresses {
        let fail = |error| Error::io(format!("find a free port of {address}"), error);
        let listener = TcpListener::bind((address, 0)).map_err(fail)?;
        ports.push(listener.local_addr().map_err(fail)?.port());
        listeners.push(listener);
    }
    Ok(ports)
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use super::*;

    #[test]
    fn ports_of_an_address_differ() {
        let localhost = IpAddr::from(Ipv4Addr::LOCALHOST);
        let ports = free_ports([localhost; 3]).unwrap();
        assert!(ports[0] != ports[1] && ports[1] != ports[2] && ports[0] != ports[2], "{ports:?}");
    }

    #[test]
    fn address_that_cannot_be_bound_is_named() {
        // This address is for documentation, so no machine has it.
        let address = "2001:db8::1".parse::<Ipv6Addr>().unwrap();
        let error = free_ports([IpAddr::from(address)]).unwrap_err();
        assert!(error.to_string().contains("find a free port of 2001:db8::1"), "{error}");
    }
}
