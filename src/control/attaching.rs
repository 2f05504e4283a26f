//! The checks that every ATTACHSTREAM passes before it is sent, whichever
//! method sends it.
//!
//! The checks prevent two problems. tor 0.4.9 aborts if a look-up (RESOLVE) is
//! attached to a circuit that isn't for general use. And tor takes an onion
//! address with a trailing dot for an ordinary name. It would ask an exit for
//! this name, which RFC 7686 forbids.
//!
//! So the checks first ask tor for its streams and circuits. A stream that
//! isn't listed is treated like a look-up. It may have ended, or a filter in
//! front of tor may hide it.

use std::ops::Range;

use super::Controller;
use crate::control::{StreamError, StreamProblem};
use crate::error::{Error, Result};
use crate::io::connection::PendingReply;
use scape_proto::control::{ArgumentError, Command, Refusal};
use scape_proto::event::{CircuitInfo, CircuitPurpose, StreamInfo, StreamStatus};
use scape_proto::word::{CircuitId, StreamId, is_disguised_onion};

const KEYWORD: &str = "ATTACHSTREAM";

/// The streams and circuits that tor lists. A list is `None` if a filter in
/// front of tor refuses to return it.
struct Listed {
    streams: Option<Vec<StreamInfo>>,
    circuits: Option<Vec<CircuitInfo>>,
}

/// The arguments of an ATTACHSTREAM: the stream to attach, and the circuit. If
/// the circuit is `None`, tor chooses one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Attachment {
    stream: StreamId,
    circuit: Option<CircuitId>,
}

/// The commands to send in one write, in this order. They are the caller's
/// commands, each with the commands that the checks put before and after it.
#[derive(Default)]
struct Write {
    commands: Vec<Command>,
    /// The indexes, in `commands`, of the caller's commands.
    asked: Vec<usize>,
}

impl Write {
    fn push(&mut self, around: Around, command: Command) {
        self.commands.extend(around.before);
        self.asked.push(self.commands.len());
        self.commands.push(command);
        self.commands.extend(around.after);
    }
}

/// The commands to send before and after an ATTACHSTREAM, in the same write.
/// tor executes the commands of one write in order, and does nothing else in
/// between.
#[derive(Default)]
struct Around {
    before: Option<Command>,
    after: Option<Command>,
}

impl Controller {
    /// Sends an ATTACHSTREAM after the checks that this [module](self)
    /// describes. Returns an error and doesn't send it if a check fails.
    pub(super) fn attach_checked(&self, command: Command) -> Result<()> {
        let within = self.on_this_link()?.in_one_call();
        let write = within.checked(vec![command])?;
        within.attach_in(write)
    }

    /// Attaches a stream that is known to be a look-up. Checks only the
    /// circuit.
    pub(super) fn attach_look_up_checked(
        &self,
        stream: StreamId,
        circuit: CircuitId,
        command: Command,
    ) -> Result<()> {
        let within = self.on_this_link()?.in_one_call();
        let circuits = match within.circuits() {
            Ok(circuits) => Some(circuits),
            Err(error) if error.is::<Refusal>() => None,
            Err(error) => return Err(error),
        };
        let mut write = Write::default();
        let unfit = |purpose| unfit(stream, circuit, StreamProblem::Purpose(purpose));
        write.push(within.around(circuit, circuits.as_deref(), &unfit)?, command);
        within.attach_in(write)
    }

    /// Sends commands, after all checks of each ATTACHSTREAM among them.
    /// Returns the replies to these commands only, not to those that the checks
    /// add.
    pub(super) fn send_all_checked(&self, commands: Vec<Command>) -> Result<Vec<PendingReply>> {
        let within = self.on_this_link()?.in_one_call();
        let Write { commands, asked } = within.checked(commands)?;
        let replies = within.send_all_unchecked(commands)?.into_iter().enumerate();
        Ok(replies.filter(|(at, _)| asked.contains(at)).map(|(_, reply)| reply).collect())
    }

    /// Sends an ATTACHSTREAM together with the commands that the checks added.
    /// Returns the result of the ATTACHSTREAM.
    fn attach_in(&self, write: Write) -> Result<()> {
        let mut attached = Ok(());
        for (at, reply) in self.send_all_unchecked(write.commands)?.into_iter().enumerate() {
            let answer = reply.wait_ok().map(drop);
            if write.asked.contains(&at) {
                attached = answer;
            } else if let Err(error) = answer {
                log::debug!(target: "scape::attach", "cannot set the circuit's purpose for a look-up: {error}");
            }
        }
        attached
    }

    /// Checks every ATTACHSTREAM among these commands, and adds the commands
    /// that must be sent before or after it. Asks tor for its streams and
    /// circuits at most once.
    fn checked(&self, commands: Vec<Command>) -> Result<Write> {
        let mut listed = None;
        let mut write = Write::default();
        for command in commands {
            let around = match attachment(&command)? {
                None => Around::default(),
                Some(attachment) => {
                    let listed = match &mut listed {
                        Some(listed) => listed,
                        none => none.insert(self.list()?),
                    };
                    self.check(attachment, listed)?
                }
            };
            write.push(around, command);
        }
        Ok(write)
    }

