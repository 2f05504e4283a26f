//! Encoded commands that are safe to send.

use std::fmt;
use std::ops::Range;

use zeroize::Zeroizing;

use super::hazard::{hazard, torrc_hazard};
use super::loadconf;
use super::quote::c_string;
use super::redact::secrets_in_command;
use super::wire_buffer::WireBuffer;
use crate::control::{ArgumentError, ArgumentProblem, REDACTED, is_secret_option};

/// The length in bytes at which a command is too long for tor. Line ends and
/// data are included. tor closes the connection on such a command.
const TOO_LONG: usize = 1 << 20;

/// The maximum length in bytes of the keyword that an error shows. The rest of
/// a longer keyword is omitted. This limit applies only to errors about a line
/// of 1 MiB or more.
const LONGEST_KEYWORD: usize = 40;

/// An encoded command that is ready to be sent. Every argument has been
/// checked, so that no argument can end the command or start another one. See
/// control-spec, "Commands from controller to Tor".
///
/// `Display` and `Debug` show the command without its secrets and its data.
///
/// ```
/// use scape_proto::control::Command;
///
/// let command = Command::build("SETCONF").quoted("ContactInfo", "me \"at\" home").finish()?;
/// assert_eq!(command.wire(), b"SETCONF ContactInfo=\"me \\\"at\\\" home\"\r\n");
///
/// let key = "version\r\nSIGNAL HALT";
/// let error = Command::build("GETINFO").word("key", key).finish().unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "GETINFO: the key may not contain '\\r' (at byte 7); nothing was sent"
/// );
/// # Ok::<(), scape_proto::control::ArgumentError>(())
/// ```
#[derive(Clone)]
pub struct Command {
    /// The encoded command. The buffer is wiped when it is dropped.
    wire: WireBuffer,
    /// The length of the command line in bytes, without the line end and the
    /// data.
    length: usize,
    /// The ranges of `wire` that contain secret arguments.
    secrets: Vec<Range<usize>>,
    /// The secrets in the data, such as the values of secret options.
    data_secrets: Vec<Zeroizing<Vec<u8>>>,
}

/// A builder for a [`Command`]. It records the error for the first invalid
/// argument, and [`finish`](Self::finish) returns that error.
pub struct CommandBuilder {
    keyword: Box<str>,
    wire: WireBuffer,
    secrets: Vec<Range<usize>>,
    data: Option<WireBuffer>,
    data_secrets: Vec<Zeroizing<Vec<u8>>>,
    error: Option<ArgumentError>,
    /// True if `finish` has returned the command, which leaves the builder
    /// empty.
    is_finished: bool,
}

/// The initial capacity of a command's buffer, in bytes. Most commands fit, so
/// few buffers have to grow.
const USUAL_LENGTH: usize = 128;

