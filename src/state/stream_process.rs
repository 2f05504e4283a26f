//! Which process opened a stream.

use std::net::SocketAddr;

use super::Stream;
use crate::controller::Controller;
use crate::error::Result;
use crate::event::ClientProtocol;
use crate::process::{OwnerError, ProcessOwner, owner_among};
use crate::protocol::{ListenerAddress, ListenerKind};
use crate::transport::Address;

impl Stream {
    /// The process that opened it, where that is one of this machine and still
    /// has its connection to tor: Linux only. See
    /// [`owner_of`](crate::process::owner_of) for what is looked at.
    ///
    /// `None` where there is nothing to find it by: the client came by a Unix
    /// socket or asked a DNS port, the stream is tor's own or was there before
    /// the [`State`](super::State) was; and where there is no such connection
    /// on this machine (any more). Ask soon, as in
    /// [`on_stream_new`](super::State::on_stream_new): many are short.
    ///
    /// It takes a round trip to tor, for its ports, and some milliseconds.
    ///
    /// # Errors
    ///
    /// Returns an error with an [`OwnerError`] (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if tor is
    /// controlled on another machine (which can't be noticed if a tunnel leads
    /// there), if the process may not be looked into, or if this is not Linux.
    /// Errors of the control connection are also possible.
    pub fn process(&self) -> Result<Option<ProcessOwner>> {
        let controller = self.state().controller();
        on_this_machine(controller.control_address())?;
        let Some(client) = self.source_addr() else { return Ok(None) };
        let ports = match &self.info().client_protocol {
            // What the client was connected to is not tor's port, but what was
            // redirected there.
            Some(ClientProtocol::Trans | ClientProtocol::Natd) => return owner_among(client, &[]),
            // Those questions are UDP.
            Some(ClientProtocol::Dns) => return Ok(None),
            Some(ClientProtocol::HttpConnect) => tcp_ports(controller, &ListenerKind::HttpTunnel)?,
            _ => tcp_ports(controller, &ListenerKind::Socks)?,
        };
        match &*ports {
            [] => Ok(None),
            ports => owner_among(client, ports),
        }
    }
}

/// An error where tor is controlled elsewhere. Where there is no address it was
/// launched here, or given a transport.
fn on_this_machine(control: Option<&Address>) -> Result<()> {
    match control.filter(|address| !address.is_local()) {
        Some(control) => Err(OwnerError::Remote { control: control.to_string().into() }.into()),
        None => Ok(()),
    }
}

fn tcp_ports(controller: &Controller, kind: &ListenerKind) -> Result<Vec<SocketAddr>> {
    let listeners = controller.listeners(kind)?;
    Ok(listeners.iter().filter_map(ListenerAddress::socket_addr).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tor_elsewhere_has_its_clients_there() {
        for local in ["127.0.0.1:9051", "[::1]:9051", "unix:/run/tor/control"] {
            on_this_machine(Some(&local.parse().unwrap())).unwrap();
        }
        on_this_machine(None).unwrap();
        let error = on_this_machine(Some(&"192.0.2.1:9051".parse().unwrap())).unwrap_err();
        assert!(matches!(error.exact(), Some(OwnerError::Remote { .. })));
        assert!(error.to_string().contains("192.0.2.1:9051"), "{error}");
    }
}
