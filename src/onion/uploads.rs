//! The state of an onion service's descriptor uploads, derived from tor's
//! HS_DESC events.

use std::time::Duration;

use super::wait::Wait;
use crate::onion::UploadFailure;
use scape_proto::event::{HsDescAction, HsDescEvent, HsDescReason};
use scape_proto::word::{OnionAddress, Progress, RelayName};

/// The number of descriptors of a service: one for the current time period, and
/// one for the period before or after it (rend-spec-v3, "Service behavior").
const DESCRIPTORS: usize = 2;

/// The usual number of uploads of both descriptors on the public network.
const USUAL_UPLOADS: usize = 16;

/// The largest number of directories that one descriptor goes to: the product
/// of the consensus parameters hsdir_n_replicas and hsdir_spread_store, 2 and 4
/// by default.
const MOST_FOR_ONE: usize = 8;

/// The time limit for the next event about an upload. When it has passed, all
/// pending uploads count as ended. tor reports only the answers of directories:
/// an upload whose circuit fails ends without an event.
pub(super) const SILENCE: Duration = Duration::from_secs(30);

/// The state of publishing one service. [`note`](Self::note) processes HS_DESC
/// events, and [`progress`](Self::progress) returns the progress.
///
/// An event is matched with an upload by address and directory, and by
/// descriptor if the event names one. UPLOAD and FAILED name a descriptor, but
/// UPLOADED doesn't. So UPLOADED may be about either descriptor if a directory
/// gets both.
///
/// A filter on the control port (onion-grater) may replace the names of
/// directories and descriptors, or drop events. An UPLOADED or FAILED event
/// without the name of a directory ends the oldest pending upload. If UPLOAD
/// events name no descriptor, uploads of both descriptors have begun for
/// certain when more than [`MOST_FOR_ONE`] uploads have. Until then, uploads of
/// the second descriptor may still follow, so [`Wait::AllUploads`] also waits
/// for a time [`SILENCE`] without events.
#[derive(Debug)]
pub(super) struct Uploads {
    address: OnionAddress,
    /// The known descriptors, oldest first, at most [`DESCRIPTORS`].
    descriptors: Vec<Descriptor>,
    /// The uploads that were begun and haven't ended, oldest first.
    pending: Vec<Upload>,
    begun: usize,
    uploaded: usize,
    failures: Vec<UploadFailure>,
    /// The directories that tor, as a client, has asked for a descriptor of
    /// this service. A directory is removed when it answers. A FAILED event
    /// from one of them may be about that request and not about an upload.
    asked: Vec<RelayName>,
    /// The sequence number of the current batch of uploads. tor begins all
    /// uploads of one descriptor together, in one batch.
    round: usize,
    /// The descriptor that the last event named, if that event began an upload.
    /// `None` after any other event.
    uploading: Option<String>,
    percent: u8,
    hidden: Hidden,
}

/// Flags that say which facts a filter on the control port has hidden in the
/// events so far.
#[derive(Debug, Default)]
struct Hidden {
    /// True if a filter hid the service, directory or descriptor of an event.
    anything: bool,
    /// True if a CREATED event didn't name the descriptor.
    created: bool,
    /// True if an UPLOAD event didn't name the descriptor.
    uploads: bool,
    /// True if an event was counted as the end of an upload, although it may
    /// have been about another upload.
    guessed: bool,
}

#[derive(Debug)]
struct Descriptor {
    id: String,
    /// True if an upload of this descriptor was begun.
    begun: bool,
}

#[derive(Debug)]
struct Upload {
    /// The descriptor's id. `None` if a filter on the control port hides it.
    descriptor: Option<String>,
    hsdir: RelayName,
    round: usize,
}

impl Uploads {
    pub(super) fn of(address: OnionAddress) -> Self {
        Uploads {
            address,
            descriptors: Vec::new(),
            pending: Vec::new(),
            begun: 0,
            uploaded: 0,
            failures: Vec::new(),
            asked: Vec::new(),
            round: 0,
            uploading: None,
            percent: 0,
            hidden: Hidden::default(),
        }
    }

