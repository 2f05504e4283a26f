//! The columns of a list: the text of their cells, and sorting by a column.

use std::cmp::Reverse;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::base::failure::Failure;
use crate::base::output::Output;
use crate::base::table::Table;

/// The text of a cell if the row has no value in the column.
const NOTHING: &str = "-";

/// The value of a cell for sorting.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    Number(u64),
    /// A text in lower case, so that case doesn't matter for the order.
    Text(String),
    /// A sequence of numbers, such as the parts of a version.
    Numbers(Vec<u32>),
    /// A key that is sorted in the opposite order.
    Last(Reverse<Box<Key>>),
}

impl Key {
    pub(crate) fn text(text: impl ToString) -> Key {
        Key::Text(text.to_string().to_lowercase())
    }

    /// Returns the key for the age of something that began at `since`. The
    /// lowest age is sorted first.
    pub(crate) fn age(since: SystemTime) -> Option<Key> {
        let since = since.duration_since(UNIX_EPOCH).ok()?;
        Some(Key::Number(since.as_micros().try_into().ok()?).reversed())
    }

    /// Returns a key with the opposite order.
    pub(crate) fn reversed(self) -> Key {
        Key::Last(Reverse(Box::new(self)))
    }
}

/// A column of a list with rows of the type `R`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column<R> {
    name: &'static str,
    /// A function that returns the text of a row's cell. `None` means that the
    /// row has no value in this column.
    cell: fn(&R) -> Option<String>,
    /// A function that returns the key by which a row is sorted. `None` means
    /// that the text of the cell is used.
    key: fn(&R) -> Option<Key>,
    right: bool,
}

impl<R> Column<R> {
    /// Creates a column. The rows are sorted by the text of the cells, unless
    /// [`by`](Self::by) is called.
    pub(crate) fn new(name: &'static str, cell: fn(&R) -> Option<String>) -> Self {
        Column { name, cell, key: |_| None, right: false }
    }

    /// Sets the function that returns the key by which a row is sorted.
    pub(crate) fn by(self, key: fn(&R) -> Option<Key>) -> Self {
        Column { key, ..self }
    }

    /// Aligns the cells to the right.
    pub(crate) fn right(self) -> Self {
        Column { right: true, ..self }
    }

    fn key_of(&self, row: &R) -> Option<Key> {
        (self.key)(row).or_else(|| (self.cell)(row).map(Key::text))
    }
}

/// The order in which the rows of a list are printed.
#[derive(Debug, Clone)]
pub(crate) struct Order<R> {
    /// The column to sort by. `None` keeps tor's order.
    by: Option<Column<R>>,
    is_reversed: bool,
}

impl<R> Order<R> {
    /// Creates an order by the column named `by`, or tor's order if `by` is
    /// `None`. Returns a failure if there is no column with this name.
    pub(crate) fn new(
        columns: &[Column<R>],
        by: Option<&str>,
        is_reversed: bool,
    ) -> Result<Self, Failure>
    where
        R: Clone,
    {
        let Some(name) = by else { return Ok(Order { by: None, is_reversed }) };
        match columns.iter().find(|column| column.name.eq_ignore_ascii_case(name)) {
            Some(column) => Ok(Order { by: Some(column.clone()), is_reversed }),
            None => {
                let names: Vec<_> = columns.iter().map(|column| column.name).collect();
                let names = names.join(", ");
                Err(Failure::usage(format!("there is no column {name:?}; --sort takes {names}")))
            }
        }
    }

    /// Sorts rows. Rows without a value in the column come last, even in
    /// reverse order. Rows with equal values keep their order.
    pub(crate) fn sort(&self, rows: &mut [R]) {
        let Some(column) = &self.by else {
            if self.is_reversed {
                rows.reverse();
            }
            return;
        };
        rows.sort_by_cached_key(|row| {
            let key = column.key_of(row);
            let is_missing = key.is_none();
            let key = if self.is_reversed { key.map(Key::reversed) } else { key };
            (is_missing, key)
        });
    }
}

/// Formats rows as a table with these columns.
pub(crate) fn table<R>(out: &Output, columns: &[Column<R>], rows: &[R]) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name).collect();
    let mut table = Table::new(&names);
    for (number, column) in columns.iter().enumerate() {
        if column.right {
            table = table.right(number);
        }
    }
    for row in rows {
        table.row(columns.iter().map(|column| {
            (column.cell)(row).filter(|text| !text.is_empty()).unwrap_or(NOTHING.into())
        }));
    }
    table.text(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Clone, PartialEq)]
    struct Row(&'static str, Option<u64>);

    fn columns() -> Vec<Column<Row>> {
        vec![
            Column::new("name", |row: &Row| Some(row.0.into())),
            Column::new("size", |row: &Row| Some(row.1?.to_string()))
                .by(|row| row.1.map(Key::Number))
                .right(),
        ]
    }

    fn sorted(by: Option<&str>, is_reversed: bool) -> Vec<&'static str> {
        let mut rows = vec![Row("b", Some(9)), Row("C", None), Row("a", Some(10))];
        Order::new(&columns(), by, is_reversed).unwrap().sort(&mut rows);
        rows.iter().map(|row| row.0).collect()
    }

    #[test]
    fn rows_are_sorted_by_a_column_in_both_directions() {
        assert_eq!(sorted(None, false), ["b", "C", "a"]);
        assert_eq!(sorted(None, true), ["a", "C", "b"]);
        assert_eq!(sorted(Some("name"), false), ["a", "b", "C"]);
        assert_eq!(sorted(Some("NAME"), true), ["C", "b", "a"]);
    }

    #[test]
    fn rows_without_a_value_come_last() {
        assert_eq!(sorted(Some("size"), false), ["b", "a", "C"]);
        assert_eq!(sorted(Some("size"), true), ["a", "b", "C"]);
    }

    #[test]
    fn unknown_column_is_wrong_usage() {
        let failure = Order::new(&columns(), Some("age"), false).unwrap_err();
        assert_eq!(failure.message, "there is no column \"age\"; --sort takes name, size");
    }

    #[test]
    fn missing_values_are_shown_as_a_dash() {
        let rows = [Row("a", None), Row("b", Some(1000))];
        let text = table(&Output::new(false), &columns(), &rows);
        let text = anstream::adapter::strip_str(&text).to_string();
        assert_eq!(text, "NAME  SIZE\na        -\nb     1000");
    }
}
