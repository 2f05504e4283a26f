//! What is known of the values that tor runs with.

use std::collections::HashMap;
use std::sync::Arc;

use super::lines::{are_the_same, with_values};
use super::schema::Schema;
use crate::types::ConfLine;

/// The running values, by unit: an option, or a group of options. What is not known is asked for when it is wanted.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) schema: Arc<Schema>,
    units: HashMap<String, Unit>,
    /// Others' changes that changes of this program have overwritten, because neither knew of the other.
    overwritten: Vec<Overwritten>,
}

/// What is known of a unit.
#[derive(Debug, Default)]
struct Unit {
    lines: Option<Vec<ConfLine>>,
    /// What they were when they were last known, for who wants to know what has changed.
    last: Option<Vec<ConfLine>>,
    /// What this program has sent, of which tor's event has not come: in each of the forms in which it may.
    sent: Vec<Vec<ConfLine>>,
    /// What an event has told meanwhile that is something else: so it was before ours, if ours is yet to come.
    slipped: Option<Vec<ConfLine>>,
    /// How many events there were of it.
    events: u64,
}

/// Somebody else's change that was overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Overwritten {
    pub(super) unit: String,
    pub(super) theirs: Vec<ConfLine>,
    pub(super) ours: Vec<ConfLine>,
}

/// What an event has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) unit: String,
    /// `None` where that was not known.
    pub(super) before: Option<Vec<ConfLine>>,
    pub(super) after: Vec<ConfLine>,
    /// Whether it was this program that changed it.
    pub(super) is_own: bool,
}

/// How many overwritten changes are kept for who asks.
const MOST_OVERWRITTEN: usize = 1000;

impl Model {
    pub(super) fn new(schema: Arc<Schema>) -> Self {
        Model { schema, ..Model::default() }
    }

    /// A unit's lines, where they are known.
    pub(super) fn lines(&self, unit: &str) -> Option<&Vec<ConfLine>> {
        self.units.get(unit)?.lines.as_ref()
    }

    /// What a unit is as far as this program knows: its lines, or what it was last set to.
    pub(super) fn expected(&self, unit: &str) -> Option<&Vec<ConfLine>> {
        let unit = self.units.get(unit)?;
        unit.lines.as_ref().or(unit.slipped.as_ref()).or_else(|| unit.sent.first())
    }

    /// How many events there were of a unit: see [`answered`](Self::answered).
    pub(super) fn events_of(&self, unit: &str) -> u64 {
        self.units.get(unit).map_or(0, |unit| unit.events)
    }

    /// What GETCONF has answered, when there had been so many `events` of the unit before it was asked. Where there are more now, one of them may
    /// be newer: then this says nothing.
    pub(super) fn answered(&mut self, name: &str, lines: Vec<ConfLine>, events: u64) {
        let lines = with_values(&self.schema, lines);
        let unit = self.units.entry(name.to_owned()).or_default();
        if unit.events != events {
            return;
        }
        unit.slipped = None;
        if !unit.sent.is_empty() && !unit.sent.contains(&lines) {
            // tor may have made something else of what was sent, and tells of that.
            unit.sent.push(lines.clone());
        }
        unit.last = Some(lines.clone());
        unit.lines = Some(lines);
    }

    /// These units are about to be set to this. What is known of them still holds, until [`was_set`](Self::was_set).
    pub(super) fn setting(&mut self, units: &[(String, Vec<ConfLine>)]) {
        for (name, lines) in units {
            let unit = self.units.entry(name.clone()).or_default();
            unit.sent.insert(0, lines.clone());
        }
    }

    /// tor has set them: what they are now it will say, or can be asked.
    pub(super) fn was_set(&mut self, units: &[(String, Vec<ConfLine>)]) {
        for (name, _) in units {
            let Some(unit) = self.units.get_mut(name) else { continue };
            // Where the event was quicker than the answer, all is known.
            if !unit.sent.is_empty() {
                unit.lines = None;
            }
        }
    }

