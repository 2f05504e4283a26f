//! GETCONF, SETCONF, RESETCONF, LOADCONF, SAVECONF.

use super::Controller;
use super::client_keys::Kept;
use crate::error::{Error, Result};
use crate::protocol::{ArgumentError, Command, ConfLine, Reply, parse_getconf};
use crate::word::OnionAddress;

/// tor's configuration. control-spec, commands GETCONF, SETCONF, RESETCONF,
/// LOADCONF and SAVECONF; what a given tor knows is in its `config/names`.
impl Controller {
    /// Returns the value of an option, or `None` if it is unset.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETCONF Nickname", "250 Nickname=relay01\r\n")
    /// #     .on("GETCONF ContactInfo", "250 ContactInfo\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_conf("Nickname")?.as_deref(), Some("relay01"));
    /// assert_eq!(controller.get_conf("ContactInfo")?, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// know the option, and of the kind
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the option has
    /// several values ([`get_conf_list`](Self::get_conf_list) returns them
    /// all).
    pub fn get_conf(&self, name: &str) -> Result<Option<String>> {
        let mut lines = self.get_conf_lines([name])?;
        match (lines.pop(), lines.len()) {
            (Some(line), 0) => Ok(line.value),
            (_, others) => {
                let problem = format!(
                    "the option has {} values; ask for them with get_conf_list",
                    others + 1
                );
                Err(Error::answer(format!("GETCONF {name}"), problem))
            }
        }
    }

    /// The values of an option that may have several, in tor's order; none
    /// where it is unset.
    pub fn get_conf_list(&self, name: &str) -> Result<Vec<String>> {
        Ok(self.get_conf_lines([name])?.into_iter().filter_map(|line| line.value).collect())
    }

    /// The lines of several options, in tor's order and spelling. (tor takes
    /// names in any case and also abbreviated; for a group such as
    /// `HiddenServiceOptions` it gives its members' lines.)
    pub fn get_conf_lines<N: AsRef<str>>(
        &self,
        names: impl IntoIterator<Item = N>,
    ) -> Result<Vec<ConfLine>> {
        let names: Vec<String> = names.into_iter().map(|name| name.as_ref().to_owned()).collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let cache = &self.inner.session.cache;
        let asked = match cache.conf(&names) {
            Ok(lines) => return self.while_open(lines),
            Err(asked) => asked,
        };
        let mut command = Command::build("GETCONF");
        for name in &names {
            command.option(name);
        }
        let lines = parse_getconf(&self.request(command.finish()?)?, names.len());
        cache.keep_conf(asked, names, &lines);
        Ok(lines)
    }

    /// Sets options, all of them or none. A list option is named once for each
    /// of its values, and these replace the values that it has; an empty value
    /// clears (to empty or 0, not to the default:
    /// [`reset_conf`](Self::reset_conf) does that).
    ///
    /// Options of one group, such as `SocksPort` with `__SocksPort` and all of
    /// `HiddenService…`, replace the whole group: whatever of it should stay
    /// must be given again.
    ///
    /// tor takes abbreviated names: `Nick` sets `Nickname`. If several options
    /// begin with a name, tor sets the first.
    ///
    /// tor 0.4.9 forgets the onion service client keys that it has in memory
    /// with every change of its configuration. This call reads all of them
    /// first and gives them back in the same write, whichever controller added
    /// them. If a filter before tor doesn't allow ONION_CLIENT_AUTH_VIEW, only
    /// the keys that this controller added are given back.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("SETCONF ContactInfo=\"me\" MaxCircuitDirtiness=\"60\"", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.set_conf([("ContactInfo", "me"), ("MaxCircuitDirtiness", "60")])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor doesn't know an
    /// option (552), doesn't accept a value (513), can't change an option while
    /// it runs, or can't open a port (553). tor's text says which option.
    /// Nothing is changed then.
    pub fn set_conf<N: AsRef<str>, V: AsRef<str>>(
        &self,
        options: impl IntoIterator<Item = (N, V)>,
    ) -> Result<()> {
        let mut command = Command::build("SETCONF");
        let mut any = false;
        for (name, value) in options {
            command.quoted(name.as_ref(), value.as_ref());
            any = true;
        }
        if any { self.reconfigure(command.finish()?) } else { Ok(()) }
    }

