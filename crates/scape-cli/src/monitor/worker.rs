//! The worker thread, which handles requests. A request may take long, so a
//! separate thread keeps it from delaying the screen and the events.

use std::fs::File;
use std::io::Write as _;
use std::net::{IpAddr, SocketAddrV4};
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use crossbeam_channel::Sender;
use scape::control::Signal;
use scape::event::{EndReason, EventKind};
use scape::geoip::GeoIp;
use scape::netdoc::ConsensusFlavor;
use scape::{Config, Controller, Result};
use scape_manual::Manual;

use crate::commands::shared::files::is_local;
use crate::commands::shared::log::file::LogFile;

use super::data::Options;
use super::data::history::Histories;
use super::data::relays::{Place, Relays};
use super::graphs::GraphsFile;
use super::message::{Message, Note, Request};
use super::owners::program_of;
use super::queue::Waiting;
use super::{exclusion, relay_details, torrc_lines};

/// The number of bytes that are read from the end of tor's log file.
const LOG_TAIL: u64 = 256 * 1024;
/// The maximum number of lines of a reply on the page Prompt. Longer replies
/// are cut.
const REPLY_LINES: usize = 2_000;

/// The state of the worker thread.
#[derive(Debug)]
pub(crate) struct Worker {
    controller: Controller,
    messages: Sender<Message>,
    /// The channel to the feed, which subscribes to these kinds of events.
    kinds: Sender<Vec<EventKind>>,
    /// Tor's configuration with the user's pending changes. `None` until a
    /// request needs it.
    config: Option<Config>,
    geoip: GeoIp,
    /// The file of `--graphs`. `None` without this option.
    graphs: Option<Arc<GraphsFile>>,
}

impl Worker {
    pub(crate) fn new(
        controller: Controller,
        messages: Sender<Message>,
        kinds: Sender<Vec<EventKind>>,
        geoip: GeoIp,
        graphs: Option<Arc<GraphsFile>>,
    ) -> Self {
        let geoip = geoip.tor(&controller);
        Worker { controller, messages, kinds, config: None, geoip, graphs }
    }

    /// Handles requests until the sending end of the queue is dropped, because
    /// the screen is closed.
    pub(crate) fn run(mut self, requests: &Waiting) {
        while let Some(request) = requests.next() {
            let what = describe(&request);
            let message = self.handle(request).unwrap_or_else(|error| {
                let what = what.map(|what| format!("cannot {what}: "));
                let text = format!("{}{error}", what.unwrap_or_default());
                Some(Message::Note(Note::error(text)))
            });
            if let Some(message) = message {
                self.send(message);
            }
        }
    }

    /// Sends a message to the thread of the screen. Does nothing if the screen
    /// is closed.
    fn send(&self, message: Message) {
        let _ = self.messages.send(message);
    }

    fn handle(&mut self, request: Request) -> Result<Option<Message>> {
        let note = match request {
            Request::NewIdentity => {
                // The event SIGNAL comes when tor has done it. A tor without a
                // client port never does it.
                let note = "asking tor for a new identity, which may take ten seconds";
                self.send(Message::Note(Note::good(note)));
                self.controller.signal(Signal::NewNym)?;
                return Ok(None);
            }
            Request::CloseCircuit(id) => {
                self.controller.close_circuit(id)?;
                "the circuit is closed"
            }
            Request::CloseStream(id) => {
                self.controller.close_stream(id, EndReason::DONE)?;
                "the stream is closed"
            }
            Request::Command(line) => return Ok(Some(self.command(&line))),
            Request::LoadRelays => return self.relays(),
            Request::LoadOptions => return self.options().map(Some),
            Request::LoadManual => return Ok(manual()),
            Request::LoadLogFile => return self.old_log(),
            Request::Relay(fingerprint) => {
                let (title, lines) =
                    relay_details::read(&self.controller, &self.geoip, fingerprint)?;
                return Ok(Some(Message::Details(title, lines)));
            }
            Request::FindProgram(id, source) => {
                if !is_local(&self.controller) {
                    return Ok(None);
                }
                return Ok(program_of(source).map(|program| Message::Program(id, program)));
            }
            Request::Exclude(relay, is_excluded) => {
                exclusion::change(&self.controller, relay, is_excluded)?
            }
            Request::CheckTorrc => return Ok(Some(self.torrc())),
            Request::KeepGraphs(histories) => return Ok(self.keep(&histories)),
            Request::SetOption(name, values) => {
                let config = self.config()?;
                match values.as_slice() {
                    [] => config.unset(&name)?,
                    [value] => config.set(&name, value)?,
                    values => config.set(&name, values)?,
                }
                return self.options().map(Some);
            }
            Request::ResetOption(name) => {
                self.config()?.reset(&name)?;
                return self.options().map(Some);
            }
            Request::DiscardOption(name) => {
                self.config()?.discard(&name);
                return self.options().map(Some);
            }
            Request::ApplyOptions => {
                self.config()?.save()?;
                self.send(Message::Note(Note::good("tor has accepted the changes")));
                return self.options().map(Some);
            }
            Request::SaveTorrc => {
                self.controller.save_conf()?;
                "tor has written its torrc"
            }
            Request::WriteFile(path, text) => return Ok(Some(write_file(&path, &text))),
            Request::Events(kinds) => {
                let _ = self.kinds.send(kinds);
                return Ok(None);
            }
        };
        Ok(Some(Message::Note(Note::good(note))))
    }

    /// Checks the torrc. Returns the message that shows its lines and the
    /// remarks about them, or the message about a failure.
    fn torrc(&self) -> Message {
        match torrc_lines::read(&self.controller) {
            Ok((title, lines)) => Message::Details(title, lines),
            Err(failure) => Message::Note(Note::error(failure.message)),
        }
    }

