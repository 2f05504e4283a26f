//! `GETINFO downloads/…`: the state of tor's downloads.

use super::Info;
use super::value::{parse_line, unless_unknown};
use crate::error::Result;
use scape_proto::info::{DownloadPhase, DownloadStatus};
use scape_proto::netdoc::{ConsensusFlavor, DescriptorDigest};
use scape_proto::word::Fingerprint;

/// The state of downloads. control-spec, GETINFO `downloads/…`.
///
/// There is no method for `downloads/desc/descs`, the list of the server
/// descriptors that the consensus names. A tor that has such a list may crash
/// when it is asked for (seen with 0.4.9.11), so this library never sends that
/// key. The digests are also in
/// [`consensus_document`](Self::consensus_document).
impl Info<'_> {
    /// Returns the state of the consensus download (`GETINFO
    /// downloads/networkstatus/…`). If `phase` is `None`, it is the state of
    /// the current schedule, and otherwise of that phase's schedule.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("downloads/networkstatus/microdesc", "\
    /// #     next-attempt-at 2026-11-21 02:22:13\nn-download-failures 1\nn-download-attempts 2\n\
    /// #     schedule DL_SCHED_CONSENSUS\nwant-authority DL_WANT_ANY_DIRSERVER\n\
    /// #     increment-on DL_SCHED_INCREMENT_FAILURE\nbackoff DL_SCHED_RANDOM_EXPONENTIAL\n\
    /// #     last-backoff-position 1\nlast-delay-used 60\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::netdoc::ConsensusFlavor;
    ///
    /// let status = controller.info().downloads_networkstatus(&ConsensusFlavor::Microdesc, None)?;
    /// println!("{} of {} attempts have failed", status.failures, status.attempts);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn downloads_networkstatus(
        self,
        flavor: &ConsensusFlavor,
        phase: Option<&DownloadPhase>,
    ) -> Result<DownloadStatus> {
        let key = match phase {
            None => format!("downloads/networkstatus/{flavor}"),
            Some(phase) => format!("downloads/networkstatus/{flavor}/{phase}"),
        };
        self.controller.read_info(&key, DownloadStatus::parse)
    }

    /// Returns the authorities whose certificates tor has tried to download, by
    /// their v3 identity fingerprints (`GETINFO downloads/cert/fps`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn downloads_cert_fps(self) -> Result<Vec<Fingerprint>> {
        self.controller.read_lines("downloads/cert/fps", parse_line)
    }

    /// Returns the download state of an authority's certificate, whichever
    /// signing key it has (`GETINFO downloads/cert/fp/…`). Returns `None` if
    /// tor doesn't know the authority.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn downloads_cert(self, authority: Fingerprint) -> Result<Option<DownloadStatus>> {
        self.download(&format!("downloads/cert/fp/{authority}"))
    }

    /// Returns the digests of the signing keys for which tor has tried to
    /// download certificates of this authority
    /// (`GETINFO downloads/cert/fp/…/sks`). Returns `None` if tor doesn't know
    /// the authority.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn downloads_cert_sks(self, authority: Fingerprint) -> Result<Option<Vec<Fingerprint>>> {
        unless_unknown(
            self.controller.read_lines(&format!("downloads/cert/fp/{authority}/sks"), parse_line),
        )
    }

    /// Returns the download state of an authority's certificate with this
    /// signing key (`GETINFO downloads/cert/fp/…/…`). Returns `None` if tor
    /// doesn't know the authority or the key.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn downloads_cert_sk(
        self,
        authority: Fingerprint,
        signing_key: Fingerprint,
    ) -> Result<Option<DownloadStatus>> {
        self.download(&format!("downloads/cert/fp/{authority}/{signing_key}"))
    }

    /// Returns the download state of a server descriptor
    /// (`GETINFO downloads/desc/…`), or `None` if tor's consensus doesn't name
    /// it. The consensus of a client names no server descriptors.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn downloads_desc(self, descriptor: DescriptorDigest) -> Result<Option<DownloadStatus>> {
        self.download(&format!("downloads/desc/{descriptor}"))
    }

    /// Returns the fingerprints of the configured bridges (`GETINFO
    /// downloads/bridge/bridges`). A bridge whose fingerprint tor doesn't know
    /// is left out. Returns `None` if tor uses no bridges.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn downloads_bridges(self) -> Result<Option<Vec<Fingerprint>>> {
        unless_unknown(self.controller.read_lines("downloads/bridge/bridges", parse_line))
    }

    /// Returns the download state of a bridge's descriptor
    /// (`GETINFO downloads/bridge/…`), or `None` if tor doesn't know the
    /// bridge.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn downloads_bridge(self, bridge: Fingerprint) -> Result<Option<DownloadStatus>> {
        self.download(&format!("downloads/bridge/{bridge}"))
    }

    fn download(self, key: &str) -> Result<Option<DownloadStatus>> {
        unless_unknown(self.controller.read_info(key, DownloadStatus::parse))
    }
}
