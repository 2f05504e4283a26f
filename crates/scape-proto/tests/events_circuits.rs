//! Tests the parsing of CIRC and CIRC_MINOR events, and of the lines of
//! `GETINFO circuit-status`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::time::{Duration, SystemTime};

use proptest::prelude::*;
use scape_proto::event::{
    BuildFlag, CircuitInfo, CircuitMinor, CircuitMinorChange, CircuitPurpose, CircuitReason,
    CircuitStatus, EventBody, HsState,
};
use scape_proto::word::OnionAddress;
use support::event::event;

const FP: [&str; 3] = [
    "C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97",
    "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    "107AC23C9870A42AEE2DE5FCD7DA15DC40870FA8",
];
const ONION: &str = "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad";

fn circuit(line: &str) -> CircuitInfo {
    let event = event(format!("CIRC {line}"));
    let EventBody::Circ(circuit) = event.body() else { panic!("{event}") };
    assert_eq!(
        CircuitInfo::parse(line.as_bytes()).as_ref(),
        Some(circuit),
        "one parser serves both"
    );
    circuit.clone()
}

fn minor(line: &str) -> CircuitMinor {
    let event = event(format!("CIRC_MINOR {line}"));
    let EventBody::CircMinor(minor) = event.body() else { panic!("{event}") };
    minor.clone()
}

fn nicknames(circuit: &CircuitInfo) -> Vec<&str> {
    circuit.path.iter().filter_map(|relay| relay.nickname()).collect()
}

#[test]
fn circuit_fields_are_parsed() {
    let line = format!(
        "7 CLOSED ${}~relay02,${} BUILD_FLAGS=IS_INTERNAL,NEED_CAPACITY PURPOSE=HS_CLIENT_REND HS_STATE=HSCR_JOINED \
         REND_QUERY={ONION} TIME_CREATED=2026-11-21T01:54:30.603150 SOCKS_USERNAME=\"b \\\"o\\\" b\" \
         SOCKS_PASSWORD=\"\\377\\001 x\" HS_POW=v1,1500 CONFLUX_ID=0DE98FE28F386A0D11D6A7003F5D9D52 \
         CONFLUX_RTT=123456 REASON=DESTROYED REMOTE_REASON=CHANNEL_CLOSED",
        FP[0], FP[1]
    );
    let circuit = circuit(&line);
    assert_eq!(circuit.id.get(), 7);
    assert_eq!(circuit.status, CircuitStatus::Closed);
    let fingerprints: Vec<String> =
        circuit.path.iter().map(|relay| relay.fingerprint().unwrap().to_string()).collect();
    assert_eq!(fingerprints, FP[..2]);
    assert_eq!(nicknames(&circuit), ["relay02"]);
    assert_eq!(circuit.build_flags, [BuildFlag::IsInternal, BuildFlag::NeedCapacity]);
    assert_eq!(circuit.purpose, Some(CircuitPurpose::HsClientRend));
    assert_eq!(circuit.hs_state, Some(HsState::ClientRendJoined));
    assert_eq!(circuit.rend_query.as_deref(), Some(ONION));
    assert_eq!(circuit.rend_address(), ONION.parse().ok());
    let created = SystemTime::UNIX_EPOCH + Duration::from_micros(1_795_226_070_603_150);
    assert_eq!(circuit.created, Some(created));
    assert_eq!(circuit.socks_username.as_deref(), Some("b \"o\" b"));
    assert_eq!(circuit.socks_password.as_ref().unwrap().expose(), b"\xff\x01 x");
    let pow = circuit.hs_pow.as_ref().unwrap();
    assert_eq!((pow.scheme.as_str(), pow.effort), ("v1", 1500));
    assert_eq!(circuit.conflux_id.unwrap().to_string(), "0DE98FE28F386A0D11D6A7003F5D9D52");
    assert_eq!(circuit.conflux_rtt, Some(Duration::from_micros(123_456)));
    assert_eq!(circuit.reason, Some(CircuitReason::Destroyed));
    assert_eq!(circuit.remote_reason, Some(CircuitReason::ChannelClosed));
    assert!(circuit.extra.is_empty() && circuit.extra_words.is_empty());
    let shown =
        format!("7 CLOSED HS_CLIENT_REND: relay02, ${} (DESTROYED, remote CHANNEL_CLOSED)", FP[1]);
    assert_eq!(circuit.to_string(), shown);
}

