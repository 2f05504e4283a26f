//! The command tables for ADD_ONION and DEL_ONION.

use scape::control::{AddOnion, AddedOnion};
use scape::word::{ClientPublicKey, OnionAddress, OnionKey};

use crate::support::command_table::{Bench, NOT_SENT, Row, Said, raw, said};

const CLIENT: &str = "FGTORMIDKR7T2PR632HSHLUA4G6HF5TCWSGMHUUU4LWBEFTAVPOQ";
const NOBODY: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";

fn one() -> AddOnion {
    AddOnion::new().local_port(80)
}

/// Adds a service and removes it again. Returns a text that says if tor has
/// sent a key, and how many clients the service has.
fn add(b: &Bench, service: AddOnion) -> Said {
    let shown = |added: AddedOnion| -> scape::Result<String> {
        b.c.del_onion(&added.address)?;
        Ok(format!("key: {}, clients: {}", added.key.is_some(), added.clients.len()))
    };
    said(b.c.add_onion(&service).and_then(shown))
}

fn line(b: &Bench, arguments: &str) -> Said {
    raw(b.c.msg(&format!("ADD_ONION {arguments}")))
}

pub(crate) const ROWS: &[Row] = &[
    ("ADD_ONION", |b| add(b, one()), 250, "\"key: true, clients: 0\""),
    ("ADD_ONION", |b| add(b, one().discard_key()), 250, "\"key: false, clients: 0\""),
    (
        "ADD_ONION",
        |b| add(b, one().key(OnionKey::from_seed(&[64; 32]))),
        250,
        "\"key: false, clients: 0\"",
    ),
    ("ADD_ONION", |b| add(b, one().detach()), 250, "\"key: true, clients: 0\""),
    ("ADD_ONION", |b| add(b, one().client(CLIENT)), 250, "\"key: true, clients: 1\""),
    (
        "ADD_ONION",
        |b| {
            add(
                b,
                one()
                    .client(CLIENT.parse::<ClientPublicKey>().unwrap())
                    .client(CLIENT.to_lowercase()),
            )
        },
        250,
        "\"key: true, clients: 2\"",
    ),
    ("ADD_ONION", |b| add(b, one().max_streams(0)), 250, "\"key: true, clients: 0\""),
    (
        "ADD_ONION",
        |b| add(b, one().max_streams(65535).max_streams_close_circuit()),
        250,
        "\"key: true, clients: 0\"",
    ),
    ("ADD_ONION", |b| add(b, one().no_proof_of_work()), 250, "\"key: true, clients: 0\""),
    ("ADD_ONION", |b| add(b, one().proof_of_work(None, None)), 250, "\"key: true, clients: 0\""),
    (
        "ADD_ONION",
        |b| add(b, one().proof_of_work(Some(0), Some(u32::MAX))),
        250,
        "\"key: true, clients: 0\"",
    ),
    ("ADD_ONION", |b| said(collision(b)), 550, "Onion address collision"),
    (
        "ADD_ONION",
        |b| add(b, one().non_anonymous()),
        512,
        "Tor is in anonymous hidden service mode",
    ),
    ("ADD_ONION", |b| add(b, AddOnion::new()), NOT_SENT, "ADD_ONION: the list of ports is empty…"),
    ("ADD_ONION", |b| add(b, AddOnion::new().local_port(0)), NOT_SENT, "ADD_ONION: the port is 0…"),
    (
        "ADD_ONION",
        |b| add(b, one().client("x")),
        NOT_SENT,
        "ADD_ONION: the client's public key is invalid: a client key…",
    ),
    // The method doesn't send these commands.
    ("ADD_ONION", |b| line(b, ""), 512, "Bad arguments to ADD_ONION: Need at least 1 argument(s)"),
    ("ADD_ONION", |b| line(b, "NEW:BEST"), 512, "Missing 'Port' argument"),
    ("ADD_ONION", |b| line(b, "NEW:BEST Port=0"), 512, "Invalid VIRTPORT/TARGET"),
    ("ADD_ONION", |b| line(b, "NEW:BEST Port=65536"), 512, "Invalid VIRTPORT/TARGET"),
    ("ADD_ONION", |b| line(b, "NEW:BEST Port=80,x"), 512, "Invalid VIRTPORT/TARGET"),
    (
        "ADD_ONION",
        |b| line(b, "NEW:BEST Port=\"80\""),
        512,
        "Bad arguments to ADD_ONION: Cannot parse keyword argument(s)",
    ),
    ("ADD_ONION", |b| line(b, "NEW:BEST MaxStreams=65536 Port=80"), 512, "Invalid MaxStreams"),
    (
        "ADD_ONION",
        |b| line(b, "NEW:BEST PoWDefensesEnabled=2 Port=80"),
        512,
        "Invalid PoWDefensesEnabled",
    ),
    ("ADD_ONION", |b| line(b, "NEW:BEST PoWQueueRate=x Port=80"), 512, "Invalid PoWQueueRate"),
    ("ADD_ONION", |b| line(b, "NEW:BEST PoWQueueBurst=x Port=80"), 512, "Invalid PoWQueueBurst"),
    ("ADD_ONION", |b| line(b, "NEW:BEST Flags= Port=80"), 512, "Invalid 'Flags' argument"),
    (
        "ADD_ONION",
        |b| line(b, "NEW:BEST Flags=Bogus Port=80"),
        512,
        "Invalid 'Flags' argument: \"Bogus\"",
    ),
    (
        "ADD_ONION",
        |b| line(b, "NEW:BEST Flags=V3Auth Port=80 ClientAuthV3=zz"),
        512,
        "Cannot decode v3 client auth key",
    ),
    (
        "ADD_ONION",
        |b| line(b, &format!("NEW:BEST Port=80 ClientAuthV3={CLIENT}")),
        512,
        "No auth type specified",
    ),
    ("ADD_ONION", |b| line(b, "NEW:BEST Flags=V3Auth Port=80"), 512, "No auth clients specified"),
    ("ADD_ONION", |b| line(b, "NEW Port=80"), 512, "Invalid key type/blob"),
    ("ADD_ONION", |b| line(b, "NEW: Port=80"), 512, "Invalid key type/blob"),
    ("ADD_ONION", |b| line(b, "ED25519-V3:aa Port=80"), 512, "Failed to decode ED25519-V3 key"),
    ("ADD_ONION", |b| line(b, "NEW:RSA1024 Port=80"), 513, "Invalid key type"),
    ("ADD_ONION", |b| line(b, "RSA1024:aa Port=80"), 513, "Invalid key type"),
    (
        "ADD_ONION",
        |b| line(b, "NEW:BEST Foo=1 Port=80"),
        512,
        "Bad arguments to ADD_ONION: Unrecognized keyword argument…",
    ),
    (
        "ADD_ONION",
        |b| line(b, "NEW:BEST Port=80 ClientAuth=bob"),
        NOT_SENT,
        "ADD_ONION was not sent: tor does not ans…",
    ),
    (
        "DEL_ONION",
        |b| said(b.c.add_onion(&one()).and_then(|added| b.c.del_onion(&added.address))),
        250,
        "()",
    ),
    ("DEL_ONION", |b| said(removed_twice(b)), 552, "Unknown Onion Service id"),
    ("DEL_ONION", |b| said(anothers(b)), 552, "Unknown Onion Service id"),
    ("DEL_ONION", |b| said(anothers_detached(b)), 250, "()"),
    ("DEL_ONION", |b| raw(b.c.msg("DEL_ONION x")), 512, "Malformed Onion Service id"),
    (
        "DEL_ONION",
        |b| raw(b.c.msg(&format!("DEL_ONION {NOBODY}.onion"))),
        512,
        "Malformed Onion Service id",
    ),
    (
        "DEL_ONION",
        |b| raw(b.c.msg("DEL_ONION")),
        512,
        "Bad arguments to DEL_ONION: Need at least 1 argument(s)",
    ),
];

/// Rows of the command table for a tor in non-anonymous mode.
pub(crate) const NON_ANONYMOUS: &[Row] = &[
    ("ADD_ONION", |b| add(b, one().non_anonymous()), 250, "\"key: true, clients: 0\""),
    ("ADD_ONION", |b| add(b, one()), 512, "Tor is in non-anonymous hidden service mode"),
];

fn collision(b: &Bench) -> scape::Result<AddedOnion> {
    let first = b.c.add_onion(&one())?;
    let second = b.c.add_onion(&one().key(first.key.unwrap()));
    assert!(second.as_ref().unwrap_err().refusal().unwrap().is_unspecified());
    b.c.del_onion(&first.address)?;
    second
}

fn removed_twice(b: &Bench) -> scape::Result<()> {
    let address: OnionAddress = b.c.add_onion(&one())?.address;
    b.c.del_onion(&address)?;
    b.c.del_onion(&address)
}

fn anothers(b: &Bench) -> scape::Result<()> {
    let added = b.tor.controller().add_onion(&one())?;
    b.c.del_onion(&added.address)
}

fn anothers_detached(b: &Bench) -> scape::Result<()> {
    let added = b.tor.controller().add_onion(&one().detach())?;
    b.c.del_onion(&added.address)
}
