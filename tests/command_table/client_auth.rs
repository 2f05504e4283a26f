//! The command tables for ONION_CLIENT_AUTH_ADD, ONION_CLIENT_AUTH_REMOVE and
//! ONION_CLIENT_AUTH_VIEW. The reply 252 isn't tested, because it needs a
//! network: tor must have a descriptor that the added key decrypts.

use std::fs;

use scape::control::ClientAuth;
use scape::word::{ClientKey, OnionAddress};

use crate::support::command_table::{Bench, NOT_SENT, Row, Said, raw, said};

const SERVICE: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
const KEY: &str = "x25519:8FqJCCH0oAvKJPvUpzFeEDtbSAWRJZMAXUWkzPlUtHA=";

fn service() -> OnionAddress {
    SERVICE.parse().unwrap()
}

fn auth() -> ClientAuth {
    ClientAuth::new(service(), KEY.parse().unwrap())
}

/// Returns all client keys in tor, without their secrets.
fn all(b: &Bench) -> Said {
    let show = |auths: Vec<ClientAuth>| -> Vec<String> {
        assert!(auths.iter().all(|auth| auth.key == KEY.parse().unwrap()));
        auths.iter().map(ToString::to_string).collect()
    };
    said(b.c.onion_client_auth().list().map(show))
}

fn line(b: &Bench, arguments: &str) -> Said {
    raw(b.c.msg(&format!("ONION_CLIENT_AUTH_ADD {arguments}")))
}

