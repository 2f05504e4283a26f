//! Looks at a page through every exit that leads to it, each over a circuit of
//! its own, and compares the address from which the exit arrives there with the
//! one that the consensus has for it.
//!
//! `cargo run --example exit_scanner -- HOST PORT [COUNT]`: the page is what
//! the web server at HOST and PORT answers to `GET /`, and its last line must
//! be the address from which it was asked. COUNT is how many exits are looked
//! at; all of them, if it is not given. Please be kind to the network, and to
//! the server. Where tor is somewhere else than usual, set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`); a password is asked for, or taken from
//! `TOR_CONTROL_PASSWD`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::io::{Read, Write};
use std::net::IpAddr;
use std::time::Duration;

use scape::descriptor::Relay;
use scape::event::CircuitPurpose;
use scape::{CircuitBuilder, Connect, PathBuilder, State};

/// The time that each page may take.
const PATIENCE: Duration = Duration::from_secs(30);
/// The greatest length of a page.
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
    // As tor is configured to choose. Two hops: what is looked at is no secret,
    // and who looks is hidden from the exit by the first.
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

/// From where a circuit of this builder arrives at the server, as the server
/// says.
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
    // However it went.
    circuit.close()?;
    let page = page?;
    Ok(page.trim_end().lines().last().unwrap_or_default().trim().parse()?)
}

/// Tells whether the address is the one in the consensus.
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
