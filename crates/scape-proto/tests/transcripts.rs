//! Checks that recorded replies of a real tor are decoded with the right
//! meaning, no matter how the bytes are split.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::time::SystemTime;

use scape_proto::control::{
    AuthChallenge, AuthMethod, DecodeError, Decoder, ProtocolInfo, Reply, parse_getconf,
    parse_getinfo,
};
use scape_proto::event::{CircuitInfo, Event, EventBody, EventKind, StreamInfo};
use support::transcript::{Exchange, Transcript};

/// Every transcript file, with the number of answers and the number of events
/// that tor sent in it. A test fails if a file isn't listed here.
const FILES: &[(&str, usize, usize)] = &[
    ("01-protocolinfo", 12, 0),
    ("02-authenticate-authchallenge", 35, 0),
    ("03-wire", 18, 0),
    ("04-error-replies", 85, 0),
    ("05-hazards", 10, 2),
    ("06-addresses-time-zone-unix", 15, 10),
    ("10-getinfo-names", 4, 0),
    ("11-getinfo-config-names", 1, 0),
    ("12-getinfo-config-defaults", 1, 0),
    ("13-getinfo-config", 4, 0),
    ("14-getinfo-misc", 13, 0),
    ("15-getinfo-process-limits-traffic", 7, 0),
    ("16-getinfo-accounting", 7, 0),
    ("17-getinfo-net-listeners", 11, 0),
    ("18-getinfo-status", 14, 0),
    ("19-getinfo-exit-policy", 7, 0),
    ("20-getinfo-ip-to-country", 7, 0),
    ("21-getinfo-stats", 6, 0),
    ("22-getinfo-no-consensus", 37, 0),
    ("23-getinfo-downloads", 15, 0),
    ("24-getinfo-address-mappings", 6, 0),
    ("25-getinfo-relay", 9, 1),
    ("30-getinfo-entry-guards", 2, 0),
    ("31-getinfo-ns-microdesc-flavour", 8, 0),
    ("32-getinfo-md", 6, 0),
    ("33-getinfo-consensus-sr-versions", 13, 0),
    ("34-getinfo-consensus-document-microdesc", 1, 0),
    ("35-getinfo-desc-extrainfo", 8, 0),
    ("36-getinfo-ns-full-flavour", 4, 0),
    ("37-getinfo-downloads-desc", 2, 0),
    ("38-getinfo-consensus-document-ns", 1, 0),
    ("40-getconf", 22, 0),
    ("41-getconf-every-option", 1, 0),
    ("42-setconf-resetconf-conf_changed", 28, 18),
    ("43-loadconf-saveconf", 13, 2),
    ("50-add_onion-del_onion", 17, 0),
    ("51-add_onion-errors", 26, 0),
    ("52-onion_client_auth", 25, 0),
    ("53-hsfetch-hspost", 5, 0),
    ("54-add_onion-non-anonymous-mode", 2, 0),
    ("60-events-addrmap-stream-resolve", 16, 26),
    ("61-events-stream-controller_wait-attach-redirect-close", 15, 10),
    ("62-events-signal-buildtimeout_set", 14, 13),
    ("63-events-newdesc-postdescriptor", 4, 1),
    ("64-events-ns", 2, 3),
    ("65-events-guard", 3, 15),
    ("66-events-status-server-hibernation", 2, 3),
    ("67-events-circ-orconn-launch-failure", 7, 6),
    ("68-events-hs_desc-stream-dirfetch", 4, 9),
    ("69-events-bw", 3, 4),
    ("70-events-log-bug", 8, 17),
    ("71-events-after-pipelined-replies", 6, 2),
    ("72-setevents-usefeature", 10, 1),
    ("73-signal-shutdown", 2, 0),
    ("74-takeownership", 1, 0),
    ("75-owningcontrollerfd", 3, 0),
    ("80-launch-stdout", 0, 0),
    ("90-live-bootstrap-all-events", 2, 268),
    ("91-live-circuit-build-extend-purpose-close", 4, 19),
    ("92-live-circuit-extend-setpurpose-close", 6, 6),
    ("93-live-add_onion-publish", 1, 266),
    ("94-live-hsfetch", 1, 17),
    ("95-live-hsfetch-unknown", 2, 13),
    ("96-live-onion-connect", 0, 32),
    ("97-live-streams-resolve-bandwidth", 1, 60),
    ("98-live-newconsensus-signals", 6, 44),
    ("99-live-getinfo", 13, 0),
];

