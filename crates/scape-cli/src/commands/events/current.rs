//! Prints the present state of tor as events, for `--with-current`.
//!
//! tor is asked for the state after the subscription, so no change is missed.
//! But tor queues its events, so the event for a change may come before or
//! after an answer that contains the change. Such events are left out: see
//! [`Current::new_events`].

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use scape::Controller;
use scape::event::{
    AddrMapEvent, CircuitInfo, Event, EventBody, EventKind, OrConnInfo, StreamInfo,
};
use scape::info::{AddressMapping, MappingSource};
use scape::word::{CircuitId, Expiry, StreamId};
use serde::{Serialize, Serializer};

use crate::base::failure::Failure;
use crate::commands::shared::json;

/// The kinds of events for which tor can also be asked for the present state.
const KINDS: [EventKind; 4] =
    [EventKind::Circ, EventKind::Stream, EventKind::OrConn, EventKind::AddrMap];

/// Returns a failure if none of these kinds is among [`KINDS`].
pub(super) fn check(kinds: &[EventKind]) -> Result<(), Failure> {
    if kinds.iter().any(|kind| KINDS.contains(kind)) {
        return Ok(());
    }
    let known: Vec<_> = KINDS.iter().map(EventKind::as_str).collect();
    let known = known.join(", ");
    Err(Failure::usage(format!("--with-current needs one of the kinds {known}")))
}

/// A circuit, stream, connection or address mapping that tor has reported on
/// request. It is printed like an event.
#[derive(Debug, Serialize)]
pub(super) struct Entry {
    kind: EventKind,
    /// The time when tor was asked.
    #[serde(serialize_with = "time")]
    pub(super) arrived: SystemTime,
    /// Always true. Events don't have this field, so a reader of the JSON can
    /// tell entries and events apart.
    is_current: bool,
    body: Body,
}

fn time<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    json::time(&Some(*time), serializer)
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Body {
    Event(EventBody),
    Mapping(Mapping),
}

/// An address mapping. It is serialized like the body of an ADDRMAP event.
#[derive(Debug, Serialize)]
#[serde(tag = "type", rename = "addr_map")]
struct Mapping {
    from: String,
    to: String,
    expires: Expiry,
    /// Always `None`, because tor reports only the time in UTC on request.
    expires_local: Option<String>,
    error: Option<String>,
    cached: bool,
    stream: Option<StreamId>,
    extra: BTreeMap<String, String>,
    extra_words: Vec<String>,
    #[serde(skip)]
    text: String,
}

impl From<AddressMapping> for Mapping {
    fn from(mapping: AddressMapping) -> Self {
        Mapping {
            text: mapping.to_string(),
            from: mapping.from,
            to: mapping.to,
            expires: mapping.expires,
            expires_local: None,
            error: None,
            cached: true,
            stream: None,
            extra: BTreeMap::new(),
            extra_words: Vec::new(),
        }
    }
}

impl Entry {
    /// Returns the kind and the text of the entry. Secrets are replaced.
    pub(super) fn text(&self) -> String {
        match &self.body {
            Body::Event(body) => super::line(&self.kind, body),
            Body::Mapping(mapping) => super::line(&self.kind, &mapping.text),
        }
    }
}

/// The circuit, stream, connection or address that an event or an [`Entry`] is
/// about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Subject {
    Circuit(CircuitId),
    Stream(StreamId),
    OrConn(String),
    Address(String),
}

/// The state of a [`Subject`], as a text to compare. If an event has the same
/// condition as the entry about its subject, the event tells nothing new.
type Condition = String;

fn circuit(info: &CircuitInfo) -> (Subject, Condition) {
    (Subject::Circuit(info.id), format!("{} {:?}", info.status, info.path))
}

fn stream(info: &StreamInfo) -> (Subject, Condition) {
    let condition = format!("{} {:?} {}", info.status, info.circuit, info.target);
    (Subject::Stream(info.id), condition)
}