    /// Processes an event. Returns true if the event says that a descriptor of
    /// this service was created, or that an upload of one began or ended.
    pub(super) fn note(&mut self, event: &HsDescEvent) -> bool {
        if event.address != Some(self.address) {
            // tor itself writes UNKNOWN if it has no address.
            self.hidden.anything |= event.address.is_none() && event.address_text != "UNKNOWN";
            return false;
        }
        let uploading = self.uploading.take();
        let id = descriptor_of(event);
        self.hidden.anything |= event.hsdir.as_ref().is_some_and(is_hidden)
            || event.descriptor_id.is_some() && id.is_none();
        match (&event.action, &event.hsdir) {
            (HsDescAction::Created, _) => match id {
                Some(id) => self.created(id),
                None => self.created_unnamed(),
            },
            (HsDescAction::Upload, Some(hsdir)) => match id {
                Some(id) => self.began(id, hsdir, uploading.as_deref()),
                None => self.began_unnamed(hsdir),
            },
            (HsDescAction::Uploaded, Some(hsdir)) => self.succeeded(hsdir, id),
            (HsDescAction::Failed, Some(hsdir)) => self.failed(hsdir, id, event.reason.as_ref()),
            (HsDescAction::Requested, Some(hsdir)) => {
                self.asked.push(hsdir.clone());
                false
            }
            (HsDescAction::Received, Some(hsdir)) => {
                self.answered(hsdir);
                false
            }
            _ => false,
        }
    }

    fn created(&mut self, id: &str) -> bool {
        if self.descriptors.iter().any(|known| known.id == id) {
            self.begin_again();
        }
        self.learn(id);
        true
    }

    /// Handles a CREATED event in which a filter on the control port hides the
    /// descriptor's id. tor creates both descriptors before any upload. So a
    /// descriptor that is created after an upload belongs to a service that was
    /// added again, or to a new time period. Always returns true, like every
    /// event about a new descriptor.
    fn created_unnamed(&mut self) -> bool {
        if self.begun > 0 {
            self.begin_again();
        }
        self.hidden.created = true;
        true
    }

    /// Forgets all descriptors and uploads, because new descriptors replace the
    /// earlier ones.
    fn begin_again(&mut self) {
        self.descriptors.clear();
        self.pending.clear();
        self.failures.clear();
        (self.begun, self.uploaded) = (0, 0);
    }

    /// Records a new descriptor. If the service now has more than
    /// [`DESCRIPTORS`], a new time period has begun. The oldest descriptor is
    /// then no longer needed and is removed.
    fn learn(&mut self, id: &str) {
        self.descriptors.push(Descriptor { id: id.to_owned(), begun: false });
        if self.descriptors.len() > DESCRIPTORS {
            let oldest = self.descriptors.remove(0);
            self.pending.retain(|upload| upload.descriptor.as_ref() != Some(&oldest.id));
        }
    }

    fn began(&mut self, id: &str, hsdir: &RelayName, uploading: Option<&str>) -> bool {
        if !self.descriptors.iter().any(|known| known.id == id) {
            self.learn(id);
        }
        if uploading != Some(id) {
            self.round += 1;
        }
        let of_this = |upload: &Upload| upload.descriptor.as_deref() == Some(id);
        let again =
            |upload: &Upload| of_this(upload) && is_same(&upload.hsdir, hsdir) && !is_hidden(hsdir);
        if self.pending.iter().any(again) {
            // tor uploads the descriptor again and has cancelled the uploads
            // that it had begun before.
            let round = self.round;
            self.pending
                .retain(|upload| !of_this(upload) || upload.round == round && !again(upload));
        }
        for descriptor in &mut self.descriptors {
            descriptor.begun |= descriptor.id == id;
        }
        self.begun += 1;
        let descriptor = Some(id.to_owned());
        self.pending.push(Upload { descriptor, hsdir: hsdir.clone(), round: self.round });
        self.uploading = Some(id.to_owned());
        true
    }

    /// Handles an UPLOAD event in which a filter on the control port hides the
    /// descriptor's id. Always returns true, because an upload began.
    fn began_unnamed(&mut self, hsdir: &RelayName) -> bool {
        self.begun += 1;
        self.pending.push(Upload { descriptor: None, hsdir: hsdir.clone(), round: self.round });
        self.hidden.uploads = true;
        true
    }

    fn succeeded(&mut self, hsdir: &RelayName, id: Option<&str>) -> bool {
        let ended = self.end(hsdir, id);
        self.uploaded += usize::from(ended);
        ended
    }

