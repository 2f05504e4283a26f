//! Builds events from text.

use std::time::SystemTime;

use scape_proto::control::Decoder;
use scape_proto::event::Event;

/// Parses the bytes `wire`, as tor sends them, and returns all events. Replies
/// to commands are left out.
pub(crate) fn events(wire: &[u8]) -> Vec<Event> {
    let mut decoder = Decoder::default();
    decoder.feed(wire);
    let mut events = Vec::new();
    while let Some(reply) = decoder.next_reply().expect("a reply of the control protocol") {
        if reply.is_event() {
            events.push(Event::parse(reply, SystemTime::UNIX_EPOCH));
        }
    }
    events
}

/// Parses an event of one line. `line` is the event's text, without `650 ` and
/// line end.
pub(crate) fn event(line: impl AsRef<[u8]>) -> Event {
    let wire = [b"650 ", line.as_ref(), b"\r\n"].concat();
    events(&wire).pop().expect("a whole line")
}
