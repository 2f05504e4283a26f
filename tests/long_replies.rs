//! Replies over TCP that tor writes in several parts.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::thread;
use std::time::{Duration, Instant};

use scape::Connect;

/// The time for which a system may delay an acknowledgment, so that it can send
/// it together with data.
const DELAYED: Duration = Duration::from_millis(40);

/// Starts a control port that writes the answer to GETINFO in two parts, like
/// tor writes answers of more than 4 KiB. Like tor, it doesn't set TCP_NODELAY,
/// so the system decides when it sends small parts.
fn control_port() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        for command in BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok) {
            let answer = match command.split(' ').next() {
                Some("PROTOCOLINFO") => {
                    "250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n\
                     250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n"
                }
                Some("GETINFO") => {
                    let part = format!("250+config-text=\r\n{}", "Log notice\r\n".repeat(330));
                    stream.write_all(part.as_bytes()).unwrap();
                    "Log warn\r\n.\r\n250 OK\r\n"
                }
                _ => "250 OK\r\n",
            };
            stream.write_all(answer.as_bytes()).unwrap();
        }
    });
    address
}

#[test]
fn last_part_of_a_long_reply_is_not_delayed() {
    let controller = Connect::to(control_port()).unwrap().connect().unwrap();
    let times = (0..40).map(|_| {
        let begun = Instant::now();
        assert!(controller.get_info("config-text").unwrap().ends_with("Log warn"));
        begun.elapsed()
    });
    // The system acknowledges the first bytes of a connection at once anyway.
    let fastest = times.skip(20).min().unwrap();
    assert!(fastest < DELAYED / 2, "every reply took {fastest:?} or more");
}
