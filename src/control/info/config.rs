//! `GETINFO config-…`, `config/…`: configuration files and options.

use std::path::PathBuf;

use super::Info;
use crate::error::Result;
use scape_proto::control::ConfLine;
use scape_proto::info::{ConfigName, parse_config_default};
use scape_proto::word::path_of;

/// Configuration files and options. control-spec, GETINFO `config-…` and
/// `config/…`.
impl Info<'_> {
    /// Returns the path of tor's torrc (`GETINFO config-file`). The file need
    /// not exist.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn config_file(self) -> Result<PathBuf> {
        self.info_path("config-file")
    }

    /// Returns the path of the torrc with defaults, which tor reads before its
    /// own torrc (`GETINFO config-defaults-file`). The file need not exist.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn config_defaults_file(self) -> Result<PathBuf> {
        self.info_path("config-defaults-file")
    }

    /// Returns the text that SAVECONF would write: the options that are not at
    /// their defaults, in the format of a torrc (`GETINFO config-text`). It
    /// contains secrets, such as the passwords of proxies.
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

    /// Returns the defaults of all options that have one (`GETINFO
    /// config/defaults`). The values have the form of a torrc, such as `1 GB`.
    /// GETCONF writes the same value as `1073741824`. An option with several
    /// lines is in the list several times.
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
