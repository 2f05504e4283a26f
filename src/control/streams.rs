//! Attaching, redirecting and closing streams.

use super::Controller;
use crate::error::Result;
use scape_proto::control::{ArgumentError, Command, CommandBuilder};
use scape_proto::event::{EndReason, StreamInfo};
use scape_proto::word::{CircuitId, Host, StreamId, is_disguised_onion};

/// Streams. See control-spec, commands ATTACHSTREAM, REDIRECTSTREAM and
/// CLOSESTREAM, GETINFO `stream-status`.
///
/// A stream can end at any time. tor refuses each of these commands if the
/// stream has ended meanwhile. For such a refusal,
/// [`is_unknown_stream`](crate::control::Refusal::is_unknown_stream) returns
/// true.
impl Controller {
    /// Returns the streams that tor has now (`GETINFO stream-status`).
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
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](Self::get_info), most often a closed
    /// connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if a line can't be
    /// parsed.
    #[doc(alias = "get_streams")]
    pub fn streams(&self) -> Result<Vec<StreamInfo>> {
        self.read_lines("stream-status", StreamInfo::parse)
    }

    /// Attaches a waiting stream to a circuit. If `circuit` is `None`, tor
    /// chooses the circuit. The stream leaves the circuit at relay number
    /// `hop`, counted from 1, or at the last relay if `hop` is `None`. See
    /// control-spec, command ATTACHSTREAM.
    ///
    /// Streams wait while `__LeaveStreamsUnattached` is 1. Each new stream must
    /// then be attached or closed, or it hangs until tor gives up after two
    /// minutes.
    ///
    /// tor 0.4.9 aborts if a look-up (RESOLVE) is attached to a circuit whose
    /// purpose is neither `GENERAL` nor `CONFLUX_LINKED`. So tor is asked for
    /// the circuit's purpose and the stream's kind first, which takes one more
    /// round trip. A circuit with the purpose `CONTROLLER` is made a general
    /// one for the moment in which the look-up is attached. A look-up over a
    /// circuit with any other purpose is refused. If tor, or a filter in front
    /// of it, doesn't list a stream, this method treats the stream like a
    /// look-up.
    ///
    /// A stream to an onion address with a trailing dot, such as `abc.onion.`,
    /// is also refused, because tor would ask an exit for that address. If a
    /// filter in front of tor hides the streams, this method can't recognize
    /// such a stream.
    ///
    /// [`msg`](Self::msg), [`send`](Self::send) and
    /// [`send_all`](Self::send_all) check an ATTACHSTREAM in the same way.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("circuit-status", "7 BUILT $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 PURPOSE=GENERAL")
    /// #     .info("stream-status", "12 NEW 0 a.example:80\n14 NEW 0 a.example:80")
    /// #     .on("ATTACHSTREAM 12 7", "250 OK\r\n")
    /// #     .on("ATTACHSTREAM 13 0", "250 OK\r\n")
    /// #     .on("ATTACHSTREAM 14 7 HOP=2", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::{CircuitId, StreamId};
    ///
    /// controller.attach_stream(StreamId::new(12), CircuitId::new(7), None)?;
    /// controller.attach_stream(StreamId::new(13), None, None)?; // tor chooses
    /// controller.attach_stream(StreamId::new(14), CircuitId::new(7), 2)?; // at the second relay
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor refuses. These
    /// methods of [`Refusal`](crate::control::Refusal) tell the reasons apart:
    ///
    /// * [`is_unknown_stream`](crate::control::Refusal::is_unknown_stream): the
    ///   stream is gone.
    /// * [`is_unknown_circuit`](crate::control::Refusal::is_unknown_circuit):
    ///   the circuit is gone.
    /// * [`is_not_allowed`](crate::control::Refusal::is_not_allowed): the
    ///   stream doesn't wait (555), the circuit can't carry the stream (551),
    ///   or the circuit has fewer than `hop` relays (551).
    ///
    /// Returns an error with a [`StreamError`](crate::control::StreamError)
    /// if this method itself refuses the stream, before anything is sent:
    ///
    /// * [`Purpose`](crate::control::StreamProblem::Purpose): a look-up over a
    ///   circuit with an unsuitable purpose.
    /// * [`Unlisted`](crate::control::StreamProblem::Unlisted): a stream that
    ///   tor doesn't list, over such a circuit.
    /// * [`OnionWithDot`](crate::control::StreamProblem::OnionWithDot): an
    ///   onion address with a trailing dot.
    ///
    /// The kind is [`ErrorKind::Argument`](crate::ErrorKind::Argument) if `hop`
    /// is 0 or is given without a circuit.
    pub fn attach_stream(
        &self,
        stream: StreamId,
        circuit: impl Into<Option<CircuitId>>,
        hop: impl Into<Option<u32>>,
    ) -> Result<()> {
        let command = match (circuit.into(), hop.into()) {
            (Some(circuit), hop) => attach_at(stream, circuit, hop)?,
            (None, None) => attach(stream, None).finish()?,
            (None, Some(_)) => {
                let why = "was given without a circuit";
                return Err(ArgumentError::invalid("ATTACHSTREAM", "hop", why).into());
            }
        };
        self.attach_checked(command)
    }

    /// Lets tor choose the circuit of a stream. Sends only ATTACHSTREAM. The
    /// caller has made sure that the target isn't an onion address with a
    /// trailing dot.
    pub(crate) fn leave_stream_to_tor(&self, stream: StreamId) -> Result<()> {
        self.request(attach(stream, None).finish()?).map(drop)
    }

    /// Attaches a stream to a circuit. Sends only ATTACHSTREAM. The caller has
    /// made sure that the stream isn't a look-up.
    pub(crate) fn attach_connection(
        &self,
        stream: StreamId,
        circuit: CircuitId,
        hop: Option<u32>,
    ) -> Result<()> {
        self.request(attach_at(stream, circuit, hop)?).map(drop)
    }

    /// Attaches a stream that is known to be a look-up. Returns an error, and
    /// doesn't attach the stream, if the circuit's purpose would make tor
    /// abort.
    pub(crate) fn attach_look_up(
        &self,
        stream: StreamId,
        circuit: CircuitId,
        hop: Option<u32>,
    ) -> Result<()> {
        self.attach_look_up_checked(stream, circuit, attach_at(stream, circuit, hop)?)
    }

    /// Changes the target of a stream that isn't attached yet. If `port` is
    /// `None`, the stream keeps its port. tor sends no event for this change.
    ///
    /// tor accepts any text as the address, so the address is checked here: see
    /// [`Request`](crate::socks::Request) for the form of hosts. The trailing
    /// dot of an onion address is removed, because tor would otherwise ask an
    /// exit for that address.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("REDIRECTSTREAM 12 b.example 8080", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::StreamId;
    ///
    /// controller.redirect_stream(StreamId::new(12), "b.example", 8080)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), for which
    /// [`is_unknown_stream`](crate::control::Refusal::is_unknown_stream) is
    /// true, if the stream has ended. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the address is
    /// not a host that tor can be asked for, or if the port is 0.
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
                command.fail(ArgumentError::invalid(
                    "REDIRECTSTREAM",
                    "address",
                    error.to_string(),
                ));
                &mut command
            }
        };
        if let Some(port) = port.into() {
            if port == 0 {
                command.fail(ArgumentError::invalid(
                    "REDIRECTSTREAM",
                    "port",
                    "is 0, which is no port",
                ));
            }
            command.word("port", &port.to_string());
        }
        self.request(command.finish()?).map(drop)
    }

    /// Closes a stream. A client that still waits for its connection is told
    /// the reason, if its protocol has a code for it. If the stream is already
    /// connected, tor only closes the connection to the client.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("CLOSESTREAM 12 4", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EndReason;
    /// use scape::word::StreamId;
    ///
    /// controller.close_stream(StreamId::new(12), EndReason::EXIT_POLICY)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), for which
    /// [`is_unknown_stream`](crate::control::Refusal::is_unknown_stream) is
    /// true, if the stream has ended already.
    pub fn close_stream(&self, stream: StreamId, reason: EndReason) -> Result<()> {
        self.request(close_command(stream, reason)?).map(drop)
    }
}

