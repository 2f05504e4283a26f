//! Waiting for an onion service to be published.

use std::time::{Duration, Instant};

use super::uploads::{SILENCE, Uploads};
use crate::connection::Subscription;
use crate::controller::Controller;
use crate::error::{Error, Phase, Result};
use crate::event::{EventBody, EventKind};
use crate::onion::{PublishError, PublishHint};
use crate::protocol::Refusal;
use crate::transport::Deadline;
use crate::word::{OnionAddress, Progress};

/// How long is asked, when it was waited in vain, for what keeps tor from
/// publishing.
const ASK_WHY: Duration = Duration::from_secs(1);

/// What is waited for when an onion service is published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Wait {
    /// Nothing: tor has the service, and publishes it by and by.
    Nothing,
    /// One directory has a descriptor: some clients find the service.
    FirstUpload,
    /// Every directory has answered: every client finds the service.
    ///
    /// A service has two descriptors, for two periods of time, and each goes to
    /// several directories. A client asks one of them at random, for the
    /// descriptor of the period that it thinks it is; so before all this is
    /// done, some of the clients' first visits fail, or take long.
    #[default]
    AllUploads,
}

/// Waits for onion services to be published: begun before tor is told of a
/// service, so that nothing is missed. Also for services that tor has from its
/// configuration. control-spec, event HS_DESC.
///
/// [`OnionBuilder`](super::OnionBuilder) does this by itself.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
/// # let tor = ScriptedTor::builder().on_prefix("ADD_ONION", format!("250-ServiceID={A}\r\n250 OK\r\n\
/// #     650 HS_DESC CREATED {A} UNKNOWN UNKNOWN one\r\n\
/// #     650 HS_DESC UPLOAD {A} UNKNOWN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 one HSDIR_INDEX=AA\r\n\
/// #     650 HS_DESC UPLOADED {A} UNKNOWN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1\r\n")).start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::AddOnion;
/// use scape::onion::{Publication, Wait};
/// use std::time::Duration;
///
/// let publication = Publication::begin(&controller)?;
/// let service = controller.add_onion(&AddOnion::new().local_port(80))?;
/// publication.wait(&service.address, Wait::FirstUpload, Duration::from_secs(120), |step| println!("{step}"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Publication {
    controller: Controller,
    events: Subscription,
}

impl Publication {
    /// Begins to listen to what tor tells of descriptors.
    ///
    /// # Errors
    ///
    /// Those of [`Controller::subscribe`].
    pub fn begin(controller: &Controller) -> Result<Self> {
        let events = controller.subscribe([EventKind::HsDesc])?;
        Ok(Publication { controller: controller.clone(), events })
    }

    /// Waits for a service to be published, for at most `timeout`; tells
    /// `on_progress` of each step, on this thread, with a percentage that never
    /// goes down.
    ///
    /// It survives that the connection is made again
    /// ([`Connect::reconnect`](crate::Connect::reconnect)): the service is
    /// added again then, and uploaded again.
    ///
    /// tor does not report an upload that fails for want of a connection. When
    /// for 30 seconds nothing was heard of what is missing, it is not waited
    /// for any more, provided that an upload has succeeded and those of both
    /// descriptors were begun.
    ///
    /// A filter on the control port (onion-grater, as in Tails and Whonix) may
    /// hide which directory has answered. Then uploads are counted. If fewer
    /// are begun than two descriptors usually take, or the filter swallows some
    /// of the events, it takes the same 30 seconds of silence.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`PublishError`] (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) when the time is
    /// over, with every directory that has failed or not answered. A service
    /// that was there before this was begun may be published already, and tor
    /// uploads it only every hour or two.
    ///
    /// The kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed) when the
    /// connection has ended, and is not made again in time, and
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the controller
    /// that the publication was begun with has a token
    /// ([`Controller::cancel_with`]) that was cancelled.
    pub fn wait(
        &self,
        address: &OnionAddress,
        wait: Wait,
        timeout: Duration,
        on_progress: impl FnMut(&Progress),
    ) -> Result<()> {
        self.wait_until(address, wait, self.controller.deadline_after(timeout), on_progress)
    }

