//! Answers the HTTP requests of a visitor.

use std::fs::File;
use std::hash::{BuildHasher as _, RandomState};
use std::io::{self, Read, Seek as _, SeekFrom, Write};
use std::ops::Range;
use std::path::Path;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scape::onion::OnionStream;
use serde::Serialize;

use super::media_type;
use super::page::listing;
use super::progress::Downloads;
use super::range::{self, Part};
use super::site::{Content, Missing, Site};
use crate::commands::traffic::head::{Received, RequestHead};

/// The time limit for receiving the head of a request. It begins when the
/// visitor connects, or at the end of the previous answer. It is short, because
/// a visitor that sends nothing takes the place of another one.
const PATIENCE: Duration = Duration::from_secs(10);
/// The time limit for each write to a visitor.
const WRITING: Duration = Duration::from_secs(120);
/// The time limit for the visitor to close the connection after the download
/// that ends the command.
const CLOSING: Duration = Duration::from_secs(60);
/// The maximum number of requests on one connection.
const MOST: usize = 1000;
/// The headers of the pages that scape itself makes. They keep browsers from
/// loading anything else for these pages.
const PAGE: &str = "Content-Type: text/html; charset=utf-8\r\n\
    Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n";

/// A server that answers the requests for the files of a site.
#[derive(Debug)]
pub(super) struct Server {
    site: Site,
    once: bool,
    downloads: Mutex<Downloads>,
    /// The key of the hash from which entity tags of files are made. The key is
    /// random, so visitors can't draw conclusions from a tag.
    tags: RandomState,
}

/// A request that was answered, for the thread that prints.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Served {
    pub(super) method: String,
    pub(super) path: String,
    /// The HTTP status of the answer.
    pub(super) status: u16,
    /// The number of bytes of the body that were sent. Headers don't count.
    pub(super) bytes: u64,
    /// True if the answer was sent without an error.
    pub(super) complete: bool,
}

/// A request on a visitor's connection, and the answer that is being sent.
struct Visit<'a> {
    stream: &'a OnionStream,
    /// True if the answer has a body. False for HEAD requests.
    with_body: bool,
    keeps_alive: bool,
    served: Served,
}

impl Server {
    pub(super) fn new(site: Site, once: bool) -> Self {
        let downloads = Mutex::new(Downloads::default());
        Server { site, once, downloads, tags: RandomState::new() }
    }

    /// Answers the requests on a connection until it ends, and calls
    /// `on_served` for each of them. Returns true if a file was downloaded
    /// completely and the command should end because of `--once`.
    pub(super) fn serve(
        &self,
        stream: OnionStream,
        mut on_served: impl FnMut(Served),
    ) -> io::Result<bool> {
        stream.set_write_timeout(Some(WRITING))?;
        let mut rest = Vec::new();
        for _ in 0..MOST {
            let set_timeout = |left| stream.set_read_timeout(Some(left));
            let head = match RequestHead::read(&mut &stream, &mut rest, PATIENCE, set_timeout)? {
                Received::Head(head) => head,
                Received::Bad => {
                    let mut visit = Visit::new(&stream, "", "", false);
                    visit.page(400, "Bad Request", "")?;
                    return Ok(false);
                }
                Received::Nothing => return Ok(false),
            };
            let keeps_alive = head.keeps_alive() && !head.has_body() && !self.once;
            let mut visit = Visit::new(&stream, &head.method, &head.target, keeps_alive);
            let result = self.answer(&mut visit, &head);
            visit.served.complete = result.is_ok();
            let is_done = matches!(result, Ok(true)) && self.once;
            if is_done {
                wait_for_close(&stream)?;
            }
            on_served(visit.served);
            if result.is_err() || is_done || !keeps_alive {
                return Ok(is_done);
            }
        }
        Ok(false)
    }

    /// Answers a request. Returns true if a file was now downloaded completely.
    /// Without `--once`, always returns false.
    fn answer(&self, visit: &mut Visit<'_>, head: &RequestHead) -> io::Result<bool> {
        if !matches!(head.method.as_str(), "GET" | "HEAD") {
            visit.page(405, "Method Not Allowed", "Allow: GET, HEAD\r\n")?;
            return Ok(false);
        }
        match self.site.find(&head.target) {
            Ok(Content::File(path)) => return self.file(visit, head, &path),
            Ok(Content::Listing(entries)) => {
                visit.send(200, "OK", PAGE, listing(entries).as_bytes())?;
            }
            Ok(Content::Elsewhere(path)) => {
                visit.page(301, "Moved Permanently", &format!("Location: {path}\r\n"))?;
            }
            Err(Missing::BadPath) => visit.page(400, "Bad Request", "")?,
            Err(Missing::NotFound) => visit.page(404, "Not Found", "")?,
        }
        Ok(false)
    }