/// The test cuts this many bytes at the beginning of a transcript in two, at
/// every possible position.
const EVERY_CUT: usize = 2048;

/// Exchanges that don't have one answer for each command: the file, the
/// beginning of the commands, the number of commands, and the number of
/// answers.
const ODD_NUMBERS: &[(&str, &str, usize, usize)] = &[
    // tor answered these in another protocol.
    ("03-wire", "GET /", 2, 0),
    ("03-wire", "\0\0\0\u{1}", 1, 0),
    // This command is too long to be shown.
    ("03-wire", "", 0, 1),
    // These hazards have no answer, two answers, or end tor.
    ("05-hazards", "ADD_ONION", 2, 1),
    ("05-hazards", "+HSPOST", 2, 1),
    ("05-hazards", "ONION_CLIENT_AUTH_ADD", 1, 2),
    ("05-hazards", "SIGNAL RELOAD", 1, 0),
    ("05-hazards", "SETCIRCUITPURPOSE", 1, 0),
    ("51-add_onion-errors", "ADD_ONION", 2, 1),
    ("52-onion_client_auth", "ONION_CLIENT_AUTH_ADD", 1, 2),
    ("53-hsfetch-hspost", "+HSPOST", 2, 1),
];

fn take(decoder: &mut Decoder) -> Vec<Reply> {
    std::iter::from_fn(|| decoder.next_reply().unwrap_or_else(|e| panic!("{e}"))).collect()
}

fn decode(bytes: &[u8]) -> Vec<Reply> {
    let mut decoder = Decoder::default();
    decoder.feed(bytes);
    let replies = take(&mut decoder);
    assert!(!decoder.is_mid_reply(), "{:?} is incomplete", String::from_utf8_lossy(bytes));
    replies
}

/// Decodes the bytes, which arrive in pieces of this size.
fn decode_in_pieces(bytes: &[u8], size: usize) -> Vec<Reply> {
    let mut decoder = Decoder::default();
    let mut replies = Vec::new();
    for piece in bytes.chunks(size) {
        decoder.feed(piece);
        replies.extend(take(&mut decoder));
    }
    assert!(!decoder.is_mid_reply());
    replies
}

fn answers(exchange: &Exchange) -> Vec<Reply> {
    decode(&exchange.received).into_iter().filter(|reply| !reply.is_event()).collect()
}

/// Returns the commands of an exchange. For a command with data, returns only
/// the first line.
fn commands(exchange: &Exchange) -> Vec<&str> {
    let mut in_data = false;
    let mut commands = Vec::new();
    for line in exchange.commands() {
        match (in_data, line) {
            (true, ".") => in_data = false,
            (true, _) => {}
            (false, line) => {
                in_data = line.starts_with('+');
                commands.push(line);
            }
        }
    }
    assert!(!in_data, "{exchange:?}");
    commands
}

/// Returns every command in the transcripts: the name of the transcript, the
/// command, and its answer. Exchanges with more or fewer answers than commands
/// are left out.
fn dialogue() -> Vec<(String, String, Reply)> {
    let mut dialogue = Vec::new();
    for transcript in Transcript::load_all() {
        for exchange in &transcript.exchanges {
            let (commands, answers) = (commands(exchange), answers(exchange));
            if commands.len() == answers.len() {
                let pairs = commands.into_iter().zip(answers);
                dialogue.extend(pairs.map(|(c, a)| (transcript.name.clone(), c.to_owned(), a)));
            }
        }
    }
    dialogue
}

/// Returns every command with this keyword to which tor replied with success:
/// the name of the transcript, the command's arguments, and the answer.
fn granted(keyword: &str) -> Vec<(String, Vec<String>, Reply)> {
    let mut granted = Vec::new();
    for (file, command, reply) in dialogue() {
        let mut words = command.split([' ', '\t']).filter(|word| !word.is_empty());
        if reply.is_ok() && words.next().is_some_and(|word| word.eq_ignore_ascii_case(keyword)) {
            granted.push((file, words.map(str::to_owned).collect(), reply));
        }
    }
    granted
}

