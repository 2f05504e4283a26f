//! The command tables for POSTDESCRIPTOR, HSFETCH and HSPOST. Successful
//! answers need relays and therefore a network.

use std::time::{Duration, Instant};

use scape::control::{HsFetch, HsFetchError, PostDescriptor, RouterPurpose};
use scape::word::OnionAddress;

use crate::support::command_table::{Bench, NOT_SENT, OTHER, Row, raw, said};

/// A valid address of no existing service.
const NOBODY: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";

fn nobody() -> OnionAddress {
    NOBODY.parse().unwrap()
}

fn post(text: &str) -> PostDescriptor {
    PostDescriptor::new(text)
}

pub(crate) const ROWS: &[Row] = &[
    (
        "POSTDESCRIPTOR",
        |b| said(b.c.post_descriptor(&post("router x\n"))),
        554,
        "Couldn't parse router descriptor.",
    ),
    (
        "POSTDESCRIPTOR",
        |b| said(b.c.post_descriptor(&post(""))),
        554,
        "Couldn't parse router descriptor.",
    ),
    (
        "POSTDESCRIPTOR",
        |b| said(b.c.post_descriptor(&post("x").purpose(RouterPurpose::Bridge).cache(true))),
        554,
        "Couldn't parse router descriptor.",
    ),
    (
        "POSTDESCRIPTOR",
        |b| said(b.c.post_descriptor(&post("x").purpose("no".into()))),
        552,
        "Unknown purpose \"no\"",
    ),
    (
        "POSTDESCRIPTOR",
        |b| raw(b.c.msg_with_data("+POSTDESCRIPTOR cache=maybe", b"x")),
        552,
        "Unknown cache request \"maybe\"",
    ),
    (
        "POSTDESCRIPTOR",
        |b| raw(b.c.msg_with_data("+POSTDESCRIPTOR foo", b"x")),
        512,
        "Bad arguments to +POSTDESCRIPTOR: Cannot parse keyword argument(s)",
    ),
    (
        "POSTDESCRIPTOR",
        |b| said(b.c.post_descriptor(&post("a\0b"))),
        NOT_SENT,
        "POSTDESCRIPTOR: the descriptor may no…",
    ),
    (
        "POSTDESCRIPTOR",
        |b| said(b.c.post_descriptor(&post("x").purpose("a b".into()))),
        NOT_SENT,
        "POSTDESCRIPTOR: the purpose may not contain ' '…",
    ),
    // tor accepts the command, and then does nothing because it has no
    // consensus.
    ("HSFETCH", |b| said(b.c.hs_descriptors().begin_fetch(nobody())), 250, "()"),
    ("HSFETCH", |b| said(without_a_consensus(b)), 250, "()"),
    (
        "HSFETCH",
        |b| said(b.c.hs_descriptors().begin_fetch(HsFetch::new(nobody()).server("no"))),
        552,
        "Server \"no\" not found",
    ),
    (
        "HSFETCH",
        |b| said(b.c.hs_descriptors().begin_fetch(HsFetch::new(nobody()).server("a b"))),
        NOT_SENT,
        "HSFETCH: the SERVER may not…",
    ),
    (
        "HSFETCH",
        |b| said(b.c.hs_descriptors().begin_fetch(HsFetch::new(nobody()).server(""))),
        NOT_SENT,
        "HSFETCH: the SERVER is empty…",
    ),
    ("HSFETCH", |b| raw(b.c.msg("HSFETCH x")), 513, "Invalid argument \"x\""),
    (
        "HSFETCH",
        |b| raw(b.c.msg(&format!("HSFETCH {NOBODY}.onion"))),
        513,
        "Invalid argument \"2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion\"",
    ),
    // Descriptor ids existed for services of version 2.
    (
        "HSFETCH",
        |b| raw(b.c.msg("HSFETCH v2-gezdgnbvgy3tqolbmjrwizlgm5ugs2tl")),
        513,
        "Invalid argument \"v2-gezdgnbvgy3tqolbmjrwizlgm5ugs2tl\"",
    ),
    (
        "HSFETCH",
        |b| raw(b.c.msg(&format!("HSFETCH {NOBODY} FOO=x"))),
        512,
        "Bad arguments to HSFETCH: Unrecognized keyword argument \"FOO\"",
    ),
    (
        "HSFETCH",
        |b| raw(b.c.msg("HSFETCH")),
        512,
        "Bad arguments to HSFETCH: Need at least 1 argument(s)",
    ),
    (
        "HSPOST",
        |b| said(b.c.hs_descriptors().begin_post(&nobody(), "foo", Vec::<&str>::new())),
        554,
        "Invalid descriptor",
    ),
    (
        "HSPOST",
        |b| said(b.c.hs_descriptors().begin_post(&nobody(), "foo", ["no"])),
        552,
        "Server \"no\" not found",
    ),
    (
        "HSPOST",
        |b| raw(b.c.msg_with_data("+HSPOST HSADDRESS=x", b"foo")),
        512,
        "Malformed onion address",
    ),
    (
        "HSPOST",
        |b| raw(b.c.msg_with_data("+HSPOST", b"foo")),
        NOT_SENT,
        "HSPOST was not sent: tor does not answer…",
    ),
    (
        "HSPOST",
        |b| said(b.c.hs_descriptors().begin_post(&nobody(), "foo", ["a b"])),
        NOT_SENT,
        "HSPOST: the SERVER may not contain ' '…",
    ),
    (
        "HSPOST",
        |b| raw(b.c.msg_with_data("+HSPOST FOO=x HSADDRESS=x", b"foo")),
        512,
        "Bad arguments to +HSPOST: Unrec…",
    ),
    (
        "HSFETCH",
        |b| said(b.c.hs_descriptors().fetch(nobody(), Duration::from_millis(100))),
        OTHER,
        "the descriptor of 2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion has not come within 100ms; \
         tor asked no directory: it has no consensus yet, or has asked all of this service's directories lately",
    ),
];

/// Checks that a fetch fails at its deadline, neither before nor long after, if
/// tor has no consensus.
fn without_a_consensus(b: &Bench) -> scape::Result<()> {
    let begun = Instant::now();
    let error = b.c.hs_descriptors().fetch(nobody(), Duration::from_millis(300)).unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let Some(fetch) = error.get::<HsFetchError>() else { panic!("{error:?}") };
    assert!(fetch.failures.is_empty() && fetch.unanswered.is_empty() && !fetch.is_not_found());
    assert!(
        begun.elapsed() >= Duration::from_millis(300) && begun.elapsed() < Duration::from_secs(10)
    );
    Ok(())
}
