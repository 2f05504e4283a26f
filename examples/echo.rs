//! An onion service that sends back everything it receives. It has the same
//! address each time.
//!
//! Run it with `cargo run --example echo -- KEYFILE [PORT]`. If KEYFILE doesn't
//! exist, a new key is saved there. Keep the key secret, because anybody who
//! has it can impersonate the service. Set `SCAPE_CONTROL` (`127.0.0.1:9051` or
//! `unix:/path`) if tor is at an unusual place. If no tor runs, one is
//! launched.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::thread;

use scape::endpoint::OnionEndpoint;

/// The default port, which is the standard port of the echo service (RFC 862).
const USUAL_PORT: u16 = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let key_file = arguments.next().ok_or("echo KEYFILE [PORT]")?;
    let port = arguments.next().map_or(Ok(USUAL_PORT), |port| port.parse())?;
    let endpoint = OnionEndpoint::new(port)?.private_key_file(key_file);
    let listener = endpoint.listen_with(|step| eprintln!("{step}"))?;
    println!("an echo at {listener}");
    for stream in listener.incoming() {
        match stream {
            Ok(stream) => {
                thread::spawn(move || std::io::copy(&mut &stream, &mut &stream));
            }
            Err(error) if error.is_closed() => return Err(error.into()),
            Err(error) => eprintln!("{error}"),
        }
    }
    Ok(())
}
