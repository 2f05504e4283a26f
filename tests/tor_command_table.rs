//! Every command of tor 0.4.9 against a real tor without a network: granted,
//! and refused in each way that can be had. What takes a network is in
//! `network/commands.rs`; what no tor can be brought to say is in
//! `command_table/scripted.rs`.
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

/// The commands of tor 0.4.9.11, all of them.
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

/// The commands that are granted only on a network: `network/commands.rs` does.
const GRANTED_ON_A_NETWORK: &[&str] =
    &["EXTENDCIRCUIT", "SETCIRCUITPURPOSE", "CLOSECIRCUIT", "HSPOST", "POSTDESCRIPTOR"];

/// The commands that tor never refuses but for their number of arguments, which
/// no method gets wrong.
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
fn no_command_is_left_out() {
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
fn sessions() {
    let password = support::real_tor::password_line("sesame");
    run(&format!("CookieAuthentication 1\n{password}"), session::ROWS);
}

#[test]
fn sessions_without_a_cookie() {
    let password = support::real_tor::password_line("sesame");
    run(&password, session::NO_COOKIE);
}

#[test]
fn information() {
    run("ContactInfo someone", info::ROWS);
}

#[test]
fn configuration() {
    run("", conf::ROWS);
}

#[test]
fn address_mappings_and_names() {
    run("SocksPort 127.0.0.1:auto", addresses::ROWS);
}

#[test]
fn circuits_and_what_tor_has_learnt() {
    run("", circuits::ROWS);
}

#[test]
fn streams() {
    run("SocksPort 127.0.0.1:auto\n__LeaveStreamsUnattached 1", streams::ROWS);
}

#[test]
fn descriptors() {
    run("", descriptors::ROWS);
}

#[test]
fn onion_services() {
    run("", onions::ROWS);
}

#[test]
fn onion_services_that_are_not_anonymous() {
    run(
        "HiddenServiceNonAnonymousMode 1\nHiddenServiceSingleHopMode 1\nSocksPort 0",
        onions::NON_ANONYMOUS,
    );
}

#[test]
fn client_authorization() {
    run("", client_auth::ROWS);
}

#[test]
fn client_authorization_on_disk() {
    let folder = tempfile::tempdir().unwrap();
    run(&format!("ClientOnionAuthDir {}", folder.path().display()), client_auth::WITH_A_DIRECTORY);
}
