//! `scape monitor` shows the state of a tor on the whole terminal.
//!
//! A [`model::Model`] holds the whole state. Messages from one channel change
//! it ([`update::update`]), and [`draw::draw`] draws it. Neither function waits
//! for anything. These threads send the messages:
//!
//! * `feed` passes tor's events on, and regularly asks tor for the data that
//!   events don't contain.
//! * `worker` handles the requests of the user.
//! * `input` reads the terminal.
//!
//! The library's callback for the state of the connection sends messages, too.
//! The folder `data` contains what the monitor knows about tor. The folder
//! `pages` contains a file or folder for each page, and `ui` contains the parts
//! that pages are built from. Start reading in `run.rs`.

mod data;
mod draw;
mod exclusion;
mod feed;
mod graphs;
mod input;
mod keys;
mod message;
mod model;
mod owners;
mod pages;
mod process;
mod questions;
mod queue;
mod relay_details;
mod run;
mod tabs;
mod terminal;
#[cfg(test)]
mod tests;
mod torrc_lines;
mod ui;
mod update;
mod view;
mod worker;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

use anstream::{AutoStream, ColorChoice};
use clap::Args;
use crossbeam_channel::{Sender, bounded};
use scape::connection::ConnectionStatus;
use scape::control::Reconnect;
use scape::geoip::GeoIp;

use crate::base::context::Context;
use crate::base::failure::{Exit, Failure};
use crate::commands::shared::countries::CountryOptions;

use data::Link;
use feed::Feed;
use graphs::GraphsFile;
use message::Message;
use model::Model;
use pages::Page;
use run::{Surroundings, spawn};
use terminal::Screen;
use ui::theme::Theme;
use worker::Worker;

/// The maximum time between two attempts to reconnect.
const RECONNECT_EVERY: Duration = Duration::from_secs(5);
/// The time without data from tor after which the monitor checks the
/// connection.
const HEARTBEAT: Duration = Duration::from_secs(30);
/// The maximum number of messages that wait for the thread of the screen. A
/// thread that sends another one is blocked until there is room.
const MESSAGES: usize = 4_096;
/// The maximum number of requests that wait for the worker thread.
const REQUESTS: usize = 64;

/// Watch tor on the whole terminal: traffic, connections, log, options, relays
///
/// Press ? for the keys, and q to quit. If tor restarts, the monitor connects
/// again. The addresses of other people are hidden until you press a, unless
/// tor has reported that it isn't a relay.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The page to begin with
    #[arg(long, value_name = "PAGE", default_value = "overview")]
    page: Page,

    /// Use the mouse: the wheel moves the selection, a click opens a page
    ///
    /// With this option, most terminals select text only while Shift is held
    /// down.
    #[arg(long)]
    mouse: bool,

    /// Save the graphs in this file, and continue them when the monitor is
    /// started again
    #[arg(long, value_name = "FILE")]
    graphs: Option<PathBuf>,

    #[command(flatten)]
    countries: CountryOptions,

    /// A database of networks (autonomous systems) in MaxMind's format (.mmdb)
    ///
    /// The pages then show the networks of relays.
    #[arg(long, value_name = "FILE")]
    networks: Option<PathBuf>,
}

impl Arguments {
    pub(crate) fn run(self, context: &Context) -> Result<(), Failure> {
        if context.out.is_json() {
            let text = "the monitor can't print JSON; use `scape status --json`";
            return Err(Failure::usage(text));
        }
        Screen::check()?;
        let saved = self.graphs.as_deref().map(graphs::read).transpose()?;
        let file = self.graphs.clone().map(|path| Arc::new(GraphsFile::new(path)));
        let geoip = self.geoip()?;
        let reconnect = Reconnect::new().max_delay(RECONNECT_EVERY);
        let connect = context.connect()?.reconnect(reconnect).heartbeat(HEARTBEAT);
        let controller = context.open_with(&connect)?;

        let (messages, incoming) = bounded(MESSAGES);
        let (requests, asked) = queue::bounded(REQUESTS);
        let (kinds, wanted) = bounded(REQUESTS);
        let status = messages.clone();
        // The registration is kept, because dropping it would end the callback.
        let _registration = controller.on_status(move |change| tell_link(change, &status))?;
        let feed = Feed::new(controller.clone(), messages.clone())?;
        let worker = Worker::new(controller, messages.clone(), kinds, geoip, file.clone());

        let mut screen = Screen::open(self.mouse)?;
        let colors = AutoStream::choice(&io::stdout()) != ColorChoice::Never;
        crossterm::style::force_color_output(colors);
        let threads = vec![
            (spawn("scape-feed", move || feed.run(&wanted))?, "the connection to tor has ended"),
            (spawn("scape-worker", move || worker.run(&asked))?, "the monitor has failed"),
            (spawn("scape-input", move || input::run(&messages))?, "the terminal can't be read"),
        ];
        let theme = Theme { colors };
        // The time is read only now, because connecting may have taken long:
        // the user may have typed a password.
        let now = SystemTime::now();
        let mut model = Model::new(now, theme, self.page, screen.size()?);
        model.keeps_graphs = file.is_some();
        model.data.histories = saved.unwrap_or_default().resume(now);
        let token = context.token.clone();
        let continued = Arc::new(AtomicBool::new(false));
        #[cfg(unix)]
        signal_hook::flag::register(signal_hook::consts::SIGCONT, Arc::clone(&continued))
            .map_err(|error| Failure::failed(format!("cannot handle signals: {error}")))?;
        let around = Surroundings { messages: incoming, requests, threads, token, continued };
        let ended = run::run(&mut model, &mut screen, &around);
        // The terminal is restored before anything is printed.
        drop(screen);
        if let Some(file) = file {
            let kept = file.write_final(&model.data.histories, SystemTime::now());
            let kept =
                kept.map_err(|error| Failure::failed(format!("cannot save the graphs: {error}")));
            return ended.and(kept);
        }
        ended
    }

    /// Opens the databases of `--geoip` and `--networks`. Without these
    /// options, returns a value that contains no database.
    fn geoip(&self) -> Result<GeoIp, Failure> {
        let geoip = self.countries.database()?;
        match &self.networks {
            Some(path) => geoip
                .asn_database(path)
                .map_err(|error| Failure::new(Exit::Usage, error).while_doing("--networks")),
            None => Ok(geoip),
        }
    }
}

/// Tells the thread of the screen if the connection to tor was lost or
/// restored.
fn tell_link(change: &ConnectionStatus, messages: &Sender<Message>) {
    let link = match change {
        ConnectionStatus::Connected | ConnectionStatus::Reconnected(_) => Link::Up,
        ConnectionStatus::Closed(closed) => Link::Lost(closed.to_string()),
        ConnectionStatus::ReconnectFailed { error, .. } => Link::Lost(error.to_string()),
        _ => return,
    };
    // An error only means that the screen is closed.
    let _ = messages.send(Message::Link(link));
}
