//! `GETINFO traffic/…`, `bw-event-cache`: bytes.

use super::value::malformed;
use crate::Controller;
use crate::error::Result;
use crate::protocol::Traffic;

/// Bytes. control-spec, GETINFO `traffic/…` and `bw-event-cache`.
impl Controller {
    /// What tor has read and written since it was started, controllers'
    /// connections not counted (`GETINFO traffic/read traffic/written`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("traffic/read", "2048").info("traffic/written", "1024").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let traffic = controller.traffic()?;
    /// println!("{} bytes read, {} bytes written", traffic.read, traffic.written);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn traffic(&self) -> Result<Traffic> {
        let [read, written] = self.read_many(["traffic/read", "traffic/written"])?;
        Ok(Traffic {
            read: read.parse().map_err(|_| malformed("traffic/read", &read))?,
            written: written.parse().map_err(|_| malformed("traffic/written", &written))?,
        })
    }

    /// What tor has read and written in each of the last seconds, at most 300,
    /// the oldest first (`GETINFO bw-event-cache`). tor remembers a second only
    /// while some controller has subscribed to an event that comes every
    /// second, such as [`EventKind::Bw`](crate::event::EventKind::Bw).
    pub fn bw_event_cache(&self) -> Result<Vec<Traffic>> {
        let seconds = |value: &str| {
            value.split_ascii_whitespace().map(|one| Traffic::parse(one, ',')).collect()
        };
        self.read_info("bw-event-cache", seconds)
    }
}
