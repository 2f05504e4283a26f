//! [`DirectoryClient`]: fetching documents from directory servers.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::directory_error::DirectoryProblem;
use super::directory_requests::{Answer, DirectoryRequests};
use crate::client::TorClient;
use crate::control::DirServerQuery;
use crate::error::Result;
use crate::io::transport::Deadline;
use data_encoding::{BASE64_NOPAD, HEXUPPER};
use scape_proto::control::ArgumentError;
use scape_proto::netdoc::{
    BandwidthFile, Consensus, ConsensusDiff, ConsensusFlavor, DescriptorDigest, DetachedSignatures,
    DocumentText, ExtraInfo, KeyCertificate, Microdescriptor, OwnedText, ServerDescriptor, Vote,
};
use scape_proto::word::Fingerprint;

/// The maximum number of digests or fingerprints in one request. tor accepts
/// 96.
const BATCH: usize = 90;

/// A client that fetches documents from directory servers over HTTP. The
/// servers are directory ports that are reached through tor, or that belong to
/// a private network on this machine. See dir-spec, "Directory HTTP URLs".
/// Requires the feature `http`.
///
/// The servers are asked in order. If one doesn't send the document, the next
/// one is asked. After the last server, the first one is asked again.
///
/// Most programs don't need this type, because their tor has most documents
/// already: see [`Info`](crate::control::Info). Only authorities have votes,
/// bandwidth files and detached signatures. Signatures are not checked: see the
/// feature `verify`.
///
/// ```no_run
/// use scape::documents::DirectoryClient;
/// use scape::netdoc::ConsensusFlavor;
/// use std::net::SocketAddr;
///
/// let servers: [SocketAddr; 1] = ["192.0.2.1:9030".parse()?];
/// let directory = DirectoryClient::new(&scape::Tor::connect()?.client()?, servers)?;
/// let text = directory.consensus(&ConsensusFlavor::Microdesc)?;
/// println!("{} relays", text.parse()?.relays().count());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[doc(alias = "DescriptorDownloader")]
#[derive(Debug, Clone)]
pub struct DirectoryClient {
    requests: DirectoryRequests,
    timeout: Duration,
}

impl DirectoryClient {
    /// Creates a client that asks these servers through `tor`.
    ///
    /// Exits refuse connections to relays and authorities that are in the
    /// consensus, unless the consensus has the parameter
    /// `allow-network-reentry=1`. The consensus of the public network doesn't
    /// have this parameter. So on the public network, this client works only
    /// for servers that are neither relays nor authorities. A private network
    /// has private addresses, which need
    /// [`TorClient::allow_private_addresses`].
    ///
    /// ```no_run
    /// use scape::documents::DirectoryClient;
    /// use std::net::SocketAddr;
    ///
    /// let servers: [SocketAddr; 2] = ["192.0.2.1:9030".parse()?, "192.0.2.2:9030".parse()?];
    /// let directory = DirectoryClient::new(&scape::Tor::connect()?.client()?, servers)?;
    /// # let _ = directory;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if there are no
    /// servers.
    pub fn new(tor: &TorClient, servers: impl IntoIterator<Item = SocketAddr>) -> Result<Self> {
        let servers: Vec<SocketAddr> = servers.into_iter().collect();
        if servers.is_empty() {
            let why = "is empty: at least one directory server is needed";
            return Err(ArgumentError::invalid("DirectoryClient", "servers", why).into());
        }
        let agent = tor.agent().http_status_as_error(false).max_redirects(0).build()?;
        Ok(DirectoryClient::of(agent, servers))
    }

    /// Creates a client that asks servers of a private network on this machine.
    /// The client connects directly, without tor. So only loopback addresses
    /// are allowed, and no other machine is contacted.
    ///
    /// ```
    /// use scape::documents::DirectoryClient;
    ///
    /// assert!(DirectoryClient::local([([127, 0, 0, 1], 7000).into()]).is_ok());
    /// assert!(DirectoryClient::local([([192, 0, 2, 1], 9030).into()]).is_err());
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if there are no
    /// servers, or if an address isn't a loopback address.
    pub fn local(servers: impl IntoIterator<Item = SocketAddr>) -> Result<Self> {
        let servers: Vec<SocketAddr> = servers.into_iter().collect();
        let others = servers.iter().any(|server| !server.ip().is_loopback());
        if servers.is_empty() || others {
            let why = "must be loopback addresses, and at least one: \
                use DirectoryClient::new, which asks through tor, for others";
            return Err(ArgumentError::invalid("DirectoryClient", "servers", why).into());
        }
        let config = ureq::Agent::config_builder()
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent("");
        Ok(DirectoryClient::of(config.build().new_agent(), servers))
    }

