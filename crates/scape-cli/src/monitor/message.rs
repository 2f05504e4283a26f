//! Messages between the threads of the monitor.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use crossterm::event::Event as TerminalEvent;
use scape::event::{CircuitInfo, Event, EventKind, OrConnInfo, StreamInfo};
use scape::info::Traffic;
use scape::word::{CircuitId, Fingerprint, StreamId};
use scape_manual::Manual;

use crate::commands::shared::log::line::LogLine;

use super::data::facts::{Facts, Usage};
use super::data::history::Histories;
use super::data::onions::Service;
use super::data::programs::Program;
use super::data::relays::Relays;
use super::data::{Link, Options};

/// A message to the thread that draws the screen. Nothing else changes the
/// screen.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// A key press, a mouse event, pasted text, or a new size of the terminal.
    Input(TerminalEvent),
    /// A second has passed, and this is the present time.
    Tick(SystemTime),
    /// An event of tor.
    Event(Arc<Event>),
    /// The connection to tor was lost or restored.
    Link(Link),
    /// Events were lost, so everything has to be read again.
    Stale,
    Facts(Arc<Facts>),
    Usage(Usage),
    /// The traffic in each of the last seconds before the monitor was started.
    Bandwidth(Vec<Traffic>),
    Circuits(Vec<CircuitInfo>),
    Streams(Vec<StreamInfo>),
    OrConnections(Vec<OrConnInfo>),
    Services(Vec<Service>),
    Relays(Arc<Relays>),
    Options(Arc<Options>),
    Manual(Arc<Manual>),
    /// The last lines of tor's log file, for the beginning of the page Log.
    OldLog(Vec<LogLine>),
    /// Lines to be shown in a box with this title.
    Details(String, Vec<String>),
    /// The program that uses a stream.
    Program(StreamId, Program),
    /// The lines of the reply to a command from the prompt page.
    Reply(Vec<String>),
    /// The result of a request, for the user.
    Note(Note),
}

/// A short text that the user sees at the bottom of the screen for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Note {
    pub(crate) text: String,
    pub(crate) is_error: bool,
}

impl Note {
    pub(crate) fn good(text: impl ToString) -> Self {
        Note { text: text.to_string(), is_error: false }
    }

    pub(crate) fn error(text: impl ToString) -> Self {
        Note { text: text.to_string(), is_error: true }
    }
}

/// A task for the worker thread.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    NewIdentity,
    CloseCircuit(CircuitId),
    CloseStream(StreamId),
    /// Sends a line to tor, for the prompt page.
    Command(String),
    LoadRelays,
    LoadOptions,
    LoadManual,
    LoadLogFile,
    /// Reads the details of a relay.
    Relay(Fingerprint),
    /// Finds the program that uses a stream, by the address of its client.
    FindProgram(StreamId, SocketAddr),
    /// Adds a relay to the option ExcludeNodes if the value is true. Otherwise,
    /// removes the relay from the option.
    Exclude(Fingerprint, bool),
    /// Checks the torrc for mistakes, and shows them.
    CheckTorrc,
    /// Writes the graphs to the file in which they are saved.
    KeepGraphs(Box<Histories>),
    /// Changes an option. The change is pending until it is applied.
    SetOption(String, Vec<String>),
    ResetOption(String),
    /// Discards the pending change of an option.
    DiscardOption(String),
    /// Sends the pending changes to tor.
    ApplyOptions,
    /// Makes tor write its torrc.
    SaveTorrc,
    WriteFile(PathBuf, String),
    /// Subscribes to further kinds of events, for the log page.
    Events(Vec<EventKind>),
}

impl Request {
    /// Returns true if a second request of the same kind is useless while the
    /// first one is waiting.
    pub(crate) fn is_load(&self) -> bool {
        matches!(
            self,
            Request::LoadRelays
                | Request::LoadOptions
                | Request::LoadManual
                | Request::LoadLogFile
                | Request::CheckTorrc
        )
    }
}

/// A task that a message causes for the thread of the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Quit,
    Ask(Request),
    /// Puts a text into the clipboard of the terminal.
    Copy(String),
    /// Draws the whole screen again.
    Clear,
    /// Stops the program until the shell continues it.
    Suspend,
}
