//! Checks that a failed attempt to connect leaves no socket and no thread
//! behind. The test counts those of its process, so it needs a separate
//! process.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::{Duration, Instant};

use scape::Connect;
use scape::control::{AuthError, ConnectError};
use scape::transport::Transport;

/// The timeout of waiting for an event.
const SOON: Duration = Duration::from_secs(20);

/// The texts that a peer sends. It closes the connection right after sending
/// one, which may be before, while or after the library sends its first
/// command.
const WORDS: [&str; 4] =
    ["", "514 Authentication required.\r\n", "nonsense\r\n", "250-PROTOCOLINFO 1\r\n250 OK\r\n"];

fn count(folder: &str) -> usize {
    fs::read_dir(folder).unwrap().count()
}

#[test]
fn failed_connect_leaves_no_socket_and_no_thread() {
    let sockets = count("/proc/self/fd");
    let threads = count("/proc/self/task");
    for round in 0..400 {
        let words = WORDS[round % WORDS.len()];
        let connect = Connect::through(move || {
            let (ours, mut theirs) = UnixStream::pair()?;
            theirs.write_all(words.as_bytes())?;
            Ok(Transport::from(ours))
        });
        let error = connect.timeout(SOON).connect().unwrap_err();
        assert!(
            error.get::<AuthError>().is_some() || error.get::<ConnectError>().is_some(),
            "{error}"
        );
    }
    let deadline = Instant::now() + SOON;
    while (count("/proc/self/fd"), count("/proc/self/task")) != (sockets, threads) {
        assert!(
            Instant::now() < deadline,
            "{} sockets, {} threads",
            count("/proc/self/fd"),
            count("/proc/self/task")
        );
        thread::yield_now();
    }
}
