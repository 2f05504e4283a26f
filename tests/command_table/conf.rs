//! The command table for GETCONF, SETCONF, RESETCONF, LOADCONF and SAVECONF.

use std::fs;
use std::net::TcpListener;

use crate::support::command_table::{Bench, NOT_SENT, Row, Said, raw, said};

pub(crate) const ROWS: &[Row] = &[
    ("GETCONF", |b| said(b.c.get_conf("MaxCircuitDirtiness")), 250, "Some(\"600\")"),
    ("GETCONF", |b| said(b.c.get_conf("ContactInfo")), 250, "None"),
    ("GETCONF", |b| said(b.c.get_conf("Nope")), 552, "Unrecognized configuration key \"Nope\""),
    (
        "GETCONF",
        |b| said(b.c.get_conf("No pe")),
        NOT_SENT,
        "GETCONF: the option may not contain ' ' (at byte 2)…",
    ),
    ("SETCONF", |b| said(b.c.set_conf([("ContactInfo", "a \"b\" \\c")])), 250, "()"),
    ("GETCONF", |b| said(b.c.get_conf("ContactInfo")), 250, "Some(\"a \\\"b\\\" \\\\c\")"),
    (
        "SETCONF",
        |b| said(b.c.set_conf([("Nope", "1")])),
        552,
        "Unrecognized option: Unknown option 'Nope'.  Failing.",
    ),
    (
        "SETCONF",
        |b| said(b.c.set_conf([("MaxCircuitDirtiness", "soon")])),
        513,
        "Unacceptable option value: Could not…",
    ),
    (
        "SETCONF",
        |b| said(b.c.set_conf([("SocksPortLines", "9999")])),
        513,
        "Unacceptable option value: Cannot assign directly to virtual option.",
    ),
    (
        "SETCONF",
        |b| said(b.c.set_conf([("DataDirectory", "/nonexistent")])),
        553,
        "Transition not allowed: While Tor is running, changing DataDirectory is not allowed",
    ),
    (
        "SETCONF",
        a_port_in_use,
        553,
        "Unable to set option: Failed to bind one of the listener ports.",
    ),
    (
        "SETCONF",
        |b| raw(b.c.msg("SETCONF ContactInfo=\"x")),
        512,
        "Bad arguments to SETCONF: Cannot parse keyword…",
    ),
    (
        "SETCONF",
        |b| said(b.c.set_conf([("ContactInfo", "a\r\nb")])),
        NOT_SENT,
        "SETCONF: the ContactInfo may not…",
    ),
    ("RESETCONF", |b| said(b.c.reset_conf(["ContactInfo"])), 250, "()"),
    ("GETCONF", |b| said(b.c.get_conf("ContactInfo")), 250, "None"),
    (
        "RESETCONF",
        |b| said(b.c.reset_conf(["Nope"])),
        552,
        "Unrecognized option: Unknown option 'Nope'.  Failing.",
    ),
    (
        "RESETCONF",
        |b| said(b.c.reset_conf(["DataDirectory"])),
        553,
        "Transition not allowed: While Tor is running…",
    ),
    (
        "RESETCONF",
        |b| raw(b.c.msg("RESETCONF UseBridges=2")),
        513,
        "Unacceptable option value: Could not parse UseB…",
    ),
    (
        "LOADCONF",
        |b| said(b.c.load_conf(&format!("{}\nContactInfo loaded\n", b.tor.torrc()))),
        250,
        "()",
    ),
    (
        "LOADCONF",
        |b| said(b.c.load_conf("Nope 1")),
        552,
        "Invalid config file: Failed to parse/validate config: Un…",
    ),
    (
        "LOADCONF",
        |b| said(b.c.load_conf("ContactInfo x")),
        553,
        "Transition not allowed: Failed to parse/validate config: While Tor is running…",
    ),
    ("LOADCONF", |b| raw(b.c.msg("LOADCONF")), 510, "Unrecognized command \"LOADCONF\""),
    (
        "LOADCONF",
        |b| said(b.c.load_conf("a\rb")),
        NOT_SENT,
        "LOADCONF: the torrc has a carriage return without…",
    ),
    ("SAVECONF", |b| said(b.c.save_conf()), 250, "()"),
    ("SAVECONF", with_an_include, 551, "Unable to write configuration to disk."),
    ("SAVECONF", |b| said(b.c.save_conf_force()), 250, "()"),
];

/// Tries to set a `ControlPort` that another program uses, which tor can't
/// open. tor opens control ports even if `DisableNetwork` is 1.
fn a_port_in_use(b: &Bench) -> Said {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let own = b.c.get_conf_list("ControlPort").unwrap();
    let ports = own.into_iter().chain([taken.local_addr().unwrap().to_string()]);
    said(b.c.set_conf(ports.map(|port| ("ControlPort", port))))
}

fn with_an_include(b: &Bench) -> Said {
    let included = b.tor.folder().join("included");
    fs::write(&included, "ContactInfo included\n").unwrap();
    b.c.load_conf(&format!("{}\n%include {}\n", b.tor.torrc(), included.display())).unwrap();
    said(b.c.save_conf())
}