    /// Like [`wait`](Self::wait), until `deadline`.
    pub(super) fn wait_until(
        &self,
        address: &OnionAddress,
        wait: Wait,
        deadline: Deadline,
        mut on_progress: impl FnMut(&Progress),
    ) -> Result<()> {
        let mut uploads = Uploads::of(*address);
        let mut heard = Instant::now();
        let mut events = self.events.wait(deadline, Phase::Publish).over_reconnects();
        on_progress(&uploads.progress());
        while !uploads.is_done(wait, heard.elapsed()) {
            let silence = uploads.only_silence_is_missing(wait).then(|| heard + SILENCE);
            let event = match events.next_before(silence.unwrap_or(deadline.instant()))? {
                Some(event) => event,
                None if !deadline.has_passed() || deadline.is_cancelled() => continue,
                None => return Err(self.failure(&uploads, *address, deadline.timeout())),
            };
            if let EventBody::HsDesc(told) = event.body()
                && uploads.note(told)
            {
                heard = Instant::now();
                on_progress(&uploads.progress());
            }
        }
        for hsdir in uploads.unanswered() {
            log::debug!(target: "scape::onion", "{address} is published; no answer from {hsdir}");
        }
        on_progress(&Progress::new(100, "published", format!("{address} is published")));
        Ok(())
    }

    /// The time is over: why.
    fn failure(&self, uploads: &Uploads, address: OnionAddress, after: Duration) -> Error {
        if let Some(closed) = self.controller.closed() {
            return closed.into();
        }
        let mut hints = if uploads.is_idle() || self.events.interruptions() > 0 {
            self.hints(&address)
        } else {
            Vec::new()
        };
        if uploads.is_filtered() && !hints.contains(&PublishHint::Filtered) {
            hints.push(PublishHint::Filtered);
        }
        PublishError {
            address,
            after,
            uploaded: uploads.uploaded(),
            failures: uploads.failures().to_vec(),
            unanswered: uploads.unanswered(),
            hints,
        }
        .into()
    }

    /// What keeps tor from publishing. What cannot be asked is left out.
    fn hints(&self, address: &OnionAddress) -> Vec<PublishHint> {
        let tor =
            self.controller.with_timeout(ASK_WHY.min(self.controller.timeout())).in_one_call();
        let mut hints = Vec::new();
        let options = match tor.get_conf_lines(["DisableNetwork", "PublishHidServDescriptors"]) {
            Ok(options) => options,
            // It would not answer the rest either.
            Err(error) if error.is_timeout() || error.is_closed() => return hints,
            Err(error) => {
                // tor itself answers GETCONF, so the refusal is a filter's.
                if error.refusal().is_some_and(Refusal::is_unrecognized_command) {
                    hints.push(PublishHint::Filtered);
                }
                Vec::new()
            }
        };
        let is = |name: &str, value: &str| {
            options.iter().any(|line| line.name == name && line.value.as_deref() == Some(value))
        };
        if is("DisableNetwork", "1") {
            hints.push(PublishHint::NetworkDisabled);
        }
        match tor.bootstrap_phase() {
            Ok(phase) if phase.progress < 100 => {
                hints.push(PublishHint::NotBootstrapped { percent: phase.progress });
            }
            _ => {}
        }
        if is("PublishHidServDescriptors", "0") {
            hints.push(PublishHint::PublishingDisabled);
        }
        // Services of the configuration are in neither list.
        if self.events.interruptions() > 0
            && let (Ok(current), Ok(detached)) = (tor.onions_current(), tor.onions_detached())
            && !current.contains(address)
            && !detached.contains(address)
            && !matches!(tor.hs_service_desc(address), Ok(Some(_)))
        {
            hints.push(PublishHint::Gone);
        }
        hints
    }
}