/// Returns the command that closes a stream.
pub(crate) fn close_command(stream: StreamId, reason: EndReason) -> Result<Command> {
    let mut command = Command::build("CLOSESTREAM");
    command.word("stream", &stream.to_string()).word("reason", &reason.code().to_string());
    Ok(command.finish()?)
}

/// Returns the command that lets tor choose the circuit of a waiting stream. If
/// the target is an onion address with a trailing dot, logs a warning and
/// returns the command that closes the stream, because tor would ask an exit
/// for such an address.
pub(crate) fn leave_to_tor_command(stream: &StreamInfo) -> Result<Command> {
    let (id, target) = (stream.id, &stream.target);
    if !is_disguised_onion(target.host()) {
        return Ok(attach(id, None).finish()?);
    }
    log::warn!(
        target: "scape::attach",
        "stream {id} to {target} is closed: tor would ask an exit for this onion address, because of its \
         trailing dot"
    );
    close_command(id, EndReason::RESOLVE_FAILED)
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
        // A caller that names a circuit must not get another one by accident.
        let why = "is 0, which would let tor choose; None says that";
        command.fail(ArgumentError::invalid("ATTACHSTREAM", "circuit", why));
    }
    let circuit = circuit.map_or(0, CircuitId::get);
    command.word("stream", &stream.to_string()).word("circuit", &circuit.to_string());
    command
}