impl Command {
    /// Starts to build a command. The keyword consists of letters, digits and
    /// `_`. Omit the `+` of a command with data: [`data`](CommandBuilder::data)
    /// adds it.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::build("SIGNAL").word("signal", "NEWNYM").finish()?;
    /// assert_eq!(command.wire(), b"SIGNAL NEWNYM\r\n");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn build(keyword: &str) -> CommandBuilder {
        let mut builder = CommandBuilder {
            keyword: keyword.into(),
            wire: WireBuffer::with_capacity(USUAL_LENGTH.max(keyword.len())),
            secrets: Vec::new(),
            data: None,
            data_secrets: Vec::new(),
            error: None,
            is_finished: false,
        };
        builder.wire.extend(keyword.as_bytes());
        builder.check("keyword", keyword, |c| c.is_ascii_alphanumeric() || c == '_');
        builder
    }

    /// Creates a command from a whole line as a user typed it, without its line
    /// end. For a command with data, such as `+LOADCONF`, pass the data
    /// separately.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::raw("AUTHENTICATE \"open sesame\"", None)?;
    /// assert_eq!(command.to_string(), "AUTHENTICATE [redacted]");
    /// assert!(Command::raw("GETINFO version\r\nSIGNAL HALT", None).is_err());
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error in these cases:
    ///
    /// - the line is empty or contains a line end or NUL;
    /// - the keyword contains a character other than letters, digits and `_`;
    /// - the data contains a NUL;
    /// - there is data but no `+`, or a `+` but no data;
    /// - tor 0.4.9 would answer twice or not at all, or would crash;
    /// - tor would ask an exit for an onion address, because the address has a
    ///   trailing dot;
    /// - the command is too long for tor.
    pub fn raw(line: &str, data: Option<&[u8]>) -> Result<Command, ArgumentError> {
        let keyword = line.split([' ', '\t']).next().unwrap_or_default();
        let name = keyword.strip_prefix('+').unwrap_or(keyword);
        if let Some((position, character)) =
            name.char_indices().find(|(_, c)| !is_key_character(*c))
        {
            // The error must not repeat the other characters, because they may
            // be part of a secret.
            let problem = ArgumentProblem::Character { character, position };
            return Err(ArgumentError::new(
                name.get(..position).unwrap_or_default(),
                "keyword",
                problem,
            ));
        }
        // The line isn't searched for secrets, which would take long. Even its
        // keyword may be too long for an error.
        if line.len() >= TOO_LONG {
            let problem = ArgumentProblem::TooLong { length: line.len() };
            let name = name.get(..LONGEST_KEYWORD).unwrap_or(name);
            return Err(ArgumentError::new(name, "line", problem));
        }
        let mut builder = Command::build(name);
        builder.check("line", line, |c| !matches!(c, '\r' | '\n' | '\0'));
        if keyword.starts_with('+') != data.is_some() {
            let why = "must come with data if, and only if, its keyword begins with +";
            builder.fail(ArgumentError::invalid(name, "command", why));
        }
        // `finish` adds the `+` again if there is data.
        let line = line.strip_prefix('+').unwrap_or(line);
        builder.wire = WireBuffer::with_capacity(line.len());
        builder.wire.extend(line.as_bytes());
        builder.secrets = secrets_in_command(line);
        if let Some(data) = data {
            builder.data("data", data);
        }
        builder.finish()
    }

    /// Returns the bytes to send: the command line with its line end, and the
    /// data. Secrets are included.
    pub fn wire(&self) -> &[u8] {
        &self.wire
    }

    /// Returns true if an argument is a secret, or if the data contains one.
    pub(super) fn has_secrets(&self) -> bool {
        !self.secrets.is_empty() || !self.data_secrets.is_empty()
    }

    /// Returns the secret arguments as they are on the wire, then the secrets
    /// in the data.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &[u8]> {
        let of_line = self.secrets.iter().filter_map(|range| self.wire.get(range.clone()));
        of_line.chain(self.data_secrets.iter().map(|secret| secret.as_slice()))
    }

    /// Returns the command line without `+` and the line end. Secrets are
    /// included.
    pub fn line(&self) -> &[u8] {
        let line = self.wire.get(..self.length).unwrap_or_default();
        line.strip_prefix(b"+").unwrap_or(line)
    }

    /// Returns the data as it is sent: dot-stuffed, with CRLF at the end of
    /// each line, but without the last line `.`. Returns `None` if the command
    /// has no data.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::raw("+LOADCONF", Some(b"Nickname relay01\n"))?;
    /// assert_eq!(command.data(), Some(&b"Nickname relay01\r\n"[..]));
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn data(&self) -> Option<&[u8]> {
        self.wire.get(self.length + 2..).and_then(|data| data.strip_suffix(b".\r\n"))
    }

    /// Returns this command with `KEY=value` added at the end of the line.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::build("CLOSECIRCUIT").word("circuit", "7").finish()?;
    /// let longer = command.with_pair("Reason", "0")?;
    /// assert_eq!(longer.wire(), b"CLOSECIRCUIT 7 Reason=0\r\n");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error in these cases:
    ///
    /// - the key or the value contains characters that
    ///   [`CommandBuilder::pair`] rejects;
    /// - tor would answer the longer command twice or not at all, or would
    ///   crash, as described at [`CommandBuilder::finish`];
    /// - the command becomes too long.
    pub fn with_pair(&self, key: &str, value: &str) -> Result<Command, ArgumentError> {
        let keyword = self.keyword();
        let mut pair = Command::build(keyword);
        if let Some(error) = &pair.pair(key, value).error {
            return Err(error.clone());
        }
        let argument = pair.wire.get(keyword.len()..).unwrap_or_default();
        let mut longer = self.with_inserted(self.length, argument)?;
        longer.length += argument.len();
        match hazard(std::str::from_utf8(longer.line()).unwrap_or_default()) {
            Some(hazard) => Err(hazard.error(keyword)),
            None => Ok(longer),
        }
    }

    /// Returns this command with lines added before and after its data. The
    /// command must have data. The lines must end with CRLF and must not begin
    /// with a dot, because this method doesn't dot-stuff them.
    ///
    /// If `after` isn't empty, an empty line is added before `after`. Without
    /// the empty line, a backslash at the end of the data would join the last
    /// line of the data and the first line of `after`.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::raw("+LOADCONF", Some(b"Nickname relay01\n"))?;
    /// let longer = command.with_data_around(b"ControlPort 9051\r\n", b"")?;
    /// assert_eq!(longer.data(), Some(&b"ControlPort 9051\r\nNickname relay01\r\n"[..]));
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error in these cases:
    ///
    /// - the command has no data;
    /// - the lines don't end with CRLF, or one of them begins with a dot;
    /// - the command is LOADCONF, and an option in the longer data has a value
    ///   that [`check_option_value`](super::check_option_value) rejects;
    /// - the command becomes too long.
    pub fn with_data_around(&self, before: &[u8], after: &[u8]) -> Result<Command, ArgumentError> {
        // tor would take lines after a command without data, and lines after a
        // line `.`, as commands.
        if self.data().is_none() {
            return Err(ArgumentError::invalid(self.keyword(), "command", "has no data"));
        }
        if [before, after].iter().any(|lines| !are_data_lines(lines)) {
            let why = "must end with CRLF, and none of them may begin with a dot";
            return Err(ArgumentError::invalid(self.keyword(), "added lines", why));
        }
        let mut longer = self.with_inserted(self.length + 2, before)?;
        if !after.is_empty() {
            // Insert before the line that ends the data.
            let end = longer.wire.len() - b".\r\n".len();
            longer = longer.with_inserted(end, &[b"\r\n", after].concat())?;
        }
        if self.keyword().eq_ignore_ascii_case("LOADCONF") {
            if let Some(hazard) = torrc_hazard(longer.data().unwrap_or_default()) {
                return Err(hazard.error(self.keyword()));
            }
            longer.data_secrets = loadconf::secrets(longer.data().unwrap_or_default());
        }
        Ok(longer)
    }

    /// Returns this command with `bytes` inserted at the position `at` of the
    /// encoded command. Returns an error if the result is too long for tor.
    fn with_inserted(&self, at: usize, bytes: &[u8]) -> Result<Command, ArgumentError> {
        let (before, after) = self.wire.split_at(at.min(self.wire.len()));
        let mut wire = WireBuffer::with_capacity(self.wire.len() + bytes.len());
        [before, bytes, after].iter().for_each(|part| wire.extend(part));
        if wire.len() >= TOO_LONG {
            let problem = ArgumentProblem::TooLong { length: wire.len() };
            return Err(ArgumentError::new(self.keyword(), "arguments", problem));
        }
        let moved = |secret: &Range<usize>| match secret.start < at {
            true => secret.clone(),
            false => secret.start + bytes.len()..secret.end + bytes.len(),
        };
        let secrets = self.secrets.iter().map(moved).collect();
        Ok(Command { wire, length: self.length, secrets, data_secrets: self.data_secrets.clone() })
    }

    /// Returns the keyword, without the `+` of a command with data.
    pub fn keyword(&self) -> &str {
        let word =
            self.wire.split(|b| matches!(b, b' ' | b'\t' | b'\r')).next().unwrap_or_default();
        std::str::from_utf8(word.strip_prefix(b"+").unwrap_or(word)).unwrap_or_default()
    }
}

