//! Error replies from tor.
//!
//! The table lists the codes of tor 0.4.9 and the methods that recognize them:
//!
//! | code | for example | method |
//! |---|---|---|
//! | 451 | `resource exhausted: skipping 'a=b'` | [`is_transient`](Refusal::is_transient) |
//! | 500 | `Line too long.`; tor closes the connection | |
//! | 510, 511 | `Unrecognized command "X"`, `X is obsolete.` | [`is_unrecognized_command`](Refusal::is_unrecognized_command) |
//! | 512, 513, 554 | `Bad arguments to X: …`, `Invalid descriptor` | [`is_bad_argument`](Refusal::is_bad_argument) |
//! | 514, 515 | `Authentication required.`; tor closes the connection |  |
//! | 550 | `Onion address collision`, `Unable to load config: …` | [`is_unspecified`](Refusal::is_unspecified) |
//! | 551, 553, 555 | `Couldn't start circuit`, `Transition not allowed: …` | [`is_not_allowed`](Refusal::is_not_allowed) |
//! | 552 | `Unknown stream "7"`, `Unrecognized option: …` | [`is_unknown`](Refusal::is_unknown) |

use std::fmt;

use crate::control::excerpt;

/// An error reply with which tor refused a command. See control-spec, section
/// "Replies".
///
/// ```
/// use scape_proto::control::Decoder;
///
/// let mut decoder = Decoder::default();
/// decoder.feed(b"552 Unknown circuit \"7\"\r\n");
/// let reply = decoder.next_reply()?.expect("the reply is complete");
/// let refusal = reply.refusal(&"CLOSECIRCUIT 7").expect("it is an error reply");
/// assert_eq!(refusal.code(), 552);
/// assert!(refusal.is_unknown_circuit());
/// # Ok::<(), scape_proto::control::DecodeError>(())
/// ```
#[doc(alias("OperationFailed", "TorProtocolError"))]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    command: Box<str>,
    lines: Vec<(u16, String)>,
    log: Vec<String>,
}

impl Refusal {
    /// Creates a refusal from the command and the codes and texts of the
    /// reply's lines. In the command and in the texts, secrets must already be
    /// replaced. At least one code must be an error code, not 2yz.
    ///
    /// ```
    /// use scape_proto::control::Refusal;
    ///
    /// let lines = vec![(552, "Unrecognized signal code \"X\"".into())];
    /// let refusal = Refusal::new("SIGNAL X", lines);
    /// let text = "tor refused SIGNAL X: 552 Unrecognized signal code \"X\"";
    /// assert_eq!(refusal.to_string(), text);
    /// ```
    pub fn new(command: impl Into<String>, lines: Vec<(u16, String)>) -> Self {
        Refusal { command: command.into().into_boxed_str(), lines, log: Vec::new() }
    }

    /// Returns this refusal with the warnings that tor logged about the
    /// command, oldest first. These warnings replace those of an earlier call.
    ///
    /// ```
    /// use scape_proto::control::Refusal;
    ///
    /// let refusal = Refusal::new("SAVECONF", vec![(551, "Unable to write".into())]);
    /// let refusal = refusal.with_log(vec!["Read-only file system".into()]);
    /// let text = "tor refused SAVECONF: 551 Unable to write; its log says: Read-only file system";
    /// assert_eq!(refusal.to_string(), text);
    /// ```
    #[must_use]
    pub fn with_log(self, log: Vec<String>) -> Self {
        Refusal { log, ..self }
    }

    /// Returns the warnings that tor logged about the command, oldest first.
    /// Some replies say only that something failed, and the warnings say why.
    /// Only some of the library's methods read tor's log, and their
    /// documentation says so. Refusals from other methods have no warnings.
    pub fn log(&self) -> &[String] {
        &self.log
    }

    /// Returns the command, with its secrets replaced by `[redacted]`.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns the code of the first line with an error code, for example 552.
    /// Codes of the form 2yz aren't errors.
    pub fn code(&self) -> u16 {
        self.first().map_or(0, |(code, _)| *code)
    }

