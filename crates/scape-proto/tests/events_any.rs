//! Events with arbitrary content. Checks that every asynchronous reply becomes
//! an event with the kind and the text of the reply.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::collections::BTreeMap;
use std::fmt;
use std::mem::size_of;
use std::sync::LazyLock;
use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use proptest::sample::Index;
use scape_proto::control::{
    AuthChallenge, Decoder, ProtocolInfo, Reply, ReplyLine, Signal, Word, Words, parse_getconf,
    parse_getinfo,
};
use scape_proto::event::{
    Bootstrap, CircuitInfo, ClientsSeen, Event, EventBody, EventKind, OrConnInfo, StreamInfo,
    kind_name,
};
use scape_proto::word::Expiry;
use support::cases::cases;
use support::event::{event, events};
use support::mutation::mutations;
use support::transcript::Transcript;
use support::unknown_words::unknown_words;

fn reply(wire: &[u8]) -> Reply {
    let mut decoder = Decoder::default();
    decoder.feed(wire);
    decoder.next_reply().unwrap().expect("a whole reply")
}

#[test]
fn bw_event_is_parsed() {
    for (line, read, written) in
        [("BW 0 160", 0, 160), ("BW 18446744073709551615 1", u64::MAX, 1), ("BW 5 6 7 NEW=8", 5, 6)]
    {
        let event = event(line);
        let EventBody::Bw(bandwidth) = event.body() else { panic!("{event}") };
        assert_eq!((bandwidth.read, bandwidth.written), (read, written), "{line}");
        assert_eq!(bandwidth.to_string(), format!("read {read} B, written {written} B"));
    }
    // Older tors may send more words.
    let older = event("BW 5 6 OR=7 soon");
    let EventBody::Bw(bandwidth) = older.body() else { panic!("{older}") };
    assert_eq!(bandwidth.extra, [("OR".to_owned(), "7".to_owned())]);
    assert_eq!(bandwidth.extra_words, ["soon"]);
    for line in ["BW", "BW x", "BW 1", "BW 1 x", "BW -1 5", "BW 18446744073709551616 1", "BW 1  2"]
    {
        let event = event(line);
        assert_eq!((event.kind(), event.body()), (&EventKind::Bw, &EventBody::Unknown), "{line}");
        assert_eq!(event.text(), line);
    }
}

/// Parses events with letters in IDs. control-spec allows them, but tor only
/// writes numbers, and the library doesn't support letters.
#[test]
fn identifiers_with_letters_make_events_unknown() {
    for (line, kind) in [
        ("CIRC A1b2 BUILT", EventKind::Circ),
        ("CIRC_MINOR x PURPOSE_CHANGED", EventKind::CircMinor),
        ("STREAM 9z NEW 0 192.0.2.1:80", EventKind::Stream),
        ("STREAM 9 NEW c 192.0.2.1:80", EventKind::Stream),
        ("ORCONN 192.0.2.1:9001 LAUNCHED ID=k", EventKind::OrConn),
        ("STREAM_BW s 1 2", EventKind::StreamBw),
    ] {
        let event = event(line);
        assert_eq!(event.kind(), &kind, "{line}");
        assert_eq!(event.text(), line);
        match event.body() {
            EventBody::Unknown => {}
            // An unneeded identifier that is malformed is left out of the body.
            EventBody::OrConn(_) => assert_eq!(kind, EventKind::OrConn),
            body => panic!("{line}: {body:?}"),
        }
    }
}

#[test]
fn signal_events_are_parsed() {
    for name in [
        "RELOAD",
        "DUMP",
        "DEBUG",
        "NEWNYM",
        "CLEARDNSCACHE",
        "HEARTBEAT",
        "ACTIVE",
        "DORMANT",
        "NEVER",
    ] {
        let event = event(format!("SIGNAL {name}"));
        assert_eq!(event.body(), &EventBody::Signal(Signal::from(name)));
    }
    assert_eq!(event("SIGNAL").body(), &EventBody::Unknown);
}

#[test]
fn event_of_an_unknown_kind_is_kept() {
    let event = event("FUTURE_THING a=b \"c\"");
    assert_eq!(event.kind(), &EventKind::from("FUTURE_THING"));
    assert!(!event.kind().is_recognized());
    assert_eq!(event.body(), &EventBody::Unknown);
    assert_eq!(event.text(), "FUTURE_THING a=b \"c\"");
    assert_eq!(format!("{event:?}"), "Event(\"650 FUTURE_THING a=b \\\"c\\\"\")");
}

