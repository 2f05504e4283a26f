//! The same as [`bare`](super::bare), as a user of scape would write it.

use std::collections::VecDeque;
use std::time::Instant;

use scape::protocol::Command;
use scape::{Caching, Connect, Controller, PendingReply};

use super::bare::in_threads;
use super::rounds::Run;
use super::{Server, TOGETHER};

pub(crate) fn connect(address: &str) -> Controller {
    Connect::to(address).unwrap().caching(Caching::Off).connect().unwrap()
}

/// One request after the other.
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

/// One thread that has several requests under way, and adds as many as were
/// answered.
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
            // The oldest is waited for; those that came with it are taken as
            // well.
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

/// Several threads on one connection, each one request after the other.
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
