//! Why a value is none of an option's.

use crate::types::ConfigType;

/// What is wrong with a value for an option of some type, in words that say what the type takes.
///
/// The value itself is not in it, as it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigValueProblem {
    /// The text has not the form of the type.
    #[error("{ty} takes {takes}")]
    Malformed {
        /// The option's type.
        ty: ConfigType,
        /// What it takes.
        takes: &'static str,
    },
    /// The number is too small or too large: for the option's type, or for the type that was asked for.
    #[error("{ty} must be from {smallest} to {largest} here")]
    OutOfRange {
        /// The option's type.
        ty: ConfigType,
        /// The smallest that there may be, in the type's own unit (bytes, seconds, milliseconds).
        smallest: i64,
        /// The largest that there may be.
        largest: u64,
    },
    /// Only rounded could the value be one of the type's.
    #[error("{ty} is in whole {unit}, and nothing is rounded")]
    Inexact {
        /// The option's type.
        ty: ConfigType,
        /// What it is counted in.
        unit: &'static str,
    },
    /// Such a Rust type does not fit the option's type.
    #[error("{ty} cannot be {rust}: it takes {takes}")]
    WrongType {
        /// The option's type.
        ty: ConfigType,
        /// The Rust type, in words.
        rust: &'static str,
        /// What the option's type takes.
        takes: &'static str,
    },
    /// The option is unset, and the type that was asked for cannot say so.
    #[error("it is unset: ask for an Option, which can be None")]
    Unset,
    /// The option has several lines, and one value was asked for.
    #[error("it has {lines} lines: ask for a Vec")]
    ManyLines {
        /// How many there are.
        lines: usize,
    },
    /// The option takes one line, and several values were given.
    #[error("{ty} is no list: it takes one value")]
    NoList {
        /// The option's type.
        ty: ConfigType,
    },
    /// An element of a list is empty: tor would leave it out, or empty the whole list.
    #[error("element {index} is empty: leave it out instead")]
    EmptyElement {
        /// Which one, counted from 0.
        index: usize,
    },
    /// An element of a list would become another in tor, as the list is written with commas between its elements, and spaces
    /// around them count for nothing.
    #[error(
        "element {index} of a {ty} has a comma, or a space at its beginning or end: there is no way to write it"
    )]
    Splits {
        /// The option's type.
        ty: ConfigType,
        /// Which one, counted from 0.
        index: usize,
    },
    /// There is a NUL, with which every text ends for tor.
    #[error("it has a NUL (at byte {position}), which tor cannot take")]
    Nul {
        /// Where it stands, in bytes from the text's start.
        position: usize,
    },
    /// A path that is not UTF-8.
    #[error("the path is not UTF-8, and no such path can be told to tor")]
    NotUtf8,
    /// The option is a group of others, and is changed by changing those.
    #[error("it is a group: set the options that are in it instead")]
    Virtual,
}
