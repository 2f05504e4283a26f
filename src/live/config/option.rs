//! The type [`ConfigOption`]: the value, type and default of one option.

use std::fmt;

use super::lines::{are_the_same, values_of};
use super::schema::{Schema, Spec};
use scape_proto::control::ConfLine;
use scape_proto::info::ConfigType;

/// An option of a running tor, as it was when it was read. Returned by
/// [`Config::option`](super::Config::option).
///
/// `Debug` and `Display` don't show the values of options that are secrets.
///
/// ```
/// # use scape::testing::ScriptedTor;
/// # let tor = ScriptedTor::builder()
/// #     .info("config/names", "MaxCircuitDirtiness TimeInterval\n")
/// #     .info("config/defaults", "MaxCircuitDirtiness \"600\"\n")
/// #     .on("SETEVENTS CONF_CHANGED", "250 OK\r\n")
/// #     .on("GETCONF MaxCircuitDirtiness", "250 MaxCircuitDirtiness=600\r\n")
/// #     .on_prefix("SETCONF ", "250 OK\r\n").start()?;
/// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
/// # let config = controller.config()?;
/// let option = config.option("MaxCircuitDirtiness")?;
/// assert_eq!(option.to_string(), "MaxCircuitDirtiness 600");
/// assert!(option.is_default);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ConfigOption {
    /// The option's name, in tor's spelling.
    pub name: String,
    /// The option's type.
    pub ty: ConfigType,
    /// The values that the option is set to: none if it is unset, and one for
    /// each line of a list. A list with commas is a single value.
    pub values: Vec<String>,
    /// The default, as tor's source has it, one entry for each line. Empty if
    /// the option is unset by default. It may be written differently from the
    /// value: `1 GB` for the value `1073741824`.
    pub default: Vec<String>,
    /// The group that the option is a member of. `None` if the option is in no
    /// group. The lines of a group are only changed together.
    pub group: Option<String>,
    /// True if the option has its default value.
    pub is_default: bool,
    /// True if this [`Config`](super::Config) has a pending change of the
    /// option or of its group.
    pub is_pending: bool,
    /// True if this [`Config`](super::Config) has sent tor a change of the
    /// option or of its group, with [`save`](super::Config::save).
    pub is_changed_here: bool,
}

impl ConfigOption {
    /// Describes the option `spec`. `lines` are the lines of the option's
    /// group, or of the option alone if it is in no group.
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
            // A list without lines is at its default too: as long as no
            // directory authority is set, for example, tor uses those of its
            // source.
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
    /// Formats the option as in a torrc, with one line for each value, such as
    /// `SocksPort 9050`. Only the name is written if the option is unset.
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
