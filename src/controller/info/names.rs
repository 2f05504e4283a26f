//! `GETINFO info/names`, `events/names`, `signal/names`, `features/names`: what
//! this tor knows.

use crate::Controller;
use crate::error::Result;
use crate::event::EventKind;
use crate::protocol::{InfoName, Signal};

/// What this tor knows. control-spec, GETINFO `info/names`, `events/names`,
/// `signal/names`, `features/names`; options are in
/// [`config_names`](Self::config_names).
impl Controller {
    /// The keys that GETINFO knows (`GETINFO info/names`). tor answers a few
    /// more than it lists.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "info/names", "ip-to-country/* -- Perform a GEOIP lookup\nversion -- The current version of Tor.").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// for name in controller.info_names()? {
    ///     println!("{name}: {}", name.description);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn info_names(&self) -> Result<Vec<InfoName>> {
        self.read_lines("info/names", InfoName::parse)
    }

    /// The events that can be subscribed to (`GETINFO events/names`).
    pub fn known_events(&self) -> Result<Vec<EventKind>> {
        self.words("events/names")
    }

    /// The signals that can be sent, each by all of its names
    /// (`GETINFO signal/names`).
    pub fn known_signals(&self) -> Result<Vec<Signal>> {
        self.words("signal/names")
    }

    /// The features that USEFEATURE knows (`GETINFO features/names`). tor 0.4.9
    /// has all of them always on.
    pub fn known_features(&self) -> Result<Vec<String>> {
        self.words("features/names")
    }

    fn words<T: for<'a> From<&'a str>>(&self, key: &str) -> Result<Vec<T>> {
        Ok(self.get_info(key)?.split_ascii_whitespace().map(T::from).collect())
    }
}