    fn failed(
        &mut self,
        hsdir: &RelayName,
        id: Option<&str>,
        reason: Option<&HsDescReason>,
    ) -> bool {
        let was_asked = self.asked.iter().any(|asked| is_same(asked, hsdir));
        let is_fetch = match reason {
            Some(HsDescReason::UploadRejected) => false,
            Some(HsDescReason::Unexpected) | None => was_asked,
            Some(HsDescReason::NotFound | HsDescReason::BadDesc | HsDescReason::QueryRejected) => {
                true
            }
            Some(_) => was_asked,
        };
        if is_fetch {
            self.answered(hsdir);
            return false;
        }
        let ended = self.end(hsdir, id);
        if ended {
            let hsdir = Some(hsdir).filter(|hsdir| !is_hidden(hsdir)).cloned();
            self.failures.push(UploadFailure { hsdir, reason: reason.cloned() });
        }
        ended
    }

    /// Records the answer of a directory that tor has asked for a descriptor.
    fn answered(&mut self, hsdir: &RelayName) {
        if let Some(at) = self.asked.iter().position(|asked| is_same(asked, hsdir)) {
            self.asked.remove(at);
        }
    }

    /// Removes one pending upload to the directory `hsdir`, preferably that of
    /// the descriptor `id`. If a filter on the control port hides the names of
    /// directories, removes the oldest upload that the event may be about.
    /// Returns false if no upload was removed.
    fn end(&mut self, hsdir: &RelayName, id: Option<&str>) -> bool {
        let there = |upload: &Upload| is_same(&upload.hsdir, hsdir);
        let named =
            |upload: &Upload| there(upload) && id.is_some() && upload.descriptor.as_deref() == id;
        let mut at =
            self.pending.iter().position(named).or_else(|| self.pending.iter().position(there));
        if at.is_none() || is_hidden(hsdir) {
            // The filter hides which upload has ended.
            let guess = |upload: &Upload| is_hidden(hsdir) || is_hidden(&upload.hsdir);
            at = at.or_else(|| self.pending.iter().position(guess));
            self.hidden.guessed |= at.is_some();
        }
        at.map(|at| self.pending.remove(at)).is_some()
    }

    fn all_begun(&self) -> bool {
        if self.hidden.uploads {
            return self.begun > MOST_FOR_ONE;
        }
        self.descriptors.len() >= DESCRIPTORS
            && self.descriptors.iter().all(|descriptor| descriptor.begun)
    }

    /// Returns true if the service is published as `wait` demands. `silent_for`
    /// is the time since the last event about its uploads.
    ///
    /// [`Wait::AllUploads`] has three conditions: uploads of both descriptors
    /// have begun, all of them have ended, and at least one has succeeded. Both
    /// descriptors count, because a client may need either of them. After
    /// [`SILENCE`] without events, pending uploads count as ended.
    pub(super) fn is_done(&self, wait: Wait, silent_for: Duration) -> bool {
        match wait {
            Wait::Nothing => true,
            Wait::FirstUpload => self.uploaded > 0,
            Wait::AllUploads => {
                let is_silent = silent_for >= SILENCE;
                let all_begun = self.all_begun() || self.hidden.uploads && is_silent;
                let all_ended = self.pending.is_empty() || is_silent;
                all_begun && all_ended && self.uploaded > 0
            }
        }
    }

    /// Returns true if [`is_done`](Self::is_done) is false now, but becomes
    /// true after [`SILENCE`] without events.
    pub(super) fn only_silence_is_missing(&self, wait: Wait) -> bool {
        !self.is_done(wait, Duration::ZERO) && self.is_done(wait, SILENCE)
    }

    /// Returns the progress. The percentage never decreases.
    pub(super) fn progress(&mut self) -> Progress {
        let (percent, tag, text) = if self.uploaded > 0 {
            let text =
                format!("{} of {} uploads of the descriptors are done", self.ended(), self.begun);
            (self.percent_of_uploads(), "uploaded", text)
        } else if self.begun > 0 {
            (
                self.percent_of_uploads(),
                "uploading",
                format!("Uploading the descriptors ({} begun)", self.begun),
            )
        } else if !self.descriptors.is_empty() || self.hidden.created {
            (10, "created", "The descriptors are made; waiting for introduction points".to_owned())
        } else {
            (5, "added", "tor has the service; waiting for its descriptors".to_owned())
        };
        self.percent = self.percent.max(percent);
        let mut progress = Progress::new(self.percent, tag, text);
        if !self.failures.is_empty() {
            progress.problem = Some(match self.failures.len() {
                1 => "1 upload failed".to_owned(),
                failed => format!("{failed} uploads failed"),
            });
        }
        progress
    }

