//! The directories of onion services, from tor's consensus.

use super::{Controller, HsDescriptors};
use crate::error::{Error, ErrorKind, Result};
use scape_proto::netdoc::onion::HsDirs;

/// The directories that store the descriptors of onion services.
impl HsDescriptors<'_> {
    /// Returns the onion service directories (HSDirs) of tor's consensus, and
    /// the values that determine which of them store a service's descriptor.
    ///
    /// With the feature `onion-descriptor`, `HsDirs::uploads` returns the
    /// descriptors that a service must publish, each with its key and its
    /// directories. See [`netdoc::onion`](crate::netdoc::onion).
    ///
    /// Sends `GETCONF TestingTorNetwork`, because time periods are shorter in a
    /// testing network. If a filter on the control port refuses GETCONF, this
    /// method assumes the public network. Also sends the command of
    /// [`Info::directory`](crate::control::Info::directory). On the public
    /// network, tor's answer to it has about 8 MB. A program that needs the
    /// directories often can check with
    /// [`Info::consensus_lifetime`](crate::control::Info::consensus_lifetime)
    /// if there is a new consensus.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .info("dir/status-vote/current/consensus-microdesc",
    /// #     "network-status-version 3 microdesc\nvote-status consensus\n\
    /// #      valid-after 2026-11-21 03:00:00\nfresh-until 2026-11-21 04:00:00\n\
    /// #      r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    /// #      m C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\n\
    /// #      s HSDir Running Valid\npr HSDir=2\ndirectory-footer\n")
    /// #     .info("md/all", "onion-key\np accept 80,443\n")
    /// #     .on("GETCONF TestingTorNetwork", "250 TestingTorNetwork=0\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let hs_dirs = controller.hs_descriptors().directories()?;
    /// assert_eq!(hs_dirs.params().spread_fetch, 3);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Info::directory`](crate::control::Info::directory),
    /// most often a tor without a consensus. The kind is
    /// [`ErrorKind::Malformed`] if the consensus has no valid times.
    pub fn directories(&self) -> Result<HsDirs> {
        let call = self.controller.in_one_call();
        let hs_dirs = HsDirs::new(&call.info().directory()?).ok_or_else(|| {
            let command = "GETINFO dir/status-vote/current/consensus-microdesc";
            Error::answer(command, "valid-after or fresh-until is missing or malformed")
        })?;
        match is_testing(&call)? {
            true => Ok(hs_dirs.for_testing_network()),
            false => Ok(hs_dirs),
        }
    }
}

/// Returns true if tor is part of a testing network. Returns false if it isn't,
/// or if a filter in front of tor refuses the question.
fn is_testing(tor: &Controller) -> Result<bool> {
    match tor.get_conf("TestingTorNetwork") {
        Ok(value) => Ok(value.is_some_and(|value| value == "1")),
        Err(error) if error.kind() == ErrorKind::Refused => Ok(false),
        Err(error) => Err(error),
    }
}