#[test]
fn event_kind_is_known_before_parsing() {
    for (wire, kind) in [
        (&b"650 CIRC 1 BUILT\r\n"[..], &b"CIRC"[..]),
        (b"650 DESCCHANGED\r\n", b"DESCCHANGED"),
        (b"650-CONF_CHANGED\r\n650-Nickname=x\r\n650 OK\r\n", b"CONF_CHANGED"),
        (b"650+NS\r\nr x\r\n.\r\n650 OK\r\n", b"NS"),
        (b"650+HS_DESC_CONTENT a b c\r\n\r\n.\r\n650 OK\r\n", b"HS_DESC_CONTENT"),
        (b"650 \r\n", b""),
    ] {
        let reply = reply(wire);
        assert_eq!(kind_name(&reply), kind);
        let event = Event::parse(reply, SystemTime::UNIX_EPOCH);
        assert_eq!(event.kind().as_str().as_bytes(), kind);
    }
}

#[test]
fn event_has_its_arrival_time_and_text() {
    let arrived = SystemTime::UNIX_EPOCH + Duration::from_secs(7);
    let wire = b"650+NS\r\nr one\r\n..two\r\n.\r\n650 OK\r\n";
    let event = Event::parse(reply(wire), arrived);
    assert_eq!(event.arrived(), arrived);
    assert_eq!(event.text(), "NS\nr one\n.two\nOK");
    assert_eq!(event.reply().len(), 2);
    let conf = Event::parse(
        reply(b"650-CONF_CHANGED\r\n650-HashedControlPassword=16:AB\r\n650 OK\r\n"),
        arrived,
    );
    assert_eq!(conf.text(), "CONF_CHANGED\nHashedControlPassword=16:AB\nOK");
    assert!(!format!("{conf:?} {conf}").contains("16:AB"));
}

/// Generates event kinds. Most are known, so that the parser of the kind runs,
/// too.
fn kinds() -> impl Strategy<Value = String> {
    let known = proptest::sample::select(EventKind::KNOWN).prop_map(|kind| kind.to_string());
    prop_oneof![7 => known, 1 => "[!-~]{0,10}"]
}

const KEYS: &[&str] = &[
    "REASON=",
    "REMOTE_REASON=",
    "PURPOSE=",
    "TIME_CREATED=",
    "SOCKS_PASSWORD=",
    "SOCKS_USERNAME=",
    "CONFLUX_ID=",
    "CONFLUX_RTT=",
    "HS_POW=",
    "BUILD_FLAGS=",
    "ISO_FIELDS=",
    "SOURCE_ADDR=",
    "SUMMARY=",
    "PROGRESS=",
    "OLD_TIME_CREATED=",
    "NCIRCS=",
    "ID=",
    "READ=",
    "WRITTEN=",
    "TIME=",
    "SS=",
    "CWND=",
    "RTT=",
    "MIN_RTT=",
    "TYPE=",
    "OutboundQueue=",
    "OutboundConn=",
    "OutboundRemoved=",
    "OutboundTime=",
    "InboundQueue=",
    "InboundConn=",
    "ALPHA=",
    "XM=",
    "TIMEOUT_MS=",
    "EXPIRES=",
    "CACHED=",
    "STREAMID=",
    "error=",
    "TimeStarted=",
    "CountrySummary=",
    "SKEW=",
    "SOURCE=",
    "ORADDRESS=",
    "DIRAUTH=",
    "PT=",
    "LAST=",
    "X=",
];

const WORDS: &[&str] = &[
    "0",
    "7",
    "65535",
    "4294967296",
    "18446744073709551616",
    "-1",
    "nan",
    "BUILT",
    "NEW",
    "NOTICE",
    "WARN",
    "BOOTSTRAP",
    "CLOCK_SKEW",
    "EXTERNAL_ADDRESS",
    "ENTRY",
    "UP",
    "NEVER",
    "<error>",
    "internal",
    "client",
    "GLOBAL",
    "COMPUTED",
    "YES",
    "relay:1,create:2",
    "us=1,de=2",
    "127.0.0.1:80",
    "::1:80",
    "$9695DFC35FFEB861329B9F1AB04C46397020CE31~a",
    "2026-11-21T01:54:30.603150",
    "\"2026-11-21 01:54:30\"",
    "OK",
];

