//! Streams.

use super::Controller;
use crate::error::{Error, Result};
use crate::event::StreamInfo;

/// Streams. control-spec, GETINFO `stream-status`.
impl Controller {
    /// The streams that tor has now.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on(
    /// #     "GETINFO stream-status", "250-stream-status=10 SUCCEEDED 7 example.com:80\r\n250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let streams = controller.streams()?;
    /// assert_eq!(streams[0].target.host(), "example.com");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn streams(&self) -> Result<Vec<StreamInfo>> {
        let lines = self.get_info_lines("stream-status")?;
        let parse = |line: &Vec<u8>| {
            StreamInfo::parse(line).ok_or_else(|| {
                Error::answer("GETINFO stream-status", format!("{:?}", String::from_utf8_lossy(line)))
            })
        };
        lines.iter().map(parse).collect()
    }
}
