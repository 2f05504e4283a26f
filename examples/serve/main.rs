//! Serves the files of a directory as an onion site.
//!
//! ```text
//! cargo run --example serve -- onion:80 ./public_html
//! cargo run --example serve -- onion:80:privateKeyFile=site.key ./public_html
//!     (always at the same address)
//! ```
//!
//! The first argument is an endpoint string: see `scape::endpoint`. Only GET
//! and HEAD are supported. Hidden files and files outside of the directory
//! aren't served. Neither the headers nor the pages reveal anything about this
//! machine. Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at
//! an unusual place. If none runs, one is launched.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod files;

use std::error::Error;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use files::{Content, Missing};
use scape::endpoint::OnionEndpoint;
use scape::onion::OnionStream;

/// The maximum number of visitors that are served at a time.
const MOST: usize = 64;
/// The maximum length of a request's head in bytes.
const LONGEST_HEAD: usize = 16 * 1024;
/// The timeout of each read from, or write to, a visitor.
const PATIENCE: Duration = Duration::from_secs(30);

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [endpoint, directory] = arguments.as_slice() else {
        return Err("serve ENDPOINT DIRECTORY, as in: serve onion:80 ./public_html".into());
    };
    let root = Path::new(directory).canonicalize()?;
    let endpoint: OnionEndpoint = endpoint.parse()?;
    let listener = endpoint.listen_with(|step| eprintln!("{step}"))?;
    match endpoint.ports() {
        [80, ..] => println!("http://{}/", listener.address()),
        _ => println!("http://{listener}/"),
    }
    let visitors = Arc::new(AtomicUsize::new(0));
    for visitor in listener.incoming() {
        let visitor = match visitor {
            Ok(visitor) => visitor,
            Err(error) if error.is_closed() => return Err(error.into()),
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        let (root, visitors) = (root.clone(), visitors.clone());
        if visitors.fetch_add(1, Ordering::AcqRel) >= MOST {
            visitors.fetch_sub(1, Ordering::AcqRel);
            continue;
        }
        thread::spawn(move || {
            let _ = serve(visitor, &root);
            visitors.fetch_sub(1, Ordering::AcqRel);
        });
    }
    Ok(())
}

fn serve(mut visitor: OnionStream, root: &Path) -> io::Result<()> {
    visitor.set_read_timeout(Some(PATIENCE))?;
    visitor.set_write_timeout(Some(PATIENCE))?;
    let head = read_head(&mut visitor)?;
    let mut words = head.lines().next().unwrap_or_default().split(' ');
    let (Some(method), Some(target), Some("HTTP/1.1" | "HTTP/1.0"), None) =
        (words.next(), words.next(), words.next(), words.next())
    else {
        return page(&mut visitor, "400 Bad Request", "", true);
    };
    let with_body = match method {
        "GET" => true,
        "HEAD" => false,
        _ => return page(&mut visitor, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", true),
    };
    match files::find(root, target) {
        Ok(Content::File(path)) => send_file(&mut visitor, &path, with_body),
        Ok(Content::Listing(html)) => {
            let kind = "Content-Type: text/html; charset=utf-8\r\n";
            send_head(&mut visitor, "200 OK", html.len() as u64, kind)?;
            if with_body { visitor.write_all(html.as_bytes()) } else { Ok(()) }
        }
        Ok(Content::Elsewhere(path)) => {
            page(&mut visitor, "301 Moved Permanently", &format!("Location: {path}\r\n"), with_body)
        }
        Err(Missing::BadRequest) => page(&mut visitor, "400 Bad Request", "", with_body),
        Err(Missing::NotFound) => page(&mut visitor, "404 Not Found", "", with_body),
    }
}

/// Reads the head up to the empty line.
fn read_head(visitor: &mut OnionStream) -> io::Result<String> {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    while !bytes.windows(4).any(|four| four == b"\r\n\r\n") {
        let count = visitor.read(&mut buffer)?;
        bytes.extend_from_slice(buffer.get(..count).unwrap_or_default());
        if count == 0 || bytes.len() > LONGEST_HEAD {
            return Err(io::ErrorKind::InvalidData.into());
        }
    }
    String::from_utf8(bytes).map_err(|_| io::ErrorKind::InvalidData.into())
}

fn send_file(visitor: &mut OnionStream, path: &PathBuf, with_body: bool) -> io::Result<()> {
    let Ok(file) = std::fs::File::open(path) else {
        return page(visitor, "404 Not Found", "", with_body);
    };
    let length = file.metadata()?.len();
    send_head(
        visitor,
        "200 OK",
        length,
        &format!("Content-Type: {}\r\n", files::content_type(path)),
    )?;
    if with_body {
        // Don't send more than the announced length if the file grows.
        io::copy(&mut file.take(length), visitor)?;
    }
    Ok(())
}

/// Sends a page that contains only the status.
fn page(visitor: &mut OnionStream, status: &str, more: &str, with_body: bool) -> io::Result<()> {
    let body = format!("{status}\n");
    send_head(visitor, status, body.len() as u64, &format!("Content-Type: text/plain\r\n{more}"))?;
    if with_body { visitor.write_all(body.as_bytes()) } else { Ok(()) }
}

fn send_head(visitor: &mut OnionStream, status: &str, length: u64, more: &str) -> io::Result<()> {
    write!(
        visitor,
        "HTTP/1.1 {status}\r\n{more}Content-Length: {length}\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n"
    )
}
