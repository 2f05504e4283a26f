//! Fetches a web page through every exit that can reach the page's server. For
//! each exit, compares the address that the server sees with the one in the
//! consensus.
//!
//! Run it with `cargo run --example exit_scanner -- HOST PORT [COUNT]`. The
//! page is the answer of the web server at HOST and PORT to `GET /`. The last
//! line of the page must be the address of the client. COUNT is the number of
//! exits to test, by default all of them. Please be kind to the network and to
//! the server.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::time::Duration;

use scape::event::CircuitPurpose;
use scape::netdoc::Relay;
use scape::path::PathBuilder;
use scape::{CircuitBuilder, Connect, State};

/// The timeout of connecting to the web server, and of each read of the page.
const PATIENCE: Duration = Duration::from_secs(30);
/// The maximum length of a page in bytes.
const LONGEST_PAGE: u64 = 64 * 1024;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let (host, port, count) = match arguments.as_slice() {
        [host, port] => (host, port.parse()?, usize::MAX),
        [host, port, count] => (host, port.parse()?, count.parse()?),
        _ => return Err("usage: exit_scanner HOST PORT [COUNT]".into()),
    };
    let controller = Connect::from_env()?.connect_interactive()?;
    let state = State::new(&controller)?;
    // Choose relays by the same rule as tor. Two hops are enough: the page is
    // no secret, and the first hop hides the client from the exit.
    let distinct = controller.get_conf("EnforceDistinctSubnets")?.is_none_or(|value| value != "0");
    let path = PathBuilder::new().length(2).distinct_subnets(distinct).fast(false).random_guard();
    let exits = path.clone().exit_to((host.as_str(), port)).prepare(state.directory()?, &[])?;
    println!("{} exits lead to {host}:{port}", exits.candidates(2).count());
    for exit in exits.candidates(2).take(count) {
        let builder = CircuitBuilder::choosing(path.clone().exit(exit.fingerprint()));
        match arrival(&state, &builder, host, port) {
            Ok(ip) => println!("{exit} {}", told(exit, ip)),
            Err(error) if controller.closed().is_some() => return Err(error),
            Err(error) => println!("{exit} failed: {error}"),
        }
    }
    Ok(())
}

/// Returns the client address that the server at `host` and `port` sees when a
/// circuit of `builder` is used.
fn arrival(
    state: &State,
    builder: &CircuitBuilder,
    host: &str,
    port: u16,
) -> Result<IpAddr, Box<dyn Error>> {
    let circuit = builder.clone().purpose(CircuitPurpose::Controller).build(state)?;
    let page = circuit.client().and_then(|client| client.timeout(PATIENCE).connect((host, port)));
    let page = page.map_err(Box::from).and_then(|mut stream| -> Result<String, Box<dyn Error>> {
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET / HTTP/1.0\r\nHost: {host}\r\n\r\n")?;
        let mut page = String::new();
        stream.take(LONGEST_PAGE).read_to_string(&mut page)?;
        Ok(page)
    });
    // Close the circuit, even if the fetch failed.
    circuit.close()?;
    let page = page?;
    Ok(page.trim_end().lines().last().unwrap_or_default().trim().parse()?)
}

/// Returns a text that says if the exit's address in the consensus is
/// `arrives`, the address that the server saw.
fn told(exit: &Relay, arrives: IpAddr) -> String {
    let known = [
        Some(IpAddr::V4(*exit.or_address().ip())),
        exit.ipv6().map(|address| IpAddr::V6(*address.ip())),
    ];
    match known.contains(&Some(arrives)) {
        true => format!("arrives from {arrives}, its address in the consensus"),
        false => format!("arrives from {arrives}, another address than in the consensus"),
    }
}
