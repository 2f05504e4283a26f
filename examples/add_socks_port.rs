//! Adds a SOCKS port to tor until Enter is pressed, and then restores the
//! previous ports.
//!
//! `cargo run --example add_socks_port` adds a port that tor chooses. Arguments
//! are the parts of a `SocksPort` line: `cargo run --example add_socks_port --
//! 9150 IsolateDestAddr`.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.
//!
//! End the program with Enter. After Ctrl-C the port would stay until tor is
//! restarted. It is never written to the torrc.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::error::Error;
use std::io;

use scape::Config;
use scape::config::{PortAddress, PortLine};
use scape::control::ConfLine;
use scape::info::ListenerKind;

/// The name of tor's group of all SOCKS port options. They can only be set
/// together.
const PORTS: &str = "SocksPortLines";

/// An option like `SocksPort`, but SAVECONF doesn't write it to the torrc.
const TEMPORARY: &str = "__SocksPort";

/// The port on which tor listens if no SOCKS port is configured.
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

    let listened = tor.info().listeners(&ListenerKind::Socks)?;
    let before = config.group(PORTS)?;
    let added = ConfLine::new(TEMPORARY, Some(port.to_string()));
    let with_it = with(&before, &added)?;
    set(&mut config, &with_it)?;
    println!("added {port}");
    for listener in tor.info().listeners(&ListenerKind::Socks)? {
        if !listened.contains(&listener) {
            println!("tor listens on {listener}");
        }
    }

    println!("until Enter is pressed");
    io::stdin().read_line(&mut String::new())?;

    // Wait for the changes that others have made so far.
    tor.sync()?;
    let now = config.group(PORTS)?;
    if now == with_it {
        set(&mut config, &before)?;
        println!("as before");
    } else {
        // Somebody else has changed the ports. Keep these changes.
        let others: Vec<ConfLine> = now.into_iter().filter(|line| *line != added).collect();
        set(&mut config, &others)?;
        println!("removed {port}; others have been changed meanwhile");
    }
    Ok(())
}

/// Returns the configuration lines `before` with the line `added` at the end.
/// If there were none, includes the default port, which tor would otherwise
/// close.
fn with(before: &[ConfLine], added: &ConfLine) -> Result<Vec<ConfLine>, Box<dyn Error>> {
    let mut lines: Vec<ConfLine> = Vec::new();
    for line in before {
        let port: PortLine = line.value.as_deref().unwrap_or_default().parse()?;
        // "No port" can't stand next to a port.
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

/// Replaces all of tor's SOCKS ports by those of `lines`.
fn set(config: &mut Config, lines: &[ConfLine]) -> scape::Result<()> {
    config.set_group(PORTS, lines)?;
    config.save()
}