    /// Returns the texts of the lines with an error code, separated by LF. The
    /// text is complete, except that secrets are replaced by `[redacted]`.
    ///
    /// ```
    /// use scape_proto::control::Refusal;
    ///
    /// let lines = vec![(250, "a.example=b.example".into()), (512, "syntax error".into())];
    /// assert_eq!(Refusal::new("MAPADDRESS", lines).text(), "syntax error");
    /// ```
    pub fn text(&self) -> String {
        let lines = self.lines.iter().filter(|(code, _)| !is_success(*code));
        lines.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Returns [`text`](Self::text) on one line, with `; ` in place of each LF.
    /// This form appears in error messages. A text of more than 2000 bytes is
    /// cut off.
    ///
    /// ```
    /// use scape_proto::control::Refusal;
    ///
    /// let lines = vec![(512, "syntax error".into()), (512, "no target".into())];
    /// assert_eq!(Refusal::new("MAPADDRESS", lines).excerpt(), "syntax error; no target");
    /// ```
    pub fn excerpt(&self) -> String {
        excerpt(&self.text().replace('\n', "; "))
    }

    /// Returns all lines of the reply with their codes, in order.
    pub fn lines(&self) -> &[(u16, String)] {
        &self.lines
    }

    /// Returns true if the failure is temporary (code 4yz). The same command
    /// can succeed later.
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code())
    }

    /// Returns true if the command is unknown or obsolete (510 or 511). A
    /// filter between this program and tor can use the same codes for a command
    /// that it doesn't let through.
    pub fn is_unrecognized_command(&self) -> bool {
        matches!(self.code(), 510 | 511)
    }

    /// Returns true if the arguments, or the document that came with them, were
    /// malformed or unacceptable (512, 513 or 554).
    pub fn is_bad_argument(&self) -> bool {
        matches!(self.code(), 512 | 513 | 554)
    }

    /// Returns true if the code is 550, which tor uses for failures without a
    /// code of their own. For ADD_ONION, the code means that a service with
    /// this key exists already.
    pub fn is_unspecified(&self) -> bool {
        self.code() == 550
    }

    /// Returns true if an object that the command names is unknown or already
    /// gone (552). The object may be a circuit, stream, option, key, service or
    /// relay.
    pub fn is_unknown(&self) -> bool {
        self.code() == 552
    }

    /// Returns true if tor refused the command because a circuit is unknown or
    /// already gone. Unlike [`is_unknown`](Self::is_unknown), this method
    /// returns false if ATTACHSTREAM failed because the stream is unknown.
    ///
    /// ```
    /// use scape_proto::control::Refusal;
    ///
    /// let refusal = Refusal::new("ATTACHSTREAM 3 7", vec![(552, "Unknown circuit \"7\"".into())]);
    /// assert!(refusal.is_unknown_circuit() && !refusal.is_unknown_stream());
    /// ```
    pub fn is_unknown_circuit(&self) -> bool {
        self.is_unknown()
            && self.first().is_some_and(|(_, text)| text.starts_with("Unknown circuit"))
    }

    /// Returns true if tor refused the command because a stream is unknown or
    /// already gone. Unlike [`is_unknown`](Self::is_unknown), this method
    /// returns false if ATTACHSTREAM failed because the circuit is unknown.
    ///
    /// ```
    /// use scape_proto::control::Refusal;
    ///
    /// let refusal = Refusal::new("ATTACHSTREAM 3 7", vec![(552, "Unknown stream \"3\"".into())]);
    /// assert!(refusal.is_unknown_stream() && !refusal.is_unknown_circuit());
    /// ```
    pub fn is_unknown_stream(&self) -> bool {
        self.is_unknown()
            && self.first().is_some_and(|(_, text)| text.starts_with("Unknown stream"))
    }

    /// Returns true if tor can't execute the command at present, or doesn't
    /// allow it (551, 553 or 555). The objects that the command names do exist.
    /// For unknown objects, see [`is_unknown`](Self::is_unknown).
    pub fn is_not_allowed(&self) -> bool {
        matches!(self.code(), 551 | 553 | 555)
    }

    /// Returns the first line with an error code, or else the last line.
    fn first(&self) -> Option<&(u16, String)> {
        self.lines.iter().find(|(code, _)| !is_success(*code)).or(self.lines.last())
    }
}

fn is_success(code: u16) -> bool {
    (200..300).contains(&code)
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "tor refused {}: {} {}", excerpt(&self.command), self.code(), self.excerpt())?;
        if self.log.is_empty() {
            return Ok(());
        }
        write!(f, "; its log says: {}", self.log.join("; "))
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn refusal_code_is_that_of_the_first_failure() {
        let lines = vec![(250, "a=b".into()), (451, "busy".into()), (512, "syntax".into())];
        let refusal = Refusal::new("MAPADDRESS", lines);
        assert_eq!(refusal.code(), 451);
        assert!(refusal.is_transient());
        assert_eq!(refusal.text(), "busy\nsyntax");
        assert_eq!(refusal.lines().len(), 3);
        assert_eq!(refusal.to_string(), "tor refused MAPADDRESS: 451 busy; syntax");
        let logged = refusal.with_log(vec!["no room".into(), "no more".into()]);
        let text = "tor refused MAPADDRESS: 451 busy; syntax; its log says: no room; no more";
        assert_eq!((logged.to_string().as_str(), logged.log().len()), (text, 2));
    }

    #[test]
    fn refusal_of_any_length_is_shown_on_one_page() {
        let long = "é".repeat(1 << 20);
        let refusal = Refusal::new("GETINFO x", vec![(552, long.clone())]);
        assert!(refusal.to_string().len() < 4096);
        assert_eq!(refusal.text(), long);
    }

    #[test]
    fn unknown_object_differs_from_operation_that_is_not_allowed() {
        let refusal =
            |code, text: &str| Refusal::new("ATTACHSTREAM 7 5", vec![(code, text.into())]);
        let stream = refusal(552, "Unknown stream \"7\"");
        assert!(stream.is_unknown() && stream.is_unknown_stream() && !stream.is_unknown_circuit());
        let circuit = refusal(552, "Unknown circuit \"5\"");
        assert!(
            circuit.is_unknown() && circuit.is_unknown_circuit() && !circuit.is_unknown_stream()
        );
        let managed = refusal(555, "Connection is not managed by controller.");
        assert!(managed.is_not_allowed() && !managed.is_unknown() && !managed.is_unknown_stream());
    }
}
