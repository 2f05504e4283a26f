//! `scape proxy`.

mod body;
mod request;
mod serve;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;
use serve::{Proxy, busy, serve};

/// The most connections at a time.
const MOST: usize = 512;
/// The interval between two checks for a signal.
const POLL: Duration = Duration::from_millis(50);

/// Run an HTTP proxy that connects through tor
///
/// For programs that don't support SOCKS: export
/// https_proxy=http://127.0.0.1:8118. The proxy understands CONNECT, and
/// requests of http:// URLs. It adds nothing that identifies this machine, but
/// it doesn't change what programs send either. It runs until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address to listen on. Everybody who can reach it can use the proxy.
    /// Port 0 chooses a free port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8118")]
    listen: SocketAddr,

    /// Use circuits of its own for each user name of the proxy, such as alice
    /// in http://alice:x@127.0.0.1:8118
    ///
    /// Any name and password are accepted. Requests without a name are refused.
    #[arg(long)]
    isolate_by_user: bool,
}

/// The proxy, as it is printed with `--json` when it is ready.
#[derive(Debug, Serialize)]
struct Ready {
    /// The address that the proxy listens on.
    listen: SocketAddr,
    /// The URL for variables such as `https_proxy`.
    url: String,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        let client = context.client()?;
        let failed = |error| {
            Failure::failed(format_args!(
                "cannot listen on {}: {error}; --listen chooses another address",
                self.listen
            ))
        };
        let listener = TcpListener::bind(self.listen).map_err(failed)?;
        let listen = listener.local_addr().map_err(failed)?;
        let ready = Ready { listen, url: format!("http://{listen}") };
        match context.out.is_json() {
            true => context.out.value(&ready)?,
            false => context.out.line(&ready.url)?,
        }
        let proxy = Arc::new(Proxy::new(client, self.isolate_by_user));
        thread::spawn(move || accept(&listener, &proxy));
        loop {
            thread::sleep(POLL);
            context.check_interrupt()?;
        }
    }
}

fn accept(listener: &TcpListener, proxy: &Arc<Proxy>) {
    let open = Arc::new(AtomicUsize::new(0));
    for connection in listener.incoming() {
        let Ok(connection) = connection else {
            // Too many files may be open, which changes only with time.
            thread::sleep(POLL);
            continue;
        };
        let (proxy, open) = (proxy.clone(), open.clone());
        let is_full = open.fetch_add(1, Ordering::AcqRel) >= MOST;
        thread::spawn(move || {
            // An error only means that the connection has ended.
            let _ = if is_full { busy(connection) } else { serve(&proxy, connection) };
            open.fetch_sub(1, Ordering::AcqRel);
        });
    }
}
