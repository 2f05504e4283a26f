//! Tests `detail`, which returns the arguments of a status event as typed
//! values.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape_proto::event::{
    AddressMethod, DangerousPortResult, EventBody, Hibernation, LibeventBadness, NameserverStatus,
    NoCircuitReason, ServerDescriptorStatus, StatusAction, StatusDetail, StatusEvent,
};
use scape_proto::info::VersionStatus;
use support::event::event;

fn status(line: &str) -> StatusEvent {
    let event = event(line);
    match event.body() {
        EventBody::StatusGeneral(status)
        | EventBody::StatusClient(status)
        | EventBody::StatusServer(status) => status.clone(),
        _ => panic!("{event}"),
    }
}

/// Returns the typed detail of a status event as `Debug` writes it, with the
/// name of every field. `line` is the event without `STATUS_… NOTICE `.
fn shown(line: &str) -> String {
    let detail = status(&format!("STATUS_GENERAL NOTICE {line}")).detail();
    format!("{detail:?}")
}

#[test]
fn status_detail_of_every_action_has_typed_arguments() {
    let cases = [
        ("CLOCK_JUMPED TIME=120 IDLE=1", "ClockJumped { seconds: 120, idle: Some(true) }"),
        ("CLOCK_JUMPED TIME=-7 IDLE=0", "ClockJumped { seconds: -7, idle: Some(false) }"),
        ("CLOCK_JUMPED TIME=120", "ClockJumped { seconds: 120, idle: None }"),
        ("TOO_MANY_CONNECTIONS CURRENT=1000", "TooManyConnections { current: 1000 }"),
        (
            r#"BUG REASON="x(): Bug: it said \"no\" (on Tor 0.4.9.11 )\n""#,
            r#"Bug { reason: "x(): Bug: it said \"no\" (on Tor 0.4.9.11 )" }"#,
        ),
        (
            "CLOCK_SKEW SKEW=-3600 SOURCE=DIRSERV:127.0.0.1:80",
            "ClockSkew { skew: Some(-3600), min_skew: None, source: DirServ(127.0.0.1:80) }",
        ),
        (
            "CLOCK_SKEW SKEW=+9 SOURCE=OR:2001:db8::1:443",
            "ClockSkew { skew: Some(9), min_skew: None, source: Or([2001:db8::1]:443) }",
        ),
        (
            "CLOCK_SKEW SKEW=9 SOURCE=CONSENSUS",
            "ClockSkew { skew: Some(9), min_skew: None, source: Consensus }",
        ),
        (
            "CLOCK_SKEW SKEW=9 SOURCE=/home/my own tor/state",
            "ClockSkew { skew: Some(9), min_skew: None, source: File(\"/home/my own tor/state\") }",
        ),
        (
            "CLOCK_SKEW MIN_SKEW=-9 SOURCE=NETWORKSTATUS:1.2.3.4:80",
            "ClockSkew { skew: None, min_skew: Some(-9), source: NetworkStatus(1.2.3.4:80) }",
        ),
        (
            "CLOCK_SKEW SKEW=9 SOURCE=OR:nowhere",
            "ClockSkew { skew: Some(9), min_skew: None, source: Other(\"OR:nowhere\") }",
        ),
        (
            "BAD_LIBEVENT METHOD=kqueue VERSION=1.1 BADNESS=BROKEN RECOVERED=NO",
            "BadLibevent { method: \"kqueue\", version: \"1.1\", badness: Broken, recovered: false }",
        ),
        ("DIR_ALL_UNREACHABLE", "DirAllUnreachable"),
        ("ENOUGH_DIR_INFO", "EnoughDirInfo"),
        ("NOT_ENOUGH_DIR_INFO", "NotEnoughDirInfo"),
        ("CIRCUIT_ESTABLISHED", "CircuitEstablished"),
        ("CONSENSUS_ARRIVED", "ConsensusArrived"),
        (
            "CIRCUIT_NOT_ESTABLISHED REASON=CLOCK_JUMPED",
            "CircuitNotEstablished { reason: ClockJumped }",
        ),
        ("DANGEROUS_PORT PORT=23 RESULT=REJECT", "DangerousPort { port: 23, result: Reject }"),
        (
            "DANGEROUS_SOCKS PROTOCOL=SOCKS5 ADDRESS=18.0.0.1:80",
            "DangerousSocks { protocol: Socks5, address: 18.0.0.1:80 }",
        ),
        (
            "DANGEROUS_SOCKS PROTOCOL=SOCKS5 ADDRESS=::1:80",
            "DangerousSocks { protocol: Socks5, address: [::1]:80 }",
        ),
        (
            r#"SOCKS_UNKNOWN_PROTOCOL DATA=""G\001 \"x\""""#,
            r#"SocksUnknownProtocol { data: "G\u{1} \"x\"" }"#,
        ),
        ("SOCKS_BAD_HOSTNAME HOSTNAME=\"bad!host\"", "SocksBadHostname { hostname: \"bad!host\" }"),
        (
            "EXTERNAL_ADDRESS ADDRESS=127.0.0.1 METHOD=CONFIGURED",
            "ExternalAddress { address: 127.0.0.1, method: Configured, hostname: None }",
        ),
        (
            "EXTERNAL_ADDRESS ADDRESS=2001:db8::1 METHOD=RESOLVED HOSTNAME=a.example",
            "ExternalAddress { address: 2001:db8::1, method: Resolved, hostname: Some(\"a.example\") }",
        ),
        (
            "CHECKING_REACHABILITY ORADDRESS=[::1]:1",
            "CheckingReachability(ReachabilityTarget { or_address: Some([::1]:1), dir_address: None })",
        ),
        (
            "REACHABILITY_SUCCEEDED ORADDRESS=1.2.3.4:1",
            "ReachabilitySucceeded(ReachabilityTarget { or_address: Some(1.2.3.4:1), dir_address: None })",
        ),
        (
            "REACHABILITY_FAILED DIRADDRESS=1.2.3.4:1",
            "ReachabilityFailed(ReachabilityTarget { or_address: None, dir_address: Some(1.2.3.4:1) })",
        ),
        ("GOOD_SERVER_DESCRIPTOR", "GoodServerDescriptor"),
        ("SERVER_DESCRIPTOR_STATUS STATUS=LISTED", "ServerDescriptorStatus { status: Listed }"),
        (
            "ACCEPTED_SERVER_DESCRIPTOR DIRAUTH=127.0.0.1:80",
            "AcceptedServerDescriptor { dir_auth: 127.0.0.1:80 }",
        ),
        (
            r#"BAD_SERVER_DESCRIPTOR DIRAUTH=127.0.0.1:80 REASON=""No, it\'s \"bad\"."""#,
            r#"BadServerDescriptor { dir_auth: 127.0.0.1:80, reason: "No, it's \"bad\"." }"#,
        ),
        (
            "NAMESERVER_STATUS NS=127.0.0.1 STATUS=UP",
            "NameserverStatus { nameserver: \"127.0.0.1\", status: Up, error: None }",
        ),
        (
            "NAMESERVER_STATUS NS=127.0.0.1 STATUS=DOWN ERR=\"timed out\"",
            "NameserverStatus { nameserver: \"127.0.0.1\", status: Down, error: Some(\"timed out\") }",
        ),
        ("NAMESERVER_ALL_DOWN", "NameserverAllDown"),
        ("DNS_HIJACKED", "DnsHijacked"),
        ("DNS_USELESS", "DnsUseless"),
        ("HIBERNATION_STATUS STATUS=HARD", "HibernationStatus { status: Hard }"),
    ];
    let mut missing: Vec<&str> = StatusAction::KNOWN.iter().map(StatusAction::as_str).collect();
    for (line, expected) in cases {
        assert_eq!(shown(line), expected, "{line}");
        missing.retain(|action| line.split(' ').next() != Some(action));
    }
    assert_eq!(missing, ["DANGEROUS_VERSION", "BOOTSTRAP"], "the others have a case");
}

