//! HSFETCH: fetching onion service descriptors.

use std::borrow::Cow;
use std::time::{Duration, Instant};

use super::Controller;
use crate::control::{HsFetchError, HsFetchFailure, HsFetchProblem};
use crate::error::{Error, Phase, Result};
use scape_proto::control::Command;
use scape_proto::event::{
    EventBody, EventKind, HsDescAction, HsDescContent, HsDescEvent, HsDescReason,
};
use scape_proto::netdoc::DocumentText;
use scape_proto::netdoc::onion::OnionDescriptor;
use scape_proto::word::{OnionAddress, RelayName};

/// The time to wait for tor to ask another directory after all directories have
/// failed. tor asks the next directory at once, so this time only has to cover
/// the delay of the events.
const ASKS_AGAIN: Duration = Duration::from_secs(1);

/// A request for the descriptor of an onion service: the address and,
/// optionally, the onion service directories (HSDirs) to ask. Methods that take
/// a request also accept an [`OnionAddress`]. See control-spec, command
/// HSFETCH. (control-spec also describes descriptor ids, `v2-…`, which tor
/// 0.4.9 refuses.)
///
/// ```
/// use scape::control::HsFetch;
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
    /// Creates a request for the descriptor of this service. tor asks the
    /// responsible directories, one after the other, until one has the
    /// descriptor.
    ///
    /// ```
    /// use scape::control::HsFetch;
    /// use scape::word::OnionAddress;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let fetch = HsFetch::new(address);
    /// assert_eq!(fetch, HsFetch::from(address)); // so methods accept the address alone, too
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn new(address: OnionAddress) -> Self {
        HsFetch { address, servers: Vec::new() }
    }

    /// Adds a directory to ask first: a fingerprint or [`RelayName`]. If
    /// several directories are added, tor asks all of them at once. If one of
    /// them doesn't have the descriptor, tor then asks the responsible
    /// directories.
    ///
    /// ```
    /// use scape::control::HsFetch;
    /// use scape::word::OnionAddress;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let fetch = HsFetch::new(address)
    ///     .server("$9695DFC35FFEB861329B9F1AB04C46397020CE31")
    ///     .server("$607CC6F7FDEBDE658A9739AE613CF8991B95BC35");
    /// # let _ = fetch;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
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

/// An onion service descriptor that a directory has sent. tor has checked the
/// descriptor's signature and certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct FetchedHsDescriptor {
    /// The service's address.
    pub address: OnionAddress,
    /// The descriptor's id: the blinded key, in base64 without padding.
    pub descriptor_id: String,
    /// The directory that sent the descriptor. `None` if tor doesn't name it.
    pub hsdir: Option<RelayName>,
    /// The document, as in rend-spec-v3: the outer layer, in which everything
    /// else is encrypted. Lines end with LF.
    pub content: DocumentText<OnionDescriptor<'static>>,
}

impl FetchedHsDescriptor {
    /// Returns the document as text. Bytes that are not UTF-8 become U+FFFD.
    pub fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.content)
    }
}

/// The methods that fetch descriptors of onion services from directories, and
/// post them there. [`Controller::hs_descriptors`] returns this type. See
/// control-spec, commands HSFETCH and HSPOST.
///
/// [`Info::hs_client_desc`](crate::control::Info::hs_client_desc) and
/// [`Info::hs_service_desc`](crate::control::Info::hs_service_desc) return
/// descriptors that tor has already, because it uses or provides the service.
///
/// ```no_run
/// use scape::word::OnionAddress;
/// use std::time::Duration;
///
/// let controller = scape::connect()?;
/// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
/// let descriptor = controller.hs_descriptors().fetch(address, Duration::from_secs(60))?;
/// println!("{}", descriptor.text());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub struct HsDescriptors<'a> {
    pub(super) controller: &'a Controller,
}

impl Controller {
    /// Returns the methods that fetch and post descriptors of onion services.
    ///
    /// ```no_run
    /// use scape::word::OnionAddress;
    /// use std::time::Duration;
    ///
    /// let controller = scape::connect()?;
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let descriptor = controller.hs_descriptors().fetch(address, Duration::from_secs(60))?;
    /// println!("{}", descriptor.text());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn hs_descriptors(&self) -> HsDescriptors<'_> {
        HsDescriptors { controller: self }
    }
}

