//! Formats a summary: facts, and tables of numbers with bars.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, SystemTime};

use anstyle::{AnsiColor, Style};
use scape::netdoc::DocumentKind;
use serde::{Serialize, Serializer};

use crate::base::output::{Output, printable};
use crate::base::units;
use crate::commands::shared::json;

/// The maximum number of rows in a table that is sorted by its numbers. The
/// other rows are summed up.
const MOST_ROWS: usize = 15;
/// The width of the text, in columns, if the output isn't a terminal.
const USUAL_WIDTH: u16 = 80;

/// A summary of a document, or of all documents of a kind.
#[derive(Debug, Serialize)]
pub(super) struct Summary {
    /// The kind, such as `consensus` or `server_descriptor`.
    kind: DocumentKind,
    /// The heading of the text output.
    #[serde(skip)]
    title: String,
    /// The values that describe the document, by name, such as `valid_after`.
    /// Times are in UTC, durations in seconds, and bandwidths in units of 1000
    /// bytes per second.
    #[serde(serialize_with = "as_map")]
    facts: Vec<(&'static str, Fact)>,
    /// The tables of numbers, by name. In JSON, a table is an object. For
    /// example, `flags` contains the number of relays that have each flag.
    #[serde(serialize_with = "as_counts")]
    counts: Vec<Counts>,
}

/// The value of a fact about a document.
#[derive(Debug, Clone)]
enum Fact {
    Text(String),
    Number(u64),
    Bytes(u64),
    /// A bandwidth in units of 1000 bytes per second.
    Rate(u64),
    Duration(Duration),
    Time(SystemTime),
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fact::Text(text) => f.write_str(text),
            Fact::Number(number) => write!(f, "{number}"),
            Fact::Bytes(bytes) => f.write_str(&units::bytes(*bytes)),
            Fact::Rate(rate) => f.write_str(&Unit::Kilobytes.show(*rate)),
            Fact::Duration(time) => f.write_str(&units::duration(*time)),
            Fact::Time(at) => f.write_str(&units::time(*at)),
        }
    }
}

impl Serialize for Fact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Fact::Text(text) => serializer.serialize_str(text),
            Fact::Number(number) | Fact::Bytes(number) | Fact::Rate(number) => {
                serializer.serialize_u64(*number)
            }
            Fact::Duration(time) => serializer.serialize_u64(time.as_secs()),
            Fact::Time(at) => json::seconds(&Some(*at), serializer),
        }
    }
}

/// A table of numbers in a summary, such as the number of relays by flag.
#[derive(Debug)]
struct Counts {
    name: &'static str,
    /// The number that counts as 100 %. The bar of a row shows the share of
    /// `total`.
    total: u64,
    unit: Unit,
    /// True if the rows are printed in the order of `rows`. Otherwise, the rows
    /// with the largest numbers come first.
    is_ordered: bool,
    rows: Vec<(String, u64)>,
    /// Remarks by the name of a row. The text output shows the remark after the
    /// name.
    remarks: BTreeMap<String, &'static str>,
}

/// The unit of the numbers in a table.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Number,
    /// 1000 bytes per second, the unit of bandwidths in a consensus.
    Kilobytes,
}