pub(crate) const ROWS: &[Row] = &[
    ("ONION_CLIENT_AUTH_VIEW", all, 250, "[]"),
    ("ONION_CLIENT_AUTH_VIEW", |b| said(b.c.onion_client_auth().get(&service())), 250, "None"),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| said(b.c.onion_client_auth().add(&auth().name("bob"))),
        250,
        "New",
    ),
    (
        "ONION_CLIENT_AUTH_VIEW",
        all,
        250,
        "[\"yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion bob\"]",
    ),
    (
        "ONION_CLIENT_AUTH_VIEW",
        |b| {
            said(
                b.c.onion_client_auth()
                    .get(&service())
                    .map(|found| found == Some(auth().name("bob"))),
            )
        },
        250,
        "true",
    ),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| said(b.c.onion_client_auth().add(&auth().name("sixteencharacter"))),
        250,
        "Replaced",
    ),
    ("ONION_CLIENT_AUTH_ADD", |b| said(b.c.onion_client_auth().add(&auth())), 250, "Replaced"),
    (
        "ONION_CLIENT_AUTH_VIEW",
        all,
        250,
        "[\"yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion\"]",
    ),
    ("ONION_CLIENT_AUTH_REMOVE", |b| said(b.c.onion_client_auth().remove(&service())), 250, "true"),
    (
        "ONION_CLIENT_AUTH_REMOVE",
        |b| said(b.c.onion_client_auth().remove(&service())),
        250,
        "false",
    ),
    ("ONION_CLIENT_AUTH_VIEW", all, 250, "[]"),
    // A key that was added in upper case is in the list, but no lookup finds
    // it.
    ("ONION_CLIENT_AUTH_ADD", |b| line(b, &format!("{} {KEY}", SERVICE.to_uppercase())), 250, "OK"),
    ("ONION_CLIENT_AUTH_VIEW", |b| said(b.c.onion_client_auth().get(&service())), 250, "None"),
    (
        "ONION_CLIENT_AUTH_VIEW",
        all,
        250,
        "[\"yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion\"]",
    ),
    ("ONION_CLIENT_AUTH_REMOVE", |b| said(b.c.onion_client_auth().remove(&service())), 250, "true"),
    // The key is not shown, although tor repeats it.
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| {
            said(
                b.c.onion_client_auth()
                    .add(&ClientAuth::new(service(), ClientKey::from_bytes([0; 32]))),
            )
        },
        553,
        "Invalid private key [redacted]",
    ),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| said(b.c.onion_client_auth().add(&auth().permanent())),
        553,
        "Unable to store creds for \"yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid\"",
    ),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| said(b.c.onion_client_auth().add(&auth().name("seventeen letters"))),
        NOT_SENT,
        "ONION_CLIENT_AUTH_ADD: the ClientName may not contain ' '…",
    ),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| said(b.c.onion_client_auth().add(&auth().name("seventeen_letters"))),
        NOT_SENT,
        "ONION_CLIENT_AUTH_ADD was not sent: tor answers twice to a ClientName of more than 16 characters (ClientName)",
    ),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| said(b.c.onion_client_auth().add(&auth().name(""))),
        NOT_SENT,
        "ONION_CLIENT_AUTH_ADD: the ClientName is empty…",
    ),
    ("ONION_CLIENT_AUTH_ADD", |b| line(b, ""), 512, "Incomplete ONION_CLIENT_AUTH_ADD command"),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| line(b, SERVICE),
        512,
        "Incomplete ONION_CLIENT_AUTH_ADD command",
    ),
    ("ONION_CLIENT_AUTH_ADD", |b| line(b, &format!("x {KEY}")), 512, "Invalid v3 address \"x\""),
    ("ONION_CLIENT_AUTH_ADD", |b| line(b, &format!("{SERVICE} x")), 512, "Invalid key type/blob"),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| line(b, &format!("{SERVICE} x25519:aa")),
        512,
        "Failed to decode x25519 private key",
    ),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| line(b, &format!("{SERVICE} rsa:aa")),
        552,
        "Unrecognized key type \"rsa\"",
    ),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| line(b, &format!("{SERVICE} {KEY} Flags=")),
        512,
        "Invalid 'Flags' argument",
    ),
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| line(b, &format!("{SERVICE} {KEY} Flags=Foo")),
        512,
        "Invalid 'Flags' argument: \"Foo\"",
    ),
    (
        "ONION_CLIENT_AUTH_REMOVE",
        |b| raw(b.c.msg("ONION_CLIENT_AUTH_REMOVE")),
        512,
        "Incomplete ONION_CLIENT_AUTH_REMOVE command",
    ),
    (
        "ONION_CLIENT_AUTH_REMOVE",
        |b| raw(b.c.msg("ONION_CLIENT_AUTH_REMOVE x")),
        512,
        "Invalid v3 address \"x\"",
    ),
    (
        "ONION_CLIENT_AUTH_VIEW",
        |b| raw(b.c.msg("ONION_CLIENT_AUTH_VIEW x")),
        512,
        "Invalid v3 address \"x\"",
    ),
    (
        "ONION_CLIENT_AUTH_VIEW",
        |b| raw(b.c.msg("ONION_CLIENT_AUTH_VIEW a b")),
        512,
        "Bad arguments to ONION_CLIENT_AUTH_VIEW: Cannot parse keyword argument(s)",
    ),
];

/// Rows of the command table for a tor with the option `ClientOnionAuthDir`.
pub(crate) const WITH_A_DIRECTORY: &[Row] = &[
    (
        "ONION_CLIENT_AUTH_ADD",
        |b| said(b.c.onion_client_auth().add(&auth().permanent().name("bob"))),
        250,
        "New",
    ),
    (
        "ONION_CLIENT_AUTH_VIEW",
        all,
        250,
        "[\"yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion bob (permanent)\"]",
    ),
    // tor's file is read as a key.
    ("ONION_CLIENT_AUTH_VIEW", |b| said(file(b)), 250, "true"),
    ("ONION_CLIENT_AUTH_REMOVE", |b| said(b.c.onion_client_auth().remove(&service())), 250, "true"),
    ("ONION_CLIENT_AUTH_VIEW", |b| said(file(b)), 250, "false"),
];

/// Returns true if a file in the folder `ClientOnionAuthDir` contains [`KEY`].
fn file(b: &Bench) -> scape::Result<bool> {
    let folder = b.c.get_conf("ClientOnionAuthDir")?.unwrap();
    let mut files =
        fs::read_dir(folder).unwrap().map(|file| fs::read_to_string(file.unwrap().path()).unwrap());
    Ok(files.any(|line| line.parse::<ClientKey>().unwrap() == KEY.parse().unwrap()))
}
