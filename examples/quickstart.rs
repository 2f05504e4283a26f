//! The first ten lines: connects to your own running tor and tells about it.
//!
//! `cargo run --example quickstart`. Where tor is somewhere else than usual,
//! set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`); a password is asked
//! for, or taken from `TOR_CONTROL_PASSWD`.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

fn main() -> Result<(), scape::Error> {
    let tor = scape::Connect::from_env()?.connect_interactive()?;
    println!("Tor {}, {} bytes read", tor.version()?, tor.get_info("traffic/read")?);
    for circuit in tor.circuits()? {
        println!("{circuit}");
    }
    let events = tor.subscribe([scape::event::EventKind::Bw])?;
    for event in events.iter().take(5) {
        println!("{}", event.text());
    }
    Ok(())
}
