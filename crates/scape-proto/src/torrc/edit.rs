//! Methods that change lines of a torrc, and leave all other lines as they are.

use super::document::{Piece, Torrc};
use super::entry::{TorrcEntry, TorrcMagic};
use super::group;
use super::line::{self, check_line, check_name, check_value, refuse};
use crate::control::{ArgumentError, ConfLine};

/// A line that should be in the torrc: name and value.
type Wanted = (String, Vec<u8>);

/// Methods that change the torrc. A value may contain any bytes except NUL, and
/// it is quoted if necessary. If a method returns an error, the torrc is
/// unchanged.
impl Torrc {
    /// Sets an option that takes one value. The option's line is changed, but
    /// the comment beside the option is kept. Other lines of the option are
    /// removed. If the option has no line yet, a new line is added at the end.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("Nickname relay01 # mine\n")?;
    /// torrc.set("Nickname", "relay02")?;
    /// torrc.set("ContactInfo", "me, #1")?;
    /// assert_eq!(torrc.to_text(), "Nickname relay02 # mine\nContactInfo \"me, #1\"\n");
    /// assert!(torrc.set("HiddenServicePort", "80").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the name isn't a word of letters, digits and `_`, or
    /// if the value contains a NUL. Also returns an error for an option of an
    /// onion service, because the option's meaning depends on the lines around
    /// it. Use [`set_group`](Self::set_group) for such options.
    pub fn set(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), ArgumentError> {
        self.set_all(name, [value])
    }

    /// Sets a list option to these values. Lines that already have one of the
    /// values, in the right order, stay as they are. Other lines of the option
    /// are changed or removed. If more lines are needed, they are added next to
    /// the option's existing lines.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("SocksPort 9050 # browser\nSocksPort 9060\n")?;
    /// torrc.set_all("SocksPort", ["9050", "9150"])?;
    /// assert_eq!(torrc.to_text(), "SocksPort 9050 # browser\nSocksPort 9150\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`set`](Self::set), most often a malformed name.
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

    /// Adds a line after the last line of the option or of its
    /// [group](Self::group). If there is no such line, adds the line at the end
    /// of the torrc. An option of an onion service is therefore added to the
    /// last service.
    ///
    /// The name may have the prefix `+` or `/` (see [`TorrcMagic`]), or be
    /// `%include`.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("SocksPort 9050\nNickname relay01\n")?;
    /// torrc.append("SocksPort", "9150")?;
    /// assert_eq!(torrc.to_text(), "SocksPort 9050\nSocksPort 9150\nNickname relay01\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the name isn't a word of letters, digits and `_`, or
    /// if the value contains a NUL. Also returns an error if a name with `/`
    /// has a value, or if `%include` has none.
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

    /// Adds a line at the end. The name may have the same forms as in
    /// [`append`](Self::append).
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("SocksPort 9050\nNickname relay01\n")?;
    /// torrc.push("SocksPort", "9150")?;
    /// assert_eq!(torrc.to_text(), "SocksPort 9050\nNickname relay01\nSocksPort 9150\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`append`](Self::append), most often a malformed name.
    pub fn push(&mut self, name: &str, value: impl AsRef<[u8]>) -> Result<(), ArgumentError> {
        self.insert(usize::MAX, name, value)
    }

    /// Adds a line before the entry with this index, counted from 0. If there
    /// is no such entry, the line is added at the end. The name may have the
    /// same forms as in [`append`](Self::append).
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("# My relay\nNickname relay01\n")?;
    /// torrc.insert(0, "%include", "/etc/torrc.d/*.conf")?;
    /// assert_eq!(torrc.to_text(), "# My relay\n%include /etc/torrc.d/*.conf\nNickname relay01\n");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`append`](Self::append), most often a malformed name.
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

    /// Removes the lines in which an option has this value. Lines with the
    /// prefix `/` are kept. Returns the number of removed lines.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("SocksPort 9050\nSocksPort 9150\n")?;
    /// assert_eq!(torrc.remove("SocksPort", "9050"), 1);
    /// assert_eq!(torrc.to_text(), "SocksPort 9150\n");
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
    pub fn remove(&mut self, name: &str, value: impl AsRef<[u8]>) -> usize {
        self.remove_where(|entry| {
            entry.is_named(name)
                && entry.value_bytes() == value.as_ref()
                && entry.magic() != Some(TorrcMagic::Clear)
        })
    }

    /// Removes and returns the entry with this index, counted from 0, and the
    /// comment beside it. Returns `None` if there is no such entry.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("# My relay\nNickname relay01\nORPort 9001\n")?;
    /// let entry = torrc.remove_at(0).expect("there are two entries");
    /// assert_eq!(entry.name(), "Nickname");
    /// assert_eq!(torrc.to_text(), "# My relay\nORPort 9001\n");
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
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