#[test]
fn status_detail_of_a_dangerous_version() {
    for (word, expected) in [
        ("NEW", VersionStatus::New),
        ("NEW_IN_SERIES", VersionStatus::NewInSeries),
        ("OBSOLETE", VersionStatus::Obsolete),
        ("UNRECOMMENDED", VersionStatus::Unrecommended),
        ("TASTELESS", "tasteless".into()),
    ] {
        // The second recommended version is malformed, so it is left out. The
        // others are kept.
        let line = format!(
            "CURRENT=0.4.9.11 REASON={word} RECOMMENDED=\"0.4.8.1-alpha, 0.4.9-, 0.4.9.12\""
        );
        let status = status(&format!("STATUS_GENERAL WARN DANGEROUS_VERSION {line}"));
        let StatusDetail::DangerousVersion { current, reason, recommended, .. } = status.detail()
        else {
            panic!("{status}")
        };
        assert_eq!((current.to_string().as_str(), reason), ("0.4.9.11", expected));
        let recommended: Vec<String> = recommended.iter().map(ToString::to_string).collect();
        assert_eq!(recommended, ["0.4.8.1-alpha", "0.4.9.12"]);
        // `Display` repeats the arguments.
        assert!(
            status
                .to_string()
                .starts_with(&format!("WARN DANGEROUS_VERSION CURRENT=0.4.9.11 REASON={word}"))
        );
    }
}

#[test]
fn status_detail_of_bootstrap() {
    let status =
        status("STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY=\"Connecting\"");
    let StatusDetail::Bootstrap(bootstrap) = status.detail() else { panic!("{status}") };
    assert_eq!(Some(*bootstrap), status.bootstrap());
}

