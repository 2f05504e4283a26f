//! Rules about the lines of a document, and the reader that applies them.
//!
//! Every kind of document has a list of [`Rule`]s, in the order of the
//! specification. [`read`] splits a text into items, applies the rules, and
//! hands the items that obey them to the document.

use super::document_error::{DocumentError, LineProblem};
use super::item::Item;
use super::{DocumentKind, Items};

/// The rules for one kind of document.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) document: DocumentKind,
    /// At most [`Rules::MOST`] rules. The first one is for the line that begins
    /// the document.
    pub(super) lines: &'static [Rule],
    /// Lines must have the order of the rules.
    pub(super) ordered: bool,
}

/// The rule for the lines with one keyword.
#[derive(Debug)]
pub(super) struct Rule {
    keyword: &'static [u8],
    times: Times,
    object: Option<&'static [u8]>,
    /// The line is valid without its object, too.
    is_object_optional: bool,
    /// A second label that the object may have.
    other_label: Option<&'static [u8]>,
    place: Place,
    order: Order,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    AtMostOnce,
    AtLeastOnce,
    Any,
    Never,
}

/// The meaning of a line for the order of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The line has the place that the rule has among the rules.
    Fixed,
    /// The line may be anywhere.
    Free,
    /// The line begins a group. The following rules are about each group.
    BeginsGroup,
}

/// A place that only the strict reader checks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Any,
    /// The position from the start, counted from 0.
    FromStart(usize),
    /// The position from the end, counted from 0.
    FromEnd(usize),
}

impl Rule {
    const fn new(keyword: &'static str, times: Times) -> Self {
        let keyword = keyword.as_bytes();
        let (place, order) = (Place::Any, Order::Fixed);
        let (object, other_label, is_object_optional) = (None, None, false);
        Rule { keyword, times, object, other_label, is_object_optional, place, order }
    }

    /// The line must appear exactly once.
    pub(super) const fn once(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::Once)
    }

    /// The line may appear once.
    pub(super) const fn at_most_once(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::AtMostOnce)
    }

    /// The line must appear once or several times.
    pub(super) const fn at_least_once(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::AtLeastOnce)
    }

    /// The line may appear any number of times.
    pub(super) const fn any(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::Any)
    }

    /// The line must not appear.
    pub(super) const fn never(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::Never)
    }

    /// An object with this label must follow the line.
    pub(super) const fn object(mut self, label: &'static str) -> Self {
        self.object = Some(label.as_bytes());
        self
    }

    /// An object with this label may follow the line.
    pub(super) const fn optional_object(mut self, label: &'static str) -> Self {
        self.object = Some(label.as_bytes());
        self.is_object_optional = true;
        self
    }

    /// The object may have this label instead.
    pub(super) const fn or_object(mut self, label: &'static str) -> Self {
        self.other_label = Some(label.as_bytes());
        self
    }

    /// The order of the lines doesn't matter for this line.
    pub(super) const fn anywhere(mut self) -> Self {
        self.order = Order::Free;
        self
    }

    /// The line begins a group of lines. Each group has the number and the
    /// order of lines that the rules after this one demand.
    pub(super) const fn begins_group(mut self) -> Self {
        self.order = Order::BeginsGroup;
        self
    }

    /// The line has this position, counted from 0 at the start.
    pub(super) const fn position_from_start(mut self, position: usize) -> Self {
        self.place = Place::FromStart(position);
        self
    }

    /// The line has this position, counted from 0 at the end.
    pub(super) const fn position_from_end(mut self, position: usize) -> Self {
        self.place = Place::FromEnd(position);
        self
    }
}

/// The depth of a reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Depth {
    /// Malformed lines are skipped and returned.
    Lenient,
    /// The first malformed line is an error.
    Strict,
}

impl Rules {
    pub(super) const MOST: usize = 128;

    /// Returns the index of the rule for a keyword. The search begins at
    /// `hint`, because most documents have their lines in the order of the
    /// rules.
    #[inline]
    fn find(&self, keyword: &[u8], hint: usize) -> Option<usize> {
        let (before, after) = self.lines.split_at_checked(hint).unwrap_or((self.lines, &[]));
        let at = |rules: &[Rule]| rules.iter().position(|rule| rule.keyword == keyword);
        at(after).map(|index| index + before.len()).or_else(|| at(before))
    }

    /// Returns true if there is a rule for this keyword.
    pub(super) fn knows(&self, keyword: &[u8]) -> bool {
        self.find(keyword, 0).is_some()
    }

    fn error(&self, item: &Item<'_>, problem: LineProblem) -> DocumentError {
        DocumentError::new(self.document, Some(item.line()), item.keyword(), problem)
    }
}

