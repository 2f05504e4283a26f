//! The manual's description of one option.

use std::fmt;

/// The text by which the manual marks an option that can't be changed while tor
/// runs.
const IMMUTABLE: &str = "not be changed while tor is running";

/// The maximum number of forms, such as `0|1`, that an option's value has in a
/// [`ManualEntry`]. Further forms are omitted.
const MOST_FORMS: usize = 16;

/// The manual's description of one option. See [`Manual`](super::Manual).
///
/// `Display` writes a line for each form of the option's value, such as
/// `SocksPort PORT`. The indented description follows.
///
/// ```
/// use scape_manual::Manual;
///
/// # let page = b".SH \"CLIENT OPTIONS\"\n.TP\n\\fBSocksPort\\fR \\fIPORT\\fR\n\
/// #     Open this port. Set 0 for none. (Default: 9050)\n";
/// # let manual = Manual::parse(page);
/// let entry = manual.get("SocksPort").expect("the page describes it");
/// assert_eq!(entry.forms(), ["PORT"]);
/// assert_eq!(entry.section(), "CLIENT OPTIONS");
/// assert_eq!(entry.default(), Some("9050"));
/// ```
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

    /// Adds a form of the option's value, and the description of that form.
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
        // Indented text is about a flag of the option, or an example.
        for paragraph in help.lines().filter(|line| !line.starts_with(' ')) {
            self.default = self.default.take().or_else(|| default(paragraph));
            self.immutable |= says_immutable(paragraph);
        }
    }

    /// Returns the option's name, as the manual writes it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the forms of the option's value, as the manual writes them:
    /// `0|1`, `N minutes|hours|days|weeks`, `[address:]port|auto [isolation
    /// flags]`. Most options have one form. A form is empty if the manual
    /// doesn't describe the value.
    pub fn forms(&self) -> &[String] {
        &self.forms
    }

    /// Returns the title of the option's section, such as `CLIENT OPTIONS`.
    pub fn section(&self) -> &str {
        &self.section
    }

    /// Returns the option's description. Paragraphs are separated by empty
    /// lines, and each is a single line, however long.
    ///
    /// List items begin with `•` or their number. Text that belongs to a list
    /// item or to the name of a flag is indented by 4 spaces for each level.
    /// Examples are indented in the same way, and keep their line breaks. The
    /// text contains no roff escapes, and no control characters except line
    /// ends.
    pub fn help(&self) -> &str {
        &self.help
    }

    /// Returns the first sentence of [`help`](Self::help). The sentence is
    /// empty if the option has no description.
    ///
    /// ```
    /// use scape_manual::Manual;
    ///
    /// # let page = b".SH \"CLIENT OPTIONS\"\n.TP\n\\fBSocksPort\\fR \\fIPORT\\fR\n\
    /// #     Open this port. Set 0 for none. (Default: 9050)\n";
    /// # let manual = Manual::parse(page);
    /// let entry = manual.get("SocksPort").expect("the page describes it");
    /// assert_eq!(entry.help(), "Open this port. Set 0 for none. (Default: 9050)");
    /// assert_eq!(entry.summary(), "Open this port.");
    /// ```
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

    /// Returns the option's default in the manual's words: the text of
    /// "(Default: …)". The text is a value, or describes one. Returns `None` if
    /// the manual doesn't name a default. Ask a running tor for its own
    /// defaults (`GETINFO config/defaults`).
    pub fn default(&self) -> Option<&str> {
        self.default.as_deref()
    }

    /// Returns true if the manual says that the option can't be changed while
    /// tor runs.
    ///
    /// Even if this method returns false, tor can reject a change. For example,
    /// some options can be set only once, or only together with other options.
    /// The manual doesn't mark such options.
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

/// Returns the text of "(Default: …)", or `None` if the paragraph doesn't
/// contain it.
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
    fn default_is_extracted() {
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
    fn immutable_option_is_recognized() {
        assert!(entry("Hot. Can not be changed while tor is running.").is_immutable());
        assert!(
            entry("Hot. This option cannot be changed while Tor is running. (Default: 0)")
                .is_immutable()
        );
        assert!(!entry("Others can not be changed when tor is running.").is_immutable());
    }

    #[test]
    fn summary_is_the_first_sentence() {
        assert_eq!(entry("Use e.g. tea. And more.\n\nAnd more.").summary(), "Use e.g. tea.");
        assert_eq!(entry("No end").summary(), "No end");
        assert_eq!(entry("").summary(), "");
        assert_eq!(entry("One.").summary(), "One.");
    }

    #[test]
    fn entry_is_displayed() {
        let mut pot = entry("Hot.\n\n    Very.");
        pot.add("lid N".into(), "With a lid.");
        pot.add(String::new(), "");
        assert_eq!(
            pot.to_string(),
            "Pot N\nPot lid N\nPot\n    Hot.\n\n        Very.\n\n    With a lid."
        );
    }
}
