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
//! an unusual place. If no tor runs, one is launched.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

mod files;
#[allow(dead_code, reason = "the example file_share uses the rest")]
mod http;

use std::error::Error;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use files::{Content, Missing};
use http::{Request, page, send_head};
use scape::endpoint::OnionEndpoint;
use scape::onion::OnionStream;

/// The maximum number of visitors that are served at a time.
const MOST: usize = 64;
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
    let Some(request) = Request::read(&mut BufReader::new(&visitor))? else {
        return page(&visitor, "400 Bad Request", "", true);
    };
    let with_body = match request.method.as_str() {
        "GET" => true,
        "HEAD" => false,
        _ => return page(&visitor, "405 Method Not Allowed", "Allow: GET, HEAD\r\n", true),
    };
    match files::find(root, &request.target) {
        Ok(Content::File(path)) => send_file(&mut visitor, &path, with_body),
        Ok(Content::Listing(html)) => {
            let kind = "Content-Type: text/html; charset=utf-8\r\n";
            send_head(&visitor, "200 OK", html.len() as u64, kind)?;
            if with_body { visitor.write_all(html.as_bytes()) } else { Ok(()) }
        }
        Ok(Content::Elsewhere(path)) => {
            page(&visitor, "301 Moved Permanently", &format!("Location: {path}\r\n"), with_body)
        }
        Err(Missing::BadRequest) => page(&visitor, "400 Bad Request", "", with_body),
        Err(Missing::NotFound) => page(&visitor, "404 Not Found", "", with_body),
    }
}

fn send_file(visitor: &mut OnionStream, path: &PathBuf, with_body: bool) -> io::Result<()> {
    let Ok(file) = std::fs::File::open(path) else {
        return page(&*visitor, "404 Not Found", "", with_body);
    };
    let length = file.metadata()?.len();
    let kind = format!("Content-Type: {}\r\n", files::content_type(path));
    send_head(&*visitor, "200 OK", length, &kind)?;
    if with_body {
        // Don't send more than the announced length if the file grows.
        io::copy(&mut file.take(length), visitor)?;
    }
    Ok(())
}
