//! `GETINFO status/version/…`: the consensus's verdict on tor's version.

use super::Info;
use crate::error::Result;
use scape_proto::info::VersionStatus;
use scape_proto::word::Version;

/// Queries about the consensus's verdict on tor's version. See control-spec,
/// GETINFO `status/version/…`.
/// [`Controller::version`](crate::Controller::version) returns the version
/// itself.
impl Info<'_> {
    /// Returns the consensus's verdict on this tor's version
    /// (`GETINFO status/version/current`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("status/version/current", "recommended").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::info::VersionStatus;
    ///
    /// assert_eq!(controller.info().version_status()?, VersionStatus::Recommended);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn version_status(self) -> Result<VersionStatus> {
        self.controller.read_info("status/version/current", |value| Some(value.into()))
    }

    /// Returns the versions that the consensus recommends, in the order of the
    /// consensus (`GETINFO status/version/recommended`). Returns `None` if tor
    /// has no consensus. Versions that can't be parsed are left out.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("version", "0.4.9.11").info("status/version/recommended", "0.4.8.21,0.4.9.11").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// if let Some(recommended) = controller.info().recommended_versions()? {
    ///     assert_eq!(recommended.len(), 2);
    ///     assert!(recommended.contains(&controller.version()?));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn recommended_versions(self) -> Result<Option<Vec<Version>>> {
        self.controller.read_info("status/version/recommended", recommended)
    }
}

/// Parses versions separated by commas. Returns `Some(None)` for the text `?`,
/// which means that tor has no consensus.
fn recommended(value: &str) -> Option<Option<Vec<Version>>> {
    if value == "?" {
        return Some(None);
    }
    // tor also skips versions that it can't parse.
    Some(Some(value.split(',').filter_map(|version| version.parse().ok()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recommended_versions_are_read() {
        assert_eq!(recommended("?"), Some(None));
        assert_eq!(recommended(""), Some(Some(Vec::new())));
        assert_eq!(recommended("0.4.8.21,0.4.9.1-alpha").flatten().map(|v| v.len()), Some(2));
        assert_eq!(recommended("0.4.8.21,soon").flatten().map(|v| v.len()), Some(1));
    }
}