fn connection(info: &OrConnInfo) -> (Subject, Condition) {
    (Subject::OrConn(info.target.to_string()), info.status.to_string())
}

fn mapping(from: &str, to: &str, expires: &Expiry) -> (Subject, Condition) {
    (Subject::Address(from.to_owned()), format!("{to} {expires}"))
}

/// Returns the subject of an event, and the condition of the subject after the
/// event. Returns `None` for events of other kinds than [`KINDS`].
fn of_event(body: &EventBody) -> Option<(Subject, Condition)> {
    match body {
        EventBody::Circ(info) => Some(circuit(info)),
        EventBody::Stream(info) => Some(stream(info)),
        EventBody::OrConn(info) => Some(connection(info)),
        EventBody::AddrMap(AddrMapEvent { from, to: Some(to), expires, .. }) => {
            Some(mapping(from, to, expires))
        }
        _ => None,
    }
}

/// The present state of tor, for the kinds of events that the user wants.
#[derive(Debug, Default)]
pub(super) struct Current {
    pub(super) entries: Vec<Entry>,
    conditions: HashMap<Subject, Condition>,
}

impl Current {
    /// Asks tor for the present state. Must be called after the subscription,
    /// so that no change is missed. The timeout of `controller` limits all
    /// requests together.
    pub(super) fn read(controller: &Controller, kinds: &[EventKind]) -> scape::Result<Self> {
        let begun = Instant::now();
        let tor = || controller.with_timeout(controller.timeout().saturating_sub(begun.elapsed()));
        let mut current = Current::default();
        if kinds.contains(&EventKind::Circ) {
            for info in tor().circuits()? {
                let body = Body::Event(EventBody::Circ(info.clone()));
                current.push(EventKind::Circ, circuit(&info), body);
            }
        }
        if kinds.contains(&EventKind::Stream) {
            for info in tor().streams()? {
                let body = Body::Event(EventBody::Stream(info.clone()));
                current.push(EventKind::Stream, stream(&info), body);
            }
        }
        if kinds.contains(&EventKind::OrConn) {
            for info in tor().info().or_connections()? {
                let body = Body::Event(EventBody::OrConn(info.clone()));
                current.push(EventKind::OrConn, connection(&info), body);
            }
        }
        if kinds.contains(&EventKind::AddrMap) {
            for info in tor().info().address_mappings(&MappingSource::All)? {
                let condition = mapping(&info.from, &info.to, &info.expires);
                current.push(EventKind::AddrMap, condition, Body::Mapping(info.into()));
            }
        }
        Ok(current)
    }

    fn push(&mut self, kind: EventKind, (subject, condition): (Subject, Condition), body: Body) {
        let arrived = SystemTime::now();
        self.entries.push(Entry { kind, arrived, is_current: true, body });
        self.conditions.insert(subject, condition);
    }

    /// Returns the events that tell something new. `events` are the first ones
    /// after the subscription. An event that repeats an entry is left out
    /// because the entry contains it, and so are all earlier events about the
    /// same subject.
    pub(super) fn new_events(&self, events: Vec<Arc<Event>>) -> Vec<Arc<Event>> {
        let mut last_known = HashMap::new();
        for (number, event) in events.iter().enumerate() {
            if let Some((subject, condition)) = of_event(event.body())
                && self.conditions.get(&subject) == Some(&condition)
            {
                last_known.insert(subject, number);
            }
        }
        let is_new = |number: usize, event: &Event| {
            let subject = of_event(event.body()).map(|(subject, _)| subject);
            let known = subject.and_then(|subject| last_known.get(&subject));
            known.is_none_or(|known| number > *known)
        };
        let numbered = events.into_iter().enumerate();
        let new = numbered.filter(|(number, event)| is_new(*number, event));
        new.map(|(_, event)| event).collect()
    }
}

#[cfg(test)]
mod tests {
    use scape_proto::control::Decoder;

    use super::*;

