//! `scape proxy` runs an HTTP proxy that connects through tor.

mod body;
mod request;
mod serve;

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use clap::Args;
use serde::Serialize;

use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::commands::traffic::visitors::Places;
use serve::{Proxy, busy, serve};

/// The maximum number of concurrent connections that are served. Further ones
/// are refused with an answer.
const MOST: usize = 512;
/// The maximum number of connections that are being refused at the same time.
/// Further connections are closed without an answer.
const MOST_REFUSED: usize = 32;
/// The interval at which the command checks if a signal has come. Also the
/// pause after a connection couldn't be accepted.
const POLL: Duration = Duration::from_millis(50);

/// Run an HTTP proxy that connects through tor
///
/// This is for programs that don't support SOCKS: export
/// https_proxy=http://127.0.0.1:8118. The proxy accepts CONNECT, and requests
/// for http:// URLs. It adds nothing to a request that identifies this machine,
/// but it doesn't remove what programs send about themselves either. It runs
/// until Ctrl-C.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The address to listen on. Everybody who can reach it can use the proxy.
    /// Port 0 chooses a free port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:8118")]
    listen: SocketAddr,

    /// Use separate circuits for each user name of the proxy, such as alice in
    /// http://alice:x@127.0.0.1:8118
    ///
    /// Any name and password are accepted. Requests without a name are refused.
    #[arg(long)]
    isolate_by_user: bool,
}

/// The addresses of the running proxy, as they are printed with `--json` when
/// it is ready.
#[derive(Debug, Serialize)]
struct Ready {
    /// The address that the proxy listens on.
    listen: SocketAddr,
    /// The URL of the proxy, for environment variables such as `https_proxy`.
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
        let accepting = thread::Builder::new()
            .spawn(move || accept(&listener, &proxy))
            .map_err(|error| Failure::failed(format_args!("cannot start a thread: {error}")))?;
        while !accepting.is_finished() {
            thread::sleep(POLL);
            context.check_interrupt()?;
        }
        Err(Failure::failed("the proxy has ended, because a thread has panicked"))
    }
}

fn accept(listener: &TcpListener, proxy: &Arc<Proxy>) {
    let (places, refused) = (Places::new(MOST), Places::new(MOST_REFUSED));
    for connection in listener.incoming() {
        let Ok(connection) = connection else {
            // This happens if too many files are open, so accepting is tried
            // again after a pause.
            thread::sleep(POLL);
            continue;
        };
        // An error only means that the connection has ended.
        if let Some(place) = places.take() {
            let proxy = proxy.clone();
            place.serve(move || drop(serve(&proxy, connection)));
        } else if let Some(place) = refused.take() {
            place.serve(move || drop(busy(connection)));
        }
    }
}
