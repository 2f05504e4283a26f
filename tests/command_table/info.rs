//! The command table for GETINFO, SETEVENTS, USEFEATURE and SIGNAL.

use std::time::Duration;

use scape::control::Signal;
use scape::event::EventKind;

use crate::support::command_table::{NOT_SENT, Row, raw, said};

pub(crate) const ROWS: &[Row] = &[
    ("GETINFO", |b| said(b.c.get_info("config-can-saveconf")), 250, "\"1\""),
    (
        "GETINFO",
        |b| said(b.c.info().get_many(["config-can-saveconf", "onions/current"])),
        250,
        "[\"1\", \"\"]",
    ),
    ("GETINFO", |b| said(b.c.get_info("nope")), 552, "Unrecognized key \"nope\""),
    (
        "GETINFO",
        |b| said(b.c.info().get_many(["a", "b"])),
        552,
        "Unrecognized key \"a\"\nUnrecognized key \"b\"",
    ),
    ("GETINFO", |b| said(b.c.get_info("address")), 551, "Address unknown"),
    (
        "GETINFO",
        |b| said(b.c.get_info("a b")),
        NOT_SENT,
        "GETINFO: the key may not contain ' ' (at byte 1)…",
    ),
    ("SETEVENTS", |b| said(b.c.subscribe([EventKind::Bw, EventKind::Guard]).map(drop)), 250, "()"),
    ("SETEVENTS", |b| said(b.c.subscribe(["NOPE".into()])), 552, "Unrecognized event \"NOPE\""),
    (
        "SETEVENTS",
        |b| said(b.c.subscribe([EventKind::PtLog])),
        552,
        "Unrecognized event \"PT_LOG\"",
    ),
    (
        "SETEVENTS",
        |b| raw(b.c.msg("SETEVENTS BW")),
        NOT_SENT,
        "SETEVENTS: the command is sent by subscribe and on…",
    ),
    ("USEFEATURE", |b| said(b.c.use_feature(["VERBOSE_NAMES", "extended_events"])), 250, "()"),
    ("USEFEATURE", |b| said(b.c.use_feature(Vec::<&str>::new())), 250, "()"),
    (
        "USEFEATURE",
        |b| said(b.c.use_feature(["VERBOSE_NAMES", "nope"])),
        552,
        "Unrecognized feature \"nope\"",
    ),
    (
        "USEFEATURE",
        |b| said(b.c.use_feature(["a b"])),
        NOT_SENT,
        "USEFEATURE: the feature may not contain ' '…",
    ),
    ("SIGNAL", |b| said(b.c.signal(Signal::Heartbeat)), 250, "()"),
    ("SIGNAL", |b| said(b.c.signal(Signal::NewNym)), 250, "()"),
    ("SIGNAL", |b| said(b.c.signal("usr1".into())), 250, "()"),
    (
        "SIGNAL",
        |b| said(b.c.signal("NOPE".into())),
        NOT_SENT,
        "SIGNAL: this tor does not know the signal; it knows…",
    ),
    ("SIGNAL", |b| raw(b.c.msg("SIGNAL nope")), 552, "Unrecognized signal code \"nope\""),
    (
        "SIGNAL",
        |b| raw(b.c.msg("SIGNAL")),
        512,
        "Bad arguments to SIGNAL: Need at least 1 argument(s)",
    ),
    (
        "SIGNAL",
        |b| raw(b.c.msg("SIGNAL HUP now")),
        512,
        "Bad arguments to SIGNAL: Cannot accept more than 1 argument(s)",
    ),
    // Without a client port, tor accepts NEWNYM but never acts on it.
    (
        "SIGNAL",
        |b| said(b.c.new_identity(Duration::from_millis(50))),
        1,
        "timed out waiting for tor to act on the signal (after 50ms)",
    ),
];