#[test]
fn circuit_of_every_status_with_and_without_a_path() {
    for status in ["LAUNCHED", "EXTENDED", "GUARD_WAIT", "BUILT", "FAILED", "CLOSED", "SIMMERING"] {
        for path in [String::new(), format!(" ${}~a", FP[0]), format!(" ${}~a,${}~b", FP[0], FP[1])]
        {
            for rest in [
                "",
                " PURPOSE=GENERAL",
                " BUILD_FLAGS=NEED_CAPACITY PURPOSE=GENERAL REASON=TIMEOUT",
            ] {
                let line = format!("1 {status}{path}{rest}");
                let circuit = circuit(&line);
                assert_eq!(circuit.status.as_str(), status);
                assert_eq!(circuit.status.is_recognized(), status != "SIMMERING");
                assert_eq!(
                    circuit.path.len(),
                    path.split_terminator('$').count().saturating_sub(1),
                    "{line}"
                );
                assert_eq!(circuit.purpose.is_some(), !rest.is_empty(), "{line}");
                assert!(circuit.extra.is_empty() && circuit.extra_words.is_empty(), "{line}");
            }
        }
    }
}

#[test]
fn circuit_path_in_every_form() {
    let cases = [
        (format!("${}=relay02,${}~relay03", FP[0], FP[1]), vec!["relay02", "relay03"]),
        (format!("${},${}", FP[0], FP[1]), vec![]),
        ("moria1,tor26".to_owned(), vec!["moria1", "tor26"]),
        ("moria1".to_owned(), vec!["moria1"]),
    ];
    for (path, names) in cases {
        let circuit = circuit(&format!("1 BUILT {path} PURPOSE=GENERAL"));
        assert_eq!(circuit.path.len(), path.split(',').count(), "{path}");
        assert_eq!(nicknames(&circuit), names, "{path}");
        assert_eq!(circuit.purpose, Some(CircuitPurpose::General), "{path}");
    }
}

#[test]
fn circuit_keywords_are_recognized() {
    let all = |key: &str, known: Vec<&str>, read: fn(&CircuitInfo) -> Option<String>| {
        for keyword in known {
            let circuit = circuit(&format!("1 FAILED {key}={keyword}"));
            assert_eq!(read(&circuit).as_deref(), Some(keyword));
        }
    };
    let purposes = CircuitPurpose::KNOWN.iter().map(|p| p.as_str()).chain(["UNKNOWN_99"]).collect();
    all("PURPOSE", purposes, |c| c.purpose.as_ref().map(|p| p.to_string()));
    let states = HsState::KNOWN.iter().map(|s| s.as_str()).chain(["HSXX_NEW"]).collect();
    all("HS_STATE", states, |c| c.hs_state.as_ref().map(|s| s.to_string()));
    let reasons: Vec<&str> =
        CircuitReason::KNOWN.iter().map(|r| r.as_str()).chain(["UNKNOWN_7"]).collect();
    all("REASON", reasons.clone(), |c| c.reason.as_ref().map(|r| r.to_string()));
    all("REMOTE_REASON", reasons, |c| c.remote_reason.as_ref().map(|r| r.to_string()));
    let flags = BuildFlag::KNOWN.iter().map(|f| f.as_str()).chain(["NEED_LUCK"]).collect();
    all("BUILD_FLAGS", flags, |c| c.build_flags.first().map(|f| f.to_string()));
}

