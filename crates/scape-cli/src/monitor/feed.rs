//! The thread that collects data about tor. It passes tor's events on to the
//! thread of the screen, and regularly asks tor for the data that events don't
//! contain.

use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, never, select, tick};
use scape::connection::{Batch, EventItem, QueueLimit};
use scape::event::{EventBody, EventKind, OrConnInfo, OrConnStatus};
use scape::{Controller, Error, ErrorKind, Result, Subscription};

use crate::commands::shared::files::is_local;

use super::data::facts::Facts;
use super::message::{Message, Note};
use super::process::Meter;
use super::questions;

/// The events that the pages of the monitor need. The user may add other kinds
/// on the page Log.
pub(crate) const KINDS: &[EventKind] = &[
    EventKind::Circ,
    EventKind::CircMinor,
    EventKind::Stream,
    EventKind::OrConn,
    EventKind::Bw,
    EventKind::StreamBw,
    EventKind::CircBw,
    EventKind::ConnBw,
    EventKind::Notice,
    EventKind::Warn,
    EventKind::Err,
    EventKind::StatusGeneral,
    EventKind::StatusClient,
    EventKind::StatusServer,
    EventKind::HsDesc,
    EventKind::ConfChanged,
    EventKind::Signal,
    EventKind::NetworkLiveness,
    EventKind::Guard,
];

/// The maximum number of events that wait in a subscription. If the monitor is
/// too slow, further events are lost, and all data is read again. This happens
/// at most once per [`REREAD_EVERY`].
const QUEUE: usize = 20_000;

/// The minimum time between two times when all data is read again because
/// events were lost.
const REREAD_EVERY: Duration = Duration::from_secs(15);

/// The maximum time to wait for one answer of tor. The thread passes on no
/// events while it waits.
const ANSWER: Duration = Duration::from_secs(5);
/// The time for which tor isn't asked anything after it failed to answer.
const SILENT_FOR: Duration = Duration::from_secs(10);

/// The interval between requests for the facts about tor, such as the traffic.
const FACTS_EVERY: Duration = Duration::from_secs(3);
/// The interval between requests for the lists of circuits and streams.
const CIRCUITS_EVERY: Duration = Duration::from_secs(30);
/// The interval between requests for the list of OR connections.
const OR_CONNECTIONS_EVERY: Duration = Duration::from_secs(15);
/// The interval between requests for the list of onion services.
const SERVICES_EVERY: Duration = Duration::from_secs(10);
/// The interval between requests for facts that rarely change: the nickname,
/// the flags and accounting.
const SLOW_EVERY: Duration = Duration::from_secs(30);

/// The state of the thread that collects data about tor.
#[derive(Debug)]
pub(crate) struct Feed {
    controller: Controller,
    /// The controller for requests. It has a short timeout, see [`ANSWER`].
    asked: Controller,
    messages: Sender<Message>,
    events: Subscription,
    /// The subscription to the kinds of events that the user has added to
    /// [`KINDS`]. `None` if there are no such kinds.
    added: Option<Subscription>,
    meter: Meter,
    facts: Facts,
    due: Due,
    /// True if events were lost, so that all data has to be read again.
    is_stale: bool,
    /// The time when all data was last read again because events were lost.
    /// `None` if this may happen at once.
    reread_at: Option<Instant>,
    /// The time until which tor isn't asked anything, because it failed to
    /// answer. `None` if tor may be asked.
    silent_until: Option<Instant>,
}

/// The times at which the next requests of each kind are due.
#[derive(Debug, Clone, Copy)]
struct Due {
    facts: Instant,
    circuits: Instant,
    or_connections: Instant,
    services: Instant,
    slow: Instant,
}

impl Due {
    fn now() -> Self {
        let now = Instant::now();
        Due { facts: now, circuits: now, or_connections: now, services: now, slow: now }
    }
}

/// The error if a message can't be sent, because the screen is closed.
#[derive(Debug)]
struct Ended;

/// The reason why the remaining requests weren't sent.
#[derive(Debug)]
enum Problem {
    Ended,
    Tor(Error),
}

impl From<Ended> for Problem {
    fn from(_: Ended) -> Self {
        Problem::Ended
    }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        Problem::Tor(error)
    }
}

impl Feed {
    /// Creates the feed, and subscribes to [`KINDS`].
    pub(crate) fn new(controller: Controller, messages: Sender<Message>) -> Result<Self> {
        let events =
            controller.subscribe_with(KINDS.iter().cloned(), QueueLimit::Bounded(QUEUE))?;
        let asked = controller.with_timeout(controller.timeout().min(ANSWER));
        Ok(Feed {
            controller,
            asked,
            messages,
            events,
            added: None,
            meter: Meter::default(),
            facts: Facts::default(),
            due: Due::now(),
            is_stale: false,
            reread_at: None,
            silent_until: None,
        })
    }

