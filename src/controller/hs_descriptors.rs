//! HSFETCH.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Controller;
use crate::controller::{HsFetchError, HsFetchFailure, HsFetchProblem};
use crate::error::{Error, Phase, Result};
use crate::event::{EventBody, EventKind, HsDescAction, HsDescContent, HsDescEvent, HsDescReason};
use crate::protocol::Command;
use crate::word::{OnionAddress, RelayName};

/// When every directory has failed, how long tor may take to ask another one.
/// It does so within the same turn of its event loop, so this is for the way of
/// the events.
const ASKS_AGAIN: Duration = Duration::from_secs(1);

/// A descriptor of an onion service to be fetched: an address, and perhaps the
/// directories to ask. An [`OnionAddress`] alone will do, too. control-spec,
/// command HSFETCH. (What that says of descriptor ids, `v2-…`, tor 0.4.9
/// refuses.)
///
/// ```
/// use scape::HsFetch;
/// use scape::word::OnionAddress;
///
/// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
/// let fetch = HsFetch::new(address).server("$9695DFC35FFEB861329B9F1AB04C46397020CE31");
/// # let _ = fetch;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HsFetch {
    address: OnionAddress,
    servers: Vec<String>,
}

impl HsFetch {
    /// From those directories that should have it, one after the other until
    /// one does.
    pub fn new(address: OnionAddress) -> Self {
        HsFetch { address, servers: Vec::new() }
    }

    /// From this directory first: a fingerprint or [`RelayName`]. Repeat it for
    /// several; they are all asked, and at once. Where one has no descriptor,
    /// tor goes on with those that should have it.
    pub fn server(mut self, relay: impl ToString) -> Self {
        self.servers.push(relay.to_string());
        self
    }

    fn command(&self) -> Result<Command> {
        let mut command = Command::build("HSFETCH");
        command.word("address", &self.address.service_id());
        for server in &self.servers {
            command.pair("SERVER", server);
        }
        Ok(command.finish()?)
    }
}

impl From<OnionAddress> for HsFetch {
    fn from(address: OnionAddress) -> Self {
        HsFetch::new(address)
    }
}

impl From<&OnionAddress> for HsFetch {
    fn from(address: &OnionAddress) -> Self {
        HsFetch::new(*address)
    }
}

/// A descriptor as it came from a directory, its signature and certificate
/// checked by tor.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchedHsDescriptor {
    /// The service.
    pub address: OnionAddress,
    /// The descriptor's id: its blinded key, in base64 without padding.
    pub descriptor_id: String,
    /// The directory that had it, where tor names it.
    pub hsdir: Option<RelayName>,
    /// The document, as in rend-spec-v3: its outer layer, within which
    /// everything else is encrypted. Lines end with LF.
    pub content: Vec<u8>,
}

impl FetchedHsDescriptor {
    /// The document as text.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }
}

/// Fetching onion services' descriptors. control-spec, command HSFETCH.
impl Controller {
    /// Makes tor fetch a descriptor, and returns at once: the events HS_DESC
    /// and HS_DESC_CONTENT tell of it.
    /// [`fetch_hs_descriptor`](Self::fetch_hs_descriptor) waits for it.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if a directory
    /// that was named is not in tor's consensus.
    pub fn hs_fetch(&self, fetch: impl Into<HsFetch>) -> Result<()> {
        self.request(fetch.into().command()?).map(drop)
    }

