//! [`Script`]: the steps of one connection.

use std::time::Duration;

/// The steps of one connection, for
/// [`ScriptedTor::follow`](super::ScriptedTor::follow).
///
/// If the client sends something unexpected, the connection ends at once, so
/// that the client doesn't wait for a reply that never comes.
/// [`finish`](super::ScriptedTor::finish) then returns the error.
///
/// After the last step, the connection stays open. Any further command except
/// QUIT is an error, unless the last step is [`ignore`](Self::ignore),
/// [`answer`](Self::answer) or [`hang_up`](Self::hang_up).
///
/// ```
/// use scape::testing::{Script, ScriptedTor};
///
/// let script = Script::new()
///     .login()
///     .expect("GETINFO version")
///     .send("250-version=0.4.9.11\r\n")
///     .send("250 OK\r\n")
///     .expect("SIGNAL SHUTDOWN")
///     .send("250 OK\r\n")
///     .hang_up();
/// let tor = ScriptedTor::follow(script)?;
/// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// assert_eq!(controller.get_info("version")?, "0.4.9.11");
/// assert!(controller.msg("SIGNAL SHUTDOWN")?.is_ok());
/// tor.finish()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default)]
#[must_use = "a script does nothing before a ScriptedTor follows it"]
pub struct Script {
    pub(super) steps: Vec<Step>,
}

#[derive(Debug, Clone)]
pub(super) enum Step {
    Expect(Expected),
    Send(Vec<u8>),
    /// Bytes in two writes, the first of this length.
    SendSplit(Vec<u8>, usize),
    Chunks(usize),
    Pause(Duration),
    Gate(String),
    EndOfSending,
    HangUp,
    Ignore,
    Answer,
}

/// The command that a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Expected {
    Exactly(String),
    Prefix(String),
    Anything,
}

impl Expected {
    pub(super) fn fits(&self, command: &str) -> bool {
        match self {
            Expected::Exactly(expected) => command == expected,
            Expected::Prefix(prefix) => command.starts_with(prefix.as_str()),
            Expected::Anything => true,
        }
    }

    /// Returns a description for an error.
    pub(super) fn describe(&self) -> String {
        match self {
            Expected::Exactly(expected) => format!("{expected:?}"),
            Expected::Prefix(prefix) => format!("{prefix:?} and more"),
            Expected::Anything => "any command".to_owned(),
        }
    }
}

impl Script {
    /// Creates a script without steps.
    pub fn new() -> Self {
        Script::default()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Expects PROTOCOLINFO and AUTHENTICATE, and answers like a tor that needs
    /// no authentication.
    pub fn login(self) -> Self {
        self.expect_prefix("PROTOCOLINFO")
            .send(super::answers::PROTOCOLINFO)
            .expect_prefix("AUTHENTICATE")
            .send("250 OK\r\n")
    }

    /// Expects exactly this command, without its line end. A command with data
    /// is one text with its lines separated by `\n`, up to the final `.`.
    pub fn expect(self, command: impl Into<String>) -> Self {
        self.step(Step::Expect(Expected::Exactly(command.into())))
    }

    /// Expects a command that begins with `prefix`.
    pub fn expect_prefix(self, prefix: impl Into<String>) -> Self {
        self.step(Step::Expect(Expected::Prefix(prefix.into())))
    }

    /// Expects any command.
    pub fn expect_any(self) -> Self {
        self.step(Step::Expect(Expected::Anything))
    }

    /// Sends exactly these bytes: a reply, an event, or a part of either.
    /// Nothing is added, so every line needs its CRLF.
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Sends these bytes in two pieces, the first of which is `at` bytes long.
    pub fn send_split(self, bytes: impl Into<Vec<u8>>, at: usize) -> Self {
        self.step(Step::SendSplit(bytes.into(), at))
    }

    /// Makes all later [`send`](Self::send) steps write at most `bytes` bytes
    /// at a time. 0 is treated as 1.
    pub fn chunks(self, bytes: usize) -> Self {
        self.step(Step::Chunks(bytes.max(1)))
    }

    /// Waits for `time`.
    pub fn pause(self, time: Duration) -> Self {
        self.step(Step::Pause(time))
    }

    /// Waits until the test calls
    /// [`ScriptedTor::open`](super::ScriptedTor::open) with this name.
    pub fn gate(self, name: impl Into<String>) -> Self {
        self.step(Step::Gate(name.into()))
    }

    /// Closes the sending direction, but continues to read commands.
    pub fn end_of_sending(self) -> Self {
        self.step(Step::EndOfSending)
    }

    /// Ends the connection. Later steps are ignored.
    pub fn hang_up(self) -> Self {
        self.step(Step::HangUp)
    }

    /// Reads all further commands and never answers them. Later steps are
    /// ignored.
    pub fn ignore(self) -> Self {
        self.step(Step::Ignore)
    }

    /// Answers all further commands with the builder's answers. Later steps are
    /// ignored.
    pub fn answer(self) -> Self {
        self.step(Step::Answer)
    }
}
