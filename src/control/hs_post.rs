//! HSPOST: posting onion service descriptors.

use std::fmt;
use std::time::{Duration, Instant};

use super::HsDescriptors;
use crate::error::{Phase, Result};
use scape_proto::control::Command;
use scape_proto::event::{EventBody, EventKind, HsDescAction, HsDescEvent, HsDescReason};
use scape_proto::word::{Fingerprint, OnionAddress, RelayName};

/// The time to wait after each answer for the answer of another directory, if
/// the caller named no directories. The number of answers isn't known, because
/// tor doesn't report how many directories it asks. tor also doesn't report an
/// upload that fails because tor has no circuit to the directory.
const SILENCE: Duration = Duration::from_secs(15);

/// The answer of one directory to a descriptor. See
/// [`HsDescriptors::post`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HsPostAnswer {
    /// The directory. If it hasn't answered, this is the name that the caller
    /// gave. A filter on the control port may hide the names of directories:
    /// see [`HsDescriptors::post`].
    pub hsdir: RelayName,
    /// The directory's answer.
    pub outcome: HsPostOutcome,
}

/// The result of posting a descriptor to one directory.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum HsPostOutcome {
    /// The directory has the descriptor.
    Uploaded,
    /// The upload failed for this reason, for example
    /// [`UploadRejected`](HsDescReason::UploadRejected). `None` if tor gave no
    /// reason.
    Failed(Option<HsDescReason>),
    /// The directory hasn't answered before the timeout. Only directories that
    /// the caller named have this outcome.
    Unanswered,
}

impl HsPostAnswer {
    /// Returns true if the directory has the descriptor.
    pub fn is_uploaded(&self) -> bool {
        self.outcome == HsPostOutcome::Uploaded
    }
}

impl fmt::Display for HsPostAnswer {
    /// Shows the directory and its answer, for example
    /// `$9695…CE31~moria1 UPLOADED`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.hsdir)?;
        match &self.outcome {
            HsPostOutcome::Uploaded => f.write_str("UPLOADED"),
            HsPostOutcome::Failed(Some(reason)) => write!(f, "FAILED {reason}"),
            HsPostOutcome::Failed(None) => f.write_str("FAILED"),
            HsPostOutcome::Unanswered => f.write_str("no answer"),
        }
    }
}

/// Posting descriptors. See control-spec, command HSPOST.
impl HsDescriptors<'_> {
    /// Posts a finished and signed descriptor. Returns before the descriptor is
    /// published. tor sends an HS_DESC event for each directory's answer.
    /// [`post`](Self::post) also waits for these answers.
    ///
    /// `servers` are the directories to post the descriptor to, as fingerprints
    /// or [`RelayName`]s. If the list is empty, tor posts it to all responsible
    /// directories.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().on_prefix("+HSPOST", "250 OK\r\n").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let descriptor = "hs-descriptor 3\n";
    /// use scape::word::OnionAddress;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let directory = "$9695DFC35FFEB861329B9F1AB04C46397020CE31";
    /// controller.hs_descriptors().begin_post(&address, descriptor, [directory])?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if the text is not a
    /// valid descriptor (554). The kind is the same if a named directory is not
    /// in tor's consensus (552).
    #[doc(alias = "hs_post")]
    pub fn begin_post<R: ToString>(
        &self,
        address: &OnionAddress,
        descriptor: impl AsRef<[u8]>,
        servers: impl IntoIterator<Item = R>,
    ) -> Result<()> {
        let servers: Vec<String> = servers.into_iter().map(|server| server.to_string()).collect();
        self.controller.request(command(address, descriptor.as_ref(), &servers)?).map(drop)
    }

    /// Posts a descriptor like [`begin_post`](Self::begin_post) and waits for
    /// the answers of the directories. Returns the answers in the order in
    /// which they arrive. The whole call takes at most `timeout`, however many
    /// events arrive.
    ///
    /// If directories are named, the call returns when each of them has
    /// answered. Directories that haven't answered by the deadline are in the
    /// result as [`Unanswered`](HsPostOutcome::Unanswered). If no directories
    /// are named, tor doesn't report how many it asks. So the call returns 15
    /// seconds after the last answer, or at the deadline.
    ///
    /// A filter on the control port (onion-grater, as in Tails and Whonix) may
    /// hide the names of the directories that answer. Behind such a filter, a
    /// call with named directories counts the answers until there is one for
    /// each directory. The result has the directories' names only if every
    /// directory has answered and all answers are the same. If not, the result
    /// has the text that the filter writes instead of a name.
    ///
    /// tor doesn't report to which upload an answer belongs. If tor runs the
    /// same service itself, the answers to tor's own uploads are in the result,
    /// too.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # const A: &str = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid";
    /// # const R: &str = "$9695DFC35FFEB861329B9F1AB04C46397020CE31";
    /// # let tor = ScriptedTor::builder().on_prefix("+HSPOST", format!("250 OK\r\n\
    /// #     650 HS_DESC UPLOADED {A} UNKNOWN {R}~moria1\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// # let descriptor = "hs-descriptor 3\n";
    /// use scape::word::OnionAddress;
    /// use std::time::Duration;
    ///
    /// let address: OnionAddress = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid.onion".parse()?;
    /// let directory = "$9695DFC35FFEB861329B9F1AB04C46397020CE31";
    /// let timeout = Duration::from_secs(60);
    /// let answers = controller.hs_descriptors().post(&address, descriptor, [directory], timeout)?;
    /// assert!(answers.iter().all(|answer| answer.is_uploaded()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`begin_post`](Self::begin_post), most often an invalid
    /// descriptor. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout), with
    /// [`Phase::Publish`], if no directory has answered, and
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection ends,
    /// even if it is opened again.
    pub fn post<R: ToString>(
        &self,
        address: &OnionAddress,
        descriptor: impl AsRef<[u8]>,
        servers: impl IntoIterator<Item = R>,
        timeout: Duration,
    ) -> Result<Vec<HsPostAnswer>> {
        let deadline = self.controller.deadline_after(timeout);
        let servers: Vec<String> = servers.into_iter().map(|server| server.to_string()).collect();
        let command = command(address, descriptor.as_ref(), &servers)?;
        let tor = self.controller.on_this_link()?.until(deadline);
        let events = tor.subscribe([EventKind::HsDesc])?;
        tor.request(command)?;
        let is_open = servers.is_empty();
        let mut awaited: Vec<RelayName> = servers.iter().map(|server| named(server)).collect();
        // Answers in which a filter on the control port hides the directory.
        // Each of them is from one of the awaited directories.
        let mut hidden = Vec::new();
        let mut answers = Vec::new();
        let mut last_answer: Option<Instant> = None;
        let mut events = events.wait(deadline, Phase::Publish);
        while is_open || awaited.len() > hidden.len() {
            let silent = last_answer.filter(|_| is_open).map(|last| last + SILENCE);
            let Some(event) = events.next_before(silent.unwrap_or(deadline.instant()))? else {
                break;
            };
            let EventBody::HsDesc(told) = event.body() else { continue };
            let Some(answer) = answer(told, address) else { continue };
            match awaited.iter().position(|server| is_same(server, &answer.hsdir)) {
                Some(at) => drop(awaited.remove(at)),
                None if is_open => {}
                None if answer.hsdir.fingerprint().is_none() => {
                    hidden.push(answer);
                    continue;
                }
                None => continue,
            }
            last_answer = Some(Instant::now());
            answers.push(answer);
        }
        if answers.is_empty() && hidden.is_empty() {
            return Err(deadline.error(Phase::Publish));
        }
        answers.extend(with_names(hidden, awaited));
        Ok(answers)
    }
}

