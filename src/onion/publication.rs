//! The wait until an onion service is published.

use std::time::{Duration, Instant};

use super::uploads::{SILENCE, Uploads};
use super::wait::Wait;
use crate::control::Controller;
use crate::error::{Error, Phase, Result};
use crate::io::connection::Subscription;
use crate::io::transport::Deadline;
use crate::onion::{PublishError, PublishHint};
use scape_proto::control::Refusal;
use scape_proto::event::{EventBody, EventKind};
use scape_proto::word::{OnionAddress, Progress};

/// The time limit for asking tor why it doesn't publish the service. tor is
/// asked after a wait has failed.
const ASK_WHY: Duration = Duration::from_secs(1);

/// A subscription that waits until an onion service is published (control-spec,
/// event HS_DESC). Call [`begin`](Self::begin) before the service is added to
/// tor, so that no event is missed. A `Publication` also works for services in
/// tor's configuration.
///
/// [`OnionBuilder`](super::OnionBuilder) uses a `Publication` itself. A program
/// needs one for services that it adds in another way.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
/// # let tor = ScriptedTor::builder().on_prefix("ADD_ONION", format!("250-ServiceID={A}\r\n250 OK\r\n\
/// #     650 HS_DESC CREATED {A} UNKNOWN UNKNOWN one\r\n\
/// #     650 HS_DESC UPLOAD {A} UNKNOWN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 one HSDIR_INDEX=AA\r\n\
/// #     650 HS_DESC UPLOADED {A} UNKNOWN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1\r\n")).start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// use scape::control::AddOnion;
/// use scape::onion::{Publication, Wait};
/// use std::time::Duration;
///
/// let publication = Publication::begin(&controller)?;
/// let service = controller.add_onion(&AddOnion::new().local_port(80))?;
/// let minutes = Duration::from_secs(120);
/// publication.wait(&service.address, Wait::FirstUpload, minutes, |step| println!("{step}"))?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Publication {
    controller: Controller,
    events: Subscription,
}

impl Publication {
    /// Subscribes to tor's events about descriptors. Call this before adding
    /// the service.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder()
    /// #     .on_prefix("ADD_ONION", "250-ServiceID=2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid\r\n250 OK\r\n")
    /// #     .start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::AddOnion;
    /// use scape::onion::Publication;
    ///
    /// let publication = Publication::begin(&controller)?;
    /// let service = controller.add_onion(&AddOnion::new().local_port(80))?;
    /// # let _ = (publication, service);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`Controller::subscribe`], most often of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused), because a filter on
    /// the control port doesn't allow the event.
    pub fn begin(controller: &Controller) -> Result<Self> {
        let events = controller.subscribe([EventKind::HsDesc])?;
        Ok(Publication { controller: controller.clone(), events })
    }

    /// Waits until a service is published, for at most `timeout`. Calls
    /// `on_progress` with each step, on the calling thread. The percentage of
    /// the steps never decreases and ends with 100.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
    /// # let tor = ScriptedTor::builder().on_prefix("ADD_ONION", format!("250-ServiceID={A}\r\n250 OK\r\n\
    /// #     650 HS_DESC CREATED {A} UNKNOWN UNKNOWN one\r\n\
    /// #     650 HS_DESC UPLOAD {A} UNKNOWN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 one HSDIR_INDEX=AA\r\n\
    /// #     650 HS_DESC UPLOADED {A} UNKNOWN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1\r\n")).start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// use scape::control::AddOnion;
    /// use scape::onion::{Publication, Wait};
    /// use std::time::Duration;
    ///
    /// let publication = Publication::begin(&controller)?;
    /// let address = controller.add_onion(&AddOnion::new().local_port(80))?.address;
    /// let mut percent = 0;
    /// publication.wait(&address, Wait::FirstUpload, Duration::from_secs(120), |step| {
    ///     percent = step.percent;
    /// })?;
    /// assert_eq!(percent, 100);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// The wait goes on after a reconnect
    /// ([`Connect::reconnect`](crate::Connect::reconnect)): the service is
    /// added and uploaded again then.
    ///
    /// tor doesn't report an upload that fails because no connection can be
    /// made. So a wait for [`Wait::AllUploads`] also ends after 30 seconds
    /// without events, if an upload has succeeded and the uploads of both
    /// descriptors have begun. (A service has two descriptors, for two time
    /// periods.)
    ///
    /// A filter on the control port (onion-grater, as in Tails and Whonix) may
    /// hide the names of directories and descriptors. Then uploads are counted
    /// instead. In two cases, a wait for [`Wait::AllUploads`] then ends only
    /// after 30 seconds without events: the filter drops some events, or tor
    /// begins at most 8 uploads. (All of them may be uploads of one
    /// descriptor.)
    ///
    /// # Errors
    ///
    /// Returns an error with a [`PublishError`] (kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout)) if the service isn't
    /// published within `timeout`. The error names every directory that failed
    /// or didn't answer. If the service existed before [`begin`](Self::begin),
    /// it may be published all the same, because tor uploads descriptors again
    /// only every hour or two.
    ///
    /// The kind is [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the
    /// connection has ended and isn't restored within `timeout`. The kind is
    /// [`ErrorKind::Cancelled`](crate::ErrorKind::Cancelled) if the controller
    /// given to [`begin`](Self::begin) has a cancelled token
    /// ([`Controller::cancel_with`]).
    pub fn wait(
        &self,
        address: &OnionAddress,
        wait: Wait,
        timeout: Duration,
        on_progress: impl FnMut(&Progress),
    ) -> Result<()> {
        self.wait_until(address, wait, self.controller.deadline_after(timeout), on_progress)
    }

    /// Waits like [`wait`](Self::wait), but until `deadline`.
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

    /// Returns the error for a wait that has run out of time.
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

    /// Asks tor why it doesn't publish and returns the reasons. A question that
    /// tor doesn't answer adds no reason. If a filter on the control port
    /// refuses GETCONF, the reason is [`PublishHint::Filtered`].
    fn hints(&self, address: &OnionAddress) -> Vec<PublishHint> {
        let tor =
            self.controller.with_timeout(ASK_WHY.min(self.controller.timeout())).in_one_call();
        let mut hints = Vec::new();
        let options = match tor.get_conf_lines(["DisableNetwork", "PublishHidServDescriptors"]) {
            Ok(options) => options,
            // tor wouldn't answer the other questions either.
            Err(error) if error.is_timeout() || error.is_closed() => return hints,
            Err(error) => {
                // tor itself answers GETCONF, so the refusal comes from a
                // filter.
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
        match tor.info().bootstrap_phase() {
            Ok(phase) if phase.progress < 100 => {
                hints.push(PublishHint::NotBootstrapped { percent: phase.progress });
            }
            _ => {}
        }
        if is("PublishHidServDescriptors", "0") {
            hints.push(PublishHint::PublishingDisabled);
        }
        // Services in tor's configuration are in neither list.
        if self.events.interruptions() > 0
            && let (Ok(current), Ok(detached)) =
                (tor.info().onions_current(), tor.info().onions_detached())
            && !current.contains(address)
            && !detached.contains(address)
            && !matches!(tor.info().hs_service_desc(address), Ok(Some(_)))
        {
            hints.push(PublishHint::Gone);
        }
        hints
    }
}
