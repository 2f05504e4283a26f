//! The command table for MAPADDRESS and RESOLVE.

use std::time::Duration;

use scape::Controller;
use scape::connection::Closed;
use scape::control::{Mapping, Refusal};

use crate::support::command_table::{Bench, NOT_SENT, OTHER, Row, Said, raw, said};

const SOON: Duration = Duration::from_secs(20);
const ONION: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
const A_MOMENT: Duration = Duration::from_millis(100);

/// Sends a MAPADDRESS command, and returns tor's answer to each pair:
/// `from=to`, or the code and text of a refusal.
fn map(c: &Controller, pairs: &[(&str, &str)]) -> Said {
    let shown = |answer: Result<Mapping, Refusal>| match answer {
        Ok(mapping) => mapping.to_string(),
        Err(refusal) => format!("{} {}", refusal.code(), refusal.text()),
    };
    said(
        c.map_address(pairs.iter().copied())
            .map(|answers| answers.into_iter().map(shown).collect::<Vec<_>>()),
    )
}

/// Returns the address mappings that controllers have made. They are sorted,
/// because tor lists them in no fixed order.
fn mapped(c: &Controller) -> Said {
    let sorted = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    said(c.get_info("address-mappings/control").map(sorted))
}

pub(crate) const ROWS: &[Row] = &[
    ("MAPADDRESS", |b| map(&b.c, &[("a.example", "b.example")]), 250, "[\"a.example=b.example\"]"),
    ("MAPADDRESS", |b| map(&b.c, &[("1.2.3.4", "c.example")]), 250, "[\"1.2.3.4=c.example\"]"),
    (
        "MAPADDRESS",
        |b| mapped(&b.c),
        250,
        "[\"1.2.3.4 c.example NEVER\", \"a.example b.example NEVER\"]",
    ),
    ("MAPADDRESS", |b| said(b.c.unmap_address("1.2.3.4")), 250, "()"),
    ("MAPADDRESS", |b| said(b.c.unmap_address("never.mapped.example")), 250, "()"),
    ("MAPADDRESS", |b| map(&b.c, &[]), 250, "[]"),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("*.e.example", "*.f.example")]),
        250,
        "[\"*.e.example=*.f.example\"]",
    ),
    ("MAPADDRESS", |b| said(b.c.unmap_address("*.e.example")), 250, "()"),
    ("MAPADDRESS", |b| mapped(&b.c), 250, "[\"a.example b.example NEVER\"]"),
    ("MAPADDRESS", |b| said(b.c.unmap_address("a.example")), 250, "()"),
    ("MAPADDRESS", |b| map(&b.c, &[("0.0.0.0", "v.example")]), 250, "[\"127…"),
    ("MAPADDRESS", |b| map(&b.c, &[("::", "v.example")]), 250, "[\"[fe…"),
    ("MAPADDRESS", |b| said(virtual_name(b)), 250, "\"taken back\""),
    // Each pair is answered by itself and in order, whatever the code of the
    // last one.
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("x.example", "b@d"), ("y.example", "z.example")]),
        250,
        "[\"512 syntax error: invalid address 'b@d'\", \"y.example=z.example\"]",
    ),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("y.example", "w.example"), ("x.example", "b@d")]),
        250,
        "[\"y.example=w.example\", \"512 syntax error: invalid address 'b@d'\"]",
    ),
    (
        "MAPADDRESS",
        |b| said(b.c.mapped_address("x.example", "b@d")),
        512,
        "syntax error: invalid address 'b@d'",
    ),
    (
        "MAPADDRESS",
        |b| said(b.c.mapped_address("x.example", "*.example")),
        512,
        "syntax error: invalid address mapping  'x.example=*.example': can only use wildcard…",
    ),
    ("MAPADDRESS", |b| said(b.c.unmap_address("y.example")), 250, "()"),
    ("MAPADDRESS", |b| said(a_guard(b)), 250, "()"),
    (
        "MAPADDRESS",
        |b| raw(b.c.msg("MAPADDRESS")),
        512,
        "syntax error: not enough arguments to mapaddress.",
    ),
    (
        "MAPADDRESS",
        |b| raw(b.c.msg("MAPADDRESS foo")),
        512,
        "Bad arguments to MAPADDRESS: Cannot parse keyword…",
    ),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("", "x")]),
        NOT_SENT,
        "MAPADDRESS: the address that is mapped is empty…",
    ),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("x", "")]),
        NOT_SENT,
        "MAPADDRESS: the address to map to is empty…",
    ),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("x=y", "z")]),
        NOT_SENT,
        "MAPADDRESS: the address that is mapped may not contain '='…",
    ),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("x", "\"z\"")]),
        NOT_SENT,
        "MAPADDRESS: the address to map to may not contain '\"'…",
    ),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("x", "z q=r")]),
        NOT_SENT,
        "MAPADDRESS: the address to map to may not contain '='…",
    ),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("x", "z\r\nQUIT")]),
        NOT_SENT,
        "MAPADDRESS: the mapping may not contain '\\r'…",
    ),
    // These are tor's answers without a network: those from its address map,
    // and refusals.
    ("MAPADDRESS", |b| map(&b.c, &[("g.example", "10.1.2.3")]), 250, "[\"g.example=10.1.2.3\"]"),
    ("RESOLVE", |b| said(b.c.resolve("g.example", SOON)), 250, "10.1.2.3"),
    ("RESOLVE", |b| said(b.c.resolve("G.example", SOON)), 250, "10.1.2.3"),
    ("MAPADDRESS", |b| map(&b.c, &[("h.example", "g.example")]), 250, "[\"h.example=g.example\"]"),
    ("RESOLVE", |b| said(b.c.resolve("h.example", SOON)), 250, "10.1.2.3"),
    ("RESOLVE", |b| said(b.c.resolve("192.0.2.7", SOON)), 250, "192.0.2.7"),
    (
        "RESOLVE",
        |b| said(b.c.resolve("expyuzz4wqqyqhjn.onion", SOON)),
        OTHER,
        "tor has no answer for \"expyuzz4wqqyqhjn.onion\", reason TORPROTOCOL: onion addresses have no IP address; connect…",
    ),
    (
        "RESOLVE",
        |b| said(b.c.resolve(&format!("{ONION}."), SOON)),
        OTHER,
        "tor has no answer for \"2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion\", reason UNKNOWN_264: onion addresses…",
    ),
    (
        "RESOLVE",
        |b| said(b.c.resolve("i.exit", SOON)),
        NOT_SENT,
        "RESOLVE: the name ends in .exit, which tor refuses…",
    ),
    (
        "RESOLVE",
        |b| said(b.c.resolve("bad!host", SOON)),
        NOT_SENT,
        "RESOLVE: the name may not contain '!' (at byte 3)…",
    ),
    (
        "RESOLVE",
        |b| said(b.c.resolve("http://g.example", SOON)),
        NOT_SENT,
        "RESOLVE: the name is a URL…",
    ),
    (
        "RESOLVE",
        |b| said(b.c.resolve("g.example:80", SOON)),
        NOT_SENT,
        "RESOLVE: the name contains ':'…",
    ),
    (
        "MAPADDRESS",
        |b| map(&b.c, &[("j.example", "abc.onion.")]),
        NOT_SENT,
        "MAPADDRESS: the address to map to \"abc.onion.\" is an onion address with a trailing dot…",
    ),
    (
        "RESOLVE",
        |b| said(b.c.resolve("waits.example", A_MOMENT)),
        OTHER,
        "timed out waiting for the answer for the name or address (after 100ms)",
    ),
    (
        "RESOLVE",
        |b| said(b.c.resolve_reverse([192, 0, 2, 7].into(), A_MOMENT)),
        OTHER,
        "timed out waiting for the answer for the name or address (after 100ms)",
    ),
    ("RESOLVE", |b| said(b.c.resolve("", SOON)), NOT_SENT, "RESOLVE: the name is empty…"),
    (
        "RESOLVE",
        |b| said(b.c.resolve("two names", SOON)),
        NOT_SENT,
        "RESOLVE: the name may not contain ' '…",
    ),
    (
        "RESOLVE",
        |b| said(b.c.resolve("mode=reverse", SOON)),
        NOT_SENT,
        "RESOLVE: the name may not contain '='…",
    ),
];

