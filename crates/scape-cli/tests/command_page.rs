//! Checks that `docs/command.md` describes every command.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "support/run.rs"]
#[allow(dead_code)]
mod run;

use run::Scape;

/// Returns the names of the commands that `scape --help` lists.
fn commands() -> Vec<String> {
    let help = Scape::new(["help"]).ok();
    let (_, list) = help.split_once("Commands:\n").unwrap();
    let names = list.lines().take_while(|line| !line.is_empty());
    names.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_command_has_a_section() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/command.md");
    let page = std::fs::read_to_string(path).unwrap();
    let commands = commands();
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands.iter().filter(|command| *command != "help") {
        let heading = format!("\n### `scape {command}`\n");
        assert!(page.contains(&heading), "docs/command.md has no section {heading}");
    }
    let sections = page.lines().filter_map(|line| line.strip_prefix("### `scape "));
    for section in sections {
        let command = section.trim_end_matches('`').to_owned();
        assert!(commands.contains(&command), "docs/command.md describes {command}");
    }
}
