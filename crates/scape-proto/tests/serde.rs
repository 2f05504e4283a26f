//! Tests the feature `serde`: the JSON of values, and deserialization.
#![cfg(feature = "serde")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use std::fmt::{Debug, Display};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use proptest::prelude::*;
use scape_proto::control::{
    AuthMethod, Command, ConfLine, Decoder, HashedPassword, KnownSecrets, ProtocolInfo, Refusal,
    RouterPurpose, Signal,
};
use scape_proto::event::{
    Bootstrap, CircuitInfo, CircuitStatus, ClockSkewSource, ConfluxId, EndReason, Event, EventBody,
    EventKind, OrConnInfo, OrConnTarget, SocksUsername, StreamInfo, StreamTarget,
};
use scape_proto::info::{
    AddressMapping, ConfigName, ConfigType, DownloadStatus, EntryGuard, InfoName, ListenerAddress,
    LocalTime, Traffic,
};
use scape_proto::netdoc::{
    AddressPattern, BridgeNetworkStatus, Consensus, ConsensusDiff, DescriptorDigest,
    DetachedSignatures, Directory, DirectoryList, ExitAction, ExitPolicy, ExitRule, KeyCertificate,
    Microdescriptor, NetworkStatusV2, PortPolicy, PortRange, Protocols, RouterFlags, RouterStatus,
    Vote,
};
use scape_proto::torrc::value::{AutoBool, DataSize};
use scape_proto::torrc::value::{RouterPattern, RouterSet};
use scape_proto::torrc::{PortAddress, PortFlag, PortLine, PortSwitch, Torrc, TorrcComparison};
use scape_proto::word::{
    CircuitId, ClientKey, ClientPublicKey, CountryCode, Expiry, Fingerprint, Host, OnionAddress,
    OnionKey, OrConnId, Progress, RelayName, Secret, StreamId, Version,
};
use serde_json::{Value, json};
use support::event::{event, events};
use support::mutation::mutations;
use support::transcript::Transcript;

const MORIA: &str = "9695DFC35FFEB861329B9F1AB04C46397020CE31";
const ONION: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

