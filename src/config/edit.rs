//! Changes that are not sent yet.

use std::fmt;

use super::Config;
use super::immutable::is_immutable;
use super::lines::{are_the_same, elements, from_elements, is_damaged, replaced, values_of};
use super::pending::{Pending, Wanted};
use super::schema::{Schema, Spec};
use super::value::{ToConfigValue, check_option};
use crate::config::{ConfigError, ConfigProblem};
use crate::error::Result;
use crate::protocol::{ConfLine, ConfigType, REDACTED, is_secret_option};

/// Changes. Nothing is sent before [`save`](Config::save).
impl Config {
    /// Sets an option to `value`. The change is pending until
    /// [`save`](Self::save) is called. A list is replaced as a whole; other
    /// lines of a group stay.
    ///
    /// The value is checked as far as that is possible without tor: see
    /// [`check_option`]. The rest is checked by tor when the change is saved.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ConfigError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if the option doesn't
    /// exist, tor would refuse the value, tor doesn't let the option be changed
    /// while it runs, or it is one of `HiddenService…`, which are only changed
    /// together ([`set_group`](Self::set_group)). If the option is in a group,
    /// the errors of GETCONF are also possible.
    pub fn set(&mut self, name: &str, value: impl ToConfigValue + fmt::Debug) -> Result<()> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        let values = to_lines(spec, &value)?;
        self.put(&schema, spec, values)
    }

    /// Has an option be unset by the next [`save`](Self::save): a text or list
    /// is empty then, a number 0. That may be something else than its
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

    /// Has an option be what it is by default, by the next
    /// [`save`](Self::save). Of a member of a group only its own lines go.
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

    /// Returns the elements of a list. If a change of the list is pending,
    /// these are the elements after the change.
    ///
    /// # Errors
    ///
    /// Same errors as [`get`](Self::get), and an error of the kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the option is not a
    /// list.
    pub fn list(&self, name: &str) -> Result<Vec<String>> {
        let schema = self.shared.schema();
        let spec = list(&schema, name)?;
        Ok(elements(spec, values_of(&self.wanted(&schema, spec)?, &spec.name)))
    }

    /// Adds an element at the end of a list. The change is pending until
    /// [`save`](Self::save) is called.
    ///
    /// # Errors
    ///
    /// Same errors as [`set`](Self::set), and an error of the kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the option is not a
    /// list. The errors of GETCONF are also possible.
    pub fn append(&mut self, name: &str, value: impl ToConfigValue + fmt::Debug) -> Result<()> {
        let length = self.list(name)?.len();
        self.insert(name, length, value)
    }

    /// Inserts an element into a list, before the one with this index. The
    /// change is pending until [`save`](Self::save) is called.
    ///
    /// # Errors
    ///
    /// Same errors as [`append`](Self::append), and an error of the kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the list has fewer
    /// than `index` elements.
    pub fn insert(
        &mut self,
        name: &str,
        index: usize,
        value: impl ToConfigValue + fmt::Debug,
    ) -> Result<()> {
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

    /// Has an element be taken out of a list by the next [`save`](Self::save).
    /// Gives it.
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

    /// Replaces the lines of a group by these, in this order:
    /// `HiddenServiceOptions`, where each `HiddenServiceDir` begins a service,
    /// or `SocksPortLines` and the like. The change is pending until
    /// [`save`](Self::save) is called. Begin with the present lines, which
    /// [`wanted_group`](Self::wanted_group) returns, because lines that are not
    /// given again are removed.
    ///
    /// ```no_run
    /// use scape::onion::disk::{DiskOnion, format_group, parse_group};
    ///
    /// let mut config = scape::Tor::connect()?.config()?;
    /// let mut services = parse_group(config.wanted_group("HiddenServiceOptions")?)?;
    /// services.push(DiskOnion::new("/var/lib/tor/site").local_port(80));
    /// config.set_group("HiddenServiceOptions", &format_group(&services))?;
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ConfigError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if the group doesn't
    /// exist, or if a line is not one of its options or can't have that value.
    /// The errors of GETCONF are also possible.
    pub fn set_group(&mut self, group: &str, lines: &[ConfLine]) -> Result<()> {
        let schema = self.shared.schema();
        let spec = schema.get(group)?;
        let mut wanted = Vec::new();
        for line in lines {
            let Some(value) = &line.value else { continue };
            let member = schema.get(&line.name)?;
            if member.unit() != spec.unit() {
                let group = spec.unit().into();
                return Err(ConfigError::new(
                    member.name.as_str(),
                    ConfigProblem::NotInGroup { group },
                )
                .into());
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
            return Err(
                ConfigError::new(spec.name.as_str(), ConfigProblem::InGroup { group }).into()
            );
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

fn list<'a>(schema: &'a Schema, name: &str) -> Result<&'a Spec, ConfigError> {
    let spec = schema.get(name)?;
    if !spec.is_list() {
        let problem = ConfigProblem::NoList { ty: spec.ty.as_str().into() };
        return Err(ConfigError::new(spec.name.as_str(), problem));
    }
    Ok(spec)
}

fn to_lines(spec: &Spec, value: &(impl ToConfigValue + fmt::Debug)) -> Result<Vec<String>> {
    let checked = value.to_config(&spec.ty).and_then(|lines| {
        lines.iter().try_for_each(|line| check_option(&spec.name, &spec.ty, line))?;
        Ok(lines)
    });
    checked.map_err(|problem| bad_value(spec, value, &problem.to_string()).into())
}

/// A torrc may have line ends in a value, a command not.
fn check_value(spec: &Spec, value: &str) -> Result<(), ConfigError> {
    value
        .to_config(&ConfigType::String)
        .map_err(|problem| bad_value(spec, &value, &problem.to_string()))?;
    check_option(&spec.name, &spec.ty, value)
        .map_err(|problem| bad_value(spec, &value, &problem.to_string()))
}

fn bad_value(spec: &Spec, value: &dyn fmt::Debug, why: &str) -> ConfigError {
    let value =
        if is_secret_option(&spec.name) { REDACTED.into() } else { format!("{value:?}").into() };
    let problem = ConfigProblem::Value { ty: spec.ty.as_str().into(), value, why: why.into() };
    ConfigError::new(spec.name.as_str(), problem)
}
