//! The reader thread: decodes bytes to replies, and delivers replies and
//! events.

use std::io::{self, Read};
use std::sync::Arc;
use std::time::SystemTime;

use parking_lot::{Mutex, ReentrantMutexGuard};

use super::closed::CloseCause;
use super::dispatcher::Call;
use super::hold::Hold;
use super::outlets::Outlets;
use super::pace::{Pace, Recent};
use super::routes::{Queue, RouteTable};
use super::waiters::Waiters;
use crate::io::transport::Transport;
use scape_proto::control::{DecodeError, Decoder, KnownSecrets, Limits, Reply};
use scape_proto::event::{self, Event};

/// The link whose socket the reader thread reads, with the methods that the
/// reader needs.
pub(super) trait Sink {
    /// Records that the peer has sent something, so that a heartbeat doesn't
    /// count as missed.
    fn note_read(&self);

    /// Begins to hand over the events and replies of one read. They must be
    /// handed over before the returned guard is dropped.
    fn deliver(&self) -> ReentrantMutexGuard<'_, ()>;

    /// Returns true if the link's events are delivered: from its authentication
    /// until its end.
    fn is_live(&self) -> bool;

    /// Returns true once the link's end may have been reported. The reader must
    /// hand over no more events then.
    fn is_silent(&self) -> bool;

    /// Returns the callers that wait for replies.
    fn waiters(&self) -> &Mutex<Waiters>;

    /// Returns the receivers of events.
    fn outlets(&self) -> &Outlets;

    /// Ends the link for this cause.
    fn end(&self, cause: CloseCause);
}

/// Reads until the connection ends, and ends the link.
pub(super) fn run(transport: &Transport, sink: &impl Sink, limits: Limits) {
    let mut reader = Reader {
        transport,
        sink,
        decoder: Decoder::new(limits),
        table: Arc::default(),
        arrived: SystemTime::now(),
        queued: Vec::new(),
        calls: Vec::new(),
        pace: Pace::default(),
        hold: Hold::default(),
        answered: false,
        recent: Recent::default(),
        known: None,
        last_refusal: None,
    };
    let cause = reader.read_until_end();
    // The reader may have the last reference to a tracker. It is dropped only
    // after the end was reported.
    sink.end(cause);
}

struct Reader<'a, S> {
    transport: &'a Transport,
    sink: &'a S,
    decoder: Decoder,
    /// The trackers, subscriptions and callbacks for each kind of event, as of
    /// the last call of [`Routes::refresh`](super::routes::Routes::refresh).
    table: Arc<RouteTable>,
    arrived: SystemTime,
    /// The events of one read, grouped by subscription. The events for one
    /// subscription are handed over together, because handing over an event by
    /// itself costs as much as parsing it.
    queued: Vec<(Arc<Queue>, Vec<Arc<Event>>)>,
    /// The events of one read that callbacks get.
    calls: Vec<Call>,
    pace: Pace,
    hold: Hold,
    /// True if the bytes that were read last contained a reply.
    answered: bool,
    recent: Recent,
    /// The passwords and cookies that this program has sent. The peer could
    /// send them back in any message, and they must not be shown then. `None`
    /// if none was sent.
    known: Option<Arc<KnownSecrets>>,
    /// The last message of tor, if it was a refusal after which tor hangs up.
    /// `None` after any other reply and after an event.
    last_refusal: Option<String>,
}