/// Event lines without `650 `, each with the JSON of the event's body. There is
/// one for each kind of event.
const EVENTS: &[(&str, &str)] = &[
    (
        "CIRC 7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1,relay02 \
         BUILD_FLAGS=NEED_CAPACITY,ODD PURPOSE=GENERAL TIME_CREATED=2026-11-21T03:16:05.815053 \
         CONFLUX_ID=000102030405060708090A0B0C0D0E0F CONFLUX_RTT=12500 HS_POW=v1,8 NEW=a extra",
        r#"{"type":"circ","id":"7","status":"BUILT","path":["$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1","relay02"],"build_flags":["NEED_CAPACITY","ODD"],"purpose":"GENERAL","hs_state":null,"rend_query":null,"created":"2026-11-21T03:16:05.815053Z","socks_username":null,"socks_password":null,"hs_pow":{"scheme":"v1","effort":8},"conflux_id":"000102030405060708090A0B0C0D0E0F","conflux_rtt":0.0125,"reason":null,"remote_reason":null,"extra":{"NEW":"a"},"extra_words":["extra"]}"#,
    ),
    (
        "CIRC_MINOR 7 PURPOSE_CHANGED PURPOSE=TESTING OLD_PURPOSE=GENERAL",
        r#"{"type":"circ_minor","change":"PURPOSE_CHANGED","id":"7","path":[],"build_flags":[],"purpose":"TESTING","hs_state":null,"rend_query":null,"created":null,"socks_username":null,"socks_password":null,"hs_pow":null,"conflux_id":null,"conflux_rtt":null,"old_purpose":"GENERAL","old_hs_state":null,"old_created":null,"extra":{},"extra_words":[]}"#,
    ),
    (
        "STREAM 4 NEW 0 [2001:db8::1]:443 SOURCE_ADDR=::1:58178 PURPOSE=USER SESSION_GROUP=-4 \
         NYM_EPOCH=2 ISO_FIELDS=CLIENTADDR,NYM_EPOCH CLIENT_PROTOCOL=SOCKS5",
        r#"{"type":"stream","id":"4","status":"NEW","circuit":null,"target":"[2001:db8::1]:443","reason":null,"remote_reason":null,"source":null,"source_addr":"::1:58178","purpose":"USER","socks_username":null,"socks_password":null,"client_protocol":"SOCKS5","nym_epoch":2,"session_group":-4,"iso_fields":["CLIENTADDR","NYM_EPOCH"],"extra":{},"extra_words":[]}"#,
    ),
    (
        "ORCONN 2001:db8::1:443 FAILED REASON=NOROUTE NCIRCS=1 ID=6",
        r#"{"type":"or_conn","target":"2001:db8::1:443","status":"FAILED","reason":"NOROUTE","circuits":1,"id":"6","extra":{},"extra_words":[]}"#,
    ),
    (
        "BW 1024 2048 OR=17 OR=18",
        r#"{"type":"bw","read":1024,"written":2048,"extra":{"OR":"17"},"extra_words":[]}"#,
    ),
    (
        "STREAM_BW 4 10 20 2026-11-21T03:16:05.120000",
        r#"{"type":"stream_bw","id":"4","written":10,"read":20,"time":"2026-11-21T03:16:05.120Z","extra":{},"extra_words":[]}"#,
    ),
    (
        "CIRC_BW ID=7 READ=1 WRITTEN=2 TIME=2026-11-21T03:16:05 SS=1 CWND=31 RTT=100 MIN_RTT=90",
        r#"{"type":"circ_bw","id":"7","read":1,"written":2,"time":"2026-11-21T03:16:05Z","delivered_read":null,"overhead_read":null,"delivered_written":null,"overhead_written":null,"congestion":{"slow_start":true,"window":31,"rtt":0.1,"min_rtt":0.09},"extra":{},"extra_words":[]}"#,
    ),
    (
        "CONN_BW ID=1 TYPE=OR READ=1 WRITTEN=2",
        r#"{"type":"conn_bw","id":"1","conn_type":"OR","read":1,"written":2,"extra":{},"extra_words":[]}"#,
    ),
    (
        "CELL_STATS ID=4 OutboundQueue=7 OutboundConn=15 OutboundAdded=relay:2,create2:1 \
         OutboundRemoved=relay:2 OutboundTime=relay:20",
        r#"{"type":"cell_stats","circuit":"4","inbound":null,"outbound":{"queue":7,"connection":"15","added":{"relay":2,"create2":1},"removed":{"relay":2},"time":{"relay":0.02}},"extra":{},"extra_words":[]}"#,
    ),
    (
        "STATUS_GENERAL WARN CLOCK_JUMPED TIME=120 IDLE=1",
        r#"{"type":"status_general","severity":"WARN","action":"CLOCK_JUMPED","arguments":{"TIME":"120","IDLE":"1"}}"#,
    ),
    (
        "STATUS_CLIENT NOTICE CIRCUIT_ESTABLISHED",
        r#"{"type":"status_client","severity":"NOTICE","action":"CIRCUIT_ESTABLISHED","arguments":{}}"#,
    ),
    (
        "STATUS_SERVER NOTICE GOOD_SERVER_DESCRIPTOR",
        r#"{"type":"status_server","severity":"NOTICE","action":"GOOD_SERVER_DESCRIPTOR","arguments":{}}"#,
    ),
    (
        "HS_DESC FAILED 2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid NO_AUTH relay4 \
         id REASON=NOT_FOUND REPLICA=1",
        r#"{"type":"hs_desc","action":"FAILED","address":"2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion","address_text":"2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid","auth":"NO_AUTH","hsdir":"relay4","descriptor_id":"id","reason":"NOT_FOUND","hsdir_index":null,"replica":1,"extra":{},"extra_words":[]}"#,
    ),
    (
        "ADDRMAP a.example 192.0.2.1 \"2026-11-20 21:13:04\" EXPIRES=\"2026-11-21 02:13:04\" \
         CACHED=\"YES\"",
        r#"{"type":"addr_map","from":"a.example","to":"192.0.2.1","expires":"2026-11-21T02:13:04Z","expires_local":"2026-11-20 21:13:04","error":null,"cached":true,"stream":null,"extra":{},"extra_words":[]}"#,
    ),
    (
        "GUARD ENTRY $9695DFC35FFEB861329B9F1AB04C46397020CE31 UP",
        r#"{"type":"guard","guard_type":"ENTRY","relay":"$9695DFC35FFEB861329B9F1AB04C46397020CE31","status":"UP","extra":{},"extra_words":[]}"#,
    ),
    ("NEWDESC relay07", r#"{"type":"new_desc","relays":["relay07"],"extra":{}}"#),
    ("DESCCHANGED", r#"{"type":"desc_changed","extra":{},"extra_words":[]}"#),
    (
        "NETWORK_LIVENESS UP",
        r#"{"type":"network_liveness","status":"UP","extra":{},"extra_words":[]}"#,
    ),
    (
        "BUILDTIMEOUT_SET COMPUTED TOTAL_TIMES=100 TIMEOUT_MS=1500 XM=900 ALPHA=2.5 CLOSE_MS=60000",
        r#"{"type":"build_timeout_set","change":"COMPUTED","total_times":100,"timeout":1.5,"xm":0.9,"alpha":2.5,"cutoff_quantile":null,"timeout_rate":null,"close":60.0,"close_rate":null,"extra":{},"extra_words":[]}"#,
    ),
    (
        "CLIENTS_SEEN TimeStarted=\"2026-11-21 01:51:21\" CountrySummary=us=16,de=8 \
         IPVersions=v4=16",
        r#"{"type":"clients_seen","started":"2026-11-21T01:51:21Z","countries":{"us":16,"de":8},"ip_versions":{"v4":16},"extra":{},"extra_words":[]}"#,
    ),
    (
        "TRANSPORT_LAUNCHED client obfs4 127.0.0.1 3000",
        r#"{"type":"transport_launched","role":"client","name":"obfs4","address":"127.0.0.1","port":3000,"extra":{},"extra_words":[]}"#,
    ),
    (
        "PT_LOG PT=/bin/pt SEVERITY=debug MESSAGE=\"hi\"",
        r#"{"type":"pt_log","program":"/bin/pt","severity":"debug","message":"hi","extra":{},"extra_words":[]}"#,
    ),
    (
        "PT_STATUS PT=/bin/pt TRANSPORT=obfs4 KEY=v",
        r#"{"type":"pt_status","program":"/bin/pt","transport":"obfs4","arguments":{"KEY":"v"},"extra_words":[]}"#,
    ),
    (
        "TB_EMPTY ORCONN ID=16 READ=8 WRITTEN=0 LAST=1000",
        r#"{"type":"tb_empty","bucket":"ORCONN","id":"16","read":0.008,"written":0.0,"last":1.0,"extra":{},"extra_words":[]}"#,
    ),
    ("NOTICE Done", r#"{"type":"log","severity":"NOTICE","message":"Done"}"#),
    ("SIGNAL NEWNYM", r#"{"type":"signal","signal":"NEWNYM"}"#),
    (
        "FUTURE a=b SOCKS_PASSWORD=\"sesame\"",
        r#"{"type":"unknown","text":"650 FUTURE a=b SOCKS_PASSWORD=[redacted]"}"#,
    ),
];

fn text<T: serde::Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap()
}

#[test]
fn event_json_of_each_kind() {
    for (line, body) in EVENTS {
        let event = event(line);
        let kind = event.kind();
        let expected =
            format!(r#"{{"kind":"{kind}","arrived":"1970-01-01T00:00:00Z","body":{body}}}"#);
        assert_eq!(text(&event), expected, "{line}");
    }
    // An unknown body alone has no text.
    assert_eq!(text(&EventBody::Unknown), r#"{"type":"unknown"}"#);
}

#[test]
fn event_json_of_events_with_several_lines() {
    let wire = b"650-CONF_CHANGED\r\n650-Nickname=relay01\r\n650-ContactInfo\r\n650 OK\r\n\
        650+NS\r\nr relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 \
        00:00:00 127.0.0.13 9003 0\r\ns Exit New\r\n.\r\n650 OK\r\n\
        650+HS_DESC_CONTENT UNKNOWN id relay4\r\nhs-descriptor 3\r\n.\r\n650 OK\r\n\
        650+AUTHDIR_NEWDESCS\r\nACCEPTED\r\nfine\r\nrouter a\r\n.\r\n650 OK\r\n";
    let bodies = [
        r#"{"type":"conf_changed","options":[{"name":"Nickname","value":"relay01"},{"name":"ContactInfo","value":null}]}"#,
        r#"{"type":"ns","routers":[{"fingerprint":"6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF","nickname":"relay03","digest":"92328E64BB2AD166F197317B199EBC712522108E","microdescriptor_digest":null,"published":"2038-01-01T00:00:00Z","or_address":"127.0.0.13:9003","dir_port":0,"ipv6":null,"other_addresses":[],"flags":["Exit"],"unknown_flags":["New"],"bandwidth":null,"is_measured":null,"measured":null,"version":null,"protocols":null,"policy":null,"ed25519":null,"vote_microdescriptors":[],"stats":{}}],"extra":{},"extra_words":[]}"#,
        r#"{"type":"hs_desc_content","address":null,"address_text":"UNKNOWN","descriptor_id":"id","hsdir":"relay4","content":"hs-descriptor 3\n","extra":{},"extra_words":[]}"#,
        r#"{"type":"auth_dir_new_descs","action":"ACCEPTED","message":"fine","descriptor":"router a\n"}"#,
    ];
    let events = events(wire);
    assert_eq!(events.len(), bodies.len());
    for (event, body) in events.iter().zip(bodies) {
        assert_eq!(text(event.body()), body);
    }
}

#[test]
fn every_recorded_event_serializes() {
    let mut types = std::collections::BTreeSet::new();
    for exchange in Transcript::load_all().into_iter().flat_map(|file| file.exchanges) {
        for event in events(&exchange.received) {
            let value = serde_json::to_value(&event).unwrap();
            assert_eq!(value["kind"], event.kind().as_str());
            assert!(value["arrived"].is_string());
            let name = value["body"]["type"].as_str().unwrap();
            assert_ne!(name, "unknown", "{event}");
            types.insert(name.to_owned());
            if let Some(id) = value["body"].get("id").filter(|id| !id.is_null()) {
                assert!(id.as_str().is_some_and(|id| id.parse::<u64>().is_ok()), "{event}");
            }
            if let EventBody::Ns(routers) | EventBody::NewConsensus(routers) = event.body() {
                let count = value["body"]["routers"].as_array().unwrap().len();
                assert_eq!(count, routers.count());
            }
        }
    }
    assert!(types.len() > 20, "{types:?}");
}

#[test]
fn status_detail_json() {
    for (line, expected) in [
        (
            "GENERAL WARN CLOCK_JUMPED TIME=-120",
            r#"{"type":"clock_jumped","seconds":-120,"idle":null}"#,
        ),
        (
            "GENERAL WARN DANGEROUS_VERSION CURRENT=0.4.9.1-alpha REASON=OBSOLETE \
             RECOMMENDED=\"0.4.9.2,0.4.9.3\"",
            r#"{"type":"dangerous_version","current":"0.4.9.1-alpha","reason":"obsolete","recommended":["0.4.9.2","0.4.9.3"]}"#,
        ),
        (
            "GENERAL WARN CLOCK_SKEW SKEW=-3600 SOURCE=OR:[::1]:9001",
            r#"{"type":"clock_skew","skew":-3600,"min_skew":null,"source":"OR:[::1]:9001"}"#,
        ),
        ("CLIENT NOTICE ENOUGH_DIR_INFO", r#"{"type":"enough_dir_info"}"#),
        (
            "SERVER NOTICE CHECKING_REACHABILITY ORADDRESS=192.0.2.1:9001",
            r#"{"type":"checking_reachability","or_address":"192.0.2.1:9001","dir_address":null}"#,
        ),
        (
            "CLIENT WARN BOOTSTRAP PROGRESS=10 TAG=conn_done SUMMARY=\"Connected\" \
             WARNING=\"No route\" REASON=NOROUTE COUNT=1 RECOMMENDATION=warn",
            r#"{"type":"bootstrap","severity":"WARN","progress":10,"tag":"conn_done","summary":"Connected","problem":{"warning":"No route","reason":"NOROUTE","count":1,"recommendation":"warn","host_id":null,"host_address":null}}"#,
        ),
        ("CLIENT NOTICE FUTURE", r#"{"type":"other"}"#),
    ] {
        let event = event(format!("STATUS_{line}"));
        let (EventBody::StatusGeneral(status)
        | EventBody::StatusClient(status)
        | EventBody::StatusServer(status)) = event.body()
        else {
            panic!("{event}")
        };
        assert_eq!(text(&status.detail()), expected, "{line}");
    }
}

#[test]
fn value_json() {
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_227_154);
    let cases: Vec<(Value, Value)> = vec![
        // Words.
        (json!(MORIA.parse::<Fingerprint>().unwrap()), json!(MORIA)),
        (json!(ONION.parse::<OnionAddress>().unwrap()), json!(ONION)),
        (json!("DE".parse::<CountryCode>().unwrap()), json!("de")),
        (json!(CircuitId::new(7)), json!("7")),
        (json!(RelayName::from("relay01")), json!("relay01")),
        (json!(Host::parse("::1").unwrap()), json!("[::1]")),
        (json!(CircuitStatus::from("SIMMERING")), json!("SIMMERING")),
        (json!(Signal::NewNym), json!("NEWNYM")),
        (json!(EndReason::EXIT_POLICY), json!("EXITPOLICY")),
        (json!(EndReason::new(200)), json!("200")),
        (json!(Expiry::Never), json!("NEVER")),
        (json!(Expiry::At(time)), json!("2026-11-21T02:12:34Z")),
        (json!(Expiry::from("tomorrow")), json!("tomorrow")),
        (
            json!(Progress::new(45, "conn", "Connecting")),
            json!({"percent": 45, "tag": "conn", "text": "Connecting", "problem": null}),
        ),
        // Configuration values.
        (json!(DataSize::new(1_572_864)), json!("1.5 MB")),
        (json!(AutoBool::On), json!("1")),
        (json!("9050 isolatedestaddr".parse::<PortLine>().unwrap()), json!("9050 isolatedestaddr")),
        (json!(PortAddress::Auto), json!("auto")),
        (json!(PortSwitch::IPv4Traffic.off()), json!("NoIPv4Traffic")),
        (json!(PortSwitch::CacheDns), json!("CacheDNS")),
        (json!("relay07, {??}".parse::<RouterSet>().unwrap()), json!("relay07,{??}")),
        (json!(RouterPattern::Country(None)), json!("{??}")),
        // Words of directory documents.
        (
            json!("reject 192.0.2.0/24:25,accept *:*".parse::<ExitPolicy>().unwrap()),
            json!("reject 192.0.2.0/24:25,accept *:*"),
        ),
        (json!(ExitAction::Accept), json!("accept")),
        (json!(AddressPattern::Private), json!("private")),
        (json!(PortRange::new(80, 90)), json!("80-90")),
        (json!("accept 80,443".parse::<PortPolicy>().unwrap()), json!("accept 80,443")),
        (json!("Link=1-5".parse::<Protocols>().unwrap()), json!("Link=1-5")),
        (json!(RouterFlags::EXIT | RouterFlags::V2DIR), json!(["Exit", "V2Dir"])),
        // Answers.
        (json!(Traffic::new(1, 2)), json!({"read": 1, "written": 2})),
        (
            json!(AddressMapping::new("a.example", "b.example", Expiry::Never)),
            json!({"from": "a.example", "to": "b.example", "expires": "NEVER"}),
        ),
        (
            json!(ConfigName::new("ORPort", ConfigType::LineList)),
            json!({"name": "ORPort", "ty": "LineList"}),
        ),
        (
            json!(InfoName::parse(b"md/id/* -- Microdescriptors").unwrap()),
            json!({"key": "md/id/", "is_prefix": true, "description": "Microdescriptors"}),
        ),
        (
            json!(EntryGuard::parse(b"relay02 down 2026-11-21 02:12:34").unwrap()),
            json!({
                "relay": "relay02", "status": "down", "since": "2026-11-21T02:12:34Z",
                "extra_words": [],
            }),
        ),
        (json!("2026-11-20 21:13:05".parse::<LocalTime>().unwrap()), json!("2026-11-20T21:13:05")),
        (
            json!("unix:/run/tor/socks".parse::<ListenerAddress>().unwrap()),
            json!("unix:/run/tor/socks"),
        ),
        (
            json!(Bootstrap::parse(b"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"")),
            json!({
                "severity": "NOTICE", "progress": 100, "tag": "done", "summary": "Done",
                "problem": null,
            }),
        ),
        (
            json!(Refusal::new("GETINFO x", vec![(552, "Unrecognized key \"x\"".into())])),
            json!({
                "command": "GETINFO x", "code": 552, "text": "Unrecognized key \"x\"", "log": [],
            }),
        ),
    ];
    for (value, expected) in cases {
        assert_eq!(value, expected);
    }
}

#[test]
fn times_have_as_many_decimals_as_they_need() {
    let at = |nanos| Expiry::At(SystemTime::UNIX_EPOCH + Duration::new(1_795_227_154, nanos));
    for (nanos, expected) in [
        (0, "2026-11-21T02:12:34Z"),
        (500_000_000, "2026-11-21T02:12:34.500Z"),
        (1_000, "2026-11-21T02:12:34.000001Z"),
        (1, "2026-11-21T02:12:34.000000001Z"),
    ] {
        assert_eq!(json!(at(nanos)), expected);
    }
    let second = Duration::from_secs(1);
    assert_eq!(json!(Expiry::At(SystemTime::UNIX_EPOCH - second)), Value::Null);
    let year_10000 = SystemTime::UNIX_EPOCH + Duration::from_secs(253_402_300_800);
    assert_eq!(json!(Expiry::At(year_10000)), Value::Null);
    assert_eq!(json!(Expiry::At(year_10000 - second)), "9999-12-31T23:59:59Z");
}

#[test]
fn protocol_info_json() {
    let wire = b"250-PROTOCOLINFO 1\r\n250-AUTH METHODS=COOKIE,NEW COOKIEFILE=\"/run/\\377\"\r\n\
        250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n";
    let mut decoder = Decoder::default();
    decoder.feed(wire);
    let reply = decoder.next_reply().unwrap().unwrap();
    let info = ProtocolInfo::parse(&reply).unwrap();
    // The path isn't UTF-8.
    assert_eq!(
        text(&info),
        r#"{"protocol":1,"methods":["COOKIE","NEW"],"cookie_file":"/run/�","tor_version":"0.4.9.11"}"#
    );
}

#[test]
fn download_status_json() {
    let value = "next-attempt-at 2026-11-21 02:22:13\nn-download-failures 1\n\
        n-download-attempts 2\nschedule DL_SCHED_GENERIC\nwant-authority DL_WANT_ANY_DIRSERVER\n\
        increment-on DL_SCHED_INCREMENT_FAILURE\nlast-delay-used 60\nnew line\n";
    assert_eq!(
        text(&DownloadStatus::parse(value).unwrap()),
        r#"{"next_attempt_at":"2026-11-21T02:22:13Z","failures":1,"attempts":2,"schedule":"DL_SCHED_GENERIC","want_authority":"DL_WANT_ANY_DIRSERVER","increment_on":"DL_SCHED_INCREMENT_FAILURE","backoff":null,"last_backoff_position":null,"last_delay_used":60.0,"extra":{"new":"line"}}"#
    );
}

const CONSENSUS: &[u8] = b"network-status-version 3 microdesc\nvote-status consensus\n\
    consensus-method 35\nvalid-after 2026-11-21 02:00:00\nvoting-delay 300 300\n\
    client-versions 0.4.9.10,0.4.9.11\nknown-flags Exit New\nparams a=1 a=2 bwweightscale=10000\n\
    shared-rand-current-value 9 AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n\
    r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    a [2001:db8::1]:9003\ns Exit Fast Running Valid\nv Tor 0.4.9.11\npr Link=1-5\n\
    w Bandwidth=3000\ndirectory-footer\nbandwidth-weights Wgg=5869\n";

#[test]
fn documents_of_authorities_json() {
    let signature = "-----BEGIN SIGNATURE-----\nAQ\nID\n-----END SIGNATURE-----\n";
    let key = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF";
    let certificate = format!(
        "dir-key-certificate-version 3\ndir-address 127.0.0.1:7001\nfingerprint {key}\n\
         dir-key-certification\n{signature}"
    );
    let parsed = KeyCertificate::parse(certificate.as_bytes()).unwrap();
    let certificate_json = format!(
        r#"{{"version":3,"dir_address":"127.0.0.1:7001","fingerprint":"{key}","published":null,"expires":null,"identity_key":null,"signing_key":null,"crosscert":null,"certification":"AQID"}}"#
    );
    assert_eq!(text(&parsed), certificate_json);

    let vote = format!(
        "network-status-version 3\nvote-status vote\nflag-thresholds guard-wfu=98.000%\n\
         bandwidth-file-headers version=1.4.0\n\
         shared-rand-commit 1 sha3-256 {key} AQID\n{certificate}\
         directory-footer\ndirectory-signature {key} {key}\n{signature}"
    );
    let json = text(&Vote::parse(vote.as_bytes()).unwrap());
    for part in [
        r#""consensus_methods":[],"published":null"#.to_owned(),
        r#""flag_thresholds":{"guard-wfu":0.98}"#.to_owned(),
        r#""bandwidth_file_headers":{"version":"1.4.0"},"bandwidth_file_digests":{}"#.to_owned(),
        format!(
            r#""shared_random_commits":[{{"version":1,"algorithm":"sha3-256","identity":"{key}","commit":"010203","reveal":null}}]"#
        ),
        format!(r#""certificate":{certificate_json}"#),
        format!(
            r#""signatures":[{{"algorithm":"sha1","identity":"{key}","signing_key":"{key}","signature":"AQID"}}]"#
        ),
    ] {
        assert!(json.contains(&part), "{part} in {json}");
    }

    let signatures = format!(
        "consensus-digest {key}\nadditional-digest microdesc sha512 AB\n\
         additional-signature microdesc sha256 {key} {key}\n{signature}"
    );
    assert_eq!(
        text(&DetachedSignatures::parse(signatures.as_bytes()).unwrap()),
        format!(
            r#"{{"consensus_digest":"{key}","valid_after":null,"fresh_until":null,"valid_until":null,"additional_digests":[{{"flavor":"microdesc","algorithm":"sha512","digest":"AB"}}],"additional_signatures":[{{"flavor":"microdesc","signature":{{"algorithm":"sha256","identity":"{key}","signing_key":"{key}","signature":"AQID"}}}}],"signatures":[]}}"#
        )
    );
    let entry = "r x avRcaIkAhLf7sGHzffpE4L4ryu8 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
        m 1,2 sha256=AAAA\nstats tk=7\n";
    let json = text(&RouterStatus::parse_all(entry.as_bytes()).next().unwrap());
    let part = r#""vote_microdescriptors":[{"methods":[1,2],"digests":{"sha256":"AAAA"}}],"stats":{"tk":7.0}"#;
    assert!(json.contains(part), "{json}");
}

#[test]
fn other_lists_of_relays_json() {
    let key = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF";
    let bridges =
        format!("published 2026-11-21 02:00:00\nflag-thresholds a=1\nfingerprint {key}\n");
    assert_eq!(
        text(&BridgeNetworkStatus::parse(bridges.as_bytes()).unwrap()),
        format!(
            r#"{{"published":"2026-11-21T02:00:00Z","flag_thresholds":{{"a":1.0}},"fingerprint":"{key}","bridges":[]}}"#
        )
    );
    let v2 = b"network-status-version 2\ndir-source a 127.0.0.1 80\ndir-options Names\n";
    assert_eq!(
        text(&NetworkStatusV2::parse(v2).unwrap()),
        r#"{"hostname":"a","address":"127.0.0.1","dir_port":80,"fingerprint":null,"contact":null,"signing_key":null,"client_versions":[],"server_versions":[],"published":null,"options":["Names"],"signing_authority":null,"signature":null,"relays":[]}"#
    );
    let (zeros, ones) = ("00".repeat(32), "11".repeat(32));
    let diff = format!("network-status-diff-version 1\nhash {zeros} {ones}\n1d\n");
    assert_eq!(
        text(&ConsensusDiff::parse(diff.as_bytes()).unwrap()),
        format!(r#"{{"base_digest":"{zeros}","result_digest":"{ones}"}}"#)
    );
    let list =
        format!("/* type=fallback */\n\"127.0.0.1:80 orport=443 id={key}\"\n/* nickname=x */\n,\n");
    assert_eq!(
        text(&DirectoryList::parse(list.as_bytes())),
        format!(
            r#"{{"headers":{{"type":"fallback"}},"authorities":[],"fallbacks":[{{"address":"127.0.0.1","dir_port":80,"or_port":443,"ipv6":null,"fingerprint":"{key}","weight":null,"nickname":"x","caches_extra_info":null}}]}}"#
        )
    );
}

#[test]
fn consensus_and_directory_json() {
    let consensus = Consensus::parse(CONSENSUS).unwrap();
    let status = consensus.relays().next().unwrap();
    let relays = text(&status);
    assert_eq!(
        text(&consensus),
        r#"{"flavor":"microdesc","method":35,"valid_after":"2026-11-21T02:00:00Z","fresh_until":null,"valid_until":null,"voting_delay":[300.0,300.0],"client_versions":["0.4.9.10","0.4.9.11"],"server_versions":[],"packages":[],"known_flags":["Exit"],"unknown_flags":["New"],"recommended_client_protocols":null,"recommended_relay_protocols":null,"required_client_protocols":null,"required_relay_protocols":null,"params":{"a":1,"bwweightscale":10000},"shared_random_current":{"reveals":9,"value":"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"},"shared_random_previous":null,"dir_sources":[],"bandwidth_weights":{"scale":10000,"weights":{"Wgg":5869}},"signatures":[],"relays":[RELAYS]}"#
            .replace("RELAYS", &relays)
    );
    let directory = Directory::parse(CONSENSUS, b"").unwrap();
    assert_eq!(
        text(&directory),
        r#"{"flavor":"microdesc","valid_after":"2026-11-21T02:00:00Z","fresh_until":null,"valid_until":null,"params":{"a":1,"bwweightscale":10000},"shared_random_current":{"reveals":9,"value":"000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F"},"shared_random_previous":null,"weights":{"scale":10000,"weights":{"Wgg":5869}},"relays":[{"fingerprint":"6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF","nickname":"relay03","digest":null,"published":"2038-01-01T00:00:00Z","or_address":"127.0.0.13:9003","dir_port":0,"ipv6":"[2001:db8::1]:9003","other_addresses":["[2001:db8::1]:9003"],"flags":["Exit","Fast","Running","Valid"],"unknown_flags":[],"bandwidth":3000,"is_measured":true,"version":"0.4.9.11","protocols":"Link=1-5","policy":null,"policy_v6":null,"family":[],"family_ids":[],"ed25519":null,"has_microdescriptor":false}],"skipped":0}"#
    );
    assert_eq!(serde_json::to_value(status).unwrap()["protocols"], "Link=1-5");
}

#[test]
fn microdescriptor_json() {
    let document = b"onion-key\nntor-onion-key AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8\n\
        family $9695DFC35FFEB861329B9F1AB04C46397020CE31 relay02\np accept 80,443\npr Link=1-5\n";
    let relay = Microdescriptor::parse_all(document).next().unwrap();
    let value = serde_json::to_value(relay).unwrap();
    assert_eq!(value["digest"], hex::encode_upper(relay.digest()));
    assert_eq!(value["family"], json!([format!("${MORIA}"), "relay02"]));
    assert_eq!(value["policy"], "accept 80,443");
    assert_eq!(value["policy_v6"], "reject 1-65535");
    assert_eq!((&value["onion_key"], &value["protocols"]), (&Value::Null, &json!("Link=1-5")));
    assert!(value["ntor_onion_key"].as_str().is_some_and(|key| key.starts_with("00010203")));
}

#[test]
fn torrc_json() {
    let lines = "# Mine\n+ORPort 9001 # sesame\n/SocksPort\nHashedCon 16:AB\n";
    let torrc = Torrc::parse(lines).unwrap();
    assert_eq!(
        text(&torrc),
        r#"[{"line":2,"magic":"append","name":"ORPort","value":"9001"},{"line":3,"magic":"clear","name":"SocksPort","value":""},{"line":4,"magic":null,"name":"HashedCon","value":"[redacted]"}]"#
    );
    let running = [ConfLine::new("ORPort", Some("443".into()))];
    assert_eq!(
        text(&TorrcComparison::new(&running).of(&Torrc::parse("ORPort 9001").unwrap())),
        r#"[{"name":"ORPort","line":1,"in_file":[{"name":"ORPort","value":"9001"}],"running":[{"name":"ORPort","value":"443"}]}]"#
    );
}

/// Serializes every kind of value that may contain the password `sesame`, a
/// hash or a key, and checks that the secret is redacted.
#[test]
fn secrets_do_not_appear_in_json() {
    let client_key = ClientKey::from_bytes([7; 32]);
    let onion_key = OnionKey::from_seed(&[7; 32]);
    let hash = HashedPassword::with_salt("sesame", [1; 8]);
    assert_eq!(json!(client_key), "[redacted]");
    assert_eq!(json!(onion_key), "[redacted]");
    assert_eq!(json!(hash), scape_proto::control::REDACTED);
    assert_eq!(json!(Secret::from("sesame")), "[redacted]");
    assert_eq!(json!(SocksUsername::from("Basic c2VzYW1l")), "[redacted]");
    assert_eq!(json!(SocksUsername::from("bob")), "bob");
    assert_eq!(json!(SocksUsername::from("Basic")), "Basic");

    let (blob, hash) = (onion_key.to_blob().to_string(), hash.to_string());
    let options = ["HashedControlPassword", "socks5proxypass", "HTTPSProxyAuthenticator"];
    let mut texts: Vec<String> = Vec::new();
    for option in options {
        let line = ConfLine::new(option, Some("sesame".into()));
        texts.push(text(&line));
        let torrc = Torrc::parse(format!("{option} sesame # sesame")).unwrap();
        texts.push(text(&torrc));
        texts.push(text(&TorrcComparison::new(&[]).of(&torrc)));
        let wire = format!("650-CONF_CHANGED\r\n650-{option}=sesame\r\n650 OK\r\n");
        texts.extend(events(wire.as_bytes()).iter().map(text));
    }
    for line in [
        "STREAM 4 NEW 0 a.example:80 SOCKS_USERNAME=\"bob\" SOCKS_PASSWORD=\"sesame\"".to_owned(),
        "STREAM 4 NEW 0 a.example:80 SOCKS_USERNAME=\"Basic c2VzYW1l\"".to_owned(),
        "CIRC 7 BUILT SOCKS_USERNAME=\"bob\" SOCKS_PASSWORD=\"sesame\"".to_owned(),
        "CIRC 7 BUILT OLD_SOCKS_PASSWORD=\"sesame\"".to_owned(),
        "CIRC_MINOR 7 CANNIBALIZED SOCKS_PASSWORD=\"sesame\"".to_owned(),
        // tor doesn't send passwords in these places so far.
        "ADDRMAP a.example 192.0.2.1 NEVER SOCKS_PASSWORD=\"sesame\"".to_owned(),
        "ADDRMAP a.example 192.0.2.1 NEVER SOCKS_USERNAME=\"Basic c2VzYW1l\"".to_owned(),
        "BW 1 2 OLD_SOCKS_PASSWORD=sesame".to_owned(),
        format!("BW 1 2 x {blob}"),
        format!("BW 1 2 KEY={blob}"),
        "STATUS_GENERAL WARN BUG PrivateKey=sesame".to_owned(),
        format!("WARN Skipping HashedControlPassword={hash}"),
        "FUTURE SOCKS_PASSWORD=\"sesame\"".to_owned(),
    ] {
        texts.push(text(&event(line)));
    }
    let password = "4 NEW 0 a.example:80 SOCKS_PASSWORD=\"sesame\"";
    texts.push(text(&StreamInfo::parse(password.as_bytes()).unwrap()));
    texts.push(text(&CircuitInfo::parse(b"7 BUILT SOCKS_PASSWORD=\"sesame\"").unwrap()));
    texts.push(text(&OrConnInfo::parse(b"relay02 NEW SOCKS_PASSWORD=\"sesame\"").unwrap()));
    for text in texts {
        assert!(text.contains("[redacted]"), "{text}");
        let base64 = blob.trim_start_matches("ED25519-V3:");
        for secret in ["sesame", "c2VzYW1l", hash.as_str(), base64] {
            assert!(!text.contains(secret), "{text}");
        }
    }
}

/// Checks that a value is serialized as the text that `Display` writes, and
/// that deserialization restores the value from this text.
fn round_trip<T>(word: T) -> Result<(), TestCaseError>
where
    T: serde::Serialize + serde::de::DeserializeOwned + Display + Debug + PartialEq,
{
    let value = serde_json::to_value(&word).unwrap();
    prop_assert_eq!(&value, &Value::String(word.to_string()));
    prop_assert_eq!(&serde_json::from_str::<T>(&value.to_string()).unwrap(), &word);
    prop_assert_eq!(serde_json::from_value::<T>(value).unwrap(), word);
    Ok(())
}

/// Checks that deserializing a text has the same result as `FromStr`: the same
/// value, or an error with the same message.
fn same_checks<T>(text: &str) -> Result<(), TestCaseError>
where
    T: serde::de::DeserializeOwned + std::str::FromStr<Err: Display> + Debug + PartialEq,
{
    let read = serde_json::from_value::<T>(json!(text));
    match text.parse::<T>() {
        Ok(word) => prop_assert_eq!(read.unwrap(), word),
        Err(error) => prop_assert_eq!(read.unwrap_err().to_string(), error.to_string()),
    }
    Ok(())
}

#[test]
fn known_keywords_round_trip() {
    for kind in EventKind::KNOWN {
        round_trip(kind.clone()).unwrap();
    }
    for switch in PortSwitch::KNOWN {
        round_trip(PortFlag::from(switch.as_str())).unwrap();
        round_trip(PortFlag::from(format!("No{switch}").as_str())).unwrap();
    }
    for policy in ["accept *4:*", "reject private:25", "accept [2001:db8::]/32:1-9"] {
        round_trip(policy.parse::<ExitRule>().unwrap()).unwrap();
        round_trip(policy.parse::<ExitPolicy>().unwrap()).unwrap();
    }
    for set in ["", "relay07,{de},{??},192.0.2.0/24:*", &format!("${MORIA},accept *:80")] {
        round_trip(set.parse::<RouterSet>().unwrap()).unwrap();
    }
    for word in [AutoBool::Off, AutoBool::On, AutoBool::Auto] {
        round_trip(word).unwrap();
    }
    for line in ["9050 IsolateDestAddr NoIPv6Traffic", "unix:\"/run/my tor/socks\" x=1", "auto"] {
        round_trip(line.parse::<PortLine>().unwrap()).unwrap();
    }
}

#[test]
fn wrong_types_are_refused() {
    assert!(serde_json::from_str::<Fingerprint>("7").is_err());
    assert!(serde_json::from_str::<EventKind>("null").is_err());
    let error = serde_json::from_str::<Host>("\"a b\"").unwrap_err().to_string();
    assert!(error.starts_with("the host name \"a b\" may not contain ' '"), "{error}");
}

proptest! {
    #[test]
    fn words_round_trip(
        bytes in any::<[u8; 20]>(),
        key in any::<[u8; 32]>(),
        number in any::<u64>(),
        country in "[a-z0-9]{2}",
        version in "[0-9]\\.[0-9]\\.[0-9]{1,2}\\.[0-9]{1,2}(-[a-z]{1,9})?( \\([a-z-]{1,9}\\))?",
        address in any::<SocketAddr>(),
        text in ".*",
    ) {
        let fingerprint = Fingerprint::from_bytes(bytes);
        round_trip(fingerprint)?;
        round_trip(RelayName::from(fingerprint))?;
        round_trip(RelayName::from(format!("${fingerprint}~moria1").as_str()))?;
        round_trip(DescriptorDigest::from_bytes(bytes))?;
        round_trip(ClientPublicKey::from_bytes(key))?;
        round_trip(OnionKey::from_seed(&key).address())?;
        round_trip(CircuitId::new(number as u32))?;
        round_trip(StreamId::new(number))?;
        round_trip(OrConnId::new(number))?;
        round_trip(country.parse::<CountryCode>().unwrap())?;
        round_trip(version.parse::<Version>().unwrap())?;
        round_trip(DataSize::new(number >> 1))?;
        round_trip(Host::Ip(address.ip()))?;
        round_trip(ListenerAddress::Ip(SocketAddr::new(address.ip(), address.port())))?;
        round_trip(ConfluxId::from_bytes(key[..16].try_into().unwrap()))?;
        // Open words take any text.
        round_trip(EventKind::from(text.as_str()))?;
        round_trip(CircuitStatus::from(text.as_str()))?;
        round_trip(AuthMethod::from(text.as_str()))?;
        round_trip(RouterPurpose::from(text.as_str()))?;
        round_trip(ConfigType::from(text.as_str()))?;
        round_trip(StreamTarget::from(text.as_str()))?;
        round_trip(OrConnTarget::from(text.as_str()))?;
        round_trip(ClockSkewSource::from(text.as_str()))?;
        round_trip(PortFlag::from(text.as_str()))?;
    }

    #[test]
    fn words_are_read_with_the_checks_of_from_str(
        text in prop_oneof![
            ".*",
            "[$]?[0-9A-F]{39,41}",
            "[0-9]{1,12}( [KMG]B)?",
            "(accept|reject) [*0-9.]{1,9}(/[0-9]{1,2})?:[0-9*]{1,6}",
            "[a-zA-Z0-9]{1,9}=[0-9-]{1,4}",
            "[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}",
        ],
    ) {
        same_checks::<Fingerprint>(&text)?;
        same_checks::<DescriptorDigest>(&text)?;
        same_checks::<OnionAddress>(&text)?;
        same_checks::<CountryCode>(&text)?;
        same_checks::<Version>(&text)?;
        same_checks::<CircuitId>(&text)?;
        same_checks::<DataSize>(&text)?;
        same_checks::<AutoBool>(&text)?;
        same_checks::<PortLine>(&text)?;
        same_checks::<RouterSet>(&text)?;
        same_checks::<ExitPolicy>(&text)?;
        same_checks::<ExitRule>(&text)?;
        same_checks::<PortPolicy>(&text)?;
        same_checks::<Protocols>(&text)?;
        same_checks::<ListenerAddress>(&text)?;
        same_checks::<LocalTime>(&text)?;
    }

    #[test]
    fn mutated_events_serialize(
        which in any::<proptest::sample::Index>(),
        mutations in mutations(),
    ) {
        let (line, _) = which.get(EVENTS);
        let mut line = line.as_bytes().to_vec();
        for mutation in &mutations {
            mutation.apply(&mut line);
        }
        let mut decoder = Decoder::default();
        decoder.feed(&[b"650 ", &*line, b"\r\n"].concat());
        if let Ok(Some(reply)) = decoder.next_reply() {
            let event = Event::parse(reply, SystemTime::UNIX_EPOCH);
            let text = serde_json::to_string(&event).unwrap();
            let value: Value = serde_json::from_str(&text).unwrap();
            prop_assert!(value["body"]["type"].is_string());
        }
    }

    #[test]
    fn unix_sockets_round_trip(path in "/[a-z /]{1,20}") {
        round_trip(ListenerAddress::Unix(PathBuf::from(path)))?;
    }

    #[test]
    fn router_statuses_serialize(text in proptest::collection::vec(any::<u8>(), 0..200)) {
        let first = b"r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 kjKOZLsq0WbxlzF7GZ68cSUiEI4 \
            2038-01-01 00:00:00 127.0.0.13 9003 0\n";
        let entry = [first, &*text].concat();
        for status in RouterStatus::parse_all(&entry) {
            serde_json::to_string(&status).unwrap();
        }
    }
}

#[test]
fn event_json_hides_what_display_hides() {
    let cases = [
        r#"PT_LOG PT=/p SEVERITY=warning MESSAGE="PrivateKey=sesame is wrong""#,
        r#"STATUS_GENERAL WARN BUG REASON="HashedControlPassword=sesame""#,
        r#"STREAM 4 NEW 0 a.example:80 SOCKS_PASSWORD="open sesame"#,
        r#"STREAM 4 NEW 0 a.example:80 SOCKS_USERNAME="a b" SOCKS_PASSWORD="sesame""#,
        "NEWKIND HashedControlPassword=sesame",
    ];
    for text in cases {
        let event = event(text);
        let json = serde_json::to_string(&event).unwrap();
        assert!(!json.contains("sesame") && !event.to_string().contains("sesame"), "{json}");
    }
}

#[test]
fn event_json_hides_the_secrets_that_authenticated_the_connection() {
    let command = Command::raw("AUTHENTICATE \"open sesame\"", None).unwrap();
    let known = KnownSecrets::of(&command).unwrap();
    let mut decoder = Decoder::default();
    decoder.feed(b"650 WARN bad password: open sesame\r\n");
    let mut reply = decoder.next_reply().unwrap().unwrap();
    reply.hide(Arc::new(known));
    let event = Event::parse(reply, UNIX_EPOCH);
    let json = serde_json::to_string(&event).unwrap();
    assert!(json.contains("bad password: [redacted]"), "{json}");
}

#[test]
fn mistyped_torrc_line_does_not_show_its_value() {
    let torrc: Torrc =
        "HashedControlPassword=16:AB\nHTTPProxyAuthenticator=bob:pw x\n".parse().unwrap();
    let shown = format!("{} {torrc:?}", serde_json::to_string(&torrc).unwrap());
    assert!(!shown.contains("16:AB") && !shown.contains("bob"), "{shown}");
    let differences = TorrcComparison::new(&[]).of(&torrc);
    assert_eq!(differences.len(), 2);
    for difference in differences {
        let json = serde_json::to_string(&difference).unwrap();
        let shown = format!("{difference} {difference:?} {json}");
        assert!(!shown.contains("16:AB") && !shown.contains("bob"), "{shown}");
    }
    let error = "HTTPProxyAuthenticator=bob:pw \"x".parse::<Torrc>().unwrap_err();
    assert!(!error.to_string().contains("bob"), "{error}");
}