impl CommandBuilder {
    /// Adds a positional argument: a single nonempty word of printable ASCII.
    /// `argument` is the argument's name in errors.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::build("GETINFO").word("key", "version").finish()?;
    /// assert_eq!(command.wire(), b"GETINFO version\r\n");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn word(&mut self, argument: &str, value: &str) -> &mut Self {
        self.check(argument, value, is_word_character);
        self.push(b' ', value.as_bytes());
        self
    }

    /// Adds a positional argument as [`word`](Self::word) does, and marks it as
    /// a secret.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::build("AUTHENTICATE").secret_word("cookie", "0123ABCD").finish()?;
    /// assert_eq!(command.to_string(), "AUTHENTICATE [redacted]");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn secret_word(&mut self, argument: &str, value: &str) -> &mut Self {
        let start = self.wire.len() + 1;
        self.word(argument, value);
        self.secrets.push(start..self.wire.len());
        self
    }

    /// Adds `KEY=value` without quotes, as most commands expect it. The value
    /// is a nonempty word of printable ASCII without quotes.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let mut command = Command::build("EXTENDCIRCUIT");
    /// let command = command.word("circuit", "0").pair("purpose", "controller").finish()?;
    /// assert_eq!(command.wire(), b"EXTENDCIRCUIT 0 purpose=controller\r\n");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn pair(&mut self, key: &str, value: &str) -> &mut Self {
        self.check("key", key, is_key_character);
        self.check(key, value, |c| is_word_character(c) && !matches!(c, '"' | '\''));
        self.push(b' ', key.as_bytes());
        self.push(b'=', value.as_bytes());
        self
    }

    /// Adds `Option="value"` for SETCONF and RESETCONF. The value may contain
    /// any character except CR, LF and NUL. The value is marked as a secret if
    /// [`is_secret_option`] returns true for the option.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::build("SETCONF")
    ///     .quoted("Nickname", "relay01")
    ///     .quoted("Socks5ProxyPassword", "sesame")
    ///     .finish()?;
    /// let shown = "SETCONF Nickname=\"relay01\" Socks5ProxyPassword=[redacted]";
    /// assert_eq!(command.to_string(), shown);
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn quoted(&mut self, option: &str, value: &str) -> &mut Self {
        self.check("option", option, is_key_character);
        if let Some((position, character)) =
            value.char_indices().find(|(_, c)| matches!(c, '\r' | '\n' | '\0'))
        {
            self.fail_character(option, character, position);
        }
        self.push(b' ', option.as_bytes());
        let start = self.wire.len() + 1;
        self.push(b'=', Zeroizing::new(c_string(value)).as_bytes());
        if is_secret_option(option) {
            self.secrets.push(start..self.wire.len());
        }
        self
    }

    /// Adds an option's name without a value, for SETCONF and RESETCONF.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::build("RESETCONF").option("Nickname").finish()?;
    /// assert_eq!(command.wire(), b"RESETCONF Nickname\r\n");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn option(&mut self, option: &str) -> &mut Self {
        self.check("option", option, is_key_character);
        self.push(b' ', option.as_bytes());
        self
    }

    /// Sets the data of a `+` command. Lines may end with LF or CRLF. This
    /// method dot-stuffs them: a line that begins with a dot gets another dot.
    /// A NUL in the data is an error, because tor would ignore everything after
    /// the NUL. `argument` is the name of the data in errors.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let command = Command::build("LOADCONF").data("torrc", b"Nickname relay01\n").finish()?;
    /// assert_eq!(command.wire(), b"+LOADCONF\r\nNickname relay01\r\n.\r\n");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    pub fn data(&mut self, argument: &str, data: &[u8]) -> &mut Self {
        if let Some(position) = memchr::memchr(0, data) {
            self.fail_character(argument, '\0', position);
        }
        self.data_secrets.clear();
        if self.keyword.eq_ignore_ascii_case("LOADCONF") {
            if let Some(hazard) = torrc_hazard(data) {
                self.fail(hazard.error(&self.keyword));
            }
            self.data_secrets = loadconf::secrets(data);
        }
        let mut stuffed = WireBuffer::with_capacity(data.len() + data.len() / 8 + 8);
        let body = data.strip_suffix(b"\n").unwrap_or(data);
        for line in body.split(|b| *b == b'\n') {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            if line.starts_with(b".") {
                stuffed.extend(b".");
            }
            stuffed.extend(line);
            stuffed.extend(b"\r\n");
        }
        stuffed.extend(b".\r\n");
        self.data = Some(stuffed);
        self
    }

    /// Returns the command. Call this method only once: the builder can't be
    /// used again afterwards.
    ///
    /// ```
    /// use scape_proto::control::Command;
    ///
    /// let mut builder = Command::build("GETINFO");
    /// for key in ["version", "uptime"] {
    ///     builder.word("key", key);
    /// }
    /// assert_eq!(builder.finish()?.wire(), b"GETINFO version uptime\r\n");
    /// # Ok::<(), scape_proto::control::ArgumentError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns the error for the first invalid argument. Also returns an error
    /// in these cases:
    ///
    /// - this method has already returned the command;
    /// - tor 0.4.9 would answer twice or not at all, or would crash;
    /// - tor would ask an exit for an onion address, because the address has a
    ///   trailing dot;
    /// - the command is too long for tor.
    pub fn finish(&mut self) -> Result<Command, ArgumentError> {
        // The error stays, so that a second call can't return what the first
        // one has refused.
        if let Some(error) = &self.error {
            return Err(error.clone());
        }
        if self.is_finished {
            let why = "was already returned by this builder";
            return Err(ArgumentError::invalid(&self.keyword, "command", why));
        }
        let line = std::str::from_utf8(&self.wire).unwrap_or_default();
        if let Some(hazard) = hazard(line) {
            return Err(hazard.error(&self.keyword));
        }
        // With data, `+` comes before the line.
        let data = self.data.as_ref().map_or(0, |data| data.len() + 1);
        let length = self.wire.len() + b"\r\n".len() + data;
        if length >= TOO_LONG {
            let problem = ArgumentProblem::TooLong { length };
            return Err(ArgumentError::new(&self.keyword, "arguments", problem));
        }
        self.is_finished = true;
        let mut secrets = std::mem::take(&mut self.secrets);
        let line = std::mem::replace(&mut self.wire, WireBuffer::with_capacity(0));
        let (wire, length) = match self.data.take() {
            None => {
                let length = line.len();
                let mut wire = line;
                wire.extend(b"\r\n");
                (wire, length)
            }
            Some(data) => {
                let mut wire = WireBuffer::with_capacity(line.len() + data.len() + 3);
                wire.extend(b"+");
                wire.extend(&line);
                wire.extend(b"\r\n");
                wire.extend(&data);
                for secret in &mut secrets {
                    *secret = secret.start + 1..secret.end + 1;
                }
                (wire, line.len() + 1)
            }
        };
        Ok(Command { wire, length, secrets, data_secrets: std::mem::take(&mut self.data_secrets) })
    }

    /// Records an error that the caller has found, for example in a value that
    /// only the caller can check. [`finish`](Self::finish) returns the first
    /// recorded error.
    ///
    /// ```
    /// use scape_proto::control::{ArgumentError, Command};
    ///
    /// let mut builder = Command::build("GETINFO");
    /// builder.word("key", "versoin");
    /// builder.fail(ArgumentError::invalid("GETINFO", "key", "is misspelled"));
    /// let error = builder.finish().unwrap_err();
    /// assert_eq!(error.to_string(), "GETINFO: the key is misspelled; nothing was sent");
    /// ```
    pub fn fail(&mut self, error: ArgumentError) -> &mut Self {
        self.error.get_or_insert(error);
        self
    }

    fn push(&mut self, before: u8, bytes: &[u8]) {
        self.wire.extend(&[before]);
        self.wire.extend(bytes);
    }

    /// Records an error if the value is empty, or if it contains a character
    /// that isn't allowed.
    fn check(&mut self, argument: &str, value: &str, allowed: impl Fn(char) -> bool) {
        if value.is_empty() {
            let error = ArgumentError::new(&self.keyword, argument, ArgumentProblem::Empty);
            self.fail(error);
        } else if let Some((position, character)) = value.char_indices().find(|(_, c)| !allowed(*c))
        {
            self.fail_character(argument, character, position);
        }
    }

    fn fail_character(&mut self, argument: &str, character: char, position: usize) {
        let problem = ArgumentProblem::Character { character, position };
        let error = ArgumentError::new(&self.keyword, argument, problem);
        self.fail(error);
    }
}