    /// Returns the progress of publishing in percent, after the first upload
    /// has begun. Until uploads of both descriptors have begun, the progress
    /// stays below 60 percent: the other half of the uploads may still be
    /// missing.
    fn percent_of_uploads(&self) -> u8 {
        let most = if self.all_begun() { 79 } else { 39 };
        let expected = self.begun.max(USUAL_UPLOADS);
        let part = most * self.ended().min(expected) / expected;
        u8::try_from(20 + part).unwrap_or(99)
    }

    fn ended(&self) -> usize {
        self.uploaded + self.failures.len()
    }

    /// Returns true if no upload was begun.
    pub(super) fn is_idle(&self) -> bool {
        self.begun == 0
    }

    /// Returns the number of successful uploads.
    pub(super) fn uploaded(&self) -> usize {
        self.uploaded
    }

    /// Returns the failed uploads.
    pub(super) fn failures(&self) -> &[UploadFailure] {
        &self.failures
    }

    /// Returns the directories that haven't answered. If a filter on the
    /// control port hides which directories have answered, the list has the
    /// right length, but each name in it is `hidden`.
    pub(super) fn unanswered(&self) -> Vec<RelayName> {
        let name = |upload: &Upload| match self.hidden.guessed {
            true => RelayName::from("hidden"),
            false => upload.hsdir.clone(),
        };
        self.pending.iter().map(name).collect()
    }

    /// Returns true if a filter on the control port has hidden the service,
    /// directory or descriptor of an event.
    pub(super) fn is_filtered(&self) -> bool {
        self.hidden.anything
    }
}

/// Returns the descriptor that an event names. Returns `None` if the event
/// names no descriptor, or if a filter on the control port hides the descriptor
/// or the directory.
fn descriptor_of(event: &HsDescEvent) -> Option<&str> {
    let id = event.descriptor_id.as_deref()?;
    let is_readable =
        !id.eq_ignore_ascii_case("redacted") && !event.hsdir.as_ref().is_some_and(is_hidden);
    is_readable.then_some(id)
}

/// Returns true if a filter on the control port hides the name of a directory.
/// Without a filter, the name always contains the fingerprint.
fn is_hidden(hsdir: &RelayName) -> bool {
    hsdir.fingerprint().is_none()
}