    /// tor has refused them.
    pub(super) fn was_refused(&mut self, units: &[(String, Vec<ConfLine>)]) {
        for (name, lines) in units {
            let Some(unit) = self.units.get_mut(name) else { continue };
            if let Some(at) = unit.sent.iter().position(|sent| sent == lines) {
                unit.sent.remove(at);
            }
            if unit.sent.is_empty()
                && let Some(theirs) = unit.slipped.take()
            {
                unit.last = Some(theirs.clone());
                unit.lines = Some(theirs);
            }
        }
    }

    /// CONF_CHANGED: of each unit that it names, it has all lines.
    pub(super) fn apply(&mut self, told: &[ConfLine]) -> Vec<Changed> {
        let schema = self.schema.clone();
        let mut units: Vec<(String, Vec<ConfLine>)> = Vec::new();
        for line in told {
            let name = schema.find(&line.name).map_or(line.name.as_str(), |spec| spec.unit());
            match units.iter_mut().find(|(unit, _)| unit == name) {
                Some((_, lines)) => lines.push(line.clone()),
                None => units.push((name.to_owned(), vec![line.clone()])),
            }
        }
        let changes = units.into_iter().map(|(name, lines)| self.told(name, with_values(&schema, lines)));
        changes.collect()
    }

    fn told(&mut self, name: String, lines: Vec<ConfLine>) -> Changed {
        let schema = self.schema.clone();
        let unit = self.units.entry(name.clone()).or_default();
        unit.events += 1;
        let is_own = unit.sent.iter().any(|sent| are_the_same(&schema, sent, &lines));
        if is_own || unit.sent.is_empty() {
            let before = unit.last.replace(lines.clone());
            unit.lines = Some(lines.clone());
            let (sent, slipped) = (std::mem::take(&mut unit.sent), unit.slipped.take());
            if let (Some(theirs), Some(ours)) = (slipped, sent.into_iter().next()) {
                self.note_overwritten(Overwritten { unit: name.clone(), theirs, ours });
            }
            return Changed { unit: name, before, after: lines, is_own };
        }
        // It may be older than what was sent, or newer: tor has to be asked.
        let before = unit.last.replace(lines.clone());
        unit.slipped = Some(lines.clone());
        unit.lines = None;
        Changed { unit: name, before, after: lines, is_own: false }
    }

    fn note_overwritten(&mut self, overwritten: Overwritten) {
        log::warn!(
            target: "scape::config",
            "{} was changed by somebody else in the moment in which it was saved here: that change is overwritten", overwritten.unit
        );
        if self.overwritten.len() >= MOST_OVERWRITTEN {
            self.overwritten.remove(0);
        }
        self.overwritten.push(overwritten);
    }

    /// What was overwritten since this was last asked.
    pub(super) fn take_overwritten(&mut self) -> Vec<Overwritten> {
        std::mem::take(&mut self.overwritten)
    }

