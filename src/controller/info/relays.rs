//! `GETINFO ns/…`, `md/…`, `desc/…`, `desc-annotations/…`, `extra-info/…`,
//! `dir/server/…`: documents of relays, as bytes.

use super::value::{unless_unknown, unless_unrecognized};
use crate::Controller;
use crate::descriptor::DescriptorDigest;
use crate::error::Result;
use crate::protocol::{ArgumentError, ArgumentProblem, RouterPurpose};
use crate::word::Fingerprint;

/// Which server descriptors [`Controller::dir_server`] asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DirServerQuery {
    /// All that tor has.
    All,
    /// This relay's own.
    Authority,
    /// Those of these relays, at least one.
    Fingerprints(Vec<Fingerprint>),
    /// Those with these digests, at least one.
    Digests(Vec<DescriptorDigest>),
}

/// Documents of relays, as tor has them. control-spec, GETINFO `ns/…`, `md/…`,
/// `desc/…`, `extra-info/…` and `dir/server/…`; dir-spec has their forms.
///
/// They are bytes, from which digests can be computed; each line ends with LF.
/// The result is `None` if tor doesn't have the document. An invalid nickname
/// is an error of the kind [`ErrorKind::Argument`](crate::ErrorKind::Argument),
/// before anything is sent.
impl Controller {
    /// The consensus' entries of all relays (`GETINFO ns/all`); nothing without
    /// a consensus.
    pub fn ns_all(&self) -> Result<Vec<u8>> {
        self.get_info_bytes("ns/all")
    }

    /// The consensus' entry of a relay (`GETINFO ns/id/…`); `None` where it has
    /// none, and without a consensus. Its time of publication means nothing.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    /// #     "r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let entry = controller.ns_id("6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse()?)?;
    /// assert!(entry.is_some_and(|entry| entry.starts_with(b"r relay03 ")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn ns_id(&self, relay: Fingerprint) -> Result<Option<Vec<u8>>> {
        self.entry(&format!("ns/id/{relay}"))
    }

    /// The consensus' entry of the relay that tor takes for the one with this
    /// nickname (`GETINFO ns/name/…`); `None` where it has none, and without a
    /// consensus. Many relays may have the same.
    pub fn ns_name(&self, nickname: &str) -> Result<Option<Vec<u8>>> {
        self.entry(&format!("ns/name/{}", checked(nickname)?))
    }

    /// Entries, in the form of the consensus', that tor makes of the server
    /// descriptors that it has for this purpose (`GETINFO ns/purpose/…`). Here
    /// the time of publication is the descriptor's, and the bandwidth 0.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551, "Internal
    /// error") for a purpose that tor doesn't know.
    pub fn ns_purpose(&self, purpose: &RouterPurpose) -> Result<Vec<u8>> {
        self.get_info_bytes(&format!("ns/purpose/{purpose}"))
    }

    /// Every microdescriptor of the consensus that tor has (`GETINFO md/all`).
    pub fn md_all(&self) -> Result<Vec<u8>> {
        self.get_info_bytes("md/all")
    }

    /// The microdescriptor of a relay (`GETINFO md/id/…`).
    pub fn md_id(&self, relay: Fingerprint) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(self.get_info_bytes(&format!("md/id/{relay}")))
    }

    /// The microdescriptor of the relay that tor takes for the one with this
    /// nickname (`GETINFO md/name/…`).
    pub fn md_name(&self, nickname: &str) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(self.get_info_bytes(&format!("md/name/{}", checked(nickname)?)))
    }

    /// Whether tor downloads microdescriptors (`GETINFO md/download-enabled`).
    pub fn md_download_enabled(&self) -> Result<bool> {
        self.read_flag("md/download-enabled")
    }

    /// The newest server descriptor of every relay that tor has one of
    /// (`GETINFO desc/all-recent`): on a client, which uses microdescriptors,
    /// mostly nothing.
    pub fn desc_all_recent(&self) -> Result<Vec<u8>> {
        self.get_info_bytes("desc/all-recent")
    }

    /// As [`desc_all_recent`](Self::desc_all_recent), each followed by its
    /// extra-info document, where tor has that
    /// (`GETINFO desc/all-recent-extrainfo-hack`).
    pub fn desc_all_recent_with_extra_info(&self) -> Result<Vec<u8>> {
        self.get_info_bytes("desc/all-recent-extrainfo-hack")
    }

    /// The server descriptor of a relay (`GETINFO desc/id/…`).
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// download server descriptors, as clients don't: see
    /// [`desc_download_enabled`](Self::desc_download_enabled) and
    /// [`md_id`](Self::md_id).
    pub fn desc_id(&self, relay: Fingerprint) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(self.get_info_bytes(&format!("desc/id/{relay}")))
    }

    /// The server descriptor of the relay that tor takes for the one with this
    /// nickname (`GETINFO desc/name/…`). Errors are those of
    /// [`desc_id`](Self::desc_id).
    pub fn desc_name(&self, nickname: &str) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(self.get_info_bytes(&format!("desc/name/{}", checked(nickname)?)))
    }

    /// What tor has noted about a relay's server descriptor: when and where it
    /// got it (`GETINFO desc-annotations/id/…`).
    pub fn desc_annotations(&self, relay: Fingerprint) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(self.get_info_bytes(&format!("desc-annotations/id/{relay}")))
    }

    /// Whether tor downloads server descriptors
    /// (`GETINFO desc/download-enabled`).
    pub fn desc_download_enabled(&self) -> Result<bool> {
        self.read_flag("desc/download-enabled")
    }

    /// An extra-info document (`GETINFO extra-info/digest/…`). tor has them
    /// where DownloadExtraInfo is set.
    pub fn extra_info(&self, digest: DescriptorDigest) -> Result<Option<Vec<u8>>> {
        unless_unrecognized(self.get_info_bytes(&format!("extra-info/digest/{digest}")))
    }

    /// Server descriptors, as a directory would give them
    /// (`GETINFO dir/server/…`); `None` where tor has none of them.
    pub fn dir_server(&self, query: &DirServerQuery) -> Result<Option<Vec<u8>>> {
        let which = match query {
            DirServerQuery::All => "all".to_owned(),
            DirServerQuery::Authority => "authority".to_owned(),
            DirServerQuery::Fingerprints(relays) => format!("fp/{}", joined(relays)?),
            DirServerQuery::Digests(digests) => format!("d/{}", joined(digests)?),
        };
        unless_unknown(self.get_info_bytes(&format!("dir/server/{which}")))
    }

    /// An entry of the consensus. Without a consensus tor gives nothing,
    /// whatever is asked for.
    fn entry(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let entry = unless_unrecognized(self.get_info_bytes(key))?;
        Ok(entry.filter(|entry| !entry.is_empty()))
    }
}

/// A nickname: 1 to 19 letters and digits. (tor could not repeat other keys in
/// its answer.)
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
    fn what_is_no_nickname() {
        for bad in ["", "a b", "x=y", "caf\u{e9}", "a/b", "$x", "twentycharactersorso", "a\r\nQUIT"]
        {
            assert!(checked(bad).is_err(), "{bad:?}");
        }
        assert!(checked("moria1").is_ok() && checked("nineteencharacters1").is_ok());
        assert!(joined::<Fingerprint>(&[]).is_err());
    }
}
