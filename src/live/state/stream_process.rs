//! The process that opened a stream.

use std::net::SocketAddr;

use super::Stream;
use crate::control::Controller;
use crate::error::Result;
use crate::io::owner::{OwnerError, ProcessOwner, owner_among};
use crate::io::transport::Address;
use scape_proto::event::ClientProtocol;
use scape_proto::info::{ListenerAddress, ListenerKind};

impl Stream {
    /// Returns the process that opened the stream, if it runs on this machine
    /// and still has its connection to tor. This works on Linux only. See
    /// [`owner_of`](crate::process::owner_of) for how the process is found.
    ///
    /// Returns `None` if the client's connection can't be searched for. This is
    /// the case if the client uses a Unix socket or a DNS port, if tor itself
    /// opened the stream, or if the stream existed before the
    /// [`State`](super::State). Also returns `None` if this machine has no such
    /// connection, or no longer has it. Many streams are short, so ask early,
    /// for example in [`on_stream_new`](super::State::on_stream_new).
    ///
    /// The call asks tor for its ports, which takes one round trip. Finding the
    /// process then takes some milliseconds.
    ///
    /// ```no_run
    /// let state = scape::Tor::connect()?.state()?;
    /// let registration = state.on_stream_new(|stream| {
    ///     if let Ok(Some(process)) = stream.process() {
    ///         println!("{stream} of {process:?}");
    ///     }
    /// });
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with an [`OwnerError`] (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) in these cases:
    ///
    /// * the address of tor's control port is on another machine
    /// * this program isn't allowed to inspect the process
    /// * the operating system is not Linux
    ///
    /// Errors of the control connection are also possible.
    pub fn process(&self) -> Result<Option<ProcessOwner>> {
        let controller = self.state().controller();
        on_this_machine(controller.tor_address())?;
        let Some(client) = self.source_addr() else { return Ok(None) };
        let ports = match &self.info().client_protocol {
            // The client's connection doesn't lead to tor's port, but was
            // redirected there. So the port isn't compared.
            Some(ClientProtocol::Trans | ClientProtocol::Natd) => return owner_among(client, &[]),
            // DNS queries are UDP and have no connection.
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

/// Returns an error if the address of the control port, `control`, is on
/// another machine. If the address isn't known, tor is assumed to run on this
/// machine.
fn on_this_machine(control: Option<&Address>) -> Result<()> {
    match control.filter(|address| !address.is_on_this_machine()) {
        Some(control) => Err(OwnerError::Remote { control: control.to_string().into() }.into()),
        None => Ok(()),
    }
}

fn tcp_ports(controller: &Controller, kind: &ListenerKind) -> Result<Vec<SocketAddr>> {
    let listeners = controller.info().listeners(kind)?;
    Ok(listeners.iter().filter_map(ListenerAddress::socket_addr).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remote_control_address_is_an_error() {
        for local in ["127.0.0.1:9051", "[::1]:9051", "unix:/run/tor/control"] {
            on_this_machine(Some(&local.parse().unwrap())).unwrap();
        }
        on_this_machine(None).unwrap();
        let error = on_this_machine(Some(&"192.0.2.1:9051".parse().unwrap())).unwrap_err();
        assert!(matches!(error.exact(), Some(OwnerError::Remote { .. })));
        assert!(error.to_string().contains("192.0.2.1:9051"), "{error}");
    }
}