#[test]
fn every_transcript_has_the_expected_replies() {
    let found: Vec<(String, usize, usize)> = Transcript::load_all()
        .into_iter()
        .map(|transcript| {
            let (events, answers): (Vec<_>, Vec<_>) =
                decode(&transcript.received()).into_iter().partition(Reply::is_event);
            (transcript.name, answers.len(), events.len())
        })
        .collect();
    let listing = || found.iter().map(|f| format!("    {f:?},\n")).collect::<String>();
    let expected: Vec<_> = FILES.iter().map(|(name, a, e)| (name.to_string(), *a, *e)).collect();
    assert!(found == expected, "the files are:\n{}", listing());
}

#[test]
fn replies_do_not_depend_on_how_bytes_are_split() {
    for transcript in Transcript::load_all() {
        let bytes = transcript.received();
        let whole = decode(&bytes);
        for size in [1, 2, 3, 5, 64, 1000] {
            assert!(
                decode_in_pieces(&bytes, size) == whole,
                "{} in pieces of {size}",
                transcript.name
            );
        }
        // Splits the bytes in two. A decoder that has returned every reply is
        // as good as a new one.
        let beginning = whole_replies(&bytes);
        let mut decoder = Decoder::default();
        let expected = decode(beginning);
        for cut in 0..=beginning.len().min(EVERY_CUT) {
            decoder.feed(&beginning[..cut]);
            let mut replies = take(&mut decoder);
            decoder.feed(&beginning[cut..]);
            replies.extend(take(&mut decoder));
            assert!(
                replies == expected && !decoder.is_mid_reply(),
                "{} cut at {cut}",
                transcript.name
            );
        }
    }
}

/// Returns the beginning of `bytes` up to the end of a reply. It has at least
/// [`EVERY_CUT`] bytes, unless `bytes` has fewer.
fn whole_replies(bytes: &[u8]) -> &[u8] {
    let mut decoder = Decoder::default();
    let mut end = 0;
    for line in bytes.split_inclusive(|b| *b == b'\n') {
        decoder.feed(line);
        take(&mut decoder);
        end += line.len();
        if end >= EVERY_CUT && !decoder.is_mid_reply() {
            break;
        }
    }
    &bytes[..end]
}

#[test]
fn every_command_has_one_answer() {
    let mut odd = Vec::new();
    for transcript in Transcript::load_all() {
        for exchange in &transcript.exchanges {
            let (commands, answers) = (commands(exchange), answers(exchange).len());
            if commands.len() != answers {
                odd.push((transcript.name.clone(), commands.join("\n"), commands.len(), answers));
            }
        }
    }
    let as_expected = odd.len() == ODD_NUMBERS.len()
        && odd.iter().zip(ODD_NUMBERS).all(|((file, commands, sent, answers), expected)| {
            (file.as_str(), *sent, *answers) == (expected.0, expected.2, expected.3)
                && commands.starts_with(expected.1)
        });
    assert!(as_expected, "{odd:#?}");
}

#[test]
fn foreign_protocol_is_a_lasting_decode_error() {
    let mut seen = Vec::new();
    for transcript in Transcript::load_all() {
        for exchange in transcript.exchanges.iter().filter(|exchange| !exchange.foreign.is_empty())
        {
            let foreign = &exchange.foreign;
            for cut in 0..=foreign.len() {
                let mut decoder = Decoder::default();
                decoder.feed(&foreign[..cut]);
                // Bytes that end within the first line may not be known to be
                // wrong yet, but they are never a reply.
                let first = decoder.next_reply();
                assert!(
                    matches!(first, Ok(None) | Err(DecodeError::NotAReply { .. })),
                    "{first:?}"
                );
                decoder.feed(&foreign[cut..]);
                let error = decoder.next_reply().unwrap_err();
                decoder.feed(b"250 OK\r\n");
                assert_eq!(decoder.next_reply().unwrap_err(), error);
                assert!(error.to_string().len() < 400, "{error}");
            }
            seen.push((transcript.name.clone(), foreign[0]));
        }
    }
    assert_eq!(seen, [("03-wire".to_owned(), b'H'), ("03-wire".to_owned(), 0)]);
}

