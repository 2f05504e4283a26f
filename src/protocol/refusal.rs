//! Refusals of tor's.
//!
//! The meaning of the codes of tor 0.4.9, and the question that finds them:
//!
//! | code | for example | question |
//! |---|---|---|
//! | 451 | `resource exhausted: skipping 'a=b'` | [`is_transient`](Refusal::is_transient) |
//! | 500 | `Line too long.`; tor ends the connection | |
//! | 510, 511 | `Unrecognized command "X"`, `X is obsolete.` | [`is_unrecognized_command`](Refusal::is_unrecognized_command) |
//! | 512, 513, 554 | `Bad arguments to X: …`, `Invalid descriptor` | [`is_bad_argument`](Refusal::is_bad_argument) |
//! | 514, 515 | `Authentication required.`; tor ends the connection | [`AuthError`](crate::controller::AuthError) |
//! | 550 | `Onion address collision`, `Unable to load config: …` | [`is_unspecified`](Refusal::is_unspecified) |
//! | 551, 553, 555 | `Couldn't start circuit`, `Transition not allowed: …` | [`is_not_allowed`](Refusal::is_not_allowed) |
//! | 552 | `Unknown stream "7"`, `Unrecognized option: …` | [`is_unknown`](Refusal::is_unknown) |

use std::fmt;

use crate::protocol::excerpt;

/// tor refused a command: its reply, whole. control-spec, section "Replies".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    command: Box<str>,
    lines: Vec<(u16, String)>,
    log: Vec<String>,
}

impl Refusal {
    /// tor answered `command` (secrets replaced) with `lines`, at least one of
    /// which is no success.
    pub(crate) fn new(command: impl Into<String>, lines: Vec<(u16, String)>) -> Self {
        Refusal { command: command.into().into_boxed_str(), lines, log: Vec::new() }
    }

    /// The same refusal, with what tor logged about it.
    pub(crate) fn with_log(self, log: Vec<String>) -> Self {
        Refusal { log, ..self }
    }

    /// The warnings that tor logged about this refusal, oldest first. Some
    /// replies only say that something failed, and the log says why. It is
    /// empty unless the method that returns the refusal says that it reads the
    /// log.
    pub fn log(&self) -> &[String] {
        &self.log
    }

    /// Returns the command, with its secrets replaced.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The code of the first line that is no success (2yz), for example 552.
    pub fn code(&self) -> u16 {
        self.first().map_or(0, |(code, _)| *code)
    }

    /// The text of the lines that are no success, one a line: what tor said,
    /// whole, but for secrets that it repeats.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().filter(|(code, _)| !is_success(*code));
        lines.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// The text on one line, as it is shown in errors: a text that is longer
    /// than a page is cut.
    pub(crate) fn excerpt(&self) -> String {
        excerpt(&self.text().replace('\n', "; "))
    }

    /// Every line of the reply, in order, with its code.
    pub fn lines(&self) -> &[(u16, String)] {
        &self.lines
    }

    /// Returns true if the same command may succeed later (4yz).
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code())
    }

    /// 510 or 511: tor, or a filter in front of it, does not know (or let
    /// through) the command, or not any more.
    pub fn is_unrecognized_command(&self) -> bool {
        matches!(self.code(), 510 | 511)
    }

    /// 512, 513 or 554: the arguments, or the document that came with them,
    /// were not understood or not acceptable.
    pub fn is_bad_argument(&self) -> bool {
        matches!(self.code(), 512 | 513 | 554)
    }

    /// 550: a failure that has no code of its own. For ADD_ONION it says that a
    /// service with this key is there already.
    pub fn is_unspecified(&self) -> bool {
        self.code() == 550
    }

    /// 552: what was named (circuit, stream, option, key, service, relay) is
    /// unknown, or already gone.
    pub fn is_unknown(&self) -> bool {
        self.code() == 552
    }

    /// As [`is_unknown`](Self::is_unknown), and it is the circuit: ATTACHSTREAM
    /// names a stream as well.
    pub fn is_unknown_circuit(&self) -> bool {
        self.is_unknown()
            && self.first().is_some_and(|(_, text)| text.starts_with("Unknown circuit"))
    }

    /// As [`is_unknown`](Self::is_unknown), and it is the stream: it has ended
    /// meanwhile.
    pub fn is_unknown_stream(&self) -> bool {
        self.is_unknown()
            && self.first().is_some_and(|(_, text)| text.starts_with("Unknown stream"))
    }

    /// 551, 553 or 555: known, but not possible or not allowed in its present
    /// state.
    pub fn is_not_allowed(&self) -> bool {
        matches!(self.code(), 551 | 553 | 555)
    }

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
    fn the_first_failure_counts_and_all_are_kept() {
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
    fn what_is_gone_can_be_told_from_what_is_not_allowed() {
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
