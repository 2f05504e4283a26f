//! Changing a torrc: only the lines that are meant.

use super::document::{Piece, Torrc};
use super::entry::{TorrcEntry, TorrcMagic};
use super::group;
use super::line::{self, check_line, check_name, check_value, refuse};
use crate::protocol::{ArgumentError, ConfLine};

/// A line that is to be there: name and value.
type Wanted = (String, Vec<u8>);

/// Changes. A value may be any bytes but NUL; it is quoted where it must be.
/// Nothing is changed where an error is returned.
impl Torrc {
    /// Sets an option that has one value: its line is changed, where it is,
    /// with the comment beside it; others of the same name are removed. Where
    /// there is none, it comes last.
    ///
    /// # Errors
    ///
    /// For a name that is none, a NUL in the value, and options of an onion
    /// service, whose order counts: they are set with
    /// [`set_group`](Self::set_group).
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), ArgumentError> {
        self.set_all(name, [value])
    }

    /// Sets an option that is a list to these values: lines that have the same
    /// value stay as they are, others are changed, removed, or added after
    /// them.
    ///
    /// # Errors
    ///
    /// As for [`set`](Self::set).
    pub fn set_all<V: AsRef<[u8]>>(
        &mut self,
        name: &str,
        values: impl IntoIterator<Item = V>,
    ) -> Result<(), ArgumentError> {
        check_name(name)?;
        check_alone(name)?;
        let wanted: Vec<Wanted> =
            values.into_iter().map(|value| (name.to_owned(), value.as_ref().to_vec())).collect();
        for (name, value) in &wanted {
            check_value(name, value)?;
        }
        self.rewrite(|entry| entry.is_named(name), &wanted);
        Ok(())
    }

    /// Adds a line: after the last one of this option, or at the end. The name
    /// may have `+` or `/` before it, or be `%include`. A line of an onion
    /// service comes after the last of these, and so belongs to the last
    /// service.
    ///
    /// # Errors
    ///
    /// For a name that is none, and a NUL in the value.
    pub fn append(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), ArgumentError> {
        let value = value.as_ref();
        check_line(name, value)?;
        let bare = name.strip_prefix(['+', '/']).unwrap_or(name);
        let group = if group::is_of_a_service(bare) { group::HIDDEN_SERVICES } else { bare };
        let same = |piece: &Piece| {
            piece
                .entry()
                .is_some_and(|entry| entry.is_named(bare) || group::is_in(entry.name(), group))
        };
        let at = self.pieces.iter().rposition(same).map_or(self.pieces.len(), |last| last + 1);
        self.insert_piece(at, name, value);
        Ok(())
    }

    /// Adds a line at the end. The name is as for [`append`](Self::append).
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append).
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), ArgumentError> {
        self.insert(usize::MAX, name, value)
    }

    /// Adds a line before the entry of this number, counted from 0 (or, for one
    /// that there is not, at the end). The name is as for
    /// [`append`](Self::append).
    ///
    /// # Errors
    ///
    /// As for [`append`](Self::append).
    pub fn insert(
        &mut self,
        index: usize,
        name: &str,
        value: impl AsRef<[u8]>,
    ) -> Result<(), ArgumentError> {
        check_line(name, value.as_ref())?;
        let at = self.piece_of(index).unwrap_or(self.pieces.len());
        self.insert_piece(at, name, value.as_ref());
        Ok(())
    }

    /// Removes the lines of an option that have this value, and tells how many
    /// there were.
    pub fn remove(&mut self, name: &str, value: impl AsRef<[u8]>) -> usize {
        self.remove_where(|entry| {
            entry.is_named(name)
                && entry.value_bytes() == value.as_ref()
                && entry.magic() != Some(TorrcMagic::Clear)
        })
    }

    /// Removes the entry of this number, counted from 0, with the comment
    /// beside it.
    pub fn remove_at(&mut self, index: usize) -> Option<TorrcEntry> {
        let at = self.piece_of(index)?;
        match self.pieces.remove(at) {
            Piece::Entry(entry) => {
                self.renumber();
                Some(entry)
            }
            Piece::Other(_) => None,
        }
    }

    /// Removes all lines of an option, and tells how many there were. tor's
    /// default holds then.
    pub fn clear(&mut self, name: &str) -> usize {
        self.remove_where(|entry| entry.is_named(name))
    }

    /// Sets the lines of a group whose order counts, by the group's name or
    /// that of an option in it (see [`group`](Self::group)). Lines that are
    /// there already stay as they are, each with its comment; what is between
    /// them stays, too.
    ///
    /// ```
    /// use scape::config::Torrc;
    /// use scape::onion::disk::{DiskOnion, format_group, parse_group};
    ///
    /// let mut torrc = Torrc::parse("HiddenServiceDir /srv/a # first\nHiddenServicePort 80\nHiddenServiceNew x\n")?;
    /// let mut services = parse_group(torrc.group("HiddenServiceOptions"))?;
    /// services.push(DiskOnion::new("/srv/b").local_port(22));
    /// torrc.set_group("HiddenServiceOptions", &format_group(&services))?;
    /// assert_eq!(
    ///     torrc.to_text(),
    ///     "HiddenServiceDir /srv/a # first\nHiddenServicePort 80\nHiddenServiceNew x\n\
    ///      HiddenServiceDir /srv/b\nHiddenServicePort 22\n"
    /// );
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// For a line that is not of this group, and a NUL in a value.
    pub fn set_group(&mut self, group: &str, lines: &[ConfLine]) -> Result<(), ArgumentError> {
        let mut wanted = Vec::new();
        for line in lines {
            let Some(value) = &line.value else { continue };
            check_name(&line.name)?;
            check_value(&line.name, value.as_bytes())?;
            if !group::is_in(&line.name, group) {
                return Err(refuse(&line.name, &format!("is not in the group {group}")));
            }
            wanted.push((line.name.clone(), value.as_bytes().to_vec()));
        }
        self.rewrite(|entry| group::is_in(entry.name(), group), &wanted);
        Ok(())
    }

    /// The piece that is the entry of this number.
    fn piece_of(&self, index: usize) -> Option<usize> {
        self.pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| piece.entry().is_some())
            .nth(index)
            .map(|(at, _)| at)
    }

    fn insert_piece(&mut self, at: usize, name: &str, value: &[u8]) {
        if let Some(piece) = new_piece(name, value, self.line_end()) {
            self.pieces.insert(at, piece);
            self.renumber();
        }
    }

    fn remove_where(&mut self, removed: impl Fn(&TorrcEntry) -> bool) -> usize {
        let before = self.pieces.len();
        self.pieces.retain(|piece| !piece.entry().is_some_and(&removed));
        self.renumber();
        before - self.pieces.len()
    }

    /// Makes the wanted lines of those of the members: with as few changes as
    /// can be.
    fn rewrite(&mut self, is_member: impl Fn(&TorrcEntry) -> bool, wanted: &[Wanted]) {
        let end = self.line_end();
        let mut plan = Plan::new(&self.pieces, is_member, wanted);
        let mut pieces = Vec::with_capacity(self.pieces.len() + wanted.len());
        let add = |pieces: &mut Vec<Piece>, (name, value): &Wanted| {
            pieces.extend(new_piece(name, value, end));
        };
        for (at, piece) in std::mem::take(&mut self.pieces).into_iter().enumerate() {
            plan.before(at).for_each(|line| add(&mut pieces, line));
            match (plan.what(at), piece) {
                (Change::Keep, piece) => pieces.push(piece),
                (Change::Remove, _) => {}
                (Change::Set(line), Piece::Entry(entry)) => {
                    match entry.with_value(&line.0, &line.1, end) {
                        Some(entry) if entry.is_named(&line.0) => pieces.push(Piece::Entry(entry)),
                        _ => add(&mut pieces, line),
                    }
                }
                (Change::Set(line), Piece::Other(_)) => add(&mut pieces, line),
            }
        }
        plan.before(usize::MAX).for_each(|line| add(&mut pieces, line));
        self.pieces = pieces;
        self.renumber();
    }
}

