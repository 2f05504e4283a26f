//! Tests of whole pages: a model is filled by hand, gets messages, and is drawn
//! on a screen in memory. The helpers are used by the unit tests too.

use std::net::{Ipv4Addr, SocketAddrV4};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use scape::event::Event;
use scape::netdoc::RouterFlags;
use scape::word::Fingerprint;
use scape_proto::control::Decoder;

use super::data::relays::RelayRow;

/// Returns the event of one line, which comes without `650 `.
pub(crate) fn event(line: &str) -> Event {
    let mut decoder = Decoder::default();
    decoder.feed(format!("650 {line}\r\n").as_bytes());
    let reply = decoder.next_reply().unwrap().unwrap();
    Event::parse(reply, SystemTime::UNIX_EPOCH)
}

/// Returns a relay whose fingerprint and address end with a number.
pub(crate) fn relay(
    number: u8,
    nickname: &str,
    flags: RouterFlags,
    weight: u32,
    country: &str,
) -> RelayRow {
    let mut fingerprint = [0; 20];
    fingerprint[19] = number;
    RelayRow {
        fingerprint: Fingerprint::from_bytes(fingerprint),
        nickname: nickname.into(),
        address: SocketAddrV4::new(Ipv4Addr::new(10, 0, 0, number), 9001),
        flags,
        weight,
        version: Some([0, 4, 9, 8]),
        country: country.parse().ok(),
    }
}
