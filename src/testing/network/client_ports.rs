//! The ports of the network's client.

use crate::control::Controller;
use crate::error::{Error, Result};
use crate::io::transport::Address;
use scape_proto::control::Words;

/// The addresses of a client's SOCKS ports and control port.
#[derive(Debug, Clone)]
pub(super) struct ClientPorts {
    pub(super) socks: Address,
    pub(super) socks_unix: Option<Address>,
    pub(super) control: Address,
}

impl ClientPorts {
    /// Asks a client for its ports.
    pub(super) fn of(client: &Controller) -> Result<Self> {
        let socks = listeners(&client.info().get_bytes("net/listeners/socks")?);
        let control = listeners(&client.info().get_bytes("net/listeners/control")?);
        let tcp = |all: &[Address]| all.iter().find(|address| !address.is_unix()).cloned();
        let (Some(socks_tcp), Some(control)) = (tcp(&socks), tcp(&control)) else {
            let missing = "the client does not listen on TCP";
            return Err(Error::answer("GETINFO net/listeners/*", missing));
        };
        let socks_unix = socks.iter().find(|address| address.is_unix()).cloned();
        Ok(ClientPorts { socks: socks_tcp, socks_unix, control })
    }
}

/// Returns the addresses in the value of `GETINFO net/listeners/*`, which are
/// quoted strings. Malformed addresses are skipped.
fn listeners(value: &[u8]) -> Vec<Address> {
    let mut words = Words::new(value);
    let mut addresses = Vec::new();
    while !words.peek().is_empty() {
        if let Ok(address) = words.next_text().parse() {
            addresses.push(address);
        }
    }
    addresses
}