#[test]
fn getinfo_replies_are_parsed() {
    let (mut read, mut not_read) = (0, Vec::new());
    for (file, keys, reply) in granted("GETINFO") {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        match parse_getinfo(&reply, &keys) {
            Ok(values) => {
                assert_eq!(values.len(), keys.len(), "{file}: {keys:?}");
                read += values.len();
            }
            Err(problem) => not_read.push((file, problem)),
        }
    }
    assert!(read > 150, "{read}");
    let problems: Vec<_> =
        not_read.iter().map(|(file, problem)| (file.as_str(), problem.as_str())).collect();
    let null = "tor cannot encode its answer to \"dir/status/a=b\"";
    assert_eq!(
        problems,
        [
            // The key contains a NUL, and tor saw only the part before it.
            ("03-wire", "expected the value of \"version\\0x\", got \"version=0.4.9.11\""),
            ("04-error-replies", null),
            ("05-hazards", null),
            (
                "05-hazards",
                &null.replace(
                    "dir/status/a=b",
                    "ns/id/$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=nick"
                )
            ),
        ]
    );
}

#[test]
fn getinfo_values_are_exact_bytes() {
    let (_, _, reply) = granted("GETINFO")
        .into_iter()
        .find(|(file, keys, _)| file.starts_with("50") && keys == &["onions/detached"])
        .unwrap();
    assert_eq!(parse_getinfo(&reply, &["onions/detached"]).unwrap(), [b""]);
    let listeners =
        granted("GETINFO").into_iter().find(|(file, ..)| file.starts_with("06")).unwrap();
    let value = parse_getinfo(&listeners.2, &["net/listeners/control"]).unwrap().remove(0);
    let expected =
        r#""127.0.0.1:19472" "[::1]:19473" "unix:/run/tor/c \"s.sock" "unix:/run/tor/control""#;
    assert_eq!(String::from_utf8(value).unwrap(), expected);
}

#[test]
fn getconf_replies_are_parsed() {
    let mut values: BTreeMap<String, usize> = BTreeMap::new();
    for (file, names, reply) in granted("GETCONF") {
        let lines = parse_getconf(&reply, names.len());
        if names.is_empty() {
            assert!(lines.is_empty());
            continue;
        }
        assert!(lines.len() >= names.len() && lines.len() == reply.len(), "{file}: {names:?}");
        for line in &lines {
            assert!(
                line.name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'),
                "{file}: {line:?}"
            );
            *values.entry(line.name.clone()).or_default() += line.value.iter().count();
        }
        // If one option with one line came back, it is the option that was
        // asked for. Its case may differ, and the name may be abbreviated.
        if let ([name], [line]) = (&*names, &*lines) {
            let begins =
                line.name.get(..name.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(name));
            assert!(begins || name.ends_with("Lines"), "{file}: {name} {line:?}");
        }
    }
    assert!(values.len() > 350, "{}", values.len());
    let contact = granted("GETCONF").into_iter().find(|(_, names, _)| names == &["Conta"]).unwrap();
    let line = parse_getconf(&contact.2, 1).remove(0);
    assert_eq!((line.name.as_str(), line.value.as_deref()), ("ContactInfo", Some("op \"q\" #1 é")));
}

#[test]
fn protocolinfo_replies_are_parsed() {
    let mut methods: Vec<Vec<AuthMethod>> = Vec::new();
    for (file, _, reply) in granted("PROTOCOLINFO") {
        let info = ProtocolInfo::parse(&reply).unwrap_or_else(|| panic!("{file}: {reply}"));
        assert_eq!((info.protocol, info.tor_version.as_deref()), (1, Some("0.4.9.11")), "{file}");
        assert_eq!(info.cookie_file.is_some(), info.offers(&AuthMethod::Cookie), "{file}");
        assert!(info.cookie_file.is_none_or(|path| path.is_absolute()));
        methods.push(info.methods);
    }
    for one in [
        vec![AuthMethod::Null],
        vec![AuthMethod::Cookie, AuthMethod::SafeCookie],
        vec![AuthMethod::HashedPassword],
        vec![AuthMethod::Cookie, AuthMethod::SafeCookie, AuthMethod::HashedPassword],
    ] {
        assert!(methods.contains(&one), "{one:?}");
    }
    let odd = granted("PROTOCOLINFO").into_iter().find_map(|(_, _, reply)| {
        ProtocolInfo::parse(&reply)?.cookie_file.filter(|path| path.to_string_lossy().contains('"'))
    });
    assert_eq!(odd.unwrap().to_str(), Some("/run/tor/co \"ok'ie\\ é"));
}

