//! Rules about the lines of a document, and the reader that applies them.
//!
//! Every kind of document has a list of [`Rule`]s, in the order of the
//! specification. [`read`] splits a text into items, applies the rules, and
//! hands the items that obey them to the document.

use super::document_error::{DocumentError, LineProblem};
use super::item::Item;
use super::line::is_keyword;
use super::{DocumentKind, Items};

/// The rules for one kind of document.
#[derive(Debug)]
pub(super) struct Rules {
    pub(super) document: DocumentKind,
    /// The rules. The first one is for the line that begins the document.
    pub(super) lines: &'static [Rule],
    /// True if the lines must have the order of the rules.
    pub(super) ordered: bool,
}

/// The rule for the lines with one keyword.
#[derive(Debug)]
pub(super) struct Rule {
    keyword: &'static [u8],
    times: Times,
    object: Option<&'static [u8]>,
    /// True if the line is also valid without its object.
    is_object_optional: bool,
    /// A second label that the object may have.
    other_label: Option<&'static [u8]>,
    place: Place,
    order: Order,
    /// True if a document in which this line is malformed can't be read at all.
    is_decisive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Times {
    Once,
    AtMostOnce,
    AtLeastOnce,
    Any,
    Never,
}

/// The requirement of a rule on the order of the lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Order {
    /// The lines must be in the same order as their rules.
    Fixed,
    /// The line may be anywhere among the other lines.
    Free,
    /// The line begins a group of lines. The following rules apply to each
    /// group.
    BeginsGroup,
}

/// The position that a line must have in its document. Only a strict reading
/// checks the position.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Any,
    /// Exactly this number of items must precede the line.
    FromStart(usize),
    /// Exactly this number of items must follow the line.
    FromEnd(usize),
}

impl Rule {
    const fn new(keyword: &'static str, times: Times) -> Self {
        let keyword = keyword.as_bytes();
        let (place, order) = (Place::Any, Order::Fixed);
        let (object, other_label) = (None, None);
        let (is_object_optional, is_decisive) = (false, false);
        Rule { keyword, times, object, is_object_optional, other_label, place, order, is_decisive }
    }

    /// Creates the rule for a line that must appear exactly once.
    pub(super) const fn once(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::Once)
    }

    /// Creates the rule for a line that may appear once.
    pub(super) const fn at_most_once(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::AtMostOnce)
    }

    /// Creates the rule for a line that must appear once or several times.
    pub(super) const fn at_least_once(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::AtLeastOnce)
    }

    /// Creates the rule for a line that may appear any number of times.
    pub(super) const fn any(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::Any)
    }

    /// Creates the rule for a line that must not appear.
    pub(super) const fn never(keyword: &'static str) -> Self {
        Rule::new(keyword, Times::Never)
    }

    /// Requires that an object with this label follows the line.
    pub(super) const fn object(mut self, label: &'static str) -> Self {
        self.object = Some(label.as_bytes());
        self
    }

    /// Allows an object with this label after the line.
    pub(super) const fn optional_object(mut self, label: &'static str) -> Self {
        self.object = Some(label.as_bytes());
        self.is_object_optional = true;
        self
    }

    /// Allows a second label for the object.
    pub(super) const fn or_object(mut self, label: &'static str) -> Self {
        self.other_label = Some(label.as_bytes());
        self
    }

    /// Allows the line in any place among the other lines.
    pub(super) const fn anywhere(mut self) -> Self {
        self.order = Order::Free;
        self
    }

    /// Makes the line the beginning of a group of lines. The rules after this
    /// one apply to each group.
    pub(super) const fn begins_group(mut self) -> Self {
        self.order = Order::BeginsGroup;
        self
    }

    /// Makes the line decisive: if its values are malformed, the document is of
    /// another kind or version, and even a lenient reading fails.
    pub(super) const fn decisive(mut self) -> Self {
        self.is_decisive = true;
        self
    }

    /// Requires that the line is at this position, counted from 0 at the first
    /// item.
    pub(super) const fn position_from_start(mut self, position: usize) -> Self {
        self.place = Place::FromStart(position);
        self
    }

    /// Requires that the line is at this position, counted backwards from 0 at
    /// the last item.
    pub(super) const fn position_from_end(mut self, position: usize) -> Self {
        self.place = Place::FromEnd(position);
        self
    }
}

