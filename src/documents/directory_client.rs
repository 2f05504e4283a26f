//! [`DirectoryClient`]: fetching documents from directory servers.

use std::net::SocketAddr;
use std::thread;
use std::time::{Duration, Instant};

use super::directory_error::{DirectoryError, DirectoryFailure, DirectoryProblem};
use crate::client::TorClient;
use crate::control::DirServerQuery;
use crate::error::Result;
use data_encoding::{BASE64_NOPAD, HEXUPPER};
use scape_proto::control::ArgumentError;
use scape_proto::netdoc::{
    BandwidthFile, Consensus, ConsensusDiff, ConsensusFlavor, DetachedSignatures, DocumentText,
    ExtraInfo, KeyCertificate, Microdescriptor, OwnedText, ServerDescriptor, Vote,
};
use scape_proto::word::Fingerprint;

/// The number of digests or fingerprints in one request. tor accepts 96.
const BATCH: usize = 90;

/// The pause before all servers are asked again.
const PAUSE: Duration = Duration::from_millis(500);

/// A client of directory servers. It fetches documents over HTTP from
/// directory ports: through tor, or from a private network on this machine. See
/// dir-spec, "Directory HTTP URLs". Requires the feature `http`.
///
/// The servers are asked in order. If one doesn't send the document, the next
/// one is asked, and after the last one the first one again.
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
    agent: ureq::Agent,
    servers: Vec<SocketAddr>,
    timeout: Duration,
    rounds: u32,
    longest: u64,
}