impl<S: Sink> Reader<'_, S> {
    fn read_until_end(&mut self) -> CloseCause {
        loop {
            let mut transport = self.transport;
            let read = transport.read(self.decoder.space());
            match read {
                Ok(0) => return self.end_of_file(),
                Ok(count) => self.decoder.advance(count),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                // A reset isn't an end of file, but it also happens when tor is
                // killed. Windows has two kinds of it.
                Err(error)
                    if matches!(
                        error.kind(),
                        io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionAborted
                    ) =>
                {
                    return self.end_of_file();
                }
                Err(error) => return CloseCause::Io(error),
            }
            self.arrived = SystemTime::now();
            self.sink.note_read();
            if let Err(cause) = self.deliver() {
                return cause;
            }
            // tor writes a long reply in parts of 4 KiB. Its system sends the
            // last part only after the others were acknowledged, which this
            // system would do after 40 ms. Nobody waits for the last part of an
            // event.
            if !self.sink.waiters().lock().is_idle() {
                self.transport.acknowledge();
            }
            self.hold_back();
        }
    }

    /// Waits before the next read if a flood of events comes faster than the
    /// listeners take them.
    fn hold_back(&mut self) {
        let (sink, pace) = (self.sink, &self.pace);
        let outlets = sink.outlets();
        let waiting = || pace.backlog().max(outlets.dispatcher.backlog());
        let is_urgent = || outlets.is_awaited() || !sink.waiters().lock().is_idle();
        self.hold.back(std::mem::take(&mut self.answered), waiting, is_urgent);
    }

    /// Delivers every complete reply and event of the bytes that were read so
    /// far.
    fn deliver(&mut self) -> Result<(), CloseCause> {
        let sink = self.sink;
        let _delivering = sink.deliver();
        let delivered = self.deliver_each();
        self.hand_over();
        self.recent.end_of_read();
        delivered
    }

    fn deliver_each(&mut self) -> Result<(), CloseCause> {
        loop {
            match self.decoder.next_reply() {
                Ok(Some(reply)) if reply.is_event() => self.event(reply),
                Ok(Some(reply)) => self.answer(reply)?,
                Ok(None) => return Ok(()),
                Err(error) => return Err(self.protocol_error(&error)),
            }
        }
    }

    fn answer(&mut self, mut reply: Reply) -> Result<(), CloseCause> {
        // Events that tor sent before the answer must be delivered before it.
        self.hand_over();
        self.answered = true;
        let (waiter, known) = {
            let mut waiters = self.sink.waiters().lock();
            (waiters.pop(), waiters.known())
        };
        self.known = known;
        let secrets = match &waiter {
            Some(waiter) => waiter.secrets(self.known.as_ref()),
            None => self.known.clone(),
        };
        if let Some(secrets) = secrets {
            reply.hide(secrets);
        }
        log::trace!(target: "scape::wire", "<- {reply}");
        self.last_refusal = self.ends_connection(&reply).then(|| reply.excerpt());
        match waiter {
            Some(waiter) => {
                waiter.complete(Ok(reply));
                Ok(())
            }
            None => Err(CloseCause::Protocol(format!(
                "tor sent a reply to no command, so later replies could not be matched to commands: {}",
                reply.excerpt()
            ))),
        }
    }

    /// Returns true if tor closes the connection after this reply. Before
    /// authentication, tor does so after every refusal. Later, it only does so
    /// after a line that was too long (500), or if authentication fails (514,
    /// 515).
    fn ends_connection(&self, reply: &Reply) -> bool {
        !reply.is_ok() && (!self.sink.is_live() || matches!(reply.code(), 500 | 514 | 515))
    }

    fn event(&mut self, mut reply: Reply) {
        self.last_refusal = None;
        if !self.sink.is_live() {
            return;
        }
        self.sink.outlets().routes.refresh(&mut self.table);
        let Some(route) = self.table.route(event::kind_name(&reply)) else { return };
        if let Some(known) = &self.known {
            reply.hide(known.clone());
        }
        log::trace!(target: "scape::wire", "<- {reply}");
        let event = Arc::new(Event::parse(reply, self.arrived));
        if self.pace.is_behind() {
            event.body();
        }
        for tracker in &route.trackers {
            tracker.event(&event);
        }
        for queue in &route.queues {
            match self.queued.iter_mut().find(|(known, _)| Arc::ptr_eq(known, queue)) {
                Some((_, events)) => events.push(event.clone()),
                None => self.queued.push((queue.clone(), vec![event.clone()])),
            }
        }
        // This thread frees an event anyway if no queue, no callback and no
        // tracker holds a reference to it.
        if !route.callbacks.is_empty() || Arc::strong_count(&event) > 1 {
            self.recent.keep(&event);
        }
        if !route.callbacks.is_empty() {
            self.calls.extend(Call::new(event, &route.callbacks));
        }
        if self.pace.count() {
            self.hand_over();
        }
    }

    /// Hands the collected events to subscriptions and callbacks. Drops the
    /// events instead if the end of this link may have been reported. After
    /// that report, another link may already deliver events.
    fn hand_over(&mut self) {
        if self.sink.is_silent() {
            self.queued.clear();
            self.calls.drain(..).for_each(Call::forget);
            return;
        }
        for (queue, events) in self.queued.drain(..) {
            queue.push(events);
            self.pace.handed_to(queue);
        }
        if !self.calls.is_empty() {
            self.sink.outlets().dispatcher.call(std::mem::take(&mut self.calls));
        }
        self.pace.look(self.sink.outlets().dispatcher.waiting());
    }

    fn end_of_file(&self) -> CloseCause {
        if self.decoder.is_mid_reply() {
            return CloseCause::Truncated;
        }
        CloseCause::Remote { last_words: self.last_refusal.clone() }
    }

    fn protocol_error(&self, error: &DecodeError) -> CloseCause {
        // A peer that echoes sends this program's own commands back, with their
        // secrets. The excerpt may end in the middle of a secret.
        let secrets = self.sink.waiters().lock().all_secrets();
        CloseCause::Protocol(match error {
            DecodeError::NotAReply { excerpt } => {
                DecodeError::NotAReply { excerpt: secrets.hide_cut(excerpt.clone()) }.to_string()
            }
            error => error.to_string(),
        })
    }
}
