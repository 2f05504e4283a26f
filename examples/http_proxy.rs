//! An HTTP proxy on this machine for programs that don't support SOCKS. All
//! requests go through tor.
//!
//! ```text
//! cargo run --example http_proxy [PORT]
//! curl --proxy http://127.0.0.1:8118 https://example.com/
//! ```
//!
//! The proxy listens on 127.0.0.1 only. It accepts CONNECT, and GET and HEAD of
//! `http://` addresses, and refuses all other requests. Set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`) if tor is at an unusual place.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

use std::error::Error;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use scape::socks::SocksStream;
use scape::{Tor, TorClient};

/// The default port, the same as that of the proxy Privoxy.
const USUAL_PORT: u16 = 8118;
/// The maximum length of a request's head in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// The timeout of each read of a request's head.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(USUAL_PORT), |port| port.parse())?;
    let client = Tor::find()?.client()?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
    println!("a proxy at http://{}", listener.local_addr()?);
    for browser in listener.incoming() {
        let (client, browser) = (client.clone(), browser?);
        thread::spawn(move || {
            if let Err(error) = serve(&client, browser) {
                eprintln!("{error}");
            }
        });
    }
    Ok(())
}

/// A request from the browser: the host and port to connect to, and the first
/// bytes to send to the server.
struct Request {
    host: String,
    port: u16,
    /// The request head to send to the server. `None` for CONNECT, because then
    /// the browser sends everything itself.
    head: Option<Vec<u8>>,
}

fn serve(client: &TorClient, mut browser: TcpStream) -> Result<(), Box<dyn Error>> {
    browser.set_read_timeout(Some(PATIENCE))?;
    let (head, rest) = read_head(&mut browser)?;
    let request = match parse(&head) {
        Ok(request) => request,
        Err((status, why)) => {
            refuse(&mut browser, status, why)?;
            return Ok(());
        }
    };
    // The name isn't resolved here, because tor resolves it.
    let mut server = match client.connect((request.host.as_str(), request.port)) {
        Ok(server) => server,
        Err(error) => {
            refuse(&mut browser, "502 Bad Gateway", &error.to_string())?;
            return Ok(());
        }
    };
    match request.head {
        Some(head) => server.write_all(&head)?,
        None => browser.write_all(b"HTTP/1.1 200 Connection established\r\n\r\n")?,
    }
    server.write_all(&rest)?;
    browser.set_read_timeout(None)?;
    relay(browser, server)?;
    Ok(())
}

/// Reads a request's head up to the empty line. Returns the head, and the bytes
/// after it that were already read.
fn read_head(browser: &mut TcpStream) -> io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            let head = String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData)?;
            return Ok((head, rest));
        }
        if bytes.len() > LONGEST_HEAD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a head without end"));
        }
        match browser.read(&mut buffer)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => bytes.extend_from_slice(buffer.get(..count).unwrap_or_default()),
        }
    }
}

fn parse(head: &str) -> Result<Request, (&'static str, &'static str)> {
    const BAD: &str = "400 Bad Request";
    let mut lines = head.split("\r\n");
    let mut words = lines.next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return Err((BAD, "this is no HTTP/1 request"));
    };
    if method == "CONNECT" {
        let (host, port) = host_and_port(target, None).ok_or((BAD, "CONNECT needs HOST:PORT"))?;
        return Ok(Request { host, port, head: None });
    }
    if !matches!(method, "GET" | "HEAD") {
        return Err(("405 Method Not Allowed", "only CONNECT, GET and HEAD"));
    }
    let address = target
        .strip_prefix("http://")
        .ok_or((BAD, "only http:// addresses; use CONNECT for others"))?;
    let at = address.find(['/', '?']).unwrap_or(address.len());
    let (authority, path) = address.split_at(at);
    let (host, port) = host_and_port(authority, Some(80)).ok_or((BAD, "no host and port"))?;
    let slash = if path.starts_with('/') { "" } else { "/" };
    let mut head = format!("{method} {slash}{path} HTTP/1.1\r\n");
    for line in lines.take_while(|line| !line.is_empty()) {
        let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
        if name == "content-length" || name == "transfer-encoding" {
            return Err((BAD, "a request with a body is not passed on"));
        }
        // Each connection has one request, so headers about the connection to
        // the proxy are left out.
        if !name.starts_with("proxy-")
            && !matches!(name.as_str(), "connection" | "keep-alive" | "upgrade" | "te")
        {
            head.push_str(line);
            head.push_str("\r\n");
        }
    }
    head.push_str("Connection: close\r\n\r\n");
    Ok(Request { host, port, head: Some(head.into_bytes()) })
}

fn host_and_port(authority: &str, usual: Option<u16>) -> Option<(String, u16)> {
    let has_port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']'));
    let (host, port) = match (has_port, usual) {
        (Some((host, port)), _) => (host, port.parse().ok()?),
        (None, Some(usual)) => (authority, usual),
        (None, None) => return None,
    };
    (!host.is_empty() && !host.contains('@')).then(|| (host.to_owned(), port))
}

fn refuse(browser: &mut TcpStream, status: &str, why: &str) -> io::Result<()> {
    let length = why.len() + 1;
    write!(
        browser,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{why}\n"
    )
}

/// Copies bytes in both directions until the server or the browser ends the
/// connection.
fn relay(browser: TcpStream, server: SocksStream) -> io::Result<()> {
    let (mut from_browser, mut to_server) = (browser.try_clone()?, server.try_clone()?);
    let upwards = thread::spawn(move || {
        let _ = io::copy(&mut from_browser, &mut to_server);
        // tor has no half-closed streams, so no more bytes would arrive.
        let _ = to_server.shutdown(Shutdown::Both);
    });
    let outcome = io::copy(&mut &server, &mut &browser);
    let _ = browser.shutdown(Shutdown::Both);
    let _ = server.shutdown(Shutdown::Both);
    let _ = upwards.join();
    outcome.map(drop)
}
