//! Pending changes, and the command that sends them.

use std::collections::BTreeMap;
use std::fmt;

use super::lines::{are_the_same, put_auto_last};
use super::schema::Schema;
use crate::error::Result;
use scape_proto::control::{Command, CommandBuilder, ConfLine};
use scape_proto::info::ConfigType;

/// Pending changes, by the name of the option or group.
pub(super) type Changes = BTreeMap<String, Pending>;

/// A change of an option, or of a group of options, that hasn't been sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pending {
    /// The lines that tor had when the change was begun, or at the last call of
    /// [`Config::overwrite`](crate::Config::overwrite) for this change.
    pub(super) base: Vec<ConfLine>,
    pub(super) wanted: Wanted,
}

/// The value that an option or group is to have after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wanted {
    /// The option or group gets these lines. If the list is empty, the option
    /// becomes unset. An option whose value is a number becomes 0 instead.
    Lines(Vec<ConfLine>),
    /// The option gets its default value.
    Default,
}

impl Wanted {
    /// Returns the wanted lines. For [`Wanted::Default`], these are the default
    /// lines that tor has reported. A group has no default lines. For an option
    /// that becomes unset, these are the [lines](Schema::unset_lines) that tor
    /// then reports.
    pub(super) fn lines(&self, schema: &Schema, unit: &str) -> Vec<ConfLine> {
        match self {
            Wanted::Lines(lines) if lines.is_empty() => schema.unset_lines(unit),
            Wanted::Lines(lines) => lines.clone(),
            Wanted::Default => schema.default_of(unit),
        }
    }

    /// Returns true if tor's lines are the wanted ones, either in the order of
    /// the change or in the order in which the change is sent.
    pub(super) fn is(&self, schema: &Schema, unit: &str, now: &[ConfLine]) -> bool {
        are_the_same(schema, now, &self.lines(schema, unit))
            || are_the_same(schema, now, &self.lines_as_reported(schema, unit))
    }

    /// Returns the wanted lines in the order in which they are sent, which is
    /// also the order in which tor reports them.
    pub(super) fn lines_as_reported(&self, schema: &Schema, unit: &str) -> Vec<ConfLine> {
        let mut lines = self.lines(schema, unit);
        put_auto_last(&mut lines);
        lines
    }

    /// Returns true if the option or group is to be named without a value in
    /// SETCONF.
    fn is_sent_without_value(&self, schema: &Schema, unit: &str) -> bool {
        match self {
            Wanted::Lines(lines) => lines.is_empty(),
            Wanted::Default => {
                schema.default_of(unit).is_empty() || is_emptied_by_reset(schema, unit)
            }
        }
    }
}

/// A pending change of an option, or of a group of options. Returned by
/// [`Config::diff`](super::Config::diff).
///
/// `Debug` and `Display` don't show the values of options that are secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigDiff {
    /// The name of the option. If the option is in a group such as
    /// `SocksPortLines`, this is the group's name instead, because the lines of
    /// a group are changed together.
    pub name: String,
    /// The lines that tor had when the change was begun, or at the last call of
    /// [`Config::overwrite`](crate::Config::overwrite) for this change.
    pub before: Vec<ConfLine>,
    /// The lines that tor will report after the change. For an option that
    /// becomes unset, the list is empty. But if the option's type is a number,
    /// a size, a time, or a Boolean with or without `auto`, the list has one
    /// line with the value `0`. For a reset, these are the default lines, and
    /// none for a group.
    pub after: Vec<ConfLine>,
    /// True if the option is reset to its default.
    pub is_reset: bool,
}

impl fmt::Display for ConfigDiff {
    /// Formats one line for each line that is removed (`-SocksPort 9050`) or
    /// added (`+SocksPort 9052`). Lines that stay are left out.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for (sign, these, those) in
            [('-', &self.before, &self.after), ('+', &self.after, &self.before)]
        {
            for line in surplus(these, those) {
                write!(f, "{separator}{sign}{line}")?;
                separator = "\n";
            }
        }
        match (separator, self.before == self.after) {
            ("", true) => write!(f, "{} (unchanged)", self.name),
            ("", false) => write!(f, "{} (the same lines in another order)", self.name),
            _ => Ok(()),
        }
    }
}

/// Returns the lines that are in `these` more often than in `those`.
fn surplus<'a>(these: &'a [ConfLine], those: &[ConfLine]) -> Vec<&'a ConfLine> {
    let mut rest: Vec<&ConfLine> = those.iter().collect();
    let is_surplus = |line: &&ConfLine| match rest.iter().position(|other| other == line) {
        Some(index) => {
            rest.swap_remove(index);
            false
        }
        None => true,
    };
    these.iter().filter(is_surplus).collect()
}