    /// Writes the graphs to the file of `--graphs`. Returns a message if that
    /// fails, and `None` otherwise.
    fn keep(&self, histories: &Histories) -> Option<Message> {
        let file = self.graphs.as_ref()?;
        let error = file.write(histories, SystemTime::now()).err()?;
        Some(Message::Note(Note::error(format!("cannot save the graphs: {error}"))))
    }

    /// Sends tor a command from the page Prompt. Returns a message with the
    /// lines of the reply, or with the error.
    fn command(&self, line: &str) -> Message {
        let reply = match self.controller.msg(line) {
            Ok(reply) => reply,
            Err(error) => return Message::Reply(vec![error.to_string()]),
        };
        let count = reply.len();
        let mut lines = Vec::new();
        for (index, line) in reply.lines().enumerate() {
            let text = String::from_utf8_lossy(line.text);
            let separator = match (line.data, index + 1 == count) {
                (Some(_), _) => '+',
                (None, true) => ' ',
                (None, false) => '-',
            };
            lines.push(format!("{}{separator}{text}", line.code));
            let data = line.data.map(String::from_utf8_lossy).unwrap_or_default();
            lines.extend(data.lines().map(str::to_owned));
        }
        let surplus = lines.len().saturating_sub(REPLY_LINES);
        lines.truncate(REPLY_LINES);
        if surplus > 0 {
            lines.push(format!("... {surplus} more lines"));
        }
        Message::Reply(lines)
    }

    /// Reads the consensus. Returns a message with its relays, or `None` if tor
    /// has no consensus yet.
    fn relays(&self) -> Result<Option<Message>> {
        let flavor = ConsensusFlavor::Microdesc;
        let Some(text) = self.controller.info().consensus_document(&flavor)? else {
            return Ok(None);
        };
        // A consensus that tor uses but the library can't parse isn't shown.
        let Ok(consensus) = text.parse() else { return Ok(None) };
        let relays = Relays::new(&consensus, |addresses| self.places(addresses));
        Ok(Some(Message::Relays(Arc::new(relays))))
    }

    /// Returns the country and the network of each address, in the same order.
    /// A value is `None` if it can't be found out.
    fn places(&self, addresses: &[SocketAddrV4]) -> Vec<Place> {
        let mut places = Vec::with_capacity(addresses.len());
        // Look up a part at a time, so that tor can answer other controllers in
        // between.
        for part in addresses.chunks(500) {
            let ips = part.iter().map(|address| IpAddr::from(*address.ip()));
            let Ok(locations) = self.geoip.lookup_all(ips) else { break };
            places.extend(locations.into_iter().map(|location| match location {
                Ok(location) => Place::from(location),
                Err(_) => Place::default(),
            }));
        }
        self.geoip.forget();
        places.resize_with(addresses.len(), Place::default);
        places
    }

    /// Returns the configuration with the pending changes. Reads it from tor
    /// when it is needed for the first time.
    fn config(&mut self) -> Result<&mut Config> {
        let config = match self.config.take() {
            Some(config) => config,
            None => self.controller.config()?,
        };
        Ok(self.config.insert(config))
    }

    /// Reads tor's options. Returns a message with the options and the pending
    /// changes.
    fn options(&mut self) -> Result<Message> {
        let config = self.config()?;
        let mut all = config.options()?;
        // Options that begin with "__" are for controllers, so they come last.
        all.sort_by_cached_key(|option| {
            (option.name.starts_with("__"), option.name.to_ascii_lowercase())
        });
        let options = Options { all, changes: config.diff() };
        Ok(Message::Options(Arc::new(options)))
    }

    /// Reads the last messages in tor's log file. Returns `None` if this
    /// machine has no log file of tor, or if the file can't be read.
    fn old_log(&self) -> Result<Option<Message>> {
        let Some(file) = LogFile::of(&self.controller)? else { return Ok(None) };
        // It isn't a failure if the file can't be read, because it may belong
        // to another user.
        let lines = file.read_end(SystemTime::now(), LOG_TAIL);
        Ok(lines.ok().map(Message::OldLog))
    }
}

/// Returns the task of a request for the message about its failure, such as
/// `close circuit 5`. Returns `None` if the error itself says enough.
fn describe(request: &Request) -> Option<String> {
    Some(match request {
        Request::NewIdentity => "change the identity".into(),
        Request::CloseCircuit(id) => format!("close circuit {id}"),
        Request::CloseStream(id) => format!("close stream {id}"),
        Request::LoadRelays => "read the consensus".into(),
        Request::LoadOptions => "read the options".into(),
        Request::LoadLogFile => "read the log file".into(),
        Request::Relay(_) => "read the relay's descriptor".into(),
        Request::ApplyOptions => "apply the changes".into(),
        Request::SaveTorrc => "save the torrc".into(),
        Request::Exclude(..) => "change ExcludeNodes".into(),
        _ => return None,
    })
}

/// Reads tor's manual page. Returns `None` if it isn't installed.
fn manual() -> Option<Message> {
    Manual::installed().ok().map(|manual| Message::Manual(Arc::new(manual)))
}

/// Writes a text to a new file that only its owner can read. Never overwrites a
/// file. Returns the message for the user about the success or the error.
fn write_file(path: &Path, text: &str) -> Message {
    let mut options = File::options();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let result = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    Message::Note(match result {
        Ok(()) => Note::good(format!("{} is written", path.display())),
        Err(error) => Note::error(format!("cannot write {}: {error}", path.display())),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn existing_files_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("page");
        assert!(matches!(write_file(&path, "text"), Message::Note(note) if !note.is_error));
        assert!(matches!(write_file(&path, "other"), Message::Note(note) if note.is_error));
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "text");
    }
}
