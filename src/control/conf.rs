//! tor's configuration: GETCONF, SETCONF, RESETCONF, LOADCONF, SAVECONF.

use super::Controller;
use super::client_keys::Kept;
use crate::error::{Error, Result};
use scape_proto::control::{ArgumentError, Command, ConfLine, Reply, parse_getconf};
use scape_proto::word::OnionAddress;

/// Commands for tor's configuration. See control-spec, commands GETCONF,
/// SETCONF, RESETCONF, LOADCONF and SAVECONF.
///
/// `GETINFO config/names` lists the options that tor knows.
/// [`Controller::config`] returns the options with their types.
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
    /// know the option. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the option has
    /// several values. [`get_conf_list`](Self::get_conf_list) returns all of
    /// them.
    pub fn get_conf(&self, name: &str) -> Result<Option<String>> {
        let mut lines = self.get_conf_lines([name])?;
        match (lines.pop(), lines.len()) {
            (Some(line), 0) => Ok(line.value),
            (Some(_), others) => {
                let count = others + 1;
                let problem =
                    format!("the option has {count} values; ask for them with get_conf_list");
                Err(Error::answer(format!("GETCONF {name}"), problem))
            }
            (None, _) => Err(Error::answer(format!("GETCONF {name}"), "no line for the option")),
        }
    }

    /// Returns all values of an option, in tor's order. Use it for options that
    /// can have several values. The list is empty if the option is unset. tor
    /// returns a comma-separated list as one value, such as `a,b`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETCONF SocksPort", "250-SocksPort=9050\r\n250 SocksPort=9150\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert_eq!(controller.get_conf_list("SocksPort")?, ["9050", "9150"]);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// know the option.
    pub fn get_conf_list(&self, name: &str) -> Result<Vec<String>> {
        let lines = self.get_conf_lines([name])?;
        let values: Vec<String> = lines.into_iter().filter_map(|line| line.value).collect();
        // tor answers `Name=` for a comma-separated list or a list of relays
        // that is unset, and `Name` for all other types.
        let is_unset = matches!(&*values, [value] if value.is_empty());
        Ok(if is_unset { Vec::new() } else { values })
    }

    /// Returns the lines of several options, in tor's order and spelling.
    ///
    /// tor ignores the case of names and also accepts abbreviated names. For a
    /// group such as `HiddenServiceOptions` it returns the lines of the group's
    /// members. If `names` is empty, the list is empty too.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on("GETCONF nickname ContactInfo", "250-Nickname=relay01\r\n250 ContactInfo\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let lines = controller.get_conf_lines(["nickname", "ContactInfo"])?;
    /// assert_eq!(lines[0].name, "Nickname");
    /// assert_eq!(lines[0].value.as_deref(), Some("relay01"));
    /// assert_eq!(lines[1].value, None);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// know one of the options.
    #[doc(alias = "get_conf_map")]
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

    /// Sets options, either all of them or none.
    ///
    /// To set a list, name the option once for each value. The new values
    /// replace the old ones. An empty value sets the option to an empty value
    /// or 0. [`reset_conf`](Self::reset_conf) restores the default instead. If
    /// `options` is empty, nothing is sent.
    ///
    /// tor has groups of options, such as `SocksPort` with `__SocksPort`, and
    /// all of `HiddenService…`. Setting one option of a group replaces the
    /// values of the whole group. So repeat the values that should stay.
    ///
    /// tor accepts abbreviated names: `Nick` sets `Nickname`. If several
    /// options begin with a name, tor sets the first of them.
    ///
    /// tor 0.4.9 forgets the onion service client keys in its memory with every
    /// change of its configuration. This method reads all of them first and
    /// adds them again in the same write, whichever controller added them. If a
    /// filter in front of tor, such as onion-grater, doesn't allow
    /// ONION_CLIENT_AUTH_VIEW, only the keys that this controller added are
    /// kept.
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
    /// option (552) or doesn't accept a value (513). The code is 553 if an
    /// option can't be changed while tor runs, or if tor can't open a port.
    /// tor's text names the option. After any of these errors, the
    /// configuration is unchanged.
    #[doc(alias = "set_options")]
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

    /// Sends a command that changes the configuration, without losing the onion
    /// service client keys in tor's memory. See
    /// [`client_keys`](super::client_keys).
    pub(crate) fn reconfigure(&self, command: Command) -> Result<()> {
        self.reconfigure_without(command, None)
    }

    /// Sends a change like [`reconfigure`](Self::reconfigure), except that the
    /// client key for the service `forget` is not kept.
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

    /// Sets a function that changes every later SETCONF, RESETCONF and LOADCONF
    /// of this connection before it is sent. If such a function is set already,
    /// that function stays.
    pub(crate) fn amend_changes(
        &self,
        amend: impl Fn(Command) -> Result<Command> + Send + Sync + 'static,
    ) {
        let _ = self.inner.session.amend.set(Box::new(amend));
    }

    /// Sends a command that changes the configuration. The client key for the
    /// service `forget` is not kept. Returns tor's reply, even a refusal, and
    /// the command as it was sent.
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
        kept.send(&send, command, self.inner.session.restorables.client_auths())?.wait(&send)
    }

    /// Resets options to their defaults, either all of them or none.
    ///
    /// The onion service client keys in tor's memory are kept, as with
    /// [`set_conf`](Self::set_conf). If this program [launched](crate::Launch)
    /// tor, resetting `CookieAuthentication` or a password sets
    /// `CookieAuthentication` to 1. So tor's control ports still ask for
    /// authentication.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("RESETCONF", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.reset_conf(["ContactInfo", "MaxCircuitDirtiness"])?;
    /// # Ok::<(), scape::Error>(())
    /// ```
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

    /// Replaces the whole configuration by `torrc`, a text in the format of a
    /// torrc file.
    ///
    /// Options on tor's command line stay in force. Options that the text
    /// doesn't mention return to their defaults, even `ControlPort`.
    /// `DataDirectory` must stay the same. The onion service client keys in
    /// tor's memory are kept, as with [`set_conf`](Self::set_conf).
    ///
    /// If this program [launched](crate::Launch) tor, and the text sets neither
    /// `CookieAuthentication` nor a password, `CookieAuthentication 1` and the
    /// launch's `CookieAuthFile` are added to the text. So tor's control ports
    /// still ask for authentication.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("+LOADCONF", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.load_conf("ControlPort 9051\nDataDirectory /var/lib/tor\nSocksPort 0\n")?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor doesn't
    /// understand the text or doesn't accept a value (552). The code is 553 if
    /// the text changes an option that can't be changed while tor runs. After
    /// any of these errors, the configuration is unchanged. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the text can't be
    /// sent, for example because it contains a carriage return without a line
    /// feed.
    pub fn load_conf(&self, torrc: &str) -> Result<()> {
        let bytes = torrc.as_bytes();
        let alone = |at: &usize| bytes.get(at + 1) != Some(&b'\n');
        if let Some(position) = memchr::memchr_iter(b'\r', bytes).find(alone) {
            let why = format!("has a carriage return without a line feed (at byte {position})");
            return Err(ArgumentError::invalid("LOADCONF", "torrc", why).into());
        }
        self.reconfigure(Command::build("LOADCONF").data("torrc", bytes).finish()?)
    }

    /// Writes the configuration to tor's torrc. tor keeps the old file as
    /// `torrc.orig.1`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SAVECONF", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.save_conf()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551) if tor can't
    /// write the torrc, or if the torrc uses `%include`. In the second case
    /// [`save_conf_force`](Self::save_conf_force) writes the torrc without
    /// `%include`.
    pub fn save_conf(&self) -> Result<()> {
        self.request(Command::build("SAVECONF").finish()?).map(drop)
    }

    /// Like [`save_conf`](Self::save_conf), but also overwrites a torrc that
    /// uses `%include`.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on("SAVECONF FORCE", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// controller.save_conf_force()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551) if tor can't
    /// write the torrc.
    pub fn save_conf_force(&self) -> Result<()> {
        self.request(Command::build("SAVECONF").word("flag", "FORCE").finish()?).map(drop)
    }
}

#[cfg(test)]
mod tests {
    #[cfg(feature = "testing")]
    #[test]
    fn unset_comma_separated_list_is_an_empty_list() {
        use crate::control::Connect;
        use crate::testing::ScriptedTor;

        let tor = ScriptedTor::builder()
            .on("GETCONF ExitNodes", "250 ExitNodes=\r\n")
            .on("GETCONF ContactInfo", "250 ContactInfo\r\n")
            .on("GETCONF LongLivedPorts", "250 LongLivedPorts=21,22\r\n")
            .on("GETCONF Log", "250-Log=\r\n250 Log=notice stdout\r\n")
            .start()
            .unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        for (name, values) in [
            ("ExitNodes", &[][..]),
            ("ContactInfo", &[]),
            ("LongLivedPorts", &["21,22"]),
            ("Log", &["", "notice stdout"]),
        ] {
            assert_eq!(controller.get_conf_list(name).unwrap(), values, "{name}");
        }
        assert_eq!(controller.get_conf("ExitNodes").unwrap().as_deref(), Some(""));
    }
}
