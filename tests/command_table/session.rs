//! The command tables for PROTOCOLINFO, AUTHCHALLENGE, AUTHENTICATE, QUIT, the
//! commands about ownership, and lines that aren't commands. All outcomes of
//! authentication are tested in `tor_auth.rs`.

use crate::support::command_table::{NOT_SENT, Row, raw, said};

/// Rows of the command table for a tor with a cookie and a password.
pub(crate) const ROWS: &[Row] = &[
    ("PROTOCOLINFO", |b| raw(b.c.msg("PROTOCOLINFO")), 250, "PROTOCOLINFO 1"),
    ("PROTOCOLINFO", |b| raw(b.c.msg("PROTOCOLINFO 1 7")), 250, "PROTOCOLINFO 1"),
    ("PROTOCOLINFO", |b| raw(b.c.msg("PROTOCOLINFO x")), 513, "No such version \"x\""),
    ("PROTOCOLINFO", |b| b.stranger("PROTOCOLINFO x"), 513, "No such version \"x\""),
    ("AUTHENTICATE", |b| said(b.tor.over_unix().password("sesame").connect().map(drop)), 250, "()"),
    (
        "AUTHENTICATE",
        |b| b.stranger("AUTHENTICATE \"open\" \"sesame\""),
        512,
        "Too many arguments to AUTHENTICATE.",
    ),
    (
        "AUTHENTICATE",
        |b| b.stranger("AUTHENTICATE a=b"),
        512,
        "AUTHENTICATE does not accept keyword arguments.",
    ),
    (
        "AUTHENTICATE",
        |b| b.stranger("AUTHENTICATE zz"),
        551,
        "Invalid hexadecimal encoding.  Maybe you tried…",
    ),
    (
        "AUTHENTICATE",
        |b| b.stranger("AUTHENTICATE 00"),
        515,
        "Authentication failed: Password did not match…",
    ),
    (
        "AUTHENTICATE",
        |b| b.stranger("AUTHENTICATE \"no\""),
        515,
        "Authentication failed: Password did not match HashedControlPassword *or* authentication cookie.",
    ),
    (
        "AUTHENTICATE",
        |b| b.stranger("AUTHENTICATE \"open"),
        512,
        "Bad arguments to AUTHENTICATE: Cannot parse…",
    ),
    (
        "AUTHCHALLENGE",
        |b| b.stranger("AUTHCHALLENGE SAFECOOKIE 00"),
        250,
        "AUTHCHALLENGE SERVERHASH=…",
    ),
    (
        "AUTHCHALLENGE",
        |b| b.stranger("AUTHCHALLENGE NULL 00"),
        513,
        "AUTHCHALLENGE only supports SAFECOOKIE…",
    ),
    (
        "AUTHCHALLENGE",
        |b| b.stranger("AUTHCHALLENGE SAFECOOKIE"),
        512,
        "Wrong number of arguments for AUTHCHALLENGE",
    ),
    (
        "AUTHCHALLENGE",
        |b| b.stranger("AUTHCHALLENGE SAFECOOKIE a=b"),
        512,
        "AUTHCHALLENGE does not accept keyword arguments.",
    ),
    (
        "AUTHCHALLENGE",
        |b| b.stranger("AUTHCHALLENGE SAFECOOKIE zz"),
        513,
        "Invalid base16 client nonce",
    ),
    (
        "QUIT",
        |b| said(b.tor.over_unix().password("sesame").connect().and_then(|c| c.quit())),
        250,
        "()",
    ),
    ("QUIT", |b| b.stranger("QUIT with words"), 250, "closing connection"),
    ("TAKEOWNERSHIP", |b| said(b.c.take_ownership()), 250, "()"),
    ("DROPOWNERSHIP", |b| said(b.c.drop_ownership()), 250, "()"),
    ("DROPOWNERSHIP", |b| said(b.c.drop_ownership()), 250, "()"),
    // These lines are no command, come too early, or are too long.
    ("GETINFO", |b| b.stranger("GETINFO version"), 514, "Authentication required."),
    ("GETINFO", |b| raw(b.c.msg("GETNIFO version")), 510, "Unrecognized command \"GETNIFO\""),
    (
        "GETINFO",
        |b| raw(b.c.msg_with_data("+GETINFO version", b"")),
        510,
        "Unrecognized command \"+GETINFO\"",
    ),
    (
        "POSTDESCRIPTOR",
        |b| raw(b.c.msg("SETROUTERPURPOSE a b")),
        511,
        "SETROUTERPURPOSE is obsolete.",
    ),
    ("GETINFO", |b| b.stranger(&"x".repeat(1 << 20)), 500, "Line too long."),
    (
        "GETINFO",
        |b| said(b.c.get_info(&"x".repeat(1 << 20))),
        NOT_SENT,
        "GETINFO: the command has…",
    ),
];

/// Rows of the command table for a tor with a password and no cookie.
pub(crate) const NO_COOKIE: &[Row] = &[
    (
        "AUTHCHALLENGE",
        |b| b.stranger("AUTHCHALLENGE SAFECOOKIE 00"),
        515,
        "Cookie authentication is disabled",
    ),
    (
        "AUTHENTICATE",
        |b| b.stranger("AUTHENTICATE \"no\""),
        515,
        "Authentication failed: Password did not match HashedControlPassword value from configuration",
    ),
];
