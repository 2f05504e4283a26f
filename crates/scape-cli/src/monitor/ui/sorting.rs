//! The order of the rows of a list, which the user changes with `s` and `S`.

/// The order of a list: the column by which it is sorted, and the direction.
#[derive(Debug, Clone)]
pub(crate) struct Sorting<C: 'static> {
    columns: &'static [(C, &'static str)],
    index: usize,
    reversed: bool,
}

impl<C: Copy> Sorting<C> {
    /// Creates the order by the first of these columns. Each column comes with
    /// the name that the title of the list shows.
    pub(crate) fn new(columns: &'static [(C, &'static str)]) -> Self {
        Sorting { columns, index: 0, reversed: false }
    }

    /// Switches to the order by the next column, in the normal direction.
    pub(crate) fn next(&mut self) {
        self.index = (self.index + 1) % self.columns.len().max(1);
        self.reversed = false;
    }

    /// Switches between the normal and the reversed direction.
    pub(crate) fn reverse(&mut self) {
        self.reversed = !self.reversed;
    }

    /// Returns the column to sort by. Returns `None` if there are no columns.
    pub(crate) fn column(&self) -> Option<C> {
        self.columns.get(self.index).map(|(column, _)| *column)
    }

    /// Reverses `rows` if the direction is reversed. The caller must have
    /// sorted them by the column in the normal direction.
    pub(crate) fn direct<T>(&self, rows: &mut [T]) {
        if self.reversed {
            rows.reverse();
        }
    }

    /// Returns the text about the order in the title of the list, such as
    /// `by age (reversed)`.
    pub(crate) fn name(&self) -> String {
        let name = self.columns.get(self.index).map_or("", |(_, name)| name);
        let direction = if self.reversed { " (reversed)" } else { "" };
        format!("by {name}{direction}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_follow_each_other() {
        let mut sorting = Sorting::new(&[(1, "one"), (2, "two")]);
        sorting.reverse();
        assert_eq!(sorting.name(), "by one (reversed)");
        let mut rows = [1, 2, 3];
        sorting.direct(&mut rows);
        assert_eq!(rows, [3, 2, 1]);
        sorting.next();
        assert_eq!((sorting.column(), sorting.name()), (Some(2), "by two".into()));
        sorting.next();
        assert_eq!(sorting.column(), Some(1));
    }
}