/// Generates almost valid text to follow an event's name.
fn words() -> impl Strategy<Value = Vec<u8>> {
    let bytes = any::<u8>().prop_map(|b| if matches!(b, b'\r' | b'\n') { b'?' } else { b });
    let piece = prop_oneof![
        proptest::sample::select(KEYS).prop_map(|key| key.as_bytes().to_vec()),
        proptest::sample::select(WORDS).prop_map(|word| word.as_bytes().to_vec()),
        proptest::collection::vec(proptest::sample::select(&b" \"\\:,.$="[..]), 1..4),
        proptest::collection::vec(bytes, 0..6),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

/// Checks the size of `Event`. Rare, large parts of an event are boxed, so that
/// all other events stay small.
#[test]
fn event_type_stays_small() {
    assert!(size_of::<EventBody>() <= 384, "{}", size_of::<EventBody>());
    assert!(size_of::<Event>() <= 520, "{}", size_of::<Event>());
}

/// Checks that the body of every event is displayed in one line, even if the
/// event is malformed.
#[test]
fn event_body_is_displayed_in_one_line() {
    let odd = event(&b"CIRC 1 \"BU\\nILT\" $AB~\x1b[31mred PURPOSE=\"A\\tB\""[..]);
    assert_eq!(odd.body().to_string(), "1 BU\\nILT A\\tB: $AB~\\u{1b}[31mred");
    let EventBody::Circ(circuit) = odd.body() else { panic!("{odd}") };
    assert_eq!(circuit.to_string(), odd.body().to_string());
    for (line, shown) in [
        ("STREAM 4 \"N\\nEW\" 7 a:80 PURPOSE=\"U\\rS\"", "4 N\\nEW U\\rS a:80 on circuit 7"),
        ("ORCONN a:1 \"F\\nO\" REASON=\"B\\nA\"", "a:1 F\\nO (B\\nA)"),
        ("CIRC_MINOR 7 \"A\\nB\" PURPOSE=\"C\\nD\"", "7 A\\nB C\\nD"),
        ("GUARD ENTRY relay01 \"U\\nP\"", "relay01 U\\nP"),
        ("NETWORK_LIVENESS \"U\\nP\"", "network U\\nP"),
    ] {
        let event = event(line);
        let own = match event.body() {
            EventBody::Stream(event) => event.to_string(),
            EventBody::OrConn(event) => event.to_string(),
            EventBody::CircMinor(event) => event.to_string(),
            EventBody::Guard(event) => event.to_string(),
            EventBody::NetworkLiveness(event) => event.to_string(),
            body => panic!("{body:?}"),
        };
        assert_eq!((own.as_str(), event.body().to_string().as_str()), (shown, shown), "{line}");
    }
    assert_eq!(event("NONSENSE").body().to_string(), "unknown");
    let minor =
        event("CIRC_MINOR 7 PURPOSE_CHANGED $AB~c,d PURPOSE=HS_CLIENT_REND OLD_PURPOSE=GENERAL");
    assert_eq!(
        minor.body().to_string(),
        "7 PURPOSE_CHANGED HS_CLIENT_REND (was GENERAL): $AB~c, d"
    );
    assert_eq!(event("SIGNAL NEWNYM").body().to_string(), "NEWNYM");
    assert_eq!(event("WARN a b").body().to_string(), "WARN: a b");
}

/// Returns every reply in all transcripts: events and answers.
fn replies() -> Vec<Reply> {
    let mut replies = Vec::new();
    for exchange in Transcript::load_all().into_iter().flat_map(|transcript| transcript.exchanges) {
        let mut decoder = Decoder::default();
        decoder.feed(&exchange.received);
        while let Ok(Some(reply)) = decoder.next_reply() {
            replies.push(reply);
        }
    }
    replies
}

/// A line of a reply: the text, and the data block if there is one.
#[derive(Clone)]
struct Line {
    text: Vec<u8>,
    data: Option<Vec<u8>>,
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.text.escape_ascii())?;
        self.data.iter().try_for_each(|data| write!(f, " + {}", data.escape_ascii()))
    }
}

