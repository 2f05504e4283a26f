//! `GETINFO orconn-status`, `entry-guards`: the relays that tor is connected
//! to.

use crate::Controller;
use crate::error::Result;
use crate::event::OrConnInfo;
use crate::protocol::EntryGuard;

/// Connections and guards. control-spec, GETINFO `orconn-status` and
/// `entry-guards`.
impl Controller {
    /// tor's connections to relays, and of a relay to clients
    /// (`GETINFO orconn-status`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "orconn-status", "$9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 CONNECTED").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// for connection in controller.or_connections()? {
    ///     println!("{connection}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn or_connections(&self) -> Result<Vec<OrConnInfo>> {
        self.read_lines("orconn-status", OrConnInfo::parse)
    }

    /// tor's entry guards, in the order of its preference
    /// (`GETINFO entry-guards`; its older name is `helper-nodes`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "entry-guards", "$C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97~relay02 up").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::protocol::EntryGuardStatus;
    ///
    /// let mut guards = controller.entry_guards()?.into_iter();
    /// let up = guards.find(|guard| guard.status == EntryGuardStatus::Up);
    /// assert_eq!(up.as_ref().and_then(|guard| guard.relay.nickname()), Some("relay02"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entry_guards(&self) -> Result<Vec<EntryGuard>> {
        self.read_lines("entry-guards", EntryGuard::parse)
    }
}
