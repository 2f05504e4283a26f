//! A chat of two friends over an onion service that nobody else can find.
//!
//! ```text
//! cargo run --example chat host              creates a key for the friend, and waits
//! cargo run --example chat join ADDRESS      connects; the first line of standard input is
//!                                            that key
//! ```
//!
//! The host gives the friend the address and the key in a way that nobody else
//! can overhear. Both are valid for one chat only. Set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`) if tor is at an unusual place.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::thread;

use scape::Tor;
use scape::control::ClientAuth;
use scape::endpoint::OnionEndpoint;
use scape::word::{ClientKey, OnionAddress};

const PORT: u16 = 5223;
/// The maximum length of a received line, in bytes. A longer line is split.
const LONGEST_LINE: u64 = 4096;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match arguments.as_slice() {
        ["host"] => host(),
        ["join", address] => join(address.parse()?),
        _ => Err("either host, or join ADDRESS".into()),
    }
}

fn host() -> Result<(), Box<dyn Error>> {
    let key = ClientKey::random();
    let endpoint = OnionEndpoint::new(PORT)?.client(key.public_key());
    let listener = endpoint.listen_with(|step| eprintln!("{step}"))?;
    println!("your friend says: chat join {}", listener.address());
    println!("and gives this key: {}", *key.to_base32());
    let friend = listener.accept()?;
    println!("your friend is here");
    let (writer, ender) = (friend.try_clone()?, friend.try_clone()?);
    talk(friend, writer, move || ender.shutdown(Shutdown::Both))?;
    listener.close()?;
    Ok(())
}

fn join(address: OnionAddress) -> Result<(), Box<dyn Error>> {
    eprintln!("the key:");
    let mut key = String::new();
    io::stdin().read_line(&mut key)?;
    let tor = Tor::connect()?;
    let controller = tor.controller()?;
    controller.onion_client_auth().add(&ClientAuth::new(address, key.parse()?))?;
    let talked =
        tor.dial((address.to_string().as_str(), PORT)).map_err(Box::from).and_then(|friend| {
            println!("you are there");
            let (writer, ender) = (friend.try_clone()?, friend.try_clone()?);
            talk(friend, writer, move || ender.shutdown(Shutdown::Both))
                .map_err(Box::<dyn Error>::from)
        });
    controller.onion_client_auth().remove(&address)?;
    talked
}

/// Sends the lines of standard input to the friend, and prints the friend's
/// lines. Calls `end` after the last line of standard input, to end the
/// connection. Returns when the connection has ended.
fn talk(
    friend: impl Read,
    mut writer: impl Write + Send + 'static,
    end: impl FnOnce() -> io::Result<()> + Send + 'static,
) -> io::Result<()> {
    thread::spawn(move || {
        for line in io::stdin().lock().lines().map_while(Result::ok) {
            if writeln!(writer, "{line}").is_err() {
                break;
            }
        }
        let _ = end();
    });
    let mut friend = BufReader::new(friend);
    let mut line = Vec::new();
    loop {
        line.clear();
        match friend.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => break,
            Ok(_) => {
                // Remove control characters, so that the friend can't control
                // this terminal.
                let said: String =
                    String::from_utf8_lossy(&line).chars().filter(|c| !c.is_control()).collect();
                println!("friend: {said}");
            }
        }
    }
    println!("the talk is over");
    Ok(())
}