fn lines(reply: &Reply) -> Vec<Line> {
    let line = |line: ReplyLine<'_>| Line {
        text: line.text.to_vec(),
        data: line.data.map(<[u8]>::to_vec),
    };
    reply.lines().map(line).collect()
}

/// Encodes a reply as bytes, in the same way as tor.
fn wire(code: &str, lines: &[Line]) -> Vec<u8> {
    let mut wire = Vec::new();
    for (i, Line { text, data }) in lines.iter().enumerate() {
        let separator = match data {
            Some(_) => b"+",
            None if i + 1 == lines.len() => b" ",
            None => b"-",
        };
        wire.extend([code.as_bytes(), separator, text, b"\r\n"].concat());
        for line in data.iter().flat_map(|data| data.split_inclusive(|byte| *byte == b'\n')) {
            let dot: &[u8] = if line.starts_with(b".") { b"." } else { b"" };
            wire.extend([dot, line.strip_suffix(b"\n").unwrap_or(line), b"\r\n"].concat());
        }
        if data.is_some() {
            wire.extend(b".\r\n");
        }
    }
    wire
}

/// Events of the kinds that no transcript contains, in the form that
/// control-spec describes.
const OTHERS: [&str; 9] = [
    "650 DESCCHANGED\r\n",
    "650 CLIENTS_SEEN TimeStarted=\"2026-11-21 01:51:21\" CountrySummary=us=16,de=8 IPVersions=v4=16,v6=40\r\n",
    "650 TRANSPORT_LAUNCHED server obfs4 ::1 3000\r\n",
    "650 PT_LOG PT=/usr/bin/obs4proxy SEVERITY=debug MESSAGE=\"Connected to bridge A\"\r\n",
    "650 PT_STATUS PT=/usr/bin/obs4proxy TRANSPORT=obfs4 CONNECT=Success\r\n",
    "650 TB_EMPTY ORCONN ID=16 READ=93 WRITTEN=0 LAST=100\r\n",
    "650+AUTHDIR_NEWDESCS\r\nACCEPTED\r\nFine.\r\nrouter x\r\n.\r\n650 OK\r\n",
    "650 ERR no more\r\n",
    "650 CELL_STATS InboundQueue=1 InboundConn=15 InboundAdded=relay:7 InboundRemoved=relay:6 InboundTime=relay:8\r\n",
];

/// The events of all transcripts and of [`OTHERS`], grouped by kind. The groups
/// make a random choice return rare kinds as often as frequent ones.
static EVENTS: LazyLock<Vec<Vec<Vec<Line>>>> = LazyLock::new(|| {
    let mut by_kind: BTreeMap<Vec<u8>, Vec<Vec<Line>>> = BTreeMap::new();
    let others = OTHERS.iter().map(|wire| reply(wire.as_bytes()));
    for reply in replies().into_iter().filter(Reply::is_event).chain(others) {
        by_kind.entry(kind_name(&reply).to_vec()).or_default().push(lines(&reply));
    }
    by_kind.into_values().collect()
});

/// The answers in the transcripts that are shorter than 2000 bytes, each after
/// the code of its first line.
static ANSWERS: LazyLock<Vec<(String, Vec<Line>)>> = LazyLock::new(|| {
    let answers = replies().into_iter().filter(|reply| !reply.is_event() && reply.size() < 2000);
    answers.map(|reply| (reply.first().code.to_string(), lines(&reply))).collect()
});

fn real_event() -> impl Strategy<Value = Vec<Line>> {
    (any::<Index>(), any::<Index>()).prop_map(|(kind, number)| {
        let kind: &Vec<Vec<Line>> = kind.get(EVENTS.as_slice());
        number.get(kind.as_slice()).clone()
    })
}

