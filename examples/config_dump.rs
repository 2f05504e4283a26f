//! Shows tor's configuration: the options that differ from their defaults, all
//! options, or details of certain options.
//!
//! ```text
//! cargo run --example config_dump                          options that aren't at their default
//! cargo run --example config_dump all                      every option
//! cargo run --example config_dump SocksPort ContactInfo    details of these options
//! ```
//!
//! If tor's manual page is installed, the meanings of the options are shown
//! too. Options that tor changes together, such as those of onion services, are
//! shown together and in order. Passwords are not shown.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If tor needs a password, it is read from
//! `TOR_CONTROL_PASSWD`, or the program asks for it.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::collections::HashSet;

use scape::Config;
use scape::Result;
use scape::config::ConfigOption;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let config = scape::Connect::from_env()?.connect_interactive()?.config()?;
    match arguments.as_slice() {
        [] => dump(&config, |option| !option.is_default),
        ["all"] => dump(&config, |_| true),
        names => names.iter().try_for_each(|name| describe(&config, name)),
    }
}

/// Prints the options for which `is_wanted` returns true: the meaning of each
/// option, and its lines as in a torrc. If an option is unset, only its name is
/// printed.
fn dump(config: &Config, is_wanted: impl Fn(&ConfigOption) -> bool) -> Result<()> {
    let manual = manual();
    let explain = |name: &str| {
        if let Some(meaning) = manual(name) {
            println!("# {name}: {}", meaning.summary);
        }
    };
    let (mut groups, mut explained) = (HashSet::new(), HashSet::new());
    for option in config.options()?.iter().filter(|option| is_wanted(option)) {
        match &option.group {
            Some(group) if !option.values.is_empty() => {
                // The whole group is printed with the first of its options.
                if !groups.insert(group.clone()) {
                    continue;
                }
                for line in config.group(group)? {
                    if explained.insert(line.name.clone()) {
                        explain(&line.name);
                    }
                    println!("{line}");
                }
            }
            _ => {
                explain(&option.name);
                println!("{option}");
            }
        }
    }
    Ok(())
}

/// Prints the details of an option.
fn describe(config: &Config, name: &str) -> Result<()> {
    let option = config.option(name)?;
    println!("{option}");
    println!("    type: {}", option.ty);
    let default =
        if option.default.is_empty() { "unset".to_owned() } else { option.default.join(", ") };
    println!("    default: {default}{}", if option.is_default { ", which it is" } else { "" });
    if let Some(group) = &option.group {
        println!("    changed together with: the others of {group}");
    }
    if let Some(meaning) = manual()(&option.name) {
        println!("    in the manual:");
        for line in meaning.whole.lines() {
            println!("{}", format!("        {line}").trim_end());
        }
    }
    Ok(())
}

/// The meaning of an option, from tor's manual page.
struct Meaning {
    summary: String,
    whole: String,
}

/// Returns a function that looks up an option in tor's manual page. The
/// function returns `None` if the option or the page is missing.
fn manual() -> impl Fn(&str) -> Option<Meaning> {
    let manual = scape_manual::Manual::installed()
        .inspect_err(|error| eprintln!("without help: {error}"))
        .ok();
    move |name| {
        let entry = manual.as_ref()?.get(name)?;
        Some(Meaning { summary: entry.summary().to_owned(), whole: entry.to_string() })
    }
}
