//! The thread that watches new streams, and asks attachers for decisions on the
//! streams that wait for a circuit.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use crossbeam_channel::{Receiver, Sender};

use super::bound_stream::{self, BoundStream};
use super::crew::Who;
use super::kind::is_look_up;
use super::message::{End, Message};
use super::pending::{Pending, Tried};
use super::registry::Registry;
use crate::control::{LEAVE_STREAMS, StreamError};
use crate::io::connection::{Closed, Tracker};
use scape_proto::event::{
    ConfChanged, EndReason, Event, EventBody, StreamInfo, StreamReason, StreamStatus,
};
use scape_proto::word::StreamId;

/// A [`Tracker`], which gets events on the reader thread and forwards them to
/// the watching thread.
struct Tap {
    sender: Sender<Message>,
    registry: Weak<Registry>,
}

/// Returns the tracker that forwards events to the watching thread.
pub(super) fn tracker(registry: &Arc<Registry>, sender: &Sender<Message>) -> Arc<dyn Tracker> {
    Arc::new(Tap { sender: sender.clone(), registry: Arc::downgrade(registry) })
}

impl Tracker for Tap {
    fn event(&self, event: &Arc<Event>) {
        // Sending fails only if the watch has ended.
        let _ = self.sender.send(Message::Event(event.clone()));
    }

    fn ended(&self, closed: &Closed, returns: bool) {
        let ends = self.registry.upgrade().map_or(0, |registry| registry.bound.count_end());
        let _ = self.sender.send(Message::Ended(End { closed: closed.clone(), returns, ends }));
    }

    fn resumed(&self) {
        let _ = self.sender.send(Message::Resumed);
    }
}

/// Watches streams until [`Message::Stop`] arrives.
pub(super) fn run(registry: Arc<Registry>, messages: Receiver<Message>) {
    let mut watch = Watch { registry, known: HashMap::new(), undecided: Vec::new() };
    // The messages since the connection has ended. They are kept until commands
    // succeed again, because no decision can be carried out before that. `None`
    // while the connection is open.
    let mut early = None;
    for message in messages {
        if matches!(message, Message::Stop) {
            break;
        }
        // Dropping a removed attacher may panic here.
        super::catch_panic("it was dropped after its removal", || match (message, &mut early) {
            (Message::Ended(end), early) => {
                *early = Some(Vec::new());
                watch.ended(&end);
            }
            (Message::Resumed, early) => {
                watch.undecided.clear();
                early.take().into_iter().flatten().for_each(|message| watch.take(message));
            }
            (message, Some(early)) => early.push(message),
            (message, None) => watch.take(message),
        });
    }
}

struct Watch {
    registry: Arc<Registry>,
    /// The streams that aren't open yet.
    known: HashMap<StreamId, Known>,
    /// The streams that were waiting when the connection ended. Cleared when
    /// the connection reconnects.
    undecided: Vec<StreamId>,
}

/// A stream that isn't open yet.
struct Known {
    info: StreamInfo,
    is_look_up: bool,
    /// True if a decision has been requested since the stream started to wait.
    /// tor also reports that a stream waits when a controller moves it to
    /// another circuit. Only a stream that is new, or has lost its circuit,
    /// needs a decision.
    asked: bool,
    pending: Option<Arc<Pending>>,
    via: Option<Arc<BoundStream>>,
    tried: Vec<Tried>,
}

impl Known {
    fn new(info: StreamInfo) -> Self {
        let is_look_up = is_look_up(&info);
        Known { info, is_look_up, asked: false, pending: None, via: None, tried: Vec::new() }
    }

    /// Merges an update of the stream's information. Fields that tor sends only
    /// once are kept.
    fn update(&mut self, info: &StreamInfo) {
        self.is_look_up |= is_look_up(info);
        let before = std::mem::replace(&mut self.info, info.clone());
        let now = &mut self.info;
        now.source_addr = now.source_addr.take().or(before.source_addr);
        now.purpose = now.purpose.take().or(before.purpose);
    }
}

impl Watch {
    fn take(&mut self, message: Message) {
        match message {
            Message::Event(event) => self.event(&event),
            Message::There(streams) => self.there(streams),
            Message::Ended(_) | Message::Resumed | Message::Stop => {}
        }
    }

    fn event(&mut self, event: &Event) {
        match event.body() {
            EventBody::Stream(info) => self.stream(info),
            EventBody::ConfChanged(changed) => self.conf_changed(changed),
            _ => {}
        }
    }

    /// Handles a CONF_CHANGED event. If another controller or a reload has
    /// reset `__LeaveStreamsUnattached` while a guard needs this option, sets
    /// the option again.
    fn conf_changed(&self, changed: &ConfChanged) {
        if !changed.contains(LEAVE_STREAMS)
            || changed.values(LEAVE_STREAMS).any(|value| value == "1")
        {
            return;
        }
        if !self.registry.run.is_held() {
            // No guard needs the option any more. It was only kept at 1 for
            // five seconds after the last guard.
            self.registry.run.hurry();
            return;
        }
        let Some(controller) = self.registry.controller() else { return };
        match controller.leave_streams_again() {
            Ok(true) => {
                log::debug!(
                    target: "scape::attach",
                    "{LEAVE_STREAMS} was reset by another controller or a reload; it is set again"
                );
            }
            Ok(false) => {}
            Err(error) if error.is::<Closed>() => {}
            Err(error) => {
                log::warn!(
                    target: "scape::attach",
                    "{LEAVE_STREAMS} was reset by another controller or a reload, \
                     and setting it again failed: {error}"
                );
            }
        }
    }