/// Calls every method of an event, to check that none panics.
fn use_it(event: &Event) {
    let shown = event.body().to_string();
    assert!(!shown.contains(char::is_control), "{shown:?}");
    let _ = (event.to_string(), format!("{event:?} {:?}", event.body()), event.text());
    match event.body() {
        EventBody::Circ(circuit) => {
            let _ = circuit.rend_address();
        }
        EventBody::Stream(stream) => {
            let _ = (stream.source_socket_addr(), stream.target.port());
        }
        EventBody::OrConn(connection) => {
            let _ = connection.target.socket_addr();
        }
        EventBody::StatusGeneral(e) | EventBody::StatusClient(e) | EventBody::StatusServer(e) => {
            let _ = format!("{:?}", e.detail());
            let bootstrap = e.bootstrap().map(|b| b.to_string()).unwrap_or_default();
            assert!(!bootstrap.contains(char::is_control), "{bootstrap:?}");
        }
        EventBody::TransportLaunched(transport) => {
            let _ = transport.socket_addr();
        }
        EventBody::Ns(e) | EventBody::NewConsensus(e) => {
            let _ = e.count();
        }
        EventBody::CellStats(e) => {
            let _ = e.outbound.as_ref().map(|queue| queue.total_removed());
        }
        EventBody::BuildTimeoutSet(e) => assert_eq!(e, &e.clone()),
        _ => {}
    }
}

