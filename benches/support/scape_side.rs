//! The same as [`bare`](super::bare), as a user of scape would write it.

use std::time::Instant;

use scape::protocol::Command;
use scape::{Connect, Controller};

use super::bare::in_threads;
use super::rounds::Run;
use super::{Server, TOGETHER};

pub(crate) fn connect(address: &str) -> Controller {
    Connect::to(address).unwrap().connect().unwrap()
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

/// One thread that sends several requests at once, and waits for all their replies.
pub(crate) fn queued(server: &Server) -> Run {
    let controller = connect(&server.address);
    let command = || Command::build("GETINFO").word("key", "version").finish().unwrap();
    Box::new(move |requests| {
        let begun = Instant::now();
        let mut left = requests;
        while left > 0 {
            let now = left.min(TOGETHER);
            for pending in controller.send_all((0..now).map(|_| command())).unwrap() {
                assert!(pending.wait().unwrap().is_ok());
            }
            left -= now;
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