impl DirectoryClient {
    /// Creates a client that asks these servers through `tor`.
    ///
    /// Exits refuse connections to relays and authorities that are in the
    /// consensus, unless the consensus has the parameter
    /// `allow-network-reentry=1`. The public network doesn't have it, so this
    /// works for servers that are no relays. A private network has private
    /// addresses, for which [`TorClient::allow_private_addresses`] is needed.
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
    /// It connects directly, so only loopback addresses are allowed: nothing
    /// goes around tor to other machines.
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
        let (timeout, longest) = (Duration::from_secs(120), 64 << 20);
        DirectoryClient { agent, servers, timeout, rounds: 3, longest }
    }

    /// Sets the time that each call may take, over all servers. Default: two
    /// minutes.
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

    /// Sets how often each server is asked at most. Default: 3. 0 is the same
    /// as 1.
    ///
    /// ```no_run
    /// # fn f(directory: scape::documents::DirectoryClient) {
    /// let directory = directory.rounds(1);
    /// # }
    /// ```
    #[must_use]
    pub fn rounds(mut self, rounds: u32) -> Self {
        self.rounds = rounds.max(1);
        self
    }

    /// Sets the number of bytes that an answer may have. Default: 64 MiB.
    ///
    /// ```no_run
    /// # fn f(directory: scape::documents::DirectoryClient) {
    /// let directory = directory.longest(1 << 20);
    /// # }
    /// ```
    #[must_use]
    pub fn longest(mut self, bytes: u64) -> Self {
        self.longest = bytes;
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
    /// Returns an error with a [`DirectoryError`] if no server sends the
    /// document in time. The error lists the answers. Its kind is
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if no server has the
    /// document.
    pub fn consensus(&self, flavor: &ConsensusFlavor) -> Result<DocumentText<Consensus<'static>>> {
        self.get(&consensus_path(flavor), None)
    }

    /// Fetches the current consensus, given an older one. Servers send only the
    /// difference if they can, which is much smaller. This method applies it
    /// and returns the whole new consensus. If there is no newer one, the
    /// result is the old one.
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
        let path = consensus_path(flavor);
        let bytes = self.fetch(&path, Some(("X-Or-Diff-From-Consensus", &digest)), |bytes| {
            if bytes.is_empty() {
                return Ok(old.to_vec());
            }
            if !bytes.starts_with(b"network-status-diff-version") {
                return Consensus::parse(&bytes).map(|_| bytes.clone()).map_err(explain);
            }
            ConsensusDiff::parse(&bytes).map_err(explain)?.apply(old).map_err(explain)
        })?;
        Ok(DocumentText::new(bytes))
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
        self.get("/tor/keys/all", None)
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
        self.get(&format!("/tor/status-vote/current/{authority}"), None)
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
        self.get("/tor/status-vote/next/consensus-signatures", None)
    }

    /// Fetches the bandwidth file that the authority uses for its next vote.
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
        self.get("/tor/status-vote/next/bandwidth", None)
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
        self.get_batches("/tor/server", query)
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
        self.get_batches("/tor/extra", query)
    }

    /// Fetches microdescriptors by their digests, as a consensus of the flavor
    /// `microdesc` has them. Those that the server doesn't know are left out of
    /// the result.
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
        self.get_each("/tor/micro/d/", &words, "-")
    }

    /// Fetches the documents of a query, in as many requests as are needed.
    fn get_batches<D: OwnedText>(
        &self,
        path: &str,
        query: &DirServerQuery,
    ) -> Result<DocumentText<D>> {
        match query {
            DirServerQuery::All => self.get(&format!("{path}/all"), None),
            DirServerQuery::Authority => self.get(&format!("{path}/authority"), None),
            DirServerQuery::Fingerprints(relays) => {
                let words: Vec<String> = relays.iter().map(ToString::to_string).collect();
                self.get_each(&format!("{path}/fp/"), &words, "+")
            }
            DirServerQuery::Digests(digests) => {
                let words: Vec<String> = digests.iter().map(ToString::to_string).collect();
                self.get_each(&format!("{path}/d/"), &words, "+")
            }
        }
    }

    fn get_each<D: OwnedText>(
        &self,
        path: &str,
        words: &[String],
        separator: &str,
    ) -> Result<DocumentText<D>> {
        if words.is_empty() {
            let why = "is empty: name at least one document";
            return Err(ArgumentError::invalid("DirectoryClient", "list", why).into());
        }
        let mut all = Vec::new();
        for batch in words.chunks(BATCH) {
            let path = format!("{path}{}", batch.join(separator));
            all.extend(self.fetch(&path, None, Ok)?);
        }
        Ok(DocumentText::new(all))
    }

    fn get<D: OwnedText>(
        &self,
        path: &str,
        header: Option<(&str, &str)>,
    ) -> Result<DocumentText<D>> {
        self.fetch(path, header, Ok).map(DocumentText::new)
    }

    /// Asks the servers in turn until one sends an answer that `read` accepts.
    fn fetch(
        &self,
        path: &str,
        header: Option<(&str, &str)>,
        read: impl Fn(Vec<u8>) -> std::result::Result<Vec<u8>, DirectoryProblem>,
    ) -> Result<Vec<u8>> {
        let begun = Instant::now();
        let left = || self.timeout.checked_sub(begun.elapsed()).filter(|left| !left.is_zero());
        let mut failures = Vec::new();
        for round in 0..self.rounds {
            if round > 0 {
                thread::sleep(PAUSE.min(left().unwrap_or_default()));
            }
            for &server in &self.servers {
                let Some(left) = left() else {
                    return Err(DirectoryError::new(path, failures, true).into());
                };
                match self.ask(server, path, header, left).and_then(&read) {
                    Ok(bytes) => return Ok(bytes),
                    Err(problem) => failures.push(DirectoryFailure { server, problem }),
                }
            }
        }
        Err(DirectoryError::new(path, failures, left().is_none()).into())
    }

    /// Asks one server. Returns an empty answer if the server has nothing newer
    /// than what the header names.
    fn ask(
        &self,
        server: SocketAddr,
        path: &str,
        header: Option<(&str, &str)>,
        left: Duration,
    ) -> std::result::Result<Vec<u8>, DirectoryProblem> {
        let failed = |error: ureq::Error| DirectoryProblem::Request(error.to_string().into());
        // Servers compress answers unless they are asked not to.
        let mut request =
            self.agent.get(format!("http://{server}{path}")).header("Accept-Encoding", "identity");
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        let request = request.config().timeout_global(Some(left)).build();
        let mut response = request.call().map_err(failed)?;
        match response.status().as_u16() {
            200 => {}
            304 if header.is_some() => return Ok(Vec::new()),
            status => return Err(DirectoryProblem::Status(status)),
        }
        let body = response.body_mut().with_config().limit(self.longest).read_to_vec();
        body.map_err(failed)
    }
}

fn consensus_path(flavor: &ConsensusFlavor) -> String {
    match flavor {
        ConsensusFlavor::Ns => "/tor/status-vote/current/consensus".to_owned(),
        flavor => format!("/tor/status-vote/current/consensus-{flavor}"),
    }
}

fn explain(error: impl std::error::Error) -> DirectoryProblem {
    DirectoryProblem::Document(error.to_string().into())
}
