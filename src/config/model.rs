//! What is known of the values that tor runs with.

use std::collections::HashMap;
use std::sync::Arc;

use super::lines::{are_the_same, with_values};
use super::schema::Schema;
use crate::protocol::ConfLine;

/// The running values, by unit: an option, or a group of options. What is not
/// known is asked for when it is wanted.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) schema: Arc<Schema>,
    units: HashMap<String, Unit>,
    /// Others' changes that changes of this program have overwritten, because
    /// neither knew of the other.
    overwritten: Vec<Overwritten>,
    /// How often the connection has ended.
    ends: u64,
}

/// What is known of a unit.
#[derive(Debug, Default)]
struct Unit {
    lines: Option<Vec<ConfLine>>,
    /// What they were when they were last known, for who wants to know what has
    /// changed.
    last: Option<Vec<ConfLine>>,
    /// What this program has sent, of which tor's event has not come, the
    /// oldest first: each in the forms in which it may come.
    sent: Vec<Vec<Vec<ConfLine>>>,
    /// What an event has told meanwhile that is something else: so it was
    /// before ours, if one of ours is yet to come.
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
    /// Sets the options that there are. What is known of values is forgotten if
    /// these are others than before: lines may belong to other units now.
    pub(super) fn set_schema(&mut self, schema: Schema) {
        if schema == *self.schema {
            return;
        }
        self.schema = Arc::new(schema);
        self.forget_values();
    }

    /// How often the connection has ended so far.
    pub(super) fn ends(&self) -> u64 {
        self.ends
    }

    /// A unit's lines, where they are known.
    pub(super) fn lines(&self, unit: &str) -> Option<&Vec<ConfLine>> {
        self.units.get(unit)?.lines.as_ref()
    }

    /// What a unit is as far as this program knows: its lines, or what it was
    /// last set to.
    pub(super) fn expected(&self, unit: &str) -> Option<&Vec<ConfLine>> {
        let unit = self.units.get(unit)?;
        unit.lines.as_ref().or(unit.slipped.as_ref()).or_else(|| unit.sent.last()?.first())
    }

    /// How many events there were of a unit, ends of the connection included:
    /// see [`answered`](Self::answered).
    pub(super) fn events_of(&self, unit: &str) -> u64 {
        self.ends + self.units.get(unit).map_or(0, |unit| unit.events)
    }

    /// What GETCONF has answered, when there had been so many `events` of the
    /// unit before it was asked. Where there are more now, one of them may be
    /// newer: then this says nothing.
    pub(super) fn answered(&mut self, name: &str, lines: Vec<ConfLine>, events: u64) {
        let schema = self.schema.clone();
        let lines = with_values(&schema, lines);
        if self.events_of(name) != events {
            return;
        }
        let unit = self.units.entry(name.to_owned()).or_default();
        let mut overwritten = None;
        if unit.slipped.as_deref().is_some_and(|theirs| are_the_same(&schema, theirs, &lines)) {
            // It came after ours, which has changed nothing, as no event of
            // that was there before.
            unit.slipped = None;
            unit.sent.clear();
        } else if let Some(forms) = unit.sent.last_mut() {
            if forms.iter().any(|form| are_the_same(&schema, form, &lines)) {
                overwritten = unit.slipped.take().zip(forms.first().cloned());
            } else {
                // tor may have made something else of what was sent, and tells
                // of that.
                forms.push(lines.clone());
            }
        }
        unit.last = Some(lines.clone());
        unit.lines = Some(lines);
        if let Some((theirs, ours)) = overwritten {
            self.note_overwritten(Overwritten { unit: name.to_owned(), theirs, ours });
        }
    }

