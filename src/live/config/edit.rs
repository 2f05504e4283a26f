//! The methods of [`Config`] that change options.

use std::fmt;

use super::Config;
use super::immutable::is_immutable;
use super::lines::{are_the_same, elements, from_elements, is_damaged, replaced, values_of};
use super::pending::{Pending, Wanted};
use super::schema::{Schema, Spec};
use super::value::{ToConfigValue, check_option};
use crate::error::Result;
use crate::live::config::{ConfigError, ConfigProblem};
use scape_proto::control::{ConfLine, REDACTED, is_secret_option};
use scape_proto::info::ConfigType;

/// Changes of options. Nothing is sent before [`save`](Config::save) is called.
impl Config {
    /// Sets an option to `value`. The change is pending until
    /// [`save`](Self::save) is called. A list is replaced as a whole. If the
    /// option is in a group, the lines of the group's other options stay.
    ///
    /// The value is checked as far as that is possible without tor: see
    /// [`check_option`]. tor checks the rest when the change is saved.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// use std::time::Duration;
    ///
    /// let mut config = tor.config()?;
    /// config.set("MaxCircuitDirtiness", Duration::from_secs(60))?;
    /// config.set("SocksPort", ["9050", "9052 IsolateDestAddr"])?;
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ConfigError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) in these cases:
    ///
    /// * The option doesn't exist.
    /// * tor would refuse the value.
    /// * tor doesn't allow the option to be changed while it runs.
    /// * The option is in the group `HiddenServiceOptions`, whose options are
    ///   only changed together. Use [`set_group`](Self::set_group).
    ///
    /// The present value is read with GETCONF unless it is known already, so
    /// the errors of GETCONF are also possible.
    pub fn set(&mut self, name: &str, value: impl ToConfigValue + fmt::Debug) -> Result<()> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        let values = to_lines(spec, &value)?;
        self.put(&schema, spec, values)
    }

    /// Makes an option unset: a text or list becomes empty, a number 0. This
    /// may differ from the option's [default](Self::reset). The change is
    /// pending until [`save`](Self::save) is called.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.unset("LongLivedPorts")?; // no ports, instead of the default ones
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`set`](Self::set), most often an option that doesn't
    /// exist.
    pub fn unset(&mut self, name: &str) -> Result<()> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        if spec.ty == ConfigType::Virtual {
            return self.put_unit(&schema, spec, Wanted::Lines(Vec::new()));
        }
        self.put(&schema, spec, Vec::new())
    }

    /// Resets an option to its default. The change is pending until
    /// [`save`](Self::save) is called. If the option is in a group, the lines
    /// of the option are removed, and the lines of the group's other options
    /// stay.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.reset("MaxCircuitDirtiness")?;
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`set`](Self::set), most often an option that doesn't
    /// exist.
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
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// let nodes = config.list("ExcludeNodes")?;
    /// if let Some(index) = nodes.iter().position(|node| node == "{??}") {
    ///     config.remove("ExcludeNodes", index)?;
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
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
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.append("ExcludeNodes", "{??}")?;
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`set`](Self::set), and an error of the kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if the option is not a
    /// list.
    pub fn append(&mut self, name: &str, value: impl ToConfigValue + fmt::Debug) -> Result<()> {
        let length = self.list(name)?.len();
        self.insert(name, length, value)
    }

    /// Inserts an element into a list, before the element with the given index,
    /// counted from 0. If the index is the list's length, the element is added
    /// at the end. The change is pending until [`save`](Self::save) is called.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.insert("Log", 0, "notice stdout")?;
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
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

    /// Removes an element from a list, and returns the element. `index` is
    /// counted from 0. The change is pending until [`save`](Self::save) is
    /// called.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("config/names", "ContactInfo String\nExcludeNodes RouterList").info("config/defaults", "")
    /// #     .on("GETCONF ContactInfo", "250 ContactInfo\r\n")
    /// #     .on("GETCONF ExcludeNodes", "250 ExcludeNodes={us},{??}\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let mut config = controller.config()?;
    /// assert_eq!(config.list("ExcludeNodes")?, ["{us}", "{??}"]);
    /// assert_eq!(config.remove("ExcludeNodes", 1)?, "{??}");
    /// assert_eq!(config.list("ExcludeNodes")?, ["{us}"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ConfigError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) in these cases:
    ///
    /// * The option doesn't exist or is not a list.
    /// * The list has no element with this index.
    ///
    /// Other errors of [`set`](Self::set) are also possible.
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

    /// Removes all elements of a list. The change is pending until
    /// [`save`](Self::save) is called.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.clear("ExcludeNodes")?;
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`append`](Self::append), most often an option that is
    /// not a list.
    pub fn clear(&mut self, name: &str) -> Result<()> {
        self.edit(name, |elements| {
            elements.clear();
            Ok(())
        })
    }

    /// Replaces all lines of a group, such as `HiddenServiceOptions` or
    /// `SocksPortLines`. The new lines are kept in order, because in
    /// `HiddenServiceOptions` each `HiddenServiceDir` line begins a service.
    /// The change is pending until [`save`](Self::save) is called.
    ///
    /// Lines that are not given again are removed. So begin with the lines that
    /// [`wanted_group`](Self::wanted_group) returns. Lines without a value are
    /// ignored.
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
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) in these cases:
    ///
    /// * The group doesn't exist.
    /// * A line's option is not in the group.
    /// * tor would refuse a line's value.
    ///
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

    /// Returns the lines of a group. If a change of the group is pending, these
    /// are the lines after the change. [`group`](Self::group) returns the lines
    /// that tor runs with.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("config/names", "SocksPort Dependent\nSocksPortLines Virtual").info("config/defaults", "")
    /// #     .on("GETCONF SocksPortLines", "250 SocksPort=9050\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let mut config = controller.config()?;
    /// config.append("SocksPort", "9052")?;
    /// for line in config.wanted_group("SocksPortLines")? {
    ///     println!("{line}");
    /// }
    /// # let lines = config.wanted_group("SocksPortLines")?;
    /// # let lines: Vec<String> = lines.iter().map(ToString::to_string).collect();
    /// # assert_eq!(lines, ["SocksPort 9050", "SocksPort 9052"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`group`](Self::group), most often a group that doesn't
    /// exist.
    pub fn wanted_group(&self, name: &str) -> Result<Vec<ConfLine>> {
        let schema = self.shared.schema();
        self.wanted(&schema, schema.get(name)?)
    }

    /// Returns the lines of the option `spec`. If the option is in a group,
    /// returns the lines of the whole group. If a change of these lines is
    /// pending, returns the lines after the change.
    fn wanted(&self, schema: &Schema, spec: &Spec) -> Result<Vec<ConfLine>> {
        match self.pending.get(spec.unit()) {
            Some(change) => Ok(change.wanted.lines(schema, spec.unit())),
            None => self.shared.lines(spec.unit()),
        }
    }

    /// Records a pending change of a list. The function `edit` changes the
    /// list's elements.
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

    /// Records a pending change: the option `spec` gets these values. If the
    /// option is in a group, the lines of the group's other options stay.
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

    /// Records a pending change of the option `spec` to the value `wanted`. If
    /// the option is in a group, `wanted` is the value of the whole group.
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

/// Returns the option of this name, or an error if it is not a list.
fn list<'a>(schema: &'a Schema, name: &str) -> Result<&'a Spec, ConfigError> {
    let spec = schema.get(name)?;
    if !spec.is_list() {
        let problem = ConfigProblem::NoList { ty: spec.ty.as_str().into() };
        return Err(ConfigError::new(spec.name.as_str(), problem));
    }
    Ok(spec)
}

/// Converts a value to the lines of an option, and checks them.
fn to_lines(spec: &Spec, value: &(impl ToConfigValue + fmt::Debug)) -> Result<Vec<String>> {
    let checked = value.to_config(&spec.ty).and_then(|lines| {
        lines.iter().try_for_each(|line| check_option(&spec.name, &spec.ty, line))?;
        Ok(lines)
    });
    checked.map_err(|problem| bad_value(spec, value, &problem.to_string()).into())
}

/// Returns an error if `value`, the value of one line of the option, is invalid
/// or contains a line end. A torrc can hold a value with line ends, but SETCONF
/// can't send one.
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
