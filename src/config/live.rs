//! [`Config`].

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::immutable::is_immutable;
use super::lines::{are_the_same, elements, from_elements, is_damaged, replaced, values_of};
use super::listen::{ConfigChange, ConfigListener};
use super::model::Model;
use super::option::ConfigOption;
use super::pending::{Changes, ConfigConflict, ConfigDiff, Pending, Wanted, command, is_conflict};
use super::schema::{Schema, Spec};
use super::shared::Shared;
use super::value::{FromConfigValue, ToConfigValue, check};
use crate::controller::Controller;
use crate::error::{ConfigError, ConfigProblem, Error, Result};
use crate::socks::Keep;
use crate::types::{ConfLine, ConfigType, REDACTED, is_secret_option};

/// The configuration of a running tor, kept live, and changes of it that are sent together. See the [module](super).
///
/// What is read is what tor runs with. What is [set](Self::set) is pending, and changes nothing, until [`save`](Self::save) sends all of it with one
/// command: tor takes all of it, or none. Clones share what tor runs with, and each has pending changes of its own, at first those of the one it
/// was cloned from. Names may be in any case; they are not abbreviated, as tor would allow.
///
/// It keeps the control connection open. Reading takes a round trip where the value is not known yet, or was just saved.
#[derive(Clone)]
pub struct Config {
    shared: Arc<Shared>,
    pending: Changes,
    /// The units that this one has saved changes of.
    saved: BTreeSet<String>,
    /// What is to live as long as this.
    keep: Option<Keep>,
}

/// The live configuration.
impl Controller {
    /// The configuration of this tor, kept live. All those of one connection share what is known of it.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("SETEVENTS", "250 OK\r\n")
    /// #     .on("GETINFO config/names config/defaults", "250+config/names=\r\nContactInfo String\r\nMaxCircuitDirtiness TimeInterval\r\n.\r\n250+config/defaults=\r\nMaxCircuitDirtiness \"10 minutes\"\r\n.\r\n250 OK\r\n")
    /// #     .on("GETCONF MaxCircuitDirtiness", "250 MaxCircuitDirtiness=600\r\n")
    /// #     .on("GETCONF ContactInfo", "250 ContactInfo\r\n")
    /// #     .on("SETCONF ContactInfo=\"me\" MaxCircuitDirtiness=\"60\"", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::time::Duration;
    ///
    /// let mut config = controller.config()?;
    /// assert_eq!(config.get::<Duration>("MaxCircuitDirtiness")?, Duration::from_secs(600));
    /// config.set("MaxCircuitDirtiness", Duration::from_secs(60))?;
    /// config.set("ContactInfo", "me")?;
    /// config.save()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Refused`] where tor, or a filter before it, does not give the event CONF_CHANGED, or `config/names` and `config/defaults`.
    pub fn config(&self) -> Result<Config> {
        Config::new(self)
    }
}

impl Config {
    /// The configuration of the tor that `controller` controls: as [`Controller::config`].
    ///
    /// # Errors
    ///
    /// As there.
    pub fn new(controller: &Controller) -> Result<Config> {
        Ok(Config {
            shared: Shared::of(controller)?,
            pending: Changes::new(),
            saved: BTreeSet::new(),
            keep: None,
        })
    }

    /// The same, which also keeps this alive.
    pub(crate) fn keep(self, keep: Keep) -> Config {
        Config { keep: Some(keep), ..self }
    }

    /// The control connection.
    pub fn controller(&self) -> &Controller {
        &self.shared.controller
    }

    /// The names of all options that this tor has, in its order and spelling. Groups (`SocksPortLines`) are among them.
    pub fn names(&self) -> Vec<String> {
        self.shared.schema().specs().iter().map(|spec| spec.name.clone()).collect()
    }

    /// Whether this tor has such an option.
    pub fn contains(&self, name: &str) -> bool {
        self.shared.schema().find(name).is_some()
    }

    /// Reads everything that is not known yet, with one command. Nothing else has to be asked for after that, but what was changed.
    ///
    /// # Errors
    ///
    /// Those of the command GETCONF.
    pub fn load(&self) -> Result<()> {
        let schema = self.shared.schema();
        self.shared.read(&schema.units().collect::<Vec<_>>())
    }

