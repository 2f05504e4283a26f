//! What attaches streams on one control connection: there is one, whatever the number of handles.

use std::collections::HashMap;
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

use crossbeam_channel::Sender;
use parking_lot::Mutex;

use super::request::{Pending, Rest, ask};
use super::via::Vias;
use super::watch::{self, Message};
use super::{Decision, Place, PriorityAttacher, StreamKind};
use crate::connection::{PendingReply, Registration, Thread};
use crate::controller::{Controller, Follower, LEAVE_STREAMS};
use crate::error::{Error, Phase, Result, StreamError, StreamProblem, Timeout};
use crate::event::StreamInfo;
use crate::protocol::{Command, Reply};
use crate::transport::deadline_after;
use crate::types::{EndReason, EventKind, StreamId, StreamReason};

/// How long the drop of the last attacher waits for tor.
const END_WITHIN: Duration = Duration::from_secs(5);

/// What the attachers of a connection share.
pub(super) struct Registry {
    controller: Controller,
    pub(super) users: PriorityAttacher,
    pub(super) vias: Vias,
    /// Those that nobody has decided on yet.
    pub(super) waiting: Mutex<HashMap<StreamId, Weak<Pending>>>,
    /// Held while the watch is begun or ended, which takes tor's answers. The watch itself never takes it.
    run: Mutex<Run>,
}

#[derive(Default)]
struct Run {
    holders: usize,
    watch: Option<Watch>,
}

/// The thread that watches streams, and what it lives by.
struct Watch {
    sender: Sender<Message>,
    thread: Thread,
    registration: Registration,
}

impl Registry {
    /// The connection's.
    pub(super) fn of(controller: &Controller) -> Result<Arc<Registry>> {
        controller.shared(|| {
            let registry = Arc::new(Registry {
                controller: controller.clone(),
                users: PriorityAttacher::new(),
                vias: Vias::default(),
                waiting: Mutex::default(),
                run: Mutex::default(),
            });
            controller.follow(&registry);
            Ok(registry)
        })
    }

    pub(super) fn controller(&self) -> &Controller {
        &self.controller
    }

    /// Has streams wait for this program, as long as one of these is held.
    pub(super) fn hold(self: Arc<Self>) -> Result<Hold> {
        let timeout = self.controller.timeout();
        let mut run = self
            .run
            .try_lock_until(deadline_after(timeout))
            .ok_or_else(|| Error::from(Timeout::new(Phase::Reply, timeout)))?;
        if run.watch.is_none() {
            run.watch = Some(self.begin()?);
        }
        run.holders += 1;
        drop(run);
        Ok(Hold { registry: self, armed: true })
    }

    fn begin(self: &Arc<Self>) -> Result<Watch> {
        self.waiting.lock().retain(|_, pending| pending.strong_count() > 0);
        let (sender, receiver) = crossbeam_channel::unbounded();
        let kinds = [EventKind::Stream, EventKind::ConfChanged];
        let registration = self.controller.track(&kinds, watch::tracker(&sender))?;
        let begun = self.controller.leave_streams().and_then(|found| {
            if found {
                log::warn!(
                    target: "scape::attach",
                    "{LEAVE_STREAMS} is 1 already: another controller attaches streams, or one was killed that did; streams that no \
                     attacher wants are left to it, and the option is left at 1"
                );
            }
            let streams = self.controller.streams()?;
            // The receiver is here, so it is received.
            let _ = sender.send(Message::There(streams));
            let registry = self.clone();
            Thread::spawn("scape-attach", move || watch::run(registry, receiver))
                .map_err(|error| Error::io("start the thread that attaches streams", error))
        });
        match begun {
            Ok(thread) => Ok(Watch { sender, thread, registration }),
            Err(error) => {
                let _ = self.controller.stop_leaving_streams();
                Err(error)
            }
        }
    }

    /// Ends the watch: the option first, then those streams that have begun to wait meanwhile.
    fn end(&self, watch: Watch, timeout: Duration) -> Result<()> {
        let controller = self.controller.with_timeout(timeout);
        let put_back = controller.stop_leaving_streams();
        // tor's events may come a moment after its reply, but not after the next one.
        if put_back.is_ok() {
            controller.is_alive();
        }
        let _ = watch.sender.send(Message::Stop);
        let ended = watch.thread.ended_within(timeout);
        drop(watch.registration);
        match put_back {
            // With it, what waits for a controller has ended; or it is put back when the connection is made again.
            Err(Error::Closed(_)) => Ok(()),
            Ok(()) if !ended => Err(Timeout::new(Phase::Close, timeout).into()),
            put_back => put_back,
        }
    }