#[test]
fn circuit_keeps_unknown_and_malformed_words() {
    let circuit = circuit(
        "1 BUILT NEW_KEY=1 PURPOSE=GENERAL stray OTHER=\"a \\\"b\" TIME_CREATED=yesterday CONFLUX_ID=xyz \
         CONFLUX_RTT=-1 HS_POW=v1 REND_QUERY=not-an-address EMPTY= word",
    );
    let extra: Vec<(&str, &str)> =
        circuit.extra.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
    let expected = [
        ("NEW_KEY", "1"),
        ("OTHER", "a \"b"),
        ("TIME_CREATED", "yesterday"),
        ("CONFLUX_ID", "xyz"),
        ("CONFLUX_RTT", "-1"),
        ("HS_POW", "v1"),
        ("EMPTY", ""),
    ];
    assert_eq!(extra, expected);
    assert_eq!(circuit.extra_words, ["stray", "word"]);
    assert_eq!(circuit.rend_query.as_deref(), Some("not-an-address"));
    assert_eq!(circuit.rend_address(), None);
    assert_eq!((circuit.created, circuit.conflux_rtt), (None, None));
}

#[test]
fn circuit_line_without_id_or_status_is_refused() {
    for line in
        ["", "1", "1 ", "x BUILT", "-1 BUILT", "+1 BUILT", "4294967296 BUILT", " BUILT", "1  BUILT"]
    {
        assert_eq!(CircuitInfo::parse(line.as_bytes()), None, "{line:?}");
        let event = event(format!("CIRC {line}"));
        assert_eq!(event.body(), &EventBody::Unknown, "{line:?}");
        assert_eq!(event.kind().as_str(), "CIRC");
    }
}

#[test]
fn circuit_debug_and_display_hide_the_socks_password() {
    let line = "1 BUILT SOCKS_USERNAME=\"Basic c2VzYW1l\" SOCKS_PASSWORD=\"sesame\"";
    let event = event(format!("CIRC {line}"));
    let minor = minor(line);
    let circuit = circuit(line);
    for shown in [
        format!("{event:?} {event} {:?}", event.body()),
        format!("{circuit:?} {circuit}"),
        format!("{minor:?}"),
        format!("{:?} {}", event.reply(), event.reply()),
    ] {
        assert!(!shown.contains("sesame") && !shown.contains("c2VzYW1l"), "{shown}");
    }
    assert!(event.text().contains("SOCKS_PASSWORD=\"sesame\""));
}

#[test]
fn circ_minor_purpose_change_is_parsed() {
    let minor = minor(&format!(
        "7 PURPOSE_CHANGED ${}~relay02 PURPOSE=HS_CLIENT_REND HS_STATE=HSCR_JOINED REND_QUERY={ONION} \
         TIME_CREATED=2026-11-21T01:54:30.603150 OLD_PURPOSE=HS_CLIENT_REND \
         OLD_HS_STATE=HSCR_ESTABLISHED_WAITING NEW=1",
        FP[0]
    ));
    assert_eq!(minor.change, CircuitMinorChange::PurposeChanged);
    assert_eq!((minor.id.get(), minor.path.len()), (7, 1));
    assert_eq!(minor.purpose, Some(CircuitPurpose::HsClientRend));
    assert_eq!(minor.hs_state, Some(HsState::ClientRendJoined));
    assert_eq!(
        minor.rend_query.as_deref().and_then(|q| q.parse::<OnionAddress>().ok()),
        ONION.parse().ok()
    );
    assert!(minor.created.is_some());
    assert_eq!(minor.old_purpose, Some(CircuitPurpose::HsClientRend));
    assert_eq!(minor.old_hs_state, Some(HsState::ClientRendEstablishedWaiting));
    assert_eq!(minor.old_created, None);
    assert_eq!(minor.extra, [("NEW".to_owned(), "1".to_owned())]);
}