    /// Passes on events and sends requests. Returns when the sender of `kinds`
    /// is dropped, the connection has ended, or the screen is closed. Each
    /// message in `kinds` replaces the kinds of events that the user has added.
    pub(crate) fn run(mut self, kinds: &Receiver<Vec<EventKind>>) {
        if let Ok(traffic) = self.asked.info().bw_event_cache() {
            let _ = self.messages.send(Message::Bandwidth(traffic));
        }
        if self.ask().is_err() {
            return;
        }
        let ticks = tick(Duration::from_secs(1));
        loop {
            let nothing = never();
            let added = self.added.as_ref().map_or(&nothing, Subscription::receiver);
            let result = select! {
                recv(self.events.receiver()) -> batch => match batch {
                    Ok(batch) => self.pass(batch, false),
                    // The connection has ended for good.
                    Err(_) => return,
                },
                recv(added) -> batch => match batch {
                    Ok(batch) => self.pass(batch, true),
                    Err(_) => {
                        self.added = None;
                        Ok(())
                    }
                },
                recv(kinds) -> kinds => match kinds {
                    Ok(kinds) => self.add(kinds),
                    Err(_) => return,
                },
                recv(ticks) -> _ => self.ask(),
            };
            if result.is_err() {
                return;
            }
        }
    }

    fn send(&self, message: Message) -> std::result::Result<(), Ended> {
        self.messages.send(message).map_err(|_| Ended)
    }

    /// Passes on the events in `batch`. `is_added` is true if they come from
    /// the subscription in `self.added`.
    fn pass(&mut self, mut batch: Batch, is_added: bool) -> std::result::Result<(), Ended> {
        while let Some(item) = batch.pop_item() {
            self.pass_item(item, is_added)?;
        }
        Ok(())
    }

    fn pass_item(&mut self, item: EventItem, is_added: bool) -> std::result::Result<(), Ended> {
        match item {
            EventItem::Event(event) => {
                if matches!(event.body(), EventBody::ConfChanged(_)) {
                    // tor may have become a relay, so the facts are asked for
                    // again.
                    let now = Instant::now();
                    (self.due.facts, self.due.slow) = (now, now);
                }
                self.send(Message::Event(event))?;
            }
            // The screen may be out of date after missed events. Missed events
            // of the added kinds don't matter, because only the log shows them,
            // and the log can't be read again.
            EventItem::Missed(_) if !is_added => self.is_stale = true,
            EventItem::Reconnected(_) if !is_added => {
                self.is_stale = true;
                self.reread_at = None;
                self.silent_until = None;
                self.facts = Facts::default();
            }
            _ => {}
        }
        Ok(())
    }

    /// Replaces the subscription to the kinds of events that the user has
    /// added. Kinds that are in [`KINDS`] are ignored.
    fn add(&mut self, mut kinds: Vec<EventKind>) -> std::result::Result<(), Ended> {
        kinds.retain(|kind| !KINDS.contains(kind));
        if kinds.is_empty() {
            self.added = None;
            return Ok(());
        }
        match self.asked.subscribe_with(kinds, QueueLimit::Bounded(QUEUE)) {
            Ok(subscription) => self.added = Some(subscription),
            Err(error) => {
                let note = Note::error(format!("cannot subscribe to the events: {error}"));
                self.send(Message::Note(note))?;
            }
        }
        Ok(())
    }

    /// Measures the resources of tor's process, and sends the requests that are
    /// due. If tor doesn't answer one, the others are sent later, because
    /// events wait meanwhile.
    fn ask(&mut self) -> std::result::Result<(), Ended> {
        let usage = match is_local(&self.controller) {
            true => self.meter.measure(self.facts.pid),
            false => self.meter.measure(None),
        };
        self.send(Message::Usage(usage))?;
        let now = Instant::now();
        if !self.controller.is_open() || self.silent_until.is_some_and(|until| now < until) {
            return Ok(());
        }
        self.silent_until = None;
        let is_allowed = self.reread_at.is_none_or(|at| now >= at + REREAD_EVERY);
        if self.is_stale && is_allowed {
            self.is_stale = false;
            self.reread_at = Some(now);
            self.due = Due::now();
            self.send(Message::Stale)?;
        }
        match self.ask_due(now) {
            Err(Problem::Tor(error)) if error.kind() != ErrorKind::Refused => {
                self.silent_until = Some(Instant::now() + SILENT_FOR);
                Ok(())
            }
            Err(Problem::Ended) => Err(Ended),
            Ok(()) | Err(Problem::Tor(_)) => Ok(()),
        }
    }

