//! The ports of the network's client.

use crate::control::Controller;
use crate::error::{Error, Result};
use crate::io::transport::Address;
use scape_proto::info::ListenerKind;

/// The addresses of a client's SOCKS ports and control port.
#[derive(Debug, Clone)]
pub(super) struct ClientPorts {
    pub(super) socks: Address,
    pub(super) socks_unix: Option<Address>,
    pub(super) control: Address,
}

impl ClientPorts {
    /// Asks a client for the addresses of its ports.
    pub(super) fn of(client: &Controller) -> Result<Self> {
        let listeners = |kind| -> Result<Vec<Address>> {
            let listeners = client.info().listeners(&kind)?;
            Ok(listeners.into_iter().map(Address::from).collect())
        };
        let socks = listeners(ListenerKind::Socks)?;
        let control = listeners(ListenerKind::Control)?;
        let tcp = |all: &[Address]| all.iter().find(|address| !address.is_unix()).cloned();
        let (Some(socks_tcp), Some(control)) = (tcp(&socks), tcp(&control)) else {
            let missing = "the client does not listen on TCP";
            return Err(Error::answer("GETINFO net/listeners/*", missing));
        };
        let socks_unix = socks.iter().find(|address| address.is_unix()).cloned();
        Ok(ClientPorts { socks: socks_tcp, socks_unix, control })
    }
}
