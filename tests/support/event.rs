//! Events from their text.

use std::time::SystemTime;

use scape::event::Event;
use scape::protocol::Decoder;

/// Every event in `wire`, as it comes from tor. Replies to commands are left
/// out.
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

/// The event of one line, without its `650 `.
pub(crate) fn event(line: impl AsRef<[u8]>) -> Event {
    let wire = [b"650 ", line.as_ref(), b"\r\n"].concat();
    events(&wire).pop().expect("a whole line")
}
