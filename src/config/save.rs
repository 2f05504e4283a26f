//! Changes are looked at, sent, or dropped.

use std::collections::BTreeSet;

use super::Config;
use super::lines::are_the_same;
use super::model::Model;
use super::pending::{ConfigConflict, ConfigDiff, Pending, Wanted, command, is_conflict};
use super::schema::Spec;
use super::shared::MOST_QUESTIONS;
use crate::config::{ConfigError, ConfigProblem};
use crate::connection::Closed;
use crate::controller::Warnings;
use crate::error::{Phase, Result, Timeout};
use crate::protocol::{ConfLine, Refusal};

/// What is pending, and sending it.
impl Config {
    /// Whether there are changes that have not been saved.
    pub fn has_changes(&self) -> bool {
        !self.pending.is_empty()
    }

    /// What [`save`](Self::save) would change: one for each option or group.
    pub fn diff(&self) -> Vec<ConfigDiff> {
        let schema = self.shared.schema();
        let changes = self.pending.iter().map(|(unit, change)| ConfigDiff {
            name: unit.clone(),
            before: change.base.clone(),
            after: change.wanted.lines(&schema, unit),
            is_reset: change.wanted == Wanted::Default,
        });
        changes.collect()
    }

    /// Drops the change of an option, or of the group that it is in, which has
    /// not been saved. Whether there was one.
    pub fn discard(&mut self, name: &str) -> bool {
        let schema = self.shared.schema();
        self.pending.remove(schema.find(name).map_or(name, Spec::unit)).is_some()
    }

    /// Drops all changes that have not been saved.
    pub fn discard_all(&mut self) {
        self.pending.clear();
    }

    /// What somebody else has changed since this one's change of it was begun,
    /// as far as tor has told: [`save`](Self::save) refuses to overwrite it.
    pub fn conflicts(&self) -> Vec<ConfigConflict> {
        self.conflicts_with(&self.shared.model())
    }

    fn conflicts_with(&self, model: &Model) -> Vec<ConfigConflict> {
        let schema = &model.schema;
        let conflict = |(unit, change): (&String, &Pending)| {
            let theirs =
                model.expected(unit).filter(|now| is_conflict(schema, unit, change, now))?;
            Some(ConfigConflict {
                name: unit.clone(),
                before: change.base.clone(),
                theirs: theirs.clone(),
                ours: change.wanted.lines(schema, unit),
            })
        };
        self.pending.iter().filter_map(conflict).collect()
    }

    /// Has the next [`save`](Self::save) change an option, or the group that it
    /// is in, whatever somebody else has made of it. Whether there is a change
    /// of it.
    pub fn overwrite(&mut self, name: &str) -> bool {
        let model = self.shared.model();
        let unit = model.schema.find(name).map_or(name, Spec::unit);
        let Some(change) = self.pending.get_mut(unit) else { return false };
        if let Some(now) = model.expected(unit) {
            change.base.clone_from(now);
        }
        true
    }

    /// What somebody else had changed in the very moment in which
    /// [`save`](Self::save) changed it, on any [`Config`] of this connection,
    /// so that it was overwritten before tor told of it. Each is given once.
    /// tor tells this a moment after `save` returns, and it is logged as well.
    pub fn take_overwritten(&self) -> Vec<ConfigConflict> {
        let overwritten = self.shared.model().take_overwritten();
        let conflict = overwritten.into_iter().map(|overwritten| ConfigConflict {
            name: overwritten.unit,
            before: Vec::new(),
            theirs: overwritten.theirs,
            ours: overwritten.ours,
        });
        conflict.collect()
    }