#[test]
fn authchallenge_replies_are_parsed() {
    let challenges = granted("AUTHCHALLENGE");
    assert!(challenges.len() >= 6, "{}", challenges.len());
    for (file, _, reply) in challenges {
        assert!(AuthChallenge::parse(&reply).is_some(), "{file}: {reply}");
        // The hash reveals something about the cookie.
        assert!(!format!("{reply:?}").contains("SERVERHASH=5"), "{file}: {reply}");
    }
}

#[test]
fn circuit_and_stream_lines_are_parsed() {
    let (mut circuits, mut streams) = (0, 0);
    for (file, keys, reply) in granted("GETINFO") {
        let keys: Vec<&str> = keys.iter().map(String::as_str).collect();
        let Ok(values) = parse_getinfo(&reply, &keys) else { continue };
        for (key, value) in keys.into_iter().zip(values) {
            for line in value.split(|b| *b == b'\n').filter(|line| !line.is_empty()) {
                let text = String::from_utf8_lossy(line);
                if key == "circuit-status" {
                    let circuit =
                        CircuitInfo::parse(line).unwrap_or_else(|| panic!("{file}: {text}"));
                    assert!(
                        circuit.extra.is_empty() && circuit.extra_words.is_empty(),
                        "{file}: {circuit:?}"
                    );
                    assert!(
                        circuit.purpose.is_some() && circuit.created.is_some(),
                        "{file}: {circuit:?}"
                    );
                    assert!(
                        circuit.path.iter().all(|relay| relay.fingerprint().is_some()),
                        "{file}: {text}"
                    );
                    circuits += 1;
                } else if key == "stream-status" {
                    let stream =
                        StreamInfo::parse(line).unwrap_or_else(|| panic!("{file}: {text}"));
                    assert!(stream.extra.is_empty(), "{file}: {stream:?}");
                    streams += 1;
                }
            }
        }
    }
    assert!(circuits > 20 && streams > 0, "{circuits} circuits, {streams} streams");
}

#[test]
fn events_are_parsed() {
    let mut kinds: BTreeMap<EventKind, (usize, usize)> = BTreeMap::new();
    for transcript in Transcript::load_all() {
        for reply in decode(&transcript.received()).into_iter().filter(Reply::is_event) {
            let event = Event::parse(reply, SystemTime::UNIX_EPOCH);
            let (known, unknown) = kinds.entry(event.kind().clone()).or_default();
            match event.body() {
                EventBody::Unknown => *unknown += 1,
                EventBody::Circ(circuit) => {
                    assert!(circuit.extra.is_empty() && circuit.extra_words.is_empty(), "{event}");
                    *known += 1;
                }
                EventBody::Stream(stream) => {
                    assert!(stream.extra.is_empty(), "{event}");
                    *known += 1;
                }
                _ => *known += 1,
            }
            assert!(event.to_string().starts_with("650"), "{event}");
        }
    }
    // Every kind that tor 0.4.9 sends has a name here. Each kind that has a
    // parser is always parsed, and all others never are.
    let unnamed: Vec<_> = kinds.keys().filter(|kind| matches!(kind, EventKind::Other(_))).collect();
    assert_eq!(unnamed, Vec::<&EventKind>::new());
    for (kind, (known, unknown)) in &kinds {
        assert!(*known == 0 || *unknown == 0, "{kind}: {known} were read, {unknown} were not");
    }
    for kind in
        [EventKind::Circ, EventKind::CircMinor, EventKind::Stream, EventKind::Bw, EventKind::HsDesc]
    {
        assert!(kinds[&kind].0 > 0, "{kind}");
    }
    assert!(kinds.len() > 20, "{:?}", kinds.keys());
}
