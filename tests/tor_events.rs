//! Events of a real tor that connects to nothing: every event that can be
//! caused without a network.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use scape::control::{AddOnion, Signal};
use scape::event::{
    BuildTimeoutChange, EventBody, EventKind, Hibernation, Severity, StatusDetail, StreamStatus,
};
use scape::word::Expiry;
use support::happening::event_of;
use support::real_tor::RealTor;

#[test]
fn client_events_arrive() {
    let tor = RealTor::start("");
    let tor = tor.controller();
    event_of(
        &tor,
        EventKind::Signal,
        || tor.signal(Signal::Dump).unwrap(),
        |body| *body == EventBody::Signal(Signal::Dump),
    );
    event_of(
        &tor,
        EventKind::BuildTimeoutSet,
        || tor.drop_timeouts().unwrap(),
        |body| {
            let EventBody::BuildTimeoutSet(set) = body else { return false };
            assert_eq!(set.timeout, Some(Duration::from_secs(60)));
            set.change == BuildTimeoutChange::Reset
        },
    );
    event_of(&tor, EventKind::Bw, || (), |body| matches!(body, EventBody::Bw(_)));
    event_of(
        &tor,
        EventKind::AddrMap,
        || drop(tor.map_address([("a.test", "b.test")]).unwrap()),
        |body| {
            let EventBody::AddrMap(map) = body else { return false };
            assert_eq!((map.from.as_str(), map.to.as_deref()), ("a.test", Some("b.test")));
            map.expires == Expiry::Never && map.stream.is_none()
        },
    );
    let set = [("ContactInfo", "some \"body\""), ("MaxCircuitDirtiness", "601")];
    event_of(
        &tor,
        EventKind::ConfChanged,
        || tor.set_conf(set).unwrap(),
        |body| {
            let EventBody::ConfChanged(changed) = body else { return false };
            let value = |name: &str| {
                changed
                    .options
                    .iter()
                    .find(|line| line.name == name)
                    .and_then(|line| line.value.clone())
            };
            assert_eq!(value("ContactInfo").as_deref(), Some("some \"body\""));
            value("MaxCircuitDirtiness").as_deref() == Some("601")
        },
    );
    event_of(
        &tor,
        EventKind::ConfChanged,
        || tor.reset_conf(["ContactInfo"]).unwrap(),
        |body| {
            let EventBody::ConfChanged(changed) = body else { return false };
            changed.options.iter().any(|line| line.name == "ContactInfo" && line.value.is_none())
        },
    );
}

#[test]
fn log_events_of_every_level_arrive() {
    let tor = RealTor::start("");
    let tor = tor.controller();
    let logged = |severity: Severity| {
        move |body: &EventBody| {
            matches!(
                body,
                EventBody::Log(log) if log.severity == severity
            )
        }
    };
    let heartbeat = || tor.signal(Signal::Heartbeat).unwrap();
    event_of(&tor, EventKind::Debug, heartbeat, logged(Severity::Debug));
    event_of(&tor, EventKind::Info, heartbeat, logged(Severity::Info));
    let notice = event_of(&tor, EventKind::Notice, heartbeat, logged(Severity::Notice));
    assert!(notice.text().contains("Heartbeat"), "{notice}");
    // tor warns that its control port is open to everybody.
    event_of(
        &tor,
        EventKind::Warn,
        || tor.set_conf([("ContactInfo", "x")]).unwrap(),
        logged(Severity::Warn),
    );
}

#[test]
fn bug_event_arrives() {
    let tor = RealTor::start("");
    let tor = tor.controller();
    let target = SocketAddr::from((Ipv4Addr::LOCALHOST, 9));
    let added = tor.add_onion(&AddOnion::new().port(80, target)).unwrap();
    let again = AddOnion::new().key(added.key.unwrap()).port(80, target);
    let event = event_of(
        &tor,
        EventKind::StatusGeneral,
        || assert_eq!(tor.add_onion(&again).unwrap_err().code(), Some(550)),
        |body| {
            let EventBody::StatusGeneral(status) = body else { return false };
            matches!(status.detail(), StatusDetail::Bug { .. })
        },
    );
    assert!(event.text().contains("REASON="), "{event}");
}

#[test]
fn stream_event_of_a_waiting_stream_arrives() {
    let tor = RealTor::start("__LeaveStreamsUnattached 1\n");
    let tor = tor.controller();
    event_of(
        &tor,
        EventKind::Stream,
        || drop(tor.msg("RESOLVE waits.example").unwrap()),
        |body| {
            let EventBody::Stream(stream) = body else { return false };
            assert_eq!(stream.target.host(), "waits.example");
            stream.status == StreamStatus::ControllerWait
        },
    );
}

#[test]
fn status_event_for_a_bad_host_name_arrives() {
    let tor = RealTor::start("");
    let tor = tor.controller();
    event_of(
        &tor,
        EventKind::StatusClient,
        || drop(tor.msg("RESOLVE bad!host").unwrap()),
        |body| {
            let EventBody::StatusClient(status) = body else { return false };
            matches!(status.detail(), StatusDetail::SocksBadHostname { hostname, .. } if hostname == "bad!host")
        },
    );
}

#[test]
fn hibernation_event_of_a_relay_arrives() {
    let relay = "ORPort 127.0.0.1:auto\nAssumeReachable 1\nPublishServerDescriptor 0\n";
    // Traffic of the control port counts, too, but not over a Unix socket. So
    // use TCP.
    let tor = RealTor::start(&format!("{relay}AccountingMax 60 KB\nCountPrivateBandwidth 1\n"));
    let tor = tor.over_tcp().connect().unwrap();
    event_of(
        &tor,
        EventKind::StatusServer,
        || (0..6).for_each(|_| assert!(tor.msg("GETINFO config/names").unwrap().is_ok())),
        |body| {
            let EventBody::StatusServer(status) = body else { return false };
            matches!(
                status.detail(),
                StatusDetail::HibernationStatus { status, .. } if status == Hibernation::Hard
            )
        },
    );
}
