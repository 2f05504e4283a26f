//! Which tor an endpoint is used with.

use crate::controller::Connect;
use crate::error::Result;
use crate::tor::Tor;
use crate::transport::Address;
use crate::word::Progress;

/// The tor with this control port, or else the program's. Where that is
/// launched, `on_progress` hears of it.
///
/// Another machine's control port is told a password only if the environment
/// names this address together with the password, because an endpoint's string
/// may come from anybody.
pub(super) fn tor_at(
    control_port: Option<&Address>,
    on_progress: impl FnMut(&Progress) + Send + 'static,
) -> Result<Tor> {
    let Some(address) = control_port else { return Tor::global_with(on_progress) };
    Tor::connect_with(&Connect::to(address)?.credentials_from_env())
}