    /// Asks tor for its streams and circuits.
    fn list(&self) -> Result<Listed> {
        match self.info().get_many(["circuit-status", "stream-status"]) {
            Ok(values) => {
                let mut values = values.iter().map(String::as_str);
                Ok(Listed {
                    circuits: Some(parsed(values.next(), CircuitInfo::parse)),
                    streams: Some(parsed(values.next(), StreamInfo::parse)),
                })
            }
            // A filter may allow only one of them.
            Err(error) if error.is::<Refusal>() => Ok(Listed {
                circuits: allowed(self.circuits())?,
                streams: allowed(self.streams())?,
            }),
            Err(error) => Err(error),
        }
    }

    /// Checks one ATTACHSTREAM. Returns the commands to send before and after
    /// it.
    fn check(&self, attachment: Attachment, listed: &Listed) -> Result<Around> {
        let Attachment { stream, circuit } = attachment;
        let known = listed.streams.iter().flatten().find(|known| known.id == stream);
        if let Some(info) = known.filter(|info| is_disguised_onion(info.target.host())) {
            let error = StreamError::new(circuit, StreamProblem::OnionWithDot);
            return Err(error.of(stream, info.target.as_str()).into());
        }
        let Some(circuit) = circuit else { return Ok(Around::default()) };
        let problem = |purpose| match known {
            Some(_) => StreamProblem::Purpose(purpose),
            None => StreamProblem::Unlisted(purpose),
        };
        match known {
            Some(info) if !is_look_up(info) => Ok(Around::default()),
            // A stream that isn't listed may have ended, and then tor says so.
            // Or a filter hides it.
            _ => {
                let unfit = |purpose| unfit(stream, circuit, problem(purpose));
                self.around(circuit, listed.circuits.as_deref(), &unfit)
            }
        }
    }

    /// Returns the commands to send before and after an ATTACHSTREAM that
    /// attaches a look-up to this circuit. The commands depend on the circuit's
    /// purpose. If look-ups can't be attached to the circuit, returns the error
    /// that `unfit` creates from the purpose.
    fn around(
        &self,
        circuit: CircuitId,
        circuits: Option<&[CircuitInfo]>,
        unfit: &dyn Fn(Option<CircuitPurpose>) -> Error,
    ) -> Result<Around> {
        let circuits = circuits.ok_or_else(|| unfit(None))?;
        let Some(info) = circuits.iter().find(|info| info.id == circuit) else {
            // If tor has no such circuit, it refuses this command with that
            // reason. A filter may also hide a circuit that tor has.
            return match self.request(set_purpose(circuit, "none")?) {
                Err(error) if error.exact().is_some_and(Refusal::is_unknown_circuit) => {
                    Ok(Around::default())
                }
                Ok(_) => Err(unfit(None)),
                Err(error) if error.is::<Refusal>() => Err(unfit(None)),
                Err(error) => Err(error),
            };
        };
        match &info.purpose {
            // Nothing is set here, because setting the purpose of a linked
            // circuit ends its conflux set. And no gap needs to be closed: the
            // purpose can't become CONTROLLER while the set exists.
            Some(CircuitPurpose::ConfluxLinked) => Ok(Around::default()),
            // The purpose may have changed since tor was asked. Setting it in
            // the same write as ATTACHSTREAM closes the gap.
            Some(CircuitPurpose::General) => {
                Ok(Around { before: Some(set_purpose(circuit, "general")?), after: None })
            }
            Some(CircuitPurpose::Controller) => {
                // This changes nothing, but shows that no filter blocks such
                // commands. If only ATTACHSTREAM reached tor, tor would abort.
                match self.request(set_purpose(circuit, "controller")?) {
                    Err(error)
                        if error.exact().is_some_and(|it: &Refusal| !it.is_unknown_circuit()) =>
                    {
                        return Err(unfit(Some(CircuitPurpose::Controller)));
                    }
                    asked => asked.map(drop)?,
                }
                Ok(Around {
                    before: Some(set_purpose(circuit, "general")?),
                    after: Some(set_purpose(circuit, "controller")?),
                })
            }
            other => Err(unfit(other.clone())),
        }
    }
}

/// Returns true if the command is an ATTACHSTREAM, which has to be checked
/// before it is sent.
pub(super) fn is_attach(command: &Command) -> bool {
    command.keyword().eq_ignore_ascii_case(KEYWORD)
}

