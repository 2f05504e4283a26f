//! `GETINFO downloads/…`: how tor comes along with downloading.

use std::str::FromStr;

use super::value::unless_unknown;
use crate::Controller;
use crate::descriptor::DescriptorDigest;
use crate::error::Result;
use crate::protocol::{ConsensusFlavor, DownloadPhase, DownloadStatus};
use crate::word::Fingerprint;

/// Downloads. control-spec, GETINFO `downloads/…`.
///
/// There is no method for `downloads/desc/descs`, the list of the server
/// descriptors that the consensus names: a tor that has such a list may crash
/// on it (seen of 0.4.9.11), so it is never sent. They are in
/// [`consensus_document`](Self::consensus_document).
impl Controller {
    /// The download of the consensus, by the schedule that counts now, or by
    /// the one of `phase` (`GETINFO downloads/networkstatus/…`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("downloads/networkstatus/microdesc", "\
    /// #     next-attempt-at 2026-11-21 02:22:13\nn-download-failures 1\nn-download-attempts 2\n\
    /// #     schedule DL_SCHED_CONSENSUS\nwant-authority DL_WANT_ANY_DIRSERVER\n\
    /// #     increment-on DL_SCHED_INCREMENT_FAILURE\nbackoff DL_SCHED_RANDOM_EXPONENTIAL\n\
    /// #     last-backoff-position 1\nlast-delay-used 60\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::protocol::ConsensusFlavor;
    ///
    /// let status = controller.downloads_networkstatus(&ConsensusFlavor::Microdesc, None)?;
    /// println!("{} of {} attempts have failed", status.failures, status.attempts);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn downloads_networkstatus(
        &self,
        flavor: &ConsensusFlavor,
        phase: Option<&DownloadPhase>,
    ) -> Result<DownloadStatus> {
        let key = match phase {
            None => format!("downloads/networkstatus/{flavor}"),
            Some(phase) => format!("downloads/networkstatus/{flavor}/{phase}"),
        };
        self.read_info(&key, DownloadStatus::parse)
    }

    /// The authorities whose certificates tor has tried to download, by their
    /// v3 identity fingerprints (`GETINFO downloads/cert/fps`).
    pub fn downloads_cert_fps(&self) -> Result<Vec<Fingerprint>> {
        self.read_lines("downloads/cert/fps", digest)
    }

    /// The download of an authority's certificate, with whatever signing key
    /// (`GETINFO downloads/cert/fp/…`); `None` for an authority that tor does
    /// not know.
    pub fn downloads_cert(&self, authority: Fingerprint) -> Result<Option<DownloadStatus>> {
        self.download(&format!("downloads/cert/fp/{authority}"))
    }

    /// The digests of the signing keys for which certificates of this authority
    /// were tried (`GETINFO downloads/cert/fp/…/sks`); `None` for an authority
    /// that tor does not know.
    pub fn downloads_cert_sks(&self, authority: Fingerprint) -> Result<Option<Vec<Fingerprint>>> {
        unless_unknown(self.read_lines(&format!("downloads/cert/fp/{authority}/sks"), digest))
    }

    /// The download of an authority's certificate with this signing key
    /// (`GETINFO downloads/cert/fp/…/…`); `None` where tor does not know the
    /// two.
    pub fn downloads_cert_sk(
        &self,
        authority: Fingerprint,
        signing_key: Fingerprint,
    ) -> Result<Option<DownloadStatus>> {
        self.download(&format!("downloads/cert/fp/{authority}/{signing_key}"))
    }

    /// The download of a server descriptor (`GETINFO downloads/desc/…`); `None`
    /// where tor's consensus does not name it, as that of clients names none.
    pub fn downloads_desc(&self, descriptor: DescriptorDigest) -> Result<Option<DownloadStatus>> {
        self.download(&format!("downloads/desc/{descriptor}"))
    }

    /// The bridges of the configuration, by their fingerprints, where these are
    /// known (`GETINFO downloads/bridge/bridges`); `None` where tor uses no
    /// bridges.
    pub fn downloads_bridges(&self) -> Result<Option<Vec<Fingerprint>>> {
        unless_unknown(self.read_lines("downloads/bridge/bridges", digest))
    }

    /// The download of a bridge's descriptor (`GETINFO downloads/bridge/…`);
    /// `None` for a bridge that tor does not know.
    pub fn downloads_bridge(&self, bridge: Fingerprint) -> Result<Option<DownloadStatus>> {
        self.download(&format!("downloads/bridge/{bridge}"))
    }

    fn download(&self, key: &str) -> Result<Option<DownloadStatus>> {
        unless_unknown(self.read_info(key, DownloadStatus::parse))
    }
}

fn digest<T: FromStr>(line: &[u8]) -> Option<T> {
    std::str::from_utf8(line).ok()?.parse().ok()
}