    fn stream(&mut self, info: &StreamInfo) {
        let known = self.known.entry(info.id).or_insert_with(|| Known::new(info.clone()));
        known.update(info);
        if known.via.is_none() {
            known.via = self.registry.bound.of(info);
        }
        if let Some(via) = &known.via
            && let Err(problem) = via.take(info)
        {
            via.fail(StreamError::new(None, problem).into());
            self.registry.operations.close_unheard(info.id, EndReason::MISC);
        }
        match info.status {
            StreamStatus::ControllerWait => self.waits(info.id),
            StreamStatus::Detached => self.detached(info),
            StreamStatus::Succeeded => self.forget(info.id),
            _ if info.status.is_end() => self.forget(info.id),
            _ => {}
        }
    }

    /// Forgets a stream that needs no decision any more, because it is open or
    /// has ended.
    fn forget(&mut self, id: StreamId) {
        self.registry.waiting.lock().remove(&id);
        if let Some(pending) = self.known.remove(&id).and_then(|known| known.pending) {
            pending.is_gone_now();
        }
    }

    /// Handles a stream that has lost its circuit before the stream was open.
    /// The stream then waits for a circuit again. A stream of a circuit-bound
    /// client is closed instead, unless tor's reason was a timeout.
    fn detached(&mut self, info: &StreamInfo) {
        let Some(known) = self.known.get_mut(&info.id) else { return };
        known.asked = false;
        known.pending = None;
        if let Some(circuit) = info.circuit {
            let (reason, remote_reason) = (info.reason.clone(), info.remote_reason.clone());
            known.tried.push(Tried { circuit, reason, remote_reason });
        }
        if let Some(via) = &known.via
            && info.reason != Some(StreamReason::Timeout)
        {
            // The stream must not use another circuit, so it is closed. tor
            // reports the reason to the client.
            known.asked = true;
            via.has_ended(info);
            self.registry.operations.close_unheard(info.id, end_reason(info));
        }
    }

    /// Attaches a waiting stream if it belongs to a circuit-bound client of
    /// this program. Otherwise requests a decision, or leaves the stream to tor
    /// if no attacher wants streams of this kind. Streams of other programs'
    /// circuit-bound clients are left alone.
    fn waits(&mut self, id: StreamId) {
        let Some(known) = self.known.get_mut(&id) else { return };
        if std::mem::replace(&mut known.asked, true) {
            return;
        }
        if let Some(via) = &known.via {
            attach(&self.registry, id, known.is_look_up, via);
            return;
        }
        if bound_stream::is_marked(&known.info) {
            // The stream belongs to another program, or to an abandoned
            // request.
            return;
        }
        let pending = Pending::new(known.info.clone(), known.is_look_up, known.tried.clone());
        known.pending = Some(pending.clone());
        self.registry.waiting.lock().insert(id, Arc::downgrade(&pending));
        if self.registry.is_wanted(pending.kind) {
            self.registry.consider(pending, Who::Everybody);
        } else {
            // `act` logs failures.
            let _ = self.registry.operations.act(&pending, None, super::Decision::Pass);
        }
    }

    fn there(&mut self, streams: Vec<StreamInfo>) {
        for info in streams {
            let waits = matches!(info.status, StreamStatus::New | StreamStatus::NewResolve);
            if waits && info.circuit.is_none() {
                let id = info.id;
                self.known.entry(id).or_insert_with(|| Known::new(info));
                self.waits(id);
            }
        }
    }

    /// Handles the end of the connection. Fails the open requests of
    /// circuit-bound clients and forgets all streams, because the old stream
    /// ids mean nothing on the next connection. The next connection may be open
    /// already, so requests on it are left alone. If no connection follows, and
    /// this program hasn't closed the last one, resets
    /// `__LeaveStreamsUnattached` over a separate connection.
    fn ended(&mut self, end: &End) {
        for via in self.registry.bound.before(end.ends) {
            via.fail(end.closed.clone().into());
        }
        self.registry.waiting.lock().clear();
        for (id, known) in self.known.drain() {
            if known.via.is_some()
                || known.pending.as_ref().is_some_and(|pending| !pending.is_over())
            {
                self.undecided.push(id);
            }
            if let Some(pending) = known.pending {
                pending.is_gone_now();
            }
        }
        if end.returns || end.closed.is_local() {
            return;
        }
        self.registry.run.hurry();
        let Some(controller) = self.registry.controller() else { return };
        if let Err(error) = controller.undo_leaving_streams(&std::mem::take(&mut self.undecided)) {
            log::debug!(target: "scape::attach", "resetting {LEAVE_STREAMS} failed: {error}");
        }
    }
}

/// Attaches a stream of a circuit-bound client to its circuit. If that fails,
/// the stream is closed.
fn attach(registry: &Registry, id: StreamId, is_look_up: bool, via: &BoundStream) {
    let Some(controller) = registry.controller() else { return };
    if let Err(error) = via.place.put(&controller, id, is_look_up || via.is_look_up) {
        log::debug!(target: "scape::attach", "{error}");
        via.fail(error);
        registry.operations.close_unheard(id, EndReason::MISC);
    }
}

/// Returns the reason with which to close a stream that has lost its circuit.
/// tor passes the reason on to the stream's client.
fn end_reason(info: &StreamInfo) -> EndReason {
    let reason = info.remote_reason.as_ref().or(info.reason.as_ref());
    let known = EndReason::KNOWN.iter().copied();
    known.into_iter().find(|known| known.reason().as_ref() == reason).unwrap_or(EndReason::MISC)
}
