//! A small web server that the exits of a private network can reach.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Duration;

use crate::base::failure::Failure;
use crate::base::threads;

/// The timeout of each read from, or write to, a visitor.
const PATIENCE: Duration = Duration::from_secs(30);
/// The maximum length of the body that `/bytes/N` answers, in bytes.
const MOST: u64 = 1_000_000_000;

/// A web server on 127.0.0.1 that runs until the program ends. `/` answers
/// `hello`, and `/bytes/N` answers N bytes.
#[derive(Debug)]
pub(super) struct WebServer {
    port: u16,
}

impl WebServer {
    pub(super) fn start() -> Result<Self, Failure> {
        let failed = |error| Failure::failed(format_args!("cannot start the web server: {error}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        threads::start_or_fail(move || {
            for visitor in listener.incoming().flatten() {
                // If no thread can be started, the connection is closed.
                let _ = threads::start(move || serve(visitor));
            }
        })?;
        Ok(WebServer { port })
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }
}

fn serve(mut visitor: TcpStream) -> io::Result<()> {
    visitor.set_read_timeout(Some(PATIENCE))?;
    visitor.set_write_timeout(Some(PATIENCE))?;
    let mut lines = BufReader::new(visitor.try_clone()?).lines();
    let request = lines.next().transpose()?.unwrap_or_default();
    for line in lines {
        if line?.is_empty() {
            break;
        }
    }
    let path = request.split(' ').nth(1).unwrap_or_default();
    // Programs that join a URL and a path may double the slash.
    let path = path.trim_start_matches('/');
    let count = path.strip_prefix("bytes/").and_then(|count| count.parse::<u64>().ok());
    match (path, count) {
        ("", _) => answer(&mut visitor, "200 OK", 6, &mut "hello\n".as_bytes()),
        (_, Some(count)) if count <= MOST => {
            answer(&mut visitor, "200 OK", count, &mut io::repeat(b'.'))
        }
        _ => answer(&mut visitor, "404 Not Found", 10, &mut "not found\n".as_bytes()),
    }
}

fn answer(
    visitor: &mut TcpStream,
    status: &str,
    length: u64,
    body: &mut dyn io::Read,
) -> io::Result<()> {
    write!(
        visitor,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\n\
         Connection: close\r\n\r\n"
    )?;
    io::copy(&mut io::Read::take(body, length), visitor)?;
    visitor.flush()
}