/// An option that both this program and another one have changed. Returned by
/// [`Config::conflicts`](super::Config::conflicts) and
/// [`Config::take_overwritten`](super::Config::take_overwritten).
///
/// `Debug` doesn't show the values of options that are secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigConflict {
    /// The name of the option or of the group.
    pub name: String,
    /// The lines that tor had when this program's change was begun. Empty in
    /// the result of
    /// [`Config::take_overwritten`](super::Config::take_overwritten).
    pub before: Vec<ConfLine>,
    /// The lines that the other program has set.
    pub theirs: Vec<ConfLine>,
    /// The lines of this program's change.
    pub ours: Vec<ConfLine>,
}

/// Builds the one command that makes all changes. tor makes either all of them
/// or none.
pub(super) fn command(schema: &Schema, changes: &Changes) -> Result<Command> {
    let resets = changes.values().any(|change| change.wanted == Wanted::Default);
    // RESETCONF sets the options that have a value and resets the others.
    let all_explicit =
        || changes.iter().all(|(unit, change)| explicit(schema, unit, &change.wanted).is_some());
    Ok(if resets && all_explicit() {
        let mut command = Command::build("RESETCONF");
        for (unit, change) in changes {
            match explicit(schema, unit, &change.wanted) {
                Some(mut lines) if !lines.is_empty() => {
                    put_auto_last(&mut lines);
                    add(&mut command, &lines);
                }
                _ => {
                    command.option(first_name(unit, &change.base));
                }
            }
        }
        command.finish()?
    } else {
        // SETCONF empties the options that have no value, so defaults are
        // written out.
        let mut command = Command::build("SETCONF");
        for (unit, change) in changes {
            match change.wanted.is_sent_without_value(schema, unit) {
                true => {
                    command.option(first_name(unit, &change.base));
                }
                false => add(&mut command, &change.wanted.lines_as_reported(schema, unit)),
            }
        }
        command.finish()?
    })
}

/// Returns true if an option is a Boolean whose default is 0. To reset such an
/// option, SETCONF names it without a value. An explicit 0 would mean more than
/// a reset: `CookieAuthentication=0` turns authentication off.
fn is_emptied_by_reset(schema: &Schema, unit: &str) -> bool {
    let is_zero = |line: &ConfLine| line.value.as_deref() == Some("0");
    schema.find(unit).is_some_and(|spec| spec.ty == ConfigType::Boolean)
        && schema.default_of(unit).iter().all(is_zero)
}

fn add(command: &mut CommandBuilder, lines: &[ConfLine]) {
    for line in lines {
        command.quoted(&line.name, line.value.as_deref().unwrap_or_default());
    }
}

/// Returns the name with which a command empties or resets an option or group.
/// For a group, this is the name of the first option in `base`, the group's
/// lines in tor, because tor doesn't accept the name of a group in these
/// commands.
fn first_name<'a>(unit: &'a str, base: &'a [ConfLine]) -> &'a str {
    base.first().map_or(unit, |line| &line.name)
}

/// Returns the lines that express the wanted value in RESETCONF. The result is
/// empty if a reset gives the wanted value. This is so in two cases: the
/// default is wanted, or the option is to be unset and is unset by default.
/// Returns `None` if RESETCONF can't express the wanted value.
fn explicit(schema: &Schema, unit: &str, wanted: &Wanted) -> Option<Vec<ConfLine>> {
    let lines = match wanted {
        Wanted::Default => return Some(Vec::new()),
        Wanted::Lines(lines) => lines,
    };
    let spec = schema.find(unit)?;
    if !lines.is_empty() || spec.default.is_empty() {
        return Some(lines.clone());
    }
    Some(schema.unset_lines(unit)).filter(|lines| !lines.is_empty())
}

