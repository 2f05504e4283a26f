//! The counterpart of [`bare_events`](super::bare_events): reads and parses the
//! same events, like a user of scape would do it.

use std::time::Instant;

use scape::event::{Event, EventBody, EventKind};

use super::rounds::Run;
use super::{Server, fake_tor, scape_side};

/// The kinds of events in the flood.
const KINDS: [EventKind; 7] = [
    EventKind::CircBw,
    EventKind::Stream,
    EventKind::Circ,
    EventKind::StreamBw,
    EventKind::OrConn,
    EventKind::AddrMap,
    EventKind::Info,
];

/// Returns a function that reads the requested number of events from a
/// subscription.
pub(crate) fn subscription(server: &Server) -> Run {
    let controller = scape_side::connect(&server.address);
    let subscription = controller.subscribe(KINDS).unwrap();
    Box::new(move |events| {
        let mut tally = Tally::default();
        let begun = Instant::now();
        controller.get_info(&fake_tor::flood_key(events)).unwrap();
        for event in subscription.iter() {
            tally.count(&event);
            if tally.events == events {
                break;
            }
        }
        begun.elapsed()
    })
}

/// Returns a function that gets the requested number of events in a callback.
pub(crate) fn callback(server: &Server) -> Run {
    let controller = scape_side::connect(&server.address);
    Box::new(move |events| {
        let (sender, receiver) = crossbeam_channel::bounded(1);
        let mut tally = Tally::default();
        let listener = controller
            .on_event(KINDS, move |event| {
                tally.count(event);
                if tally.events == events {
                    let _ = sender.send(Instant::now());
                }
            })
            .unwrap();
        let begun = Instant::now();
        controller.get_info(&fake_tor::flood_key(events)).unwrap();
        let ended = receiver.recv().unwrap();
        drop(listener);
        ended - begun
    })
}

/// Sums over the events. They make the benchmark look at each event, like a
/// user would.
#[derive(Default)]
struct Tally {
    events: u64,
    circuits_built: u64,
    streams_ended: u64,
    log_bytes: usize,
}

impl Tally {
    fn count(&mut self, event: &Event) {
        self.events += 1;
        match event.body() {
            EventBody::Circ(circuit) => self.circuits_built += u64::from(circuit.path.len() == 3),
            EventBody::Stream(stream) => self.streams_ended += u64::from(stream.status.is_end()),
            EventBody::Log(log) => self.log_bytes += log.message.len(),
            _ => {}
        }
    }
}
