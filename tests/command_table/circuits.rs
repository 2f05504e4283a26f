//! The command table for EXTENDCIRCUIT, SETCIRCUITPURPOSE, CLOSECIRCUIT,
//! DROPGUARDS and DROPTIMEOUTS.

use scape::control::ExtendCircuit;
use scape::event::CircuitPurpose;
use scape::word::CircuitId;

use crate::support::command_table::{NOT_SENT, Row, raw, said};

const GONE: CircuitId = CircuitId::new(5);
const NEW: CircuitId = CircuitId::new(0);

pub(crate) const ROWS: &[Row] = &[
    (
        "EXTENDCIRCUIT",
        |b| said(b.c.launch_circuit(&ExtendCircuit::new())),
        551,
        "Couldn't start circuit",
    ),
    (
        "EXTENDCIRCUIT",
        |b| said(b.c.launch_circuit(&ExtendCircuit::new().purpose(CircuitPurpose::Controller))),
        551,
        "Couldn't start circuit",
    ),
    (
        "EXTENDCIRCUIT",
        |b| said(b.c.launch_circuit(&ExtendCircuit::new().purpose(CircuitPurpose::HsVanguards))),
        552,
        "Unknown purpose \"hs_vanguards\"",
    ),
    (
        "EXTENDCIRCUIT",
        |b| said(b.c.launch_circuit(&ExtendCircuit::new().path(["no"]))),
        552,
        "No such router \"no\"",
    ),
    ("EXTENDCIRCUIT", |b| said(b.c.extend_circuit(GONE, ["no"])), 552, "Unknown circuit \"5\""),
    ("EXTENDCIRCUIT", |b| raw(b.c.msg("EXTENDCIRCUIT 5")), 552, "Unknown circuit \"5\""),
    ("EXTENDCIRCUIT", |b| raw(b.c.msg("EXTENDCIRCUIT 0 ,")), 552, "No such router \"\""),
    (
        "EXTENDCIRCUIT",
        |b| raw(b.c.msg("EXTENDCIRCUIT")),
        512,
        "Bad arguments to EXTENDCIRCUIT: Need at least 1 argument(s)",
    ),
    (
        "EXTENDCIRCUIT",
        |b| said(b.c.extend_circuit(NEW, ["no"])),
        NOT_SENT,
        "EXTENDCIRCUIT: the circuit is 0…",
    ),
    (
        "EXTENDCIRCUIT",
        |b| said(b.c.launch_circuit(&ExtendCircuit::new().path(["a,b"]))),
        NOT_SENT,
        "EXTENDCIRCUIT: the path holds \"a,b\", which is no relay…",
    ),
    (
        "SETCIRCUITPURPOSE",
        |b| said(b.c.set_circuit_purpose(GONE, CircuitPurpose::Controller)),
        552,
        "Unknown circuit \"5\"",
    ),
    (
        "SETCIRCUITPURPOSE",
        |b| raw(b.c.msg("SETCIRCUITPURPOSE")),
        NOT_SENT,
        "SETCIRCUITPURPOSE was not sent: tor cra…",
    ),
    (
        "SETCIRCUITPURPOSE",
        |b| raw(b.c.msg("SETCIRCUITPURPOSE 5 general")),
        512,
        "Bad arguments to SETCIRCUITPURPOSE: Cannot parse keyword argument(s)",
    ),
    (
        "SETCIRCUITPURPOSE",
        |b| said(b.c.set_circuit_purpose(GONE, "a b".into())),
        NOT_SENT,
        "SETCIRCUITPURPOSE: the purpose may not contain ' '…",
    ),
    ("CLOSECIRCUIT", |b| said(b.c.close_circuit(GONE)), 552, "Unknown circuit \"5\""),
    ("CLOSECIRCUIT", |b| said(b.c.close_circuit_if_unused(GONE)), 552, "Unknown circuit \"5\""),
    (
        "CLOSECIRCUIT",
        |b| raw(b.c.msg("CLOSECIRCUIT")),
        512,
        "Bad arguments to CLOSECIRCUIT: Need at least 1 argument(s)",
    ),
    ("DROPGUARDS", |b| said(b.c.drop_guards()), 250, "()"),
    (
        "DROPGUARDS",
        |b| raw(b.c.msg("DROPGUARDS x")),
        512,
        "Bad arguments to DROPGUARDS: Cannot accept more than 0…",
    ),
    ("DROPTIMEOUTS", |b| said(b.c.drop_timeouts()), 250, "()"),
    (
        "DROPTIMEOUTS",
        |b| raw(b.c.msg("DROPTIMEOUTS x")),
        512,
        "Bad arguments to DROPTIMEOUTS: Cannot accept more th…",
    ),
];
