//! `GETINFO orconn-status`, `entry-guards`: the relays that tor is connected
//! to.

use super::Info;
use crate::error::Result;
use scape_proto::event::OrConnInfo;
use scape_proto::info::EntryGuard;

/// Queries about connections to relays and about entry guards. See
/// control-spec, GETINFO `orconn-status` and `entry-guards`.
impl Info<'_> {
    /// Returns tor's connections to relays and, on a relay, the connections of
    /// clients (`GETINFO orconn-status`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "orconn-status", "$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 CONNECTED").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let connections = controller.info().or_connections()?;
    /// assert_eq!(connections[0].to_string(), "moria1 CONNECTED");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn or_connections(self) -> Result<Vec<OrConnInfo>> {
        self.controller.read_lines("orconn-status", OrConnInfo::parse)
    }

    /// Returns tor's entry guards, the preferred ones first
    /// (`GETINFO entry-guards`, formerly `helper-nodes`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "entry-guards", "$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02 up").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::info::EntryGuardStatus;
    ///
    /// let mut guards = controller.info().entry_guards()?.into_iter();
    /// let up = guards.find(|guard| guard.status == EntryGuardStatus::Up);
    /// assert_eq!(up.as_ref().and_then(|guard| guard.relay.nickname()), Some("relay02"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn entry_guards(self) -> Result<Vec<EntryGuard>> {
        self.controller.read_lines("entry-guards", EntryGuard::parse)
    }
}