fn new_piece(name: &str, value: &[u8], end: &[u8]) -> Option<Piece> {
    TorrcEntry::read(line::line_text(name, value, end)).map(Piece::Entry)
}

/// Refuses an option that says nothing without those around it.
fn check_alone(name: &str) -> Result<(), ArgumentError> {
    if group::is_of_a_service(name) {
        let why = "belongs to one of several services, and the order of its lines counts: set all of them with set_group";
        return Err(refuse(name, why));
    }
    Ok(())
}

/// What becomes of a member's line.
#[derive(Clone, Copy)]
enum Change<'a> {
    Keep,
    Remove,
    Set(&'a Wanted),
}

/// How the members' lines become the wanted ones.
struct Plan<'a> {
    /// What becomes of the members, by their place, in order.
    changes: std::iter::Peekable<std::vec::IntoIter<(usize, Change<'a>)>>,
    /// New lines, and before which place they come, in order.
    added: std::iter::Peekable<std::vec::IntoIter<(usize, &'a Wanted)>>,
}

impl<'a> Plan<'a> {
    fn new(
        pieces: &[Piece],
        is_member: impl Fn(&TorrcEntry) -> bool,
        wanted: &'a [Wanted],
    ) -> Self {
        let members: Vec<(usize, &TorrcEntry)> = pieces
            .iter()
            .enumerate()
            .filter_map(|(at, piece)| {
                Some((at, piece.entry()?)).filter(|(_, entry)| is_member(entry))
            })
            .collect();
        let (mut changes, mut added) = (Vec::new(), Vec::new());
        let mut matches = same_lines(&members, wanted);
        matches.push((members.len(), wanted.len()));
        let (mut old, mut new) = (0, 0);
        // Where a line comes that has none to take the place of: after the one
        // before it, or before the first, or at the end.
        let mut place = members.first().map_or(usize::MAX, |(at, _)| *at);
        for (next_old, next_new) in matches {
            let mut lines = wanted.get(new..next_new).unwrap_or_default().iter();
            for (at, _) in members.get(old..next_old).unwrap_or_default() {
                changes.push((*at, lines.next().map_or(Change::Remove, Change::Set)));
                place = at + 1;
            }
            added.extend(lines.map(|line| (place, line)));
            if let Some((at, _)) = members.get(next_old) {
                changes.push((*at, Change::Keep));
                place = at + 1;
            }
            (old, new) = (next_old + 1, next_new + 1);
        }
        Plan { changes: changes.into_iter().peekable(), added: added.into_iter().peekable() }
    }

    /// The new lines that come before this place; asked for every place in
    /// order, and for the last one at the end.
    fn before(&mut self, at: usize) -> impl Iterator<Item = &'a Wanted> {
        std::iter::from_fn(move || {
            self.added.next_if(|(place, _)| *place <= at).map(|(_, line)| line)
        })
    }

    /// What becomes of the piece at this place.
    fn what(&mut self, at: usize) -> Change<'a> {
        self.changes.next_if(|(place, _)| *place == at).map_or(Change::Keep, |(_, change)| change)
    }
}

