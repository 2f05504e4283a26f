//! `GETINFO downloads/…`: the state of tor's downloads.

use super::Info;
use super::value::{parse_line, unless_unknown};
use crate::error::Result;
use scape_proto::info::{DownloadPhase, DownloadStatus};
use scape_proto::netdoc::{ConsensusFlavor, DescriptorDigest};
use scape_proto::word::Fingerprint;

/// Queries about the state of downloads. See control-spec, GETINFO
/// `downloads/…`.
///
/// There is no method for `downloads/desc/descs`, the list of the server
/// descriptors that the consensus names. A tor that has such a list may crash
/// when a controller requests it (seen with 0.4.9.11), so this library never
/// sends that key. The digests of the server descriptors are also in the
/// [`consensus_document`](Self::consensus_document) of the flavor `ns`.
impl Info<'_> {
    /// Returns the state of the consensus download (`GETINFO
    /// downloads/networkstatus/…`). tor has one download schedule for
    /// bootstrapping and another one for normal operation. `phase` chooses the
    /// schedule. `None` means the schedule that tor uses at the moment.
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
    /// assert_eq!((status.failures, status.attempts), (1, 2));
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

    /// Returns the v3 identity fingerprints of the authorities whose
    /// certificates tor has tried to download (`GETINFO downloads/cert/fps`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "downloads/cert/fps", "80537AA91393E6C5C3EE56C0EFFAC483E1A7B5D8\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::Fingerprint;
    ///
    /// let authority: Fingerprint = "80537AA91393E6C5C3EE56C0EFFAC483E1A7B5D8".parse()?;
    /// assert_eq!(controller.info().downloads_cert_fps()?, [authority]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Returns the download state of an authority's certificate, for downloads
    /// that don't name a signing key (`GETINFO downloads/cert/fp/…`). Returns
    /// `None` if tor doesn't know the authority.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "downloads/cert/fp/80537AA91393E6C5C3EE56C0EFFAC483E1A7B5D8", "\
    /// #     next-attempt-at 2026-11-21 02:22:13\nn-download-failures 0\nn-download-attempts 1\n\
    /// #     schedule DL_SCHED_CONSENSUS\nwant-authority DL_WANT_ANY_DIRSERVER\n\
    /// #     increment-on DL_SCHED_INCREMENT_FAILURE\nbackoff DL_SCHED_RANDOM_EXPONENTIAL\n\
    /// #     last-backoff-position 0\nlast-delay-used 0\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let authority = "80537AA91393E6C5C3EE56C0EFFAC483E1A7B5D8".parse()?;
    /// let status = controller.info().downloads_cert(authority)?;
    /// assert_eq!(status.map(|status| (status.attempts, status.failures)), Some((1, 0)));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Returns the digests of an authority's signing keys (`GETINFO
    /// downloads/cert/fp/…/sks`). A key is in the list if tor has tried to
    /// download a certificate for it. Returns `None` if tor doesn't know the
    /// authority.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "downloads/cert/fp/80537AA91393E6C5C3EE56C0EFFAC483E1A7B5D8/sks",
    /// #     "B08BFE286DC8F11F29AACEAFB6F7EF0F5C771042\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::Fingerprint;
    ///
    /// let authority: Fingerprint = "80537AA91393E6C5C3EE56C0EFFAC483E1A7B5D8".parse()?;
    /// let signing_key: Fingerprint = "B08BFE286DC8F11F29AACEAFB6F7EF0F5C771042".parse()?;
    /// assert_eq!(controller.info().downloads_cert_sks(authority)?, Some(vec![signing_key]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "downloads/cert/fp/80537AA91393E6C5C3EE56C0EFFAC483E1A7B5D8/B08BFE286DC8F11F29AACEAFB6F7EF0F5C771042", "\
    /// #     next-attempt-at 2026-11-21 02:22:13\nn-download-failures 0\nn-download-attempts 1\n\
    /// #     schedule DL_SCHED_CONSENSUS\nwant-authority DL_WANT_ANY_DIRSERVER\n\
    /// #     increment-on DL_SCHED_INCREMENT_FAILURE\nbackoff DL_SCHED_RANDOM_EXPONENTIAL\n\
    /// #     last-backoff-position 0\nlast-delay-used 0\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let authority = "80537AA91393E6C5C3EE56C0EFFAC483E1A7B5D8".parse()?;
    /// let signing_key = "B08BFE286DC8F11F29AACEAFB6F7EF0F5C771042".parse()?;
    /// let status = controller.info().downloads_cert_sk(authority, signing_key)?;
    /// assert_eq!(status.map(|status| status.failures), Some(0));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Returns the download state of a server descriptor (`GETINFO
    /// downloads/desc/…`). Returns `None` if tor's consensus doesn't name the
    /// descriptor. The consensus of a client names no server descriptors.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "downloads/desc/17FF47E36128409C92842CB65241F6E46E9C0386", "\
    /// #     next-attempt-at 2026-11-21 02:22:13\nn-download-failures 0\nn-download-attempts 1\n\
    /// #     schedule DL_SCHED_GENERIC\nwant-authority DL_WANT_ANY_DIRSERVER\n\
    /// #     increment-on DL_SCHED_INCREMENT_FAILURE\nbackoff DL_SCHED_RANDOM_EXPONENTIAL\n\
    /// #     last-backoff-position 0\nlast-delay-used 0\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let descriptor = "17FF47E36128409C92842CB65241F6E46E9C0386".parse()?;
    /// let status = controller.info().downloads_desc(descriptor)?;
    /// assert_eq!(status.map(|status| status.attempts), Some(1));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "downloads/bridge/bridges", "C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::Fingerprint;
    ///
    /// let bridge: Fingerprint = "C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97".parse()?;
    /// assert_eq!(controller.info().downloads_bridges()?, Some(vec![bridge]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "downloads/bridge/C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97", "\
    /// #     next-attempt-at 2026-11-21 02:22:13\nn-download-failures 0\nn-download-attempts 1\n\
    /// #     schedule DL_SCHED_BRIDGE\nwant-authority DL_WANT_ANY_DIRSERVER\n\
    /// #     increment-on DL_SCHED_INCREMENT_FAILURE\nbackoff DL_SCHED_RANDOM_EXPONENTIAL\n\
    /// #     last-backoff-position 0\nlast-delay-used 0\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::info::DownloadSchedule;
    ///
    /// let bridge = "C3C03890C31247B5E8C7CAC5DFD30B4D21CABB97".parse()?;
    /// let status = controller.info().downloads_bridge(bridge)?;
    /// assert_eq!(status.map(|status| status.schedule), Some(DownloadSchedule::Bridge));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
