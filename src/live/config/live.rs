//! The live configuration: [`Config`] and its methods that read options.

use std::borrow::Borrow;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use super::change::ConfigChange;
use super::lines::{are_the_same, values_of};
use super::option::ConfigOption;
use super::pending::Changes;
use super::schema::{Schema, Spec};
use super::shared::Shared;
use super::value::FromConfigValue;
use crate::client::socks::KeepAlive;
use crate::control::Controller;
use crate::error::Result;
use crate::io::connection::Registration;
use crate::live::config::{
    ConfigError, ConfigProblem, TorrcComparison, TorrcDifference, TorrcEntry,
};
use scape_proto::control::ConfLine;
use scape_proto::info::{ConfigName, ConfigType};

/// The options of a running tor, and changes of them that are sent together.
///
/// Reading methods return the values that tor runs with. Methods such as
/// [`set`](Self::set) only note a pending change. [`save`](Self::save) sends
/// all pending changes with one command, and tor makes either all of them or
/// none. See the [module](super) for groups of options and for changes by other
/// programs.
///
/// The case of option names is ignored. The older names that tor accepts are
/// accepted too, and so is an abbreviation if only one option begins with it.
///
/// Clones share the values that tor runs with. Each clone has its own pending
/// changes, and starts with a copy of those of the original.
///
/// A `Config` keeps the control connection open. Reading an option takes one
/// round trip to tor if its value isn't known yet or was just saved.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .info("config/names", "MaxCircuitDirtiness TimeInterval\n")
/// #     .info("config/defaults", "MaxCircuitDirtiness \"600\"\n")
/// #     .on("SETEVENTS CONF_CHANGED", "250 OK\r\n")
/// #     .on("GETCONF MaxCircuitDirtiness", "250 MaxCircuitDirtiness=600\r\n")
/// #     .on_prefix("SETCONF ", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// let mut config = controller.config()?;
/// let seconds: u64 = config.get("MaxCircuitDirtiness")?;
/// assert_eq!(seconds, 600);
/// config.set("MaxCircuitDirtiness", 900)?;
/// config.save()?; // until here, nothing was sent
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "TorConfig")]
#[derive(Clone)]
pub struct Config {
    pub(super) shared: Arc<Shared>,
    pub(super) pending: Changes,
    /// The names of the options whose changes this `Config` has saved. For an
    /// option in a group, this is the group's name.
    pub(super) saved: BTreeSet<String>,
    /// A value that must live as long as this `Config`, such as a launched tor.
    keep: Option<KeepAlive>,
}

/// The live configuration of tor.
impl Controller {
    /// Returns the configuration of this tor, which is kept up to date. All
    /// `Config`s of a connection share the values that were read.
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
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor, or a filter in
    /// front of tor, refuses the event CONF_CHANGED, `GETINFO config/names` or
    /// `GETINFO config/defaults`. Errors of the control connection are also
    /// possible.
    pub fn config(&self) -> Result<Config> {
        Config::new(self)
    }
}

impl Config {
    /// Returns the configuration of the tor that `controller` controls. Does
    /// the same as [`Controller::config`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("config/names", "ContactInfo String\nExcludeNodes RouterList").info("config/defaults", "")
    /// #     .on("GETCONF ContactInfo", "250 ContactInfo\r\n")
    /// #     .on("GETCONF ExcludeNodes", "250 ExcludeNodes={us},{??}\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::Config;
    ///
    /// let config = Config::new(&controller)?; // or tor.config()?
    /// assert_eq!(config.names(), ["ContactInfo", "ExcludeNodes"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Controller::config`], most often a filter that refuses
    /// the event CONF_CHANGED.
    pub fn new(controller: &Controller) -> Result<Config> {
        Ok(Config {
            shared: Shared::of(controller)?,
            pending: Changes::new(),
            saved: BTreeSet::new(),
            keep: None,
        })
    }

    /// Returns this configuration as a handle that also keeps `keep` alive.
    pub(crate) fn keep(self, keep: KeepAlive) -> Config {
        Config { keep: Some(keep), ..self }
    }

    /// Returns a handle on the control connection.
    pub fn controller(&self) -> &Controller {
        &self.shared.controller
    }

