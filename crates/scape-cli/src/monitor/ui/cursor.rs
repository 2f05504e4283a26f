//! The selection in a list. The same row stays selected if rows above it are
//! added or removed.

use crossterm::event::{KeyCode, KeyEvent};

/// A way to move the selection in a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    Up,
    Down,
    PageUp,
    PageDown,
    First,
    Last,
}

impl Step {
    /// Returns the move for a key, such as `Up` for the arrow key or `k`.
    /// Returns `None` if the key doesn't move the selection.
    pub(crate) fn of(key: KeyEvent) -> Option<Step> {
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => Some(Step::Up),
            KeyCode::Down | KeyCode::Char('j') => Some(Step::Down),
            KeyCode::PageUp => Some(Step::PageUp),
            KeyCode::PageDown | KeyCode::Char(' ') => Some(Step::PageDown),
            KeyCode::Home | KeyCode::Char('g') => Some(Step::First),
            KeyCode::End | KeyCode::Char('G') => Some(Step::Last),
            _ => None,
        }
    }

    /// Returns the new index if the row `index` was selected before this move.
    /// The list has `len` rows, of which `page` are visible.
    pub(crate) fn from(self, index: usize, len: usize, page: usize) -> usize {
        let page = page.max(1);
        let index = match self {
            Step::Up => index.saturating_sub(1),
            Step::Down => index.saturating_add(1),
            Step::PageUp => index.saturating_sub(page),
            Step::PageDown => index.saturating_add(page),
            Step::First => 0,
            Step::Last => usize::MAX,
        };
        index.min(len.saturating_sub(1))
    }
}

/// The selection in a list whose rows have keys of the type `K`.
#[derive(Debug, Clone)]
pub(crate) struct Cursor<K> {
    key: Option<K>,
    /// The index of the row when it was selected. The row that is now at this
    /// index is selected if the list has no row with `key`.
    index: usize,
}

impl<K> Default for Cursor<K> {
    fn default() -> Self {
        Cursor { key: None, index: 0 }
    }
}

impl<K: PartialEq + Clone> Cursor<K> {
    /// Returns the index of the selected row. Returns `None` if the list is
    /// empty. `rows` contains the keys of all rows.
    pub(crate) fn at(&self, rows: &[K]) -> Option<usize> {
        let last = rows.len().checked_sub(1)?;
        let key = self.key.as_ref();
        let found = key.and_then(|key| rows.iter().position(|row| row == key));
        Some(found.unwrap_or(self.index.min(last)))
    }

    /// Returns the key of the selected row. Returns `None` if the list is
    /// empty. `rows` contains the keys of all rows.
    pub(crate) fn selected<'a>(&self, rows: &'a [K]) -> Option<&'a K> {
        self.at(rows).and_then(|index| rows.get(index))
    }

    /// Moves the selection. `rows` contains the keys of all rows, and `page` is
    /// the number of visible rows.
    pub(crate) fn step(&mut self, rows: &[K], step: Step, page: usize) {
        if let Some(index) = self.at(rows) {
            self.select(rows, step.from(index, rows.len(), page));
        }
    }

    /// Selects the row with this index. `rows` contains the keys of all rows.
    pub(crate) fn select(&mut self, rows: &[K], index: usize) {
        self.index = index;
        self.key = rows.get(index).cloned();
    }
}

/// Returns the index of the first visible row, for a list of `len` rows of
/// which `height` fit on the screen. The row `selected` is shown in the middle,
/// unless it is near an end of the list.
pub(crate) fn first_visible(selected: usize, len: usize, height: usize) -> usize {
    selected.saturating_sub(height / 2).min(len.saturating_sub(height))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn selection_stays_at_its_row() {
        let mut cursor = Cursor::default();
        assert_eq!((cursor.at(&['a', 'b']), cursor.at(&[])), (Some(0), None));
        cursor.step(&['a', 'b', 'c'], Step::Down, 10);
        assert_eq!(cursor.selected(&['x', 'a', 'b']), Some(&'b'));
        // The selected row no longer exists, so the cursor keeps its position.
        assert_eq!(cursor.at(&['x', 'a', 'c']), Some(1));
        assert_eq!(cursor.at(&['x']), Some(0));
    }

    #[test]
    fn steps_end_at_the_ends_of_the_list() {
        let expected = [
            (Step::Up, 0, 0),
            (Step::Down, 8, 9),
            (Step::Down, 9, 9),
            (Step::PageUp, 3, 0),
            (Step::PageDown, 3, 7),
            (Step::First, 5, 0),
            (Step::Last, 5, 9),
        ];
        for (step, from, to) in expected {
            assert_eq!(step.from(from, 10, 4), to, "{step:?}");
        }
        assert_eq!(Step::Last.from(0, 0, 0), 0);
    }

    #[test]
    fn selected_row_is_visible() {
        for len in 0..12 {
            for height in 1..5 {
                for selected in 0..len {
                    let first = first_visible(selected, len, height);
                    assert!((first..first + height).contains(&selected));
                }
            }
        }
    }
}
