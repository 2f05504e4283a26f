//! The values that tor runs with, as read from tor or reported by it.

use std::collections::HashMap;
use std::sync::Arc;

use super::lines::{are_the_same, by_unit, with_values};
use super::schema::Schema;
use scape_proto::control::ConfLine;

/// The values that tor runs with, stored by unit. A unit is a group of options,
/// or an option that is in no group.
///
/// A value is known if it was read with GETCONF or reported by an event. Other
/// values are read when they are needed.
#[derive(Debug, Default)]
pub(super) struct Model {
    pub(super) schema: Arc<Schema>,
    units: HashMap<String, Unit>,
    /// Changes by other programs that this program has overwritten by accident:
    /// neither program knew of the other's change.
    overwritten: Vec<Overwritten>,
    /// The number of times that the connection has ended.
    ends: u64,
}

/// The known lines of an option or group, and the changes of these lines that
/// no event has reported yet.
#[derive(Debug, Default)]
struct Unit {
    /// The present lines, if they are known.
    lines: Option<Vec<ConfLine>>,
    /// The lines when they were last known. Listeners get them as the value
    /// before a change.
    last: Option<Vec<ConfLine>>,
    /// The changes that this program has sent and that no event has reported
    /// yet, the oldest first. Each change is a list of alternatives: the lines
    /// that were sent, and other forms in which tor may report them.
    sent: Vec<Vec<Vec<ConfLine>>>,
    /// The lines that another program has set, if an event reported them while
    /// a change in `sent` was still unreported. If a later event reports this
    /// program's change, that change has overwritten the other program's lines.
    slipped: Option<Vec<ConfLine>>,
    /// The number of events about this option or group. With this number,
    /// [`Model::answered`] notices an answer that may be out of date.
    events: u64,
}

/// A change by another program that this program has overwritten.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Overwritten {
    pub(super) unit: String,
    pub(super) theirs: Vec<ConfLine>,
    pub(super) ours: Vec<ConfLine>,
}

/// A change that an event has reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Changed {
    pub(super) unit: String,
    /// The lines before the change. `None` if they weren't known.
    pub(super) before: Option<Vec<ConfLine>>,
    pub(super) after: Vec<ConfLine>,
    /// True if this program made the change.
    pub(super) is_own: bool,
}

/// The maximum number of overwritten changes that are kept. Further ones
/// replace the oldest ones.
const MOST_OVERWRITTEN: usize = 1000;

impl Model {
    /// Sets the options that tor has. If they differ from the previous ones,
    /// the known values are forgotten, because lines may belong to other groups
    /// now.
    pub(super) fn set_schema(&mut self, schema: Schema) {
        if schema == *self.schema {
            return;
        }
        self.schema = Arc::new(schema);
        self.forget_values();
    }

    /// Returns the number of times that the connection has ended. If the number
    /// has changed since a question was sent, the answer may come from another
    /// tor.
    pub(super) fn ends(&self) -> u64 {
        self.ends
    }

    /// Returns the lines of an option or group, or `None` if they aren't known.
    pub(super) fn lines(&self, unit: &str) -> Option<&Vec<ConfLine>> {
        self.units.get(unit)?.lines.as_ref()
    }

    /// Returns the lines that an option or group probably has: the known lines,
    /// or else those that another program has set, or else those that this
    /// program sent last. Returns `None` if there are no such lines.
    pub(super) fn expected(&self, unit: &str) -> Option<&Vec<ConfLine>> {
        let unit = self.units.get(unit)?;
        unit.lines.as_ref().or(unit.slipped.as_ref()).or_else(|| unit.sent.last()?.first())
    }

    /// Returns the number of events about an option or group. The end of the
    /// connection counts as an event, too. The number is for
    /// [`answered`](Self::answered).
    pub(super) fn events_of(&self, unit: &str) -> u64 {
        self.ends + self.units.get(unit).map_or(0, |unit| unit.events)
    }