    /// Sends a command that changes the configuration, without loss of the
    /// onion service client keys that tor has in memory: see
    /// [`client_keys`](super::client_keys).
    pub(crate) fn reconfigure(&self, command: Command) -> Result<()> {
        self.reconfigure_without(command, None)
    }

    /// Sends a change like [`reconfigure`](Self::reconfigure), which is meant
    /// to take away the client key for one service.
    pub(crate) fn reconfigure_without(
        &self,
        command: Command,
        forget: Option<&OnionAddress>,
    ) -> Result<()> {
        let (reply, command) = self.change(command, forget)?;
        match reply.refusal(&command) {
            Some(refusal) => Err(refusal.into()),
            None => Ok(()),
        }
    }

    /// Has every later SETCONF, RESETCONF and LOADCONF of this connection's
    /// calls pass through `amend` before it is sent. Does nothing the second
    /// time.
    pub(crate) fn amend_changes(
        &self,
        amend: impl Fn(Command) -> Result<Command> + Send + Sync + 'static,
    ) {
        let _ = self.inner.session.amend.set(Box::new(amend));
    }

    /// Sends a command that changes the configuration, and returns tor's reply,
    /// whatever it says.
    pub(super) fn change(
        &self,
        command: Command,
        forget: Option<&OnionAddress>,
    ) -> Result<(Reply, Command)> {
        let command = match self.inner.session.amend.get() {
            Some(amend) => amend(command)?,
            None => command,
        };
        let tor = self.on_this_link()?.in_one_call();
        let send = |commands| tor.send_all(commands);
        let kept = Kept::look(&send)?.without(forget);
        kept.send(&send, command, self.inner.session.ledger.client_auths())?.wait(&send)
    }

    /// Resets options to their defaults, all of them or none. Client keys are
    /// kept as by [`set_conf`](Self::set_conf). For a tor that this program
    /// [launched](crate::Launch), the default of `CookieAuthentication` is 1,
    /// and resetting the password sets it.
    ///
    /// # Errors
    ///
    /// Same errors as [`set_conf`](Self::set_conf), most often
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) for an unknown
    /// option.
    pub fn reset_conf<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<()> {
        let mut command = Command::build("RESETCONF");
        let mut any = false;
        for name in names {
            command.option(name.as_ref());
            any = true;
        }
        if any { self.reconfigure(command.finish()?) } else { Ok(()) }
    }

    /// Replaces the whole configuration by this text in torrc's format; what
    /// the command line says still counts. What is not repeated goes back to
    /// its default, also `ControlPort`, and `DataDirectory` must stay what it
    /// is. Client keys are kept as by [`set_conf`](Self::set_conf).
    ///
    /// A tor that this program [launched](crate::Launch) keeps asking for
    /// authentication at its control ports: if the text has neither
    /// `CookieAuthentication` nor a password, `CookieAuthentication 1` is put
    /// before it.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor doesn't
    /// understand the text or accept a value (552), or if the text changes an
    /// option that can't be changed while tor runs (553). Nothing is changed
    /// then. The kind is [`ErrorKind::Argument`](crate::ErrorKind::Argument) if
    /// the text can't be sent.
    pub fn load_conf(&self, torrc: &str) -> Result<()> {
        let bytes = torrc.as_bytes();
        let alone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
        if let Some(position) = memchr::memchr_iter(b'\r', bytes).find(alone) {
            let why = format!("has a carriage return without a line feed (at byte {position})");
            return Err(ArgumentError::invalid("LOADCONF", "torrc", why).into());
        }
        self.reconfigure(Command::build("LOADCONF").data("torrc", bytes).finish()?)
    }

    /// Writes the configuration into tor's torrc; the old one is kept as
    /// `torrc.orig.1`.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551) if the torrc
    /// can't be written, also because it uses `%include`: then
    /// [`save_conf_force`](Self::save_conf_force) writes it without.
    pub fn save_conf(&self) -> Result<()> {
        self.request(Command::build("SAVECONF").finish()?).map(drop)
    }

    /// As [`save_conf`](Self::save_conf), also where the torrc uses `%include`.
    pub fn save_conf_force(&self) -> Result<()> {
        self.request(Command::build("SAVECONF").word("flag", "FORCE").finish()?).map(drop)
    }
}
