//! Runs every command of tor 0.4.9 on a real tor without a network. Each
//! command is accepted, and refused in each possible way. Commands that need a
//! network are in `network_cases/circuits/commands.rs`. Refusals that a test
//! can't make a real tor send are in `command_table/scripted.rs`.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    missing_docs
)]

mod support;

#[path = "command_table/addresses.rs"]
mod addresses;
#[path = "command_table/circuits.rs"]
mod circuits;
#[path = "command_table/client_auth.rs"]
mod client_auth;
#[path = "command_table/conf.rs"]
mod conf;
#[path = "command_table/descriptors.rs"]
mod descriptors;
#[path = "command_table/info.rs"]
mod info;
#[path = "command_table/onions.rs"]
mod onions;
#[path = "command_table/scripted.rs"]
mod scripted;
#[path = "command_table/session.rs"]
mod session;
#[path = "command_table/streams.rs"]
mod streams;

use support::command_table::{Row, run};

/// All commands of tor 0.4.9.11.
const COMMANDS: &[&str] = &[
    "ADD_ONION",
    "ATTACHSTREAM",
    "AUTHCHALLENGE",
    "AUTHENTICATE",
    "CLOSECIRCUIT",
    "CLOSESTREAM",
    "DEL_ONION",
    "DROPGUARDS",
    "DROPOWNERSHIP",
    "DROPTIMEOUTS",
    "EXTENDCIRCUIT",
    "GETCONF",
    "GETINFO",
    "HSFETCH",
    "HSPOST",
    "LOADCONF",
    "MAPADDRESS",
    "ONION_CLIENT_AUTH_ADD",
    "ONION_CLIENT_AUTH_REMOVE",
    "ONION_CLIENT_AUTH_VIEW",
    "POSTDESCRIPTOR",
    "PROTOCOLINFO",
    "QUIT",
    "REDIRECTSTREAM",
    "RESETCONF",
    "RESOLVE",
    "SAVECONF",
    "SETCIRCUITPURPOSE",
    "SETCONF",
    "SETEVENTS",
    "SIGNAL",
    "TAKEOWNERSHIP",
    "USEFEATURE",
];

/// The commands that tor accepts only on a network. They are tested in
/// `network_cases/circuits/commands.rs`.
const GRANTED_ON_A_NETWORK: &[&str] =
    &["EXTENDCIRCUIT", "SETCIRCUITPURPOSE", "CLOSECIRCUIT", "HSPOST", "POSTDESCRIPTOR"];

/// The commands that tor refuses only if the number of arguments is wrong. No
/// method sends such a line.
const NEVER_REFUSED: &[&str] = &["TAKEOWNERSHIP", "DROPOWNERSHIP", "QUIT", "RESOLVE"];

const TABLES: &[&[Row]] = &[
    session::ROWS,
    info::ROWS,
    conf::ROWS,
    addresses::ROWS,
    circuits::ROWS,
    streams::ROWS,
    descriptors::ROWS,
    onions::ROWS,
    onions::NON_ANONYMOUS,
    client_auth::ROWS,
    client_auth::WITH_A_DIRECTORY,
];

#[test]
fn command_tables_are_complete() {
    let rows = || TABLES.iter().copied().flatten();
    for (command, ..) in rows() {
        assert!(COMMANDS.contains(command), "{command} is no command");
    }
    for command in COMMANDS {
        let codes: Vec<u16> = rows().filter(|row| row.0 == *command).map(|row| row.2).collect();
        assert!(!codes.is_empty(), "{command} is missing");
        let granted = codes.iter().any(|code| (200..300).contains(code));
        assert_eq!(granted, !GRANTED_ON_A_NETWORK.contains(command), "{command}: {codes:?}");
        let refused = codes.iter().any(|code| *code >= 400);
        assert_eq!(refused, !NEVER_REFUSED.contains(command), "{command}: {codes:?}");
    }
}

#[test]
fn session_commands() {
    let password = support::real_tor::password_line("sesame");
    run(&format!("CookieAuthentication 1\n{password}"), session::ROWS);
}

#[test]
fn session_commands_without_a_cookie() {
    let password = support::real_tor::password_line("sesame");
    run(&password, session::NO_COOKIE);
}

#[test]
fn information_commands() {
    run("ContactInfo someone", info::ROWS);
}

#[test]
fn configuration_commands() {
    run("", conf::ROWS);
}

#[test]
fn address_mapping_and_resolve_commands() {
    run("SocksPort 127.0.0.1:auto", addresses::ROWS);
}

#[test]
fn circuit_and_guard_commands() {
    run("", circuits::ROWS);
}

#[test]
fn stream_commands() {
    run("SocksPort 127.0.0.1:auto\n__LeaveStreamsUnattached 1", streams::ROWS);
}

#[test]
fn descriptor_commands() {
    run("", descriptors::ROWS);
}

#[test]
fn onion_service_commands() {
    run("", onions::ROWS);
}

#[test]
fn onion_service_commands_in_non_anonymous_mode() {
    run(
        "HiddenServiceNonAnonymousMode 1\nHiddenServiceSingleHopMode 1\nSocksPort 0",
        onions::NON_ANONYMOUS,
    );
}

#[test]
fn client_authorization_commands() {
    run("", client_auth::ROWS);
}

#[test]
fn client_authorization_commands_with_a_directory() {
    let folder = tempfile::tempdir().unwrap();
    run(&format!("ClientOnionAuthDir {}", folder.path().display()), client_auth::WITH_A_DIRECTORY);
}