    /// Records the answer to GETCONF about an option or group. `events` is the
    /// number that [`events_of`](Self::events_of) returned before GETCONF was
    /// sent. If an event has come since, it may be newer than the answer, so
    /// the answer is ignored.
    pub(super) fn answered(&mut self, name: &str, lines: Vec<ConfLine>, events: u64) {
        let schema = self.schema.clone();
        let lines = with_values(&schema, lines);
        if self.events_of(name) != events {
            return;
        }
        let unit = self.units.entry(name.to_owned()).or_default();
        let mut overwritten = None;
        if unit.slipped.as_deref().is_some_and(|theirs| are_the_same(&schema, theirs, &lines)) {
            // tor has the other program's value, so that change came last.
            // Events come in order, and none has reported this program's
            // change before it. So this program's change had no effect.
            unit.slipped = None;
            unit.sent.clear();
        } else if let Some(forms) = unit.sent.last_mut() {
            if forms.iter().any(|form| are_the_same(&schema, form, &lines)) {
                overwritten = unit.slipped.take().zip(forms.first().cloned());
            } else {
                // tor may have changed the form of the value that was sent, and
                // reports it in that form.
                forms.push(lines.clone());
            }
        }
        unit.last = Some(lines.clone());
        unit.lines = Some(lines);
        if let Some((theirs, ours)) = overwritten {
            self.note_overwritten(Overwritten { unit: name.to_owned(), theirs, ours });
        }
    }

    /// Records that options or groups are about to be set. The known values
    /// stay valid until [`was_set`](Self::was_set).
    pub(super) fn setting(&mut self, units: &[(String, Vec<ConfLine>)]) {
        for (name, lines) in units {
            let unit = self.units.entry(name.clone()).or_default();
            unit.sent.push(vec![lines.clone()]);
        }
    }

    /// Records that tor has set options or groups. Their new values come with
    /// an event, or are read when they are needed.
    pub(super) fn was_set(&mut self, units: &[(String, Vec<ConfLine>)]) {
        for (name, _) in units {
            let Some(unit) = self.units.get_mut(name) else { continue };
            // If the event came before the answer, the value is known already.
            if !unit.sent.is_empty() {
                unit.lines = None;
            }
        }
    }

    /// Records that tor has refused to set options or groups. No event will
    /// report these changes.
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

    /// Records the lines of an event CONF_CHANGED, which has all lines of each
    /// option or group that it names. Returns the changes.
    pub(super) fn apply(&mut self, told: &[ConfLine]) -> Vec<Changed> {
        let schema = self.schema.clone();
        let units = by_unit(&schema, told.iter().cloned());
        let changes =
            units.into_iter().map(|(name, lines)| self.told(name, with_values(&schema, lines)));
        changes.collect()
    }

