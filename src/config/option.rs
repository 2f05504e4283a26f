//! What there is to know of one option.

use std::fmt;

use super::lines::{are_the_same, values_of};
use super::schema::{Schema, Spec};
use crate::protocol::{ConfLine, ConfigType};

/// One option of a tor, as it is now: see
/// [`Config::option`](super::Config::option).
///
/// `Debug` and `Display` do not show the values of options that are secrets.
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigOption {
    /// Its name, in tor's spelling.
    pub name: String,
    /// Its type.
    pub ty: ConfigType,
    /// What it is set to: no value where it is unset, one for each line of a
    /// list. Lists with commas are one value.
    pub values: Vec<String>,
    /// What it is by default, as tor has it written in itself: `1 GB` where the
    /// value is `1073741824`.
    pub default: Vec<String>,
    /// The group that it is a member of: its lines are only changed together.
    pub group: Option<String>,
    /// Whether it is what it is by default.
    pub is_default: bool,
    /// Whether there is a change of it that has not been saved.
    pub is_pending: bool,
    /// Whether this [`Config`](super::Config) has saved a change of it.
    pub is_changed_here: bool,
}

impl ConfigOption {
    /// `lines` are those of its unit.
    pub(super) fn new(schema: &Schema, spec: &Spec, lines: &[ConfLine]) -> Self {
        let own = |line: &&ConfLine| line.name.eq_ignore_ascii_case(&spec.name);
        let now: Vec<ConfLine> = lines.iter().filter(own).cloned().collect();
        let default: Vec<ConfLine> = spec
            .default
            .iter()
            .map(|value| ConfLine::new(spec.name.clone(), Some(value.clone())))
            .collect();
        ConfigOption {
            name: spec.name.clone(),
            ty: spec.ty.clone(),
            values: values_of(lines, &spec.name),
            default: spec.default.clone(),
            group: spec.group.clone(),
            // Of authorities tor has its own while none is set.
            is_default: are_the_same(schema, &now, &default)
                || now.is_empty() && spec.is_line_list(),
            is_pending: false,
            is_changed_here: false,
        }
    }

    fn lines(&self) -> impl Iterator<Item = ConfLine> {
        self.values.iter().map(|value| ConfLine::new(self.name.clone(), Some(value.clone())))
    }
}

impl fmt::Display for ConfigOption {
    /// As in a torrc: `SocksPort 9050`, a line for each value; the name alone
    /// where it is unset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.values.is_empty() {
            return f.write_str(&self.name);
        }
        self.lines()
            .enumerate()
            .try_for_each(|(at, line)| write!(f, "{}{line}", if at > 0 { "\n" } else { "" }))
    }
}

impl fmt::Debug for ConfigOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConfigOption")
            .field("ty", &self.ty)
            .field("lines", &self.lines().collect::<Vec<_>>())
            .field("is_default", &self.is_default)
            .field("is_pending", &self.is_pending)
            .finish_non_exhaustive()
    }
}
