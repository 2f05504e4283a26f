//! Shares files over an onion service or receives files, like OnionShare.
//!
//! ```text
//! cargo run --example file_share -- share [OPTIONS] PATH…
//! cargo run --example file_share -- receive [OPTIONS] FOLDER
//!
//!   --public              everybody who knows the address may visit
//!   --stop-after SECONDS  ends after this time, when no transfer is in progress
//!   --stay                (share) goes on after the first complete download,
//!                         and also offers each file separately
//!   --limit BYTES         (receive) the largest upload, by default 1 GiB
//! ```
//!
//! `share` offers a single file as it is, and several files or folders as one
//! zip archive. `receive` saves what visitors upload. It changes the names of
//! the files so that they are harmless, and overwrites nothing.
//!
//! The address is new each time. Unless the service is public, visitors also
//! need the private key that is printed. Tor Browser asks for it. Give the
//! address and the key to the visitor in a way that nobody else can overhear.
//! Enter or Ctrl-C ends the program, and the service with it.
//!
//! Set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`) if tor is at an
//! unusual place. If no tor runs, one is launched, and ends with the program.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a program for the terminal")]

#[path = "../serve/http.rs"]
mod http;
mod multipart;
mod receive;
mod share;
mod zip;

use std::fmt;
use std::io::{self, BufReader, Read as _};
use std::net::Shutdown;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, unbounded};
use http::{Request, page};
use receive::Inbox;
use scape::onion::OnionStream;
use scape::word::ClientKey;
use scape::{CancelToken, Tor};
use share::Share;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// The maximum number of visitors that are served at a time.
const MOST: usize = 32;
/// The timeout of each read from, or write to, a visitor.
const PATIENCE: Duration = Duration::from_secs(60);
/// The maximum time that the program waits at its end for transfers in
/// progress.
const LAST_TRANSFERS: Duration = Duration::from_secs(60 * 60);

/// The reason why the program ends.
enum End {
    /// The user has pressed Enter or Ctrl-C.
    Stopped,
    /// The time of `--stop-after` is over.
    Time,
    /// The first download is complete.
    Downloaded,
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            End::Stopped => "stopped",
            End::Time => "the time is over",
            End::Downloaded => "the download is complete",
        })
    }
}

/// The site that visitors see: files to download, or a form for uploads.
enum Site {
    Share(Share),
    Inbox(Inbox),
}

/// The number of visitors that are being served.
#[derive(Default)]
struct Visitors {
    count: AtomicUsize,
    /// True at the end of the program, when new visitors aren't served any
    /// more.
    closed: AtomicBool,
}

fn main() -> Result<()> {
    let (ends, ended) = unbounded();
    let token = CancelToken::new();
    // Do this first, so that no signal leaves a temporary archive behind.
    end_on_signals(ends.clone(), token.clone())?;
    let options = Options::read(std::env::args().skip(1))?;
    let site = Arc::new(options.site);
    end_on_enter(ends.clone());

    // A token cancels the two calls that may take long. Closing the service
    // afterwards isn't cancelled.
    let tor = Tor::global_cancel_with(&token, |step| eprintln!("{step}"))?;
    let mut builder = tor.onion()?.virtual_port(80).cancel_with(&token);
    let key = (!options.is_public).then(ClientKey::random);
    if let Some(key) = &key {
        builder = builder.client(key.public_key());
    }
    let listener = builder.on_progress(|step| eprintln!("{step}")).listen()?;
    println!("address: http://{}/", listener.address());
    if let Some(key) = &key {
        println!("private key: {}", *key.to_base32());
    }
    println!("Enter ends the program");

    let visitors = Arc::new(Visitors::default());
    let (watched, shutdown) = (visitors.clone(), listener.shutdown_handle());
    thread::spawn(move || {
        wait_for_end(&ended, options.stop_after, &watched);
        shutdown.shutdown();
    });
    for visitor in &listener {
        let visitor = match visitor {
            Ok(visitor) => visitor,
            Err(error) => {
                eprintln!("{error}");
                continue;
            }
        };
        let (site, visitors, ends) = (site.clone(), visitors.clone(), ends.clone());
        let others = visitors.count.fetch_add(1, Ordering::AcqRel);
        thread::spawn(move || {
            if others < MOST && !visitors.closed.load(Ordering::Acquire) {
                // An error only means that the visitor has left.
                let _ = serve(&site, &visitor, &ends);
            }
            visitors.count.fetch_sub(1, Ordering::AcqRel);
        });
    }
    listener.close()?;
    println!("the service is closed");
    Ok(())
}