    fn release(&self, timeout: Duration) -> Result<()> {
        let mut run = self.run.lock();
        run.holders = run.holders.saturating_sub(1);
        match run.watch.take() {
            Some(watch) if run.holders == 0 => self.end(watch, timeout),
            watch => {
                run.watch = watch;
                Ok(())
            }
        }
    }

    /// Whether some attacher is to be asked about such streams.
    pub(super) fn is_wanted(&self, kind: StreamKind) -> bool {
        use super::StreamAttacher as _;
        self.users.takes(kind)
    }

    /// Has the attachers decide, on a thread for this stream only.
    pub(super) fn consider(registry: &Arc<Registry>, pending: Arc<Pending>, rest: Rest) {
        let (for_thread, stream) = (registry.clone(), pending.clone());
        let spawned = thread::Builder::new()
            .name("scape-attach-stream".to_owned())
            .spawn(move || for_thread.decide(&stream, rest));
        if let Err(error) = spawned {
            log::error!(target: "scape::attach", "no thread to decide on stream {}: closed: {error}", pending.info.id);
            if pending.finish(None).is_ok() {
                registry.close_unheard(pending.info.id, EndReason::RESOURCE_LIMIT);
            }
        }
    }

    fn decide(self: &Arc<Self>, pending: &Arc<Pending>, mut rest: Rest) {
        let decision = loop {
            let Some(others) = rest else { break Decision::NotMine };
            match ask(self, pending, &others.members, &others.then) {
                Decision::NotMine => rest = others.then.clone(),
                decision => break decision,
            }
        };
        if matches!(decision, Decision::Later) {
            return;
        }
        let decider = pending.decider();
        if let Err(error) = self.act(pending, None, decision)
            && let Some(decider) = decider
        {
            super::caught(|| decider.failed(&pending.info, &error));
        }
    }

    /// Does what was decided. What cannot be done closes the stream.
    pub(super) fn act(&self, pending: &Pending, turn: Option<u64>, decision: Decision) -> Result<()> {
        if let Err(problem) = pending.finish(turn) {
            let circuit = match &decision {
                Decision::Circuit(place) => Some(place.circuit()),
                _ => None,
            };
            return Err(StreamError { circuit, ..pending.error(problem) }.into());
        }
        let id = pending.info.id;
        let done = match &decision {
            Decision::Circuit(place) => self.put(pending, place),
            Decision::Tor => self.leave_to_tor(id),
            Decision::NotMine if self.controller.found_streams_left() => Ok(()),
            Decision::NotMine => self.leave_to_tor(id),
            Decision::Refuse(reason) => {
                return self.close(id, *reason).map_err(|error| described(pending, error));
            }
            Decision::Later => Err(pending.error(StreamProblem::Undecided).into()),
        };
        let Err(error) = done else { return Ok(()) };
        let error = described(pending, error);
        if error.stream().is_some_and(StreamError::is_stream_gone) {
            log::debug!(target: "scape::attach", "{error}");
            return Err(error);
        }
        log::warn!(target: "scape::attach", "{error}; it is closed");
        match self.close(id, EndReason::MISC) {
            Ok(()) => {}
            Err(closing) => log::debug!(target: "scape::attach", "while closing stream {id}: {closing}"),
        }
        Err(error)
    }

    fn put(&self, pending: &Pending, place: &Place) -> Result<()> {
        if pending.kind == StreamKind::Onion {
            return Err(place.error(StreamProblem::Onion).into());
        }
        place.check(&self.controller)?;
        let before = pending.tried.iter().find(|tried| tried.circuit == place.circuit());
        if let Some(tried) = before.filter(|tried| tried.reason != Some(StreamReason::Timeout)) {
            let reason = tried.remote_reason.clone().or_else(|| tried.reason.clone());
            return Err(place.error(StreamProblem::TriedBefore(reason)).into());
        }
        place.put(&self.controller, pending.info.id)
    }

