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

/// The longest keyword that an error repeats, in bytes.
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
    /// The length of the command line, without its line end and the data.
    length: usize,
    /// The ranges of the line that are secret.
    secrets: Vec<Range<usize>>,
    /// The secrets in the data.
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
    /// - the command is LOADCONF and tor would exit on an option in the longer
    ///   data, as described at [`check_option_value`](super::check_option_value);
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
            longer.data_secrets.extend(loadconf::secrets(before));
            longer.data_secrets.extend(loadconf::secrets(after));
        }
        Ok(longer)
    }

    /// Returns this command with bytes inserted at a position of its encoded
    /// form.
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

    /// Returns the keyword without `+`.
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
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wire(builder: &mut CommandBuilder) -> String {
        String::from_utf8(builder.finish().unwrap().wire().to_vec()).unwrap()
    }

    #[test]
    fn arguments_of_every_kind_are_encoded() {
        assert_eq!(wire(&mut Command::build("QUIT")), "QUIT\r\n");
        assert_eq!(
            wire(Command::build("EXTENDCIRCUIT").word("circuit", "0").pair("purpose", "general")),
            "EXTENDCIRCUIT 0 purpose=general\r\n"
        );
        assert_eq!(
            wire(Command::build("RESETCONF").option("ORPort").quoted("Nickname", "x\ty")),
            "RESETCONF ORPort Nickname=\"x\\ty\"\r\n"
        );
    }

    #[test]
    fn data_is_stuffed() {
        let command = Command::build("LOADCONF").data("torrc", b"a\r\n.b\n\nc").finish().unwrap();
        assert_eq!(command.wire(), b"+LOADCONF\r\na\r\n..b\r\n\r\nc\r\n.\r\n");
        assert_eq!(command.to_string(), "+LOADCONF (16 bytes of data)");
        let empty = Command::build("LOADCONF").data("torrc", b"").finish().unwrap();
        assert_eq!(empty.wire(), b"+LOADCONF\r\n\r\n.\r\n");
    }

    #[test]
    fn invalid_character_is_reported() {
        for (bad, character, position) in [("a\rb", '\r', 1), ("\n", '\n', 0), ("ab\0", '\0', 2)] {
            let problem = ArgumentProblem::Character { character, position };
            for mut builder in
                [Command::build("X"), Command::build("X"), Command::build("X"), Command::build("X")]
                    .into_iter()
                    .enumerate()
                    .map(|(i, mut b)| {
                        match i {
                            0 => b.word("a", bad),
                            1 => b.pair("a", bad),
                            2 => b.quoted("a", bad),
                            _ => b.secret_word("a", bad),
                        };
                        b
                    })
            {
                let error = builder.finish().unwrap_err();
                assert_eq!((error.command(), error.argument()), ("X", "a"));
                assert_eq!(error.problem(), &problem);
            }
        }
        assert!(Command::build("X").word("a", "").finish().is_err());
        assert!(Command::build("X").word("a", "b c").finish().is_err());
        assert!(Command::build("X").pair("a", "\"").finish().is_err());
        assert!(Command::build("X").quoted("a b", "c").finish().is_err());
        assert!(Command::build("X Y").finish().is_err());
        assert!(Command::build("X").data("body", b"a\0b").finish().is_err());
    }

    #[test]
    fn second_finish_is_an_error() {
        let mut refused = Command::build("GETINFO");
        refused.word("key", "a\r\nSIGNAL HALT");
        let error = refused.finish().unwrap_err();
        assert_eq!(refused.finish().unwrap_err(), error);
        // The error is that of the first call, even after other arguments.
        assert_eq!(refused.word("key", "version").finish().unwrap_err(), error);

        let mut failed = Command::build("GETINFO");
        failed.word("key", "version").fail(ArgumentError::invalid("GETINFO", "key", "is bad"));
        assert_eq!(failed.finish().unwrap_err(), failed.finish().unwrap_err());

        let mut long = Command::build("X");
        long.word("a", &"x".repeat(TOO_LONG));
        assert_eq!(long.finish().unwrap_err(), long.finish().unwrap_err());

        let mut good = Command::build("GETINFO");
        assert!(good.word("key", "version").finish().is_ok());
        assert!(good.finish().is_err());
        let error = good.word("key", "uptime").finish().unwrap_err();
        assert_eq!((error.command(), error.argument()), ("GETINFO", "command"));
        let mut loaded = Command::build("LOADCONF");
        assert!(loaded.data("torrc", b"Nickname x").finish().is_ok());
        assert!(loaded.data("torrc", b"Nickname y").finish().is_err());
    }

    #[test]
    fn lines_are_added_only_to_data() {
        let bare = Command::build("GETINFO").word("key", "version").finish().unwrap();
        for (before, after) in [("SIGNAL HALT\r\n", ""), ("", "SIGNAL HALT\r\n"), ("", "")] {
            assert!(bare.with_data_around(before.as_bytes(), after.as_bytes()).is_err());
        }
        let loaded = Command::raw("+LOADCONF", Some(b"Nickname x")).unwrap();
        for bad in ["A 1", "A 1\n", ".\r\nSIGNAL HALT\r\n", "A 1\r\n.\r\n", ".A 1\r\n"] {
            assert!(loaded.with_data_around(bad.as_bytes(), b"").is_err(), "{bad:?}");
            assert!(loaded.with_data_around(b"", bad.as_bytes()).is_err(), "{bad:?}");
        }
        let longer = loaded.with_data_around(b"A 1\r\n", b"B 2\r\n").unwrap();
        assert_eq!(longer.data(), Some(&b"A 1\r\nNickname x\r\n\r\nB 2\r\n"[..]));
    }

    #[test]
    fn added_lines_are_checked_together_with_the_data() {
        let loaded = Command::raw("+LOADCONF", Some(b"nan")).unwrap();
        for (before, after) in [("MaxMemInQueues \\\r\n", ""), ("", "MaxMemInQueues nan\r\n")] {
            let error = loaded.with_data_around(before.as_bytes(), after.as_bytes()).unwrap_err();
            assert_eq!((error.command(), error.argument()), ("LOADCONF", "size"));
        }
        let longer = loaded.with_data_around(b"HashedControlPassword 16:AB\r\n", b"").unwrap();
        assert!(longer.secrets().any(|secret| secret == b"16:AB"));
    }

    #[test]
    fn added_pair_is_checked_together_with_the_line() {
        // tor answers HSPOST only with HSADDRESS, which the line has already.
        let line = "+HSPOST HSADDRESS=abc";
        let post = Command::raw(line, Some(b"hs-descriptor 3\n")).unwrap();
        let longer = post.with_pair("SERVER", "x").unwrap();
        assert_eq!(
            longer.wire(),
            format!("{line} SERVER=x\r\nhs-descriptor 3\r\n.\r\n").as_bytes()
        );
        // The words of the line and the pair are one hazard together.
        let onion = Command::raw("ADD_ONION NEW:BEST Port=80", None).unwrap();
        assert!(onion.with_pair("ClientAuthV3", "x").is_ok());
        let error = onion.with_pair("ClientAuth", "x").unwrap_err();
        assert_eq!((error.command(), error.argument()), ("ADD_ONION", "ClientAuth"));
        let error = onion.with_pair("a b", "x").unwrap_err();
        assert_eq!((error.command(), error.argument()), ("ADD_ONION", "key"));
        let redirect = Command::raw("REDIRECTSTREAM 12", None).unwrap();
        assert!(redirect.with_pair("x", "abc.onion").is_ok());
    }

    #[test]
    fn secrets_are_not_shown() {
        let command =
            Command::build("AUTHENTICATE").secret_word("password", "0123").finish().unwrap();
        assert_eq!(command.to_string(), "AUTHENTICATE [redacted]");
        assert_eq!(format!("{command:?}"), "Command(\"AUTHENTICATE [redacted]\")");
        let mut builder = Command::build("SETCONF");
        let command = builder
            .quoted("HashedControlPassword", "16:AB")
            .quoted("Nickname", "x")
            .finish()
            .unwrap();
        assert_eq!(command.to_string(), "SETCONF HashedControlPassword=[redacted] Nickname=\"x\"");
        let raw = Command::raw("authenticate \"se same\"", None).unwrap();
        assert_eq!(raw.to_string(), "authenticate [redacted]");
        let raw = Command::raw("ADD_ONION ED25519-V3:abc Port=80", None).unwrap();
        assert_eq!(raw.to_string(), "ADD_ONION ED25519-V3:[redacted] Port=80");
        for name in ["Socks5ProxyPass", "socks5proxypassword", "HTTPProxyAuth", "BridgePasswords"] {
            let command = Command::build("SETCONF").quoted(name, "s3cret").finish().unwrap();
            assert_eq!(command.to_string(), format!("SETCONF {name}=[redacted]"));
            let raw = Command::raw(&format!("setconf {name}=s3cret Nickname=x"), None).unwrap();
            assert_eq!(raw.to_string(), format!("setconf {name}=[redacted] Nickname=x"));
        }
        let mut builder = Command::build("SETCONF");
        builder.quoted("Socks5ProxyPassword", "ABC");
        assert!(!format!("{builder:?}").contains("65"), "{builder:?}");
        let data =
            Command::build("LOADCONF").data("torrc", b"HashedControlPassword x").finish().unwrap();
        assert!(!format!("{data}{data:?}").contains("Hashed"));
    }

    #[test]
    fn raw_line_is_checked() {
        assert_eq!(Command::raw("GETINFO version", None).unwrap().wire(), b"GETINFO version\r\n");
        let loaded = Command::raw("+LOADCONF", Some(b"x")).unwrap();
        assert_eq!(
            (loaded.wire(), loaded.keyword()),
            (&b"+LOADCONF\r\nx\r\n.\r\n"[..], "LOADCONF")
        );
        assert_eq!(loaded.to_string(), "+LOADCONF (6 bytes of data)");
        let long = Command::raw(&"x".repeat(20 << 20), None).unwrap_err();
        assert!(matches!(long.problem(), ArgumentProblem::TooLong { .. }));
        assert!(long.to_string().len() < 200);
        for (line, data) in [
            ("", None),
            (" GETINFO version", None),
            ("GETINFO a\nb", None),
            ("+LOADCONF", None),
            ("LOADCONF", Some("")),
        ] {
            assert!(Command::raw(line, data.map(str::as_bytes)).is_err(), "{line:?}");
        }
    }

    #[test]
    fn too_long_command_is_rejected() {
        let fits = "x".repeat(TOO_LONG - 1 - "X \r\n".len());
        assert!(Command::build("X").word("a", &fits).finish().is_ok());
        let error = Command::build("X").word("a", &format!("{fits}x")).finish().unwrap_err();
        assert_eq!(error.problem(), &ArgumentProblem::TooLong { length: TOO_LONG });
    }

    proptest! {
        #[test]
        fn a_command_is_always_one_line(value in any::<String>(), key in any::<String>()) {
            for command in [
                Command::build("X").word("a", &value).finish(),
                Command::build("X").pair(&key, &value).finish(),
                Command::build("X").quoted(&key, &value).finish(),
                Command::raw(&value, None),
            ].into_iter().flatten() {
                let line = command.wire().strip_suffix(b"\r\n").unwrap();
                prop_assert!(!line.iter().any(|b| matches!(b, b'\r' | b'\n' | 0)));
            }
        }

        #[test]
        fn data_has_exactly_one_end(data in proptest::collection::vec(any::<u8>(), 0..60)) {
            if let Ok(command) = Command::build("X").data("d", &data).finish() {
                let wire = command.wire();
                let ends: Vec<_> = wire.windows(5).enumerate().filter(|(_, w)| w == b"\r\n.\r\n").collect();
                prop_assert_eq!(ends.len(), 1);
                prop_assert_eq!(ends[0].0, wire.len() - 5);
            }
        }
    }
}