/// Waits for a message in `ended`, or until the time `stop_after` is over.
/// Prints the reason. Unless the user ends the program, also waits for the
/// transfers in progress.
fn wait_for_end(ended: &Receiver<End>, stop_after: Option<Duration>, visitors: &Visitors) {
    let mut end = match stop_after {
        Some(time) => ended.recv_timeout(time).unwrap_or(End::Time),
        None => ended.recv().unwrap_or(End::Stopped),
    };
    visitors.closed.store(true, Ordering::Release);
    println!("{end}");
    let (begun, pause) = (Instant::now(), Duration::from_millis(100));
    let is_busy = || visitors.count.load(Ordering::Acquire) > 0 && begun.elapsed() < LAST_TRANSFERS;
    while !matches!(end, End::Stopped) && is_busy() {
        end = ended.recv_timeout(pause).unwrap_or(end);
    }
}

/// Reads and answers one request of a visitor. If the program should end after
/// it, reports this to `ends`.
fn serve(site: &Site, visitor: &OnionStream, ends: &Sender<End>) -> io::Result<()> {
    visitor.set_read_timeout(Some(PATIENCE))?;
    visitor.set_write_timeout(Some(PATIENCE))?;
    let mut reader = BufReader::new(visitor);
    let Some(request) = Request::read(&mut reader)? else {
        page(visitor, "400 Bad Request", "", true)?;
        return finish(visitor);
    };
    match site {
        Site::Share(share) => {
            let is_last = share.answer(&request, visitor)?;
            finish(visitor)?;
            if is_last {
                let _ = ends.send(End::Downloaded);
            }
            Ok(())
        }
        Site::Inbox(inbox) => {
            inbox.answer(&request, &mut reader, visitor)?;
            finish(visitor)
        }
    }
}

/// Waits until the visitor has closed the connection. If the program closed the
/// connection first, or ended, the end of the answer could be lost.
fn finish(mut visitor: &OnionStream) -> io::Result<()> {
    visitor.shutdown(Shutdown::Write)?;
    let begun = Instant::now();
    let mut rest = [0; 4096];
    while let Some(left) = PATIENCE.checked_sub(begun.elapsed()).filter(|left| !left.is_zero()) {
        visitor.set_read_timeout(Some(left))?;
        if !matches!(visitor.read(&mut rest), Ok(1..)) {
            break;
        }
    }
    Ok(())
}

/// Starts a thread that waits for Ctrl-C and SIGTERM. It cancels `token` and
/// sends [`End::Stopped`] to `ends`.
#[cfg(unix)]
fn end_on_signals(ends: Sender<End>, token: CancelToken) -> io::Result<()> {
    use signal_hook::consts::{SIGINT, SIGTERM};

    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    thread::spawn(move || {
        for _ in signals.forever() {
            token.cancel();
            let _ = ends.send(End::Stopped);
        }
    });
    Ok(())
}

/// Does nothing, because other systems have no such signals.
#[cfg(not(unix))]
fn end_on_signals(_: Sender<End>, _: CancelToken) -> io::Result<()> {
    Ok(())
}

/// Starts a thread that sends [`End::Stopped`] to `ends` when Enter is pressed.
fn end_on_enter(ends: Sender<End>) {
    thread::spawn(move || {
        // The end of the input isn't Enter. It may be /dev/null.
        if matches!(io::stdin().lines().next(), Some(Ok(_))) {
            let _ = ends.send(End::Stopped);
        }
    });
}

/// Returns the text with `?` in place of control characters, which could
/// control the terminal.
fn printable(text: &str) -> String {
    text.replace(char::is_control, "?")
}

/// The arguments of the program.
struct Options {
    /// The files to share, or the folder for files that visitors send.
    site: Site,
    /// True if visitors don't need a private key.
    is_public: bool,
    /// The time after which the program ends if nothing else ends it before.
    /// `None` means no time limit.
    stop_after: Option<Duration>,
}

impl Options {
    fn read(mut arguments: impl Iterator<Item = String>) -> Result<Self> {
        const USAGE: &str = "usage: file_share share [--public] [--stop-after SECONDS] [--stay] \
                             PATH…\n   or: file_share receive [--public] [--stop-after SECONDS] \
                             [--limit BYTES] FOLDER";
        let command = arguments.next().ok_or(USAGE)?;
        let (mut is_public, mut stop_after, mut stay, mut limit) = (false, None, false, 1 << 30);
        let mut paths: Vec<PathBuf> = Vec::new();
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or(USAGE);
            match argument.as_str() {
                "--public" => is_public = true,
                "--stay" => stay = true,
                "--stop-after" => stop_after = Some(Duration::from_secs(value()?.parse()?)),
                "--limit" => limit = value()?.parse()?,
                option if option.starts_with('-') => return Err(USAGE.into()),
                path => paths.push(path.into()),
            }
        }
        let site = match (command.as_str(), paths.as_slice()) {
            ("share", [_, ..]) => Site::Share(Share::new(&paths, stay)?),
            ("receive", [folder]) => Site::Inbox(Inbox::new(folder, limit)?),
            _ => return Err(USAGE.into()),
        };
        Ok(Options { site, is_public, stop_after })
    }
}