fn as_map<S: Serializer>(facts: &[(&str, Fact)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(facts.iter().map(|(name, value)| (name, value)))
}

fn as_counts<S: Serializer>(counts: &[Counts], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(counts.iter().map(|counts| {
        let rows: BTreeMap<&str, u64> =
            counts.rows.iter().map(|(label, value)| (label.as_str(), *value)).collect();
        (counts.name, rows)
    }))
}

impl Summary {
    pub(super) fn new(kind: DocumentKind, title: impl Into<String>) -> Self {
        let (facts, counts) = (Vec::new(), Vec::new());
        Summary { kind, title: title.into(), facts, counts }
    }

    /// Adds a text under `name` to the facts. Adds nothing if the text is
    /// missing or empty.
    pub(super) fn text(&mut self, name: &'static str, value: Option<impl ToString>) {
        let value = value.map(|value| value.to_string()).unwrap_or_default();
        if !value.is_empty() {
            self.facts.push((name, Fact::Text(value)));
        }
    }

    /// Adds a number under `name` to the facts. Adds nothing if the number is
    /// missing.
    pub(super) fn number(&mut self, name: &'static str, value: impl Into<Option<u64>>) {
        self.facts.extend(value.into().map(|value| (name, Fact::Number(value))));
    }

    /// Adds a number of items under `name` to the facts.
    pub(super) fn count(&mut self, name: &'static str, count: usize) {
        self.number(name, count as u64);
    }

    /// Adds a bandwidth, in units of 1000 bytes per second, under `name` to the
    /// facts.
    pub(super) fn rate(&mut self, name: &'static str, kilobytes: u64) {
        self.facts.push((name, Fact::Rate(kilobytes)));
    }

    /// Adds a number of bytes under `name` to the facts.
    pub(super) fn bytes(&mut self, name: &'static str, bytes: u64) {
        self.facts.push((name, Fact::Bytes(bytes)));
    }

    /// Adds a point in time under `name` to the facts. Adds nothing if it is
    /// missing.
    pub(super) fn time(&mut self, name: &'static str, time: Option<SystemTime>) {
        self.facts.extend(time.map(|at| (name, Fact::Time(at))));
    }

    /// Adds a duration under `name` to the facts. Adds nothing if the duration
    /// is missing.
    pub(super) fn duration(&mut self, name: &'static str, time: Option<Duration>) {
        self.facts.extend(time.map(|time| (name, Fact::Duration(time))));
    }

    /// Adds a table of numbers, which is sorted with the largest number first.
    /// Each row also shows its share of `total`.
    pub(super) fn counts(
        &mut self,
        name: &'static str,
        counts: BTreeMap<String, u64>,
        total: u64,
        unit: Unit,
    ) {
        let mut rows: Vec<(String, u64)> = counts.into_iter().collect();
        rows.sort_by_key(|row| std::cmp::Reverse(row.1));
        self.counts.push(Counts {
            name,
            total,
            unit,
            is_ordered: false,
            rows,
            remarks: BTreeMap::new(),
        });
    }

    /// Adds a table of numbers whose rows keep the order of `rows`. Each row
    /// also shows its share of `total`.
    pub(super) fn ordered(
        &mut self,
        name: &'static str,
        rows: Vec<(String, u64)>,
        total: u64,
        unit: Unit,
    ) {
        self.counts.push(Counts {
            name,
            total,
            unit,
            is_ordered: true,
            rows,
            remarks: BTreeMap::new(),
        });
    }

    /// Adds remarks to the table that was added last. The keys are the names of
    /// rows. The text output shows a remark after the name of its row.
    pub(super) fn remarks(&mut self, remarks: BTreeMap<String, &'static str>) {
        if let Some(counts) = self.counts.last_mut() {
            counts.remarks = remarks;
        }
    }

    /// Returns the summary as text.
    pub(super) fn describe(&self, out: &Output) -> String {
        let bold = Style::new().bold();
        let mut lines = vec![format!("{bold}{}{bold:#}", printable(&self.title))];
        let width = self.facts.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        lines.extend(self.facts.iter().map(|(name, value)| {
            format!("  {:<width$}  {}", name.replace('_', " "), printable(&value.to_string()))
        }));
        for counts in self.counts.iter().filter(|counts| !counts.rows.is_empty()) {
            lines.push(format!("\n{bold}{}{bold:#}", counts.title()));
            lines.extend(counts.lines(out.width().unwrap_or(USUAL_WIDTH), out.is_terminal()));
        }
        lines.join("\n")
    }
}

impl Unit {
    fn show(self, value: u64) -> String {
        match self {
            Unit::Number => value.to_string(),
            Unit::Kilobytes => format!("{}/s", units::bytes(value.saturating_mul(1_000))),
        }
    }
}

impl Counts {
    fn title(&self) -> String {
        let mut title = self.name.replace('_', " ");
        if let Some(first) = title.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        title
    }

    /// Returns one line for each row: its number, its share of the total, and a
    /// bar. If `has_blocks` is true, the bars consist of block characters.
    fn lines(&self, width: u16, has_blocks: bool) -> Vec<String> {
        let rows = self.shortened();
        let values: Vec<String> = rows.iter().map(|(_, value)| self.unit.show(*value)).collect();
        let label = |label: &String| match self.remarks.get(label) {
            Some(remark) => format!("{} ({remark})", printable(label)),
            None => printable(label),
        };
        let labels: Vec<String> = rows.iter().map(|(name, _)| label(name)).collect();
        let widest =
            |texts: &[String]| texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
        let (labels_width, values_width) = (widest(&labels), widest(&values));
        // The rest of a line has 15 columns: two spaces before the label and
        // between the columns, and a share of seven characters.
        let room = usize::from(width).saturating_sub(labels_width + values_width + 15);
        let shares = rows.iter().map(|(_, value)| *value as f64 / self.total.max(1) as f64);
        let lines = labels.iter().zip(&values).zip(shares).map(|((label, value), share)| {
            let bar = bar(share, room, has_blocks);
            let percent = share * 100.0;
            let line =
                format!("  {label:<labels_width$}  {value:>values_width$}  {percent:5.1} %  {bar}");
            line.trim_end().to_owned()
        });
        lines.collect()
    }

    /// Returns the rows to print. A table with a fixed order has all of its
    /// rows. Otherwise, only the first rows are kept if there are more than
    /// [`MOST_ROWS`], and the last row is the sum of the others.
    fn shortened(&self) -> Vec<(String, u64)> {
        let mut rows = self.rows.clone();
        if !self.is_ordered && rows.len() > MOST_ROWS {
            let others = rows.split_off(MOST_ROWS - 1);
            let sum = others.iter().map(|(_, value)| value).sum();
            rows.push((format!("{} others", others.len()), sum));
        }
        rows
    }
}

/// Returns a bar for a share from 0 to 1. A share of 1 is `room` columns wide.
/// If `has_blocks` is true, the bar consists of block characters, and is exact
/// to an eighth of a column.
fn bar(share: f64, room: usize, has_blocks: bool) -> String {
    const BLOCKS: [&str; 8] = ["", "▏", "▎", "▍", "▌", "▋", "▊", "▉"];
    let columns = share.clamp(0.0, 1.0) * room as f64;
    if !has_blocks {
        return "#".repeat(columns.round() as usize);
    }
    let eighths = (columns * 8.0).round() as usize;
    let last = BLOCKS.get(eighths % 8).unwrap_or(&"");
    let cyan = AnsiColor::Cyan.on_default();
    match eighths {
        0 => String::new(),
        _ => format!("{cyan}{}{last}{cyan:#}", "█".repeat(eighths / 8)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_have_shares_and_bars() {
        let mut summary = Summary::new(DocumentKind::Consensus, "A consensus");
        summary.text("valid_after", Some("now"));
        summary.text("empty", Some(""));
        summary.rate("bandwidth", 1_500);
        summary.duration("expired_for", Some(Duration::from_secs(61)));
        let counts = BTreeMap::from([("Fast".to_owned(), 1), ("Running".to_owned(), 4)]);
        summary.counts("flags", counts, 4, Unit::Number);
        let text = summary.describe(&Output::new(false));
        let text = anstream::adapter::strip_str(&text).to_string();
        let bar = "#".repeat(57);
        let expected = format!(
            "A consensus\n  valid after  now\n  bandwidth    1.50 MB/s\n  expired for  1m 1s\n\nFlags\n  Running  4  100.0 %  {bar}\n  \
             Fast     1   25.0 %  {}",
            "#".repeat(14)
        );
        assert_eq!(text, expected);
        let json = serde_json::to_value(&summary).unwrap();
        assert_eq!(json["kind"], "consensus");
        assert_eq!(json["counts"]["flags"]["Fast"], 1);
        let expected =
            serde_json::json!({"valid_after": "now", "bandwidth": 1500, "expired_for": 61});
        assert_eq!(json["facts"], expected);
    }

    #[test]
    fn times_after_the_year_9999_are_shown() {
        let mut summary = Summary::new(DocumentKind::ServerDescriptor, "");
        let at = |seconds| Some(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
        summary.time("published", at(1));
        summary.time("expires", at(u64::from(u32::MAX) * 3_600));
        let text = summary.describe(&Output::new(false));
        assert!(
            text.ends_with("published  1970-01-01T00:00:01Z\n  expires    after 9999"),
            "{text}"
        );
        let json = serde_json::to_value(&summary).unwrap();
        let expected = serde_json::json!({"published": "1970-01-01T00:00:01Z", "expires": null});
        assert_eq!(json["facts"], expected);
    }

    #[test]
    fn rows_that_are_too_many_are_added_up() {
        let mut summary = Summary::new(DocumentKind::Consensus, "");
        let counts = (1..=20).map(|number| (format!("{number:02}"), number)).collect();
        summary.counts("numbers", counts, 210, Unit::Number);
        let rows = summary.counts[0].shortened();
        assert_eq!(rows.len(), MOST_ROWS);
        assert_eq!(rows[0], ("20".to_owned(), 20));
        assert_eq!(rows[14], ("6 others".to_owned(), 1 + 2 + 3 + 4 + 5 + 6));
    }

    #[test]
    fn bars_at_a_terminal_have_eighths() {
        let text = anstream::adapter::strip_str(&bar(0.15, 10, true)).to_string();
        assert_eq!(text, "█▌");
        assert_eq!(bar(0.0, 10, true), "");
    }
}