/// Adds a mapping for which tor chooses a virtual name, and removes it by this
/// name.
fn virtual_name(b: &Bench) -> scape::Result<&'static str> {
    let mapped = b.c.mapped_address(".", "v.example")?;
    assert!(mapped.from().ends_with(".virtual"), "{mapped:?}");
    let known = |name: &str| b.c.get_info("address-mappings/control").map(|all| all.contains(name));
    let name = mapped.from().to_owned();
    assert!(known(&name)?);
    mapped.remove()?;
    Ok(if known(&name)? { "still there" } else { "taken back" })
}

/// Checks that dropping a guard removes its mapping, unless `keep` was called.
/// A guard must not keep the connection open.
fn a_guard(b: &Bench) -> scape::Result<()> {
    let known = |name: &str| b.c.get_info("address-mappings/control").map(|all| all.contains(name));
    let mapped = b.c.mapped_address("guarded.example", "b.example")?;
    assert_eq!((mapped.from(), mapped.to()), ("guarded.example", "b.example"));
    assert!(known("guarded.example")?);
    drop(mapped);
    assert!(!known("guarded.example")?);
    let kept = b.c.mapped_address("kept.example", "b.example")?.keep();
    assert!(known("kept.example")?);
    b.c.unmap_address(&kept.from)?;

    let other = b.tor.controller();
    let mapped = other.mapped_address("outlives.example", "b.example")?;
    let weak = other.downgrade();
    drop(other);
    assert!(weak.upgrade().is_none());
    assert!(mapped.remove().unwrap_err().get::<Closed>().is_some_and(Closed::is_local));
    assert!(known("outlives.example")?);
    b.c.unmap_address("outlives.example")
}