    /// What an option is set to, as a Rust type that fits the option's: `bool`, numbers, [`Duration`](std::time::Duration),
    /// [`DataSize`](super::DataSize), `String`, [`PathBuf`](std::path::PathBuf), [`PortLine`](super::PortLine), a `Vec` of these for a list, an `Option` of them where it may
    /// be unset.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where there is no such option, or its value is none of that type. Those of the command GETCONF.
    pub fn get<T: FromConfigValue>(&self, name: &str) -> Result<T> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        let lines = self.shared.lines(spec.unit())?;
        let values = if spec.ty == ConfigType::Virtual {
            lines.iter().map(ConfLine::to_string).collect()
        } else {
            values_of(&lines, &spec.name)
        };
        read(spec, &values)
    }

    /// The lines that an option is set to, as they are: none where it is unset.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn lines(&self, name: &str) -> Result<Vec<String>> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        Ok(values_of(&self.shared.lines(spec.unit())?, &spec.name))
    }

    /// The lines of a group, in order, with their options' names: `SocksPortLines`, `HiddenServiceOptions`. Of an option that is in a group, those of the group;
    /// of another, its own.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn group(&self, name: &str) -> Result<Vec<ConfLine>> {
        let schema = self.shared.schema();
        self.shared.lines(schema.get(name)?.unit())
    }

    /// All there is to know of an option.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get).
    pub fn option(&self, name: &str) -> Result<ConfigOption> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        let lines = self.shared.lines(spec.unit())?;
        Ok(self.describe(&schema, spec, &lines))
    }

    /// All options, but for groups, whose members are there; in tor's order. What is not known yet is asked for with one command.
    ///
    /// # Errors
    ///
    /// Those of the command GETCONF.
    pub fn options(&self) -> Result<Vec<ConfigOption>> {
        self.load()?;
        let schema = self.shared.schema();
        let specs = schema.specs().iter().filter(|spec| spec.ty != ConfigType::Virtual);
        specs.map(|spec| Ok(self.describe(&schema, spec, &self.shared.lines(spec.unit())?))).collect()
    }

    fn describe(&self, schema: &Schema, spec: &Spec, lines: &[ConfLine]) -> ConfigOption {
        let mut option = ConfigOption::new(schema, spec, lines);
        option.is_pending = self.pending.contains_key(spec.unit());
        option.is_changed_here = self.saved.contains(spec.unit());
        option
    }

    /// Has an option be set to `value` by the next [`save`](Self::save). A list is replaced as a whole; a group's other lines stay.
    ///
    /// # Errors
    ///
    /// [`Error::Config`]: there is no such option, the value is none of its type, tor does not let it be changed while it runs, or it is one of
    /// `HiddenService…`, which are only changed together ([`set_group`](Self::set_group)). Where the option is in a group, those of the command GETCONF.
    pub fn set(&mut self, name: &str, value: impl ToConfigValue + fmt::Debug) -> Result<()> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        let values = to_lines(spec, &value)?;
        self.put(&schema, spec, values)
    }

    /// Has an option be unset by the next [`save`](Self::save): a text or list is empty then, a number 0. That may be something else than its
    /// [default](Self::reset).
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn unset(&mut self, name: &str) -> Result<()> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        if spec.ty == ConfigType::Virtual {
            return self.put_unit(&schema, spec, Wanted::Lines(Vec::new()));
        }
        self.put(&schema, spec, Vec::new())
    }

    /// Has an option be what it is by default, by the next [`save`](Self::save). Of a member of a group only its own lines go.
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set).
    pub fn reset(&mut self, name: &str) -> Result<()> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        match spec.group {
            Some(_) => self.put(&schema, spec, Vec::new()),
            None => self.put_unit(&schema, spec, Wanted::Default),
        }
    }

    /// The elements that a list has, or is to have where it is to be changed.
    ///
    /// # Errors
    ///
    /// As [`get`](Self::get); [`Error::Config`] where it is no list.
    pub fn list(&self, name: &str) -> Result<Vec<String>> {
        let schema = self.shared.schema();
        let spec = list(&schema, name)?;
        Ok(elements(spec, values_of(&self.wanted(&schema, spec)?, &spec.name)))
    }

    /// Has an element be added at the end of a list by the next [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// As [`set`](Self::set); [`Error::Config`] where it is no list. Those of the command GETCONF.
    pub fn append(&mut self, name: &str, value: impl ToConfigValue + fmt::Debug) -> Result<()> {
        let length = self.list(name)?.len();
        self.insert(name, length, value)
    }

    /// Has an element be put into a list, before the one with this index, by the next [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append); [`Error::Config`] where there are fewer elements.
    pub fn insert(&mut self, name: &str, index: usize, value: impl ToConfigValue + fmt::Debug) -> Result<()> {
        let schema = self.shared.schema();
        let spec = list(&schema, name)?;
        let new = elements(spec, to_lines(spec, &value)?);
        self.edit(name, |elements| {
            if index > elements.len() {
                return Err(ConfigProblem::NoElement { index, length: elements.len() });
            }
            elements.splice(index..index, new);
            Ok(())
        })
    }

    /// Has an element be taken out of a list by the next [`save`](Self::save). Gives it.
    ///
    /// # Errors
    ///
    /// As [`insert`](Self::insert).
    pub fn remove(&mut self, name: &str, index: usize) -> Result<String> {
        let mut removed = String::new();
        self.edit(name, |elements| {
            if index >= elements.len() {
                return Err(ConfigProblem::NoElement { index, length: elements.len() });
            }
            removed = elements.remove(index);
            Ok(())
        })?;
        Ok(removed)
    }

    /// Has a list be empty after the next [`save`](Self::save).
    ///
    /// # Errors
    ///
    /// As [`append`](Self::append).
    pub fn clear(&mut self, name: &str) -> Result<()> {
        self.edit(name, |elements| {
            elements.clear();
            Ok(())
        })
    }

    /// Has a group have these lines, in this order, after the next [`save`](Self::save): `HiddenServiceOptions`, where each `HiddenServiceDir` begins a
    /// service, and `SocksPortLines` and its like. [`wanted_group`](Self::wanted_group) gives the present ones to begin with: what is not there again goes.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where there is no such group, or a line is none of its options, or cannot have that value. Those of the command GETCONF.
    pub fn set_group<N: AsRef<str>, V: AsRef<str>>(
        &mut self,
        group: &str,
        lines: impl IntoIterator<Item = (N, V)>,
    ) -> Result<()> {
        let schema = self.shared.schema();
        let spec = schema.get(group)?;
        let mut wanted = Vec::new();
        for (name, value) in lines {
            let (member, value) = (schema.get(name.as_ref())?, value.as_ref());
            if member.unit() != spec.name {
                let group = spec.name.as_str().into();
                return Err(
                    ConfigError::new(member.name.as_str(), ConfigProblem::NotInGroup { group }).into()
                );
            }
            check_value(member, value)?;
            wanted.push(ConfLine::new(member.name.clone(), Some(value.to_owned())));
        }
        self.put_unit(&schema, spec, Wanted::Lines(wanted))
    }

    /// The lines that a group has, or is to have where it is to be changed.
    ///
    /// # Errors
    ///
    /// As [`group`](Self::group).
    pub fn wanted_group(&self, name: &str) -> Result<Vec<ConfLine>> {
        let schema = self.shared.schema();
        self.wanted(&schema, schema.get(name)?)
    }

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

    /// Drops the change of an option, or of the group that it is in, which has not been saved. Whether there was one.
    pub fn discard(&mut self, name: &str) -> bool {
        let schema = self.shared.schema();
        self.pending.remove(schema.find(name).map_or(name, Spec::unit)).is_some()
    }

    /// Drops all changes that have not been saved.
    pub fn discard_all(&mut self) {
        self.pending.clear();
    }

    /// What somebody else has changed since this one's change of it was begun, as far as tor has told: [`save`](Self::save) refuses to overwrite it.
    pub fn conflicts(&self) -> Vec<ConfigConflict> {
        self.conflicts_with(&self.shared.model())
    }

    fn conflicts_with(&self, model: &Model) -> Vec<ConfigConflict> {
        let schema = &model.schema;
        let conflict = |(unit, change): (&String, &Pending)| {
            let theirs = model.expected(unit).filter(|now| is_conflict(schema, unit, change, now))?;
            Some(ConfigConflict {
                name: unit.clone(),
                before: change.base.clone(),
                theirs: theirs.clone(),
                ours: change.wanted.lines(schema, unit),
            })
        };
        self.pending.iter().filter_map(conflict).collect()
    }

    /// Has the next [`save`](Self::save) change an option, or the group that it is in, whatever somebody else has made of it. Whether there is a
    /// change of it.
    pub fn overwrite(&mut self, name: &str) -> bool {
        let model = self.shared.model();
        let unit = model.schema.find(name).map_or(name, Spec::unit);
        let Some(change) = self.pending.get_mut(unit) else { return false };
        if let Some(now) = model.expected(unit) {
            change.base.clone_from(now);
        }
        true
    }

    /// What somebody else had changed in the very moment in which [`save`](Self::save) changed it, on any [`Config`] of this connection, so that it was overwritten before tor told of
    /// it. Each is given once. tor tells this a moment after `save` returns, and it is logged as well.
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

    /// Has tor make all changes, with one command: all of them, or none. Where it refuses, what it runs with is as it was, and the changes are still pending.
    ///
    /// What tor makes of the values (`600` of `10 minutes`) is asked for when it is wanted, or told by tor.
    ///
    /// # Errors
    ///
    /// [`Error::Config`] where somebody else has [changed](Self::conflicts) an option since its change was begun, and then nothing is sent;
    /// or with tor's refusal. Those of the control connection: whether something was changed is not known then.
    pub fn save(&mut self) -> Result<()> {
        let schema = self.shared.schema();
        self.pending.retain(|unit, change| {
            !are_the_same(&schema, &change.base, &change.wanted.lines(&schema, unit))
                || change.wanted == Wanted::Default
        });
        if self.pending.is_empty() {
            return Ok(());
        }
        let command = command(&schema, &self.pending)?;
        let units: Vec<(String, Vec<ConfLine>)> = self
            .pending
            .iter()
            .map(|(unit, change)| (unit.clone(), change.wanted.lines(&schema, unit)))
            .collect();
        {
            // At once, so that what is told from here on is known to have come in between.
            let mut model = self.shared.model();
            if let Some(names) = joined(self.conflicts_with(&model).into_iter().map(|conflict| conflict.name))
            {
                return Err(ConfigError::new(names, ConfigProblem::Conflict).into());
            }
            model.setting(&units);
        }
        match self.shared.controller.reconfigure(command) {
            Ok(()) => {
                self.shared.model().was_set(&units);
                self.saved.extend(std::mem::take(&mut self.pending).into_keys());
                Ok(())
            }
            Err(Error::Refused(refusal)) => {
                self.shared.model().was_refused(&units);
                let names = self.blamed(&refusal.text());
                Err(ConfigError::new(names, ConfigProblem::Refused(refusal)).into())
            }
            Err(error) => {
                // tor may have done it.
                self.shared.model().was_set(&units);
                Err(error)
            }
        }
    }

    /// Which of the changed options tor speaks of; all of them where it names none.
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

    /// Has `callback` be called with every change of an option or group, also by others, as long as the returned guard lives. It is called on the connection's thread
    /// for callbacks, and may call any method, and wait. What it was before is known of what had been asked for: see [`load`](Self::load).
    pub fn on_change(&self, mut callback: impl FnMut(&ConfigChange) + Send + 'static) -> ConfigListener {
        let guard = self.shared.live().listeners.add(Box::new(move |(), change| callback(change)));
        ConfigListener { _guard: guard, _shared: self.shared.clone() }
    }

    /// The lines that a unit has, or is to have where it is to be changed.
    fn wanted(&self, schema: &Schema, spec: &Spec) -> Result<Vec<ConfLine>> {
        match self.pending.get(spec.unit()) {
            Some(change) => Ok(change.wanted.lines(schema, spec.unit())),
            None => self.shared.lines(spec.unit()),
        }
    }

    fn edit(
        &mut self,
        name: &str,
        edit: impl FnOnce(&mut Vec<String>) -> Result<(), ConfigProblem>,
    ) -> Result<()> {
        let schema = self.shared.schema();
        let spec = list(&schema, name)?;
        let mut elements = self.list(name)?;
        edit(&mut elements).map_err(|problem| ConfigError::new(spec.name.as_str(), problem))?;
        self.put(&schema, spec, from_elements(spec, elements))
    }

    /// Has an option have these values.
    fn put(&mut self, schema: &Schema, spec: &Spec, values: Vec<String>) -> Result<()> {
        if spec.is_in_ordered_group() {
            let group = spec.unit().into();
            return Err(ConfigError::new(spec.name.as_str(), ConfigProblem::InGroup { group }).into());
        }
        let lines = replaced(&self.wanted(schema, spec)?, &spec.name, values);
        self.put_unit(schema, spec, Wanted::Lines(lines))
    }

    fn put_unit(&mut self, schema: &Schema, spec: &Spec, wanted: Wanted) -> Result<()> {
        let unit = spec.unit();
        let now = self.shared.lines(unit)?;
        let refused = |problem| Err(ConfigError::new(spec.name.as_str(), problem).into());
        if is_immutable(&spec.name) && !are_the_same(schema, &now, &wanted.lines(schema, unit)) {
            return refused(ConfigProblem::Immutable);
        }
        if let Wanted::Lines(lines) = &wanted
            && spec.group.is_some()
            && is_damaged(lines)
        {
            return refused(ConfigProblem::NotText);
        }
        match self.pending.get_mut(unit) {
            Some(change) => change.wanted = wanted,
            None => {
                self.pending.insert(unit.to_owned(), Pending { base: now, wanted });
            }
        }
        Ok(())
    }
}

