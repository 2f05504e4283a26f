//! `GETINFO status/version/…`: what is thought of tor's version.

use crate::Controller;
use crate::error::Result;
use crate::protocol::VersionStatus;
use crate::word::Version;

/// tor's version. control-spec, GETINFO `status/version/…`;
/// [`version`](Self::version) itself is in `version`.
impl Controller {
    /// What the consensus says of this tor's version
    /// (`GETINFO status/version/current`).
    pub fn version_status(&self) -> Result<VersionStatus> {
        self.read_info("status/version/current", |value| Some(value.into()))
    }

    /// The versions that the consensus recommends, in its order
    /// (`GETINFO status/version/recommended`); `None` without a consensus.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("version", "0.4.9.11").info("status/version/recommended", "0.4.8.21,0.4.9.11").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// if let Some(recommended) = controller.recommended_versions()? {
    ///     assert!(recommended.contains(&controller.version()?));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn recommended_versions(&self) -> Result<Option<Vec<Version>>> {
        self.read_info("status/version/recommended", recommended)
    }
}

/// `?`, or versions with commas between them.
fn recommended(value: &str) -> Option<Option<Vec<Version>>> {
    if value == "?" {
        return Some(None);
    }
    // tor skips versions that it can't read, too.
    Some(Some(value.split(',').filter_map(|version| version.parse().ok()).collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_of_versions() {
        assert_eq!(recommended("?"), Some(None));
        assert_eq!(recommended(""), Some(Some(Vec::new())));
        assert_eq!(recommended("0.4.8.21,0.4.9.1-alpha").flatten().map(|v| v.len()), Some(2));
        assert_eq!(recommended("0.4.8.21,soon").flatten().map(|v| v.len()), Some(1));
    }
}
