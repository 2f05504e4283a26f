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

/// A message to the thread that draws the screen. Only messages change the
/// content of the screen.
#[derive(Debug, Clone)]
pub(crate) enum Message {
    /// A key press, a mouse event, pasted text, or a new size of the terminal.
    Input(TerminalEvent),
    /// Another second has passed. Contains the present time.
    Tick(SystemTime),
    /// An event of tor.
    Event(Arc<Event>),
    /// The connection to tor was lost or restored.
    Link(Link),
    /// Events were lost, so the screen may be out of date. All data will be
    /// read again.
    Stale,
    Facts(Arc<Facts>),
    Usage(Usage),
    /// The traffic in each of the last seconds before the start of the monitor,
    /// the oldest first, for the graphs.
    Bandwidth(Vec<Traffic>),
    Circuits(Vec<CircuitInfo>),
    Streams(Vec<StreamInfo>),
    OrConnections(Vec<OrConnInfo>),
    Services(Vec<Service>),
    Relays(Arc<Relays>),
    Options(Arc<Options>),
    Manual(Arc<Manual>),
    /// The last messages in tor's log file, for the beginning of the page Log.
    OldLog(Vec<LogLine>),
    /// A title and lines, to be shown in a box.
    Details(String, Vec<String>),
    /// The program that uses a stream, as an answer to
    /// [`Request::FindProgram`].
    Program(StreamId, Program),
    /// The lines of the reply to a command from the page Prompt.
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

/// A request to the worker thread, which may wait for tor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Request {
    NewIdentity,
    CloseCircuit(CircuitId),
    CloseStream(StreamId),
    /// Sends tor a line that the user typed on the page Prompt.
    Command(String),
    LoadRelays,
    LoadOptions,
    LoadManual,
    LoadLogFile,
    /// Reads the details of a relay, to be shown in a box.
    Relay(Fingerprint),
    /// Finds the program that uses a stream. Contains the address of the
    /// client, by which the program is found.
    FindProgram(StreamId, SocketAddr),
    /// Adds a relay to tor's option `ExcludeNodes` if the value is true.
    /// Removes the relay from the option if it is false.
    Exclude(Fingerprint, bool),
    /// Checks the torrc for mistakes, to be shown in a box.
    CheckTorrc,
    /// Writes the graphs to the file of `--graphs`.
    KeepGraphs(Box<Histories>),
    /// Changes an option to these values. The change is pending until the
    /// request [`Request::ApplyOptions`].
    SetOption(String, Vec<String>),
    ResetOption(String),
    /// Discards the pending change of an option.
    DiscardOption(String),
    /// Sends all pending changes of options to tor.
    ApplyOptions,
    /// Makes tor write its torrc.
    SaveTorrc,
    WriteFile(PathBuf, String),
    /// Subscribes to these kinds of events, for the page Log. They replace the
    /// kinds of the last such request.
    Events(Vec<EventKind>),
}

impl Request {
    /// Returns true for requests that only load data. The same request needn't
    /// be queued again while the first one is waiting.
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

/// A task for the thread of the screen, which results from a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Effect {
    Quit,
    Ask(Request),
    /// Puts a text into the clipboard, by an escape sequence of the terminal.
    Copy(String),
    /// Clears the terminal and draws the whole screen again.
    Clear,
    /// Restores the terminal and stops the program until the shell continues
    /// it.
    Suspend,
}
