//! Every event is one, whatever is in it, and keeps its kind.
#![no_main]

use std::time::SystemTime;

use libfuzzer_sys::fuzz_target;
use scape::event::{Bootstrap, CircuitInfo, Event, StreamInfo, kind_name};
use scape::protocol::Decoder;

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
    }
    if let Some(circuit) = CircuitInfo::parse(data) {
        let _ = (circuit.to_string(), circuit.rend_address());
    }
    if let Some(stream) = StreamInfo::parse(data) {
        let _ = stream.to_string();
    }
    let _ = Bootstrap::parse(data);
});