/// Reads an ATTACHSTREAM like tor does: words are separated by spaces, and
/// other white space around them is skipped. Both ids are decimal numbers,
/// perhaps with `+` or zeros in front.
///
/// Returns `None` for any other command, and for an ATTACHSTREAM that tor
/// refuses because an id is missing or not a number. Returns an error for an
/// ATTACHSTREAM that tor may read differently: one with data, or with a
/// negative id.
fn attachment(command: &Command) -> Result<Option<Attachment>, ArgumentError> {
    if !is_attach(command) {
        return Ok(None);
    }
    let refuse = |argument, why| Err(ArgumentError::invalid(KEYWORD, argument, why));
    let wire = command.wire();
    if wire.starts_with(b"+") {
        // tor reads words of the data as arguments.
        return refuse("command", "has no data: send it without +");
    }
    let line = String::from_utf8_lossy(wire);
    let arguments = line.get(KEYWORD.len()..).unwrap_or_default();
    let mut words = arguments
        .split(' ')
        .map(|word| word.trim_matches(is_space))
        .filter(|word| !word.is_empty());
    let (Some(stream), Some(circuit)) = (words.next(), words.next()) else { return Ok(None) };
    if stream.starts_with('-') || circuit.starts_with('-') {
        // tor reads some negative numbers as other numbers.
        let argument = if stream.starts_with('-') { "stream" } else { "circuit" };
        return refuse(argument, "is a negative number");
    }
    let number = |word: &str, range: Range<u64>| {
        let digits = word.strip_prefix('+').unwrap_or(word);
        let is_number = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
        digits.parse::<u64>().ok().filter(|number| is_number && range.contains(number))
    };
    let stream = number(stream, 0..u64::MAX).map(StreamId::new);
    let circuit = match circuit {
        // Only a plain 0 lets tor choose.
        "0" => Some(None),
        circuit => number(circuit, 0..u64::from(u32::MAX) + 1)
            .and_then(|n| u32::try_from(n).ok())
            .map(|n| Some(CircuitId::new(n))),
    };
    Ok(stream.zip(circuit).map(|(stream, circuit)| Attachment { stream, circuit }))
}

/// Returns true for the characters that C counts as white space.
fn is_space(c: char) -> bool {
    c.is_ascii_whitespace() || c == '\x0b'
}

/// Returns true if the stream is a look-up (RESOLVE), not a connection.
fn is_look_up(stream: &StreamInfo) -> bool {
    matches!(stream.status, StreamStatus::NewResolve | StreamStatus::SentResolve)
        || stream.target.port() == Some(0)
}

/// Parses the lines of a GETINFO value. Lines that can't be parsed are left
/// out.
fn parsed<T>(text: Option<&str>, parse: impl Fn(&[u8]) -> Option<T>) -> Vec<T> {
    text.unwrap_or_default().lines().filter_map(|line| parse(line.as_bytes())).collect()
}

/// Converts a refusal to `None`. A filter in front of tor may refuse the
/// command, and the checks go on without the answer.
fn allowed<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if error.is::<Refusal>() => Ok(None),
        Err(error) => Err(error),
    }
}

fn unfit(stream: StreamId, circuit: CircuitId, problem: StreamProblem) -> Error {
    StreamError::new(Some(circuit), problem).of(stream, "").into()
}

fn set_purpose(circuit: CircuitId, purpose: &str) -> Result<Command> {
    let mut command = Command::build("SETCIRCUITPURPOSE");
    command.word("circuit", &circuit.to_string()).pair("purpose", purpose);
    Ok(command.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Option<(u64, u32)> {
        let found = attachment(&Command::raw(line, None).unwrap()).unwrap();
        found.map(|found| (found.stream.get(), found.circuit.map_or(0, CircuitId::get)))
    }

    #[test]
    fn attach_stream_is_read_like_tor_reads_it() {
        for line in [
            "ATTACHSTREAM 12 7",
            "attachstream 12 7",
            "AttachStream  12   7 ",
            "ATTACHSTREAM\t12 7",
            "ATTACHSTREAM \t12\t \x0b7\x0c",
            "ATTACHSTREAM 12 7 HOP=2",
            "ATTACHSTREAM 12 7 hop=\"2\" x",
            "ATTACHSTREAM +12 007",
        ] {
            assert_eq!(read(line), Some((12, 7)), "{line:?}");
        }
        for line in ["ATTACHSTREAM 12 0", "ATTACHSTREAM 12 0 HOP=x"] {
            assert_eq!(read(line), Some((12, 0)), "{line:?}");
        }
        // tor says that it has no such stream or circuit, or that an argument
        // is missing.
        for line in [
            "ATTACHSTREAM",
            "ATTACHSTREAM 12",
            "ATTACHSTREAM 12\t7",
            "ATTACHSTREAM HOP=2 12 7",
            "ATTACHSTREAM \"12\" 7",
            "ATTACHSTREAM 0x12 7",
            "ATTACHSTREAM ++12 7",
            "ATTACHSTREAM 12 4294967296",
            "ATTACHSTREAM 99999999999999999999 7",
            "GETINFO version",
            "ATTACHSTREAMS 12 7",
        ] {
            assert_eq!(read(line), None, "{line:?}");
        }
        for (line, data) in [
            ("ATTACHSTREAM -18446744073709551604 7", None),
            ("ATTACHSTREAM 12 -4294967289", None),
            ("+ATTACHSTREAM 12", Some(&b" 7"[..])),
        ] {
            assert!(attachment(&Command::raw(line, data).unwrap()).is_err(), "{line:?}");
        }
    }
}
