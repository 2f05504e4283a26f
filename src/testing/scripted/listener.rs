//! A listener for the clients of a scripted tor.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
#[cfg(unix)]
use std::os::unix::net::UnixListener;
#[cfg(unix)]
use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use super::conversation::serve;
use super::shared::Shared;
use crate::error::{Error, Result};
use crate::io::transport::{Address, Transport, deadline_after};

/// A thread that accepts and serves connections until the `Listener` is
/// dropped.
pub(super) struct Listener {
    address: Address,
    thread: Option<JoinHandle<()>>,
}

impl Listener {
    pub(super) fn tcp(shared: &Arc<Shared>) -> Result<Listener> {
        let what = "listen on a port of 127.0.0.1";
        let listener =
            TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(|error| Error::io(what, error))?;
        let address = listener.local_addr().map_err(|error| Error::io(what, error))?;
        Listener::start(shared, address.into(), move || Ok(listener.accept()?.0.into()))
    }

    #[cfg(unix)]
    pub(super) fn unix(shared: &Arc<Shared>, path: PathBuf) -> Result<Listener> {
        let what = format!("listen on the Unix socket {}", path.display());
        let listener = UnixListener::bind(&path).map_err(|error| Error::io(what, error))?;
        Listener::start(shared, Address::Unix(path), move || Ok(listener.accept()?.0.into()))
    }

    fn start(
        shared: &Arc<Shared>,
        address: Address,
        accept: impl Fn() -> io::Result<Transport> + Send + 'static,
    ) -> Result<Listener> {
        let shared = shared.clone();
        let listen = move || {
            while let Ok(transport) = accept() {
                if shared.state.lock().stopped || serve(&shared, transport).is_err() {
                    break;
                }
            }
        };
        let thread = thread::Builder::new()
            .name("scape scripted tor".to_owned())
            .spawn(listen)
            .map_err(|error| Error::io("start a thread for a scripted tor", error))?;
        Ok(Listener { address, thread: Some(thread) })
    }

    pub(super) fn address(&self) -> &Address {
        &self.address
    }
}

/// Ends the thread. The scripted tor has set `stopped` before. One last
/// connection wakes the thread, which then reads `stopped` and ends.
impl Drop for Listener {
    fn drop(&mut self) {
        let woken =
            Transport::connect(&self.address, deadline_after(Duration::from_secs(1))).is_ok();
        if let Some(thread) = self.thread.take().filter(|_| woken) {
            let _ = thread.join();
        }
        if let Some(path) = self.address.path() {
            let _ = std::fs::remove_file(path);
        }
    }
}
