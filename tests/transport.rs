//! Checks that all kinds of transports behave in the same way.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use scape::transport::Transport;

const LONG: Duration = Duration::from_secs(20);
const SHORT: Duration = Duration::from_millis(30);

fn tcp() -> (Transport, Transport) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    (here.into(), listener.accept().unwrap().0.into())
}

fn pairs() -> Vec<(&'static str, Transport, Transport)> {
    let mut pairs = Vec::new();
    let (here, there) = tcp();
    pairs.push(("tcp", here, there));
    let (here, there) = Transport::pair();
    pairs.push(("memory", here, there));
    #[cfg(unix)]
    {
        let (here, there) = std::os::unix::net::UnixStream::pair().unwrap();
        pairs.push(("unix", here.into(), there.into()));
    }
    for (_, here, there) in &pairs {
        for end in [here, there] {
            end.set_read_timeout(Some(LONG)).unwrap();
            end.set_write_timeout(Some(LONG)).unwrap();
        }
    }
    pairs
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

#[test]
fn four_megabytes_arrive_unchanged() {
    let sent: Vec<u8> = (0..1_000_000_u32).flat_map(u32::to_le_bytes).collect();
    for (kind, here, there) in pairs() {
        thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut got = Vec::new();
                (&there).read_to_end(&mut got).unwrap();
                got
            });
            (&here).write_all(&sent).unwrap();
            here.shutdown_write().unwrap();
            assert!(reader.join().unwrap() == sent, "{kind}");
        });
        // The other direction is still open.
        (&there).write_all(b"250 OK\r\n").unwrap();
        let mut answer = [0; 8];
        (&here).read_exact(&mut answer).unwrap();
        assert_eq!(&answer, b"250 OK\r\n", "{kind}");
    }
}

#[test]
fn transport_read_keeps_its_timeout() {
    for (kind, here, _there) in pairs() {
        here.set_read_timeout(Some(SHORT)).unwrap();
        let start = Instant::now();
        let error = (&here).read(&mut [0]).unwrap_err();
        assert!(is_timeout(&error), "{kind}: {error:?}");
        assert!(start.elapsed() < LONG, "{kind}");
        assert!(here.set_read_timeout(Some(Duration::ZERO)).is_err(), "{kind}");
    }
}

#[test]
fn transport_write_keeps_its_timeout() {
    for (kind, here, _there) in pairs() {
        here.set_write_timeout(Some(SHORT)).unwrap();
        let block = vec![0; 1 << 20];
        let start = Instant::now();
        let error = loop {
            match (&here).write(&block) {
                Ok(count) => assert!(count > 0 && start.elapsed() < LONG, "{kind}"),
                Err(error) => break error,
            }
        };
        assert!(is_timeout(&error), "{kind}: {error:?}");
        assert!(here.set_write_timeout(Some(Duration::ZERO)).is_err(), "{kind}");
    }
}

#[test]
fn transport_shutdown_wakes_a_blocked_reader() {
    for (kind, here, there) in pairs() {
        here.set_read_timeout(None).unwrap();
        thread::scope(|scope| {
            // The read ends whether it starts before or after the shutdown.
            let reader = scope.spawn(|| (&here).read(&mut [0]));
            here.shutdown().unwrap();
            assert_eq!(reader.join().unwrap().unwrap(), 0, "{kind}");
        });
        here.shutdown().unwrap();
        assert!((&here).write(b"x").is_err(), "{kind}");
        assert_eq!((&there).read(&mut [0]).unwrap(), 0, "{kind}");
    }
}

#[test]
fn transport_shutdown_wakes_a_blocked_writer() {
    for (kind, here, _there) in pairs() {
        here.set_write_timeout(None).unwrap();
        thread::scope(|scope| {
            let writer = scope.spawn(|| (&here).write_all(&vec![0; 64 << 20]));
            here.shutdown().unwrap();
            assert!(writer.join().unwrap().is_err(), "{kind}");
        });
    }
}

#[test]
fn dropping_one_transport_ends_the_other() {
    for (kind, here, there) in pairs() {
        (&there).write_all(b"bye").unwrap();
        let copy = there.try_clone().unwrap();
        drop(there);
        here.set_read_timeout(Some(SHORT)).unwrap();
        let mut text = [0; 3];
        (&here).read_exact(&mut text).unwrap();
        assert_eq!(&text, b"bye", "{kind}");
        assert!(is_timeout(&(&here).read(&mut [0]).unwrap_err()), "{kind}: a handle is left");
        drop(copy);
        here.set_read_timeout(Some(LONG)).unwrap();
        assert_eq!((&here).read(&mut [0]).unwrap(), 0, "{kind}");
        let start = Instant::now();
        while (&here).write(b"x").is_ok() {
            // TCP learns of the shutdown from the answer to the first write.
            assert!(start.elapsed() < LONG, "{kind}");
            thread::yield_now();
        }
    }
}

#[test]
fn empty_reads_and_writes_return_at_once() {
    for (kind, here, _there) in pairs() {
        assert_eq!((&here).read(&mut []).unwrap(), 0, "{kind}");
        assert_eq!((&here).write(b"").unwrap(), 0, "{kind}");
    }
}

#[test]
fn transport_names_its_peer() {
    let (here, _there) = tcp();
    assert!(here.peer().starts_with("127.0.0.1:"), "{}", here.peer());
    assert!(here.as_tcp().unwrap().nodelay().unwrap());
    let (memory, _there) = Transport::pair();
    assert_eq!(format!("{memory:?}"), "Transport(\"memory\")");
    assert!(!memory.is_unix());
}

#[test]
fn control_connection_outlasts_the_settings_of_its_socket() {
    for nonblocking in [false, true] {
        for (kind, here, there) in pairs() {
            if nonblocking {
                here.as_tcp().map_or(Ok(()), |tcp| tcp.set_nonblocking(true)).unwrap();
                #[cfg(unix)]
                here.as_unix().map_or(Ok(()), |unix| unix.set_nonblocking(true)).unwrap();
            } else {
                here.set_read_timeout(Some(SHORT)).unwrap();
            }
            let controller = scape::Controller::from_authenticated(here).unwrap();
            let open = controller.wait_closed(4 * SHORT).unwrap_err();
            assert!(open.is_timeout(), "{kind}: {open}");
            thread::scope(|scope| {
                let version = scope.spawn(|| controller.get_info("version"));
                let mut line = [0; 17];
                (&there).read_exact(&mut line).unwrap();
                assert_eq!(&line, b"GETINFO version\r\n", "{kind}");
                thread::sleep(2 * SHORT);
                (&there).write_all(b"250-version=0.4.9.11\r\n250 OK\r\n").unwrap();
                assert_eq!(version.join().unwrap().unwrap(), "0.4.9.11", "{kind}");
            });
        }
    }
}
