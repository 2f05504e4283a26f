//! Parses replies with the status 650, whatever they contain, as events. An
//! event must have the kind that its reply names.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use scape_proto::event::{
    Bootstrap, CircuitInfo, ClientsSeen, Event, EventBody, OrConnInfo, StreamInfo, kind_name,
};
use scape_proto::control::Decoder;
use scape_proto::event::{ClockSkewSource, OrConnTarget};
use scape_proto::word::{Expiry};

fuzz_target!(|data: &[u8]| {
    let mut decoder = Decoder::default();
    decoder.feed(b"650 ");
    decoder.feed(data);
    decoder.feed(b"\r\n");
    while let Ok(Some(reply)) = decoder.next_reply() {
        let name = String::from_utf8_lossy(kind_name(&reply)).into_owned();
        let lines = reply.len();
        let event = Event::parse(reply, SystemTime::UNIX_EPOCH);
        assert_eq!(event.kind().as_str(), name);
        assert!(event.to_string().lines().count() >= lines);
        let _ = (event.text(), format!("{event:?} {:?}", event.body()));
        assert!(!event.body().to_string().contains(char::is_control), "shown in one line");
        match event.body() {
            EventBody::StatusGeneral(e)
            | EventBody::StatusClient(e)
            | EventBody::StatusServer(e) => {
                let _ = e.detail();
            }
            EventBody::Ns(e) | EventBody::NewConsensus(e) => {
                let mut routers = e.routers();
                let parsed = routers.by_ref().count();
                assert_eq!(e.count(), parsed + routers.skipped());
            }
            EventBody::TransportLaunched(e) => {
                let _ = e.socket_addr();
            }
            EventBody::CellStats(e) => {
                let _ = e.outbound.as_ref().map(|queue| queue.total_removed());
            }
            body => assert_eq!(body, &body.clone()),
        }
    }
    if let Some(circuit) = CircuitInfo::parse(data) {
        let _ = (circuit.to_string(), circuit.rend_address());
    }
    if let Some(stream) = StreamInfo::parse(data) {
        let _ = stream.to_string();
    }
    if let Some(connection) = OrConnInfo::parse(data) {
        let _ = (connection.to_string(), connection.target.socket_addr());
    }
    if let Some(seen) = ClientsSeen::parse(data) {
        let _ = seen.to_string();
    }
    let _ = Bootstrap::parse(data);
    let text = String::from_utf8_lossy(data);
    let expiry = Expiry::from(&*text);
    assert_eq!(Expiry::from(&*expiry.to_string()), expiry);
    let target = OrConnTarget::from(&*text);
    assert_eq!(OrConnTarget::from(&*target.to_string()), target);
    let source = ClockSkewSource::from(&*text);
    assert_eq!(ClockSkewSource::from(&*source.to_string()), source);
});