    fn ask_due(&mut self, now: Instant) -> std::result::Result<(), Problem> {
        if now >= self.due.slow {
            self.due.slow = now + SLOW_EVERY;
            accept_refusal(questions::slow_facts(&self.asked, &mut self.facts))?;
        }
        if now >= self.due.facts {
            self.due.facts = now + FACTS_EVERY;
            self.facts = questions::facts(&self.asked, &self.facts)?;
            self.send(Message::Facts(self.facts.clone().into()))?;
        }
        if now >= self.due.circuits {
            self.due.circuits = now + CIRCUITS_EVERY;
            if let Some(mut list) = accept_refusal(self.asked.circuits())? {
                self.pass_waiting(|body| {
                    if let EventBody::Circ(info) = body {
                        list.retain(|listed| listed.id != info.id);
                        list.extend((!info.status.is_end()).then(|| info.clone()));
                    }
                })?;
                self.send(Message::Circuits(list))?;
            }
            if let Some(mut list) = accept_refusal(self.asked.streams())? {
                self.pass_waiting(|body| {
                    if let EventBody::Stream(info) = body {
                        list.retain(|listed| listed.id != info.id);
                        list.extend((!info.status.is_end()).then(|| info.clone()));
                    }
                })?;
                self.send(Message::Streams(list))?;
            }
        }
        if now >= self.due.or_connections {
            self.due.or_connections = now + OR_CONNECTIONS_EVERY;
            if let Some(mut list) = accept_refusal(self.asked.info().or_connections())? {
                self.pass_waiting(|body| {
                    if let EventBody::OrConn(info) = body {
                        bring_up_to_date(&mut list, info);
                    }
                })?;
                self.send(Message::OrConnections(list))?;
            }
        }
        if now >= self.due.services {
            self.due.services = now + SERVICES_EVERY;
            if let Some(services) = accept_refusal(questions::services(&self.asked))? {
                self.send(Message::Services(services))?;
            }
        }
        Ok(())
    }

    /// Passes on the events that arrived while tor was asked for a list,
    /// because they must reach the screen before the list. Also calls `seen`
    /// with each event, so that the caller can update the list, which may be
    /// older than the event.
    fn pass_waiting(&mut self, mut seen: impl FnMut(&EventBody)) -> std::result::Result<(), Ended> {
        while let Ok(mut batch) = self.events.receiver().try_recv() {
            while let Some(item) = batch.pop_item() {
                if let EventItem::Event(event) = &item {
                    seen(event.body());
                }
                self.pass_item(item, false)?;
            }
        }
        Ok(())
    }
}

/// Updates `list`, tor's list of OR connections, with an event that arrived
/// after the request. The list has no IDs, and a relay may have several
/// connections, each with an entry.
fn bring_up_to_date(list: &mut Vec<OrConnInfo>, info: &OrConnInfo) {
    let same = list.iter().position(|listed| listed.target == info.target);
    let is_end = matches!(info.status, OrConnStatus::Closed | OrConnStatus::Failed);
    match (is_end, same) {
        (true, Some(at)) => drop(list.remove(at)),
        (true, None) => {}
        (false, Some(at)) => {
            // Another event may be older than the list, or be about another
            // connection, so only CONNECTED replaces the entry.
            if let Some(listed) = list.get_mut(at)
                && info.status == OrConnStatus::Connected
            {
                *listed = info.clone();
            }
        }
        (false, None) => list.push(info.clone()),
    }
}

