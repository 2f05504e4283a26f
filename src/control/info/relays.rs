//! `GETINFO ns/…`, `md/…`, `desc/…`, `desc-annotations/…`, `extra-info/…`,
//! `dir/server/…`: relays' documents.

use super::Info;
use super::value::{unless_unknown, unless_unrecognized};
use crate::error::Result;
use scape_proto::control::{ArgumentError, ArgumentProblem, RouterPurpose};
use scape_proto::netdoc::{
    DescriptorDigest, DocumentText, ExtraInfo, Microdescriptor, OwnedText, RouterStatus,
    ServerDescriptor,
};
use scape_proto::word::Fingerprint;

/// The server descriptors to return from [`Info::dir_server`].
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DirServerQuery {
    /// All server descriptors that tor has.
    All,
    /// The descriptor of this tor itself, if it is a relay.
    Authority,
    /// The descriptors of these relays. The list must not be empty.
    Fingerprints(Vec<Fingerprint>),
    /// The descriptors with these digests. The list must not be empty.
    Digests(Vec<DescriptorDigest>),
}

/// Queries for relays' documents. See control-spec, GETINFO `ns/…`, `md/…`,
/// `desc/…`, `extra-info/…` and `dir/server/…`. dir-spec describes the formats
/// of the documents.
///
/// Documents are returned as a [`DocumentText`], which has methods that parse
/// them. Each line ends with LF. If tor doesn't have a requested document, the
/// result is `None`. A method that returns the documents of all relays leaves
/// out those that tor doesn't have.
impl Info<'_> {
    /// Returns the consensus entries of all relays (`GETINFO ns/all`). The
    /// result is empty if tor has no consensus.
    /// [`network_statuses`](Self::network_statuses) returns the entries parsed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/all",
    /// #     "r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 7pXam4YBAWd4BTXUfk3Ds4gln3Y 2038-01-01 00:00:00 127.0.0.14 9004 0\n\
    /// #      s Fast Guard Running Valid\n\
    /// #      r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let entries = controller.info().ns_all()?;
    /// let names = entries.documents().map(|relay| relay.nickname());
    /// assert_eq!(names.collect::<Vec<_>>(), ["relay04", "relay03"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn ns_all(self) -> Result<DocumentText<RouterStatus<'static>>> {
        self.text("ns/all")
    }

    /// Returns the consensus entry of a relay (`GETINFO ns/id/…`). Returns
    /// `None` if there is no entry or no consensus. The publication time in the
    /// entry has no meaning: tor always writes the same time.
    /// [`network_status`](Self::network_status) returns the entry parsed.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    /// #     "r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let entry = controller.info().ns_id("6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse()?)?;
    /// assert_eq!(entry.expect("the relay is there").parse()?.nickname(), "relay03");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_network_status")]
    pub fn ns_id(self, relay: Fingerprint) -> Result<Option<DocumentText<RouterStatus<'static>>>> {
        self.entry(&format!("ns/id/{relay}"))
    }

    /// Returns the consensus entry of a relay by its nickname
    /// (`GETINFO ns/name/…`). Returns `None` if there is no entry or no
    /// consensus. If several relays have this nickname, tor chooses one of
    /// them.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/name/relay03",
    /// #     "r relay03 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2038-01-01 00:00:00 127.0.0.13 9003 0\n\
    /// #      s Exit Fast Running Valid\nw Bandwidth=3000\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let entry = controller.info().ns_name("relay03")?;
    /// assert!(entry.is_some_and(|entry| entry.starts_with(b"r relay03 ")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the nickname
    /// isn't 1 to 19 ASCII letters and digits. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    #[doc(alias = "get_network_status")]
    pub fn ns_name(self, nickname: &str) -> Result<Option<DocumentText<RouterStatus<'static>>>> {
        self.entry(&format!("ns/name/{}", checked(nickname)?))
    }

    /// Returns an entry for each relay with this purpose (`GETINFO
    /// ns/purpose/…`). tor makes the entries from the server descriptors that
    /// it has, in the form of consensus entries. The publication time in an
    /// entry is the descriptor's, and the bandwidth is 0.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("ns/purpose/bridge",
    /// #     "r bridge01 avRcaIkAhLf7sGHzffpE4L4ryu8 KXdvYkHWOjFsfOt1Bx+2e/ODOrs 2026-11-21 01:52:18 127.0.0.13 9003 0\n\
    /// #      s Fast Running Valid\nw Bandwidth=0\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::RouterPurpose;
    ///
    /// let bridges = controller.info().ns_purpose(&RouterPurpose::Bridge)?;
    /// assert!(bridges.starts_with(b"r bridge01 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (551, "Internal
    /// error") if tor doesn't know the purpose. A tor without a consensus may
    /// return an empty result instead. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    pub fn ns_purpose(
        self,
        purpose: &RouterPurpose,
    ) -> Result<DocumentText<RouterStatus<'static>>> {
        self.text(&format!("ns/purpose/{purpose}"))
    }

    /// Returns the microdescriptors of the relays in the consensus (`GETINFO
    /// md/all`). A relay is left out if tor doesn't have its microdescriptor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("md/all",
    /// #     "onion-key\nntor-onion-key lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0\np accept 80,443\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let text = controller.info().md_all()?;
    /// let exits = text.documents().filter(|relay| relay.policy().allows(443));
    /// assert_eq!(exits.count(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_microdescriptors")]
    pub fn md_all(self) -> Result<DocumentText<Microdescriptor<'static>>> {
        self.text("md/all")
    }

    /// Returns the microdescriptor of a relay (`GETINFO md/id/…`), or `None` if
    /// tor doesn't have the microdescriptor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("md/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    /// #     "onion-key\nntor-onion-key lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0\np accept 80,443\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let relay = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse()?;
    /// let microdescriptor = controller.info().md_id(relay)?;
    /// assert!(microdescriptor.is_some_and(|text| text.starts_with(b"onion-key\n")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_microdescriptor")]
    pub fn md_id(
        self,
        relay: Fingerprint,
    ) -> Result<Option<DocumentText<Microdescriptor<'static>>>> {
        unless_unrecognized(self.text(&format!("md/id/{relay}")))
    }

    /// Returns the microdescriptor of a relay by its nickname (`GETINFO
    /// md/name/…`). Returns `None` if tor doesn't have the microdescriptor. If
    /// several relays have this nickname, tor chooses one of them.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("md/name/relay03",
    /// #     "onion-key\nntor-onion-key lqaR7Fc1aA5LhygGU3W/+k0kz2g4qsPWmjt50M64ll0\np accept 80,443\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let microdescriptor = controller.info().md_name("relay03")?;
    /// assert!(microdescriptor.is_some_and(|text| text.starts_with(b"onion-key\n")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`ns_name`](Self::ns_name), most often an invalid
    /// nickname.
    #[doc(alias = "get_microdescriptor")]
    pub fn md_name(self, nickname: &str) -> Result<Option<DocumentText<Microdescriptor<'static>>>> {
        unless_unrecognized(self.text(&format!("md/name/{}", checked(nickname)?)))
    }

    /// Returns true if tor downloads microdescriptors
    /// (`GETINFO md/download-enabled`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("md/download-enabled", "1").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.info().md_download_enabled()?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Returns the newest server descriptor that tor has of each relay
    /// (`GETINFO desc/all-recent`). A relay is left out if tor has no
    /// descriptor of it. On a client the result is usually empty, because
    /// clients use microdescriptors.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("desc/all-recent",
    /// #     "router relay03 127.0.0.13 9003 0 0\nplatform Tor 0.4.9.11 on Linux\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let descriptors = controller.info().desc_all_recent()?;
    /// assert!(descriptors.starts_with(b"router relay03 127.0.0.13 9003 0 0\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    #[doc(alias = "get_server_descriptors")]
    pub fn desc_all_recent(self) -> Result<DocumentText<ServerDescriptor<'static>>> {
        self.text("desc/all-recent")
    }

    /// Returns the same server descriptors as
    /// [`desc_all_recent`](Self::desc_all_recent). Each descriptor is followed
    /// by its extra-info document, if tor has that document (`GETINFO
    /// desc/all-recent-extrainfo-hack`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("desc/all-recent-extrainfo-hack",
    /// #     "router relay03 127.0.0.13 9003 0 0\nplatform Tor 0.4.9.11 on Linux\n\
    /// #      extra-info relay03 6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF\npublished 2026-11-21 01:52:18\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let documents = controller.info().desc_all_recent_with_extra_info()?;
    /// let documents = String::from_utf8_lossy(&documents);
    /// assert!(documents.starts_with("router relay03 "));
    /// assert!(documents.contains("\nextra-info relay03 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn desc_all_recent_with_extra_info(self) -> Result<Vec<u8>> {
        self.controller.info().get_bytes("desc/all-recent-extrainfo-hack")
    }

    /// Returns the server descriptor of a relay (`GETINFO desc/id/…`), or
    /// `None` if tor doesn't have the descriptor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("desc/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    /// #     "router relay03 127.0.0.13 9003 0 0\nplatform Tor 0.4.9.11 on Linux\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let relay = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse()?;
    /// let descriptor = controller.info().desc_id(relay)?;
    /// assert!(descriptor.is_some_and(|text| text.starts_with(b"router relay03 ")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// download server descriptors: see
    /// [`desc_download_enabled`](Self::desc_download_enabled). Clients download
    /// microdescriptors instead: see [`md_id`](Self::md_id). Otherwise the same
    /// errors as [`get_info`](crate::Controller::get_info).
    #[doc(alias = "get_server_descriptor")]
    pub fn desc_id(
        self,
        relay: Fingerprint,
    ) -> Result<Option<DocumentText<ServerDescriptor<'static>>>> {
        unless_unrecognized(self.text(&format!("desc/id/{relay}")))
    }

    /// Returns the server descriptor of a relay by its nickname (`GETINFO
    /// desc/name/…`). Returns `None` if tor doesn't have the descriptor. If
    /// several relays have this nickname, tor chooses one of them.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("desc/name/relay03",
    /// #     "router relay03 127.0.0.13 9003 0 0\nplatform Tor 0.4.9.11 on Linux\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let descriptor = controller.info().desc_name("relay03")?;
    /// assert!(descriptor.is_some_and(|text| text.starts_with(b"router relay03 ")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`desc_id`](Self::desc_id), most often a tor that doesn't
    /// download server descriptors. The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the nickname
    /// isn't 1 to 19 ASCII letters and digits.
    #[doc(alias = "get_server_descriptor")]
    pub fn desc_name(
        self,
        nickname: &str,
    ) -> Result<Option<DocumentText<ServerDescriptor<'static>>>> {
        unless_unrecognized(self.text(&format!("desc/name/{}", checked(nickname)?)))
    }

    /// Returns the annotations of a relay's server descriptor: tor's notes on
    /// when and from where tor got the descriptor (`GETINFO
    /// desc-annotations/id/…`). Returns `None` if tor doesn't have the
    /// descriptor.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "desc-annotations/id/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    /// #     "@downloaded-at 2026-11-21 02:22:13\n@source \"127.0.0.9\"\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let relay = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse()?;
    /// let notes = controller.info().desc_annotations(relay)?;
    /// assert!(notes.is_some_and(|notes| notes.starts_with(b"@downloaded-at 2026-11-21 ")));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("desc/download-enabled", "0").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(!controller.info().desc_download_enabled()?); // as on most clients
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
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

    /// Returns the extra-info document with this digest (`GETINFO
    /// extra-info/digest/…`). Returns `None` if tor doesn't have the document.
    /// tor downloads such documents only if the option DownloadExtraInfo is
    /// set.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "extra-info/digest/80B33F89F899A1FAAD047727404A817574705DB4",
    /// #     "extra-info relay03 6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF\npublished 2026-11-21 01:52:18\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let digest = "80B33F89F899A1FAAD047727404A817574705DB4".parse()?;
    /// let document = controller.info().extra_info(digest)?.expect("the document is there");
    /// assert_eq!(document.parse()?.nickname, Some("relay03"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection.
    pub fn extra_info(
        self,
        digest: DescriptorDigest,
    ) -> Result<Option<DocumentText<ExtraInfo<'static>>>> {
        unless_unrecognized(self.text(&format!("extra-info/digest/{digest}")))
    }

    /// Returns server descriptors, in the form in which a directory server
    /// would send them (`GETINFO dir/server/…`). Returns `None` if tor has none
    /// of the requested descriptors.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "dir/server/fp/6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF",
    /// #     "router relay03 127.0.0.13 9003 0 0\nplatform Tor 0.4.9.11 on Linux\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::DirServerQuery;
    ///
    /// let relay = "6AF45C68890084B7FBB061F37DFA44E0BE2BCAEF".parse()?;
    /// let descriptors = controller.info().dir_server(&DirServerQuery::Fingerprints(vec![relay]))?;
    /// let descriptors = descriptors.expect("the descriptor is there");
    /// assert_eq!(descriptors.documents().next().and_then(|relay| relay.or_port), Some(9003));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the query's list
    /// is empty. Otherwise the same errors as
    /// [`get_info`](crate::Controller::get_info).
    #[doc(alias = "get_server_descriptors")]
    pub fn dir_server(
        self,
        query: &DirServerQuery,
    ) -> Result<Option<DocumentText<ServerDescriptor<'static>>>> {
        let which = match query {
            DirServerQuery::All => "all".to_owned(),
            DirServerQuery::Authority => "authority".to_owned(),
            DirServerQuery::Fingerprints(relays) => format!("fp/{}", joined(relays)?),
            DirServerQuery::Digests(digests) => format!("d/{}", joined(digests)?),
        };
        unless_unknown(self.text(&format!("dir/server/{which}")))
    }

    /// Returns an entry of the consensus. Returns `None` if the consensus
    /// doesn't have the entry, or if tor has no consensus. Without a consensus,
    /// tor answers with an empty value.
    fn entry(self, key: &str) -> Result<Option<DocumentText<RouterStatus<'static>>>> {
        let entry = unless_unrecognized(self.text(key))?;
        Ok(entry.filter(|entry| !entry.is_empty()))
    }

    /// Returns a key's value, which is the text of one or more documents.
    pub(super) fn text<D: OwnedText>(self, key: &str) -> Result<DocumentText<D>> {
        self.controller.info().get_bytes(key).map(DocumentText::new)
    }
}

/// Checks that a nickname is 1 to 19 ASCII letters and digits. tor repeats the
/// key in its reply. If the nickname had other characters, such as `=`, the key
/// might not be recognized in the reply.
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
