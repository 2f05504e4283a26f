//! tor's own "no".

use std::fmt;

/// tor refused a command: its reply, whole. control-spec, section "Replies".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    command: Box<str>,
    lines: Vec<(u16, String)>,
}

impl Refusal {
    /// tor answered `command` (secrets replaced) with `lines`, at least one of which is no success.
    pub(crate) fn new(command: impl Into<String>, lines: Vec<(u16, String)>) -> Self {
        Refusal { command: command.into().into_boxed_str(), lines }
    }

    /// What was asked, with its secrets replaced.
    pub fn command(&self) -> &str {
        &self.command
    }

    /// The code of the first line that is no success (2yz), for example 552.
    pub fn code(&self) -> u16 {
        self.first().map_or(0, |(code, _)| *code)
    }

    /// The text of the lines that are no success, one a line: what tor said, whole, but for secrets that it repeats.
    pub fn text(&self) -> String {
        let lines = self.lines.iter().filter(|(code, _)| !is_success(*code));
        lines.map(|(_, text)| text.as_str()).collect::<Vec<_>>().join("\n")
    }

    /// Every line of the reply, in order, with its code.
    pub fn lines(&self) -> &[(u16, String)] {
        &self.lines
    }

    /// Whether the same command may succeed later (4yz).
    pub fn is_transient(&self) -> bool {
        (400..500).contains(&self.code())
    }

    /// 510: tor, or a filter in front of it, does not know (or let through) the command.
    pub fn is_unrecognized_command(&self) -> bool {
        self.code() == 510
    }

    /// 512 or 513: the arguments were not understood or not acceptable.
    pub fn is_bad_argument(&self) -> bool {
        matches!(self.code(), 512 | 513)
    }

    /// 552: what was named (circuit, stream, option, key, service) is unknown, or already gone.
    pub fn is_unknown(&self) -> bool {
        self.code() == 552
    }

    /// 551, 553 or 555: known, but not possible or not allowed in its present state.
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
        write!(f, "tor refused {}: {} {}", self.command, self.code(), self.text().replace('\n', "; "))
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
    }
}
