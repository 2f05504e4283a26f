//! The choice of the tor for an endpoint.

use crate::control::Connect;
use crate::error::Result;
use crate::io::transport::Address;
use crate::tor::Tor;
use scape_proto::word::Progress;

/// Connects to the tor with this control port. If `control_port` is `None`,
/// returns the global tor, and calls `on_progress` if it has to be launched.
///
/// A password is sent to a control port on another machine only if the
/// environment variables also name the address of that control port. Otherwise
/// an endpoint string from an untrusted source could decide who gets the
/// password.
pub(super) fn tor_at(
    control_port: Option<&Address>,
    on_progress: impl FnMut(&Progress) + Send + 'static,
) -> Result<Tor> {
    let Some(address) = control_port else { return Tor::global_with(on_progress) };
    Tor::connect_with(&Connect::to(address)?.credentials_from_env())
}
