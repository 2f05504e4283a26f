//! `scape onion forward` forwards ports to and from onion services.

mod export;
mod import;
mod listening;
mod spec;

use std::path::PathBuf;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use clap::Args;
use scape::Tor;
use scape::control::ClientAuth;
use scape::onion::OnionService;
use scape::onion::client_auth::ClientAuthGuard;
use scape::word::{ClientPublicKey, OnionAddress};
use serde::Serialize;

use super::key_files::client_key;
use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::base::interrupt;
use spec::{Export, Import, Spec};

/// The interval at which the command checks if a signal has come or a forward
/// has ended.
const POLL: Duration = Duration::from_millis(100);

/// Forward ports to onion addresses, or from onion services to this machine
///
/// Runs until Ctrl-C. Each SPEC is one of:
///
///   8000                       127.0.0.1:8000 as port 8000 of an onion address
///   8000~80                    the same as port 80
///   8000~80,8080               the same as two ports
///   192.168.1.2:8000~80        a port of another machine
///   /run/app.sock~80           a Unix socket
///   8000~80@blog               an address whose key has the name blog
///   25565@blog                 another port of the same address
///   ADDRESS.onion:80           an onion service's port 80 at 127.0.0.1:80
///   ADDRESS.onion:80~8080      the same at 127.0.0.1:8080
///   ADDRESS.onion:80~[::1]:80  the same at another address of this machine
///
/// All forwards to onion addresses without a name share one onion address,
/// whose key is discarded at the end. Keys with a name are kept in
/// $XDG_DATA_HOME/scape/onions.
#[derive(Debug, Args)]
#[command(verbatim_doc_comment)]
pub(super) struct Arguments {
    /// Forwards, in the forms above
    #[arg(required = true, value_name = "SPEC")]
    specs: Vec<Spec>,

    /// Accept only clients with the private key for this public key, from
    /// `scape onion auth new`. This concerns the forwards to onion addresses.
    /// Can be repeated
    #[arg(long = "client", value_name = "PUBLICKEY")]
    clients: Vec<ClientPublicKey>,

    /// A file with the private key for the onion services that are forwarded to
    /// this machine. - is standard input
    #[arg(long, value_name = "FILE")]
    client_key: Option<PathBuf>,
}

/// A forward for one port that is ready, as it is printed with `--json`, one
/// per line.
#[derive(Debug, Serialize)]
struct Forward {
    /// The direction: `export` from an onion address to this machine's address
    /// `local`, or `import` from `local` to an onion service.
    direction: &'static str,
    /// The address on this machine, or the path of a Unix socket.
    local: String,
    /// The onion address, with `.onion`.
    address: String,
    /// The port of the onion address.
    port: u16,
    /// The name under which the key of the onion address is kept. `null` if the
    /// key has no name.
    name: Option<String>,
    /// The file with the key of the onion address. `null` if the key isn't
    /// kept.
    key_file: Option<PathBuf>,
}

impl Arguments {
    pub(super) fn run(self, context: &Context) -> Result<(), Failure> {
        let (mut exports, mut imports): (Vec<Export>, Vec<Import>) = (Vec::new(), Vec::new());
        for spec in self.specs {
            match spec {
                Spec::Export(export) => exports.push(export),
                Spec::Import(import) => imports.push(import),
            }
        }
        // The key is read first, because reading may block, for example at a
        // terminal.
        let addresses: Vec<OnionAddress> = imports.iter().map(|import| import.address).collect();
        let read = |file: &PathBuf| client_key(context, file, &addresses);
        let key = self.client_key.as_ref().map(read).transpose()?;
        let needs_control = !exports.is_empty() || key.is_some();
        let tor = needs_control.then(|| context.tor()).transpose()?;
        // Dropping the guards removes the keys, which needs the connection to
        // tor, also after Ctrl-C. So the undoing is delayed.
        let _held = key.as_ref().map(|_| interrupt::hold());
        let _guards = match (&tor, &key) {
            (Some(tor), Some(key)) => authorize(tor, &imports, key)?,
            _ => Vec::new(),
        };
        let (mut forwards, accepting) = match imports.is_empty() {
            true => (Vec::new(), Vec::new()),
            false => import::start(context, &imports)?,
        };
        let mut services = Vec::new();
        if let Some(tor) = &tor {
            for published in export::publish(context, tor, &exports, &self.clients)? {
                forwards.extend(published.forwards());
                services.push(published.service);
            }
        }
        for forward in &forwards {
            print(context, forward)?;
        }
        follow(context, &services, &accepting)
    }
}

/// Gives tor the client key for the onion services of the imports. tor forgets
/// the key when the returned guards are dropped.
fn authorize(
    tor: &Tor,
    imports: &[Import],
    key: &scape::word::ClientKey,
) -> Result<Vec<ClientAuthGuard>, Failure> {
    let mut addresses: Vec<_> = imports.iter().map(|import| import.address).collect();
    addresses.sort_unstable();
    addresses.dedup();
    let guards = addresses.into_iter().map(|address| {
        let auth = ClientAuth::new(address, key.clone());
        Ok(ClientAuthGuard::add(tor.controller()?, &auth)?)
    });
    guards.collect()
}

fn print(context: &Context, forward: &Forward) -> Result<(), Failure> {
    if context.out.is_json() {
        return context.out.value(forward);
    }
    let onion = format!("{}:{}", forward.address, forward.port);
    match forward.direction {
        "import" => context.out.line(format_args!("{onion} => {}", forward.local)),
        _ => context.out.line(format_args!("{} => {onion}", forward.local)),
    }
}

/// Waits until a forward ends or a signal comes. Never returns `Ok`: the
/// failure is Ctrl-C, the end of the connection to tor, or a panic of a thread
/// in `accepting`.
fn follow(
    context: &Context,
    services: &[OnionService],
    accepting: &[JoinHandle<()>],
) -> Result<(), Failure> {
    loop {
        thread::sleep(POLL);
        context.check_interrupt()?;
        if accepting.iter().any(JoinHandle::is_finished) {
            return Err(Failure::failed("a forward has ended, because a thread has panicked"));
        }
        if services.iter().any(|service| !service.controller().is_open()) {
            return Err(Failure::new(
                Exit::NoTor,
                "the onion services ended, because the control connection to tor has ended",
            ));
        }
    }
}