    /// Leaves a stream to tor.
    fn leave_to_tor(&self, stream: StreamId) -> Result<()> {
        match self.controller.attach_stream(stream, None) {
            // tor has it in hand already.
            Err(error) if error.code() == Some(555) => Ok(()),
            Err(Error::Refused(refusal)) => {
                Err(StreamError::new(None, StreamProblem::Refused(*refusal)).into())
            }
            left => left,
        }
    }

    /// Closes a stream, where there still is one.
    pub(super) fn close(&self, stream: StreamId, reason: EndReason) -> Result<()> {
        match self.controller.close_stream(stream, reason) {
            Err(error) if error.refusal().is_some_and(|refusal| refusal.is_unknown_stream()) => Ok(()),
            closed => closed,
        }
    }

    /// As [`close`](Self::close), without waiting for tor's answer.
    pub(super) fn close_unheard(&self, stream: StreamId, reason: EndReason) {
        if let Ok(command) = close(stream, reason) {
            // On a connection that has ended, nothing can be done.
            let _ = self.controller.send(command);
        }
    }

    /// Those that nobody has decided on yet.
    fn undecided(&self) -> Vec<Arc<Pending>> {
        let waiting = self.waiting.lock();
        waiting.values().filter_map(Weak::upgrade).filter(|pending| !pending.is_over()).collect()
    }
}

fn close(stream: StreamId, reason: EndReason) -> Result<Command> {
    let mut command = Command::build("CLOSESTREAM");
    command.word("stream", &stream.to_string()).word("reason", &reason.code().to_string());
    Ok(command.finish()?)
}

/// The same error, of this stream.
fn described(pending: &Pending, error: Error) -> Error {
    match error {
        Error::Stream(error) => pending.described(*error).into(),
        error => error,
    }
}

impl Follower for Registry {
    fn name(&self) -> &'static str {
        "the streams that wait"
    }

    /// Those that wait already are asked about again: what was asked before was of another connection, perhaps of another tor.
    fn reconnected(&self, ask: &dyn Fn(Command) -> Result<Reply>) -> Result<()> {
        // Where it is held, the watch begins or ends, and reads them itself.
        let Some(run) = self.run.try_lock() else { return Ok(()) };
        let Some(watch) = &run.watch else { return Ok(()) };
        let reply = ask(Command::build("GETINFO").word("key", "stream-status").finish()?)?;
        let _ = watch.sender.send(Message::There(streams(&reply)));
        Ok(())
    }

    /// Nobody will decide any more: what is undecided is closed, rather than left to wait.
    fn closing(&self, send: &dyn Fn(Command) -> Result<PendingReply>) -> Vec<PendingReply> {
        let mut pending = Vec::new();
        for stream in self.undecided() {
            if stream.finish(None).is_ok() {
                let sent = close(stream.info.id, EndReason::MISC).and_then(send);
                pending.extend(sent.ok());
            }
        }
        pending
    }
}

/// The streams in the answer to `GETINFO stream-status`.
fn streams(reply: &Reply) -> Vec<StreamInfo> {
    let mut streams = Vec::new();
    for line in reply.lines() {
        let value = line.text.strip_prefix(b"stream-status=").unwrap_or(line.data.unwrap_or_default());
        streams.extend(value.split(|byte| *byte == b'\n').filter_map(StreamInfo::parse));
        if let Some(data) = line.data {
            streams.extend(data.split(|byte| *byte == b'\n').filter_map(StreamInfo::parse));
        }
    }
    streams.sort_by_key(|stream| stream.id);
    streams.dedup_by_key(|stream| stream.id);
    streams
}

/// Streams wait for this program as long as one of these is held.
pub(crate) struct Hold {
    registry: Arc<Registry>,
    armed: bool,
}

impl Hold {
    pub(super) fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// What dropping it does, with the error.
    pub(super) fn close(mut self) -> Result<()> {
        self.armed = false;
        self.registry.release(self.registry.controller.timeout())
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        if !self.armed {
            return;
        }
        if let Err(error) = self.registry.release(self.registry.controller.timeout().min(END_WITHIN)) {
            log::warn!(target: "scape::attach", "while putting {LEAVE_STREAMS} back: {error}");
        }
    }
}
