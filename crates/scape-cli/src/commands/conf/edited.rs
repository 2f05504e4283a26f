//! Writes the running configuration as a text for an editor, and finds the
//! changes in the edited text.

use std::collections::{BTreeMap, BTreeSet};

use scape::Config;
use scape::config::Torrc;
use scape::config::value::means_the_same;
use scape::control::{ConfLine, is_secret_option};
use scape::info::ConfigType;

use super::change::{SERVICES, unit};
use super::problem::explained;
use crate::base::failure::Failure;

const HEADING: &str = "\
# The options of the running tor that differ from their defaults.
# Change, add or remove lines, save the file, and leave the editor. Removed
# options are reset to their defaults.
";

/// The lines of options, by the name of the option. The lines of all onion
/// services have the name [`SERVICES`].
type Lines = BTreeMap<String, Vec<ConfLine>>;

/// The configuration that tor ran with when it was read, and the text for the
/// editor that was made from it.
#[derive(Debug)]
pub(super) struct Snapshot {
    lines: Lines,
    text: String,
}

impl Snapshot {
    /// Reads the options that differ from their defaults. The names of options
    /// with passwords are listed in a comment, without their values.
    pub(super) fn read(config: &Config) -> Result<Self, Failure> {
        let mut lines = Lines::new();
        let mut torrc = Torrc::new();
        let mut secrets = BTreeSet::new();
        for option in config.options()?.into_iter().filter(|option| !option.is_default) {
            if is_secret_option(&option.name) {
                secrets.insert(option.name);
                continue;
            }
            let unit = unit(&option).to_owned();
            if lines.contains_key(&unit) {
                continue;
            }
            let own = present(config, &unit)?;
            for line in &own {
                let value = line.value.as_deref().unwrap_or_default();
                torrc
                    .push(&line.name, value)
                    .map_err(|error| Failure::from(scape::Error::from(error)))?;
            }
            lines.insert(unit, own);
        }
        let mut text = HEADING.to_owned();
        for name in secrets {
            text.push_str(&format!(
                "# {name} isn't shown. It stays as it is unless a line sets it.\n"
            ));
        }
        text.push('\n');
        text.push_str(&torrc.to_text());
        Ok(Snapshot { lines, text })
    }

    /// Returns the text that the user edits.
    pub(super) fn text(&self) -> &str {
        &self.text
    }

    /// Adds the differences between this configuration and the edited text to
    /// the pending changes of `config`. Returns a failure if a difference is
    /// invalid, or if another program has changed the same option in the
    /// meantime.
    pub(super) fn apply(&self, config: &mut Config, text: &[u8]) -> Result<(), Failure> {
        let edited = parse(config, text)?;
        let units: BTreeSet<&String> = self.lines.keys().chain(edited.keys()).collect();
        for unit in units {
            let before = self.lines.get(unit).map(Vec::as_slice).unwrap_or_default();
            let after = edited.get(unit).map(Vec::as_slice).unwrap_or_default();
            let option = config.option(unit).map_err(explained)?;
            if are_the_same(&option.ty, before, after) {
                continue;
            }
            let is_foreign = match self.lines.get(unit) {
                Some(before) => present(config, unit)? != *before,
                None if unit == SERVICES => !present(config, unit)?.is_empty(),
                // An option that isn't in the text had its default when the
                // text was made, unless it is a password: passwords are never
                // in the text.
                None => !option.is_default && !is_secret_option(unit),
            };
            if is_foreign {
                return Err(Failure::failed(format!(
                    "another program has changed {unit} in the meantime: start `scape conf edit` again"
                )));
            }
            change(config, unit, after)?;
        }
        Ok(())
    }
}

/// Returns the present lines of an option or, if `unit` is [`SERVICES`], of all
/// onion services.
fn present(config: &Config, unit: &str) -> Result<Vec<ConfLine>, Failure> {
    let mut lines = config.group(unit)?;
    if unit != SERVICES {
        lines.retain(|line| line.name.eq_ignore_ascii_case(unit));
    }
    Ok(lines)
}

/// Parses the edited text. Abbreviated names of options are replaced by the
/// full names, in tor's spelling.
fn parse(config: &Config, text: &[u8]) -> Result<Lines, Failure> {
    let torrc = Torrc::parse(text).map_err(Failure::failed)?;
    let mut lines = Lines::new();
    for entry in torrc.entries() {
        let at = format!("line {}", entry.line());
        if entry.is_include() {
            return Err(Failure::failed(format!(
                "{at}: other files can't be included here: remove %include"
            )));
        }
        if entry.magic().is_some() {
            return Err(Failure::failed(format!(
                "{at}: + or / in front of {} is only possible in a torrc: leave it out",
                entry.name()
            )));
        }
        let option = config.option(entry.name()).map_err(explained);
        let option = option.map_err(|failure| failure.while_doing(&at))?;
        let line = ConfLine::new(option.name.clone(), Some(entry.value().into_owned()));
        lines.entry(unit(&option).to_owned()).or_default().push(line);
    }
    Ok(lines)
}

fn are_the_same(ty: &ConfigType, before: &[ConfLine], after: &[ConfLine]) -> bool {
    before.len() == after.len()
        && before.iter().zip(after).all(|(before, after)| {
            let value = |line: &ConfLine| line.value.clone().unwrap_or_default();
            before.name == after.name && means_the_same(ty, &value(before), &value(after))
        })
}

fn change(config: &mut Config, unit: &str, lines: &[ConfLine]) -> Result<(), Failure> {
    let values: Vec<&str> = lines.iter().filter_map(|line| line.value.as_deref()).collect();
    let result = match values.as_slice() {
        [] => config.reset(unit),
        _ if unit == SERVICES => config.set_group(unit, lines),
        [""] => config.unset(unit),
        [value] => config.set(unit, *value),
        several => config.set(unit, several),
    };
    result.map_err(explained)
}
