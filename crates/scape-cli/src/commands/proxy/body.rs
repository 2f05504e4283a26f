//! The body of a request. The proxy passes it on unchanged.

use std::io::{self, BufRead as _, BufReader, Read};

use super::request::Length;

/// The maximum length, in bytes, of a line outside of the chunks of a body.
const LONGEST_LINE: u64 = 8192;
/// The maximum number of trailer lines, which may follow the last chunk.
const MOST_TRAILERS: usize = 100;

/// A reader that returns the body of one request, with the lines between its
/// chunks. Then it discards everything that the program sends, because this
/// belongs to another request, which may be for another server.
#[derive(Debug)]
pub(super) struct Body<R> {
    connection: BufReader<R>,
    state: State,
    /// The last line that was read. [`Read::read`] returns the rest of it
    /// first.
    line: io::Cursor<Vec<u8>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// `left` more bytes of the body follow. If `chunked` is true, they are the
    /// rest of a chunk with its line end, and another chunk follows.
    Bytes {
        left: u64,
        chunked: bool,
    },
    /// The line with the length of the next chunk follows.
    ChunkLine,
    /// Trailers follow, which are the lines after the last chunk. `seen` of
    /// them were read.
    Trailers {
        seen: usize,
    },
    Ended,
}

impl<R: Read> Body<R> {
    pub(super) fn new(connection: R, length: Length) -> Self {
        let state = match length {
            Length::Bytes(left) => State::Bytes { left, chunked: false },
            Length::Chunked => State::ChunkLine,
        };
        Body { connection: BufReader::new(connection), state, line: io::Cursor::default() }
    }

    /// Reads a line with its line end, to be returned to the caller of `read`.
    fn read_line(&mut self) -> io::Result<()> {
        let mut line = Vec::new();
        (&mut self.connection).take(LONGEST_LINE).read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            return Err(io::ErrorKind::InvalidData.into());
        }
        self.line = io::Cursor::new(line);
        Ok(())
    }

    /// Reads the line with the length of the next chunk, and sets the state for
    /// the content of the chunk. After length 0, the trailers follow.
    fn begin_chunk(&mut self) -> io::Result<()> {
        self.read_line()?;
        match httparse::parse_chunk_size(self.line.get_ref()) {
            Ok(httparse::Status::Complete((_, 0))) => self.state = State::Trailers { seen: 0 },
            // Two more bytes belong to the chunk, because a line end follows
            // it.
            Ok(httparse::Status::Complete((_, size))) if size < u64::MAX - 2 => {
                self.state = State::Bytes { left: size + 2, chunked: true };
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        }
        Ok(())
    }
}

impl<R: Read> Read for Body<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.line.read(buffer)?;
            if count > 0 {
                return Ok(count);
            }
            match self.state {
                State::Bytes { left: 0, chunked: true } => self.state = State::ChunkLine,
                State::Bytes { left: 0, chunked: false } => self.state = State::Ended,
                State::Bytes { left, chunked } => {
                    let count = (&mut self.connection).take(left).read(buffer)?;
                    self.state = State::Bytes { left: left - count as u64, chunked };
                    return match count {
                        0 => Err(io::ErrorKind::UnexpectedEof.into()),
                        count => Ok(count),
                    };
                }
                State::ChunkLine => self.begin_chunk()?,
                State::Trailers { seen } if seen > MOST_TRAILERS => {
                    return Err(io::ErrorKind::InvalidData.into());
                }
                State::Trailers { seen } => {
                    self.read_line()?;
                    let is_last = matches!(self.line.get_ref().as_slice(), b"\r\n" | b"\n");
                    self.state = match is_last {
                        true => State::Ended,
                        false => State::Trailers { seen: seen + 1 },
                    };
                }
                State::Ended => {
                    if self.connection.read(buffer)? == 0 {
                        return Ok(0);
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, length: Length) -> io::Result<String> {
        let mut body = String::new();
        Body::new(text.as_bytes(), length).read_to_string(&mut body).map(|_| body)
    }

    #[test]
    fn bodies_end_before_the_next_request() {
        let chunked = "3\r\nabc\r\nA;x=y\r\n0123456789\r\n0\r\nT: 1\r\n\r\n";
        assert_eq!(read(&format!("{chunked}GET /"), Length::Chunked).unwrap(), chunked);
        assert_eq!(read("abcGET /", Length::Bytes(3)).unwrap(), "abc");
        assert_eq!(read("GET /", Length::Bytes(0)).unwrap(), "");
    }

    #[test]
    fn broken_bodies_are_errors() {
        assert!(read("ab", Length::Bytes(3)).is_err());
        for broken in ["3\r\nab", "x\r\nabc\r\n", "", "0\r\n", "FFFFFFFFFFFFFFFF\r\n"] {
            assert!(read(broken, Length::Chunked).is_err(), "{broken}");
        }
    }
}