    fn event(line: &str) -> Arc<Event> {
        let mut decoder = Decoder::default();
        decoder.feed(format!("650 {line}\r\n").as_bytes());
        Arc::new(Event::parse(decoder.next_reply().unwrap().unwrap(), SystemTime::now()))
    }

    /// Returns the state that these lines of events describe.
    fn state(lines: &[&str]) -> Current {
        let conditions = lines.iter().map(|line| of_event(event(line).body()).unwrap());
        Current { entries: Vec::new(), conditions: conditions.collect() }
    }

    fn new_events(current: &Current, lines: &[&str]) -> Vec<String> {
        let events = lines.iter().map(|line| event(line)).collect();
        current.new_events(events).iter().map(|event| event.text()).collect()
    }

    #[test]
    fn events_that_the_state_contains_are_left_out() {
        let current = state(&["CIRC 7 BUILT a,b,c PURPOSE=GENERAL", "CIRC 8 EXTENDED a"]);
        let events = [
            "CIRC 7 EXTENDED a,b,c PURPOSE=GENERAL",
            "CIRC 8 EXTENDED a,b",
            "CIRC 7 BUILT a,b,c PURPOSE=GENERAL",
            "NOTICE hello",
            "CIRC 9 LAUNCHED",
            "CIRC 7 CLOSED a,b,c REASON=FINISHED",
        ];
        let expected = [events[1], events[3], events[4], events[5]];
        assert_eq!(new_events(&current, &events), expected);
        assert!(new_events(&current, &[]).is_empty());
    }

    #[test]
    fn streams_connections_and_mappings_are_compared() {
        let lines = [
            "STREAM 4 SUCCEEDED 7 example.com:80",
            "ORCONN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 CONNECTED",
            "ADDRMAP a.example 192.0.2.1 NEVER CACHED=\"YES\"",
        ];
        let current = state(&lines);
        assert!(new_events(&current, &lines).is_empty());
        let changed = [
            "STREAM 4 SUCCEEDED 8 example.com:80",
            "ORCONN $9695DFC35FFEB861329B9F1AB04C46397020CE31~moria1 CLOSED",
            "ADDRMAP a.example 192.0.2.2 NEVER CACHED=\"YES\"",
            "ADDRMAP b.example <error> \"2026-11-20 21:13:04\" error=yes",
        ];
        assert_eq!(new_events(&current, &changed), changed);
    }

    #[test]
    fn kinds_without_a_state_are_wrong_usage() {
        assert!(check(&[EventKind::Bw, EventKind::OrConn]).is_ok());
        let failure = check(&[EventKind::Bw]).unwrap_err();
        assert!(failure.message.contains("CIRC, STREAM, ORCONN, ADDRMAP"), "{failure:?}");
    }

    #[test]
    fn entries_have_the_form_of_events() {
        let info = CircuitInfo::parse(b"7 BUILT a SOCKS_PASSWORD=\"sesame\"").unwrap();
        let mapping = AddressMapping::new("a.example", "192.0.2.1", Expiry::Never);
        let mut current = Current::default();
        current.push(EventKind::Circ, circuit(&info), Body::Event(EventBody::Circ(info.clone())));
        let condition = (Subject::Address("a.example".into()), String::new());
        current.push(EventKind::AddrMap, condition, Body::Mapping(mapping.into()));
        let texts: Vec<_> = current.entries.iter().map(Entry::text).collect();
        assert_eq!(texts, ["CIRC          7 BUILT: a", "ADDRMAP       a.example -> 192.0.2.1"]);
        let event = event("ADDRMAP a.example 192.0.2.1 NEVER CACHED=\"YES\"");
        let [one, two] = [serde_json::to_value(&current.entries[1]), serde_json::to_value(&*event)];
        let (one, two) = (one.unwrap(), two.unwrap());
        assert_eq!((&one["kind"], &one["body"]), (&two["kind"], &two["body"]));
        assert_eq!(one["is_current"], true);
        let text = serde_json::to_string(&current.entries).unwrap();
        assert!(!text.contains("sesame"), "{text}");
    }
}