    /// Returns the names of all options that this tor has, in tor's order and
    /// spelling. The names of groups, such as `SocksPortLines`, are included.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let config = tor.config()?;
    /// println!("this tor has {} options", config.names().len());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn names(&self) -> Vec<String> {
        self.shared.schema().specs().iter().map(|spec| spec.name.clone()).collect()
    }

    /// Returns true if this tor has an option with this name.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let mut config = tor.config()?;
    /// if config.contains("ConfluxEnabled") {
    ///     config.set("ConfluxEnabled", "0")?;
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn contains(&self, name: &str) -> bool {
        self.shared.schema().find(name).is_some()
    }

    /// Reads every option whose value isn't known yet, with one command.
    /// Afterwards, tor is asked again only after a save or a reconnect.
    ///
    /// Call this before reading many options one by one, and before
    /// [`on_change`](Self::on_change) if the callback needs the previous
    /// values.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let config = tor.config()?;
    /// config.load()?;
    /// for name in config.names() {
    ///     println!("{name}: {:?}", config.lines(&name)?); // no further round trips
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if tor or a filter
    /// refuses the command GETCONF. Errors of the control connection are also
    /// possible.
    pub fn load(&self) -> Result<()> {
        let schema = self.shared.schema();
        self.shared.read(&self.controller().in_one_call(), &schema.units().collect::<Vec<_>>())
    }

    /// Returns the value of an option as a Rust type that fits the option's
    /// type: `bool`, numbers, [`Duration`](std::time::Duration),
    /// [`DataSize`](super::value::DataSize), `String`,
    /// [`PathBuf`](std::path::PathBuf) or [`PortLine`](super::PortLine). A list
    /// is read as a `Vec` of these, and an option that may be unset as an
    /// `Option`. A group is read as a `Vec<String>` of whole lines, which begin
    /// with the name of an option: `SocksPort 9050`.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// use std::time::Duration;
    ///
    /// let config = tor.config()?;
    /// let dirtiness: Duration = config.get("MaxCircuitDirtiness")?;
    /// let contact: Option<String> = config.get("ContactInfo")?;
    /// let excluded: Vec<String> = config.get("ExcludeNodes")?;
    /// println!("{dirtiness:?} {contact:?} {excluded:?}");
    /// # Ok::<(), scape::Error>(())
    /// ```
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

    /// Returns the values of an option as text, one for each of its lines. The
    /// result is empty if the option is unset. A group has no lines of its own;
    /// see [`group`](Self::group).
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// for line in tor.config()?.lines("SocksPort")? {
    ///     println!("SocksPort {line}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get`](Self::get), most often an option that doesn't
    /// exist.
    pub fn lines(&self, name: &str) -> Result<Vec<String>> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        Ok(values_of(&self.shared.lines(spec.unit())?, &spec.name))
    }

    /// Returns the lines of a group such as `SocksPortLines` or
    /// `HiddenServiceOptions`, in order and with the names of their options.
    /// `name` may also be a member of the group. For an option that is in no
    /// group, its own lines are returned.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// for line in tor.config()?.group("HiddenServiceOptions")? {
    ///     println!("{line}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get`](Self::get), most often a group that doesn't
    /// exist.
    pub fn group(&self, name: &str) -> Result<Vec<ConfLine>> {
        let schema = self.shared.schema();
        self.shared.lines(schema.get(name)?.unit())
    }

    /// Returns the value, type and default of an option, and whether this
    /// `Config` has changed it.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let option = tor.config()?.option("MaxCircuitDirtiness")?;
    /// println!("{option} ({:?}, default {:?})", option.ty, option.default);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get`](Self::get), most often an option that doesn't
    /// exist.
    pub fn option(&self, name: &str) -> Result<ConfigOption> {
        let schema = self.shared.schema();
        let spec = schema.get(name)?;
        let lines = self.shared.lines(spec.unit())?;
        Ok(self.describe(&schema, spec, &lines))
    }

    /// Returns all options, in tor's order. Groups are left out, because their
    /// members are in the list. Options whose values aren't known yet are read
    /// with one command.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let options = tor.config()?.options()?;
    /// for option in options.iter().filter(|option| !option.is_default) {
    ///     println!("{option}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`load`](Self::load), most often a filter that refuses
    /// GETCONF.
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

    /// Compares the options that tor runs with to those of a torrc. Returns the
    /// options of the torrc that have another value in tor. Also returns the
    /// options of tor that are neither in the torrc nor at their defaults.
    ///
    /// `torrc` is a [`Torrc`](super::Torrc), or
    /// [`TorrcFiles`](super::TorrcFiles) with everything that is included.
    /// Options whose values aren't known yet are read with one command.
    ///
    /// ```no_run
    /// use scape::config::TorrcFiles;
    ///
    /// let tor = scape::Tor::connect()?;
    /// for difference in tor.config()?.compare(&TorrcFiles::read("/etc/tor/torrc")?)? {
    ///     println!("{difference}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`load`](Self::load), most often a filter that refuses
    /// GETCONF.
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

    /// Calls `callback` with every change of an option or group, no matter who
    /// made it, as long as the returned [`Registration`] lives.
    ///
    /// The registration keeps the connection open, and a launched tor running.
    /// The callback runs on the connection's thread for callbacks. It may call
    /// any method, and may wait. The previous value of an option is known only
    /// if the option was read or changed before. [`load`](Self::load) reads all
    /// options.
    ///
    /// ```no_run
    /// # let tor = scape::Tor::connect()?;
    /// let config = tor.config()?;
    /// config.load()?;
    /// let registration = config.on_change(|change| {
    ///     println!("{} was {:?}, is now: {change}", change.name, change.before);
    /// });
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn on_change(
        &self,
        mut callback: impl FnMut(&ConfigChange) + Send + 'static,
    ) -> Registration {
        let guard = self.shared.live().add_listener(Box::new(move |(), change| callback(change)));
        Registration::keeping(guard, (self.shared.clone(), self.keep.clone()))
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
