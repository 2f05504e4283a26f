//! The methods of [`Config`] that show, save and discard pending changes.

use std::collections::BTreeSet;

use super::Config;
use super::model::Model;
use super::pending::{ConfigConflict, ConfigDiff, Pending, Wanted, command, is_conflict};
use super::schema::Spec;
use super::shared::MOST_QUESTIONS;
use super::transaction::Transaction;
use crate::control::{Controller, Warnings};
use crate::error::{Error, Phase, Result, Timeout};
use crate::live::config::{ConfigError, ConfigProblem};
use scape_proto::control::{Command, Refusal};

/// Showing, saving and discarding pending changes.
impl Config {
    /// Returns true if there are changes that haven't been saved.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.set("ContactInfo", "me")?;
    /// assert!(config.has_changes());
    /// config.discard("ContactInfo");
    /// assert!(!config.has_changes());
    /// # Ok::<(), scape::Error>(())
    /// ```
    #[doc(alias = "needs_save")]
    pub fn has_changes(&self) -> bool {
        !self.pending.is_empty()
    }

    /// Returns the pending changes, which [`save`](Self::save) would send, with
    /// one entry for each option or group.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.append("SocksPort", "9052")?;
    /// for change in config.diff() {
    ///     println!("{change}"); // for example "+SocksPort 9052"
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
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

    /// Discards the pending change of an option, or of the group that the
    /// option is in. Returns true if there was a pending change.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("config/names", "ContactInfo String\nNickname String").info("config/defaults", "")
    /// #     .on("GETCONF ContactInfo", "250 ContactInfo\r\n")
    /// #     .on("GETCONF Nickname", "250 Nickname=relay01\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let mut config = controller.config()?;
    /// config.set("ContactInfo", "me")?;
    /// assert!(config.discard("ContactInfo"));
    /// assert!(!config.discard("ContactInfo")); // no change is pending any more
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn discard(&mut self, name: &str) -> bool {
        let schema = self.shared.schema();
        self.pending.remove(schema.find(name).map_or(name, Spec::unit)).is_some()
    }

