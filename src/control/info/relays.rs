//! `GETINFO ns/…`, `md/…`, `desc/…`, `desc-annotations/…`, `extra-info/…`,
//! `dir/server/…`: relays' documents as bytes.

use super::Info;
use super::value::{unless_unknown, unless_unrecognized};
use crate::error::Result;
use scape_proto::control::{ArgumentError, ArgumentProblem, RouterPurpose};
use scape_proto::netdoc::DescriptorDigest;
use scape_proto::word::Fingerprint;

/// The server descriptors to return from [`Info::dir_server`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DirServerQuery {
    /// All server descriptors that tor has.
    All,
    /// The descriptor of this tor itself, if it is a relay.
    Authority,
    /// The descriptors of these relays, at least one.
    Fingerprints(Vec<Fingerprint>),
    /// The descriptors with these digests, at least one.
    Digests(Vec<DescriptorDigest>),
}

/// Relays' documents, as tor has them. control-spec, GETINFO `ns/…`, `md/…`,
/// `desc/…`, `extra-info/…` and `dir/server/…`. dir-spec describes their
/// formats.
///
/// Documents are returned as bytes, so that digests can be computed. Each line
/// ends with LF. The result is `None` if tor doesn't have the document.
impl Info<'_> {
    /// Returns the consensus entries of all relays (`GETINFO ns/all`). The
    /// result is empty if tor has no consensus.
    /// [`network_statuses`](Self::network_statuses) returns them parsed.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn ns_all(self) -> Result<Vec<u8>> {
        self.controller.info().get_bytes("ns/all")
    }

    /// Returns the consensus entry of a relay (`GETINFO ns/id/…`). Returns
    /// `None` if there is no entry or no consensus. The publication time in the
    /// entry has no meaning: tor always writes the same one.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    /// #     "r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let entry = controller.info().ns_id("6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse()?)?;
    /// assert!(entry.is_some_and(|entry| entry.starts_with(b"r relay03 ")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_network_status")]
    pub fn ns_id(self, relay: Fingerprint) -> Result<Option<Vec<u8>>> {
        self.entry(&format!("ns/id/{relay}"))
    }

    /// Returns the consensus entry of a relay by its nickname
    /// (`GETINFO ns/name/…`). Returns `None` if there is no entry or no
    /// consensus. If several relays have this nickname, tor chooses one of
    /// them.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the nickname
    /// isn't 1 to 19 ASCII letters and digits. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    #[doc(alias = "get_network_status")]
    pub fn ns_name(self, nickname: &str) -> Result<Option<Vec<u8>>> {
        self.entry(&format!("ns/name/{}", checked(nickname)?))
    }

    /// Returns an entry for each relay whose server descriptor tor has for this
    /// purpose (`GETINFO ns/purpose/…`). tor makes the entries from the
    /// descriptors, in the form of consensus entries. The publication time is
    /// the descriptor's, and the bandwidth is 0.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551, "Internal
    /// error") if tor doesn't know the purpose. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    pub fn ns_purpose(self, purpose: &RouterPurpose) -> Result<Vec<u8>> {
        self.controller.info().get_bytes(&format!("ns/purpose/{purpose}"))
    }

    /// Returns the microdescriptors of all relays in the consensus, except for
    /// those that tor doesn't have (`GETINFO md/all`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_microdescriptors")]
    pub fn md_all(self) -> Result<Vec<u8>> {
        self.controller.info().get_bytes("md/all")
    }

    /// Returns the microdescriptor of a relay (`GETINFO md/id/…`), or `None` if
    /// tor doesn't have it.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_microdescriptor")]
    pub fn md_id(self, relay: Fingerprint) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(self.controller.info().get_bytes(&format!("md/id/{relay}")))
    }

    /// Returns the microdescriptor of a relay by its nickname
    /// (`GETINFO md/name/…`). Returns `None` if tor doesn't have it. If several
    /// relays have this nickname, tor chooses one of them.
    ///
    /// # Errors
    ///
    /// Same errors as [`ns_name`](Self::ns_name), most often an invalid
    /// nickname.
    #[doc(alias = "get_microdescriptor")]
    pub fn md_name(self, nickname: &str) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(
            self.controller.info().get_bytes(&format!("md/name/{}", checked(nickname)?)),
        )
    }

    /// Returns true if tor downloads microdescriptors
    /// (`GETINFO md/download-enabled`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn md_download_enabled(self) -> Result<bool> {
        self.controller.read_flag("md/download-enabled")
    }

    /// Returns the newest server descriptor of every relay of which tor has one
    /// (`GETINFO desc/all-recent`). The result is mostly empty on a client,
    /// because clients use microdescriptors.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_server_descriptors")]
    pub fn desc_all_recent(self) -> Result<Vec<u8>> {
        self.controller.info().get_bytes("desc/all-recent")
    }

    /// Returns the same as [`desc_all_recent`](Self::desc_all_recent), with
    /// each descriptor followed by its extra-info document if tor has it
    /// (`GETINFO desc/all-recent-extrainfo-hack`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn desc_all_recent_with_extra_info(self) -> Result<Vec<u8>> {
        self.controller.info().get_bytes("desc/all-recent-extrainfo-hack")
    }

    /// Returns the server descriptor of a relay (`GETINFO desc/id/…`), or
    /// `None` if tor doesn't have it.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// download server descriptors, as clients don't: see
    /// [`desc_download_enabled`](Self::desc_download_enabled) and
    /// [`md_id`](Self::md_id). Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    #[doc(alias = "get_server_descriptor")]
    pub fn desc_id(self, relay: Fingerprint) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(self.controller.info().get_bytes(&format!("desc/id/{relay}")))
    }

    /// Returns the server descriptor of a relay by its nickname
    /// (`GETINFO desc/name/…`). Returns `None` if tor doesn't have it. If
    /// several relays have this nickname, tor chooses one of them.
    ///
    /// # Errors
    ///
    /// Same errors as [`desc_id`](Self::desc_id), most often a tor that doesn't
    /// download server descriptors. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the nickname
    /// isn't 1 to 19 ASCII letters and digits.
    #[doc(alias = "get_server_descriptor")]
    pub fn desc_name(self, nickname: &str) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(
            self.controller.info().get_bytes(&format!("desc/name/{}", checked(nickname)?)),
        )
    }

    /// Returns tor's notes about a relay's server descriptor: when and from
    /// where tor got it (`GETINFO desc-annotations/id/…`). Returns `None` if
    /// tor doesn't have the descriptor.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn desc_annotations(self, relay: Fingerprint) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(
            self.controller.info().get_bytes(&format!("desc-annotations/id/{relay}")),
        )
    }

    /// Returns true if tor downloads server descriptors
    /// (`GETINFO desc/download-enabled`).
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn desc_download_enabled(self) -> Result<bool> {
        self.controller.read_flag("desc/download-enabled")
    }

    /// Returns an extra-info document (`GETINFO extra-info/digest/…`), or
    /// `None` if tor doesn't have it. tor has such documents if
    /// DownloadExtraInfo is set.
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn extra_info(self, digest: DescriptorDigest) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(
            self.controller.info().get_bytes(&format!("extra-info/digest/{digest}")),
        )
    }

    /// Returns server descriptors, in the form in which a directory would send
    /// them (`GETINFO dir/server/…`). Returns `None` if tor has none of the
    /// requested descriptors.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the query's list
    /// is empty. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    #[doc(alias = "get_server_descriptors")]
    pub fn dir_server(self, query: &DirServerQuery) -> Result<Option<Vec<u8>>> {
        let which = match query {
            DirServerQuery::All => "all".to_owned(),
            DirServerQuery::Authority => "authority".to_owned(),
            DirServerQuery::Fingerprints(relays) => format!("fp/{}", joined(relays)?),
            DirServerQuery::Digests(digests) => format!("d/{}", joined(digests)?),
        };
        unless_unknown(self.controller.info().get_bytes(&format!("dir/server/{which}")))
    }

    /// Returns an entry of the consensus. Without a consensus tor answers with
    /// an empty value, whichever entry is asked for.
    fn entry(self, key: &str) -> Result<Option<Vec<u8>>> {
        let entry = unless_unrecognized(self.controller.info().get_bytes(key))?;
        Ok(entry.filter(|entry| !entry.is_empty()))
    }
}

/// Checks that a nickname is 1 to 19 ASCII letters and digits. Other texts may
/// form keys that tor can't repeat in its answer.
fn checked(nickname: &str) -> Result<&str> {
    if (1..=19).contains(&nickname.len()) && nickname.bytes().all(|b| b.is_ascii_alphanumeric()) {
        return Ok(nickname);
    }
    let why = format!("is {nickname:?}, but a nickname has 1 to 19 letters and digits");
    Err(ArgumentError::invalid("GETINFO", "nickname", why).into())
}

fn joined<T: ToString>(digests: &[T]) -> Result<String> {
    if digests.is_empty() {
        return Err(ArgumentError::new("GETINFO", "query", ArgumentProblem::Empty).into());
    }
    Ok(digests.iter().map(T::to_string).collect::<Vec<_>>().join("+"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_nicknames_and_empty_queries_are_refused() {
        for bad in ["", "a b", "x=y", "caf\u{e9}", "a/b", "$x", "twentycharactersorso", "a\r\nQUIT"]
        {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
        assert!(checked("moria1").is_ok() && checked("nineteencharacters1").is_ok());
        assert!(joined::<Fingerprint>(&[]).is_err());
    }
}
