//! The command table for refusals that a test can't make a real tor send. A
//! scripted tor sends them with the words of tor 0.4.9.11's source:
//!
//! * `ADD_ONION`, 551: a random number generator or an encoder fails, or tor
//!   can't add a service although every part of it was checked;
//!   `Invalid client authorization`, 512: tor sent it only for services of
//!   version 2.
//! * `MAPADDRESS`, 451: the virtual addresses, of which there are at least
//!   65536, are used up.
//! * `EXTENDCIRCUIT`, 552 `No descriptor`: the descriptor of a relay in the
//!   consensus has not arrived yet, which only lasts a moment after the start;
//!   512 `No router names provided`: a path always has a name, if only an empty
//!   one; 551 `Couldn't send onion skin`, and `ATTACHSTREAM`, 551
//!   `Unable to attach stream`: a circuit breaks while the command is executed.
//! * `LOADCONF`, 550: this code is only for failures that the other codes don't
//!   cover.
//! * `AUTHENTICATE`, 515 `Couldn't decode HashedControlPassword value in
//!   configuration.`: tor doesn't start with such an option.
//! * 512 `Empty body` of the commands with data: empty data is sent as one
//!   empty line.

use scape::control::{AddOnion, ExtendCircuit};
use scape::error::AnswerError;
use scape::testing::ScriptedTor;
use scape::word::{CircuitId, StreamId};
use scape::{Connect, Controller};

use crate::support::command_table::{Said, said};

type Row = (&'static str, fn(&Controller) -> Said, u16, &'static str);

fn add(c: &Controller) -> Said {
    said(c.add_onion(&AddOnion::new().local_port(80)))
}

const ROWS: &[Row] = &[
    ("ADD_ONION", add, 551, "Failed to generate onion address"),
    ("ADD_ONION", add, 551, "Failed to add Onion Service"),
    ("ADD_ONION", add, 551, "Failed to generate ED25519-V3 key"),
    ("ADD_ONION", add, 551, "Failed to encode ED25519-V3 key"),
    ("ADD_ONION", add, 512, "Invalid client authorization"),
    (
        "MAPADDRESS",
        |c| said(c.mapped_address("0.0.0.0", "a.example")),
        451,
        "resource exhausted: skipping '0.0.0.0=a.example'",
    ),
    (
        "EXTENDCIRCUIT",
        |c| said(c.launch_circuit(&ExtendCircuit::new().path(["relay0"]))),
        552,
        "No descriptor for \"relay0\"",
    ),
    (
        "EXTENDCIRCUIT",
        |c| said(c.extend_circuit(CircuitId::new(7), ["relay0"])),
        551,
        "Couldn't send onion skin",
    ),
    (
        "ATTACHSTREAM",
        |c| said(c.attach_stream(StreamId::new(3), CircuitId::new(7), None)),
        551,
        "Unable to attach stream",
    ),
    (
        "LOADCONF",
        |c| said(c.load_conf("ContactInfo x")),
        550,
        "Unable to load config: Failed to parse/validate config",
    ),
];

#[test]
fn refusals_that_no_real_tor_sends_are_reported() {
    for (command, call, code, text) in ROWS {
        let answers = [format!("{command} "), format!("+{command}")];
        let reply = format!("{code} {text}\r\n");
        let tor = ScriptedTor::builder()
            .on_any(move |sent| {
                answers
                    .iter()
                    .any(|a| sent.starts_with(a.as_str()))
                    .then(|| reply.clone().into_bytes())
            })
            .info("circuit-status", "")
            .info("stream-status", "3 NEW 0 a.example:80")
            .start()
            .unwrap();
        let c = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        let said = call(&c);
        assert_eq!((said.code, said.text.as_str()), (*code, *text), "{command}");
    }
}

#[test]
fn map_address_of_which_tor_accepts_some_pairs() {
    let tor = ScriptedTor::builder()
        .on(
            "MAPADDRESS .=a.example b@d=x c.example=d.example",
            "451-resource exhausted: skipping '.=a.example'\r\n512-syntax error: invalid address mapping  'b@d=x': no\r\n\
             250 c.example=d.example\r\n",
        )
        .on("MAPADDRESS filtered=x", "510 Command filtered\r\n")
        .on("MAPADDRESS odd=x", "250 OK\r\n")
        .start()
        .unwrap();
    let c = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let answers =
        c.map_address([(".", "a.example"), ("b@d", "x"), ("c.example", "d.example")]).unwrap();
    let refused = answers[0].as_ref().unwrap_err();
    assert!(refused.is_transient() && refused.command() == "MAPADDRESS .=a.example", "{refused}");
    assert!(answers[1].as_ref().unwrap_err().is_bad_argument());
    assert_eq!(answers[2].as_ref().unwrap().to, "d.example");

    let error = c.map_address([("filtered", "x")]).unwrap_err();
    assert!(error.refusal().unwrap().is_unrecognized_command(), "{error}");
    assert!(c.map_address([("odd", "x")]).unwrap_err().get::<AnswerError>().is_some());
}
