//! Gives tor one more SOCKS port, until Enter is pressed; then its ports are as
//! they were before.
//!
//! `cargo run --example add_socks_port`, for a port that tor chooses, or with
//! what a `SocksPort` line may have:
//! `cargo run --example add_socks_port -- 9150 IsolateDestAddr`. Where tor is
//! somewhere else than usual, set `SCAPE_CONTROL` (`127.0.0.1:9051` or
//! `unix:/path`); a password is asked for, or taken from `TOR_CONTROL_PASSWD`.
//!
//! End it with Enter, not with Ctrl-C, after which the port would be there
//! until tor is restarted, but never in its torrc.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::io;

use scape::config::{Config, PortAddress, PortLine};
use scape::protocol::{ConfLine, ListenerKind};

/// All SOCKS ports: tor replaces them together.
const PORTS: &str = "SocksPortLines";

/// An option like `SocksPort`, but SAVECONF doesn't write it to the torrc.
const TEMPORARY: &str = "__SocksPort";

/// Where tor listens that is told nothing of SOCKS ports.
const USUAL: &str = "9050";

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let port: PortLine = if arguments.is_empty() {
        PortLine::new(PortAddress::Auto)
    } else {
        arguments.join(" ").parse()?
    };
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    let mut config = tor.config()?;

    let listened = tor.listeners(&ListenerKind::Socks)?;
    let before = config.group(PORTS)?;
    let added = ConfLine::new(TEMPORARY, Some(port.to_string()));
    let with_it = with(&before, &added)?;
    set(&mut config, &with_it)?;
    println!("added {port}");
    for listener in tor.listeners(&ListenerKind::Socks)? {
        if !listened.contains(&listener) {
            println!("tor listens on {listener}");
        }
    }

    println!("until Enter is pressed");
    io::stdin().read_line(&mut String::new())?;

    // So that all is known that others did until now.
    tor.sync()?;
    let now = config.group(PORTS)?;
    if now == with_it {
        set(&mut config, &before)?;
        println!("as before");
    } else {
        // Somebody else has changed them, which is not to be undone.
        let others: Vec<ConfLine> = now.into_iter().filter(|line| *line != added).collect();
        set(&mut config, &others)?;
        println!("removed {port}; others have been changed meanwhile");
    }
    Ok(())
}

/// The lines that give tor these ports, and one more.
fn with(before: &[ConfLine], added: &ConfLine) -> Result<Vec<ConfLine>, Box<dyn Error>> {
    let mut lines: Vec<ConfLine> = Vec::new();
    for line in before {
        let port: PortLine = line.value.as_deref().unwrap_or_default().parse()?;
        // "No port" cannot be said beside a port.
        if port.address != PortAddress::Off {
            lines.push(line.clone());
        }
    }
    if before.is_empty() {
        lines.push(ConfLine::new("SocksPort", Some(USUAL.to_owned())));
    }
    lines.push(added.clone());
    Ok(lines)
}

/// Has tor have these ports, and no others.
fn set(config: &mut Config, lines: &[ConfLine]) -> scape::Result<()> {
    config.set_group(PORTS, lines)?;
    config.save()
}
