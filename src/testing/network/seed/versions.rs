//! The lines of a consensus that depend on tor's version.

use std::process::Command;
use std::time::Duration;

use crate::error::Result;
use crate::process::{find_tor, run};

/// The time limit of `tor --version`, long enough for a very busy machine.
const RUN_TIMEOUT: Duration = Duration::from_secs(60);

/// The name of a version of tor, its protocols, and the protocols that its
/// authorities recommend and require.
#[derive(Debug, Clone)]
pub(super) struct Version {
    /// The name in `v` lines: `Tor 0.4.9.11`.
    pub(super) name: String,
    /// The protocols in `pr` lines.
    pub(super) protocols: &'static str,
    /// The four lines with the recommended and the required protocols,
    /// including their line ends. Empty if the protocols of the version aren't
    /// known.
    pub(super) recommended_and_required: &'static str,
}

/// The protocols that every tor since 0.4.8 supports. The first vote of the
/// authorities replaces them by the exact ones.
const MODEST: &str = "Cons=1-2 Desc=1-2 DirCache=2 FlowCtrl=1 HSDir=2 HSIntro=4-5 HSRend=1-2 \
                      Link=3-5 LinkAuth=3 Microdesc=1-2 Padding=2 Relay=2-4";

const OF_0_4_9: &str = "Conflux=1 Cons=1-2 Desc=1-4 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 \
                        HSRend=1-2 Link=3-5 LinkAuth=3 Microdesc=1-3 Padding=2 Relay=2-6";

const HEADER_OF_0_4_9: &str = "\
recommended-client-protocols Cons=2 Desc=2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4 HSRend=2 \
Link=4-5 Microdesc=2 Relay=2-4
recommended-relay-protocols Cons=2 Desc=2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=2 \
Link=4-5 LinkAuth=3 Microdesc=2 Relay=2-4
required-client-protocols Cons=2 Desc=2 FlowCtrl=1 Link=4 Microdesc=2 Relay=2
required-relay-protocols Cons=2 Desc=2 DirCache=2 FlowCtrl=1-2 HSDir=2 HSIntro=4-5 HSRend=2 \
Link=4-5 LinkAuth=3 Microdesc=2 Relay=2-4
";

impl Version {
    /// Runs `tor --version`, and returns the protocols of the installed
    /// version.
    pub(super) fn installed() -> Result<Self> {
        let mut command = Command::new(find_tor()?);
        command.arg("--version");
        Ok(Version::of(&run(command, b"", RUN_TIMEOUT)?.join("\n")))
    }

    /// Parses the output of `tor --version`. If it contains no version, 0.4.8.0
    /// is assumed.
    fn of(output: &str) -> Self {
        let version = output.strip_prefix("Tor version ").unwrap_or_default();
        let version = version.split_whitespace().next().unwrap_or("0.4.8.0");
        let version = version.trim_end_matches('.');
        let is_known = version.starts_with("0.4.9.");
        Version {
            name: format!("Tor {version}"),
            protocols: if is_known { OF_0_4_9 } else { MODEST },
            recommended_and_required: if is_known { HEADER_OF_0_4_9 } else { "" },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_is_read_from_the_output_of_tor() {
        let version = Version::of("Tor version 0.4.9.11.\nThis build of Tor is covered by the GPL");
        assert_eq!((version.name.as_str(), version.protocols), ("Tor 0.4.9.11", OF_0_4_9));
        let version = Version::of("Tor version 0.4.8.21 (git-abc).\n");
        assert_eq!((version.name.as_str(), version.protocols), ("Tor 0.4.8.21", MODEST));
        assert_eq!(Version::of("Tor version 0.5.1.2-alpha.").name, "Tor 0.5.1.2-alpha");
        assert_eq!(Version::of("nonsense").name, "Tor 0.4.8.0");
    }
}