    fn file(&self, visit: &mut Visit<'_>, head: &RequestHead, path: &Path) -> io::Result<bool> {
        let opened = File::open(path).and_then(|file| Ok((file.metadata()?, file)));
        let (metadata, mut file) = match opened {
            Ok((metadata, file)) if metadata.is_file() => (metadata, file),
            _ => return visit.page(404, "Not Found", "").map(|()| false),
        };
        let length = metadata.len();
        // A file that changes gets another tag, so that visitors don't mix
        // parts of two versions.
        let tag = self.tags.hash_one((path, length, metadata.modified().ok()));
        let tag = format!("\"{tag:016x}\"");
        let is_same = head.text("if-range").is_none_or(|value| value == tag);
        let part = match head.text("range") {
            Some(value) if is_same => range::parse(value, length),
            _ => Part::All,
        };
        let mut headers = format!(
            "Content-Type: {}\r\nAccept-Ranges: bytes\r\nETag: {tag}\r\n",
            media_type::of(path)
        );
        let (status, reason, bytes) = match part {
            Part::All => (200, "OK", 0..length),
            Part::Bytes(bytes) => {
                let (first, last) = (bytes.start, bytes.end - 1);
                headers += &format!("Content-Range: bytes {first}-{last}/{length}\r\n");
                (206, "Partial Content", bytes)
            }
            Part::Outside => {
                let headers = format!("Content-Range: bytes */{length}\r\n");
                return visit.page(416, "Range Not Satisfiable", &headers).map(|()| false);
            }
        };
        visit.head(status, reason, &headers, bytes.end - bytes.start)?;
        if !visit.with_body {
            return Ok(false);
        }
        visit.copy(&mut file, bytes.clone())?;
        // The parts are recorded only with --once, because otherwise they
        // aren't needed and would fill the memory.
        Ok(self.once && self.downloads.lock().add(path, bytes, length))
    }
}

impl<'a> Visit<'a> {
    fn new(stream: &'a OnionStream, method: &str, path: &str, keeps_alive: bool) -> Self {
        let (method, path) = (method.to_owned(), path.to_owned());
        let with_body = method != "HEAD";
        let served = Served { method, path, status: 0, bytes: 0, complete: false };
        Visit { stream, with_body, keeps_alive, served }
    }

    fn head(&mut self, status: u16, reason: &str, headers: &str, length: u64) -> io::Result<()> {
        self.served.status = status;
        let connection = if self.keeps_alive { "keep-alive" } else { "close" };
        let text = format!(
            "HTTP/1.1 {status} {reason}\r\n{headers}Content-Length: {length}\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
             Connection: {connection}\r\n\r\n"
        );
        self.stream.write_all(text.as_bytes())
    }

    fn send(&mut self, status: u16, reason: &str, headers: &str, body: &[u8]) -> io::Result<()> {
        self.head(status, reason, headers, body.len() as u64)?;
        if self.with_body {
            self.stream.write_all(body)?;
            self.served.bytes = body.len() as u64;
        }
        self.stream.flush()
    }

    /// Sends a page that only contains the status, such as `404 Not Found`.
    /// `reason` is the second part of it. `headers` are further header lines.
    fn page(&mut self, status: u16, reason: &str, headers: &str) -> io::Result<()> {
        let headers = format!("Content-Type: text/plain; charset=utf-8\r\n{headers}");
        self.send(status, reason, &headers, format!("{status} {reason}\n").as_bytes())
    }

    /// Sends the bytes `part` of a file. Returns an error if the file has
    /// become too short for them.
    fn copy(&mut self, file: &mut File, part: Range<u64>) -> io::Result<()> {
        file.seek(SeekFrom::Start(part.start))?;
        let mut file = file.take(part.end - part.start);
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let count = file.read(&mut buffer)?;
            if count == 0 {
                break;
            }
            self.stream.write_all(buffer.get(..count).unwrap_or_default())?;
            self.served.bytes += count as u64;
        }
        self.stream.flush()?;
        match file.limit() {
            0 => Ok(()),
            _ => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }
}

/// Waits until the visitor has closed the connection, for at most [`CLOSING`].
/// Ending the service earlier would lose data that is still on its way.
fn wait_for_close(mut stream: &OnionStream) -> io::Result<()> {
    let begun = Instant::now();
    let mut buffer = [0; 1024];
    while let Some(left) = CLOSING.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        stream.set_read_timeout(Some(left))?;
        if !matches!(stream.read(&mut buffer), Ok(1..)) {
            break;
        }
    }
    Ok(())
}
