//! Verifies that a SOCKS port belongs to tor.

use std::io;
use std::time::{Duration, Instant};

use crate::client::socks::{SocksError, SocksProxy, SocksStatus};
use crate::error::Result;
use crate::io::transport::{Address, Transport, deadline_after};

/// The address to resolve, which is reserved for documentation (RFC 5737). It
/// needs no look-up, so tor answers without asking a relay.
const ANY_ADDRESS: &str = "192.0.2.1";
/// An HTTP request. Every SOCKS port of tor replies to HTTP with the same error
/// page, whatever the port's flags and tor's options are.
const HTTP_REQUEST: &[u8] = b"GET / HTTP/1.0\r\n\r\n";
/// The first bytes of tor's answer to [`HTTP_REQUEST`].
const TORS_ANSWER: &[u8] = b"HTTP/1.0 501 Tor is not an HTTP Proxy\r\n";

/// Returns `Ok` if a SOCKS port of a tor listens at `address`.
///
/// The first request is `RESOLVE`, a command that no other proxy has. SOCKS
/// ports of tor with `OnionTrafficOnly`, `NoIPv4Traffic` or `SafeSocks` refuse
/// `RESOLVE`, with replies that another proxy may also send. After such a
/// reply, an HTTP request is sent. Only a SOCKS port of tor answers it with
/// [`TORS_ANSWER`]. HTTP isn't tried first, because tor logs a warning about
/// HTTP requests.
///
/// # Errors
///
/// Returns an error with a [`SocksError`] if nothing listens at `address`, if
/// nothing answers within `timeout`, or if another kind of server answers.
pub(crate) fn ask_whether_tor(address: &Address, timeout: Duration) -> Result<()> {
    let deadline = deadline_after(timeout);
    let Err(error) = SocksProxy::new(address.clone()).timeout(timeout).resolve(ANY_ADDRESS) else {
        return Ok(());
    };
    let is_refused = matches!(
        error.exact().and_then(SocksError::status),
        Some(SocksStatus::HOST_UNREACHABLE | SocksStatus::NOT_ALLOWED)
    );
    if is_refused && answers_http_as_tor(address, deadline).unwrap_or(false) {
        Ok(())
    } else {
        Err(error)
    }
}

fn answers_http_as_tor(address: &Address, deadline: Instant) -> io::Result<bool> {
    let transport = Transport::connect(address, deadline)?;
    transport.write_all_by(HTTP_REQUEST, deadline)?;
    let mut answer = [0; TORS_ANSWER.len()];
    let mut read = 0;
    while let Some(rest) = answer.get_mut(read..).filter(|rest| !rest.is_empty()) {
        match transport.read_by(rest, deadline)? {
            0 => return Ok(false),
            count => read += count,
        }
        if answer.get(..read) != TORS_ANSWER.get(..read) {
            return Ok(false);
        }
    }
    Ok(true)
}
