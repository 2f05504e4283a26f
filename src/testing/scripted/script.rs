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
    /// Sends bytes in two writes. The number is the length of the first one.
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

    /// Returns a description of the expected command for an error.
    pub(super) fn describe(&self) -> String {
        match self {
            Expected::Exactly(expected) => format!("{expected:?}"),
            Expected::Prefix(prefix) => format!("{prefix:?} and more"),
            Expected::Anything => "any command".to_owned(),
        }
    }
}

impl Script {
    /// Creates a script without steps. Most scripts begin with
    /// [`login`](Self::login), because clients authenticate first.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let script = Script::new().login().ignore();
    /// let tor = ScriptedTor::follow(script)?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn new() -> Self {
        Script::default()
    }

    fn step(mut self, step: Step) -> Self {
        self.steps.push(step);
        self
    }

    /// Adds four steps: they wait for PROTOCOLINFO and AUTHENTICATE, and answer
    /// each like a tor that needs no authentication.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let tor = ScriptedTor::follow(Script::new().login())?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(tor.finish()?.len(), 2); // the client has sent two commands
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn login(self) -> Self {
        self.expect_prefix("PROTOCOLINFO")
            .send(super::answers::PROTOCOLINFO)
            .expect_prefix("AUTHENTICATE")
            .send("250 OK\r\n")
    }

    /// Adds a step that waits for exactly this command. The text is given
    /// without the line end. A command with data is one text with its lines
    /// separated by `\n`, up to the final `.`.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let script = Script::new().login().expect("SIGNAL NEWNYM").send("250 OK\r\n");
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.msg("SIGNAL NEWNYM")?.is_ok());
    /// tor.finish()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn expect(self, command: impl Into<String>) -> Self {
        self.step(Step::Expect(Expected::Exactly(command.into())))
    }

    /// Adds a step that waits for a command that begins with `prefix`.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let script = Script::new().login().expect_prefix("SIGNAL ").send("250 OK\r\n");
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.msg("SIGNAL NEWNYM")?.is_ok());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn expect_prefix(self, prefix: impl Into<String>) -> Self {
        self.step(Step::Expect(Expected::Prefix(prefix.into())))
    }

    /// Adds a step that waits for any command.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let script = Script::new().login().expect_any().send("551 Internal error\r\n");
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(!controller.msg("SIGNAL NEWNYM")?.is_ok());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn expect_any(self) -> Self {
        self.step(Step::Expect(Expected::Anything))
    }

    /// Adds a step that sends exactly these bytes: a reply, an event, or a part
    /// of either. Nothing is added to the bytes, so every line needs its CRLF.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let script = Script::new()
    ///     .login()
    ///     .expect("GETINFO version")
    ///     .send("250-version=0.4.9.11\r\n")
    ///     .send("250 OK\r\n");
    /// let tor = ScriptedTor::follow(script)?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn send(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    /// Adds a step that sends these bytes in two pieces. The first piece is
    /// `at` bytes long.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// // The first piece ends between CR and LF.
    /// let (reply, first) = ("250-version=0.4.9.11\r\n250 OK\r\n", 21);
    /// let script = Script::new().login().expect("GETINFO version").send_split(reply, first);
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn send_split(self, bytes: impl Into<Vec<u8>>, at: usize) -> Self {
        self.step(Step::SendSplit(bytes.into(), at))
    }

    /// Makes all later [`send`](Self::send) steps write at most `bytes` bytes
    /// at a time. 0 is treated as 1.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let reply = "250-version=0.4.9.11\r\n250 OK\r\n";
    /// let script = Script::new().login().expect("GETINFO version").chunks(1).send(reply);
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn chunks(self, bytes: usize) -> Self {
        self.step(Step::Chunks(bytes.max(1)))
    }

    /// Adds a step that waits for `time`. Commands that arrive meanwhile are
    /// left for the next step.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// use std::time::Duration;
    ///
    /// let (reply, late) = ("250-version=0.4.9.11\r\n250 OK\r\n", Duration::from_millis(20));
    /// let script = Script::new().login().expect("GETINFO version").pause(late).send(reply);
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn pause(self, time: Duration) -> Self {
        self.step(Step::Pause(time))
    }

    /// Adds a step that waits until the test calls
    /// [`ScriptedTor::open`](super::ScriptedTor::open) with this name. If the
    /// gate was opened before, the step doesn't wait.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// use scape::event::EventKind;
    ///
    /// let script = Script::new().login().expect_prefix("SETEVENTS").send("250 OK\r\n");
    /// let script = script.gate("event").send("650 BW 1024 512\r\n").answer();
    /// let tor = ScriptedTor::follow(script)?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let events = controller.subscribe([EventKind::Bw])?;
    /// tor.open("event"); // the event is sent after this
    /// assert!(events.iter().next().is_some());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn gate(self, name: impl Into<String>) -> Self {
        self.step(Step::Gate(name.into()))
    }

    /// Adds a step that closes the connection in the direction to the client.
    /// The client then reads the end of the stream. Later steps can still
    /// expect commands.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let script = Script::new().login().expect("GETINFO version").end_of_sending();
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.get_info("version").is_err());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn end_of_sending(self) -> Self {
        self.step(Step::EndOfSending)
    }

    /// Adds a step that ends the connection. Later steps are ignored.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// // The connection ends in the middle of a reply.
    /// let script = Script::new().login().expect_any().send("250-version=0.4").hang_up();
    /// let tor = ScriptedTor::follow(script)?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.get_info("version").is_err());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn hang_up(self) -> Self {
        self.step(Step::HangUp)
    }

    /// Adds a step that reads all further commands and never answers them.
    /// Later steps are ignored.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// use std::time::Duration;
    ///
    /// let tor = ScriptedTor::follow(Script::new().login().ignore())?;
    /// let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let error = controller.with_timeout(Duration::from_millis(50)).get_info("version").err();
    /// assert!(error.is_some_and(|error| error.is_timeout()));
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn ignore(self) -> Self {
        self.step(Step::Ignore)
    }

    /// Adds a step that replies to all further commands with the builder's
    /// answers. Later steps are ignored.
    ///
    /// ```
    /// # use scape::testing::{Script, ScriptedTor};
    /// let script = Script::new().login().expect("SIGNAL NEWNYM").send("250 OK\r\n").answer();
    /// let tor = ScriptedTor::builder().info("version", "0.4.9.11").script(script).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.msg("SIGNAL NEWNYM")?.is_ok());
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn answer(self) -> Self {
        self.step(Step::Answer)
    }
}
