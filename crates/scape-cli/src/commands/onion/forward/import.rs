//! Forwards from onion services to this machine.

use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use scape::TorClient;
use scape::word::OnionAddress;

use super::Forward;
use super::spec::Import;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::{Output, printable};
use crate::commands::traffic::join::{AtEnd, join};

/// The most connections of a forward at a time.
const MOST: usize = 256;
/// The time that a silent service keeps a connection open after the program has
/// closed it.
const SILENCE: Duration = Duration::from_secs(30);
/// The pause after a connection couldn't be accepted.
const PAUSE: Duration = Duration::from_millis(100);

/// Starts to listen for all imports.
pub(super) fn start(context: &Context, imports: &[Import]) -> Result<Vec<Forward>, Failure> {
    let client = context.client()?;
    let mut listeners = Vec::new();
    // No connection is accepted before all addresses are free.
    for import in imports {
        let failed =
            |error| Failure::failed(format_args!("cannot listen on {}: {error}", import.local));
        let listener = TcpListener::bind(import.local).map_err(failed)?;
        let local = listener.local_addr().map_err(failed)?;
        listeners.push((import, listener, local));
    }
    let mut forwards = Vec::new();
    for (import, listener, local) in listeners {
        let (client, out) = (client.clone(), context.out.clone());
        let (address, port) = (import.address, import.port);
        thread::spawn(move || accept(&listener, &client, (address, port), &out));
        forwards.push(Forward {
            direction: "import",
            local: local.to_string(),
            address: address.to_string(),
            port,
            name: None,
            key_file: None,
        });
    }
    Ok(forwards)
}

fn accept(listener: &TcpListener, client: &TorClient, to: (OnionAddress, u16), out: &Output) {
    let open = Arc::new(AtomicUsize::new(0));
    for program in listener.incoming() {
        let Ok(program) = program else {
            // Too many files may be open, which changes only with time.
            thread::sleep(PAUSE);
            continue;
        };
        if open.fetch_add(1, Ordering::AcqRel) >= MOST {
            open.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        let (client, out, open) = (client.clone(), out.clone(), open.clone());
        thread::spawn(move || {
            serve(&program, &client, to, &out);
            open.fetch_sub(1, Ordering::AcqRel);
        });
    }
}

/// Joins a program with the onion service.
fn serve(program: &TcpStream, client: &TorClient, to: (OnionAddress, u16), out: &Output) {
    match (client.connect(to), program.try_clone()) {
        (Ok(stream), Ok(input)) => {
            // An error only means that one side has ended the connection.
            let _ = join(input, program, stream, AtEnd::Receive(SILENCE));
        }
        (Err(error), _) => out.note(printable(&Failure::from(error).message)),
        (_, Err(error)) => out.note(format_args!("cannot serve a connection: {error}")),
    }
    // Wakes the thread that waits for the program.
    let _ = program.shutdown(Shutdown::Both);
}
