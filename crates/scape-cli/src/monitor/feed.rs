//! The thread that tells the screen what tor does: it passes events on, and
//! asks tor regularly for what events don't tell.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant, SystemTime};

use crossbeam_channel::{Receiver, Sender, never, select, tick};
use scape::connection::{Batch, EventItem, QueueLimit};
use scape::event::{Bootstrap, EventBody, EventKind};
use scape::info::ListenerKind;
use scape::onion::disk::DiskOnions;
use scape::transport::Address;
use scape::{Controller, Result, Subscription};

use super::data::facts::{Accounting, Facts};
use super::data::onions::{Origin, Service};
use super::message::{Message, Note};
use super::process::Meter;

/// The events that the pages need. The user may add others on the log page.
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

/// Events beyond this number are lost if the monitor is too slow. Then
/// everything is read again.
const QUEUE: usize = 20_000;

/// The intervals at which tor is asked.
const FACTS_EVERY: Duration = Duration::from_secs(3);
const CIRCUITS_EVERY: Duration = Duration::from_secs(30);
const OR_CONNECTIONS_EVERY: Duration = Duration::from_secs(15);
const SERVICES_EVERY: Duration = Duration::from_secs(10);
/// The interval for what changes rarely: the nickname, flags, accounting.
const SLOW_EVERY: Duration = Duration::from_secs(30);

/// The thread's state.
#[derive(Debug)]
pub(crate) struct Feed {
    controller: Controller,
    messages: Sender<Message>,
    events: Subscription,
    /// The events that the user has added.
    added: Option<Subscription>,
    meter: Meter,
    facts: Facts,
    due: Due,
}

/// The times of the next questions.
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

/// Returned when the screen has ended.
#[derive(Debug)]
struct Ended;

impl Feed {
    /// Subscribes to the events.
    pub(crate) fn new(controller: Controller, messages: Sender<Message>) -> Result<Self> {
        let events =
            controller.subscribe_with(KINDS.iter().cloned(), QueueLimit::Bounded(QUEUE))?;
        Ok(Feed {
            controller,
            messages,
            events,
            added: None,
            meter: Meter::default(),
            facts: Facts::default(),
            due: Due::now(),
        })
    }