    /// These units are about to be set to this. What is known of them still
    /// holds, until [`was_set`](Self::was_set).
    pub(super) fn setting(&mut self, units: &[(String, Vec<ConfLine>)]) {
        for (name, lines) in units {
            let unit = self.units.entry(name.clone()).or_default();
            unit.sent.push(vec![lines.clone()]);
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
            if let Some(at) = unit.sent.iter().rposition(|forms| forms.first() == Some(lines)) {
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
        let changes =
            units.into_iter().map(|(name, lines)| self.told(name, with_values(&schema, lines)));
        changes.collect()
    }

    fn told(&mut self, name: String, lines: Vec<ConfLine>) -> Changed {
        let schema = self.schema.clone();
        let unit = self.units.entry(name.clone()).or_default();
        unit.events += 1;
        let before = unit.last.replace(lines.clone());
        let is_form = |forms: &Vec<Vec<ConfLine>>| {
            forms.iter().any(|form| are_the_same(&schema, form, &lines))
        };
        let own = unit.sent.iter().position(is_form);
        let is_own = own.is_some();
        let mut overwritten = None;
        if let Some(at) = own {
            // Of those before it no event comes any more: they changed nothing.
            let ours =
                unit.sent.drain(..=at).next_back().and_then(|forms| forms.into_iter().next());
            let theirs = unit.slipped.take();
            overwritten = theirs.zip(ours);
        } else if !unit.sent.is_empty() {
            unit.slipped = Some(lines.clone());
        }
        // Where something of ours is yet to come, this may be older than that,
        // or newer: tor has to be asked.
        unit.lines = unit.sent.is_empty().then(|| lines.clone());
        if let Some((theirs, ours)) = overwritten {
            self.note_overwritten(Overwritten { unit: name.clone(), theirs, ours });
        }
        Changed { unit: name, before, after: lines, is_own }
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

    /// The connection ended while these units were being set. If it is still
    /// the same connection as far as this knows, the event that would tell of
    /// them does not come any more, and what they are is not known.
    pub(super) fn was_cut_off(&mut self, units: &[(String, Vec<ConfLine>)]) {
        self.was_refused(units);
        for (name, _) in units {
            if let Some(unit) = self.units.get_mut(name) {
                unit.lines = None;
            }
        }
    }

    /// The connection has ended: nothing is known any more, as events are
    /// missing. The next one may be another tor's.
    pub(super) fn forget(&mut self) {
        self.ends += 1;
        self.forget_values();
    }

    /// Forgets values, but for what they were last.
    fn forget_values(&mut self) {
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
        let mut model = Model::default();
        model.set_schema(schema());
        model
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
    fn the_answer_may_be_quicker_than_the_event() {
        for (answer, count) in [("5", 1), ("6", 0)] {
            let mut model = model();
            model.setting(&size("5"));
            model.was_set(&size("5"));
            model.apply(&size("6")[0].1);
            let events = model.events_of("BandwidthRate");
            model.answered("BandwidthRate", size(answer)[0].1.clone(), events);
            assert_eq!(model.lines("BandwidthRate"), Some(&size(answer)[0].1));
            assert_eq!(model.take_overwritten().len(), count, "{answer}");
        }
    }

    #[test]
    fn two_changes_may_be_under_way() {
        let mut model = model();
        for value in ["5", "7"] {
            model.setting(&size(value));
            model.was_set(&size(value));
        }
        assert!(model.apply(&size("5")[0].1)[0].is_own);
        assert_eq!(model.lines("BandwidthRate"), None);
        model.apply(&size("6")[0].1);
        assert!(model.apply(&size("7")[0].1)[0].is_own);
        assert_eq!(model.take_overwritten().len(), 1);
        assert_eq!(model.lines("BandwidthRate"), Some(&size("7")[0].1));
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
    fn answer_from_before_the_end_of_the_connection_does_not_count() {
        let mut model = model();
        // Of this unit, nothing has ever been known.
        let events = model.events_of("BandwidthRate");
        model.forget();
        model.answered("BandwidthRate", size("1")[0].1.clone(), events);
        assert_eq!(model.lines("BandwidthRate"), None);
    }

    #[test]
    fn change_that_comes_before_the_schema_is_kept() {
        let mut model = model();
        model.answered("BandwidthRate", size("1")[0].1.clone(), 0);
        model.forget();
        model.apply(&size("7")[0].1);
        model.set_schema(schema());
        assert_eq!(model.expected("BandwidthRate"), Some(&size("7")[0].1));
        assert_eq!(model.apply(&size("8")[0].1)[0].before, Some(size("7")[0].1.clone()));
        // With other options, lines may belong to another unit.
        model.set_schema(Schema::default());
        assert_eq!(model.expected("BandwidthRate"), None);
    }

    #[test]
    fn change_that_was_cut_off_leaves_nothing_behind() {
        let mut model = model();
        model.answered("BandwidthRate", size("1")[0].1.clone(), 0);
        model.setting(&size("5"));
        model.was_cut_off(&size("5"));
        assert_eq!(model.expected("BandwidthRate"), None);
        model.apply(&size("6")[0].1);
        assert_eq!(model.lines("BandwidthRate"), Some(&size("6")[0].1));
        assert!(model.take_overwritten().is_empty());
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
