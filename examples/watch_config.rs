//! Shows how tor's configuration is changed, by whomever, until Ctrl-C or the
//! connection's end.
//!
//! `cargo run --example watch_config` shows every change;
//! `cargo run --example watch_config -- SocksPort ContactInfo` only those of
//! these options. Passwords are not shown. Where tor is somewhere else than
//! usual, set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`); a password is
//! asked for, or taken from `TOR_CONTROL_PASSWD`.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::time::Duration;

use scape::config::ConfigChange;
use scape::protocol::ConfLine;

fn main() -> Result<(), scape::Error> {
    let config = scape::Connect::from_env()?.connect_interactive()?.config()?;
    let mut watched = Vec::new();
    for name in std::env::args().skip(1) {
        // Options of a group are changed together, and told under its name.
        let option = config.option(&name)?;
        watched.push(option.group.unwrap_or(option.name));
    }
    let listener = config.on_change(move |change| {
        if watched.is_empty() || watched.contains(&change.name) {
            show(change);
        }
    });
    // What is known can be told with the change.
    config.load()?;
    println!("watching {} options", config.names().len());
    let cause = config.controller().wait_closed(Duration::MAX)?;
    drop(listener);
    eprintln!("{cause}");
    Ok(())
}

/// `-` for a line that is gone, `+` for one that is new, as far as it is known
/// what was there before.
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
