//! The counterpart of [`bare`](super::bare): the same round trips, like a user
//! of scape would write them.

use std::collections::VecDeque;
use std::time::Instant;

use scape::connection::PendingReply;
use scape::control::{Caching, Command};
use scape::{Connect, Controller};

use super::bare::in_threads;
use super::rounds::Run;
use super::{Server, TOGETHER};

pub(crate) fn connect(address: &str) -> Controller {
    Connect::to(address).unwrap().caching(Caching::Off).connect().unwrap()
}

/// Returns a function that sends one request after the other.
pub(crate) fn sequential(server: &Server) -> Run {
    let controller = connect(&server.address);
    Box::new(move |requests| {
        let begun = Instant::now();
        for _ in 0..requests {
            assert!(!controller.get_info("version").unwrap().is_empty());
        }
        begun.elapsed()
    })
}

/// Returns a function that keeps several requests in flight from one thread,
/// and sends a new request for each reply.
pub(crate) fn queued(server: &Server) -> Run {
    let controller = connect(&server.address);
    let command = Command::build("GETINFO").word("key", "version").finish().unwrap();
    Box::new(move |requests| {
        let begun = Instant::now();
        let (mut sent, mut done) = (0, 0);
        let mut under_way = VecDeque::new();
        while done < requests {
            let more = (TOGETHER - under_way.len() as u64).min(requests - sent);
            under_way.extend(controller.send_all((0..more).map(|_| command.clone())).unwrap());
            sent += more;
            // Wait for the oldest reply, and also take those that came with it.
            let oldest = under_way.pop_front().unwrap();
            assert!(oldest.wait().unwrap().is_ok());
            done += 1;
            while let Some(reply) = under_way.front().and_then(PendingReply::try_wait) {
                assert!(reply.unwrap().is_ok());
                under_way.pop_front();
                done += 1;
            }
        }
        begun.elapsed()
    })
}

/// Returns a function that runs several threads on one connection. Each thread
/// sends one request after the other.
pub(crate) fn threads(server: &Server) -> Run {
    let controller = connect(&server.address);
    Box::new(move |requests| {
        in_threads(requests, |requests| {
            let controller = controller.clone();
            for _ in 0..requests {
                assert!(!controller.get_info("version").unwrap().is_empty());
            }
        })
    })
}
