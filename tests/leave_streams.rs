//! The option `__LeaveStreamsUnattached`, with a peer that reads nothing and
//! with a peer that refuses the option.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use scape::attach::{Decision, StreamRequest};
use scape::testing::ScriptedTor;
use scape::transport::Transport;
use scape::{Connect, Controller};

const OPTION: &str = "__LeaveStreamsUnattached";

#[test]
fn peer_that_reads_nothing_delays_no_caller_past_its_deadline() {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let controller = Controller::from_authenticated(Transport::from(ours)).unwrap();
    let patient = controller.with_timeout(Duration::from_secs(20));
    let mut reader = BufReader::new(theirs.try_clone().unwrap());
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        line
    };
    thread::scope(|scope| {
        let attaching = scope.spawn(|| {
            let attacher = patient.attach_streams(|_: &StreamRequest| Decision::Tor);
            attacher.map(drop)
        });
        // The events are subscribed first. Then the option and the client keys
        // are read.
        loop {
            let command = line();
            if command.starts_with("ONION_CLIENT_AUTH_VIEW") {
                break;
            }
            if !command.contains(OPTION) {
                (&theirs).write_all(b"250 OK\r\n").unwrap();
            }
        }
        // From here on the peer reads nothing, and a long command of another
        // caller fills the buffers.
        let long = scope.spawn(|| {
            let data = vec![b'x'; 900_000];
            patient.msg_with_data("+POSTDESCRIPTOR", &data).map(drop)
        });
        thread::sleep(Duration::from_millis(300));
        (&theirs)
            .write_all(
                format!("250 {OPTION}=0\r\n250-ONION_CLIENT_AUTH_VIEW\r\n250 OK\r\n").as_bytes(),
            )
            .unwrap();
        thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        let brief = controller.with_timeout(Duration::from_millis(300));
        let error = brief.release_streams().unwrap_err();
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}: {error}", begun.elapsed());
        assert!(!attaching.is_finished() && !long.is_finished());
        theirs.shutdown(std::net::Shutdown::Both).unwrap();
        assert!(attaching.join().unwrap().is_err() && long.join().unwrap().is_err());
    });
}

#[test]
fn option_that_tor_refuses_to_restore_is_restored_when_the_connection_ends() {
    let refuses = Arc::new(AtomicBool::new(true));
    let (is_set, refusing) = (AtomicBool::new(false), refuses.clone());
    let tor = ScriptedTor::builder()
        .on_any(move |line| {
            Some(match line {
                "GETINFO stream-status" => "250-stream-status=\r\n250 OK\r\n".into(),
                "GETCONF __LeaveStreamsUnattached" => {
                    format!("250 {OPTION}={}\r\n", u8::from(is_set.load(Ordering::SeqCst))).into()
                }
                "SETCONF __LeaveStreamsUnattached=1" => {
                    is_set.store(true, Ordering::SeqCst);
                    "250 OK\r\n".into()
                }
                "SETCONF __LeaveStreamsUnattached=0" if refusing.load(Ordering::SeqCst) => {
                    "513 Unacceptable option value\r\n".into()
                }
                "SETCONF __LeaveStreamsUnattached=0" => {
                    is_set.store(false, Ordering::SeqCst);
                    "250 OK\r\n".into()
                }
                _ => return None,
            })
        })
        .start()
        .unwrap();
    let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
    let attacher = controller.attach_streams(|_: &StreamRequest| Decision::Tor).unwrap();
    assert!(attacher.close().unwrap_err().refusal().is_some());
    let put_back = || tor.sent().iter().filter(|line| line.ends_with("Unattached=0")).count();
    assert_eq!(put_back(), 1);
    refuses.store(false, Ordering::SeqCst);
    controller.close().unwrap();
    assert_eq!(put_back(), 2);
}