/// Which of the lines say what is wanted already: the longest series of them,
/// in both orders.
fn same_lines(members: &[(usize, &TorrcEntry)], wanted: &[Wanted]) -> Vec<(usize, usize)> {
    /// Beyond this many comparisons, only what is the same at the beginning is
    /// found.
    const MOST: usize = 1 << 22;
    let same = |old: usize, new: usize| match (members.get(old), wanted.get(new)) {
        (Some((_, entry)), Some(line)) => says(entry, line),
        _ => false,
    };
    let mut found: Vec<(usize, usize)> =
        (0..).map_while(|i| same(i, i).then_some((i, i))).collect();
    let begin = found.len();
    let (rows, columns) = (members.len() - begin, wanted.len() - begin);
    if rows.saturating_mul(columns) > MOST {
        return found;
    }
    // How long the series is from a pair of places on.
    let width = columns + 1;
    let mut lengths = vec![0_u32; (rows + 1) * width];
    let at = |lengths: &[u32], row: usize, column: usize| {
        lengths.get(row * width + column).copied().unwrap_or_default()
    };
    for row in (0..rows).rev() {
        for column in (0..columns).rev() {
            let length = if same(begin + row, begin + column) {
                at(&lengths, row + 1, column + 1) + 1
            } else {
                at(&lengths, row + 1, column).max(at(&lengths, row, column + 1))
            };
            if let Some(own) = lengths.get_mut(row * width + column) {
                *own = length;
            }
        }
    }
    let (mut row, mut column) = (0, 0);
    while row < rows && column < columns {
        if same(begin + row, begin + column) {
            found.push((begin + row, begin + column));
            (row, column) = (row + 1, column + 1);
        } else if at(&lengths, row + 1, column) >= at(&lengths, row, column + 1) {
            row += 1;
        } else {
            column += 1;
        }
    }
    found
}

/// Whether the entry says this already. What was shown with U+FFFD for bytes
/// that are no UTF-8 means those bytes.
fn says(entry: &TorrcEntry, (name, value): &Wanted) -> bool {
    entry.is_named(name)
        && entry.magic() != Some(TorrcMagic::Clear)
        && (entry.value_bytes() == value
            || str::from_utf8(value)
                .is_ok_and(|text| text.contains('\u{fffd}') && entry.value() == text))
}
