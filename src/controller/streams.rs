//! Streams.

use super::Controller;
use crate::error::{ArgumentError, Error, Result, StreamError, StreamProblem};
use crate::event::{CircuitInfo, StreamInfo};
use crate::protocol::{Command, CommandBuilder};
use crate::types::{CircuitId, CircuitPurpose, EndReason, Host, StreamId, StreamStatus};

/// Streams. control-spec, commands ATTACHSTREAM, REDIRECTSTREAM and CLOSESTREAM, GETINFO `stream-status`.
///
/// Streams come and go by themselves: that one has ended meanwhile is a refusal with
/// [`is_unknown_stream`](crate::error::Refusal::is_unknown_stream), which anybody who attaches streams must expect.
impl Controller {
    /// The streams that tor has now.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "GETINFO stream-status", "250-stream-status=10 SUCCEEDED 7 example.com:80\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let streams = controller.streams()?;
    /// assert_eq!(streams[0].target.host(), "example.com");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn streams(&self) -> Result<Vec<StreamInfo>> {
        self.read_lines("stream-status", StreamInfo::parse)
    }

    /// Attaches a waiting stream to a circuit. With `None`, tor chooses the circuit. control-spec, command
    /// ATTACHSTREAM.
    ///
    /// Streams wait while `__LeaveStreamsUnattached` is 1. Each new stream must then be attached or closed, or it
    /// hangs until tor gives up after two minutes.
    ///
    /// tor 0.4.9 aborts if a look-up (RESOLVE) is attached to a circuit whose purpose is neither
    /// [`General`](CircuitPurpose::General) nor [`ConfluxLinked`](CircuitPurpose::ConfluxLinked). So if a circuit is
    /// given, tor is asked for the circuit's purpose and the stream's kind first, which takes one more round trip. A
    /// circuit with the purpose [`Controller`](CircuitPurpose::Controller) is made a general one for the moment in
    /// which the look-up is attached. Look-ups over any other circuit are refused.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with [`is_unknown_stream`](crate::error::Refusal::is_unknown_stream) or
    /// [`is_unknown_circuit`](crate::error::Refusal::is_unknown_circuit) if the stream or the circuit is gone, and with
    /// [`is_not_allowed`](crate::error::Refusal::is_not_allowed) if the stream doesn't wait (555) or the circuit can't
    /// carry it (551). [`Error::Stream`] with [`StreamProblem::Purpose`] if the stream is a look-up and the circuit's
    /// purpose doesn't allow it. Nothing was sent then.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("circuit-status", "7 BUILT alice,bob PURPOSE=GENERAL").info("stream-status", "12 NEW 0 a.example:80")
    /// #     .on("ATTACHSTREAM 12 7", "250 OK\r\n")
    /// #     .on("ATTACHSTREAM 13 0", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::types::{CircuitId, StreamId};
    ///
    /// controller.attach_stream(StreamId::new(12), CircuitId::new(7))?;
    /// controller.attach_stream(StreamId::new(13), None)?; // tor chooses
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn attach_stream(&self, stream: StreamId, circuit: impl Into<Option<CircuitId>>) -> Result<()> {
        let circuit = circuit.into();
        let command = attach(stream, circuit).finish()?;
        match circuit {
            Some(circuit) => self.attach_checked(stream, circuit, command),
            None => self.request(command).map(drop),
        }
    }

    /// Attaches a waiting stream to a circuit, which it leaves at the `hop`th relay instead of the last. The first
    /// relay is 1.
    ///
    /// # Errors
    ///
    /// Same errors as [`attach_stream`](Self::attach_stream), and [`Error::Refused`] (551) if the circuit has fewer
    /// relays.
    pub fn attach_stream_at(&self, stream: StreamId, circuit: CircuitId, hop: u32) -> Result<()> {
        self.attach_checked(stream, circuit, attach_at(stream, circuit, Some(hop))?)
    }

    /// Attaches a stream that is known to be no look-up. Nothing else is asked or sent.
    pub(crate) fn attach_connection(
        &self,
        stream: StreamId,
        circuit: CircuitId,
        hop: Option<u32>,
    ) -> Result<()> {
        self.request(attach_at(stream, circuit, hop)?).map(drop)
    }

    /// Attaches a stream that is known to be a look-up, if tor survives that.
    pub(crate) fn attach_look_up(
        &self,
        stream: StreamId,
        circuit: CircuitId,
        hop: Option<u32>,
    ) -> Result<()> {
        let command = attach_at(stream, circuit, hop)?;
        let tor = self.on_this_link()?.in_one_call();
        let circuits = match tor.circuits() {
            Ok(circuits) => circuits,
            Err(Error::Refused(_)) => return Err(unfit(stream, circuit, None)),
            Err(error) => return Err(error),
        };
        tor.attach_over(stream, circuit, &circuits, command)
    }

    /// Asks tor what the stream and the circuit are, before it attaches one to the other.
    fn attach_checked(&self, stream: StreamId, circuit: CircuitId, command: Command) -> Result<()> {
        let tor = self.on_this_link()?.in_one_call();
        let (circuits, streams) = match tor.get_info_many(["circuit-status", "stream-status"]) {
            Ok(values) => {
                let mut values = values.iter();
                let circuits = values.next().map_or("", |text| text);
                let circuits =
                    circuits.lines().filter_map(|line| CircuitInfo::parse(line.as_bytes())).collect();
                let streams = values.next().map_or("", |text| text);
                let streams: Vec<_> =
                    streams.lines().filter_map(|line| StreamInfo::parse(line.as_bytes())).collect();
                (Some(circuits), streams)
            }
            // A filter may allow only one of them: a connection can be attached without knowing the circuit.
            Err(Error::Refused(_)) => (None, tor.streams()?),
            Err(error) => return Err(error),
        };
        let known = streams.iter().find(|known| known.id == stream);
        if !known.is_some_and(is_look_up) {
            // A stream that isn't listed has ended, and tor says so.
            return tor.request(command).map(drop);
        }
        let circuits: Vec<CircuitInfo> = circuits.ok_or_else(|| unfit(stream, circuit, None))?;
        tor.attach_over(stream, circuit, &circuits, command)
    }

    /// Attaches a look-up to one of these circuits, as its purpose allows.
    fn attach_over(
        &self,
        stream: StreamId,
        circuit: CircuitId,
        circuits: &[CircuitInfo],
        command: Command,
    ) -> Result<()> {
        let Some(info) = circuits.iter().find(|info| info.id == circuit) else {
            // tor says that it is unknown.
            return self.request(command).map(drop);
        };
        match &info.purpose {
            // Its purpose can't become CONTROLLER without ending the conflux set, and setting it would end the set.
            Some(CircuitPurpose::ConfluxLinked) => self.request(command).map(drop),
            // The purpose may have changed since. In the same write as ATTACHSTREAM, setting it closes the gap.
            Some(CircuitPurpose::General) => {
                self.attach_as_general(vec![set_purpose(circuit, &CircuitPurpose::General)?, command])
            }
            Some(CircuitPurpose::Controller) => {
                let controller = CircuitPurpose::Controller;
                // This changes nothing, but shows that no filter holds such commands back: if only ATTACHSTREAM
                // arrived, tor would abort.
                match self.request(set_purpose(circuit, &controller)?) {
                    Err(Error::Refused(refusal)) if !refusal.is_unknown_circuit() => {
                        return Err(unfit(stream, circuit, Some(controller)));
                    }
                    asked => asked.map(drop)?,
                }
                let general = set_purpose(circuit, &CircuitPurpose::General)?;
                self.attach_as_general(vec![general, command, set_purpose(circuit, &controller)?])
            }
            other => Err(unfit(stream, circuit, other.clone())),
        }
    }

    /// Sends SETCIRCUITPURPOSE, ATTACHSTREAM, and what follows, in one write. tor takes them in turn without doing
    /// anything else in between. The result is that of ATTACHSTREAM.
    fn attach_as_general(&self, commands: Vec<Command>) -> Result<()> {
        let mut replies = self.send_all(commands)?.into_iter();
        let general = replies.next();
        let attached = replies.next().map_or(Ok(()), |reply| reply.wait_ok().map(drop));
        for reply in general.into_iter().chain(replies) {
            if let Err(error) = reply.wait_ok() {
                log::debug!(target: "scape::attach", "while setting the purpose for a look-up: {error}");
            }
        }
        attached
    }

    /// Gives a stream another target before it is attached. With `port` `None`, the stream keeps its port. tor sends no
    /// event.
    ///
    /// tor takes any text for the address, so it is checked here: see [`Request`](crate::socks::Request) for the form of
    /// hosts. An onion address loses its trailing dot, because tor would otherwise ask an exit for it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with [`is_unknown_stream`](crate::error::Refusal::is_unknown_stream) if the
    /// stream has ended; [`Error::Argument`] if tor can't be asked for the address.
    pub fn redirect_stream(
        &self,
        stream: StreamId,
        address: &str,
        port: impl Into<Option<u16>>,
    ) -> Result<()> {
        let mut command = Command::build("REDIRECTSTREAM");
        command.word("stream", &stream.to_string());
        match Host::parse(address) {
            Ok(host) => command.word("address", &host.to_string()),
            Err(error) => {
                command.fail(ArgumentError::invalid("REDIRECTSTREAM", "address", error.to_string()));
                &mut command
            }
        };
        if let Some(port) = port.into() {
            if port == 0 {
                command.fail(ArgumentError::invalid("REDIRECTSTREAM", "port", "is 0, which is no port"));
            }
            command.word("port", &port.to_string());
        }
        self.request(command.finish()?).map(drop)
    }

    /// Ends a stream. The client is told the reason, as far as its protocol has a word for it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] with [`is_unknown_stream`](crate::error::Refusal::is_unknown_stream) where it has ended
    /// already.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("CLOSESTREAM 12 4", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::types::{EndReason, StreamId};
    ///
    /// controller.close_stream(StreamId::new(12), EndReason::EXIT_POLICY)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn close_stream(&self, stream: StreamId, reason: EndReason) -> Result<()> {
        let mut command = Command::build("CLOSESTREAM");
        command.word("stream", &stream.to_string()).word("reason", &reason.code().to_string());
        self.request(command.finish()?).map(drop)
    }
}

