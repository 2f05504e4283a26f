//! Checks the order of rooms in `docs/architecture.md`. A room is a folder
//! directly below the `src` folder of a package. No file may name a room above
//! its own, and no file may have more than 800 lines.
//!
//! Comments and tests may name any room. Another rule of the page, that
//! `scape-proto` touches no socket, file, clock or thread, is checked by
//! clippy: see its `clippy.toml`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::string_slice)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The rooms of `src/`, lowest first.
const SCAPE: &[&str] = &[
    "error",
    "io",
    "control",
    "client",
    "documents",
    "geoip",
    "live",
    "circuits",
    "process",
    "onion",
    "tor",
    "endpoint",
    "testing",
];

/// The rooms of `crates/scape-proto/src/`, lowest first.
const PROTO: &[&str] = &["word", "netdoc", "control", "info", "event", "torrc", "socks"];

/// The rooms of `crates/scape-cli/src/`, lowest first.
const CLI: &[&str] = &["base", "commands", "prompt", "monitor", "cli"];

const LONGEST: usize = 800;

#[test]
fn rooms_name_only_rooms_below_them() {
    let houses = [("src", SCAPE), ("crates/scape-proto/src", PROTO), ("crates/scape-cli/src", CLI)];
    for (folder, rooms) in houses {
        let problems: Vec<String> = files(folder)
            .iter()
            .filter(|(path, _)| !["lib.rs", "main.rs"].contains(&path.as_str()))
            .flat_map(|(path, text)| upward_names(path, text, rooms))
            .collect();
        assert!(problems.is_empty(), "in {folder}:\n{}\n", problems.join("\n"));
    }
}

#[test]
fn files_have_at_most_800_lines() {
    for folder in ["src", "crates"] {
        for (path, text) in files(folder) {
            let lines = text.lines().count();
            assert!(lines <= LONGEST, "{folder}/{path} has {lines} lines");
        }
    }
}

/// Methods of the library must wait for events with `EventWait`, which looks at
/// the clock while events are queued. `Subscription::next_timeout` in a loop
/// doesn't, so only users may call it.
#[test]
fn library_calls_wait_for_events_with_event_wait_only() {
    for (path, text) in files("src") {
        for (number, line) in code(&text) {
            assert!(!line.contains(".next_timeout("), "src/{path}:{number}: {line}");
        }
    }
}

#[test]
fn upward_names_are_found_in_uses_and_in_paths() {
    let rooms = &["low", "high"];
    let found = |path: &str, text: &str| upward_names(path, text, rooms);
    assert_eq!(
        found("low/a.rs", "use crate::high::X;\nfn f() {\n    crate::high::g(1);\n}\n"),
        ["low/a.rs:1: crate::high is above low", "low/a.rs:3: crate::high is above low"]
    );
    assert_eq!(found("low.rs", "use crate::high;"), ["low.rs:1: crate::high is above low"]);
    assert_eq!(found("low/mod.rs", "use super::high::X;").len(), 1);
    assert_eq!(found("low/a/b.rs", "use super::super::super::high::X;").len(), 1);
    assert!(found("high/a.rs", "use crate::low::X;\nuse crate::high::Y;").is_empty());
    assert!(found("low/a.rs", "// crate::high\n/// [`crate::high`]\nuse super::X;").is_empty());
    assert!(found("low/a.rs", "#[cfg(test)]\nmod tests {\n    use crate::high::X;\n}").is_empty());
    assert!(found("low/tests.rs", "use crate::high::X;").is_empty());
    // A name that the crate's root re-exports doesn't show which room it is
    // from.
    assert_eq!(found("high/a.rs", "use crate::X;"), ["high/a.rs:1: crate::X names no room"]);
    assert_eq!(found("high/a.rs", "use crate::{low, X};"), ["high/a.rs:1: crate::{ names no room"]);
    assert_eq!(found("attic/a.rs", ""), ["attic/a.rs: the list of rooms has no attic"]);
}

/// Returns a line of text for each place where a file names a room above its
/// own.
fn upward_names(path: &str, text: &str, rooms: &[&str]) -> Vec<String> {
    let segments: Vec<&str> = path.trim_end_matches(".rs").split('/').collect();
    if segments.contains(&"tests") {
        return Vec::new();
    }
    let room = segments[0];
    let Some(floor) = rooms.iter().position(|name| *name == room) else {
        return vec![format!("{path}: the list of rooms has no {room}")];
    };
    // This many `super::` lead from this file to the crate's root.
    let depth = segments.len() - usize::from(segments.ends_with(&["mod"]));
    let root = "super::".repeat(depth);
    let mut found = Vec::new();
    for (number, line) in code(text) {
        let line = line.replace(&root, "crate::");
        for (_, rest) in line.match_indices("crate::").map(|(at, _)| line.split_at(at + 7)) {
            let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let name = &rest[..end.max(1)];
            match rooms.iter().position(|room| *room == name) {
                Some(other) if other <= floor => {}
                Some(_) => found.push(format!("{path}:{number}: crate::{name} is above {room}")),
                None => found.push(format!("{path}:{number}: crate::{name} names no room")),
            }
        }
    }
    found
}

/// Returns the lines of a file with their numbers. Comments are left out, and
/// so is everything from the tests on.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let end = text.find("#[cfg(test)]\nmod tests {").unwrap_or(text.len());
    let lines = text[..end].lines().enumerate();
    lines
        .map(|(i, line)| (i + 1, line.split("//").next().unwrap_or_default()))
        .filter(|(_, line)| !line.is_empty())
}

/// Returns the texts of the Rust files below a folder of the project. The keys
/// are the files' paths in that folder.
fn files(folder: &str) -> BTreeMap<String, String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let mut folders: Vec<PathBuf> = vec![root.clone()];
    let mut files = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let name = path.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
                files.insert(name, fs::read_to_string(&path).unwrap());
            }
        }
    }
    assert!(files.len() > 10, "{} files in {folder}", files.len());
    files
}