    /// Records that an event has reported the lines of one option or group.
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
            // No events will come for the changes before this one, because they
            // had no effect.
            let ours =
                unit.sent.drain(..=at).next_back().and_then(|forms| forms.into_iter().next());
            let theirs = unit.slipped.take();
            overwritten = theirs.zip(ours);
        } else if !unit.sent.is_empty() {
            unit.slipped = Some(lines.clone());
        }
        // If another change of this program is still to be reported, these
        // lines may be older or newer than that change, so tor has to be asked.
        unit.lines = unit.sent.is_empty().then(|| lines.clone());
        if let Some((theirs, ours)) = overwritten {
            self.note_overwritten(Overwritten { unit: name.clone(), theirs, ours });
        }
        Changed { unit: name, before, after: lines, is_own }
    }

    fn note_overwritten(&mut self, overwritten: Overwritten) {
        log::warn!(
            target: "scape::config",
            "another program changed {} while it was saved here: the other change is overwritten", overwritten.unit
        );
        if self.overwritten.len() >= MOST_OVERWRITTEN {
            self.overwritten.remove(0);
        }
        self.overwritten.push(overwritten);
    }

    /// Returns the changes of other programs that this program has overwritten
    /// since the last call.
    pub(super) fn take_overwritten(&mut self) -> Vec<Overwritten> {
        std::mem::take(&mut self.overwritten)
    }

    /// Records that no answer came while options or groups were being set: the
    /// connection ended, or the call gave up. tor may have made the changes or
    /// not, so the values aren't known.
    pub(super) fn was_cut_off(&mut self, units: &[(String, Vec<ConfLine>)]) {
        self.was_refused(units);
        for (name, _) in units {
            if let Some(unit) = self.units.get_mut(name) {
                unit.lines = None;
            }
        }
    }

    /// Records that the connection has ended. No value is known any more,
    /// because events are missing and the next connection may be to another
    /// tor.
    pub(super) fn forget(&mut self) {
        self.ends += 1;
        self.forget_values();
    }

    /// Forgets the present values. The last known ones are kept, because
    /// listeners get them as the value before a change.
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
    fn event_replaces_all_lines_of_a_group() {
        let mut model = model();
        model.answered("SocksPortLines", lines(&["SocksPort=9050", "__SocksPort=9051"]), 0);
        let changed = model.apply(&lines(&["BandwidthRate=5", "__SocksPort=1", "SocksPort=2"]));
        assert_eq!(changed.len(), 2);
        assert_eq!(model.lines("SocksPortLines"), Some(&lines(&["__SocksPort=1", "SocksPort=2"])));
        assert_eq!(changed[1].before, Some(lines(&["SocksPort=9050", "__SocksPort=9051"])));
        // An event names an emptied group by the group's own name.
        model.apply(&lines(&["SocksPortLines", "ExitNodes="]));
        assert_eq!(model.lines("SocksPortLines"), Some(&Vec::new()));
        assert_eq!(model.lines("ExitNodes"), Some(&Vec::new()));
    }

    #[test]
    fn own_change_is_recognized_in_the_event() {
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
    fn event_may_come_before_the_answer_to_setconf() {
        let mut model = model();
        model.setting(&size("5"));
        assert!(model.apply(&size("5")[0].1)[0].is_own);
        model.was_set(&size("5"));
        assert_eq!(model.lines("BandwidthRate"), Some(&size("5")[0].1));
    }

    #[test]
    fn change_of_another_program_during_a_save_is_noted_as_overwritten() {
        let mut model = model();
        model.setting(&size("5"));
        model.was_set(&size("5"));
        assert!(!model.apply(&size("6")[0].1)[0].is_own);
        // It isn't known yet which of the two changes is the last.
        assert_eq!(model.lines("BandwidthRate"), None);
        model.apply(&size("5")[0].1);
        let overwritten = model.take_overwritten();
        assert_eq!((overwritten.len(), &overwritten[0].theirs), (1, &size("6")[0].1));
        assert!(model.take_overwritten().is_empty());
    }

    #[test]
    fn answer_to_getconf_may_come_before_the_event() {
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
    fn two_own_changes_may_be_unreported_at_once() {
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
    fn value_that_tor_adjusts_is_still_an_own_change() {
        let mut model = model();
        // tor takes no value below 10 here, and changes 8 to 10.
        model.setting(&size("8"));
        model.was_set(&size("8"));
        let events = model.events_of("BandwidthRate");
        model.answered("BandwidthRate", size("10")[0].1.clone(), events);
        assert!(model.apply(&size("10")[0].1)[0].is_own);
        assert_eq!(model.lines("BandwidthRate"), Some(&size("10")[0].1));
        assert!(model.take_overwritten().is_empty());
    }

    #[test]
    fn refused_change_is_forgotten() {
        let mut model = model();
        model.answered("BandwidthRate", size("1")[0].1.clone(), 0);
        model.setting(&size("5"));
        model.apply(&size("6")[0].1);
        model.was_refused(&size("5"));
        assert_eq!(model.lines("BandwidthRate"), Some(&size("6")[0].1));
    }

    #[test]
    fn answer_from_before_the_end_of_the_connection_is_ignored() {
        let mut model = model();
        // Nothing has ever been known about this unit.
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
    fn answer_older_than_an_event_is_ignored() {
        let mut model = model();
        let events = model.events_of("BandwidthRate");
        model.apply(&size("6")[0].1);
        model.answered("BandwidthRate", size("1")[0].1.clone(), events);
        assert_eq!(model.lines("BandwidthRate"), Some(&size("6")[0].1));
        model.forget();
        assert_eq!(model.lines("BandwidthRate"), None);
        // An answer from before the connection was lost doesn't count either.
        model.apply(&size("7")[0].1);
        assert_eq!(model.lines("BandwidthRate"), Some(&size("7")[0].1));
    }
}
