//! Fetches the descriptor of an onion service and prints it.
//!
//! Run it with `cargo run --example hs_descriptor ADDRESS.onion [DIRECTORY]`.
//! DIRECTORY is the fingerprint of the relay to ask. By default, tor asks the
//! directories that are responsible for the descriptor. Set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`) if tor is at an unusual place.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::time::Duration;

use scape::control::{HsFetch, HsFetchError};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let address = arguments.next().ok_or("which onion service? Give its address.")?;
    let mut fetch = HsFetch::new(address.parse()?);
    if let Some(directory) = arguments.next() {
        fetch = fetch.server(directory);
    }

    let tor = scape::Connect::from_env()?.connect_interactive()?;
    match tor.hs_descriptors().fetch(fetch, Duration::from_secs(60)) {
        Ok(descriptor) => {
            if let Some(directory) = &descriptor.hsdir {
                eprintln!("{} has it:", directory);
            }
            print!("{}", descriptor.text());
            Ok(())
        }
        // The error contains the result of every directory that was asked.
        Err(error) => {
            let Some(error) = error.get::<HsFetchError>() else {
                return Err(error.to_string().into());
            };
            for failure in &error.failures {
                let reason = failure.reason.as_ref().map_or("failed", |reason| reason.as_str());
                match &failure.hsdir {
                    Some(directory) => eprintln!("{directory}: {reason}"),
                    None => eprintln!("a directory: {reason}"),
                }
            }
            if error.is_not_found() {
                return Err("there is no such service, or it is offline".into());
            }
            Err(error.to_string().into())
        }
    }
}