/// Whether tor does this stream's request with RESOLVE.
fn is_look_up(stream: &StreamInfo) -> bool {
    matches!(stream.status, StreamStatus::NewResolve | StreamStatus::SentResolve)
        || stream.target.port() == Some(0)
}

fn unfit(stream: StreamId, circuit: CircuitId, purpose: Option<CircuitPurpose>) -> Error {
    let error = StreamError::new(Some(circuit), StreamProblem::Purpose(purpose));
    error.of(stream, "").into()
}

fn set_purpose(circuit: CircuitId, purpose: &CircuitPurpose) -> Result<Command> {
    let mut command = Command::build("SETCIRCUITPURPOSE");
    command.word("circuit", &circuit.to_string()).pair("purpose", &purpose.as_str().to_ascii_lowercase());
    Ok(command.finish()?)
}

fn attach_at(stream: StreamId, circuit: CircuitId, hop: Option<u32>) -> Result<Command> {
    let mut command = attach(stream, Some(circuit));
    match hop {
        None => {}
        Some(0) => {
            let why = "is 0; the first relay is 1";
            command.fail(ArgumentError::invalid("ATTACHSTREAM", "hop", why));
        }
        Some(hop) => {
            command.pair("HOP", &hop.to_string());
        }
    }
    Ok(command.finish()?)
}

fn attach(stream: StreamId, circuit: Option<CircuitId>) -> CommandBuilder {
    let mut command = Command::build("ATTACHSTREAM");
    if circuit.is_some_and(|circuit| circuit.get() == 0) {
        // Whoever names a circuit must not get another one by accident.
        let why = "is 0, which would let tor choose; None says that";
        command.fail(ArgumentError::invalid("ATTACHSTREAM", "circuit", why));
    }
    let circuit = circuit.map_or(0, CircuitId::get);
    command.word("stream", &stream.to_string()).word("circuit", &circuit.to_string());
    command
}
