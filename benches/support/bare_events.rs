//! The baseline of events: loops that read them, find the line ends, and
//! optionally split lines into words and numbers. Nothing is kept or checked.

use std::hint::black_box;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

use memchr::memchr;

use super::rounds::Run;
use super::{Server, bare, fake_tor};

/// The number of bytes that are read at once, the same as in scape.
const READ_SIZE: usize = 64 * 1024;

/// Returns a function that reads the requested number of events and splits them
/// into lines.
pub(crate) fn lines(server: &Server) -> Run {
    listen(server, |line| {
        black_box(line);
    })
}

/// Returns a function that reads the requested number of events, and splits
/// them into lines, words and numbers.
pub(crate) fn words(server: &Server) -> Run {
    listen(server, cut)
}

fn listen(server: &Server, mut take: impl FnMut(&[u8]) + 'static) -> Run {
    let mut stream = bare::connect(server);
    let mut buffer = vec![0; READ_SIZE];
    Box::new(move |events| {
        let begun = Instant::now();
        stream.write_all(fake_tor::request(events).as_bytes()).unwrap();
        read_events(&mut stream, &mut buffer, events, &mut take);
        begun.elapsed()
    })
}

fn read_events(
    stream: &mut TcpStream,
    buffer: &mut [u8],
    events: u64,
    take: &mut impl FnMut(&[u8]),
) {
    let (mut filled, mut seen) = (0, 0);
    while seen < events {
        let count = stream.read(&mut buffer[filled..]).unwrap();
        assert!(count > 0, "the server has hung up");
        filled += count;
        let mut start = 0;
        for end in memchr::memchr_iter(b'\n', &buffer[..filled]) {
            let line = &buffer[start..end - 1];
            start = end + 1;
            if let Some(event) = line.strip_prefix(b"650 ") {
                take(event);
                seen += 1;
            }
        }
        buffer.copy_within(start..filled, 0);
        filled -= start;
    }
}

/// Splits a line at spaces outside of quotes and each word at its `=`, and
/// parses decimal numbers.
fn cut(line: &[u8]) {
    let mut rest = line;
    while !rest.is_empty() {
        let mut length = memchr(b' ', rest).unwrap_or(rest.len());
        let equals = memchr(b'=', &rest[..length]);
        let value = equals.map_or(0, |equals| equals + 1);
        if rest[value..length].starts_with(b"\"") {
            length = memchr(b'"', &rest[value + 1..]).map_or(length, |end| value + end + 2);
        }
        let (word, after) = rest.split_at(length);
        black_box((&word[..equals.unwrap_or(0)], &word[value..], number(&word[value..])));
        rest = after.split_first().map_or(after, |(_, rest)| rest);
    }
}

fn number(value: &[u8]) -> Option<u64> {
    let mut number: u64 = 0;
    for byte in value {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number.wrapping_mul(10).wrapping_add(u64::from(byte - b'0'));
    }
    Some(number)
}