/// Gives names to `hidden`, the answers whose directories a filter on the
/// control port hides. An answer gets a name only if it is certain which
/// directory gave it. `awaited` are the directories that may have sent these
/// answers.
///
/// Also returns an answer with the outcome
/// [`Unanswered`](HsPostOutcome::Unanswered) for each directory that hasn't
/// answered.
fn with_names(mut hidden: Vec<HsPostAnswer>, awaited: Vec<RelayName>) -> Vec<HsPostAnswer> {
    let Some(first) = hidden.first().cloned() else {
        let unanswered = |hsdir| HsPostAnswer { hsdir, outcome: HsPostOutcome::Unanswered };
        return awaited.into_iter().map(unanswered).collect();
    };
    if hidden.len() == awaited.len() && hidden.iter().all(|answer| answer.outcome == first.outcome)
    {
        let answered = |hsdir| HsPostAnswer { hsdir, outcome: first.outcome.clone() };
        return awaited.into_iter().map(answered).collect();
    }
    // It isn't known which directories have answered. So the added answers hide
    // their directories, too.
    let unanswered = HsPostAnswer { hsdir: first.hsdir, outcome: HsPostOutcome::Unanswered };
    hidden.resize(awaited.len().max(hidden.len()), unanswered);
    hidden
}

fn command(address: &OnionAddress, descriptor: &[u8], servers: &[String]) -> Result<Command> {
    let mut command = Command::build("HSPOST");
    for server in servers {
        command.pair("SERVER", server);
    }
    command.pair("HSADDRESS", &address.service_id()).data("descriptor", descriptor);
    Ok(command.finish()?)
}

/// Reads a directory's answer to an upload for `address`. Returns `None` for
/// other events.
fn answer(told: &HsDescEvent, address: &OnionAddress) -> Option<HsPostAnswer> {
    if told.address != Some(*address) {
        return None;
    }
    let outcome = match (&told.action, &told.reason) {
        (HsDescAction::Uploaded, _) => HsPostOutcome::Uploaded,
        // Only fetches fail for these reasons, so the event isn't about an
        // upload.
        (
            HsDescAction::Failed,
            Some(HsDescReason::NotFound | HsDescReason::BadDesc | HsDescReason::QueryRejected),
        ) => return None,
        (HsDescAction::Failed, reason) => HsPostOutcome::Failed(reason.clone()),
        _ => return None,
    };
    Some(HsPostAnswer { hsdir: told.hsdir.clone()?, outcome })
}

/// Reads the name that a caller gave: a fingerprint, with or without `$`, or a
/// nickname.
fn named(server: &str) -> RelayName {
    server.parse::<Fingerprint>().map_or_else(|_| RelayName::from(server), RelayName::from)
}

/// Returns true if the name that a caller gave stands for this directory.
fn is_same(named: &RelayName, hsdir: &RelayName) -> bool {
    match (named.fingerprint(), hsdir.fingerprint()) {
        (Some(named), Some(hsdir)) => named == hsdir,
        _ => match (named.nickname(), hsdir.nickname()) {
            (Some(named), Some(hsdir)) => named.eq_ignore_ascii_case(hsdir),
            _ => false,
        },
    }
}