#[test]
fn circ_minor_cannibalized_is_parsed() {
    let minor = minor(&format!(
        "14 CANNIBALIZED ${}~a,${}~b BUILD_FLAGS=IS_INTERNAL PURPOSE=HS_SERVICE_HSDIR HS_STATE=HSSI_CONNECTING \
         TIME_CREATED=2026-11-21T03:16:28.833296 CONFLUX_RTT=5 OLD_PURPOSE=HS_VANGUARDS \
         OLD_TIME_CREATED=2026-11-21T03:16:28.833585",
        FP[0], FP[1]
    ));
    assert_eq!(minor.change, CircuitMinorChange::Cannibalized);
    assert_eq!(minor.build_flags, [BuildFlag::IsInternal]);
    assert_eq!(minor.old_purpose, Some(CircuitPurpose::HsVanguards));
    let earlier = minor.old_created.unwrap().duration_since(minor.created.unwrap()).unwrap();
    assert_eq!(earlier, Duration::from_micros(289));
    assert_eq!(minor.conflux_rtt, Some(Duration::from_micros(5)));
}

#[test]
fn circ_minor_of_an_unknown_change_is_kept() {
    let minor = minor("3 PAINTED PURPOSE=GENERAL REASON=NONE OLD_TIME_CREATED=never");
    assert_eq!(minor.change.as_str(), "PAINTED");
    assert!(!minor.change.is_recognized());
    assert_eq!(minor.extra.len(), 2);
}

/// The values in a circuit line. A test formats them as a line, which the
/// library must parse to the same values.
#[derive(Debug, Clone)]
struct Line {
    id: u32,
    status: usize,
    path: Vec<([u8; 20], Option<String>)>,
    flags: Vec<usize>,
    purpose: Option<usize>,
    created: Option<u64>,
    socks: Option<(String, Vec<u8>)>,
    pow: Option<u32>,
    conflux: Option<([u8; 16], u64)>,
    reasons: Option<(usize, Option<usize>)>,
    extra: Vec<(String, String)>,
}

fn lines() -> impl Strategy<Value = Line> {
    let nickname = proptest::option::of("[a-zA-Z0-9]{1,19}");
    let head = (
        any::<u32>(),
        0..CircuitStatus::KNOWN.len(),
        proptest::collection::vec((any::<[u8; 20]>(), nickname), 0..5),
        proptest::collection::vec(0..BuildFlag::KNOWN.len(), 0..4),
        proptest::option::of(0..CircuitPurpose::KNOWN.len()),
        // These are microseconds up to the year 2100.
        proptest::option::of(0..4_102_444_800_000_000_u64),
    );
    let reason = 0..CircuitReason::KNOWN.len();
    let tail = (
        proptest::option::of((".{0,12}", proptest::collection::vec(any::<u8>(), 0..12))),
        proptest::option::of(any::<u32>()),
        proptest::option::of((any::<[u8; 16]>(), 0..=u64::from(u32::MAX))),
        proptest::option::of((reason.clone(), proptest::option::of(reason))),
        proptest::collection::vec(("X_[A-Z0-9_]{1,8}", "[ -~é]{0,12}"), 0..3),
    );
    (head, tail).prop_map(
        |((id, status, path, flags, purpose, created), (socks, pow, conflux, reasons, extra))| {
            Line { id, status, path, flags, purpose, created, socks, pow, conflux, reasons, extra }
        },
    )
}

/// Quotes bytes and escapes special ones, in the same way as tor.
fn quoted(bytes: &[u8]) -> String {
    let mut text = String::from("\"");
    for byte in bytes {
        match byte {
            b'"' | b'\\' | b'\'' => text.extend(['\\', char::from(*byte)]),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x20..=0x7e => text.push(char::from(*byte)),
            _ => text.push_str(&format!("\\{byte:03o}")),
        }
    }
    text.push('"');
    text
}