/// Fetching descriptors. See control-spec, command HSFETCH.
impl HsDescriptors<'_> {
    /// Tells tor to fetch a descriptor, and returns at once. The result arrives
    /// as HS_DESC and HS_DESC_CONTENT events. [`fetch`](Self::fetch) also waits
    /// for the result.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("HSFETCH", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::event::EventKind;
    /// use scape::word::OnionAddress;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let events = controller.subscribe([EventKind::HsDesc, EventKind::HsDescContent])?;
    /// controller.hs_descriptors().begin_fetch(address)?;
    /// # drop(events);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if a named
    /// directory is not in tor's consensus.
    #[doc(alias = "get_hidden_service_descriptor", alias = "hs_fetch")]
    pub fn begin_fetch(&self, fetch: impl Into<HsFetch>) -> Result<()> {
        self.controller.request(fetch.into().command()?).map(drop)
    }

    /// Fetches a descriptor and waits for it, even if tor has one already. The
    /// whole call takes at most `timeout`, however many events arrive.
    ///
    /// tor asks the responsible directories one after the other, in random
    /// order. If a directory has no descriptor, tor asks the next one within
    /// milliseconds. tor doesn't report when it gives up, so the call fails
    /// when every directory that was asked has failed, and tor hasn't asked
    /// another one for a second.
    ///
    /// About six directories are responsible for a descriptor. tor asks each of
    /// them only once in 15 minutes, so later calls may reach no directory. To
    /// fetch the same descriptor again and again, name a directory with
    /// [`HsFetch::server`], such as the [`hsdir`](FetchedHsDescriptor::hsdir)
    /// of the first fetch.
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
    /// let descriptor = controller.hs_descriptors().fetch(address, Duration::from_secs(60))?;
    /// assert!(descriptor.text().starts_with("hs-descriptor 3\n"));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with an [`HsFetchError`] if no directory has sent the
    /// descriptor. The error lists the directories with their reasons. The kind
    /// is [`ErrorKind::NotFound`](crate::ErrorKind::NotFound) if all of them
    /// failed, and [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if
    /// `timeout` passes first.
    ///
    /// If tor asks no directory at all, tor sends no event. Then the call ends
    /// with a timeout, and the error lists no directories. This happens if tor
    /// has no consensus, or if it has asked every directory recently.
    ///
    /// The kind is [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if a
    /// named directory is not in tor's consensus. It is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the control
    /// connection ends, even if it is opened again.
    #[doc(alias = "get_hidden_service_descriptor")]
    pub fn fetch(
        &self,
        fetch: impl Into<HsFetch>,
        timeout: Duration,
    ) -> Result<FetchedHsDescriptor> {
        let fetch = fetch.into();
        let deadline = self.controller.deadline_after(timeout);
        let command = fetch.command()?;
        let tor = self.controller.on_this_link()?.until(deadline);
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

/// The state of a [`fetch`](HsDescriptors::fetch) of one service's descriptor.
/// tor doesn't ask a directory twice at the same time. So a directory's answer
/// to another request for the same descriptor counts as well.
struct Progress {
    address: OnionAddress,
    /// The directories that were asked and haven't answered. `None` stands for
    /// a directory that tor's event doesn't name.
    asked: Vec<Option<RelayName>>,
    /// The reasons of directories that have failed, from HS_DESC events. A
    /// failure counts only when an HS_DESC_CONTENT event with an empty document
    /// follows. Then the entry moves to `failures`.
    reasons: Vec<(Option<RelayName>, HsDescReason)>,
    failures: Vec<HsFetchFailure>,
    /// The time at which the last of the asked directories failed. `None` if no
    /// directory has failed yet, or if an asked directory hasn't answered yet.
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
            // This may also be a failed upload. So the failure counts only with
            // the empty document, which only a fetch has.
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
        // After a failed fetch, tor sends an empty line in place of a
        // descriptor.
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

    /// Returns the time at which the fetch is given up, unless tor asks another
    /// directory before that time. Returns `None` if no directory has failed
    /// yet, or if an answer is still missing.
    fn given_up(&self) -> Option<Instant> {
        Some(self.all_failed? + ASKS_AGAIN)
    }

    fn error(self, problem: HsFetchProblem) -> Error {
        let unanswered = self.asked.into_iter().flatten().collect();
        HsFetchError { address: self.address, problem, failures: self.failures, unanswered }.into()
    }
}
