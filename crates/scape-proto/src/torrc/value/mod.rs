//! Option values, by the types that `GETINFO config/names` reports.
//!
//! An option has a name, a [`ConfigType`] and lines of text. This module
//! converts the lines to and from Rust types:
//!
//! | type | Rust types |
//! |---|---|
//! | `Boolean` | `bool` |
//! | `Boolean+Auto` | [`AutoBool`], `bool` |
//! | `Integer`, `SignedInteger` | integers |
//! | `Float` | `f64` |
//! | `DataSize` | [`DataSize`], integers (bytes) |
//! | `TimeInterval` | [`Duration`](std::time::Duration), integers (seconds) |
//! | `TimeMsecInterval` | [`Duration`](std::time::Duration), integers (milliseconds) |
//! | `String` | strings, paths |
//! | `Filename` | [`Path`](std::path::Path) and `PathBuf`, strings |
//! | `CommaList` | `Vec` or slice of strings, of integers and of other types for single values |
//! | `RouterList` | [`RouterSet`], `Vec` or slice of [`Fingerprint`](crate::word::Fingerprint) or of strings |
//! | `LineList`, `Dependent` | `Vec` or slice of strings, of [`PortLine`](crate::torrc::PortLine) and of other types for single lines |
//! | any other | like a `LineList` |
//!
//! Every option also takes a string (`&str`, `String`) as in a torrc, for
//! example `10 minutes`. A list also takes a single element. Use an `Option`
//! for options that may be unset. All other combinations are rejected, with an
//! error that says what the option takes.
//!
//! ```
//! use std::time::Duration;
//!
//! use scape_proto::torrc::value::{self, FromConfigValue, ToConfigValue};
//! use scape_proto::info::ConfigType;
//!
//! let lines = Duration::from_secs(600).to_config(&ConfigType::TimeInterval)?;
//! assert_eq!(lines, ["600"]);
//! assert!(value::means_the_same(&ConfigType::TimeInterval, "600", "10 minutes"));
//! assert_eq!(Vec::<u16>::from_config(&ConfigType::CommaList, &["80, 443".to_owned()])?, [80, 443]);
//!
//! let problem = true.to_config(&ConfigType::Integer).unwrap_err();
//! assert_eq!(problem.to_string(), "a bool is not a value of an Integer option, which takes a whole number, 0 or more");
//! # Ok::<(), value::ConfigValueProblem>(())
//! ```

mod boolean;
mod check;
mod data_size;
mod directory;
mod duration;
mod float;
mod for_option;
mod integer;
mod list;
mod number;
mod option;
mod path;
mod port;
mod problem;
mod router_set;
mod routers;
mod text;
mod units;
mod whitespace;

pub use boolean::{AutoBool, ParseAutoBoolError};
pub use check::{check, means_the_same, normal};
pub use data_size::DataSize;
pub use for_option::check_option;
pub use problem::ConfigValueProblem;
pub use router_set::{CountryOf, RouterPattern, RouterSet};
pub(super) use whitespace::{is_space, skip_spaces_and_comments};

use crate::info::ConfigType;

/// A type that can be converted to the value of an option.
///
/// A value is rejected if tor would reject it or interpret it differently. For
/// example, a `Duration` of 1.5 s isn't valid for a `TimeInterval`, which is in
/// whole seconds.
pub trait ToConfigValue {
    /// Returns the option's lines, as SETCONF and a torrc take them, but
    /// without quoting.
    ///
    /// An option that isn't a list has one line, or none if it is unset. A
    /// [`LineList`](ConfigType::LineList) has one line for each element. No
    /// line is empty, because an empty line means "unset" to tor.
    ///
    /// ```
    /// use scape_proto::info::ConfigType;
    /// use scape_proto::torrc::value::ToConfigValue;
    ///
    /// assert_eq!([80_u16, 443].to_config(&ConfigType::CommaList)?, ["80,443"]);
    /// assert_eq!(["9050", "9052"].to_config(&ConfigType::Dependent)?, ["9050", "9052"]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if an option of this type doesn't take this Rust type.
    /// Also returns an error if the value is out of range or can't be written
    /// exactly.
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem>;
}

/// A type that can be parsed from the value of an option.
pub trait FromConfigValue: Sized {
    /// Parses the option's lines, as they appear in GETCONF or a torrc, but
    /// without quotes. An unset option has no lines.
    ///
    /// ```
    /// use scape_proto::info::ConfigType;
    /// use scape_proto::torrc::value::FromConfigValue;
    /// use std::time::Duration;
    ///
    /// let lines = ["10 minutes".to_owned()];
    /// let interval = Duration::from_config(&ConfigType::TimeInterval, &lines)?;
    /// assert_eq!(interval, Duration::from_secs(600));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the lines can't be converted to this Rust type, most
    /// often because the option is unset.
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem>;
}

/// Returns the line of an option that isn't a list. Returns an error if the
/// option is unset or has several lines.
fn only(lines: &[String]) -> Result<&str, ConfigValueProblem> {
    match lines {
        [] => Err(ConfigValueProblem::Unset),
        [line] if line.is_empty() => Err(ConfigValueProblem::Unset),
        [line] => Ok(line),
        _ => Err(ConfigValueProblem::ManyLines { lines: lines.len() }),
    }
}

/// Returns true if the type doesn't specify the form of its values or elements.
/// Such a value can be read and written as a number too.
fn holds_anything(ty: &ConfigType) -> bool {
    use ConfigType::{CommaList, Dependent, LineList, Other};
    matches!(ty, LineList | Dependent | CommaList | Other(_))
}