/// Returns true if `change` conflicts with `now`, the present lines of an
/// option or group. This is so if another program has changed the lines since
/// `change` was begun, and `now` differs from the lines that `change` wants.
pub(super) fn is_conflict(schema: &Schema, unit: &str, change: &Pending, now: &[ConfLine]) -> bool {
    !are_the_same(schema, &change.base, now) && !change.wanted.is(schema, unit, now)
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::schema;
    use super::*;

    fn lines(texts: &[&str]) -> Vec<ConfLine> {
        let line = |text: &&str| {
            text.split_once('=').map(|(name, value)| ConfLine::new(name, Some(value.to_owned())))
        };
        texts.iter().filter_map(line).collect()
    }

    /// An option or group, its lines, and its lines after the change. `None`
    /// stands for the default.
    type Change<'a> = (&'a str, &'a [&'a str], Option<&'a [&'a str]>);

    fn sent(changes: &[Change<'_>]) -> String {
        let changes = changes.iter().map(|(unit, base, wanted)| {
            let wanted = wanted.map_or(Wanted::Default, |wanted| Wanted::Lines(lines(wanted)));
            ((*unit).to_owned(), Pending { base: lines(base), wanted })
        });
        let command = command(&schema(), &changes.collect()).unwrap();
        String::from_utf8(command.wire().to_vec()).unwrap().trim().to_owned()
    }

    #[test]
    fn all_changes_are_sent_with_one_setconf() {
        let socks: &[&str] = &["SocksPort=9050", "__SocksPort=1"];
        let command = sent(&[
            ("BandwidthRate", &["BandwidthRate=1"], Some(&["BandwidthRate=5 KB"])),
            ("ContactInfo", &["ContactInfo=me"], Some(&[])),
            (
                "SocksPortLines",
                socks,
                Some(&["SocksPort=9050", "SocksPort=9052 IsolateDestAddr", "__SocksPort=1"]),
            ),
        ]);
        assert_eq!(
            command,
            "SETCONF BandwidthRate=\"5 KB\" ContactInfo SocksPort=\"9050\" SocksPort=\"9052 IsolateDestAddr\" __SocksPort=\"1\""
        );
        assert_eq!(sent(&[("SocksPortLines", socks, Some(&[]))]), "SETCONF SocksPort");
        // Only the order of what is sent changes.
        let auto: &[&str] = &["SocksPort=auto", "SocksPort=9052"];
        assert_eq!(
            sent(&[("SocksPortLines", socks, Some(auto))]),
            "SETCONF SocksPort=\"9052\" SocksPort=\"auto\""
        );
        let wanted = Wanted::Lines(lines(auto));
        assert_eq!(wanted.lines(&schema(), "SocksPortLines"), lines(auto));
    }

    #[test]
    fn changes_with_a_reset_are_sent_with_one_resetconf() {
        let command = sent(&[
            ("BandwidthRate", &["BandwidthRate=1"], None),
            ("ContactInfo", &["ContactInfo=me"], Some(&[])),
            ("MaxCircuitDirtiness", &[], Some(&[])),
            ("UseBridges", &[], Some(&["UseBridges=1"])),
        ]);
        assert_eq!(
            command,
            "RESETCONF BandwidthRate ContactInfo MaxCircuitDirtiness=\"0\" UseBridges=\"1\""
        );
    }

    #[test]
    fn emptied_list_with_a_default_is_sent_with_setconf() {
        let command = sent(&[
            ("BandwidthRate", &[], None),
            ("LongLivedPorts", &["LongLivedPorts=21"], Some(&[])),
        ]);
        assert_eq!(command, "SETCONF BandwidthRate=\"1 GB\" LongLivedPorts");
        // An option whose default is 0 is emptied, not set to 0 by name.
        let command = sent(&[
            ("LongLivedPorts", &["LongLivedPorts=21"], Some(&[])),
            ("UseBridges", &["UseBridges=1"], None),
        ]);
        assert_eq!(command, "SETCONF LongLivedPorts UseBridges");
    }

    #[test]
    fn diff_shows_removed_and_added_lines_without_secrets() {
        let diff = ConfigDiff {
            name: "SocksPortLines".into(),
            before: lines(&["SocksPort=1", "SocksPort=2"]),
            after: lines(&["SocksPort=2", "SocksPort=3"]),
            is_reset: false,
        };
        assert_eq!(diff.to_string(), "-SocksPort 1\n+SocksPort 3");
        let of = |before: &[&str], after: &[&str]| ConfigDiff {
            name: "Log".into(),
            before: lines(before),
            after: lines(after),
            is_reset: false,
        };
        assert_eq!(of(&["Log=a"], &["Log=a", "Log=a"]).to_string(), "+Log a");
        assert_eq!(of(&["Log=a"], &["Log=a"]).to_string(), "Log (unchanged)");
        let text = of(&["Log=a", "Log=b"], &["Log=b", "Log=a"]).to_string();
        assert_eq!(text, "Log (the same lines in another order)");
        let secret = ConfigDiff {
            after: lines(&["HashedControlPassword=16:AB"]),
            before: Vec::new(),
            ..diff
        };
        assert!(!format!("{secret} {secret:?}").contains("16:AB"));
    }
}
