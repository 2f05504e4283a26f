//! Streams.

use super::Controller;
use crate::error::{ArgumentError, Result};
use crate::event::StreamInfo;
use crate::protocol::{Command, CommandBuilder};
use crate::types::{CircuitId, EndReason, Host, StreamId};

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

    /// Puts a stream that waits for it on a circuit; with `None`, on one that tor chooses. Streams wait where
    /// `__LeaveStreamsUnattached` is 1: then every new one must be dealt with, or it hangs until tor gives up.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`](crate::Error::Refused) with [`is_unknown_stream`](crate::error::Refusal::is_unknown_stream) or
    /// [`is_unknown_circuit`](crate::error::Refusal::is_unknown_circuit) where the one or the other is gone;
    /// [`is_not_allowed`](crate::error::Refusal::is_not_allowed) where the stream does not wait (555), or the circuit
    /// cannot carry it (551).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
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
        self.request(attach(stream, circuit.into()).finish()?).map(drop)
    }

    /// As [`attach_stream`](Self::attach_stream), to leave the circuit at its `hop`th relay, the first being 1, instead
    /// of its last.
    ///
    /// # Errors
    ///
    /// As there; also 551 where the circuit has not so many relays.
    pub fn attach_stream_at(&self, stream: StreamId, circuit: CircuitId, hop: u32) -> Result<()> {
        let mut command = attach(stream, Some(circuit));
        if hop == 0 {
            let why = "is 0; the first relay is 1";
            command.fail(ArgumentError::invalid("ATTACHSTREAM", "hop", why));
        }
        self.request(command.pair("HOP", &hop.to_string()).finish()?).map(drop)
    }

    /// Gives a stream another target before it is attached. With `port` `None`, the stream keeps its port. tor sends no
    /// event.
    ///
    /// tor takes any text for the address, so it is checked here: see [`Request`](crate::socks::Request) for the form of
    /// hosts. An onion address loses its trailing dot, because tor would otherwise ask an exit for it.
    ///
    /// # Errors
    ///
    /// [`Error::Refused`](crate::Error::Refused) with [`is_unknown_stream`](crate::error::Refusal::is_unknown_stream) if the
    /// stream has ended; [`Error::Argument`](crate::Error::Argument) if tor can't be asked for the address.
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
    /// [`Error::Refused`](crate::Error::Refused) with [`is_unknown_stream`](crate::error::Refusal::is_unknown_stream) where it has ended
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