    /// Fetches a descriptor, and waits for it; also where tor has one already.
    ///
    /// tor asks one directory after the other, at random; a directory that has
    /// no descriptor does not end this. Only when each that was asked has
    /// failed, and tor has asked no other one for a second, it is given up.
    /// (tor does not tell that it has come to an end, but it asks the next one
    /// within milliseconds.)
    ///
    /// Of the six or so directories that should have it, tor asks each once in
    /// 15 minutes, and then none at all: who fetches the same descriptor again
    /// and again should name the directories, as the first answer does.
    ///
    /// The whole call takes at most `timeout`, however many events come.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # const A: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
    /// # let tor = ScriptedTor::builder().on(format!("HSFETCH {A}"), format!("250 OK\r\n\
    /// #     650 HS_DESC REQUESTED {A} NO_AUTH $607CC6F7FDEBDE658A9739AE613CF8991B95BC35~relay12 Ti8T HSDIR_INDEX=6A\r\n\
    /// #     650 HS_DESC RECEIVED {A} NO_AUTH $607CC6F7FDEBDE658A9739AE613CF8991B95BC35~relay12 Ti8T\r\n\
    /// #     650+HS_DESC_CONTENT {A} Ti8T $607CC6F7FDEBDE658A9739AE613CF8991B95BC35~relay12\r\n\
    /// #     hs-descriptor 3\r\n.\r\n650 OK\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::word::OnionAddress;
    /// use std::time::Duration;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let descriptor = controller.fetch_hs_descriptor(address, Duration::from_secs(60))?;
    /// assert!(descriptor.text().starts_with("hs-descriptor 3\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with an [`HsFetchError`], which has every directory and
    /// its reason, if no directory has given the descriptor. Its kind is
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if all of them
    /// failed, and [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the
    /// time is over. If tor doesn't even begin, it says nothing, so the call
    /// ends with the timeout and the error has no directories. That happens
    /// without a consensus, or if no directory is left to ask. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends,
    /// even if it is made again.
    pub fn fetch_hs_descriptor(
        &self,
        fetch: impl Into<HsFetch>,
        timeout: Duration,
    ) -> Result<FetchedHsDescriptor> {
        let fetch = fetch.into();
        let deadline = self.deadline_after(timeout);
        let command = fetch.command()?;
        let tor = self.on_this_link()?.until(deadline);
        let events = tor.subscribe([EventKind::HsDesc, EventKind::HsDescContent])?;
        tor.request(command)?;
        let mut progress = Progress::of(fetch.address);
        let mut events = events.wait(deadline, Phase::Event);
        loop {
            let given_up = progress.given_up().filter(|given_up| *given_up < deadline.instant());
            match events.next_before(given_up.unwrap_or(deadline.instant()))? {
                Some(event) => match event.body() {
                    EventBody::HsDesc(told) => progress.note(told),
                    EventBody::HsDescContent(content) => {
                        if let Some(descriptor) = progress.note_content(content) {
                            return Ok(descriptor);
                        }
                    }
                    _ => {}
                },
                None => {
                    return Err(progress.error(match given_up {
                        Some(_) => HsFetchProblem::AllFailed,
                        None => HsFetchProblem::Timeout(timeout),
                    }));
                }
            }
        }
    }
}

/// What tor has told of fetching one service's descriptor. Another's request
/// for the same one counts as well: tor does not ask twice at a time.
struct Progress {
    address: OnionAddress,
    /// Asked, and no answer yet.
    asked: Vec<Option<RelayName>>,
    /// Why directories have failed, of which the empty document has not come
    /// yet.
    reasons: Vec<(Option<RelayName>, HsDescReason)>,
    failures: Vec<HsFetchFailure>,
    /// When the last of those that were asked had failed.
    all_failed: Option<Instant>,
}

impl Progress {
    fn of(address: OnionAddress) -> Self {
        Progress {
            address,
            asked: Vec::new(),
            reasons: Vec::new(),
            failures: Vec::new(),
            all_failed: None,
        }
    }

    fn note(&mut self, event: &HsDescEvent) {
        if event.address != Some(self.address) {
            return;
        }
        match (&event.action, &event.reason) {
            (HsDescAction::Requested, _) => {
                self.asked.push(event.hsdir.clone());
                self.all_failed = None;
            }
            // Of an upload as well as of a fetch: it counts with the empty
            // document, which only a fetch has.
            (HsDescAction::Failed, Some(reason)) => {
                self.reasons.push((event.hsdir.clone(), reason.clone()));
            }
            _ => {}
        }
    }

    fn note_content(&mut self, event: &HsDescContent) -> Option<FetchedHsDescriptor> {
        if event.address != Some(self.address) {
            return None;
        }
        // After a failure, tor sends one empty line.
        if event.content.iter().any(|byte| !byte.is_ascii_whitespace()) {
            return Some(FetchedHsDescriptor {
                address: self.address,
                descriptor_id: event.descriptor_id.clone(),
                hsdir: event.hsdir.clone(),
                content: event.content.clone(),
            });
        }
        let hsdir = event.hsdir.clone();
        let told = self.reasons.iter().position(|(failed, _)| *failed == hsdir);
        let reason = told.map(|at| self.reasons.remove(at).1);
        if let Some(at) = self.asked.iter().position(|asked| *asked == hsdir) {
            self.asked.remove(at);
        }
        self.failures.push(HsFetchFailure { hsdir, reason });
        if self.asked.is_empty() {
            self.all_failed = Some(Instant::now());
        }
        None
    }

    /// When it may be given up, unless tor asks another directory.
    fn given_up(&self) -> Option<Instant> {
        Some(self.all_failed? + ASKS_AGAIN)
    }

    fn error(self, problem: HsFetchProblem) -> Error {
        let unanswered = self.asked.into_iter().flatten().collect();
        HsFetchError { address: self.address, problem, failures: self.failures, unanswered }.into()
    }
}
