//! Forwards from onion services to this machine.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use scape::TorClient;
use scape::word::OnionAddress;

use super::Forward;
use super::spec::Import;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::tell;
use crate::commands::traffic::join::{AtEnd, join};
use crate::commands::traffic::visitors::Places;

/// The maximum number of concurrent connections to one local address.
const MOST: usize = 256;
/// The time that a connection stays open after the local program has closed its
/// side. The time begins anew whenever the service sends data.
const SILENCE: Duration = Duration::from_secs(30);
/// The pause after accepting a connection has failed, before the next attempt.
const PAUSE: Duration = Duration::from_millis(100);

/// The forwards to print, and the threads that accept connections to them.
type Started = (Vec<Forward>, Vec<JoinHandle<()>>);

/// Listens on the local addresses of all imports, and starts threads that
/// forward the connections.
pub(super) fn start(context: &Context, imports: &[Import]) -> Result<Started, Failure> {
    let client = context.client()?;
    let mut listeners = Vec::new();
    // All addresses are bound before any connection is accepted, so a port that
    // is taken ends the command at once.
    for import in imports {
        let failed =
            |error| Failure::failed(format_args!("cannot listen on {}: {error}", import.local));
        let listener = TcpListener::bind(import.local).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        listeners.push((import, listener, local));
    }
    let (mut forwards, mut accepting) = (Vec::new(), Vec::new());
    for (import, listener, local) in listeners {
        let client = client.clone();
        let (address, port) = (import.address, import.port);
        let thread = thread::Builder::new()
            .spawn(move || accept(&listener, &client, (address, port)))
            .map_err(|error| Failure::failed(format_args!("cannot start a thread: {error}")))?;
        accepting.push(thread);
        forwards.push(Forward {
            direction: "import",
            local: local.to_string(),
            address: address.to_string(),
            port,
            name: None,
            key_file: None,
        });
    }
    Ok((forwards, accepting))
}

fn accept(listener: &TcpListener, client: &TorClient, to: (OnionAddress, u16)) {
    let places = Places::new(MOST);
    for program in listener.incoming() {
        let Ok(program) = program else {
            // This happens if too many files are open, so accepting is tried
            // again after a pause.
            thread::sleep(PAUSE);
            continue;
        };
        // Connections beyond the limit are closed.
        let Some(place) = places.take() else { continue };
        let client = client.clone();
        place.serve(move || serve(&program, &client, to));
    }
}

/// Forwards a connection of a local program to the onion service `to`, until it
/// ends.
fn serve(program: &TcpStream, client: &TorClient, to: (OnionAddress, u16)) {
    match (client.connect(to), program.try_clone()) {
        (Ok(stream), Ok(input)) => {
            // An error only means that one side has ended the connection.
            let _ = join(input, program, stream, AtEnd::Receive(SILENCE));
        }
        (Err(error), _) => tell(Failure::from(error).message),
        (_, Err(error)) => tell(format_args!("cannot serve a connection: {error}")),
    }
    // This wakes the thread that waits for the program.
    let _ = program.shutdown(Shutdown::Both);
}