/// Returns true if both names belong to the same relay. Compares only the
/// fingerprints, if both are known, because a relay may change its nickname.
fn is_same(one: &RelayName, other: &RelayName) -> bool {
    match (one.fingerprint(), other.fingerprint()) {
        (Some(one), Some(other)) => one == other,
        _ => one == other,
    }
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use proptest::prelude::*;

    use super::*;
    use scape_proto::control::{Decoder, Limits};
    use scape_proto::event::{Event, EventBody};

    const ADDRESS: &str = "h3dzyf6nyltpqnih4undffbxrmivwdly4i75e2xvvl25ud2ytahdfmad";
    const ANOTHER: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";

    fn told(line: &str) -> HsDescEvent {
        let mut decoder = Decoder::new(Limits::default());
        decoder.feed(format!("650 HS_DESC {line}\r\n").as_bytes());
        let reply = decoder.next_reply().unwrap().unwrap();
        match Event::parse(reply, SystemTime::UNIX_EPOCH).body() {
            EventBody::HsDesc(told) => told.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn relay(number: usize) -> String {
        format!("${number:040X}~relay{number}")
    }

    fn created(descriptor: &str) -> HsDescEvent {
        told(&format!("CREATED {ADDRESS} UNKNOWN UNKNOWN {descriptor}"))
    }

    fn upload(descriptor: &str, directory: usize) -> HsDescEvent {
        told(&format!("UPLOAD {ADDRESS} UNKNOWN {} {descriptor} HSDIR_INDEX=AA", relay(directory)))
    }

    fn uploaded(directory: usize) -> HsDescEvent {
        told(&format!("UPLOADED {ADDRESS} UNKNOWN {}", relay(directory)))
    }

    fn failed(descriptor: &str, directory: usize, reason: &str) -> HsDescEvent {
        told(&format!("FAILED {ADDRESS} NO_AUTH {} {descriptor} REASON={reason}", relay(directory)))
    }

    fn uploads(events: &[HsDescEvent]) -> Uploads {
        let mut uploads = Uploads::of(ADDRESS.parse().unwrap());
        for event in events {
            uploads.note(event);
        }
        uploads
    }

    fn is_done(events: &[HsDescEvent]) -> bool {
        uploads(events).is_done(Wait::AllUploads, Duration::ZERO)
    }

    #[test]
    fn uploads_of_one_descriptor_are_not_enough() {
        // This was seen with a real tor: the uploads of one descriptor ended
        // before those of the other began.
        let mut events = vec![
            created("a"),
            created("b"),
            upload("a", 1),
            upload("a", 2),
            uploaded(1),
            uploaded(2),
        ];
        assert!(!is_done(&events));
        assert!(uploads(&events).is_done(Wait::FirstUpload, Duration::ZERO));
        assert!(!uploads(&events).is_done(Wait::AllUploads, SILENCE), "silence is not enough");
        events.extend([upload("b", 1), upload("b", 3), uploaded(3)]);
        assert!(!is_done(&events));
        events.push(failed("b", 1, "UPLOAD_REJECTED"));
        assert!(is_done(&events));
        let state = uploads(&events);
        assert_eq!((state.uploaded(), state.failures().len()), (3, 1));
        assert_eq!(state.failures()[0].reason, Some(HsDescReason::UploadRejected));
    }

    #[test]
    fn events_of_other_services_and_fetches_are_ignored() {
        let others: Vec<_> = [
            format!("CREATED {ANOTHER} UNKNOWN UNKNOWN a"),
            format!("UPLOAD {ANOTHER} UNKNOWN {} a HSDIR_INDEX=AA", relay(1)),
            format!("UPLOADED {ANOTHER} UNKNOWN {}", relay(1)),
            format!("UPLOADED {ADDRESS} UNKNOWN {}", relay(1)),
            format!("UPLOADED UNKNOWN UNKNOWN {}", relay(1)),
            format!("REQUESTED {ADDRESS} NO_AUTH {} a HSDIR_INDEX=AA", relay(1)),
            format!("RECEIVED {ADDRESS} NO_AUTH {} a", relay(1)),
            format!("SOMETHING_NEW {ADDRESS} NO_AUTH {} a", relay(1)),
        ]
        .iter()
        .map(|line| told(line))
        .collect();
        let mut state = Uploads::of(ADDRESS.parse().unwrap());
        for event in &others {
            assert!(!state.note(event), "{event}");
        }
        assert!(!state.is_done(Wait::FirstUpload, Duration::ZERO) && state.is_idle());
    }

    #[test]
    fn failed_fetch_is_not_counted_as_failed_upload() {
        let begun = [created("a"), created("b"), upload("a", 1), upload("b", 2), uploaded(2)];
        let requested = told(&format!("REQUESTED {ADDRESS} NO_AUTH {} a HSDIR_INDEX=AA", relay(1)));
        let mut state = uploads(&begun);
        for reason in ["NOT_FOUND", "BAD_DESC", "QUERY_REJECTED"] {
            assert!(!state.note(&failed("a", 1, reason)), "{reason}");
        }
        // UNEXPECTED may come from an upload or from a fetch.
        state.note(&requested);
        assert!(!state.note(&failed("a", 1, "UNEXPECTED")));
        assert!(!state.is_done(Wait::AllUploads, Duration::ZERO));
        assert!(state.note(&failed("a", 1, "UNEXPECTED")));
        assert!(state.is_done(Wait::AllUploads, Duration::ZERO));
    }

    #[test]
    fn publication_is_not_done_if_all_uploads_failed() {
        let state = uploads(&[
            created("a"),
            created("b"),
            upload("a", 1),
            upload("b", 1),
            failed("a", 1, "UPLOAD_REJECTED"),
            failed("b", 1, "UNEXPECTED"),
        ]);
        assert!(
            !state.is_done(Wait::AllUploads, SILENCE) && !state.is_done(Wait::FirstUpload, SILENCE)
        );
        assert_eq!(state.failures().len(), 2);
    }

    #[test]
    fn unanswered_upload_is_given_up_after_silence() {
        let state =
            uploads(&[created("a"), created("b"), upload("a", 1), upload("b", 1), uploaded(1)]);
        assert!(!state.is_done(Wait::AllUploads, SILENCE / 2));
        assert!(state.only_silence_is_missing(Wait::AllUploads));
        assert!(state.is_done(Wait::AllUploads, SILENCE));
        assert_eq!(state.unanswered(), [RelayName::from(relay(1).as_str())]);
    }

    #[test]
    fn restarted_uploads_replace_earlier_uploads() {
        let mut events = vec![created("a"), created("b"), upload("b", 1), uploaded(1)];
        events.extend([upload("a", 1), upload("a", 2)]);
        // These events show that tor has cancelled both uploads without an
        // event.
        events.extend([upload("b", 5), uploaded(5), upload("a", 3), upload("a", 2), uploaded(2)]);
        assert!(!is_done(&events));
        events.push(uploaded(3));
        assert!(is_done(&events));
    }

    #[test]
    fn uploads_start_over_if_the_service_is_added_again() {
        let mut events = vec![
            created("a"),
            created("b"),
            upload("a", 1),
            upload("b", 2),
            uploaded(1),
            uploaded(2),
        ];
        assert!(is_done(&events));
        events.extend([created("a"), created("b")]);
        assert!(!is_done(&events) && !uploads(&events).is_done(Wait::FirstUpload, SILENCE));
        events.extend([upload("a", 1), upload("b", 2), uploaded(1), uploaded(2)]);
        assert!(is_done(&events));
    }

    #[test]
    fn descriptor_of_new_period_replaces_the_oldest() {
        let mut events =
            vec![created("a"), created("b"), upload("a", 1), upload("b", 1), uploaded(1)];
        events.push(created("c"));
        assert!(!is_done(&events), "the new descriptor must be uploaded, too");
        events.extend([upload("c", 2), uploaded(2), uploaded(1)]);
        assert!(is_done(&events), "the oldest descriptor is not waited for");
    }

    #[test]
    fn recorded_publication_is_followed_to_the_end() {
        let text = include_str!(
            "../../crates/scape-proto/tests/data/transcripts/93-live-add_onion-publish.txt"
        );
        let lines = text.lines().filter_map(|line| line.strip_prefix("< 650 HS_DESC "));
        let (mut state, mut tags) = (Uploads::of(ADDRESS.parse().unwrap()), Vec::new());
        let mut before = 0;
        let lines: Vec<&str> = lines.collect();
        for (at, line) in lines.iter().enumerate() {
            assert!(!state.is_done(Wait::AllUploads, Duration::ZERO), "{line}");
            assert!(state.note(&told(line)), "{line}");
            let progress = state.progress();
            assert!((before..100).contains(&progress.percent), "{progress}");
            before = progress.percent;
            tags.push(progress.tag);
            assert_eq!(state.is_done(Wait::FirstUpload, Duration::ZERO), at >= 18, "{line}");
        }
        assert!(state.is_done(Wait::AllUploads, Duration::ZERO));
        assert_eq!((lines.len(), state.uploaded(), before), (34, 16, 99));
        tags.dedup();
        assert_eq!(tags, ["created", "uploading", "uploaded"]);
    }

    /// Generates the uploads of both descriptors. Each upload is a pair: the
    /// number of a directory, and true if the upload succeeds.
    fn both() -> impl Strategy<Value = [Vec<(usize, bool)>; 2]> {
        let one = || proptest::collection::btree_map(0..6usize, any::<bool>(), 1..6);
        (one(), one()).prop_map(|(a, b)| [a.into_iter().collect(), b.into_iter().collect()])
    }

    /// A step of the test: one upload begins or ends.
    #[derive(Debug, Clone, Copy)]
    enum Step {
        Begin(usize, usize),
        End(usize, usize, bool),
    }

    proptest! {
        #[test]
        fn publication_is_done_exactly_when_all_uploads_have_ended(
            both in both(),
            choices in proptest::collection::vec(any::<proptest::sample::Index>(), 24),
        ) {
            const NAMES: [&str; 2] = ["a", "b"];
            let mut state = uploads(&[created("a"), created("b")]);
            // Each upload ends after it was begun. Apart from that, the steps
            // may come in any order.
            let mut possible: Vec<Step> = Vec::new();
            for (descriptor, uploads) in both.iter().enumerate() {
                possible.extend(
                    uploads.iter().map(|(directory, _)| Step::Begin(descriptor, *directory)),
                );
            }
            let (mut begun, mut ended, mut well) = ([0, 0], 0, 0);
            let mut percent = 0;
            for choice in choices {
                if possible.is_empty() {
                    break;
                }
                match possible.swap_remove(choice.index(possible.len())) {
                    Step::Begin(descriptor, directory) => {
                        state.note(&upload(NAMES[descriptor], directory));
                        begun[descriptor] += 1;
                        let goes_well =
                            both[descriptor].iter().any(|(d, well)| *d == directory && *well);
                        possible.push(Step::End(descriptor, directory, goes_well));
                    }
                    Step::End(_, directory, true) => {
                        state.note(&uploaded(directory));
                        (ended, well) = (ended + 1, well + 1);
                    }
                    Step::End(descriptor, directory, false) => {
                        state.note(&failed(NAMES[descriptor], directory, "UPLOAD_REJECTED"));
                        ended += 1;
                    }
                }
                let expected =
                    begun[0] > 0 && begun[1] > 0 && ended == begun[0] + begun[1] && well > 0;
                prop_assert_eq!(state.is_done(Wait::AllUploads, Duration::ZERO), expected);
                prop_assert_eq!(state.is_done(Wait::FirstUpload, Duration::ZERO), well > 0);
                prop_assert_eq!(state.uploaded(), well);
                prop_assert_eq!(state.unanswered().len(), begun[0] + begun[1] - ended);
                let now = state.progress().percent;
                prop_assert!(now >= percent && now < 100);
                percent = now;
            }
            prop_assert!(possible.is_empty());
        }
    }

    /// Returns an event from which a filter on the control port has removed the
    /// directory and the descriptor.
    fn hidden(action: &str) -> HsDescEvent {
        told(&format!("{action} {ADDRESS} UNKNOWN redacted redacted"))
    }

    #[test]
    fn uploads_without_names_are_counted() {
        let uploads_of_one = vec![hidden("UPLOAD"); 8];
        let mut events = vec![hidden("CREATED"), hidden("CREATED")];
        events.extend(uploads_of_one.clone());
        events.extend(vec![hidden("UPLOADED"); 8]);
        let state = uploads(&events);
        assert!(!state.is_done(Wait::AllUploads, SILENCE / 2), "the other descriptor is missing");
        assert!(
            state.is_done(Wait::AllUploads, SILENCE)
                && state.is_done(Wait::FirstUpload, Duration::ZERO)
        );
        events.extend(uploads_of_one);
        events.extend(vec![hidden("UPLOADED"); 7]);
        let state = uploads(&events);
        assert!(
            !state.is_done(Wait::AllUploads, Duration::ZERO)
                && state.only_silence_is_missing(Wait::AllUploads)
        );
        assert_eq!((state.uploaded(), state.unanswered().len()), (15, 1));
        events.push(hidden("UPLOADED"));
        assert!(is_done(&events));
        // A service that is added again is uploaded again.
        events.push(hidden("CREATED"));
        assert!(!uploads(&events).is_done(Wait::FirstUpload, SILENCE));
    }

    #[test]
    fn end_events_without_names_end_named_uploads() {
        let anonymous = told(&format!("UPLOADED {ADDRESS} UNKNOWN redacted"));
        let mut events = vec![upload("a", 1), upload("a", 2), upload("b", 1), anonymous.clone()];
        let state = uploads(&events);
        assert!(state.is_filtered() && !state.is_done(Wait::AllUploads, Duration::ZERO));
        assert_eq!(state.unanswered(), vec![RelayName::from("hidden"); 2]);
        events.push(told(&format!(
            "FAILED {ADDRESS} redacted redacted redacted REASON=UPLOAD_REJECTED"
        )));
        events.push(anonymous.clone());
        assert!(is_done(&events));
        events.push(anonymous);
        let state = uploads(&events);
        assert_eq!((state.uploaded(), state.failures().len()), (2, 1), "one event too many");
        assert_eq!(state.failures()[0].hsdir, None);
    }

    #[test]
    fn hidden_service_name_reveals_a_filter() {
        assert!(!uploads(&[told("UPLOADED UNKNOWN UNKNOWN UNKNOWN")]).is_filtered());
        assert!(uploads(&[told("UPLOADED redacted UNKNOWN redacted")]).is_filtered());
        assert!(!uploads(&[created("a"), upload("a", 1), uploaded(1)]).is_filtered());
    }
}
