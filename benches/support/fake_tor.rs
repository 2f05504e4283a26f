//! A control port that answers at once, so that only the client's time is
//! measured. It runs in a [child process](super::child).

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;

use super::flood::Flood;
use super::{Server, child, fake_network};

/// The role of the child process that runs the fake tor.
pub(crate) const ROLE: &str = "fake-tor";

/// A running fake tor. The process ends when this value is dropped.
pub(crate) struct FakeTor {
    _process: child::Server,
    pub(crate) server: Server,
}

impl FakeTor {
    pub(crate) fn start() -> FakeTor {
        let (process, port) = child::Server::start(ROLE);
        let server = Server { address: format!("127.0.0.1:{port}"), cookie_file: None };
        FakeTor { _process: process, server }
    }
}

/// Runs the role [`ROLE`], the fake tor: prints the port, and serves clients
/// until standard input ends.
pub(crate) fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            stream.set_nodelay(true).unwrap();
            // It doesn't matter if a client disconnects.
            thread::spawn(move || drop(converse(stream)));
        }
    });
    let _ = io::stdin().read(&mut [0]);
}

/// Returns a made-up key of `GETINFO`, with which a benchmark makes the fake
/// tor send `events` events after the answer.
pub(crate) fn flood_key(events: u64) -> String {
    format!("flood/{events}")
}

/// Returns the command that makes the fake tor send `events` events.
pub(crate) fn request(events: u64) -> String {
    format!("GETINFO {}\r\n", flood_key(events))
}

/// Returns the number of events that the line requests, or `None` if it is
/// another command.
fn flood_asked_for(line: &[u8]) -> Option<usize> {
    std::str::from_utf8(line).ok()?.strip_prefix("GETINFO flood/")?.parse().ok()
}

/// Answers the commands of a client. All commands that arrive in one read are
/// answered with one write, like tor does. A request for events must arrive
/// alone.
fn converse(mut stream: TcpStream) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    let mut filled = 0;
    let mut answers = Vec::new();
    loop {
        match stream.read(&mut buffer[filled..])? {
            0 => return Ok(()),
            count => filled += count,
        }
        let mut start = 0;
        while let Some(length) = memchr::memchr(b'\n', &buffer[start..filled]) {
            let line = buffer[start..start + length].trim_ascii_end();
            match flood_asked_for(line) {
                Some(events) => send_flood(&mut stream, events)?,
                None if line.starts_with(b"GETINFO lives/") => {
                    stream.write_all(fake_network::lives_asked_for(line).unwrap())?;
                }
                None if fake_network::answer(line, &mut answers) => {}
                None => answers.extend_from_slice(answer(line)),
            }
            start += length + 1;
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
        stream.write_all(&answers)?;
        answers.clear();
    }
}

fn send_flood(stream: &mut TcpStream, events: usize) -> io::Result<()> {
    static FLOOD: OnceLock<Flood> = OnceLock::new();
    write!(stream, "250-{}=\r\n250 OK\r\n", flood_key(events as u64))?;
    FLOOD.get_or_init(Flood::new).events(events).try_for_each(|part| stream.write_all(part))
}

fn answer(line: &[u8]) -> &'static [u8] {
    match line {
        _ if line.starts_with(b"SETEVENTS") => b"250 OK\r\n",
        b"GETINFO version" => b"250-version=0.4.9.11\r\n250 OK\r\n",
        b"PROTOCOLINFO 1" => {
            b"250-PROTOCOLINFO 1\r\n250-AUTH METHODS=NULL\r\n250-VERSION Tor=\"0.4.9.11\"\r\n250 OK\r\n"
        }
        b"AUTHENTICATE" => b"250 OK\r\n",
        _ => b"510 Unrecognized command\r\n",
    }
}
