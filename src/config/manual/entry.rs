//! What the manual says of one option.

use std::fmt;

/// How tor's manual says that an option cannot be set while tor runs.
const IMMUTABLE: &str = "not be changed while tor is running";

/// The most ways to write one option.
const MOST_FORMS: usize = 16;

/// What tor's manual says of one option. See [`Manual`](super::Manual).
///
/// Shown, it is what the option takes, and its text below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManualEntry {
    name: String,
    forms: Vec<String>,
    section: String,
    help: String,
    default: Option<String>,
    immutable: bool,
}

impl ManualEntry {
    pub(super) fn new(name: String, section: String) -> Self {
        ManualEntry {
            name,
            forms: Vec::new(),
            section,
            help: String::new(),
            default: None,
            immutable: false,
        }
    }

    /// Adds a way to write it, and what is said of that.
    pub(super) fn add(&mut self, form: String, help: &str) {
        if self.forms.len() < MOST_FORMS && !self.forms.contains(&form) {
            self.forms.push(form);
        }
        if help.is_empty() {
            return;
        }
        if !self.help.is_empty() {
            self.help.push_str("\n\n");
        }
        self.help.push_str(help);
        // What is indented is about a flag of the option, or an example.
        for paragraph in help.lines().filter(|line| !line.starts_with(' ')) {
            self.default = self.default.take().or_else(|| default(paragraph));
            self.immutable |= says_immutable(paragraph);
        }
    }

    /// The option's name, as the manual writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it takes, as the manual writes it: `0|1`,
    /// `N minutes|hours|days|weeks`, `[address:]port|auto [isolation flags]`.
    /// Most options have one form; an empty one is that nothing is said.
    pub fn forms(&self) -> &[String] {
        &self.forms
    }

    /// The section that it is in, such as `CLIENT OPTIONS`.
    pub fn section(&self) -> &str {
        &self.section
    }

    /// What it means: paragraphs, with an empty line between them, and each on
    /// one line, however long.
    ///
    /// Elements of lists begin with `•` or their number. What a list, a flag's
    /// name or the like is followed by is indented by 4 spaces, and so are
    /// examples, which keep their lines. There are no escapes and no control
    /// characters but line ends.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// The first sentence of [`help`](Self::help).
    pub fn summary(&self) -> &str {
        let line = self.help.lines().next().unwrap_or_default().trim();
        let mut from = 0;
        while let Some(found) = line.get(from..).and_then(|rest| rest.find(". ")) {
            let end = from + found + 1;
            let sentence = line.get(..end).unwrap_or(line);
            if !["e.g.", "i.e.", "etc.", "vs."].iter().any(|short| sentence.ends_with(short)) {
                return sentence;
            }
            from = end;
        }
        line
    }

    /// Its default, in the manual's words: the text of "(Default: …)", which
    /// may be a value, or tell of one. What this very tor has for a default it
    /// says itself:
    /// [`Controller::config_defaults`](crate::Controller::config_defaults).
    pub fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Whether the manual says that it cannot be changed while tor runs.
    ///
    /// It does not say so everywhere: some options can be set only once, or not
    /// while others are, and tor refuses those, too.
    pub fn is_immutable(&self) -> bool {
        self.immutable
    }
}

impl fmt::Display for ManualEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for form in &self.forms {
            writeln!(f, "{}", format_args!("{} {form}", self.name).to_string().trim_end())?;
        }
        let mut lines = self.help.lines().peekable();
        while let Some(line) = lines.next() {
            let indent = if line.is_empty() { "" } else { "    " };
            write!(f, "{indent}{line}")?;
            if lines.peek().is_some() {
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// The text of "(Default: …)".
fn default(paragraph: &str) -> Option<String> {
    let (_, rest) = paragraph.split_once("(Default")?;
    let rest = rest.strip_prefix('s').unwrap_or(rest).strip_prefix(':')?;
    let mut depth = 1_usize;
    let end = rest.find(|character| {
        match character {
            '(' => depth += 1,
            ')' => depth -= 1,
            _ => {}
        }
        depth == 0
    })?;
    let text = rest.get(..end)?.trim();
    let text = text.strip_suffix('.').unwrap_or(text);
    (!text.is_empty()).then(|| text.to_owned())
}

fn says_immutable(paragraph: &str) -> bool {
    paragraph.to_ascii_lowercase().contains(IMMUTABLE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(help: &str) -> ManualEntry {
        let mut entry = ManualEntry::new("Pot".into(), "OPTIONS".into());
        entry.add("N".into(), help);
        entry
    }

    #[test]
    fn defaults() {
        for (help, expected) in [
            ("Hot. (Default: 5 minutes)", Some("5 minutes")),
            ("Hot. (Defaults: one (or two) and three.) More.", Some("one (or two) and three")),
            ("Hot.\n\nCold. (Default: auto)", Some("auto")),
            ("Hot.\n\n    A flag. (Default: 1)", None),
            ("Hot. (Defaults to whatever)", None),
            ("Hot. (Default: )", None),
            ("Hot. (Default: never closed", None),
            ("The default is 3.", None),
        ] {
            assert_eq!(entry(help).default(), expected, "{help}");
        }
    }

    #[test]
    fn what_cannot_be_changed() {
        assert!(entry("Hot. Can not be changed while tor is running.").is_immutable());
        assert!(
            entry("Hot. This option cannot be changed while Tor is running. (Default: 0)")
                .is_immutable()
        );
        assert!(!entry("Others can not be changed when tor is running.").is_immutable());
    }

    #[test]
    fn the_first_sentence() {
        assert_eq!(entry("Use e.g. tea. And more.\n\nAnd more.").summary(), "Use e.g. tea.");
        assert_eq!(entry("No end").summary(), "No end");
        assert_eq!(entry("").summary(), "");
        assert_eq!(entry("One.").summary(), "One.");
    }

    #[test]
    fn shown() {
        let mut pot = entry("Hot.\n\n    Very.");
        pot.add("lid N".into(), "With a lid.");
        pot.add(String::new(), "");
        assert_eq!(
            pot.to_string(),
            "Pot N\nPot lid N\nPot\n    Hot.\n\n        Very.\n\n    With a lid."
        );
    }
}