/// With commas between them; `None` where there are none.
fn joined(names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    if names.is_empty() { None } else { Some(names.join(", ")) }
}

fn list<'a>(schema: &'a Schema, name: &str) -> Result<&'a Spec, ConfigError> {
    let spec = schema.get(name)?;
    if !spec.is_list() {
        let problem = ConfigProblem::NoList { ty: spec.ty.as_str().into() };
        return Err(ConfigError::new(spec.name.as_str(), problem));
    }
    Ok(spec)
}

fn read<T: FromConfigValue>(spec: &Spec, values: &[String]) -> Result<T> {
    T::from_config(&spec.ty, values).map_err(|problem| {
        let why = problem.to_string().into();
        ConfigError::new(spec.name.as_str(), ConfigProblem::Read { ty: spec.ty.as_str().into(), why }).into()
    })
}

fn to_lines(spec: &Spec, value: &(impl ToConfigValue + fmt::Debug)) -> Result<Vec<String>> {
    value.to_config(&spec.ty).map_err(|problem| bad_value(spec, value, &problem.to_string()).into())
}

/// A torrc may have line ends in a value, a command not.
fn check_value(spec: &Spec, value: &str) -> Result<(), ConfigError> {
    value.to_config(&ConfigType::String).map_err(|problem| bad_value(spec, &value, &problem.to_string()))?;
    check(&spec.ty, value).map_err(|problem| bad_value(spec, &value, &problem.to_string()))
}

fn bad_value(spec: &Spec, value: &dyn fmt::Debug, why: &str) -> ConfigError {
    let value = if is_secret_option(&spec.name) { REDACTED.into() } else { format!("{value:?}").into() };
    let problem = ConfigProblem::Value { ty: spec.ty.as_str().into(), value, why: why.into() };
    ConfigError::new(spec.name.as_str(), problem)
}

impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config")
            .field("options", &self.shared.schema().specs().len())
            .field("pending", &self.diff())
            .field("keeps_tor", &self.keep.is_some())
            .finish_non_exhaustive()
    }
}
