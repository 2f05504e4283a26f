//! `GETINFO config-…`, `config/…`: configuration files and options.

use std::path::PathBuf;

use super::Info;
use crate::error::Result;
use scape_proto::control::ConfLine;
use scape_proto::info::{ConfigName, parse_config_default};
use scape_proto::word::path_of;

/// Queries about configuration files and options. See control-spec, GETINFO
/// `config-…` and `config/…`.
impl Info<'_> {
    /// Returns the path of tor's torrc (`GETINFO config-file`). The file need
    /// not exist.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("config-file", "/etc/tor/torrc").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::path::Path;
    ///
    /// assert_eq!(controller.info().config_file()?, Path::new("/etc/tor/torrc"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn config_file(self) -> Result<PathBuf> {
        self.info_path("config-file")
    }

    /// Returns the path of the torrc with the system's defaults, which tor
    /// reads before the torrc itself (`GETINFO config-defaults-file`). The file
    /// need not exist.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "config-defaults-file", "/etc/tor/torrc-defaults").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use std::path::Path;
    ///
    /// let defaults = controller.info().config_defaults_file()?;
    /// assert_eq!(defaults, Path::new("/etc/tor/torrc-defaults"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn config_defaults_file(self) -> Result<PathBuf> {
        self.info_path("config-defaults-file")
    }

    /// Returns the text that SAVECONF would write: the options that are not at
    /// their defaults, in the format of a torrc (`GETINFO config-text`). The
    /// text contains secrets, such as the passwords of proxies.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "config-text", "ContactInfo op@example.com\nMaxCircuitDirtiness 1200").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let torrc = controller.info().config_text()?;
    /// assert_eq!(torrc, "ContactInfo op@example.com\nMaxCircuitDirtiness 1200");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn config_text(self) -> Result<String> {
        self.controller.get_info("config-text")
    }

    /// Returns true if [`save_conf`](crate::Controller::save_conf) would write
    /// the torrc (`GETINFO config-can-saveconf`). If the torrc uses `%include`,
    /// only [`save_conf_force`](crate::Controller::save_conf_force) writes it.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("config-can-saveconf", "1")
    /// #     .on("SAVECONF", "250 OK\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// if controller.info().config_can_saveconf()? {
    ///     controller.save_conf()?;
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn config_can_saveconf(self) -> Result<bool> {
        self.controller.read_flag("config-can-saveconf")
    }

    /// Returns the options that this tor knows, with their types
    /// (`GETINFO config/names`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("config/names", "AccountingMax DataSize\nNickname String").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::info::ConfigType;
    ///
    /// let options = controller.info().config_names()?.into_iter();
    /// let sizes = options.filter(|option| option.ty == ConfigType::DataSize);
    /// assert_eq!(sizes.map(|option| option.name).collect::<Vec<_>>(), ["AccountingMax"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn config_names(self) -> Result<Vec<ConfigName>> {
        self.controller.read_lines("config/names", ConfigName::parse)
    }

    /// Returns the default values of all options that have one (`GETINFO
    /// config/defaults`). The values have the form of a torrc, such as `1 GB`.
    /// GETCONF returns this value in another form, `1073741824`. If an option's
    /// default has several lines, the option is in the list several times.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "config/defaults", "BandwidthRate \"1 GB\"\nMaxCircuitDirtiness \"10 minutes\"").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let defaults = controller.info().config_defaults()?;
    /// let rate = defaults.iter().find(|line| line.name == "BandwidthRate");
    /// assert_eq!(rate.and_then(|line| line.value.as_deref()), Some("1 GB"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn config_defaults(self) -> Result<Vec<ConfLine>> {
        self.controller.read_lines("config/defaults", parse_config_default)
    }

    fn info_path(self, key: &str) -> Result<PathBuf> {
        let value = self.controller.info().get_bytes(key)?;
        Ok(path_of(value.strip_suffix(b"\n").unwrap_or(&value)))
    }
}
