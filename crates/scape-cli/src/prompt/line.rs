//! Parses the lines of the prompt.

/// A line that the user has entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// An empty line, or a comment that begins with `#`.
    Nothing,
    /// `/help` and the words after it.
    Help(Vec<&'a str>),
    /// `/info` and the relay. `None` if no relay is given.
    Info(Option<&'a str>),
    /// `/events` or `SETEVENTS`, and the kinds of events.
    Events(Vec<&'a str>),
    Quit,
    /// A word that begins with a slash but isn't a command of the prompt.
    Unknown(&'a str),
    /// The first line of a command with data, including the plus sign at its
    /// beginning.
    WithData(&'a str),
    /// A command of the control protocol.
    Command(&'a str),
}

/// The commands of the prompt in their long forms, for completion.
pub(super) const SLASH_COMMANDS: [&str; 4] = ["/help", "/info", "/events", "/quit"];

impl<'a> Line<'a> {
    pub(super) fn parse(line: &'a str) -> Self {
        let line = line.trim();
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or_default();
        match first.to_ascii_lowercase().as_str() {
            "" => Line::Nothing,
            "/help" | "/h" | "/?" | "help" => Line::Help(words.collect()),
            "/info" | "/i" => Line::Info(words.next()),
            "/events" | "/e" | "setevents" => Line::Events(words.collect()),
            "/quit" | "/q" | "/exit" | "quit" | "exit" => Line::Quit,
            word if word.starts_with('#') => Line::Nothing,
            word if word.starts_with('/') => Line::Unknown(first),
            word if word.starts_with('+') => Line::WithData(line),
            _ => Line::Command(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_told_apart() {
        for (text, line) in [
            ("", Line::Nothing),
            ("  # comment", Line::Nothing),
            ("/help GETINFO", Line::Help(vec!["GETINFO"])),
            ("HELP", Line::Help(Vec::new())),
            ("/info", Line::Info(None)),
            ("/info relay1", Line::Info(Some("relay1"))),
            ("setevents BW CIRC", Line::Events(vec!["BW", "CIRC"])),
            ("/q", Line::Quit),
            ("QUIT", Line::Quit),
            ("/nonsense", Line::Unknown("/nonsense")),
            ("+LOADCONF", Line::WithData("+LOADCONF")),
            (" GETINFO version ", Line::Command("GETINFO version")),
        ] {
            assert_eq!(Line::parse(text), line, "{text}");
        }
    }
}
