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
    /// reply's lines. Secrets must already be replaced in both. At least one
    /// code must not be a success (2yz).
    ///
    /// ```
    /// use scape_proto::control::Refusal;
    ///
    /// let refusal = Refusal::new("SIGNAL X", vec![(552, "Unrecognized signal code \"X\"".into())]);
    /// let text = "tor refused SIGNAL X: 552 Unrecognized signal code \"X\"";
    /// assert_eq!(refusal.to_string(), text);
    /// ```
    pub fn new(command: impl Into<String>, lines: Vec<(u16, String)>) -> Self {
        Refusal { command: command.into().into_boxed_str(), lines, log: Vec::new() }
    }

    /// Returns this refusal with the warnings that tor logged about it, oldest
    /// first. They replace earlier ones.
    pub fn with_log(self, log: Vec<String>) -> Self {
        Refusal { log, ..self }
    }

    /// Returns the warnings that tor logged about this refusal, oldest first.
    /// Some replies say only that something failed, and the warnings say why.
    /// The list is empty unless the documentation of the method that returned
    /// the refusal says that the method reads tor's log.
    pub fn log(&self) -> &[String] {
        &self.log
    }

    /// Returns the command, with its secrets replaced.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// Returns the code of the first line that isn't a success (2yz), for
    /// example 552.
    pub fn code(&self) -> u16 {
        self.first().map_or(0, |(code, _)| *code)
    }

    /// Returns the texts of the lines that aren't a success, separated by LF.
    /// The text is complete, except that secrets are replaced by `[redacted]`.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().filter(|(code, _)| !is_success(*code));
        lines.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Returns [`text`](Self::text) on one line, separated by `; ` instead of
    /// LF. This form appears in error messages. A text of more than 2000 bytes
    /// is cut off.
    pub fn excerpt(&self) -> String {
        excerpt(&self.text().replace('\n', "; "))
    }

    /// Returns all lines of the reply with their codes, in order.
    pub fn lines(&self) -> &[(u16, String)] {
        &self.lines
    }

    /// Returns true if the same command may succeed later (4yz).
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code())
    }

    /// Returns true if the command is unknown or obsolete (510 or 511). A
    /// filter between this program and tor may also answer with these codes if
    /// it doesn't let the command through.
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

    /// Returns true if the named object is unknown or already gone (552). The
    /// object may be a circuit, stream, option, key, service or relay.
    pub fn is_unknown(&self) -> bool {
        self.code() == 552
    }

    /// Returns true if a circuit is unknown or already gone. Unlike
    /// [`is_unknown`](Self::is_unknown), this method returns false if
    /// ATTACHSTREAM failed because the stream is unknown.
    pub fn is_unknown_circuit(&self) -> bool {
        self.is_unknown()
            && self.first().is_some_and(|(_, text)| text.starts_with("Unknown circuit"))
    }

    /// Returns true if a stream is unknown or already gone. Unlike
    /// [`is_unknown`](Self::is_unknown), this method returns false if
    /// ATTACHSTREAM failed because the circuit is unknown.
    pub fn is_unknown_stream(&self) -> bool {
        self.is_unknown()
            && self.first().is_some_and(|(_, text)| text.starts_with("Unknown stream"))
    }

    /// Returns true if the object is known, but the operation isn't possible or
    /// not allowed in its present state (551, 553 or 555).
    pub fn is_not_allowed(&self) -> bool {
        matches!(self.code(), 551 | 553 | 555)
    }

    /// Returns the first line that isn't a success, or else the last line.
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
