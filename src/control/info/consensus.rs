//! `GETINFO consensus/…`, `sr/…`, `dir/status-vote/…`: the consensus of the
//! directory authorities.

use std::time::SystemTime;

use data_encoding::BASE64;

use super::Info;
use super::value::{malformed, unless_unknown};
use crate::error::Result;
use scape_proto::netdoc::{Consensus, ConsensusFlavor, DocumentText};
use scape_proto::word::parse_utc;

/// The validity interval of a consensus, in whole seconds. Returned by
/// [`Info::consensus_lifetime`]. See dir-spec, "Consensus status documents".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct ConsensusLifetime {
    /// The start of the validity interval.
    pub valid_after: SystemTime,
    /// The time after which there should be a newer consensus.
    pub fresh_until: SystemTime,
    /// The time after which the consensus should no longer be used at all.
    pub valid_until: SystemTime,
}

/// The shared random values, on which the directory authorities agree once a
/// day. Returned by [`Info::shared_random`]. See srv-spec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct SharedRandom {
    /// The shared random value for the current period. `None` if tor doesn't
    /// know it.
    pub current: Option<[u8; 32]>,
    /// The shared random value for the previous period. `None` if tor doesn't
    /// know it.
    pub previous: Option<[u8; 32]>,
}

/// Queries about the consensus. See control-spec, GETINFO `consensus/…`, `sr/…`
/// and `dir/status-vote/…`.
impl Info<'_> {
    /// Returns the validity interval of tor's consensus, or `None` if tor has
    /// no consensus. Sends one command (`GETINFO consensus/valid-after
    /// consensus/fresh-until consensus/valid-until`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("consensus/valid-after", "2026-11-21 02:00:00")
    /// #     .info("consensus/fresh-until", "2026-11-21 03:00:00")
    /// #     .info("consensus/valid-until", "2026-11-21 05:00:00")
    /// #     .info("current-time/utc", "2026-11-21T02:09:42").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// if let Some(consensus) = controller.info().consensus_lifetime()? {
    ///     assert!(controller.info().current_time()? < consensus.fresh_until);
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn consensus_lifetime(self) -> Result<Option<ConsensusLifetime>> {
        let keys = ["consensus/valid-after", "consensus/fresh-until", "consensus/valid-until"];
        let values = self.controller.read_many(keys)?;
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

    /// Returns the lines of the consensus that name packages of software
    /// (`GETINFO consensus/packages`). Authorities no longer write such lines,
    /// so the list is empty.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("consensus/packages", "").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().consensus_packages()?.is_empty());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn consensus_packages(self) -> Result<Vec<String>> {
        self.controller.read_lines("consensus/packages", |line| {
            Some(String::from_utf8_lossy(line).into_owned())
        })
    }

    /// Returns the whole consensus document (`GETINFO
    /// dir/status-vote/current/consensus…`), or `None` if tor hasn't stored a
    /// consensus of this flavor. By default a client stores only
    /// [`Microdesc`](ConsensusFlavor::Microdesc). A client with the option
    /// FetchUselessDescriptors stores both flavors.
    ///
    /// On the public network, the document is about 3 MB long. Set a longer
    /// [timeout](crate::Controller::with_timeout) for slow connections.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("dir/status-vote/current/consensus-microdesc",
    /// #     "network-status-version 3 microdesc\nvote-status consensus\nparams circwindow=1000\n\
    /// #      directory-footer\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::netdoc::ConsensusFlavor;
    ///
    /// if let Some(text) = controller.info().consensus_document(&ConsensusFlavor::Microdesc)? {
    ///     let consensus = text.parse()?;
    ///     assert_eq!(consensus.param("circwindow"), Some(1000));
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn consensus_document(
        self,
        flavor: &ConsensusFlavor,
    ) -> Result<Option<DocumentText<Consensus<'static>>>> {
        let key = match flavor {
            ConsensusFlavor::Ns => "dir/status-vote/current/consensus".to_owned(),
            flavor => format!("dir/status-vote/current/consensus-{flavor}"),
        };
        unless_unknown(self.text(&key))
    }

    /// Returns the shared random values of the current and the previous period
    /// (`GETINFO sr/current sr/previous`). The authorities agree on one value
    /// for each period.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("sr/current", "s8oLGZyKnm/yg2zUmXnPyLjzGTb5GsNqd+BOWcPH7M8=")
    /// #     .info("sr/previous", "")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let random = controller.info().shared_random()?;
    /// assert!(random.current.is_some_and(|value| value.starts_with(&[0xb3, 0xca, 0x0b])));
    /// assert_eq!(random.previous, None);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn shared_random(self) -> Result<SharedRandom> {
        let [current, previous] = self.controller.read_many(["sr/current", "sr/previous"])?;
        Ok(SharedRandom {
            current: random_value(&current).ok_or_else(|| malformed("sr/current", &current))?,
            previous: random_value(&previous).ok_or_else(|| malformed("sr/previous", &previous))?,
        })
    }
}

/// Parses a shared random value: 32 bytes in base64. An empty text, which means
/// that there is no value, is `Some(None)`. Returns `None` if the text is
/// malformed.
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
    fn malformed_random_values_are_refused() {
        assert_eq!(random_value(""), Some(None));
        for bad in ["AAAA", "x", "s8oLGZyKnm/yg2zUmXnPyLjzGTb5GsNqd+BOWcPH7M8"] {
            assert_eq!(random_value(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn random_value_round_trips(bytes: [u8; 32]) {
            prop_assert_eq!(random_value(&BASE64.encode(&bytes)), Some(Some(bytes)));
        }
    }
}