    fn of(agent: ureq::Agent, servers: Vec<SocketAddr>) -> Self {
        let requests = DirectoryRequests {
            agent,
            servers,
            rounds: 3,
            longest: 64 << 20,
            answered: Arc::default(),
        };
        DirectoryClient { requests, timeout: Duration::from_secs(120) }
    }

    /// Sets the time limit of each call, for all servers together. Default: two
    /// minutes. While other servers can still be asked, each server gets an
    /// equal share of the time that is left. So a large document over a slow
    /// connection needs a longer limit if there are many servers.
    ///
    /// ```no_run
    /// # fn f(directory: scape::documents::DirectoryClient) {
    /// let directory = directory.timeout(std::time::Duration::from_secs(30));
    /// # }
    /// ```
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the maximum number of times that each server is asked. Default: 3.
    /// The value 0 counts as 1.
    ///
    /// ```no_run
    /// # fn f(directory: scape::documents::DirectoryClient) {
    /// let directory = directory.rounds(1);
    /// # }
    /// ```
    #[must_use]
    pub fn rounds(mut self, rounds: u32) -> Self {
        self.requests.rounds = rounds.max(1);
        self
    }

    /// Sets the maximum size of an answer in bytes. Default: 64 MiB. A long
    /// list of documents is fetched with several requests, and the limit
    /// applies to each answer.
    ///
    /// ```no_run
    /// # fn f(directory: scape::documents::DirectoryClient) {
    /// let directory = directory.longest(1 << 20);
    /// # }
    /// ```
    #[must_use]
    pub fn longest(mut self, bytes: u64) -> Self {
        self.requests.longest = bytes;
        self
    }

