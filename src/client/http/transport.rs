//! The ureq transport over a connection through tor.

use std::fmt;
use std::io::{self, Read as _, Write as _};
use std::sync::{Arc, Weak};
use std::time::Instant;

use ureq::config::Config;
use ureq::unversioned::transport::{Buffers, LazyBuffers, NextTimeout, ShutdownHandle, Transport};

use crate::client::socks::KeepAlive;
use crate::io::transport::{self, deadline_after};

/// The connection to tor's SOCKS port. ureq shuts the connection down, from any
/// thread, when the agent is shut down.
pub(super) struct Socket(transport::Transport);

impl Socket {
    pub(super) fn new(transport: transport::Transport) -> Self {
        Socket(transport)
    }

    pub(super) fn transport(&self) -> &transport::Transport {
        &self.0
    }

    pub(super) fn shutdown_handle(socket: &Arc<Socket>) -> Weak<dyn ShutdownHandle> {
        Arc::downgrade(socket) as Weak<dyn ShutdownHandle>
    }
}

impl ShutdownHandle for Socket {
    fn shutdown(&self) {
        // An error only means that the connection has ended already.
        let _ = self.0.shutdown();
    }
}

pub(super) struct TorTransport {
    socket: Arc<Socket>,
    buffers: LazyBuffers,
    _keep: Option<KeepAlive>,
}

impl TorTransport {
    pub(super) fn new(socket: Arc<Socket>, config: &Config, keep: Option<KeepAlive>) -> Self {
        let buffers = LazyBuffers::new(config.input_buffer_size(), config.output_buffer_size());
        TorTransport { socket, buffers, _keep: keep }
    }
}

/// Returns the time at which `timeout` passes, or `None` if it never does.
/// Returns an error if the timeout is zero, because it has passed already.
fn deadline(timeout: NextTimeout) -> Result<Option<Instant>, ureq::Error> {
    if timeout.after.is_not_happening() {
        Ok(None)
    } else if timeout.after.is_zero() {
        Err(ureq::Error::Timeout(timeout.reason))
    } else {
        Ok(Some(deadline_after(*timeout.after)))
    }
}

/// Returns a function that converts the error of a read or write with this
/// timeout to a ureq error.
fn failed(timeout: NextTimeout) -> impl FnOnce(io::Error) -> ureq::Error {
    move |error| {
        if transport::is_timeout(&error) {
            ureq::Error::Timeout(timeout.reason)
        } else {
            error.into()
        }
    }
}

impl Transport for TorTransport {
    fn buffers(&mut self) -> &mut dyn Buffers {
        &mut self.buffers
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), ureq::Error> {
        let timeout = timeout.for_write();
        let output = &self.buffers.output()[..amount];
        match deadline(timeout)? {
            Some(deadline) => self.socket.0.write_all_by(output, deadline),
            None => self
                .socket
                .0
                .set_write_timeout(None)
                .and_then(|()| (&self.socket.0).write_all(output)),
        }
        .map_err(failed(timeout))
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, ureq::Error> {
        let timeout = timeout.for_read();
        let deadline = deadline(timeout)?;
        let input = self.buffers.input_append_buf();
        let read = match deadline {
            Some(deadline) => self.socket.0.read_by(input, deadline),
            None => {
                self.socket.0.set_read_timeout(None).and_then(|()| (&self.socket.0).read(input))
            }
        };
        let amount = read.map_err(failed(timeout))?;
        self.buffers.input_appended(amount);
        Ok(amount > 0)
    }

    fn is_open(&mut self) -> bool {
        self.socket.0.is_idle()
    }
}

impl fmt::Debug for TorTransport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TorTransport").field(&self.socket.0.peer()).finish()
    }
}
