//! The baseline of the round trips: only sockets, threads, and a search for the
//! end of each reply. Nothing is checked, nothing can time out, and failures
//! panic.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Barrier};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::rounds::Run;
use super::{REQUEST, Server, TOGETHER};

/// Connects to the server's control port, and authenticates.
pub(crate) fn connect(server: &Server) -> TcpStream {
    let mut stream = TcpStream::connect(&server.address).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.write_all(server.authenticate().as_bytes()).unwrap();
    read_reply(&mut stream, &mut Vec::new());
    stream
}

/// Reads one reply up to the end of its last line.
pub(crate) fn read_reply(stream: &mut TcpStream, reply: &mut Vec<u8>) {
    reply.clear();
    let mut part = [0; 4096];
    loop {
        let count = stream.read(&mut part).unwrap();
        assert!(count > 0, "the server has hung up");
        reply.extend_from_slice(&part[..count]);
        if let Some(text) = reply.strip_suffix(b"\r\n") {
            let last = memchr::memrchr(b'\n', text).map_or(0, |end| end + 1);
            if text[last..].starts_with(b"250 ") {
                return;
            }
        }
    }
}

/// Returns a function that sends one request after the other, with a blocking
/// write and blocking reads.
pub(crate) fn sequential(server: &Server) -> Run {
    let mut stream = connect(server);
    let mut reply = Vec::with_capacity(4096);
    Box::new(move |requests| {
        let begun = Instant::now();
        for _ in 0..requests {
            stream.write_all(REQUEST).unwrap();
            read_reply(&mut stream, &mut reply);
        }
        begun.elapsed()
    })
}

/// Returns a function that keeps [`TOGETHER`] requests in flight from one
/// thread, and sends a new request for each reply.
pub(crate) fn queued(server: &Server) -> Run {
    const LINES_PER_REPLY: u64 = 2;
    let mut stream = connect(server);
    let mut buffer = vec![0; 64 * 1024];
    Box::new(move |requests| {
        let begun = Instant::now();
        let (mut sent, mut lines) = (0, 0);
        while lines / LINES_PER_REPLY < requests {
            let under_way = sent - lines / LINES_PER_REPLY;
            let more = (TOGETHER - under_way).min(requests - sent);
            if more > 0 {
                stream.write_all(&REQUEST.repeat(more as usize)).unwrap();
                sent += more;
            }
            let count = stream.read(&mut buffer).unwrap();
            assert!(count > 0, "the server has hung up");
            lines += memchr::memchr_iter(b'\n', &buffer[..count]).count() as u64;
        }
        begun.elapsed()
    })
}

/// A place for the reply to one request, and the means to wait for it.
#[derive(Default)]
#[expect(clippy::disallowed_types, reason = "a baseline of std alone")]
struct Slot {
    reply: std::sync::Mutex<Option<Vec<u8>>>,
    filled: std::sync::Condvar,
}

impl Slot {
    fn fill(&self, reply: Vec<u8>) {
        *self.reply.lock().unwrap() = Some(reply);
        self.filled.notify_one();
    }

    fn take(&self) -> Vec<u8> {
        let mut reply = self.reply.lock().unwrap();
        loop {
            match reply.take() {
                Some(reply) => return reply,
                None => reply = self.filled.wait(reply).unwrap(),
            }
        }
    }
}

/// A connection that threads share. A thread that writes a request also queues
/// its slot, and a reader thread fills the slots with the replies in the same
/// order.
struct Shared {
    #[expect(clippy::disallowed_types, reason = "a baseline of std alone")]
    state: std::sync::Mutex<(TcpStream, VecDeque<Arc<Slot>>)>,
}

struct SharedConnection {
    shared: Arc<Shared>,
    reader: Option<JoinHandle<()>>,
}

impl SharedConnection {
    #[expect(clippy::disallowed_types, reason = "a baseline of std alone")]
    fn start(server: &Server) -> SharedConnection {
        let stream = connect(server);
        let for_reader = stream.try_clone().unwrap();
        let shared = Arc::new(Shared { state: std::sync::Mutex::new((stream, VecDeque::new())) });
        let slots = shared.clone();
        let reader = thread::spawn(move || read_replies(for_reader, &slots));
        SharedConnection { shared, reader: Some(reader) }
    }
}

impl Drop for SharedConnection {
    fn drop(&mut self) {
        if let Ok(state) = self.shared.state.lock() {
            let _ = state.0.shutdown(Shutdown::Both);
        }
        let _ = self.reader.take().map(JoinHandle::join);
    }
}

fn read_replies(mut stream: TcpStream, shared: &Shared) {
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    loop {
        match stream.read(&mut buffer[filled..]).unwrap() {
            0 => return,
            count => filled += count,
        }
        let (mut reply, mut line) = (0, 0);
        for end in memchr::memchr_iter(b'\n', &buffer[..filled]) {
            if buffer[line..end].starts_with(b"250 ") {
                let slot = shared.state.lock().unwrap().1.pop_front().unwrap();
                slot.fill(buffer[reply..=end].to_vec());
                reply = end + 1;
            }
            line = end + 1;
        }
        buffer.copy_within(reply..filled, 0);
        filled -= reply;
    }
}

/// Returns a function that runs [`TOGETHER`] threads on one connection. Each
/// thread sends one request after the other.
pub(crate) fn threads(server: &Server) -> Run {
    let connection = SharedConnection::start(server);
    Box::new(move |requests| {
        let shared = &connection.shared;
        in_threads(requests, |requests| {
            let slot = Arc::new(Slot::default());
            for _ in 0..requests {
                let mut state = shared.state.lock().unwrap();
                state.1.push_back(slot.clone());
                state.0.write_all(REQUEST).unwrap();
                drop(state);
                assert!(!slot.take().is_empty());
            }
        })
    })
}

/// Runs `run` in [`TOGETHER`] threads, each with its share of the requests.
/// Returns the time between the start of the last thread and the end of all.
pub(crate) fn in_threads(requests: u64, run: impl Fn(u64) + Sync) -> Duration {
    let ready = Barrier::new(TOGETHER as usize + 1);
    thread::scope(|scope| {
        let threads: Vec<_> = (0..TOGETHER)
            .map(|_| {
                scope.spawn(|| {
                    ready.wait();
                    run(requests.div_ceil(TOGETHER));
                })
            })
            .collect();
        ready.wait();
        let begun = Instant::now();
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        begun.elapsed()
    })
}