    /// Removes all lines of an option, so that tor's default applies. Returns
    /// the number of removed lines.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    ///
    /// let mut torrc = Torrc::parse("SocksPort 9050\nNickname relay01\nSocksPort 9150\n")?;
    /// assert_eq!(torrc.clear("SocksPort"), 2);
    /// assert_eq!(torrc.to_text(), "Nickname relay01\n");
    /// # Ok::<(), scape_proto::torrc::ParseTorrcError>(())
    /// ```
    pub fn clear(&mut self, name: &str) -> usize {
        self.remove_where(|entry| entry.is_named(name))
    }

    /// Replaces the lines of a group of options. In a group, the order of the
    /// lines matters (see [`group`](Self::group)). `group` is the name of the
    /// group or of an option in it. Existing lines that are also in `lines`
    /// stay as they are, including their comments. The group's other lines are
    /// removed. Comments and other options between the group's lines stay.
    /// Elements of `lines` without a value are skipped.
    ///
    /// ```
    /// use scape_proto::torrc::Torrc;
    /// use scape_proto::control::ConfLine;
    ///
    /// let mut torrc = Torrc::parse("HiddenServiceDir /srv/a # first\nHiddenServicePort 80\nHiddenServiceNew x\n")?;
    /// let mut lines = torrc.group("HiddenServiceOptions");
    /// lines.push(ConfLine::new("HiddenServiceDir", Some("/srv/b".into())));
    /// lines.push(ConfLine::new("HiddenServicePort", Some("22".into())));
    /// torrc.set_group("HiddenServiceOptions", &lines)?;
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
    /// Returns an error if a line doesn't belong to the group, if a name isn't
    /// a word of letters, digits and `_`, or if a value contains a NUL.
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

    /// Returns the position in `pieces` of the entry with this index. Returns
    /// `None` if there is no such entry.
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

    /// Replaces some entries, called members, by the wanted lines. The members
    /// are the entries for which `is_member` returns true. Makes as few changes
    /// as possible.
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

/// Rejects the options of an onion service, which mean nothing without the
/// lines around them.
fn check_alone(name: &str) -> Result<(), ArgumentError> {
    if group::is_of_a_service(name) {
        let why = "belongs to one of several services, and the order of its lines counts: set all of them with set_group";
        return Err(refuse(name, why));
    }
    Ok(())
}

/// The change to a member. Members are the entries that may be replaced.
#[derive(Clone, Copy)]
enum Change<'a> {
    Keep,
    Remove,
    Set(&'a Wanted),
}

/// The changes that turn the existing entries, called members, into the wanted
/// lines.
struct Plan<'a> {
    /// The changes to the members, in order. Each change comes with the
    /// position of the member's piece.
    changes: std::iter::Peekable<std::vec::IntoIter<(usize, Change<'a>)>>,
    /// The new lines, in order. Each line comes with the position of the piece
    /// before which the line is inserted.
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
        // The position for a new line that can't replace an old one: after the
        // previous line, or before the first one, or at the end.
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

    /// Returns the new lines that are inserted before the piece at this
    /// position. Must be called for every position in order, and then with
    /// `usize::MAX` for the lines at the end.
    fn before(&mut self, at: usize) -> impl Iterator<Item = &'a Wanted> {
        std::iter::from_fn(move || {
            self.added.next_if(|(place, _)| *place <= at).map(|(_, line)| line)
        })
    }

    /// Returns the change to the piece at this position.
    fn what(&mut self, at: usize) -> Change<'a> {
        self.changes.next_if(|(place, _)| *place == at).map_or(Change::Keep, |(_, change)| change)
    }
}

/// Returns the longest common subsequence of `members`, which are the existing
/// entries, and the wanted lines. Each pair has the index of a member and the
/// index of the same line in `wanted`.
fn same_lines(members: &[(usize, &TorrcEntry)], wanted: &[Wanted]) -> Vec<(usize, usize)> {
    /// The maximum number of comparisons. If more are needed, only the common
    /// beginning is found.
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
    // For each pair of positions, `lengths` contains the length of the longest
    // common subsequence that starts there.
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

/// Returns true if the entry already has this name and value. U+FFFD in the
/// wanted value matches bytes that aren't UTF-8, because [`TorrcEntry::value`]
/// returns such bytes as U+FFFD.
fn says(entry: &TorrcEntry, (name, value): &Wanted) -> bool {
    entry.is_named(name)
        && entry.magic() != Some(TorrcMagic::Clear)
        && (entry.value_bytes() == value
            || str::from_utf8(value)
                .is_ok_and(|text| text.contains('\u{fffd}') && entry.value() == text))
}