    /// Nothing is known any more: events are missing. Perhaps it is another tor.
    pub(super) fn forget(&mut self) {
        for unit in self.units.values_mut() {
            *unit = Unit { last: unit.last.take(), events: unit.events + 1, ..Unit::default() };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::tests::schema;
    use super::*;

    fn lines(texts: &[&str]) -> Vec<ConfLine> {
        let line = |text: &&str| match text.split_once('=') {
            Some((name, value)) => ConfLine::new(name, Some(value.to_owned())),
            None => ConfLine::new(*text, None),
        };
        texts.iter().map(line).collect()
    }

    fn model() -> Model {
        Model::new(Arc::new(schema()))
    }

    fn size(value: &str) -> Vec<(String, Vec<ConfLine>)> {
        vec![("BandwidthRate".to_owned(), lines(&[&format!("BandwidthRate={value}")]))]
    }

    #[test]
    fn a_group_comes_whole() {
        let mut model = model();
        model.answered("SocksPortLines", lines(&["SocksPort=9050", "__SocksPort=9051"]), 0);
        let changed = model.apply(&lines(&["BandwidthRate=5", "__SocksPort=1", "SocksPort=2"]));
        assert_eq!(changed.len(), 2);
        assert_eq!(model.lines("SocksPortLines"), Some(&lines(&["__SocksPort=1", "SocksPort=2"])));
        assert_eq!(changed[1].before, Some(lines(&["SocksPort=9050", "__SocksPort=9051"])));
        // An emptied one goes by its own name.
        model.apply(&lines(&["SocksPortLines", "ExitNodes="]));
        assert_eq!(model.lines("SocksPortLines"), Some(&Vec::new()));
        assert_eq!(model.lines("ExitNodes"), Some(&Vec::new()));
    }

    #[test]
    fn an_own_change_is_known_when_tor_tells_it() {
        let mut model = model();
        model.answered("BandwidthRate", lines(&["BandwidthRate=1"]), 0);
        model.setting(&size("5 KB"));
        assert_eq!(model.lines("BandwidthRate"), Some(&lines(&["BandwidthRate=1"])));
        model.was_set(&size("5 KB"));
        assert_eq!(model.lines("BandwidthRate"), None);
        assert_eq!(model.expected("BandwidthRate"), Some(&size("5 KB")[0].1));
        let changed = model.apply(&size("5 KB")[0].1);
        assert!(changed[0].is_own && changed[0].before == Some(lines(&["BandwidthRate=1"])));
        assert!(model.take_overwritten().is_empty());
        assert!(!model.apply(&lines(&["BandwidthRate=7"]))[0].is_own);
    }

    #[test]
    fn the_event_may_be_quicker_than_the_answer() {
        let mut model = model();
        model.setting(&size("5"));
        assert!(model.apply(&size("5")[0].1)[0].is_own);
        model.was_set(&size("5"));
        assert_eq!(model.lines("BandwidthRate"), Some(&size("5")[0].1));
    }

    #[test]
    fn a_change_that_slipped_in_is_told() {
        let mut model = model();
        model.setting(&size("5"));
        model.was_set(&size("5"));
        assert!(!model.apply(&size("6")[0].1)[0].is_own);
        // Which of the two is the last is not known yet.
        assert_eq!(model.lines("BandwidthRate"), None);
        model.apply(&size("5")[0].1);
        let overwritten = model.take_overwritten();
        assert_eq!((overwritten.len(), &overwritten[0].theirs), (1, &size("6")[0].1));
        assert!(model.take_overwritten().is_empty());
    }

    #[test]
    fn what_tor_makes_of_it_is_no_other_change() {
        let mut model = model();
        // tor takes no value below 10, and makes 10 of it.
        model.setting(&size("8"));
        model.was_set(&size("8"));
        let events = model.events_of("BandwidthRate");
        model.answered("BandwidthRate", size("10")[0].1.clone(), events);
        assert!(model.apply(&size("10")[0].1)[0].is_own);
        assert_eq!(model.lines("BandwidthRate"), Some(&size("10")[0].1));
        assert!(model.take_overwritten().is_empty());
    }

    #[test]
    fn a_refused_change_is_none() {
        let mut model = model();
        model.answered("BandwidthRate", size("1")[0].1.clone(), 0);
        model.setting(&size("5"));
        model.apply(&size("6")[0].1);
        model.was_refused(&size("5"));
        assert_eq!(model.lines("BandwidthRate"), Some(&size("6")[0].1));
    }

    #[test]
    fn an_old_answer_does_not_count() {
        let mut model = model();
        let events = model.events_of("BandwidthRate");
        model.apply(&size("6")[0].1);
        model.answered("BandwidthRate", size("1")[0].1.clone(), events);
        assert_eq!(model.lines("BandwidthRate"), Some(&size("6")[0].1));
        model.forget();
        assert_eq!(model.lines("BandwidthRate"), None);
        // Neither does one from before the connection was lost.
        model.apply(&size("7")[0].1);
        assert_eq!(model.lines("BandwidthRate"), Some(&size("7")[0].1));
    }
}
