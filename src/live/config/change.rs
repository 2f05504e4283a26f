//! [`ConfigChange`]: a change of an option.

use std::fmt;

use super::model::Changed;
use scape_proto::control::ConfLine;

/// A change of an option, or of a group of options. Passed to the callback of
/// [`Config::on_change`](super::Config::on_change).
///
/// `Debug` and `Display` don't show the values of options that are secrets.
///
/// ```no_run
/// # let config = scape::connect()?.config()?;
/// let registration = config.on_change(|change| println!("{change}"));
/// # Ok::<(), scape::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigChange {
    /// The name of the option. If the option is in a group such as
    /// `SocksPortLines`, this is the group's name instead, because the lines of
    /// a group are changed together.
    pub name: String,
    /// The lines before the change. `None` if they aren't known. They are known
    /// if the option was read or changed before.
    pub before: Option<Vec<ConfLine>>,
    /// The lines after the change. Empty if the option is unset.
    pub after: Vec<ConfLine>,
    /// True if this connection made the change with
    /// [`Config::save`](super::Config::save). False if another command on this
    /// connection, another controller, or a reload of the torrc made the
    /// change.
    pub is_own: bool,
}

impl From<Changed> for ConfigChange {
    fn from(changed: Changed) -> Self {
        let Changed { unit, before, after, is_own } = changed;
        ConfigChange { name: unit, before, after, is_own }
    }
}

impl fmt::Display for ConfigChange {
    /// Formats the lines after the change, or says that the option is unset.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Some((first, others)) = self.after.split_first() else {
            return write!(f, "{} is unset", self.name);
        };
        write!(f, "{first}")?;
        others.iter().try_for_each(|line| write!(f, "\n{line}"))
    }
}
