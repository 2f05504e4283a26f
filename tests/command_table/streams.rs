//! The command table for ATTACHSTREAM, REDIRECTSTREAM and CLOSESTREAM, with
//! streams that wait for a controller. Attaching to a circuit needs a network.

use std::time::Duration;

use scape::event::{EndReason, EventBody, EventKind, StreamReason};
use scape::word::{CircuitId, StreamId};

use crate::support::command_table::{Bench, NOT_SENT, Row, raw, said};

const GONE: StreamId = StreamId::new(9999);
const NO_CIRCUIT: CircuitId = CircuitId::new(5);
const ZERO: CircuitId = CircuitId::new(0);
const SOON: Duration = Duration::from_secs(20);

pub(crate) const ROWS: &[Row] = &[
    ("ATTACHSTREAM", |b| said(b.c.attach_stream(b.waiting_stream(), None, None)), 250, "()"),
    ("ATTACHSTREAM", |b| said(b.c.attach_stream(GONE, None, None)), 552, "Unknown stream \"9999\""),
    (
        "ATTACHSTREAM",
        |b| said(b.c.attach_stream(b.waiting_stream(), NO_CIRCUIT, None)),
        552,
        "Unknown circuit \"5\"",
    ),
    (
        "ATTACHSTREAM",
        |b| said(b.c.attach_stream(b.waiting_stream(), NO_CIRCUIT, 2)),
        552,
        "Unknown circuit \"5\"",
    ),
    ("ATTACHSTREAM", |b| said(twice(b)), 555, "Connection is not managed by controller."),
    (
        "ATTACHSTREAM",
        |b| said(b.c.attach_stream(GONE, ZERO, None)),
        NOT_SENT,
        "ATTACHSTREAM: the circuit is 0, which would…",
    ),
    (
        "ATTACHSTREAM",
        |b| said(b.c.attach_stream(GONE, NO_CIRCUIT, 0)),
        NOT_SENT,
        "ATTACHSTREAM: the hop is 0…",
    ),
    (
        "ATTACHSTREAM",
        |b| raw(b.c.msg("ATTACHSTREAM 1")),
        512,
        "Bad arguments to ATTACHSTREAM: Need at least 2 argument(s)",
    ),
    // tor reads the hop only if there is a circuit.
    (
        "ATTACHSTREAM",
        |b| raw(b.c.msg(&format!("ATTACHSTREAM {} 0 HOP=x", b.waiting_stream()))),
        250,
        "OK",
    ),
    ("REDIRECTSTREAM", |b| said(redirected(b)), 250, "\"m.example:81\""),
    (
        "REDIRECTSTREAM",
        |b| said(b.c.redirect_stream(b.waiting_stream(), "l.example", None)),
        250,
        "()",
    ),
    (
        "REDIRECTSTREAM",
        |b| said(b.c.redirect_stream(GONE, "l.example", 80)),
        552,
        "Unknown stream \"9999\"",
    ),
    (
        "REDIRECTSTREAM",
        |b| raw(b.c.msg(&format!("REDIRECTSTREAM {} m.example 70000", b.waiting_stream()))),
        512,
        "Cannot parse port \"70000\"",
    ),
    (
        "REDIRECTSTREAM",
        |b| said(b.c.redirect_stream(GONE, "", 80)),
        NOT_SENT,
        "REDIRECTSTREAM: the address is empty…",
    ),
    (
        "REDIRECTSTREAM",
        |b| said(b.c.redirect_stream(GONE, "abc.onion..", 80)),
        NOT_SENT,
        "REDIRECTSTREAM: the address has an empty part…",
    ),
    (
        "REDIRECTSTREAM",
        |b| said(b.c.redirect_stream(GONE, "a b", 80)),
        NOT_SENT,
        "REDIRECTSTREAM: the address may not…",
    ),
    (
        "REDIRECTSTREAM",
        |b| said(b.c.redirect_stream(GONE, "a", 0)),
        NOT_SENT,
        "REDIRECTSTREAM: the port is 0…",
    ),
    ("CLOSESTREAM", |b| said(every_reason(b)), 250, "()"),
    ("CLOSESTREAM", |b| said(b.c.close_stream(b.waiting_stream(), EndReason::new(255))), 250, "()"),
    ("CLOSESTREAM", |b| said(b.c.close_stream(b.waiting_stream(), EndReason::new(0))), 250, "()"),
    (
        "CLOSESTREAM",
        |b| said(b.c.close_stream(GONE, EndReason::DONE)),
        552,
        "Unknown stream \"9999\"",
    ),
    ("CLOSESTREAM", |b| said(closed_twice(b)), 552, "Unknown stream…"),
    (
        "CLOSESTREAM",
        |b| raw(b.c.msg(&format!("CLOSESTREAM {} 256", b.waiting_stream()))),
        552,
        "Unrecognized reason \"256\"",
    ),
    (
        "CLOSESTREAM",
        |b| raw(b.c.msg("CLOSESTREAM 1")),
        512,
        "Bad arguments to CLOSESTREAM: Need at least 2 argument(s)",
    ),
];

fn twice(b: &Bench) -> scape::Result<()> {
    let stream = b.waiting_stream();
    b.c.attach_stream(stream, None, None)?;
    let second = b.c.attach_stream(stream, None, None);
    let refusal = second.as_ref().unwrap_err().refusal().unwrap();
    assert!(refusal.is_not_allowed() && !refusal.is_unknown_stream());
    second
}

fn redirected(b: &Bench) -> scape::Result<String> {
    let stream = b.waiting_stream();
    b.c.redirect_stream(stream, "m.example", 81)?;
    let streams = b.c.streams()?;
    Ok(streams.iter().find(|listed| listed.id == stream).unwrap().target.to_string())
}

/// Closes a stream for each reason. Checks that the STREAM event reports the
/// word that `EndReason` has for the reason.
fn every_reason(b: &Bench) -> scape::Result<()> {
    for reason in EndReason::KNOWN {
        let stream = b.waiting_stream();
        let events = b.c.subscribe([EventKind::Stream])?;
        b.c.close_stream(stream, *reason)?;
        let told: Option<StreamReason> = loop {
            let event = events.next_timeout(SOON)?;
            if let EventBody::Stream(info) = event.body()
                && info.id == stream
                && info.status.is_end()
            {
                break info.reason.clone();
            }
        };
        assert_eq!(told, reason.reason(), "{reason}");
    }
    Ok(())
}

fn closed_twice(b: &Bench) -> scape::Result<()> {
    let stream = b.waiting_stream();
    b.c.close_stream(stream, EndReason::MISC)?;
    let second = b.c.close_stream(stream, EndReason::MISC);
    assert!(second.as_ref().unwrap_err().refusal().unwrap().is_unknown_stream());
    second
}
