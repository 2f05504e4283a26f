//! Fetches pages through tor.
//!
//! `cargo run --example web_client --features http -- URL…` prints each page.
//! `https://` needs `--features https`. Everything goes through tor, no matter
//! which proxies the environment names. Set `SCAPE_CONTROL` (`127.0.0.1:9051`
//! or `unix:/path`) if tor is at an unusual place.

#![allow(clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::io;

use scape::Tor;

/// The maximum length of a page in bytes. A longer page is an error.
const MOST: u64 = 64 << 20;

fn main() -> Result<(), Box<dyn Error>> {
    let addresses: Vec<String> = std::env::args().skip(1).collect();
    if addresses.is_empty() {
        return Err("web_client URL…".into());
    }
    let agent = Tor::find()?.http()?;
    for address in addresses {
        // A status like 404 is an error too.
        let mut answer = agent.get(&address).call()?;
        eprintln!("{address}: {}", answer.status());
        let mut page = answer.body_mut().with_config().limit(MOST).reader();
        io::copy(&mut page, &mut io::stdout().lock())?;
    }
    Ok(())
}