/// The strictness with which a document is read. The type is public because a
/// sealed trait uses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Depth {
    /// Malformed lines are skipped and returned.
    Lenient,
    /// The first malformed line is an error.
    Strict,
}

impl Rules {
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

    /// Returns the error for a problem with the lines that have this keyword,
    /// or with a missing line. The error names no line number.
    pub(super) fn problem(&self, keyword: &str, problem: LineProblem) -> DocumentError {
        DocumentError::new(self.document, None, keyword.as_bytes(), problem)
    }
}

/// Reads a document: applies the rules to each item, and calls `line` with the
/// items that obey them. Items without a rule are ignored, but a strict reading
/// checks their form.
///
/// Returns the lines that were skipped. A strict reading skips nothing.
///
/// # Errors
///
/// Returns an error if the first item isn't the one that the rules demand, or
/// if `line` returns an error for a [decisive](Rule::decisive) line. A strict
/// reading returns an error for the first item that breaks a rule, or for which
/// `line` returns an error.
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
/// Same errors as [`read`], but the first item may be any.
pub(super) fn read_part<'a>(
    rules: &Rules,
    text: &'a [u8],
    depth: Depth,
    mut line: impl FnMut(&Item<'a>) -> Result<(), LineProblem>,
) -> Result<Vec<DocumentError>, DocumentError> {
    let mut seen = vec![false; rules.lines.len()];
    let mut skipped = Vec::new();
    // The rule of the line before, and of the last line with a fixed place.
    let (mut last, mut last_fixed) = (0, 0);
    for item in Item::parse_all(text) {
        let found = rules.find(item.keyword(), last);
        let Some((index, rule)) = found.and_then(|index| Some((index, rules.lines.get(index)?)))
        else {
            if depth == Depth::Strict {
                check_unknown(&item).map_err(|problem| rules.error(&item, problem))?;
            }
            continue;
        };
        if rule.order == Order::BeginsGroup
            && let Some(group) = seen.get_mut(index + 1..)
        {
            group.fill(false);
        }
        let result = match rule.check(&item, seen.get(index) == Some(&true)) {
            Ok(()) => line(&item).map_err(|problem| (problem, rule.is_decisive)),
            Err(problem) => Err((problem, false)),
        };
        if let Err((problem, is_decisive)) = result {
            let error = rules.error(&item, problem);
            if is_decisive || depth == Depth::Strict {
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

/// Checks the form of an item without a rule: dir-spec, "Document meta-format".
fn check_unknown(item: &Item<'_>) -> Result<(), LineProblem> {
    const FORM: &str = "the keyword must begin with a letter or digit, and may have hyphens";
    let has_bad_object = || item.object().is_some_and(|object| !object.is_base64());
    // An object without a keyword line has an empty keyword.
    let is_orphan = item.keyword().is_empty() && item.object().is_some();
    if item.has_broken_object() || is_orphan || has_bad_object() {
        return Err(LineProblem::Object);
    }
    if is_keyword(item.keyword()) { Ok(()) } else { Err(LineProblem::Value(FORM)) }
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

    /// Checks the places of the lines and the base64 of the objects. Also
    /// checks that no line has an object that its rule doesn't allow.
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

/// Returns the items of a document for which there is no rule.
pub(super) fn unknown<'a>(
    rules: &'static Rules,
    text: &'a [u8],
) -> impl Iterator<Item = Item<'a>> + use<'a> {
    let items: Items<'a> = Item::parse_all(text);
    items.filter(|item| !rules.knows(item.keyword()))
}

#[cfg(test)]
mod tests {
    use super::LineProblem::{Missing, Object, Order, Repeated, Start, Unexpected, Value};
    use super::*;

    static RULES: Rules = Rules {
        document: DocumentKind::Unknown,
        lines: &[
            Rule::once("start").position_from_start(0),
            Rule::at_most_once("key").object("KEY").or_object("OLD KEY"),
            Rule::at_most_once("free").optional_object("KEY").anywhere(),
            Rule::any("group").begins_group(),
            Rule::once("in-group"),
            Rule::at_least_once("many"),
            Rule::never("never"),
            Rule::any("version").decisive(),
            Rule::once("end").position_from_end(0),
        ],
        ordered: true,
    };

    const WHOLE: &str =
        "start\nfree\nunknown\ngroup\nin-group\ngroup\nin-group\nmany\nmany\nversion 1\nend\n";

    fn object(label: &str) -> String {
        format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n")
    }

    /// Reads a text by `RULES`. The value `bad` is malformed in every line.
    fn read(text: &str, depth: Depth) -> Result<Vec<DocumentError>, DocumentError> {
        super::read(&RULES, text.as_bytes(), depth, check)
    }

    fn check(item: &Item<'_>) -> Result<(), LineProblem> {
        if item.arguments() == b"bad" { Err(Value("bad")) } else { Ok(()) }
    }

    fn parts(error: &DocumentError) -> (Option<usize>, &str, LineProblem) {
        (error.line(), error.keyword(), error.problem())
    }

    #[test]
    fn text_that_obeys_every_rule_is_read_strictly() {
        let with_key = |label| WHOLE.replace("free\n", &format!("key\n{}", object(label)));
        for text in [
            WHOLE.to_owned(),
            WHOLE.replace("free\n", ""),
            WHOLE.replace("free\n", &format!("free\n{}", object("KEY"))),
            WHOLE.replace("free\n", "").replace("end\n", "free\nend\n"),
            WHOLE.replace("unknown\n", &format!("unknown\n{}", object("X"))),
            WHOLE.replace("many\n", "many\nunknown\n"),
            with_key("KEY"),
            with_key("OLD KEY"),
        ] {
            assert_eq!(read(&text, Depth::Strict), Ok(Vec::new()), "{text}");
            assert_eq!(read(&text, Depth::Lenient), Ok(Vec::new()), "{text}");
        }
    }

    #[test]
    fn lines_that_break_a_rule_are_skipped_or_errors() {
        let (other, broken) = (object("X"), "-----BEGIN KEY-----\nAQID\n");
        for (old, new, expected) in [
            ("many\n", "start\nmany\n".to_owned(), (8, "start", Repeated)),
            ("many\n", "free\nmany\n".to_owned(), (8, "free", Repeated)),
            ("in-group\n", "in-group\nin-group\n".to_owned(), (6, "in-group", Repeated)),
            ("version 1\n", "never\n".to_owned(), (10, "never", Unexpected)),
            ("unknown\n", "key\n".to_owned(), (3, "key", Object)),
            ("unknown\n", format!("key\n{other}"), (3, "key", Object)),
            ("unknown\n", format!("key\n{broken}"), (3, "key", Object)),
            ("free\n", format!("free\n{broken}"), (2, "free", Object)),
            ("many\n", "many bad\n".to_owned(), (8, "many", Value("bad"))),
        ] {
            let text = WHOLE.replacen(old, &new, 1);
            let error = read(&text, Depth::Strict).expect_err(&text);
            let (line, keyword, problem) = expected;
            assert_eq!(parts(&error), (Some(line), keyword, problem), "{text}");
            assert_eq!(read(&text, Depth::Lenient), Ok(vec![error]), "{text}");
        }
    }

    #[test]
    fn only_strict_reading_checks_order_number_and_places() {
        let no_base64 = object("KEY").replace("AQID", "AQI");
        for (old, new, expected) in [
            ("many\nmany\n", String::new(), (None, "many", Missing)),
            ("end\n", String::new(), (None, "end", Missing)),
            ("many\n", "many\ngroup\n".to_owned(), (None, "in-group", Missing)),
            ("end\n", format!("key\n{}end\n", object("KEY")), (Some(11), "key", Order)),
            ("end\n", "end\nunknown\n".to_owned(), (Some(11), "end", Order)),
            ("many\n", format!("many\n{}", object("KEY")), (Some(8), "many", Object)),
            ("free\n", format!("free\n{no_base64}"), (Some(2), "free", Object)),
        ] {
            let text = WHOLE.replacen(old, &new, 1);
            let error = read(&text, Depth::Strict).expect_err(&text);
            assert_eq!(parts(&error), expected, "{text}");
            assert_eq!(read(&text, Depth::Lenient), Ok(Vec::new()), "{text}");
        }
        let free = Rules { ordered: false, ..RULES };
        let text = WHOLE.replacen("many\n", "version 1\nmany\n", 1);
        let read_free = |text: &str| super::read(&free, text.as_bytes(), Depth::Strict, check);
        assert_eq!(read_free(&text), Ok(Vec::new()));
        assert_eq!(parts(&read(&text, Depth::Strict).unwrap_err()), (Some(9), "many", Order));
    }

    #[test]
    fn unknown_items_of_a_wrong_form_are_errors_of_the_strict_reading() {
        let whole = |unknown: &str| WHOLE.replace("unknown\n", unknown);
        let no_base64 = object("X").replace("AQID", "AQI");
        for (text, line, keyword, is_object) in [
            (whole(&format!("unknown\n{}{}", object("X"), object("X"))), 7, "", true),
            (whole("unknown\n-----BEGIN X-----\nAQID\n"), 3, "unknown", true),
            (whole("unknown\n-----BEGIN X-----\nAQID\n-----END Y-----\n"), 3, "unknown", true),
            (whole(&format!("unknown\n{no_base64}")), 3, "unknown", true),
            (whole("-----END X-----\n"), 3, "-----END", false),
            (whole("@unknown\n"), 3, "@unknown", false),
            (whole("un_known\n"), 3, "un_known", false),
            (whole("-unknown\n"), 3, "-unknown", false),
            (whole(" unknown\n"), 3, "", false),
            (whole(" \n"), 3, "", false),
            (whole("caf\u{e9}\n"), 3, "caf\u{e9}", false),
        ] {
            let error = read(&text, Depth::Strict).expect_err(&text);
            assert_eq!((error.line(), error.keyword()), (Some(line), keyword), "{text}");
            let is_value = matches!(error.problem(), Value(_));
            assert_eq!((error.problem() == Object, is_value), (is_object, !is_object), "{text}");
            assert_eq!(read(&text, Depth::Lenient), Ok(Vec::new()), "{text}");
        }
        for keyword in ["0", "new-", "New-9 @x"] {
            assert_eq!(read(&whole(&format!("{keyword}\n")), Depth::Strict), Ok(Vec::new()));
        }
    }

    #[test]
    fn malformed_value_of_a_decisive_line_is_an_error() {
        let text = WHOLE.replace("many\n", "many bad\n").replace("version 1", "version bad");
        let error = read(&text, Depth::Lenient).unwrap_err();
        assert_eq!(parts(&error), (Some(10), "version", Value("bad")));
        // The object is malformed, so the values aren't even read.
        let text = WHOLE.replace("version 1", "version bad\n-----BEGIN KEY-----");
        let skipped = read(&text, Depth::Lenient).unwrap();
        assert_eq!(parts(&skipped[0]), (Some(10), "version", Object));
    }

    #[test]
    fn only_a_whole_document_must_begin_with_its_first_line() {
        for (text, line, keyword) in
            [("", None, ""), ("\n", None, ""), ("free\n", Some(1), "free"), ("\nx\n", Some(2), "x")]
        {
            let error = read(text, Depth::Lenient).unwrap_err();
            assert_eq!(parts(&error), (line, keyword, Start), "{text:?}");
            let part = read_part(&RULES, text.as_bytes(), Depth::Lenient, check);
            assert_eq!(part, Ok(Vec::new()), "{text:?}");
        }
    }

    #[test]
    fn lines_without_a_rule_are_unknown() {
        let text = "start\nnew 1\nend\nstart-2\n";
        let keywords: Vec<&[u8]> =
            unknown(&RULES, text.as_bytes()).map(|item| item.keyword()).collect();
        assert_eq!(keywords, [&b"new"[..], b"start-2"]);
        assert!(RULES.knows(b"end") && !RULES.knows(b""));
        let error = RULES.problem("many", Missing);
        assert_eq!((error.document(), parts(&error)), (RULES.document, (None, "many", Missing)));
    }
}
