//! `GETINFO config-…`, `config/…`: files and options.

use std::path::PathBuf;

use crate::Controller;
use crate::error::Result;
use crate::protocol::{ConfLine, ConfigName, parse_config_default};
use crate::word::path_of;

/// The configuration's files and options. control-spec, GETINFO `config-…` and
/// `config/…`.
impl Controller {
    /// The torrc (`GETINFO config-file`). It need not exist.
    pub fn config_file(&self) -> Result<PathBuf> {
        self.info_path("config-file")
    }

    /// The torrc of the defaults, which is read before
    /// (`GETINFO config-defaults-file`). It need not exist.
    pub fn config_defaults_file(&self) -> Result<PathBuf> {
        self.info_path("config-defaults-file")
    }

    /// What SAVECONF would write: the options that are not at their defaults,
    /// in torrc's format (`GETINFO config-text`). Passwords of proxies and the
    /// like are in it.
    pub fn config_text(&self) -> Result<String> {
        self.get_info("config-text")
    }

    /// Whether SAVECONF would write the torrc (`GETINFO config-can-saveconf`):
    /// not where it uses `%include`, unless with
    /// [`save_conf_force`](Self::save_conf_force).
    pub fn config_can_saveconf(&self) -> Result<bool> {
        self.read_flag("config-can-saveconf")
    }

    /// The options that this tor knows, with their types
    /// (`GETINFO config/names`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("config/names", "AccountingMax DataSize\nNickname String").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::protocol::ConfigType;
    ///
    /// let options = controller.config_names()?.into_iter();
    /// let sizes = options.filter(|option| option.ty == ConfigType::DataSize);
    /// assert_eq!(sizes.map(|option| option.name).collect::<Vec<_>>(), ["AccountingMax"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn config_names(&self) -> Result<Vec<ConfigName>> {
        self.read_lines("config/names", ConfigName::parse)
    }

    /// The options' defaults, of those that have one, as a torrc would have
    /// them: `1 GB`, where GETCONF says `1073741824`
    /// (`GETINFO config/defaults`). Options with several lines come several
    /// times.
    pub fn config_defaults(&self) -> Result<Vec<ConfLine>> {
        self.read_lines("config/defaults", parse_config_default)
    }

    fn info_path(&self, key: &str) -> Result<PathBuf> {
        let value = self.get_info_bytes(key)?;
        Ok(path_of(value.strip_suffix(b"\n").unwrap_or(&value)))
    }
}
