//! How a program with a window uses tor: a worker thread, commands in, events out, and a prompt end.
//!
//! `cargo run --example gui_worker`. In place of a window, it reads commands from standard input (`connect HOST:PORT`, `identity`,
//! `quit`), and prints the events. The thread of the window never waits for anything. Where tor is somewhere else than usual,
//! set `SCAPE_CONTROL` (`127.0.0.1:9051` or `unix:/path`); where none runs, one is launched.

#![allow(clippy::print_stdout, reason = "a program for the terminal")]

use std::io::BufRead;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, select, unbounded};
use scape::event::EventBody;
use scape::types::{EventKind, Progress};
use scape::{Result, Tor};

/// How long what was asked for may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the window wants.
enum Command {
    Connect(String),
    NewIdentity,
}

/// What the window shows.
enum Event {
    Progress(Progress),
    Ready(String),
    Bandwidth { read: u64, written: u64 },
    Connected(String, Duration),
    NewIdentity,
    Failed(String),
    Ended,
}

/// The worker, as the window has it. Dropping its `commands` ends it.
struct Worker {
    commands: Sender<Command>,
    events: Receiver<Event>,
    thread: JoinHandle<()>,
}

fn start() -> Worker {
    let (commands, to_do) = unbounded();
    let (happened, events) = unbounded();
    let thread = thread::spawn(move || {
        if let Err(error) = work(&to_do, &happened) {
            let _ = happened.send(Event::Failed(error.to_string()));
        }
        let _ = happened.send(Event::Ended);
    });
    Worker { commands, events, thread }
}

fn work(to_do: &Receiver<Command>, happened: &Sender<Event>) -> Result<()> {
    // Launching takes a while, and cannot be ended in between: it has a thread of its own.
    let (found, tors) = unbounded();
    let progress = happened.clone();
    thread::spawn(move || {
        let tell = progress.clone();
        let tor = Tor::global_with(move |step| drop(tell.send(Event::Progress(step.clone()))));
        let ready = tor.and_then(|tor| {
            tor.become_ready_with(PATIENCE, |step| drop(progress.send(Event::Progress(step.clone()))))?;
            Ok(tor)
        });
        let _ = found.send(ready);
    });
    let mut early = Vec::new();
    let tor = loop {
        select! {
            recv(tors) -> tor => match tor {
                Ok(tor) => break tor?,
                Err(_) => return Ok(()),
            },
            recv(to_do) -> command => match command {
                Ok(command) => early.push(command),
                Err(_) => return Ok(()),
            },
        }
    };
    let controller = tor.controller()?;
    let _ = happened.send(Event::Ready(controller.version()?.to_string()));
    let bandwidth = controller.subscribe([EventKind::Bw])?;
    for command in early {
        begin(command, &tor, happened);
    }
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

fn show_bandwidth(batch: impl IntoIterator<Item = Arc<scape::event::Event>>, happened: &Sender<Event>) {
    for event in batch {
        if let EventBody::Bw(bw) = event.body() {
            let _ = happened.send(Event::Bandwidth { read: bw.read, written: bw.written });
        }
    }
}

/// Each command has a thread of its own, so that a slow one delays no other, nor the end.
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
    let Worker { commands, events, thread } = start();
    // The window's buttons.
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
    });
    // The window's events.
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