/// Returns the line with the words `new` inserted at the place `at` among its
/// `KEY=value` words.
fn with_words(line: &[u8], at: Index, new: &[&str]) -> Vec<u8> {
    let mut cut = Words::new(line);
    let mut words: Vec<&[u8]> = Vec::new();
    while !cut.rest().is_empty() {
        words.push(cut.next_value().raw());
    }
    let bare = |word: &&[u8]| matches!(Words::new(word).next(), None | Some(Word::Bare(_)));
    let first = words.iter().rposition(bare).map_or(0, |last| last + 1);
    let at = first + at.index(words.len() - first + 1);
    words.splice(at..at, new.iter().map(|word| word.as_bytes()));
    words.join(&b' ')
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(cases(500)))]

    #[test]
    fn arbitrary_words_make_an_event(
        kind in kinds(),
        rest in words(),
        more in proptest::collection::vec(words(), 0..3),
    ) {
        let first = [kind.as_bytes(), b" ", &rest].concat();
        let mut wire = Vec::new();
        for line in [&first].into_iter().chain(&more) {
            wire.extend([b"650-", line.as_slice(), b"\r\n"].concat());
        }
        wire.extend(b"650 OK\r\n");
        let mut all = events(&wire);
        prop_assert_eq!(all.len(), 1);
        let event = all.remove(0);
        prop_assert_eq!(event.kind().as_str(), &kind);
        prop_assert_eq!(kind_name(event.reply()), kind.as_bytes());
        let lines: Vec<Vec<u8>> = event.reply().lines().map(|line| line.text.to_vec()).collect();
        prop_assert_eq!(&lines[0], &first);
        prop_assert_eq!(event.text(), String::from_utf8_lossy(&lines.join(&b'\n')).into_owned());
        use_it(&event);
    }

    #[test]
    fn mutated_event_keeps_its_kind_and_the_replies_stay_in_step(
        mut lines in real_event(),
        number in any::<Index>(),
        changes in mutations(),
        cut in any::<Index>(),
    ) {
        let kind = lines[0].text.split(|byte| *byte == b' ').next().expect("a first word").to_vec();
        let number = number.index(lines.len());
        let keep = if number == 0 { kind.len() } else { 0 };
        let mut rest = lines[number].text.split_off(keep);
        changes.iter().for_each(|change| change.apply(&mut rest));
        rest.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n')).for_each(|byte| *byte = b'?');
        if number == 0 && rest.first().is_some_and(|byte| *byte != b' ') {
            rest.insert(0, b' ');
        }
        lines[number].text.append(&mut rest);
        let mut all = wire("650", &lines);
        all.extend(b"250-version=0.4.9.11\r\n250 OK\r\n");

        let mut decoder = Decoder::default();
        let (one, other) = all.split_at(cut.index(all.len()));
        decoder.feed(one);
        let mut replies = Vec::new();
        while let Some(reply) = decoder.next_reply().unwrap() {
            replies.push(reply);
        }
        decoder.feed(other);
        while let Some(reply) = decoder.next_reply().unwrap() {
            replies.push(reply);
        }
        prop_assert_eq!(replies.len(), 2);
        prop_assert_eq!(parse_getinfo(&replies[1], &["version"]), Ok(vec![b"0.4.9.11".to_vec()]));
        prop_assert_eq!(kind_name(&replies[0]), &kind);
        let event = Event::parse(replies.remove(0), SystemTime::UNIX_EPOCH);
        prop_assert_eq!(event.kind().as_str().as_bytes(), &kind);
        prop_assert!(event.kind().is_recognized());
        if changes.is_empty() {
            prop_assert_ne!(event.body(), &EventBody::Unknown);
        }
        use_it(&event);
    }

    #[test]
    fn events_keep_unknown_words(mut lines in real_event(), at in any::<Index>(), value in "[a-zA-Z0-9.:/]{0,6}") {
        let before = wire("650", &lines);
        let before = events(&before).remove(0);
        let pair = format!("ZEBRA={value}");
        // A pair comes first, because a word without a key could be an optional
        // word of the event.
        let words = [&pair, "zebra", "YAK=\"a \\\"b\\\"\"", "yak"];
        lines[0].text = with_words(&lines[0].text, at, &words);
        let event = events(&wire("650", &lines)).remove(0);
        let new = [("ZEBRA", value.as_str()), ("YAK", "a \"b\"")].map(|(k, v)| (k.to_owned(), v.to_owned()));
        match (unknown_words(before.body()), unknown_words(event.body())) {
            (Some((old, old_words)), Some((all, all_words))) => {
                let ours: Vec<_> = all.iter().filter(|pair| !old.contains(pair)).cloned().collect();
                prop_assert_eq!(&ours[..], &new, "{}", event);
                prop_assert_eq!(all.len(), old.len() + 2);
                prop_assert_eq!(all_words, [old_words, &["zebra".into(), "yak".into()]].concat(), "{}", event);
            }
            _ => match event.body() {
                EventBody::StatusGeneral(e)
                | EventBody::StatusClient(e)
                | EventBody::StatusServer(e) => {
                    // All following words belong to the preceding pair.
                    let with_word = format!("{value} zebra");
                    prop_assert_eq!(e.get("ZEBRA"), Some(with_word.as_str()));
                    prop_assert_eq!(e.get("YAK").map(|value| value.ends_with("yak")), Some(true));
                }
                EventBody::NewDesc(e) => {
                    prop_assert_eq!(&e.extra[..], &new);
                    prop_assert!(e.relays.iter().any(|relay| relay.nickname() == Some("zebra")));
                }
                EventBody::Log(e) => prop_assert!(e.message.contains(&format!("{pair} zebra YAK=")), "{}", event),
                // Words after the event's name have no meaning here.
                EventBody::ConfChanged(_)
                | EventBody::Signal(_)
                | EventBody::AuthDirNewDescs(_) => {
                    prop_assert_eq!(event.body(), before.body());
                }
                body => panic!("{body:?}"),
            },
        }
    }

    #[test]
    fn mutated_bytes_never_panic_the_event_parser(
        lines in real_event(),
        number in any::<Index>(),
        changes in mutations(),
        more in mutations(),
    ) {
        let mut event = wire("650", &lines);
        changes.iter().for_each(|change| change.apply(&mut event));
        let (code, answer) = number.get(ANSWERS.as_slice());
        let key = answer[0].text.split(|byte| *byte == b'=').next();
        let key = key.map(String::from_utf8_lossy).unwrap_or_default();
        let mut answer = wire(code, answer);
        more.iter().for_each(|change| change.apply(&mut answer));
        for bytes in [&event, &answer] {
            let mut decoder = Decoder::default();
            decoder.feed(bytes);
            while let Ok(Some(reply)) = decoder.next_reply() {
                let values = parse_getinfo(&reply, &[&key]);
                prop_assert!(values.is_err() || values.is_ok_and(|values| values.len() == 1));
                prop_assert_eq!(parse_getconf(&reply, 1).len(), reply.len());
                let _ = (ProtocolInfo::parse(&reply), AuthChallenge::parse(&reply));
                for line in reply.lines() {
                    let _ = (CircuitInfo::parse(line.text), StreamInfo::parse(line.text));
                    let _ = (OrConnInfo::parse(line.text), Bootstrap::parse(line.text));
                    let text = String::from_utf8_lossy(line.text);
                    let _ = (ClientsSeen::parse(line.text), Expiry::from(&*text));
                }
                use_it(&Event::parse(reply, SystemTime::UNIX_EPOCH));
            }
        }
    }
}