/// Converts a refusal of tor to `None`. Old versions of tor refuse some of the
/// requests.
fn accept_refusal<T>(answer: Result<T>) -> Result<Option<T>> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) if error.kind() == ErrorKind::Refused => Ok(None),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use crossbeam_channel::{bounded, unbounded};
    use scape::Connect;
    use scape::testing::ScriptedTor;

    use super::*;

    /// Creates a feed that is connected to a scripted tor. Returns the tor, the
    /// feed, and the receiver of the feed's messages. The tor accepts all
    /// subscriptions. It answers each GETINFO and GETCONF command with the text
    /// that `answer` returns for the command.
    fn feed(
        answer: impl Fn(&str) -> &'static str + Send + Sync + 'static,
    ) -> (ScriptedTor, Feed, Receiver<Message>) {
        let tor = ScriptedTor::builder()
            .on_any(move |command| match command.split_once(' ')?.0 {
                "SETEVENTS" => Some("250 OK\r\n".into()),
                "GETINFO" | "GETCONF" => Some(answer(command).into()),
                _ => None,
            })
            .start()
            .unwrap();
        let controller = Connect::new().authenticate_over(tor.transport().unwrap()).unwrap();
        let controller = controller.with_timeout(Duration::from_millis(300));
        let (messages, received) = unbounded();
        (tor, Feed::new(controller, messages).unwrap(), received)
    }

    /// Receives messages until `is_it` returns true for one of them. Returns
    /// the messages, including the last one.
    fn until(received: &Receiver<Message>, is_it: impl Fn(&Message) -> bool) -> Vec<Message> {
        let mut messages = Vec::new();
        loop {
            let message = received.recv_timeout(Duration::from_secs(5)).unwrap();
            messages.push(message);
            if messages.last().is_some_and(&is_it) {
                return messages;
            }
        }
    }

    #[test]
    fn silent_tor_delays_no_events_and_has_no_facts() {
        let (tor, feed, received) = feed(|_| "");
        let (kinds, wanted) = bounded(1);
        let thread = thread::spawn(move || feed.run(&wanted));
        let begun = Instant::now();
        for _ in 0..3 {
            tor.send("650 WARN Something\r\n");
            let messages = until(&received, |message| matches!(message, Message::Event(_)));
            let is_fact = |message: &Message| matches!(message, Message::Facts(_));
            assert!(!messages.iter().any(is_fact), "{messages:?}");
        }
        // This is the sum of the timeouts of two questions, and a reserve for
        // slow machines.
        assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
        drop(kinds);
        thread.join().unwrap();
    }

    #[test]
    fn lists_are_brought_up_to_date_by_events() {
        let (_tor, mut feed, received) = feed(|command| match command {
            "GETINFO circuit-status" => {
                "650 CIRC 5 CLOSED\r\n650 CIRC 7 LAUNCHED\r\n250+circuit-status=\r\n5 BUILT\r\n\
                 6 BUILT\r\n.\r\n250 OK\r\n"
            }
            _ => "552 Unrecognized\r\n",
        });
        feed.ask().unwrap();
        let messages = until(&received, |message| matches!(message, Message::Circuits(_)));
        let is_event = |message: &Message| matches!(message, Message::Event(_));
        assert!(messages.iter().any(is_event), "{messages:?}");
        let Some(Message::Circuits(list)) = messages.last() else { panic!("{messages:?}") };
        let ids: Vec<_> = list.iter().map(|circuit| circuit.id.to_string()).collect();
        assert_eq!(ids, ["6", "7"]);
    }

    #[test]
    fn end_of_a_connection_leaves_the_other_one_of_the_same_relay() {
        let (_tor, mut feed, received) = feed(|command| match command {
            "GETINFO orconn-status" => {
                "650 ORCONN $0000000000000000000000000000000000000001~one CLOSED ID=1\r\n\
                 650 ORCONN $0000000000000000000000000000000000000002~two CONNECTED ID=2\r\n\
                 650 ORCONN 10.0.0.3:9001 LAUNCHED ID=3\r\n250+orconn-status=\r\n\
                 $0000000000000000000000000000000000000001~one CONNECTED\r\n\
                 $0000000000000000000000000000000000000001~one CONNECTED\r\n\
                 $0000000000000000000000000000000000000002~two LAUNCHED\r\n.\r\n250 OK\r\n"
            }
            _ => "552 Unrecognized\r\n",
        });
        feed.ask().unwrap();
        let messages = until(&received, |message| matches!(message, Message::OrConnections(_)));
        let Some(Message::OrConnections(list)) = messages.last() else { panic!("{messages:?}") };
        let list: Vec<_> = list.iter().map(ToString::to_string).collect();
        assert_eq!(list, ["one CONNECTED", "two CONNECTED", "10.0.0.3:9001 LAUNCHED"]);
    }

    #[test]
    fn data_is_read_again_after_lost_events_but_not_too_often() {
        let (_tor, mut feed, received) = feed(|_| "552 Unrecognized\r\n");
        let stale = || {
            let is_stale = |message: &Message| matches!(message, Message::Stale);
            received.try_iter().filter(is_stale).count()
        };
        // The added events are for the log only, so missing some of them makes
        // nothing stale.
        feed.pass_item(EventItem::Missed(7), true).unwrap();
        feed.ask().unwrap();
        assert_eq!(stale(), 0);
        for _ in 0..3 {
            feed.pass_item(EventItem::Missed(7), false).unwrap();
            feed.ask().unwrap();
        }
        assert_eq!(stale(), 1);
        assert!(feed.is_stale);
        feed.reread_at = None;
        feed.ask().unwrap();
        assert_eq!(stale(), 1);
    }
}