    /// Discards all pending changes.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("config/names", "ContactInfo String\nNickname String").info("config/defaults", "")
    /// #     .on("GETCONF ContactInfo", "250 ContactInfo\r\n")
    /// #     .on("GETCONF Nickname", "250 Nickname=relay01\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let mut config = controller.config()?;
    /// config.set("ContactInfo", "me")?;
    /// config.set("Nickname", "relay02")?;
    /// config.discard_all();
    /// assert!(!config.has_changes());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn discard_all(&mut self) {
        self.pending.clear();
    }

    /// Returns the conflicts. There is one for each pending change of an option
    /// or group that another program has changed in the meantime. Only changes
    /// that tor has already reported are found.
    ///
    /// [`save`](Self::save) fails as long as there are conflicts. Resolve each
    /// with [`overwrite`](Self::overwrite) or [`discard`](Self::discard).
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// # let mut config = tor.config()?;
    /// for conflict in config.conflicts() {
    ///     println!("{}: {:?} or {:?}?", conflict.name, conflict.theirs, conflict.ours);
    ///     config.overwrite(&conflict.name);
    /// }
    /// config.save()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
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

    /// Resolves a conflict in favor of the pending change. The next
    /// [`save`](Self::save) sends this change, although another program has
    /// changed the option or its group. Later changes by other programs are
    /// conflicts again.
    ///
    /// Returns true if there is a pending change of the option.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("config/names", "ContactInfo String\nNickname String").info("config/defaults", "")
    /// #     .on("GETCONF ContactInfo", "250 ContactInfo\r\n")
    /// #     .on("GETCONF Nickname", "250 Nickname=relay01\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let mut config = controller.config()?;
    /// config.set("ContactInfo", "me")?;
    /// # tor.send("650-CONF_CHANGED\r\n650-ContactInfo=you\r\n650 OK\r\n");
    /// # controller.sync()?;
    /// // Another program has set ContactInfo in the meantime.
    /// assert_eq!(config.conflicts().len(), 1);
    /// assert!(config.overwrite("ContactInfo"));
    /// assert!(config.conflicts().is_empty()); // save() sends "me"
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn overwrite(&mut self, name: &str) -> bool {
        let model = self.shared.model();
        let unit = model.schema.find(name).map_or(name, Spec::unit);
        let Some(change) = self.pending.get_mut(unit) else { return false };
        if let Some(now) = model.expected(unit) {
            change.base.clone_from(now);
        }
        true
    }

    /// Returns changes by other programs that a [`save`](Self::save) has
    /// overwritten by accident. This happens if another program changes an
    /// option at the moment of a `save`, before tor can report the change.
    /// Saves of any [`Config`] of this connection are included. Each
    /// overwritten change is returned once, and logged as a warning.
    ///
    /// tor reports such a change a moment after `save` has returned. At most
    /// the last 1000 are kept.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// # let mut config = tor.config()?;
    /// config.save()?;
    /// for lost in config.take_overwritten() {
    ///     println!("{} was {:?} for a moment", lost.name, lost.theirs);
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
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

    /// Sends all pending changes with one command. tor makes either all of them
    /// or none. If tor refuses, its configuration is unchanged and the changes
    /// are still pending. A change is dropped and not sent if tor already has
    /// the wanted value.
    ///
    /// tor may write a value differently (`600` for `10 minutes`). The new
    /// value is read when it is needed, unless tor reports it first. Ports that
    /// tor chooses (`auto`) are sent behind the others of their group, because
    /// tor may refuse later changes otherwise.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// config.set("SocksPort", "9052")?;
    /// match config.save() {
    ///     Err(error) if error.refusal().is_some() => println!("tor refused: {error}"),
    ///     saved => saved?,
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ConfigError`] in two cases:
    ///
    /// * There is a [conflict](Self::conflicts): another program has changed an
    ///   option of which a change is pending (kind
    ///   [`ErrorKind::Config`](crate::ErrorKind::Config)). Nothing is sent
    ///   then.
    /// * tor refuses the changes (kind
    ///   [`ErrorKind::Refused`](crate::ErrorKind::Refused)). The error has
    ///   tor's refusal.
    ///
    /// Errors of the control connection are also possible. If the connection
    /// ends or the call times out, it isn't known whether tor has made the
    /// changes.
    pub fn save(&mut self) -> Result<()> {
        // The changes must be sent to the same tor that they are compared with.
        // If the connection ends in between, nothing is sent.
        let controller = self.shared.controller.on_this_link()?.in_one_call();
        let warnings = self.warnings(&controller)?;
        let Some((command, transaction)) = self.begin(&controller)? else { return Ok(()) };
        let outcome = controller.reconfigure(command).map_err(|error| match &warnings {
            Some(warnings) => warnings.explain(error),
            None => error,
        });
        transaction.end(&outcome);
        match outcome {
            Ok(()) => {
                self.saved.extend(std::mem::take(&mut self.pending).into_keys());
                Ok(())
            }
            Err(error) => Err(self.explained(error)),
        }
    }

    /// Listens to tor's warnings if a change of a port is pending, because the
    /// reason why a port can't be opened is only in tor's log.
    fn warnings(&self, controller: &Controller) -> Result<Option<Warnings>> {
        let is_port = |unit: &String| unit.trim_end_matches("Lines").ends_with("Port");
        match self.pending.keys().any(is_port) {
            true => Warnings::listen(controller).map(Some),
            false => Ok(None),
        }
    }

    /// Compares the pending changes with tor's values. Drops each change whose
    /// wanted value tor already has, and begins a transaction with the other
    /// changes. Returns the command to send, or `None` if no change is left.
    fn begin(&mut self, controller: &Controller) -> Result<Option<(Command, Transaction)>> {
        for _ in 0..MOST_QUESTIONS {
            let unknown = self.unknown_in(&self.shared.model());
            self.shared.read(controller, &unknown)?;
            // The lock is held until the transaction has begun, so that no
            // change by another program is missed in between.
            let mut model = self.shared.model();
            if !self.unknown_in(&model).is_empty() {
                // Another program changed an option while it was read, so its
                // value is unknown again.
                continue;
            }
            let schema = model.schema.clone();
            let is_so = |unit: &str, change: &Pending| {
                let now = model.expected(unit);
                now.is_some_and(|now| change.wanted.is(&schema, unit, now))
            };
            self.pending.retain(|unit, change| !is_so(unit, change));
            if self.pending.is_empty() {
                return Ok(None);
            }
            let conflicts = self.conflicts_with(&model).into_iter();
            if let Some(names) = joined(conflicts.map(|conflict| conflict.name)) {
                return Err(ConfigError::new(names, ConfigProblem::Conflict).into());
            }
            let command = command(&schema, &self.pending)?;
            let lines = |(unit, change): (&String, &Pending)| {
                (unit.clone(), change.wanted.lines_as_reported(&schema, unit))
            };
            let units = self.pending.iter().map(lines).collect();
            let transaction = Transaction::begin(&self.shared, &mut model, units);
            return Ok(Some((command, transaction)));
        }
        Err(Timeout::new(Phase::Reply, controller.timeout()).into())
    }

    /// Returns the options and groups that have a pending change and whose
    /// values in tor aren't known.
    fn unknown_in(&self, model: &Model) -> Vec<&str> {
        let units = self.pending.keys().map(String::as_str);
        units.filter(|unit| model.expected(unit).is_none()).collect()
    }

    /// Adds the names of the refused options to tor's refusal. Returns other
    /// errors as they are.
    fn explained(&self, error: Error) -> Error {
        match error.exact::<Refusal>() {
            Some(refusal) => {
                let names = self.blamed(&refusal.text());
                let problem = ConfigProblem::Refused(Box::new(refusal.clone()));
                ConfigError::new(names, problem).into()
            }
            None => error,
        }
    }

    /// Returns the names of the changed options that occur in `text`, the text
    /// of tor's refusal. The names are separated by commas. If no name occurs,
    /// returns the names of all changed options and groups.
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

/// Joins names with commas. Returns `None` if there are no names.
fn joined(names: impl Iterator<Item = String>) -> Option<String> {
    let names: Vec<String> = names.collect();
    if names.is_empty() { None } else { Some(names.join(", ")) }
}
