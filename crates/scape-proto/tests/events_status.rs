//! Tests the parsing of STATUS_GENERAL, STATUS_CLIENT and STATUS_SERVER events,
//! and of the bootstrap progress in them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use proptest::prelude::*;
use scape_proto::event::{
    Bootstrap, BootstrapRecommendation, BootstrapTag, EventBody, OrConnReason, Severity,
    StatusAction, StatusEvent,
};
use support::event::event;

fn status(line: &str) -> StatusEvent {
    let event = event(line);
    match (event.kind().as_str(), event.body()) {
        ("STATUS_GENERAL", EventBody::StatusGeneral(status))
        | ("STATUS_CLIENT", EventBody::StatusClient(status))
        | ("STATUS_SERVER", EventBody::StatusServer(status)) => status.clone(),
        _ => panic!("{event}"),
    }
}

#[test]
fn status_event_of_every_action_has_its_arguments() {
    let cases: [(&str, &[(&str, &str)]); 38] = [
        ("STATUS_GENERAL WARN CLOCK_JUMPED TIME=120 IDLE=1", &[("TIME", "120"), ("IDLE", "1")]),
        (
            "STATUS_GENERAL WARN DANGEROUS_VERSION CURRENT=0.4.9.1 REASON=OBSOLETE RECOMMENDED=\"0.4.8.1,0.4.9.11\"",
            &[("CURRENT", "0.4.9.1"), ("REASON", "OBSOLETE"), ("RECOMMENDED", "0.4.8.1,0.4.9.11")],
        ),
        ("STATUS_GENERAL WARN TOO_MANY_CONNECTIONS CURRENT=1000", &[("CURRENT", "1000")]),
        (
            r#"STATUS_GENERAL NOTICE BUG REASON="x(): Bug: it said \"no\" (on Tor 0.4.9.11 )\n""#,
            &[("REASON", "x(): Bug: it said \"no\" (on Tor 0.4.9.11 )\n")],
        ),
        (
            "STATUS_GENERAL WARN CLOCK_SKEW SKEW=-3600 SOURCE=DIRSERV:127.0.0.1:80",
            &[("SKEW", "-3600"), ("SOURCE", "DIRSERV:127.0.0.1:80")],
        ),
        (
            "STATUS_GENERAL WARN CLOCK_SKEW SKEW=+9 SOURCE=CONSENSUS",
            &[("SKEW", "+9"), ("SOURCE", "CONSENSUS")],
        ),
        (
            "STATUS_GENERAL WARN CLOCK_SKEW SKEW=1 SOURCE=/home/my own tor/state",
            &[("SKEW", "1"), ("SOURCE", "/home/my own tor/state")],
        ),
        (
            "STATUS_GENERAL WARN CLOCK_SKEW SKEW=1 SOURCE=/home/a=b  C=\"d\\ e=1 /state",
            &[("SKEW", "1"), ("SOURCE", "/home/a=b  C=\"d\\ e=1 /state")],
        ),
        (
            r"STATUS_GENERAL WARN CLOCK_SKEW SKEW=1 SOURCE=my X=1\state",
            &[("SKEW", "1"), ("SOURCE", r"my X=1\state")],
        ),
        (
            "STATUS_GENERAL WARN CLOCK_SKEW SKEW=1 SOURCE=OR:127.0.0.1:9001 NEW=/a",
            &[("SKEW", "1"), ("SOURCE", "OR:127.0.0.1:9001"), ("NEW", "/a")],
        ),
        ("STATUS_GENERAL ERR DIR_ALL_UNREACHABLE", &[]),
        (
            "STATUS_GENERAL WARN BAD_LIBEVENT METHOD=kqueue VERSION=1 BADNESS=BROKEN RECOVERED=NO",
            &[("METHOD", "kqueue"), ("VERSION", "1"), ("BADNESS", "BROKEN"), ("RECOVERED", "NO")],
        ),
        (
            "STATUS_CLIENT NOTICE BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY=\"Connecting to a relay\"",
            &[("PROGRESS", "5"), ("TAG", "conn"), ("SUMMARY", "Connecting to a relay")],
        ),
        ("STATUS_CLIENT NOTICE ENOUGH_DIR_INFO", &[]),
        ("STATUS_CLIENT NOTICE NOT_ENOUGH_DIR_INFO", &[]),
        ("STATUS_CLIENT NOTICE CIRCUIT_ESTABLISHED", &[]),
        ("STATUS_CLIENT NOTICE CONSENSUS_ARRIVED", &[]),
        (
            "STATUS_CLIENT NOTICE CIRCUIT_NOT_ESTABLISHED REASON=CLOCK_JUMPED",
            &[("REASON", "CLOCK_JUMPED")],
        ),
        (
            "STATUS_CLIENT WARN DANGEROUS_PORT PORT=23 RESULT=REJECT",
            &[("PORT", "23"), ("RESULT", "REJECT")],
        ),
        (
            "STATUS_CLIENT WARN DANGEROUS_SOCKS PROTOCOL=SOCKS5 ADDRESS=18.0.0.1:80",
            &[("PROTOCOL", "SOCKS5"), ("ADDRESS", "18.0.0.1:80")],
        ),
        (
            r#"STATUS_CLIENT WARN SOCKS_UNKNOWN_PROTOCOL DATA=""G\001 \"x\""""#,
            &[("DATA", "G\u{1} \"x\"")],
        ),
        (r#"STATUS_CLIENT WARN SOCKS_UNKNOWN_PROTOCOL DATA=""\377"""#, &[("DATA", "\u{fffd}")]),
        (r#"STATUS_CLIENT WARN SOCKS_UNKNOWN_PROTOCOL DATA="" x"""#, &[("DATA", " x")]),
        (r#"STATUS_CLIENT WARN SOCKS_UNKNOWN_PROTOCOL DATA="""""#, &[("DATA", "")]),
        (
            r#"STATUS_CLIENT WARN SOCKS_BAD_HOSTNAME HOSTNAME="bad!host""#,
            &[("HOSTNAME", "bad!host")],
        ),
        (
            "STATUS_SERVER NOTICE EXTERNAL_ADDRESS ADDRESS=127.0.0.1 METHOD=RESOLVED HOSTNAME=a.example",
            &[("ADDRESS", "127.0.0.1"), ("METHOD", "RESOLVED"), ("HOSTNAME", "a.example")],
        ),
        (
            "STATUS_SERVER NOTICE CHECKING_REACHABILITY ORADDRESS=[::1]:1",
            &[("ORADDRESS", "[::1]:1")],
        ),
        (
            "STATUS_SERVER NOTICE REACHABILITY_SUCCEEDED ORADDRESS=127.0.0.1:1",
            &[("ORADDRESS", "127.0.0.1:1")],
        ),
        (
            "STATUS_SERVER WARN REACHABILITY_FAILED ORADDRESS=127.0.0.1:1",
            &[("ORADDRESS", "127.0.0.1:1")],
        ),
        ("STATUS_SERVER NOTICE GOOD_SERVER_DESCRIPTOR", &[]),
        (
            "STATUS_SERVER NOTICE ACCEPTED_SERVER_DESCRIPTOR DIRAUTH=127.0.0.1:80",
            &[("DIRAUTH", "127.0.0.1:80")],
        ),
        (
            r#"STATUS_SERVER WARN BAD_SERVER_DESCRIPTOR DIRAUTH=127.0.0.1:80 REASON=""No, it\'s \"bad\"."""#,
            &[("DIRAUTH", "127.0.0.1:80"), ("REASON", "No, it's \"bad\".")],
        ),
        (
            r#"STATUS_SERVER WARN NAMESERVER_STATUS NS=127.0.0.1 STATUS=DOWN ERR="timed out""#,
            &[("NS", "127.0.0.1"), ("STATUS", "DOWN"), ("ERR", "timed out")],
        ),
        ("STATUS_SERVER WARN NAMESERVER_ALL_DOWN", &[]),
        ("STATUS_SERVER NOTICE DNS_HIJACKED", &[]),
        ("STATUS_SERVER WARN DNS_USELESS", &[]),
        ("STATUS_SERVER NOTICE HIBERNATION_STATUS STATUS=HARD", &[("STATUS", "HARD")]),
        ("STATUS_SERVER NOTICE SERVER_DESCRIPTOR_STATUS STATUS=LISTED", &[("STATUS", "LISTED")]),
    ];
    let mut missing: Vec<&StatusAction> = StatusAction::KNOWN.iter().collect();
    for (line, expected) in cases {
        let status = status(line);
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!((status.severity.as_str(), status.action.as_str()), (words[1], words[2]));
        assert!(status.action.is_recognized(), "{line}");
        let arguments: Vec<_> =
            status.arguments.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(arguments, expected, "{line}");
        missing.retain(|action| **action != status.action);
    }
    assert_eq!(missing, Vec::<&StatusAction>::new(), "every action has a case");
}

#[test]
fn status_event_keeps_unknown_action_and_severity() {
    let status = status("STATUS_GENERAL CURIOUS TEA_READY some text CUPS=2 CUPS=3");
    assert_eq!((status.severity.as_str(), status.action.as_str()), ("CURIOUS", "TEA_READY"));
    assert!(!status.action.is_recognized());
    assert_eq!(status.arguments[0], (String::new(), "some text".to_owned()));
    assert_eq!((status.get("CUPS"), status.get("SPOONS")), (Some("2"), None));
    assert_eq!(status.bootstrap(), None);
}

#[test]
fn status_event_without_severity_or_action_is_an_unknown_event() {
    for line in
        ["STATUS_CLIENT", "STATUS_GENERAL NOTICE", "STATUS_SERVER  X", "STATUS_CLIENT NOTICE "]
    {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}

#[test]
fn bootstrap_is_displayed_in_one_line_whatever_tor_sent() {
    let value = br#"WARN BOOTSTRAP PROGRESS=5 TAG=conn SUMMARY="a\nb" WARNING="c\rd" REASON=MISC COUNT=1 RECOMMENDATION=warn"#;
    let bootstrap = Bootstrap::parse(value).unwrap();
    assert_eq!(bootstrap.summary, "a\nb");
    assert!(!bootstrap.to_string().contains(char::is_control), "{bootstrap}");
}

#[test]
fn bootstrap_phases_are_parsed() {
    for tag in BootstrapTag::KNOWN.iter().map(|tag| tag.as_str()).chain(["new_phase"]) {
        let value = format!("NOTICE BOOTSTRAP PROGRESS=50 TAG={tag} SUMMARY=\"Loading, still\"");
        let bootstrap = Bootstrap::parse(value.as_bytes()).unwrap();
        assert_eq!(
            status(&format!("STATUS_CLIENT {value}")).bootstrap().as_ref(),
            Some(&bootstrap)
        );
        assert_eq!((bootstrap.progress, bootstrap.tag.as_str()), (50, tag));
        assert_eq!(
            (bootstrap.severity.clone(), bootstrap.summary.as_str()),
            (Severity::Notice, "Loading, still")
        );
        assert_eq!(bootstrap.problem, None);
        assert!(!bootstrap.is_done());
        assert_eq!(bootstrap.to_string(), format!("50% ({tag}): Loading, still"));
    }
    let done =
        Bootstrap::parse(b"NOTICE BOOTSTRAP PROGRESS=100 TAG=done SUMMARY=\"Done\"").unwrap();
    assert!(done.is_done() && done.tag == BootstrapTag::Done);
}

#[test]
fn bootstrap_problem_is_parsed() {
    let bootstrap = Bootstrap::parse(
        b"WARN BOOTSTRAP PROGRESS=14 TAG=handshake SUMMARY=\"Handshaking with a relay\" \
          WARNING=\"Connection refused\" REASON=CONNECTREFUSED COUNT=5 RECOMMENDATION=warn \
          HOSTID=\"A958A139891C54874CE30704C302CDA9D94CC15D\" HOSTADDR=\"127.0.0.1:5001\"",
    )
    .unwrap();
    assert_eq!(bootstrap.severity, Severity::Warn);
    let problem = bootstrap.problem.clone().unwrap();
    assert_eq!(problem.warning, "Connection refused");
    assert_eq!(problem.reason, Some(OrConnReason::ConnectRefused));
    assert_eq!(
        (problem.count, problem.recommendation),
        (Some(5), Some(BootstrapRecommendation::Warn))
    );
    assert_eq!(problem.host_id.unwrap().to_string(), "A958A139891C54874CE30704C302CDA9D94CC15D");
    assert_eq!(problem.host_address.as_deref(), Some("127.0.0.1:5001"));
    assert_eq!(
        bootstrap.to_string(),
        "14% (handshake): Handshaking with a relay: Connection refused"
    );
}

#[test]
fn bootstrap_problem_without_a_host_is_parsed() {
    let bootstrap = Bootstrap::parse(
        b"WARN BOOTSTRAP PROGRESS=0 TAG=starting SUMMARY=\"Starting\" WARNING=\"Clock skew -1 in \"X\" or so\" \
          REASON=CLOCK_SKEW COUNT=1 RECOMMENDATION=ignore HOSTID=\"?\" HOSTADDR=\"?\"",
    );
    let problem = bootstrap.unwrap().problem.unwrap();
    assert_eq!(problem.warning, "Clock skew -1 in \"X\" or so");
    assert_eq!(problem.reason, Some(OrConnReason::ClockSkew));
    assert_eq!(problem.recommendation, Some(BootstrapRecommendation::Ignore));
    assert_eq!((problem.host_id, problem.host_address), (None, None));
}

#[test]
fn bootstrap_problem_that_tor_cut_off_is_parsed() {
    let bootstrap = Bootstrap::parse(
        b"WARN BOOTSTRAP PROGRESS=10 TAG=conn_done SUMMARY=\"Connected\" WARNING=\"it went on and",
    )
    .unwrap();
    let problem = bootstrap.problem.unwrap();
    assert_eq!(problem.warning, "it went on and");
    assert_eq!((problem.reason, problem.count), (None, None));
}

#[test]
fn malformed_bootstrap_phase_is_refused() {
    for value in [
        "",
        "NOTICE BOOTSTRAP",
        "NOTICE BOOTSTRAP PROGRESS=101 TAG=done SUMMARY=\"x\"",
        "NOTICE BOOTSTRAP PROGRESS=-1 TAG=done SUMMARY=\"x\"",
        "NOTICE BOOTSTRAP PROGRESS=1 SUMMARY=\"x\"",
        "NOTICE CIRCUIT_ESTABLISHED PROGRESS=1 TAG=done",
    ] {
        assert_eq!(Bootstrap::parse(value.as_bytes()), None, "{value:?}");
    }
}

proptest! {
    #[test]
    fn arbitrary_bytes_never_panic_the_bootstrap_parser(
        value in proptest::collection::vec(any::<u8>(), 0..80)
    ) {
        Bootstrap::parse(&value);
        Bootstrap::parse(&[b"NOTICE BOOTSTRAP PROGRESS=1 TAG=done SUMMARY=\"", &value[..]].concat());
    }
}
