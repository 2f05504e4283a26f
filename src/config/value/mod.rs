//! The values of tor's options, by the type that `GETINFO config/names` tells.
//!
//! An option is a name, a [`ConfigType`] and lines of text. Here is what goes
//! into those lines and comes out of them:
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
//! | `String` | texts, paths |
//! | `Filename` | [`Path`](std::path::Path) and `PathBuf`, texts |
//! | `CommaList` | `Vec` or slice of texts or integers |
//! | `RouterList` | [`RouterSet`], `Vec` or slice of [`Fingerprint`](crate::word::Fingerprint) or of texts |
//! | `LineList`, `Dependent` | `Vec` or slice of texts, of [`PortLine`](crate::config::PortLine) and of what else stands on a line |
//! | any other | as a `LineList` |
//!
//! Every one of them takes a text (`&str`, `String`) as it would be in a torrc,
//! `10 minutes` for example. An `Option` is for options that may be unset. All
//! other pairs are refused, in words that say what the option takes.
//!
//! ```
//! use std::time::Duration;
//!
//! use scape::config::value::{self, FromConfigValue, ToConfigValue};
//! use scape::protocol::ConfigType;
//!
//! let lines = Duration::from_secs(600).to_config(&ConfigType::TimeInterval)?;
//! assert_eq!(lines, ["600"]);
//! assert!(value::means_the_same(&ConfigType::TimeInterval, "600", "10 minutes"));
//! assert_eq!(Vec::<u16>::from_config(&ConfigType::CommaList, &["80, 443".to_owned()])?, [80, 443]);
//!
//! let problem = true.to_config(&ConfigType::Integer).unwrap_err();
//! assert_eq!(problem.to_string(), "a bool is no value of an Integer option, which takes a whole number, 0 or more");
//! # Ok::<(), value::ConfigValueProblem>(())
//! ```

mod boolean;
mod check;
mod data_size;
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

use crate::protocol::ConfigType;

/// What can be the value of an option.
///
/// A value is refused where tor would refuse it, and also where tor would take
/// it for something else: a `Duration` of 1.5 s is no `TimeInterval`, as that
/// is in whole seconds.
pub trait ToConfigValue {
    /// The option's lines, as SETCONF and a torrc take them, but not quoted.
    /// One that is no list has one line, or none to be unset; a
    /// [`LineList`](ConfigType::LineList) has one for each element. No line is
    /// empty: to tor, an empty one is as none.
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem>;
}

/// What an option's value can be read as.
pub trait FromConfigValue: Sized {
    /// Reads the option's lines, as GETCONF and a torrc have them, without
    /// quotes. An unset option has none.
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem>;
}

/// The line of what is no list.
fn only(lines: &[String]) -> Result<&str, ConfigValueProblem> {
    match lines {
        [] => Err(ConfigValueProblem::Unset),
        [line] if line.is_empty() => Err(ConfigValueProblem::Unset),
        [line] => Ok(line),
        _ => Err(ConfigValueProblem::ManyLines { lines: lines.len() }),
    }
}

/// Whether the type says nothing of the form of its values (or of its
/// elements), so that it may hold numbers, too.
fn holds_anything(ty: &ConfigType) -> bool {
    use ConfigType::{CommaList, Dependent, LineList, Other};
    matches!(ty, LineList | Dependent | CommaList | Other(_))
}
