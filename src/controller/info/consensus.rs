//! `GETINFO consensus/…`, `sr/…`, `dir/status-vote/…`: the consensus.

use std::time::SystemTime;

use data_encoding::BASE64;

use super::value::{malformed, unless_unknown};
use crate::Controller;
use crate::error::Result;
use crate::protocol::ConsensusFlavor;
use crate::word::parse_utc;

/// When a consensus counts, in whole seconds:
/// [`Controller::consensus_lifetime`]. dir-spec, "Consensus status documents".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConsensusLifetime {
    /// From when on.
    pub valid_after: SystemTime,
    /// Until there should be a newer one.
    pub fresh_until: SystemTime,
    /// Until it should no longer be used at all.
    pub valid_until: SystemTime,
}

/// The random values that the authorities agreed on:
/// [`Controller::shared_random`]. srv-spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SharedRandom {
    /// That of now; `None` where tor knows none.
    pub current: Option<[u8; 32]>,
    /// The one before; `None` where tor knows none.
    pub previous: Option<[u8; 32]>,
}

/// The consensus. control-spec, GETINFO `consensus/…`, `sr/…` and
/// `dir/status-vote/…`.
impl Controller {
    /// When tor's consensus counts, with one command (`GETINFO
    /// consensus/valid-after consensus/fresh-until consensus/valid-until`);
    /// `None` without a consensus.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("consensus/valid-after", "2026-11-21 02:00:00")
    /// #     .info("consensus/fresh-until", "2026-11-21 03:00:00")
    /// #     .info("consensus/valid-until", "2026-11-21 05:00:00")
    /// #     .info("current-time/utc", "2026-11-21T02:09:42").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// if let Some(consensus) = controller.consensus_lifetime()? {
    ///     assert!(controller.current_time()? < consensus.fresh_until);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn consensus_lifetime(&self) -> Result<Option<ConsensusLifetime>> {
        let keys = ["consensus/valid-after", "consensus/fresh-until", "consensus/valid-until"];
        let values = self.read_many(keys)?;
        if values.iter().all(String::is_empty) {
            return Ok(None);
        }
        let time = |i: usize| {
            let (key, value) = (keys.get(i).copied().unwrap_or_default(), values.get(i));
            value.and_then(|value| parse_utc(value)).ok_or_else(|| malformed(key, values.join(" ")))
        };
        Ok(Some(ConsensusLifetime {
            valid_after: time(0)?,
            fresh_until: time(1)?,
            valid_until: time(2)?,
        }))
    }

    /// The lines of the consensus that name packages of software
    /// (`GETINFO consensus/packages`). Authorities no longer write any.
    pub fn consensus_packages(&self) -> Result<Vec<String>> {
        self.read_lines("consensus/packages", |line| {
            Some(String::from_utf8_lossy(line).into_owned())
        })
    }

    /// The consensus document, whole, as bytes
    /// (`GETINFO dir/status-vote/current/consensus…`); `None` where tor has not
    /// stored one of this flavour. Clients have
    /// [`Microdesc`](ConsensusFlavor::Microdesc), unless
    /// FetchUselessDescriptors is set.
    ///
    /// On the public network it has about 3 MB: mind the
    /// [timeout](Self::with_timeout) on slow connections.
    pub fn consensus_document(&self, flavor: &ConsensusFlavor) -> Result<Option<Vec<u8>>> {
        let key = match flavor {
            ConsensusFlavor::Ns => "dir/status-vote/current/consensus".to_owned(),
            flavor => format!("dir/status-vote/current/consensus-{flavor}"),
        };
        unless_unknown(self.get_info_bytes(&key))
    }

    /// The random values that the authorities agreed on
    /// (`GETINFO sr/current sr/previous`).
    pub fn shared_random(&self) -> Result<SharedRandom> {
        let [current, previous] = self.read_many(["sr/current", "sr/previous"])?;
        Ok(SharedRandom {
            current: random_value(&current).ok_or_else(|| malformed("sr/current", &current))?,
            previous: random_value(&previous).ok_or_else(|| malformed("sr/previous", &previous))?,
        })
    }
}

/// Nothing, or 32 bytes in base64.
fn random_value(value: &str) -> Option<Option<[u8; 32]>> {
    if value.is_empty() {
        return Some(None);
    }
    BASE64.decode(value.as_bytes()).ok()?.try_into().ok().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_random_value() {
        assert_eq!(random_value(""), Some(None));
        for bad in ["AAAA", "x", "s8oLGZyKnm/yg2zUmXnPyLjzGTb5GsNqd+BOWcPH7M8"] {
            assert_eq!(random_value(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn a_random_value_goes_there_and_back(bytes: [u8; 32]) {
            prop_assert_eq!(random_value(&BASE64.encode(&bytes)), Some(Some(bytes)));
        }
    }
}
