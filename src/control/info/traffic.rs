//! `GETINFO traffic/…`, `bw-event-cache`: the number of bytes that tor has read
//! and written.

use super::Info;
use super::value::malformed;
use crate::error::Result;
use scape_proto::info::Traffic;

/// Queries about traffic, in bytes. See control-spec, GETINFO `traffic/…` and
/// `bw-event-cache`.
impl Info<'_> {
    /// Returns the number of bytes that tor has read and written since it was
    /// started (`GETINFO traffic/read traffic/written`). Traffic of control
    /// connections doesn't count.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("traffic/read", "2048").info("traffic/written", "1024").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let traffic = controller.info().traffic()?;
    /// assert_eq!((traffic.read, traffic.written), (2048, 1024));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn traffic(self) -> Result<Traffic> {
        let [read, written] = self.controller.read_many(["traffic/read", "traffic/written"])?;
        Ok(Traffic::new(
            read.parse().map_err(|_| malformed("traffic/read", &read))?,
            written.parse().map_err(|_| malformed("traffic/written", &written))?,
        ))
    }

    /// Returns the number of bytes that tor has read and written in each of the
    /// last seconds (`GETINFO bw-event-cache`). The oldest second comes first.
    /// The list has at most 300 seconds.
    ///
    /// tor remembers the traffic of a second only if some controller is
    /// subscribed at that time to an event that comes every second, such as
    /// [`EventKind::Bw`](crate::event::EventKind::Bw).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("bw-event-cache", "1024,512 2048,0").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::info::Traffic;
    ///
    /// let seconds = controller.info().bw_event_cache()?;
    /// assert_eq!(seconds, [Traffic::new(1024, 512), Traffic::new(2048, 0)]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn bw_event_cache(self) -> Result<Vec<Traffic>> {
        let seconds = |value: &str| {
            value.split_ascii_whitespace().map(|one| Traffic::parse(one, ',')).collect()
        };
        self.controller.read_info("bw-event-cache", seconds)
    }
}
