//! [`Config`].

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::lines::{are_the_same, values_of};
use super::listen::{ConfigChange, ConfigListener};
use super::option::ConfigOption;
use super::pending::Changes;
use super::schema::{Schema, Spec};
use super::shared::Shared;
use super::torrc::{TorrcComparison, TorrcDifference, TorrcEntry};
use super::value::FromConfigValue;
use crate::config::{ConfigError, ConfigProblem};
use crate::controller::Controller;
use crate::error::Result;
use crate::protocol::{ConfLine, ConfigName, ConfigType};
use crate::socks::Keep;

/// The configuration of a running tor, kept live, and changes of it that are
/// sent together. See the [module](super).
///
/// What is read is what tor runs with. What is [set](Self::set) is pending, and
/// changes nothing, until [`save`](Self::save) sends all of it with one
/// command: tor takes all of it, or none. Clones share what tor runs with, and
/// each has pending changes of its own, at first those of the one it was cloned
/// from. Names may be in any case. An abbreviation is taken if only one option
/// begins with it, and so are the older names that tor takes.
///
/// It keeps the control connection open. Reading takes a round trip where the
/// value is not known yet, or was just saved.
#[derive(Clone)]
pub struct Config {
    pub(super) shared: Arc<Shared>,
    pub(super) pending: Changes,
    /// The units that this one has saved changes of.
    pub(super) saved: BTreeSet<String>,
    /// What is to live as long as this.
    keep: Option<Keep>,
}

/// The live configuration.
impl Controller {
    /// The configuration of this tor, kept live. All those of one connection
    /// share what is known of it.
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
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter
    /// before it, doesn't give the event CONF_CHANGED, or `config/names` and
    /// `config/defaults`.
    pub fn config(&self) -> Result<Config> {
        Config::new(self)
    }
}

impl Config {
    /// The configuration of the tor that `controller` controls: as
    /// [`Controller::config`].
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

    /// The names of all options that this tor has, in its order and spelling.
    /// Groups (`SocksPortLines`) are among them.
    pub fn names(&self) -> Vec<String> {
        self.shared.schema().specs().iter().map(|spec| spec.name.clone()).collect()
    }

    /// Whether this tor has such an option.
    pub fn contains(&self, name: &str) -> bool {
        self.shared.schema().find(name).is_some()
    }

    /// Reads everything that is not known yet, with one command. Nothing else
    /// has to be asked for after that, but what was changed.
    ///
    /// # Errors
    ///
    /// Those of the command GETCONF.
    pub fn load(&self) -> Result<()> {
        let schema = self.shared.schema();
        self.shared.read(&self.controller().in_one_call(), &schema.units().collect::<Vec<_>>())
    }

    /// Returns the value of an option as a Rust type that fits the option's:
    /// `bool`, numbers, [`Duration`](std::time::Duration),
    /// [`DataSize`](super::DataSize), `String`,
    /// [`PathBuf`](std::path::PathBuf), [`PortLine`](super::PortLine), a `Vec`
    /// of these for a list, or an `Option` of them if it may be unset.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ConfigError`] (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)) if the option doesn't
    /// exist or its value can't be read as a `T`. The errors of GETCONF are
    /// also possible.
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

    /// The lines of a group, in order, with their options' names:
    /// `SocksPortLines`, `HiddenServiceOptions`. Of an option that is in a
    /// group, those of the group; of another, its own.
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

    /// All options, but for groups, whose members are there; in tor's order.
    /// What is not known yet is asked for with one command.
    ///
    /// # Errors
    ///
    /// Those of the command GETCONF.
    pub fn options(&self) -> Result<Vec<ConfigOption>> {
        let call = self.shared.controller.in_one_call();
        let schema = self.shared.schema();
        self.shared.read(&call, &schema.units().collect::<Vec<_>>())?;
        let specs = schema.specs().iter().filter(|spec| spec.ty != ConfigType::Virtual);
        let described = specs.map(|spec| {
            let lines = self.shared.lines_with(&call, spec.unit())?;
            Ok(self.describe(&schema, spec, &lines))
        });
        described.collect()
    }

    /// Where what tor runs with is not what a torrc says: what the torrc names
    /// and tor has otherwise, and what tor has that is neither in the torrc nor
    /// its default. `torrc` is a [`Torrc`](super::Torrc), or
    /// [`TorrcFiles`](super::TorrcFiles) with all that is included. What is not
    /// known yet is asked for with one command.
    ///
    /// ```no_run
    /// use scape::config::Torrc;
    ///
    /// let tor = scape::Tor::connect()?;
    /// for difference in tor.config()?.compare(&Torrc::read("/etc/tor/torrc")?)? {
    ///     println!("{difference}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the command GETCONF.
    pub fn compare(
        &self,
        torrc: impl IntoIterator<Item: Borrow<TorrcEntry>>,
    ) -> Result<Vec<TorrcDifference>> {
        let call = self.shared.controller.in_one_call();
        self.shared.read(&call, &self.shared.schema().units().collect::<Vec<_>>())?;
        let entries: Vec<TorrcEntry> =
            torrc.into_iter().map(|entry| entry.borrow().clone()).collect();
        let schema = self.shared.schema();
        let mut running = Vec::new();
        for unit in schema.units() {
            let lines = self.shared.lines_with(&call, unit)?;
            let is_default = are_the_same(&schema, &lines, &schema.default_of(unit));
            if !is_default || entries.iter().any(|entry| entry.is_named(unit)) {
                running.extend(lines);
            }
        }
        let unset =
            entries.iter().filter(|entry| values_of(&running, entry.option_name()).is_empty());
        let unset = unset.filter_map(|entry| schema.find(entry.option_name()));
        let unset: Vec<ConfLine> =
            unset.map(|spec| ConfLine::new(spec.name.clone(), None)).collect();
        running.extend(unset);
        let names: Vec<ConfigName> = schema.specs().iter().map(Spec::to_name).collect();
        Ok(TorrcComparison::new(&running).types(&names).both_ways(true).of(&entries))
    }

    fn describe(&self, schema: &Schema, spec: &Spec, lines: &[ConfLine]) -> ConfigOption {
        let mut option = ConfigOption::new(schema, spec, lines);
        option.is_pending = self.pending.contains_key(spec.unit());
        option.is_changed_here = self.saved.contains(spec.unit());
        option
    }

    /// Has `callback` be called with every change of an option or group, also
    /// by others, as long as the returned guard lives. It is called on the
    /// connection's thread for callbacks, and may call any method, and wait.
    /// What it was before is known of what had been asked for: see
    /// [`load`](Self::load).
    pub fn on_change(
        &self,
        mut callback: impl FnMut(&ConfigChange) + Send + 'static,
    ) -> ConfigListener {
        let guard = self.shared.live().add_listener(Box::new(move |(), change| callback(change)));
        ConfigListener { guard, _shared: self.shared.clone() }
    }
}

fn read<T: FromConfigValue>(spec: &Spec, values: &[String]) -> Result<T> {
    T::from_config(&spec.ty, values).map_err(|problem| {
        let why = problem.to_string().into();
        ConfigError::new(
            spec.name.as_str(),
            ConfigProblem::Read { ty: spec.ty.as_str().into(), why },
        )
        .into()
    })
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