/// Returns true if lines can be added to data as they are: they end with CRLF,
/// and no line begins with a dot.
fn are_data_lines(lines: &[u8]) -> bool {
    let begins_with_dot = |line: &[u8]| line.starts_with(b".");
    (lines.is_empty() || lines.ends_with(b"\r\n"))
        && !lines.split(|byte| *byte == b'\n').any(begins_with_dot)
}

fn is_word_character(c: char) -> bool {
    c.is_ascii_graphic()
}

fn is_key_character(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '_'
}

impl fmt::Display for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut from = 0;
        // The data isn't shown at all.
        for secret in &self.secrets {
            let shown = self.wire.get(from..secret.start).unwrap_or_default();
            write!(f, "{}{REDACTED}", String::from_utf8_lossy(shown))?;
            from = secret.end;
        }
        let shown = self.wire.get(from..self.length).unwrap_or_default();
        f.write_str(&String::from_utf8_lossy(shown))?;
        match self.wire.len().saturating_sub(self.length + 2) {
            0 => Ok(()),
            data => write!(f, " ({data} bytes of data)"),
        }
    }
}

/// Shows only the keyword, because the arguments may be secrets.
impl fmt::Debug for CommandBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CommandBuilder")
            .field("keyword", &self.keyword)
            .field("error", &self.error)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Command({:?})", self.to_string())
    }
}

#[cfg(test)]
mod tests;
