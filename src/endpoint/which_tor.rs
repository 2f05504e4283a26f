//! Which tor an endpoint is used with.

use crate::controller::Connect;
use crate::error::Result;
use crate::tor::Tor;
use crate::transport::Address;
use crate::types::Progress;

/// The environment variable that has the control port's password: Tor Browser's.
const PASSWORD_VARIABLE: &str = "TOR_CONTROL_PASSWD";

/// The tor with this control port, or else the program's. Where that is launched, `on_progress` hears of it.
pub(super) fn tor_at(
    control_port: Option<&Address>,
    on_progress: impl FnMut(&Progress) + Send + 'static,
) -> Result<Tor> {
    let Some(address) = control_port else { return Tor::global_with(on_progress) };
    let connect = Connect::to(address)?;
    let password = std::env::var(PASSWORD_VARIABLE).ok().filter(|password| !password.is_empty());
    Tor::connect_with(&password.into_iter().fold(connect, Connect::password))
}
