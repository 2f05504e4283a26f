//! Tables with a heading and aligned columns. No lines are drawn between the
//! columns.

use std::fmt;

use anstyle::Style;
use comfy_table::{CellAlignment, ContentArrangement, Table as Layout, presets};

use super::output::{Output, printable};

/// A table with a heading and aligned columns.
#[derive(Debug)]
pub(crate) struct Table {
    layout: Layout,
}

impl Table {
    /// Creates a table without rows. The column names are printed in capitals.
    pub(crate) fn new(columns: &[&str]) -> Self {
        let mut layout = Layout::new();
        layout.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Disabled);
        layout.set_header(columns.iter().map(|name| name.to_uppercase()));
        for column in layout.column_iter_mut() {
            column.set_padding((0, 2));
        }
        Table { layout }
    }

    /// Aligns a column to the right. `column` is its index.
    pub(crate) fn right(mut self, column: usize) -> Self {
        if let Some(column) = self.layout.column_mut(column) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        self
    }

    /// Adds a row. Control characters in the cells are escaped.
    pub(crate) fn row<T: fmt::Display>(&mut self, cells: impl IntoIterator<Item = T>) {
        self.layout.add_row(cells.into_iter().map(|cell| printable(&cell.to_string())));
    }

    /// Returns the table as text without the last line end. Lines are cut at
    /// the width of the terminal. The heading is bold.
    pub(crate) fn text(&self, out: &Output) -> String {
        let width = out.width().map_or(usize::MAX, usize::from);
        let bold = Style::new().bold();
        let table = self.layout.trim_fmt();
        let lines = table.lines().map(|line| cut(line, width));
        let styled = lines.enumerate().map(|(number, line)| match number {
            0 => format!("{bold}{line}{bold:#}"),
            _ => line.to_owned(),
        });
        styled.collect::<Vec<_>>().join("\n")
    }
}

/// Returns the first `width` characters of a line.
pub(crate) fn cut(line: &str, width: usize) -> &str {
    match line.char_indices().nth(width) {
        Some((end, _)) => line.get(..end).unwrap_or(line),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_without_trailing_spaces() {
        let mut table = Table::new(&["name", "bytes"]).right(1);
        table.row(["a", "1000"]);
        table.row(["longer\n", "1"]);
        let text = anstream::adapter::strip_str(&table.text(&Output::new(false))).to_string();
        assert_eq!(text, "NAME      BYTES\na          1000\nlonger\\n      1");
    }

    #[test]
    fn lines_are_cut_between_characters() {
        assert_eq!((cut("äöü", 2), cut("äöü", 3)), ("äö", "äöü"));
    }
}