    /// Works until the sender of `kinds` is dropped. `kinds` gets the kinds of
    /// events to add.
    pub(crate) fn run(mut self, kinds: &Receiver<Vec<EventKind>>) {
        if let Ok(traffic) = self.controller.info().bw_event_cache() {
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
                    Ok(batch) => self.pass(batch),
                    // The connection has ended for good.
                    Err(_) => return,
                },
                recv(added) -> batch => match batch {
                    Ok(batch) => self.pass(batch),
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

    /// Passes events on.
    fn pass(&mut self, mut batch: Batch) -> std::result::Result<(), Ended> {
        while let Some(item) = batch.pop_item() {
            match item {
                EventItem::Event(event) => {
                    if matches!(event.body(), EventBody::ConfChanged(_)) {
                        self.due.slow = Instant::now();
                    }
                    self.send(Message::Event(event))?;
                }
                // Something is unknown now, so everything is asked again.
                EventItem::Missed(_) => self.due = Due::now(),
                EventItem::Reconnected(_) => {
                    self.due = Due::now();
                    self.facts = Facts::default();
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// Replaces the added kinds of events.
    fn add(&mut self, mut kinds: Vec<EventKind>) -> std::result::Result<(), Ended> {
        kinds.retain(|kind| !KINDS.contains(kind));
        if kinds.is_empty() {
            self.added = None;
            return Ok(());
        }
        match self.controller.subscribe_with(kinds, QueueLimit::Bounded(QUEUE)) {
            Ok(subscription) => self.added = Some(subscription),
            Err(error) => {
                let note = Note::error(format!("cannot subscribe to the events: {error}"));
                self.send(Message::Note(note))?;
            }
        }
        Ok(())
    }

    /// Asks what is due. Failures are left out: if the connection is lost, the
    /// status tells so, and everything is asked again later.
    fn ask(&mut self) -> std::result::Result<(), Ended> {
        let usage = match is_local(&self.controller) {
            true => self.meter.measure(self.facts.pid),
            false => self.meter.measure(None),
        };
        self.send(Message::Usage(usage))?;
        let now = Instant::now();
        if !self.controller.is_open() {
            return Ok(());
        }
        if now >= self.due.slow {
            self.due.slow = now + SLOW_EVERY;
            // Left as they are if tor doesn't answer.
            let _ = self.ask_slowly_changing();
        }
        if now >= self.due.facts {
            self.due.facts = now + FACTS_EVERY;
            if self.ask_facts().is_ok() {
                self.send(Message::Facts(self.facts.clone().into()))?;
            }
        }
        if now >= self.due.circuits {
            self.due.circuits = now + CIRCUITS_EVERY;
            let lists = self.controller.circuits().and_then(|circuits| {
                let streams = self.controller.streams()?;
                Ok((circuits, streams))
            });
            // Events that came before the lists must be passed on before them.
            self.pass_waiting()?;
            if let Ok((circuits, streams)) = lists {
                self.send(Message::Circuits(circuits, streams))?;
            }
        }
        if now >= self.due.or_connections {
            self.due.or_connections = now + OR_CONNECTIONS_EVERY;
            let list = self.controller.info().or_connections();
            self.pass_waiting()?;
            if let Ok(list) = list {
                self.send(Message::OrConnections(list))?;
            }
        }
        if now >= self.due.services {
            self.due.services = now + SERVICES_EVERY;
            if let Ok(services) = services(&self.controller) {
                self.send(Message::Services(services))?;
            }
        }
        Ok(())
    }

    /// Passes on the events that are in the queue.
    fn pass_waiting(&mut self) -> std::result::Result<(), Ended> {
        while let Ok(batch) = self.events.receiver().try_recv() {
            self.pass(batch)?;
        }
        Ok(())
    }

    fn ask_facts(&mut self) -> Result<()> {
        const KEYS: [&str; 15] = [
            "version",
            "status/version/current",
            "process/pid",
            "process/user",
            "process/descriptor-limit",
            "uptime",
            "config-file",
            "status/bootstrap-phase",
            "network-liveness",
            "status/circuit-established",
            "dormant",
            "traffic/read",
            "traffic/written",
            "fingerprint",
            "address",
        ];
        let kinds = ListenerKind::KNOWN;
        let listeners: Vec<_> = kinds.iter().map(|kind| format!("net/listeners/{kind}")).collect();
        let keys = KEYS.into_iter().chain(listeners.iter().map(String::as_str));
        let answers = self.controller.info().get_each(keys.clone())?;
        // tor refuses keys that don't apply, such as a client's fingerprint.
        let values: BTreeMap<&str, String> =
            keys.zip(answers).filter_map(|(key, value)| Some((key, value.ok()?))).collect();
        let text = |key: &str| values.get(key).filter(|value| !value.is_empty()).cloned();
        let flag = |key: &str, word: &str| values.get(key).map(|value| value == word);
        let number = |key: &str| values.get(key).and_then(|value| value.parse::<u64>().ok());
        let mut ports = Vec::new();
        for (kind, key) in kinds.iter().zip(&listeners) {
            let addresses = values.get(key.as_str()).map_or("", String::as_str);
            let words = addresses.split_whitespace().map(|word| word.trim_matches('"').to_owned());
            ports.extend(words.map(|address| (kind.to_string(), address)));
        }
        let uptime = number("uptime").map(Duration::from_secs);
        let old = &self.facts;
        self.facts = Facts {
            version: text("version").unwrap_or_default(),
            version_status: text("status/version/current"),
            pid: text("process/pid").and_then(|pid| pid.parse().ok()),
            user: text("process/user"),
            started: uptime.and_then(|uptime| SystemTime::now().checked_sub(uptime)),
            config_file: text("config-file"),
            bootstrap: text("status/bootstrap-phase")
                .and_then(|value| Bootstrap::parse(value.as_bytes())),
            network_alive: flag("network-liveness", "up"),
            circuit_established: flag("status/circuit-established", "1"),
            dormant: flag("dormant", "1"),
            read: number("traffic/read"),
            written: number("traffic/written"),
            fingerprint: text("fingerprint"),
            address: text("address"),
            nickname: old.nickname.clone(),
            flags: old.flags.clone(),
            ports,
            accounting: old.accounting.clone(),
            descriptor_limit: number("process/descriptor-limit"),
        };
        Ok(())
    }

    fn ask_slowly_changing(&mut self) -> Result<()> {
        let info = self.controller.info();
        self.facts.nickname = self.controller.get_conf("Nickname")?;
        self.facts.accounting = info.accounting()?.map(|accounting| Accounting {
            hibernating: accounting.hibernating.to_string(),
            read_left: accounting.left.read,
            written_left: accounting.left.written,
            end: accounting.interval_end,
        });
        self.facts.flags = None;
        let Some(fingerprint) = info.fingerprint()? else { return Ok(()) };
        if let Some(text) = info.ns_id(fingerprint)? {
            let flags = text.parse().ok().map(|status| status.flags().to_string());
            self.facts.flags = flags;
        }
        Ok(())
    }
}

/// Returns true if tor runs on this machine, as far as its address tells.
fn is_local(controller: &Controller) -> bool {
    controller.control_address().is_none_or(Address::is_local)
}

/// Reads the onion services.
fn services(controller: &Controller) -> Result<Vec<Service>> {
    let info = controller.info();
    let mut services = Vec::new();
    for (origin, addresses) in
        [(Origin::Current, info.onions_current()?), (Origin::Detached, info.onions_detached()?)]
    {
        services.extend(addresses.into_iter().map(|address| Service {
            address: Some(address),
            origin,
            ports: Vec::new(),
            directory: None,
        }));
    }
    let disk = DiskOnions::of(controller);
    for service in disk.list()? {
        // The directory may belong to another user.
        let hostname = fs::read_to_string(service.directory().join("hostname"));
        services.push(Service {
            address: hostname.ok().and_then(|text| text.trim().parse().ok()),
            origin: Origin::Disk,
            ports: service.values("HiddenServicePort").map(str::to_owned).collect(),
            directory: Some(service.directory().display().to_string()),
        });
    }
    Ok(services)
}
