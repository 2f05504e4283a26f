//! `GETINFO info/names`, `events/names`, `signal/names`, `features/names`: the
//! keys, events, signals and features that this tor knows.

use super::Info;
use crate::error::Result;
use scape_proto::control::Signal;
use scape_proto::event::EventKind;
use scape_proto::info::InfoName;

/// Queries about the keys, events, signals and features that this tor knows.
/// See control-spec, GETINFO `info/names`, `events/names`, `signal/names` and
/// `features/names`. [`config_names`](Self::config_names) returns the options.
impl Info<'_> {
    /// Returns the keys of GETINFO that tor lists (`GETINFO info/names`). tor
    /// also answers a few keys that it doesn't list.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "info/names", "ip-to-country/* -- Perform a GEOIP lookup\nversion -- The current version of Tor.").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let names = controller.info().info_names()?;
    /// assert_eq!((names[0].key.as_str(), names[0].is_prefix), ("ip-to-country/", true));
    /// assert_eq!(names[1].description, "The current version of Tor.");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn info_names(self) -> Result<Vec<InfoName>> {
        self.controller.read_lines("info/names", InfoName::parse)
    }

    /// Returns the events that tor lets controllers subscribe to
    /// (`GETINFO events/names`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "events/names", "CIRC CIRC_MINOR STREAM ORCONN BW").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    ///
    /// let events = controller.info().known_events()?;
    /// assert!(events.contains(&EventKind::Bw));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn known_events(self) -> Result<Vec<EventKind>> {
        self.words("events/names")
    }

    /// Returns the signals that can be sent to tor (`GETINFO signal/names`). A
    /// signal with two names is in the list twice. For example, RELOAD becomes
    /// [`Signal::Reload`], and HUP, which means the same, becomes
    /// [`Signal::Other`].
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "signal/names", "RELOAD HUP SHUTDOWN NEWNYM").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::Signal;
    ///
    /// let signals = controller.info().known_signals()?;
    /// assert!(signals.contains(&Signal::NewNym));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn known_signals(self) -> Result<Vec<Signal>> {
        self.words("signal/names")
    }

    /// Returns the features that USEFEATURE knows (`GETINFO features/names`).
    /// In tor 0.4.9 all of them are always on.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "features/names", "VERBOSE_NAMES EXTENDED_EVENTS").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let features = controller.info().known_features()?;
    /// assert_eq!(features, ["VERBOSE_NAMES", "EXTENDED_EVENTS"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn known_features(self) -> Result<Vec<String>> {
        self.words("features/names")
    }

    fn words<T: for<'a> From<&'a str>>(self, key: &str) -> Result<Vec<T>> {
        Ok(self.controller.get_info(key)?.split_ascii_whitespace().map(T::from).collect())
    }
}