/// Reads a document: applies the rules to each item, and calls `line` with the
/// items that obey them. Items without a rule are ignored.
///
/// Returns the lines that were skipped. A strict reading skips nothing.
///
/// # Errors
///
/// Returns an error if the first item isn't the one that the rules demand. A
/// strict reading returns an error for each item that breaks a rule, and for
/// each one that `line` returns an error for.
pub(super) fn read<'a>(
    rules: &Rules,
    text: &'a [u8],
    depth: Depth,
    line: impl FnMut(&Item<'a>) -> Result<(), LineProblem>,
) -> Result<Vec<DocumentError>, DocumentError> {
    let first = Item::parse_all(text).next();
    match first.map(|item| (rules.find(item.keyword(), 0), item)) {
        Some((Some(0), _)) => read_part(rules, text, depth, line),
        Some((_, item)) => Err(rules.error(&item, LineProblem::Start)),
        None => Err(DocumentError::new(rules.document, None, b"", LineProblem::Start)),
    }
}

/// Reads a part of a document, which may begin with any line. See [`read`].
///
/// # Errors
///
/// A strict reading returns the same errors as [`read`].
pub(super) fn read_part<'a>(
    rules: &Rules,
    text: &'a [u8],
    depth: Depth,
    mut line: impl FnMut(&Item<'a>) -> Result<(), LineProblem>,
) -> Result<Vec<DocumentError>, DocumentError> {
    let mut seen = [false; Rules::MOST];
    let mut skipped = Vec::new();
    // The rule of the line before, and of the last line with a fixed place.
    let (mut last, mut last_fixed) = (0, 0);
    for item in Item::parse_all(text) {
        let found = rules.find(item.keyword(), last);
        let Some((index, rule)) = found.and_then(|index| Some((index, rules.lines.get(index)?)))
        else {
            continue;
        };
        if rule.order == Order::BeginsGroup
            && let Some(group) = seen.get_mut(index + 1..)
        {
            group.fill(false);
        }
        let result = rule.check(&item, seen.get(index) == Some(&true)).and_then(|()| line(&item));
        if let Err(problem) = result {
            let error = rules.error(&item, problem);
            if depth == Depth::Strict {
                return Err(error);
            }
            skipped.push(error);
        }
        if depth == Depth::Strict
            && rules.ordered
            && rule.order == Order::Fixed
            && index < last_fixed
        {
            return Err(rules.error(&item, LineProblem::Order));
        }
        if let Some(seen) = seen.get_mut(index) {
            *seen = true;
        }
        last = index;
        if rule.order != Order::Free {
            last_fixed = index;
        }
    }
    if depth == Depth::Strict {
        rules.check_missing(&seen)?;
        rules.check_places(text)?;
    }
    Ok(skipped)
}

impl Rule {
    #[inline]
    fn check(&self, item: &Item<'_>, is_repeated: bool) -> Result<(), LineProblem> {
        if is_repeated && matches!(self.times, Times::Once | Times::AtMostOnce) {
            return Err(LineProblem::Repeated);
        }
        if self.times == Times::Never {
            return Err(LineProblem::Unexpected);
        }
        if item.has_broken_object() {
            return Err(LineProblem::Object);
        }
        let is_left_out = self.is_object_optional && item.object().is_none();
        if let Some(label) = self.object.filter(|_| !is_left_out) {
            let other = self.other_label.map(|other| item.object_with(other));
            item.object_with(label).or_else(|problem| other.unwrap_or(Err(problem)))?;
        }
        Ok(())
    }
}

impl Rules {
    fn check_missing(&self, seen: &[bool]) -> Result<(), DocumentError> {
        for (rule, seen) in self.lines.iter().zip(seen) {
            if !seen && matches!(rule.times, Times::Once | Times::AtLeastOnce) {
                let problem = LineProblem::Missing;
                return Err(DocumentError::new(self.document, None, rule.keyword, problem));
            }
        }
        Ok(())
    }

    /// Checks what only a strict reading checks: the places of the lines,
    /// objects where none belong, and the base64 of the objects.
    fn check_places(&self, text: &[u8]) -> Result<(), DocumentError> {
        let count = Item::parse_all(text).count();
        for (position, item) in Item::parse_all(text).enumerate() {
            let rule = self.find(item.keyword(), 0).and_then(|index| self.lines.get(index));
            let Some(rule) = rule else { continue };
            let is_in_place = match rule.place {
                Place::Any => true,
                Place::FromStart(place) => position == place,
                Place::FromEnd(place) => position + place + 1 == count,
            };
            if !is_in_place {
                return Err(self.error(&item, LineProblem::Order));
            }
            if item.object().is_some_and(|object| rule.object.is_none() || !object.is_base64()) {
                return Err(self.error(&item, LineProblem::Object));
            }
        }
        Ok(())
    }
}

/// Returns the items of a document that no rule is for.
pub(super) fn unknown<'a>(
    rules: &'static Rules,
    text: &'a [u8],
) -> impl Iterator<Item = Item<'a>> + use<'a> {
    let items: Items<'a> = Item::parse_all(text);
    items.filter(|item| !rules.knows(item.keyword()))
}