    /// Fetches the current consensus.
    ///
    /// ```no_run
    /// # type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
    /// # fn f(directory: scape::documents::DirectoryClient) -> Result<()> {
    /// use scape::netdoc::ConsensusFlavor;
    ///
    /// let text = directory.consensus(&ConsensusFlavor::Ns)?;
    /// println!("{:?}", text.parse()?.valid_after);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`DirectoryError`](super::DirectoryError), which
    /// lists the answers, if no server sends the document within the time
    /// limit. The kind of the error is
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if no server has the
    /// document.
    pub fn consensus(&self, flavor: &ConsensusFlavor) -> Result<DocumentText<Consensus<'static>>> {
        self.get(&consensus_path(flavor), |bytes| consensus_of(flavor, bytes))
    }

    /// Fetches the current consensus, given an older one. A server sends only
    /// the difference if it can, because the difference is much smaller. This
    /// method applies the difference and returns the whole new consensus. If
    /// there is no newer consensus, returns the old one.
    ///
    /// ```no_run
    /// # type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
    /// # fn f(directory: scape::documents::DirectoryClient) -> Result<()> {
    /// use scape::netdoc::ConsensusFlavor;
    ///
    /// let old = directory.consensus(&ConsensusFlavor::Microdesc)?;
    /// std::thread::sleep(std::time::Duration::from_secs(3600));
    /// let new = directory.consensus_since(&ConsensusFlavor::Microdesc, &old)?;
    /// # let _ = new;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`consensus`](Self::consensus). The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if `old` isn't a
    /// consensus.
    pub fn consensus_since(
        &self,
        flavor: &ConsensusFlavor,
        old: &[u8],
    ) -> Result<DocumentText<Consensus<'static>>> {
        let digest = HEXUPPER.encode(&Consensus::parse(old)?.digest_sha3_signed());
        let header = ("X-Or-Diff-From-Consensus", &*digest);
        let deadline = Deadline::after(self.timeout);
        let path = consensus_path(flavor);
        let new = self.requests.fetch(&path, Some(header), deadline, |bytes| {
            match bytes.starts_with(b"network-status-diff-version") {
                true => apply(&bytes, old),
                false => consensus_of(flavor, bytes),
            }
        })?;
        // No answer means that there is nothing newer.
        Ok(DocumentText::new(new.unwrap_or_else(|| old.to_vec())))
    }

    /// Fetches the certificates of all authorities that the server knows.
    ///
    /// ```no_run
    /// # fn f(directory: scape::documents::DirectoryClient) -> scape::Result<()> {
    /// for certificate in directory.key_certificates()?.documents() {
    ///     println!("{:?} until {:?}", certificate.fingerprint, certificate.expires);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`consensus`](Self::consensus).
    pub fn key_certificates(&self) -> Result<DocumentText<KeyCertificate<'static>>> {
        self.get("/tor/keys/all", signed::<KeyCertificate<'static>>)
    }

    /// Fetches the vote for the current consensus by the authority with this
    /// identity (`v3ident`). Only authorities have votes.
    ///
    /// ```no_run
    /// # type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
    /// # fn f(directory: scape::documents::DirectoryClient) -> Result<()> {
    /// let authority = "D586D18309DED4CD6D57C18FDB97EFA96D330566".parse()?;
    /// let vote = directory.vote(authority)?;
    /// println!("{} relays", vote.parse()?.relays().count());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`consensus`](Self::consensus).
    pub fn vote(&self, authority: Fingerprint) -> Result<DocumentText<Vote<'static>>> {
        let path = format!("/tor/status-vote/current/{authority}");
        self.get(&path, |bytes| {
            let bytes = signed::<Vote<'static>>(bytes)?;
            match Vote::parse(&bytes) {
                // A vote that is cut off may end with its certificate. Then it
                // can be parsed, but has no signatures.
                Ok(vote) if vote.signatures.is_empty() => Err(cut_off()),
                Ok(vote) if vote.dir_source.as_ref().map(|it| it.identity) == Some(authority) => {
                    Ok(bytes)
                }
                _ => Err(DirectoryProblem::Document("the vote is from another authority".into())),
            }
        })
    }

    /// Fetches the signatures of the next consensus. Authorities have them only
    /// in the last minutes before a new consensus.
    ///
    /// ```no_run
    /// # type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
    /// # fn f(directory: scape::documents::DirectoryClient) -> Result<()> {
    /// let signatures = directory.detached_signatures()?;
    /// println!("{} signatures", signatures.parse()?.signatures.len());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`consensus`](Self::consensus).
    pub fn detached_signatures(&self) -> Result<DocumentText<DetachedSignatures<'static>>> {
        let path = "/tor/status-vote/next/consensus-signatures";
        self.get(path, signed::<DetachedSignatures<'static>>)
    }

    /// Fetches the bandwidth file that the asked authority uses for its next
    /// vote.
    ///
    /// ```no_run
    /// # type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
    /// # fn f(directory: scape::documents::DirectoryClient) -> Result<()> {
    /// let file = directory.bandwidth_file()?;
    /// println!("{} relays", file.parse()?.relays().count());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`consensus`](Self::consensus). Only some authorities
    /// have a bandwidth file.
    pub fn bandwidth_file(&self) -> Result<DocumentText<BandwidthFile<'static>>> {
        self.get("/tor/status-vote/next/bandwidth", document::<BandwidthFile<'static>>)
    }

    /// Fetches server descriptors. Relays that the server doesn't know are left
    /// out of the result.
    ///
    /// ```no_run
    /// # fn f(directory: scape::documents::DirectoryClient) -> scape::Result<()> {
    /// use scape::control::DirServerQuery;
    ///
    /// for relay in directory.server_descriptors(&DirServerQuery::All)?.documents() {
    ///     println!("{:?}", relay.nickname);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`consensus`](Self::consensus), and an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the query's list
    /// is empty.
    pub fn server_descriptors(
        &self,
        query: &DirServerQuery,
    ) -> Result<DocumentText<ServerDescriptor<'static>>> {
        self.get_batches("/tor/server", query, |bytes| {
            let relays = ServerDescriptor::parse_all(bytes);
            asks_for_all(query, relays.map(|relay| (relay.fingerprint, relay.digest())))
        })
    }

    /// Fetches extra-info documents. Those that the server doesn't know are
    /// left out of the result.
    ///
    /// ```no_run
    /// # fn f(directory: scape::documents::DirectoryClient) -> scape::Result<()> {
    /// use scape::control::DirServerQuery;
    ///
    /// for info in directory.extra_infos(&DirServerQuery::All)?.documents() {
    ///     println!("{:?}", info.nickname);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`server_descriptors`](Self::server_descriptors).
    pub fn extra_infos(&self, query: &DirServerQuery) -> Result<DocumentText<ExtraInfo<'static>>> {
        self.get_batches("/tor/extra", query, |bytes| {
            let infos = ExtraInfo::parse_all(bytes);
            asks_for_all(query, infos.map(|info| (info.fingerprint, info.digest())))
        })
    }

    /// Fetches microdescriptors by their digests, which a consensus of the
    /// flavor `microdesc` contains. Those that the server doesn't know are left
    /// out of the result.
    ///
    /// ```no_run
    /// # type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;
    /// # fn f(directory: scape::documents::DirectoryClient) -> Result<()> {
    /// use scape::netdoc::ConsensusFlavor;
    ///
    /// let text = directory.consensus(&ConsensusFlavor::Microdesc)?;
    /// let relays = text.parse()?.relays();
    /// let digests: Vec<_> = relays.filter_map(|relay| relay.microdescriptor_digest()).collect();
    /// let microdescriptors = directory.microdescriptors(&digests)?;
    /// # let _ = microdescriptors;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`server_descriptors`](Self::server_descriptors).
    pub fn microdescriptors(
        &self,
        digests: &[[u8; 32]],
    ) -> Result<DocumentText<Microdescriptor<'static>>> {
        let words: Vec<String> = digests.iter().map(|digest| BASE64_NOPAD.encode(digest)).collect();
        let asked: HashSet<&[u8; 32]> = digests.iter().collect();
        let was_asked_for = |relay: Microdescriptor<'_>| asked.contains(&relay.digest());
        self.get_each("/tor/micro/d/", &words, "-", |bytes| {
            let bytes = document::<Microdescriptor<'static>>(bytes)?;
            // A document that is cut off has another digest, so it fails this
            // check.
            match Microdescriptor::parse_all(&bytes).all(was_asked_for) {
                true => Ok(bytes),
                false => Err(DirectoryProblem::Document(
                    "the digest of a microdescriptor isn't one of those asked for".into(),
                )),
            }
        })
    }

    /// Fetches the documents of a query, in as many requests as are needed.
    /// `was_asked_for` returns true if an answer contains only documents that
    /// the query asks for.
    fn get_batches<D: OwnedText>(
        &self,
        path: &str,
        query: &DirServerQuery,
        was_asked_for: impl Fn(&[u8]) -> bool,
    ) -> Result<DocumentText<D>> {
        let read = |bytes| {
            let bytes = signed::<D>(bytes)?;
            match was_asked_for(&bytes) {
                true => Ok(bytes),
                false => Err(DirectoryProblem::Document(
                    "the answer contains a document that wasn't asked for".into(),
                )),
            }
        };
        match query {
            DirServerQuery::All => self.get(&format!("{path}/all"), read),
            DirServerQuery::Authority => self.get(&format!("{path}/authority"), read),
            DirServerQuery::Fingerprints(relays) => {
                let words: Vec<String> = relays.iter().map(ToString::to_string).collect();
                self.get_each(&format!("{path}/fp/"), &words, "+", read)
            }
            DirServerQuery::Digests(digests) => {
                let words: Vec<String> = digests.iter().map(ToString::to_string).collect();
                self.get_each(&format!("{path}/d/"), &words, "+", read)
            }
        }
    }

    /// Fetches documents by `words`, their digests or fingerprints, in batches.
    /// The URL of a batch is `path`, followed by the words with `separator`
    /// between them. `read` checks an answer. A server answers 404 if it has
    /// none of the documents of a batch. That is an error only if no batch
    /// yields a document.
    fn get_each<D: OwnedText>(
        &self,
        path: &str,
        words: &[String],
        separator: &str,
        read: impl Fn(Vec<u8>) -> Answer<Vec<u8>>,
    ) -> Result<DocumentText<D>> {
        if words.is_empty() {
            let why = "is empty: name at least one document";
            return Err(ArgumentError::invalid("DirectoryClient", "list", why).into());
        }
        let deadline = Deadline::after(self.timeout);
        let mut all = Vec::new();
        let mut missing = None;
        for batch in words.chunks(BATCH) {
            let path = format!("{path}{}", batch.join(separator));
            match self.requests.fetch(&path, None, deadline, &read) {
                Ok(bytes) => all.extend(bytes.unwrap_or_default()),
                Err(error) if error.is_missing() => missing = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        match missing {
            Some(error) if all.is_empty() => Err(error.into()),
            _ => Ok(DocumentText::new(all)),
        }
    }

    fn get<D: OwnedText>(
        &self,
        path: &str,
        read: impl Fn(Vec<u8>) -> Answer<Vec<u8>>,
    ) -> Result<DocumentText<D>> {
        let deadline = Deadline::after(self.timeout);
        let bytes = self.requests.fetch(path, None, deadline, &read)?;
        Ok(DocumentText::new(bytes.unwrap_or_default()))
    }
}

/// Returns true if the query asks for all of these documents, which are given
/// by their fingerprints and digests.
fn asks_for_all(
    query: &DirServerQuery,
    mut documents: impl Iterator<Item = (Option<Fingerprint>, Option<DescriptorDigest>)>,
) -> bool {
    match query {
        DirServerQuery::All | DirServerQuery::Authority => true,
        DirServerQuery::Fingerprints(list) => {
            let asked: HashSet<_> = list.iter().copied().map(Some).collect();
            documents.all(|(fingerprint, _)| asked.contains(&fingerprint))
        }
        DirServerQuery::Digests(list) => {
            let asked: HashSet<_> = list.iter().copied().map(Some).collect();
            documents.all(|(_, digest)| asked.contains(&digest))
        }
    }
}

/// Returns the answer if it is a consensus of this flavor, or else an error.
fn consensus_of(flavor: &ConsensusFlavor, bytes: Vec<u8>) -> Answer<Vec<u8>> {
    let bytes = signed::<Consensus<'static>>(bytes)?;
    match Consensus::parse(&bytes) {
        Ok(consensus) if consensus.flavor == *flavor => Ok(bytes),
        _ => Err(DirectoryProblem::Document("the consensus has another flavor".into())),
    }
}

/// Returns the answer if it begins with a document of this type and ends with a
/// line end, or else an error.
fn document<D: OwnedText>(bytes: Vec<u8>) -> Answer<Vec<u8>> {
    if D::parse(&bytes).is_err() {
        return Err(DirectoryProblem::Document(
            "the answer isn't the document that was asked for".into(),
        ));
    }
    if bytes.ends_with(b"\n") { Ok(bytes) } else { Err(cut_off()) }
}

/// Returns the answer if it begins with a document of this type and ends with a
/// signature, or else an error. Directory servers don't announce the length of
/// most answers, so a broken connection looks like the end of the answer. A
/// break between two documents or two signatures isn't noticed.
fn signed<D: OwnedText>(bytes: Vec<u8>) -> Answer<Vec<u8>> {
    let bytes = document::<D>(bytes)?;
    match bytes.trim_ascii_end().ends_with(b"-----END SIGNATURE-----") {
        true => Ok(bytes),
        false => Err(cut_off()),
    }
}

fn cut_off() -> DirectoryProblem {
    DirectoryProblem::Document("the answer is cut off".into())
}

/// Applies a difference to the consensus `old` and returns the new consensus.
fn apply(diff: &[u8], old: &[u8]) -> Answer<Vec<u8>> {
    fn explain(error: impl std::error::Error) -> DirectoryProblem {
        DirectoryProblem::Document(error.to_string().into())
    }
    ConsensusDiff::parse(diff).map_err(explain)?.apply(old).map_err(explain)
}

fn consensus_path(flavor: &ConsensusFlavor) -> String {
    match flavor {
        ConsensusFlavor::Ns => "/tor/status-vote/current/consensus".to_owned(),
        flavor => format!("/tor/status-vote/current/consensus-{flavor}"),
    }
}
