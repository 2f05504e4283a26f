//! `GETINFO traffic/…`, `bw-event-cache`: bytes.

use super::value::malformed;
use crate::Controller;
use crate::error::Result;
use crate::event::{Bandwidth, parse_bandwidth_cache};

/// Bytes that tor has read and written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Traffic {
    /// Bytes read.
    pub read: u64,
    /// Bytes written.
    pub written: u64,
}

/// Bytes. control-spec, GETINFO `traffic/…` and `bw-event-cache`.
impl Controller {
    /// What tor has read and written since it was started, controllers' connections not counted
    /// (`GETINFO traffic/read traffic/written`).
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

    /// What tor has read and written in each of the last seconds, at most 300, the oldest first
    /// (`GETINFO bw-event-cache`). tor remembers a second only while some controller has subscribed to an event that
    /// comes every second, such as [`EventKind::Bw`](crate::types::EventKind::Bw).
    pub fn bw_event_cache(&self) -> Result<Vec<Bandwidth>> {
        self.read_info("bw-event-cache", parse_bandwidth_cache)
    }
}

impl Traffic {
    /// `read written`
    pub(super) fn parse(value: &str) -> Option<Self> {
        let (read, written) = value.split_once(' ')?;
        Some(Traffic { read: read.parse().ok()?, written: written.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_numbers() {
        assert_eq!(Traffic::parse("1 2"), Some(Traffic { read: 1, written: 2 }));
        for bad in ["", "1", "1 ", "1 2 3", "-1 2", "1 x"] {
            assert_eq!(Traffic::parse(bad), None, "{bad:?}");
        }
    }
}
