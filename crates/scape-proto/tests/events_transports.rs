//! Tests the parsing of TRANSPORT_LAUNCHED, PT_LOG and PT_STATUS events.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

mod support;

use scape_proto::event::{EventBody, PtSeverity, TransportRole};
use support::event::event;

fn pair(key: &str, value: &str) -> (String, String) {
    (key.to_owned(), value.to_owned())
}

#[test]
fn transport_launched_is_parsed() {
    for (line, role, address) in [
        ("client obfs4 127.0.0.1 3000", TransportRole::Client, Some("127.0.0.1:3000")),
        ("server obfs4 ::1 3000", TransportRole::Server, Some("[::1]:3000")),
        ("server obfs4 [::1] 3000", TransportRole::Server, Some("[::1]:3000")),
        ("relay obfs4 here 3000", "relay".into(), None),
    ] {
        let event = event(format!("TRANSPORT_LAUNCHED {line} odd A=b"));
        let EventBody::TransportLaunched(transport) = event.body() else { panic!("{event}") };
        assert_eq!(
            (&transport.role, transport.name.as_str(), transport.port),
            (&role, "obfs4", 3000)
        );
        assert_eq!(transport.address, line.split(' ').nth(2).unwrap());
        assert_eq!(transport.socket_addr(), address.map(|address| address.parse().unwrap()));
        let expected = format!("{role} obfs4 at {}", address.unwrap_or("here:3000"));
        assert_eq!(transport.to_string(), expected);
        assert_eq!(
            (&transport.extra, &transport.extra_words),
            (&vec![pair("A", "b")], &vec!["odd".to_owned()])
        );
    }
    for line in [
        "",
        " client",
        " client obfs4 127.0.0.1",
        " client obfs4 127.0.0.1 65536",
        " client obfs4 a b",
    ] {
        assert_eq!(
            event(format!("TRANSPORT_LAUNCHED{line}")).body(),
            &EventBody::Unknown,
            "{line:?}"
        );
    }
}

#[test]
fn pt_log_is_parsed() {
    for severity in PtSeverity::KNOWN.iter().map(|severity| severity.as_str()).chain(["grave"]) {
        let line = format!(
            r#"PT_LOG PT=/usr/bin/obs4proxy SEVERITY={severity} MESSAGE="Connected to \"A\"\n" X=y z"#
        );
        let event = event(line);
        let EventBody::PtLog(log) = event.body() else { panic!("{event}") };
        assert_eq!(
            (log.program.as_str(), log.severity.as_ref().unwrap().as_str()),
            ("/usr/bin/obs4proxy", severity)
        );
        assert_eq!(log.message.as_deref(), Some("Connected to \"A\"\n"));
        assert_eq!((&log.extra, &log.extra_words), (&vec![pair("X", "y")], &vec!["z".to_owned()]));
        assert_eq!(
            log.to_string(),
            format!("/usr/bin/obs4proxy {severity}: Connected to \"A\"\\n")
        );
    }
    for line in ["PT_LOG", "PT_LOG SEVERITY=debug MESSAGE=\"x\""] {
        assert_eq!(event(line).body(), &EventBody::Unknown, "{line:?}");
    }
}

#[test]
fn pt_status_is_parsed() {
    let event_ = event(
        "PT_STATUS PT=/usr/bin/obs4proxy TRANSPORT=obfs4 CONNECT=Success ADDRESS=1.2.3.4:5 odd",
    );
    let EventBody::PtStatus(status) = event_.body() else { panic!("{event_}") };
    assert_eq!(
        (status.program.as_str(), status.transport.as_deref()),
        ("/usr/bin/obs4proxy", Some("obfs4"))
    );
    assert_eq!(status.arguments, [pair("CONNECT", "Success"), pair("ADDRESS", "1.2.3.4:5")]);
    assert_eq!(status.extra_words, ["odd"]);
    assert_eq!(status.to_string(), "/usr/bin/obs4proxy obfs4 CONNECT=Success ADDRESS=1.2.3.4:5");
    assert_eq!(event("PT_STATUS TRANSPORT=obfs4").body(), &EventBody::Unknown);
}