#[test]
fn status_detail_recognizes_every_keyword() {
    fn check<T: ToString>(
        known: &[T],
        line: impl Fn(&str) -> String,
        shown_as: impl Fn(StatusDetail) -> String,
    ) {
        for word in known.iter().map(ToString::to_string).chain(["NOVEL".to_owned()]) {
            let status = status(&format!("STATUS_GENERAL NOTICE {}", line(&word)));
            assert_eq!(shown_as(status.detail()), word, "{status}");
        }
    }
    check(
        LibeventBadness::KNOWN,
        |word| format!("BAD_LIBEVENT METHOD=a VERSION=b BADNESS={word} RECOVERED=YES"),
        |detail| match detail {
            StatusDetail::BadLibevent { badness, recovered: true, .. } => badness.to_string(),
            other => panic!("{other:?}"),
        },
    );
    check(
        NoCircuitReason::KNOWN,
        |word| format!("CIRCUIT_NOT_ESTABLISHED REASON={word}"),
        |detail| match detail {
            StatusDetail::CircuitNotEstablished { reason, .. } => reason.to_string(),
            other => panic!("{other:?}"),
        },
    );
    check(
        DangerousPortResult::KNOWN,
        |word| format!("DANGEROUS_PORT PORT=1 RESULT={word}"),
        |detail| match detail {
            StatusDetail::DangerousPort { result, .. } => result.to_string(),
            other => panic!("{other:?}"),
        },
    );
    check(
        AddressMethod::KNOWN,
        |word| format!("EXTERNAL_ADDRESS ADDRESS=1.2.3.4 METHOD={word}"),
        |detail| match detail {
            StatusDetail::ExternalAddress { method, .. } => method.to_string(),
            other => panic!("{other:?}"),
        },
    );
    check(
        ServerDescriptorStatus::KNOWN,
        |word| format!("SERVER_DESCRIPTOR_STATUS STATUS={word}"),
        |detail| match detail {
            StatusDetail::ServerDescriptorStatus { status, .. } => status.to_string(),
            other => panic!("{other:?}"),
        },
    );
    check(
        NameserverStatus::KNOWN,
        |word| format!("NAMESERVER_STATUS NS=1.2.3.4 STATUS={word}"),
        |detail| match detail {
            StatusDetail::NameserverStatus { status, .. } => status.to_string(),
            other => panic!("{other:?}"),
        },
    );
    check(
        Hibernation::KNOWN,
        |word| format!("HIBERNATION_STATUS STATUS={}", word.to_ascii_uppercase()),
        |detail| match detail {
            StatusDetail::HibernationStatus { status: Hibernation::Other(_), .. } => {
                "NOVEL".to_owned()
            }
            StatusDetail::HibernationStatus { status, .. } => status.to_string(),
            other => panic!("{other:?}"),
        },
    );
}

#[test]
fn status_detail_of_malformed_arguments_is_other_and_keeps_the_text() {
    for line in [
        "TEA_READY CUPS=2",
        "CLOCK_JUMPED",
        "CLOCK_JUMPED TIME=soon",
        "CLOCK_JUMPED TIME=1 IDLE=2",
        "DANGEROUS_VERSION CURRENT=x REASON=NEW RECOMMENDED=0.4.9.1",
        "DANGEROUS_VERSION CURRENT=0.4.9.1 REASON=NEW",
        "TOO_MANY_CONNECTIONS CURRENT=-1",
        "BUG",
        "CLOCK_SKEW SOURCE=CONSENSUS",
        "CLOCK_SKEW SKEW=x SOURCE=CONSENSUS",
        "CLOCK_SKEW SKEW=x MIN_SKEW=1 SOURCE=CONSENSUS",
        "CLOCK_SKEW SKEW=1",
        "BAD_LIBEVENT METHOD=a VERSION=b BADNESS=SLOW RECOVERED=PERHAPS",
        "BOOTSTRAP PROGRESS=101 TAG=done",
        "CIRCUIT_NOT_ESTABLISHED",
        "DANGEROUS_PORT PORT=65536 RESULT=WARN",
        "DANGEROUS_SOCKS PROTOCOL=SOCKS4 ADDRESS=example.com:80",
        "SOCKS_UNKNOWN_PROTOCOL",
        "SOCKS_BAD_HOSTNAME",
        "EXTERNAL_ADDRESS ADDRESS=here METHOD=RESOLVED",
        "CHECKING_REACHABILITY",
        "REACHABILITY_FAILED ORADDRESS=1.2.3.4:1 DIRADDRESS=x",
        "ACCEPTED_SERVER_DESCRIPTOR DIRAUTH=x",
        "BAD_SERVER_DESCRIPTOR DIRAUTH=1.2.3.4:5",
        "NAMESERVER_STATUS STATUS=UP",
        "HIBERNATION_STATUS",
    ] {
        let status = status(&format!("STATUS_SERVER WARN {line}"));
        assert_eq!(status.detail(), StatusDetail::Other, "{line}");
        assert_eq!(status.to_string(), format!("WARN {line}"));
    }
    // Additional arguments do no harm.
    let more = status("STATUS_SERVER WARN HIBERNATION_STATUS STATUS=SOFT SINCE=noon");
    assert!(matches!(
        more.detail(),
        StatusDetail::HibernationStatus { status: Hibernation::Soft, .. }
    ));
    assert_eq!(more.get("SINCE"), Some("noon"));
}
