//! Formats and prints changes of options, and differences between two
//! configurations.

use anstyle::{AnsiColor, Style};
use scape::Config;
use scape::config::{ConfigDiff, ConfigOption};
use scape::control::ConfLine;
use serde::Serialize;

use super::problem::explained;
use crate::base::context::Context;
use crate::base::failure::Failure;
use crate::base::output::{printable, tell};

/// The name of the group of all options of onion services. Each line belongs to
/// the `HiddenServiceDir` line before it, so the lines of the group are always
/// shown and changed together.
pub(super) const SERVICES: &str = "HiddenServiceOptions";

/// Returns the name under which the lines of an option are shown and changed.
/// This is the name of the option or, for an option of an onion service, the
/// name of the group.
pub(super) fn unit(option: &ConfigOption) -> &str {
    match option.group.as_deref() {
        Some(SERVICES) => SERVICES,
        _ => &option.name,
    }
}

/// A change of an option or of a group of options, as it is printed with
/// `--json`.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Change {
    /// The name of the option, or of its group, such as `SocksPortLines`.
    pub(super) name: String,
    /// The lines before the change, each with the name of an option, a space
    /// and the value. The value has no quotes, unlike in a torrc. Empty if the
    /// option was unset. Passwords are replaced by `[redacted]`.
    pub(super) before: Vec<String>,
    /// The lines after the change, in the same form as `before`. Empty if the
    /// option is now unset.
    pub(super) after: Vec<String>,
}

impl Change {
    pub(super) fn new(name: &str, before: &[ConfLine], after: &[ConfLine]) -> Self {
        Change { name: name.to_owned(), before: texts(before), after: texts(after) }
    }

    /// Returns the removed lines, each after a `-`, and then the added lines,
    /// each after a `+`.
    pub(super) fn describe(&self) -> String {
        let mut lines = Vec::new();
        for (sign, color, these, those) in [
            ('-', AnsiColor::Red, &self.before, &self.after),
            ('+', AnsiColor::Green, &self.after, &self.before),
        ] {
            let style: Style = color.on_default();
            let only_here = surplus(these, those).into_iter().map(|line| printable(line));
            lines.extend(only_here.map(|line| format!("{style}{sign}{line}{style:#}")));
        }
        // The lines differ only in their order, or in passwords, which are
        // hidden.
        if lines.is_empty() {
            lines.extend(self.after.iter().map(|line| format!(" {}", printable(line))));
        }
        // Neither side has a line, so only the name is shown.
        if lines.is_empty() { printable(&self.name) } else { lines.join("\n") }
    }
}

/// Returns the lines that occur in `these` more often than in `those`.
fn surplus<'a>(these: &'a [String], those: &[String]) -> Vec<&'a String> {
    let mut rest: Vec<&String> = those.iter().collect();
    let is_surplus = |line: &&String| match rest.iter().position(|other| other == line) {
        Some(index) => {
            rest.swap_remove(index);
            false
        }
        None => true,
    };
    these.iter().filter(is_surplus).collect()
}

impl From<ConfigDiff> for Change {
    fn from(diff: ConfigDiff) -> Self {
        Change::new(&diff.name, &diff.before, &diff.after)
    }
}

/// Formats lines as the name of an option and the value. Passwords are replaced
/// by `[redacted]`. Lines without a value are left out, because they mean that
/// an option is unset.
pub(super) fn texts(lines: &[ConfLine]) -> Vec<String> {
    let set = lines.iter().filter(|line| line.value.is_some());
    set.map(ToString::to_string).collect()
}

/// Returns the pending changes of `config`, except those that leave an option
/// as it is.
pub(super) fn pending(config: &Config) -> Vec<Change> {
    let diff = config.diff().into_iter();
    diff.filter(|diff| diff.before != diff.after).map(Change::from).collect()
}

/// Prints the removed and added lines of each change or, with `--json`, one
/// object per change.
pub(super) fn print(context: &Context, changes: &[Change]) -> Result<(), Failure> {
    if context.out.is_json() {
        return context.out.values(changes);
    }
    changes.iter().try_for_each(|change| context.out.line(change.describe()))
}

/// Sends the pending changes of `config`, all with one command, and prints
/// them. Nothing is printed if tor refuses them.
pub(super) fn save_and_print(context: &Context, config: &mut Config) -> Result<(), Failure> {
    let changes = pending(config);
    save(config)?;
    print(context, &changes)
}

/// Sends the pending changes of `config`, all with one command. Tells the user
/// about changes of other programs that were overwritten.
pub(super) fn save(config: &mut Config) -> Result<(), Failure> {
    config.save().map_err(explained)?;
    for lost in config.take_overwritten() {
        let theirs = printable(&texts(&lost.theirs).join(", "));
        tell(format_args!(
            "another program changed {} at the same time; its value was overwritten: {theirs}",
            lost.name
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(texts: &[(&str, &str)]) -> Vec<ConfLine> {
        texts.iter().map(|(name, value)| ConfLine::new(*name, Some((*value).into()))).collect()
    }

    #[test]
    fn changes_show_removed_and_added_lines_without_passwords() {
        let before = lines(&[("SocksPort", "1"), ("SocksPort", "2")]);
        let after = lines(&[("SocksPort", "2"), ("BridgePassword", "sesame")]);
        let change = Change::new("SocksPortLines", &before, &after);
        let text = anstream::adapter::strip_str(&change.describe()).to_string();
        assert_eq!(text, "-SocksPort 1\n+BridgePassword [redacted]");
    }

    #[test]
    fn control_characters_are_escaped_for_people_only() {
        let change = Change::new("ContactInfo", &[], &lines(&[("ContactInfo", "a\u{9b}b")]));
        let text = anstream::adapter::strip_str(&change.describe()).to_string();
        assert_eq!(text, "+ContactInfo a\\u{9b}b");
        assert_eq!(change.after, ["ContactInfo a\u{9b}b"]);
    }

    #[test]
    fn lines_in_another_order_are_shown() {
        let before = lines(&[("Log", "a"), ("Log", "b")]);
        let after = lines(&[("Log", "b"), ("Log", "a")]);
        let change = Change::new("Log", &before, &after);
        assert_eq!(change.describe(), " Log b\n Log a");
        let twice = Change::new("Log", &lines(&[("Log", "a")]), &lines(&[("Log", "a"); 2]));
        let text = anstream::adapter::strip_str(&twice.describe()).to_string();
        assert_eq!(text, "+Log a");
    }
}
