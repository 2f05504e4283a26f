//! Checks that `docs/control-protocol.md` is complete: it has every command,
//! every event and every key that tor lists. All methods and types that it
//! names must exist.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use scape::event::EventKind;
use scape_proto::control::{Decoder, parse_getinfo};
use support::transcript::Transcript;

/// The commands of tor 0.4.9, in the order of control-spec.
const COMMANDS: [&str; 33] = [
    "PROTOCOLINFO",
    "AUTHENTICATE",
    "AUTHCHALLENGE",
    "GETINFO",
    "GETCONF",
    "SETCONF",
    "RESETCONF",
    "LOADCONF",
    "SAVECONF",
    "SETEVENTS",
    "USEFEATURE",
    "SIGNAL",
    "MAPADDRESS",
    "RESOLVE",
    "EXTENDCIRCUIT",
    "SETCIRCUITPURPOSE",
    "CLOSECIRCUIT",
    "ATTACHSTREAM",
    "REDIRECTSTREAM",
    "CLOSESTREAM",
    "TAKEOWNERSHIP",
    "DROPOWNERSHIP",
    "DROPGUARDS",
    "DROPTIMEOUTS",
    "POSTDESCRIPTOR",
    "ADD_ONION",
    "DEL_ONION",
    "HSFETCH",
    "HSPOST",
    "ONION_CLIENT_AUTH_ADD",
    "ONION_CLIENT_AUTH_REMOVE",
    "ONION_CLIENT_AUTH_VIEW",
    "QUIT",
];

fn page() -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/control-protocol.md"))
        .unwrap()
}

/// Returns the rows of the table below this heading, each as a list of cells.
/// The table's head is left out.
fn rows<'a>(page: &'a str, heading: &str) -> Vec<Vec<&'a str>> {
    let section = page.split_once(&format!("\n## {heading}\n")).unwrap().1;
    let section = section.split("\n## ").next().unwrap();
    let lines = section.lines().filter(|line| line.starts_with('|')).skip(2);
    let rows: Vec<Vec<&str>> =
        lines.map(|line| line.trim_matches('|').split('|').map(str::trim).collect()).collect();
    assert!(
        rows.iter().all(|row| row.len() == 3 && row.iter().all(|cell| !cell.is_empty())),
        "{heading}"
    );
    rows
}

/// Returns the texts between backquotes.
fn quoted(cell: &str) -> impl Iterator<Item = &str> {
    cell.split('`').skip(1).step_by(2)
}

/// Returns the texts of all source files, joined.
fn sources() -> String {
    let mut text = String::new();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders: Vec<PathBuf> =
        ["src", "crates/scape-proto/src"].iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else {
                text.push_str(&fs::read_to_string(path).unwrap());
            }
        }
    }
    text
}

#[test]
fn control_protocol_page_lists_every_command() {
    let page = page();
    let named: Vec<&str> = rows(&page, "Commands").iter().map(|row| row[0]).collect();
    assert_eq!(named, COMMANDS);
}

#[test]
fn control_protocol_page_lists_every_event() {
    let page = page();
    let rows = rows(&page, "Events");
    let mut named: Vec<&str> = rows.iter().flat_map(|row| row[0].split(", ")).collect();
    let mut known: Vec<&str> = EventKind::KNOWN.iter().map(EventKind::as_str).collect();
    named.sort_unstable();
    known.sort_unstable();
    assert_eq!(named, known);
}

#[test]
fn control_protocol_page_lists_every_getinfo_key() {
    let page = page();
    let rows = rows(&page, "Keys of GETINFO");
    let named: Vec<&str> = rows.iter().flat_map(|row| quoted(row[0])).collect();
    let exchanges = Transcript::load_all().into_iter().flat_map(|transcript| transcript.exchanges);
    let names = exchanges
        .filter_map(|exchange| {
            let mut decoder = Decoder::default();
            decoder.feed(&exchange.received);
            let reply = decoder.next_reply().ok()??;
            parse_getinfo(&reply, &["info/names"]).ok()?.pop()
        })
        .next()
        .expect("a transcript has info/names");
    let names = String::from_utf8(names).unwrap();
    let mut count = 0;
    for line in names.lines() {
        let key = line.split(" -- ").next().unwrap();
        let family =
            format!("{}*", key.rsplit_once('/').map_or("", |(family, _)| family).to_owned() + "/");
        let is_named = named.contains(&key) || named.contains(&family.as_str());
        assert!(is_named, "{key} is not in docs/control-protocol.md");
        count += 1;
    }
    assert!(count > 100, "{count} keys");
}

#[test]
fn methods_and_types_named_in_the_control_protocol_page_exist() {
    let (page, sources) = (page(), sources());
    for heading in ["Commands", "Keys of GETINFO"] {
        for row in rows(&page, heading) {
            for path in quoted(row[1]).map(|path| path.rsplit("::").next().unwrap()) {
                // The path may be a chain such as `info().get_bytes`.
                for method in path.split('.').map(|part| part.trim_end_matches("()")) {
                    let there = ["(", "<"].map(|next| format!("pub fn {method}{next}"));
                    assert!(
                        there.iter().any(|item| sources.contains(item)),
                        "{}: {method}",
                        row[0]
                    );
                }
            }
        }
    }
    for row in rows(&page, "Events") {
        let types = quoted(row[1]).filter(|name| name.starts_with(char::is_uppercase));
        for name in types {
            let is_there = [format!("pub struct {name} "), format!("pub enum {name} ")];
            assert!(is_there.iter().any(|item| sources.contains(item)), "{}: {name}", row[0]);
        }
    }
}
