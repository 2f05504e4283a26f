//! A first program: connects to your running tor and shows its version, its
//! circuits and its events.
//!
//! Run it with `cargo run --example quickstart`.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

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
