//! Shows how a program with a window can use tor: the window sends commands to
//! a worker thread, receives events from it, and can end it at once.
//!
//! Run it with `cargo run --example gui_worker`. In place of a window, the
//! program reads commands from standard input (`connect HOST:PORT`, `identity`,
//! `quit`) and prints the events. The window's thread never waits for tor.
//! Closing the window cancels every wait of the worker. Set `SCAPE_CONTROL`
//! (`127.0.0.1:9051` or `unix:/path`) if tor is at an unusual place. If no tor
//! runs, one is launched.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::io::BufRead;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select, unbounded};
use scape::event::{EventBody, EventKind};
use scape::word::Progress;
use scape::{CancelToken, Connect, Launch, Result, Tor};

/// The timeout of each command from the window, and of waiting until tor is
/// ready.
const PATIENCE: Duration = Duration::from_secs(60);

/// A command from the window.
enum Command {
    Connect(String),
    NewIdentity,
}

/// A message from the worker that the window shows.
enum Event {
    Progress(Progress),
    Ready(String),
    Bandwidth { read: u64, written: u64 },
    Connected(String, Duration),
    NewIdentity,
    Failed(String),
    Ended,
}

/// The handle with which the window controls the worker thread.
struct Worker {
    commands: Sender<Command>,
    events: Receiver<Event>,
    /// The token that cancels everything that the worker is waiting for.
    cancel: CancelToken,
    thread: JoinHandle<()>,
}

fn start() -> Worker {
    let (commands, to_do) = unbounded();
    let (happened, events) = unbounded();
    let cancel = CancelToken::new();
    let token = cancel.clone();
    let thread = thread::spawn(move || {
        match work(&to_do, &happened, &token) {
            // The call was cancelled because the window is closed.
            Err(error) if error.is_cancelled() => {}
            Err(error) => drop(happened.send(Event::Failed(error.to_string()))),
            Ok(()) => {}
        }
        let _ = happened.send(Event::Ended);
    });
    Worker { commands, events, cancel, thread }
}

/// Connects to a running tor, or launches one. Commands that arrive before that
/// succeeds stay in the queue.
fn find_or_launch(happened: &Sender<Event>, cancel: &CancelToken) -> Result<Tor> {
    let tell = {
        let happened = happened.clone();
        move |step: &Progress| drop(happened.send(Event::Progress(step.clone())))
    };
    let tor = match Tor::connect_with(&Connect::from_env()?.cancel_with(cancel)) {
        Err(error) if !error.is_cancelled() => {
            return Tor::launch(Launch::new().on_progress(tell).cancel_with(cancel));
        }
        found => found?,
    };
    tor.cancel_with(cancel).become_ready_with(PATIENCE, tell)?;
    Ok(tor)
}

fn work(to_do: &Receiver<Command>, happened: &Sender<Event>, cancel: &CancelToken) -> Result<()> {
    let tor = find_or_launch(happened, cancel)?;
    let controller = tor.controller()?;
    let _ = happened.send(Event::Ready(controller.version()?.to_string()));
    let bandwidth = controller.subscribe([EventKind::Bw])?;
    loop {
        select! {
            recv(to_do) -> command => match command {
                Ok(command) => begin(command, &tor, happened),
                // The window is closed.
                Err(_) => return Ok(()),
            },
            recv(bandwidth.receiver()) -> batch => match batch {
                Ok(batch) => show_bandwidth(batch, happened),
                // The connection has ended.
                Err(_) => return bandwidth.cause().map_or(Ok(()), |closed| Err(closed.into())),
            },
        }
    }
}

fn show_bandwidth(
    batch: impl IntoIterator<Item = Arc<scape::event::Event>>,
    happened: &Sender<Event>,
) {
    for event in batch {
        if let EventBody::Bw(bw) = event.body() {
            let _ = happened.send(Event::Bandwidth { read: bw.read, written: bw.written });
        }
    }
}

/// Runs a command on its own thread, so that a slow command delays neither
/// other commands nor the end of the program.
fn begin(command: Command, tor: &Tor, happened: &Sender<Event>) {
    let (tor, happened) = (tor.clone(), happened.clone());
    thread::spawn(move || {
        let begun = Instant::now();
        let result = match command {
            Command::Connect(target) => tor
                .client()
                .and_then(|client| client.timeout(PATIENCE).connect(target.as_str()))
                .map(|_| Event::Connected(target, begun.elapsed())),
            Command::NewIdentity => tor
                .controller()
                .and_then(|controller| controller.new_identity(PATIENCE))
                .map(|()| Event::NewIdentity),
        };
        let _ = happened.send(result.unwrap_or_else(|error| Event::Failed(error.to_string())));
    });
}

fn main() {
    let Worker { commands, events, cancel, thread } = start();
    // The lines of standard input stand for the window's buttons.
    thread::spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(std::result::Result::ok) {
            let command = match line.split_once(' ') {
                Some(("connect", target)) => Command::Connect(target.to_owned()),
                _ if line == "identity" => Command::NewIdentity,
                _ if line == "quit" => break,
                _ => continue,
            };
            if commands.send(command).is_err() {
                break;
            }
        }
        // The window is closed, so `commands` is dropped too.
        cancel.cancel();
    });
    // The printed lines stand for the changes in the window.
    for event in events {
        match event {
            Event::Progress(step) => println!("{step}"),
            Event::Ready(version) => println!("ready: tor {version}"),
            Event::Bandwidth { read, written } => println!("read {read}, written {written}"),
            Event::Connected(target, time) => {
                println!("connected to {target} in {:.1} s", time.as_secs_f32());
            }
            Event::NewIdentity => println!("a new identity"),
            Event::Failed(why) => println!("failed: {why}"),
            Event::Ended => break,
        }
    }
    let _ = thread.join();
    println!("ended");
}
