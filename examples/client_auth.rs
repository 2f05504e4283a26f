//! Manages your keys for onion services that only admit authorized clients.
//!
//! ```text
//! cargo run --example client_auth                          lists the keys
//! cargo run --example client_auth add ADDRESS.onion [NAME] adds a key from standard input
//! cargo run --example client_auth remove ADDRESS.onion     removes a key
//! ```
//!
//! A key is 32 bytes in base64 or base32, or the line of an `.auth_private`
//! file. It isn't taken from the command line, because every other user of the
//! machine could see it there. Set `SCAPE_CONTROL` (`127.0.0.1:9051` or
//! `unix:/path`) if tor is at an unusual place.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::io;

use scape::control::{ClientAuth, ClientAuthAdded};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    match arguments.as_slice() {
        [] => {
            for auth in tor.onion_client_auth().list()? {
                println!("{auth}"); // without the key
            }
        }
        ["add", address, name @ ..] => {
            let address = address.parse()?;
            let mut key = String::new();
            io::stdin().read_line(&mut key)?;
            let mut auth = ClientAuth::new(address, key.parse()?);
            if let Some(name) = name.first() {
                auth = auth.name(*name);
            }
            match tor.onion_client_auth().add(&auth)? {
                ClientAuthAdded::New => println!("added"),
                ClientAuthAdded::Replaced => println!("added, in place of an earlier key"),
                ClientAuthAdded::Decrypted => println!("added; the service can be reached now"),
                _ => println!("added"),
            }
        }
        ["remove", address] => match tor.onion_client_auth().remove(&address.parse()?)? {
            true => println!("removed"),
            false => println!("there was no key for it"),
        },
        _ => return Err("either nothing, or add ADDRESS [NAME], or remove ADDRESS".into()),
    }
    Ok(())
}