    /// Makes all changes with one command: tor makes all of them, or none. If
    /// tor refuses, its configuration is as it was, and the changes are still
    /// pending.
    ///
    /// What tor makes of the values (`600` of `10 minutes`) is asked for when
    /// it is wanted, or told by tor.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ConfigError`] if somebody else has
    /// [changed](Self::conflicts) an option since its change was begun (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config); nothing is sent then),
    /// or if tor refuses the changes (kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused); it has tor's
    /// refusal).
    ///
    /// Errors of the control connection are also possible. If the connection
    /// ends or the call times out, it isn't known whether something was
    /// changed.
    pub fn save(&mut self) -> Result<()> {
        // The tor that is compared with must be the one that is changed: if the
        // connection ends in between, nothing is sent.
        let controller = self.shared.controller.on_this_link()?.in_one_call();
        // Why a port can't be opened is only in tor's log.
        let is_port = |unit: &String| unit.trim_end_matches("Lines").ends_with("Port");
        let warnings = match self.pending.keys().any(is_port) {
            true => Some(Warnings::listen(&controller)?),
            false => None,
        };
        let explain = |error| match &warnings {
            Some(warnings) => warnings.explain(error),
            None => error,
        };
        let mut questions = 0;
        let (command, units) = loop {
            let unknown: Vec<&str> = {
                let model = self.shared.model();
                let units = self.pending.keys().map(String::as_str);
                units.filter(|unit| model.expected(unit).is_none()).collect()
            };
            self.shared.read(&controller, &unknown)?;
            // In one hold of the lock, so that what is told from here on is
            // known to have come in between.
            let mut model = self.shared.model();
            if self.pending.keys().any(|unit| model.expected(unit).is_none()) {
                // Others changed it while it was asked for.
                questions += 1;
                if questions == MOST_QUESTIONS {
                    return Err(Timeout::new(Phase::Reply, controller.timeout()).into());
                }
                continue;
            }
            let schema = model.schema.clone();
            // What is so already is no change.
            let is_so = |unit: &str, change: &Pending| {
                let now = model.expected(unit);
                now.is_some_and(|now| {
                    are_the_same(&schema, now, &change.wanted.lines(&schema, unit))
                })
            };
            self.pending.retain(|unit, change| !is_so(unit, change));
            if self.pending.is_empty() {
                return Ok(());
            }
            if let Some(names) =
                joined(self.conflicts_with(&model).into_iter().map(|conflict| conflict.name))
            {
                return Err(ConfigError::new(names, ConfigProblem::Conflict).into());
            }
            let command = command(&schema, &self.pending)?;
            let lines = |(unit, change): (&String, &Pending)| {
                (unit.clone(), change.wanted.lines(&schema, unit))
            };
            let units: Vec<(String, Vec<ConfLine>)> = self.pending.iter().map(lines).collect();
            model.setting(&units);
            break (command, units);
        };
        match controller.reconfigure(command).map_err(explain) {
            Ok(()) => {
                self.shared.model().was_set(&units);
                self.saved.extend(std::mem::take(&mut self.pending).into_keys());
                Ok(())
            }
            Err(error) if error.is::<Refusal>() => {
                self.shared.model().was_refused(&units);
                let Some(refusal) = error.exact::<Refusal>() else { return Err(error) };
                let names = self.blamed(&refusal.text());
                let problem = ConfigProblem::Refused(Box::new(refusal.clone()));
                Err(ConfigError::new(names, problem).into())
            }
            Err(error) if error.is::<Closed>() => {
                self.shared.model().was_cut_off(&units);
                Err(error)
            }
            Err(error) => {
                // tor may have done it.
                self.shared.model().was_set(&units);
                Err(error)
            }
        }
    }

    /// Which of the changed options tor speaks of; all of them where it names
    /// none.
    fn blamed(&self, text: &str) -> String {
        let lines = |change: &Pending| match &change.wanted {
            Wanted::Lines(lines) => lines.iter().map(|line| line.name.clone()).collect(),
            Wanted::Default => Vec::new(),
        };
        let mut names: BTreeSet<String> = self.pending.values().flat_map(lines).collect();
        names.extend(self.pending.keys().cloned());
        let is_named = |name: &&String| {
            let mut words = text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            words.any(|word| word.eq_ignore_ascii_case(name))
        };
        let named = joined(names.iter().filter(is_named).cloned());
        named.or_else(|| joined(self.pending.keys().cloned())).unwrap_or_default()
    }
}

/// With commas between them; `None` where there are none.
fn joined(names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    if names.is_empty() { None } else { Some(names.join(", ")) }
}
