//! Shows changes of tor's configuration, by any program, until Ctrl-C or the
//! end of the connection.
//!
//! `cargo run --example watch_config` shows every change. `cargo run --example
//! watch_config -- SocksPort ContactInfo` shows only changes of these options.
//! Passwords are not shown.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::time::Duration;

use scape::config::ConfigChange;
use scape::control::ConfLine;

fn main() -> Result<(), scape::Error> {
    let config = scape::Connect::from_env()?.connect_interactive()?.config()?;
    let mut watched = Vec::new();
    for name in std::env::args().skip(1) {
        // Options of a group change together, and are reported under its name.
        let option = config.option(&name)?;
        watched.push(option.group.unwrap_or(option.name));
    }
    let registration = config.on_change(move |change| {
        if watched.is_empty() || watched.contains(&change.name) {
            show(change);
        }
    });
    // Read all values, so that a change can be shown with the value before it.
    config.load()?;
    println!("watching {} options", config.names().len());
    let cause = config.controller().wait_closed(Duration::MAX)?;
    drop(registration);
    eprintln!("{cause}");
    Ok(())
}

/// Prints `-` and each line that was removed, and `+` and each line that was
/// added. If the previous lines are unknown, all present lines count as added.
fn show(change: &ConfigChange) {
    println!("{}:", change.name);
    let before = change.before.as_deref().unwrap_or_default();
    let show = |sign: char, lines: &[ConfLine], others: &[ConfLine]| {
        for line in lines.iter().filter(|line| !others.contains(line)) {
            println!("  {sign} {line}");
        }
    };
    show('-', before, &change.after);
    show('+', &change.after, before);
}