impl Line {
    fn wire(&self) -> String {
        let mut words = vec![self.id.to_string(), CircuitStatus::KNOWN[self.status].to_string()];
        if !self.path.is_empty() {
            let hops = self.path.iter().map(|(fingerprint, nickname)| match nickname {
                Some(nickname) => format!("${}~{nickname}", hex::encode_upper(fingerprint)),
                None => format!("${}", hex::encode_upper(fingerprint)),
            });
            words.push(hops.collect::<Vec<_>>().join(","));
        }
        if !self.flags.is_empty() {
            let flags: Vec<&str> =
                self.flags.iter().map(|flag| BuildFlag::KNOWN[*flag].as_str()).collect();
            words.push(format!("BUILD_FLAGS={}", flags.join(",")));
        }
        words.extend(
            self.purpose.map(|purpose| format!("PURPOSE={}", CircuitPurpose::KNOWN[purpose])),
        );
        words.extend(self.created.map(|micros| {
            let time = humantime::format_rfc3339_micros(
                SystemTime::UNIX_EPOCH + Duration::from_micros(micros),
            );
            format!("TIME_CREATED={}", time.to_string().trim_end_matches('Z'))
        }));
        if let Some((username, password)) = &self.socks {
            words.push(format!("SOCKS_USERNAME={}", quoted(username.as_bytes())));
            words.push(format!("SOCKS_PASSWORD={}", quoted(password)));
        }
        words.extend(self.pow.map(|effort| format!("HS_POW=v1,{effort}")));
        if let Some((id, rtt)) = &self.conflux {
            words.push(format!("CONFLUX_ID={}", hex::encode_upper(id)));
            words.push(format!("CONFLUX_RTT={rtt}"));
        }
        if let Some((reason, remote)) = self.reasons {
            words.push(format!("REASON={}", CircuitReason::KNOWN[reason]));
            words.extend(
                remote.map(|remote| format!("REMOTE_REASON={}", CircuitReason::KNOWN[remote])),
            );
        }
        words.extend(
            self.extra.iter().map(|(key, value)| format!("{key}={}", quoted(value.as_bytes()))),
        );
        words.join(" ")
    }
}

proptest! {
    #[test]
    fn generated_circuit_lines_are_parsed_back(line in lines()) {
        let circuit = circuit(&line.wire());
        prop_assert_eq!(circuit.id.get(), line.id);
        prop_assert_eq!(&circuit.status, &CircuitStatus::KNOWN[line.status]);
        let path: Vec<([u8; 20], Option<String>)> = circuit
            .path
            .iter()
            .map(|relay| {
                (*relay.fingerprint().unwrap().as_bytes(), relay.nickname().map(str::to_owned))
            })
            .collect();
        prop_assert_eq!(path, line.path);
        let flags: Vec<BuildFlag> =
            line.flags.iter().map(|flag| BuildFlag::KNOWN[*flag].clone()).collect();
        prop_assert_eq!(circuit.build_flags, flags);
        let purpose = line.purpose.map(|purpose| &CircuitPurpose::KNOWN[purpose]);
        prop_assert_eq!(circuit.purpose.as_ref(), purpose);
        let created =
            line.created.map(|micros| SystemTime::UNIX_EPOCH + Duration::from_micros(micros));
        prop_assert_eq!(circuit.created, created);
        let socks = circuit
            .socks_username
            .map(|name| name.as_str().to_owned())
            .zip(circuit.socks_password.map(|password| password.expose().to_vec()));
        prop_assert_eq!(socks, line.socks);
        prop_assert_eq!(circuit.hs_pow.map(|pow| (pow.scheme, pow.effort)), line.pow.map(|n| ("v1".into(), n)));
        let conflux_id = line.conflux.map(|(id, _)| id);
        prop_assert_eq!(circuit.conflux_id.map(|id| *id.as_bytes()), conflux_id);
        let rtt = line.conflux.map(|(_, rtt)| Duration::from_micros(rtt));
        prop_assert_eq!(circuit.conflux_rtt, rtt);
        let reason = |number: usize| CircuitReason::KNOWN[number].clone();
        prop_assert_eq!(circuit.reason, line.reasons.map(|(r, _)| reason(r)));
        prop_assert_eq!(circuit.remote_reason, line.reasons.and_then(|(_, r)| r).map(reason));
        prop_assert_eq!(circuit.extra, line.extra);
        prop_assert!(circuit.extra_words.is_empty());
    }
}
