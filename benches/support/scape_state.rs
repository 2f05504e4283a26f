//! Measures scape's live state of tor, and separately some steps of its work.

use std::hint::black_box;
use std::time::{Duration, Instant};

use scape::Controller;
use scape::State;
use scape::event::{CircuitInfo, StreamInfo};
use scape::netdoc::RouterStatus;

use super::relays::RELAYS;
use super::rounds::Run;
use super::{Server, bare_relays, fake_network, scape_side};

/// Returns a function that parses the relays' entries with the baseline,
/// [`bare_relays::read`]. See there for `has_digest`.
pub(crate) fn bare(text: String, has_digest: bool) -> Run {
    timed(move || assert_eq!(bare_relays::read(&text, has_digest).len(), RELAYS))
}

/// Returns a function that parses the relays' entries with scape.
pub(crate) fn parse(text: String) -> Run {
    timed(move || {
        let relays: Vec<RouterStatus<'_>> = RouterStatus::parse_all(text.as_bytes()).collect();
        assert_eq!(black_box(relays).len(), RELAYS);
    })
}

/// Returns a function that creates a live state. The time for dropping the
/// state isn't counted.
pub(crate) fn ready(server: &Server) -> Run {
    let controller = scape_side::connect(&server.address);
    Box::new(move |times| {
        let mut taken = Duration::ZERO;
        for _ in 0..times {
            let begun = Instant::now();
            let state = State::new(&controller).unwrap();
            taken += begun.elapsed();
            assert_eq!(state.routers().len(), RELAYS);
        }
        taken
    })
}

/// Returns a function that makes the fake tor send a whole new consensus, and
/// waits until the live state has it.
pub(crate) fn new_consensus(server: &Server) -> Run {
    let controller = scape_side::connect(&server.address);
    let state = State::new(&controller).unwrap();
    let mut seen = state.consensus_count();
    timed(move || {
        controller.get_info(fake_network::NEW_CONSENSUS).unwrap();
        let now = state.consensus_count();
        assert!(now > seen);
        seen = now;
    })
}

/// Returns a function that only parses `count` events of circuits and streams.
pub(crate) fn typed_lives(count: usize) -> Run {
    let lives: Vec<Vec<u8>> = fake_network::lives(count).collect();
    timed(move || {
        for line in &lives {
            match line.strip_prefix(b"CIRC ") {
                Some(circuit) => assert!(black_box(CircuitInfo::parse(circuit)).is_some()),
                None => assert!(black_box(StreamInfo::parse(&line[b"STREAM ".len()..])).is_some()),
            }
        }
    })
}

/// Returns a function that makes a live state process `count` events: the state
/// reads them from a socket, parses them and stores the results.
pub(crate) fn lives(server: &Server, count: usize) -> Run {
    let controller: Controller = scape_side::connect(&server.address);
    let state = State::new(&controller).unwrap();
    let key = fake_network::lives_key(count);
    timed(move || {
        controller.get_info(&key).unwrap();
        assert!(state.circuits().len() < 1000);
    })
}

fn timed(mut run: impl FnMut() + 'static) -> Run {
    Box::new(move |times| {
        let begun = Instant::now();
        (0..times).for_each(|_| run());
        begun.elapsed()
    })
}
