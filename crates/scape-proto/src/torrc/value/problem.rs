//! Reasons why a value doesn't fit an option.

use crate::info::ConfigType;

/// The problem with a value for an option. `Display` says what the option's
/// type takes.
///
/// The value itself isn't included, because it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigValueProblem {
    /// The text is malformed for the option's type.
    #[error("{} {ty} option takes {}", article(.ty), takes(.ty))]
    Malformed {
        /// The option's type.
        ty: ConfigType,
    },
    /// The number is too small or too large for the option's type, or for the
    /// requested Rust type.
    #[error("it must be from {smallest} to {largest} here, and {} {ty} option takes {}", article_in_text(.ty), takes(.ty))]
    OutOfRange {
        /// The option's type.
        ty: ConfigType,
        /// The smallest allowed value in the type's own unit (bytes, seconds or
        /// milliseconds).
        smallest: i64,
        /// The largest allowed value in the type's own unit.
        largest: u64,
    },
    /// The value would have to be rounded to fit the type.
    #[error("{} {ty} option is in whole {unit}, and nothing is rounded", article(.ty))]
    Inexact {
        /// The option's type.
        ty: ConfigType,
        /// The unit in which the type counts: seconds or milliseconds.
        unit: &'static str,
    },
    /// The Rust type doesn't fit the option's type.
    #[error("{rust} is not a value of {} {ty} option, which takes {}", article_in_text(.ty), takes(.ty))]
    WrongType {
        /// The option's type.
        ty: ConfigType,
        /// A description of the Rust type, such as `a bool`.
        rust: &'static str,
    },
    /// A line, or an element of a list, can't be parsed as the requested Rust
    /// type. The same text can still be read as a `String`.
    #[error("it cannot be read as {rust}")]
    Unreadable {
        /// A description of the Rust type, such as `a bool`.
        rust: &'static str,
    },
    /// The value can't be written, because tor would read the text as another
    /// value. For example, a flag of a port consists of two words.
    #[error(
        "this value of {rust} cannot be written: tor would read something else (a flag or a name must be one word)"
    )]
    Unwritable {
        /// A description of the Rust type, such as `a bool`.
        rust: &'static str,
    },
    /// The option is unset, and the requested Rust type can't express that.
    #[error("it is unset: ask for an Option, which can be None")]
    Unset,
    /// The option has several lines, but a single value was requested.
    #[error("it has {lines} lines: ask for a Vec")]
    ManyLines {
        /// The number of lines with this option.
        lines: usize,
    },
    /// The option takes a single value, but a list was given or requested.
    #[error("{} {ty} option is not a list: it takes {}", article(.ty), takes(.ty))]
    NoList {
        /// The option's type.
        ty: ConfigType,
    },
    /// An element of a list is empty. tor would skip the element or clear the
    /// whole list.
    #[error("it is empty, and tor has no empty elements: leave it out")]
    Empty,
    /// An element of a comma-separated list contains a comma, or begins or ends
    /// with white space. tor would split the element, or remove the white
    /// space.
    #[error(
        "it has a comma, or white space at its beginning or end, which an element of a {ty} cannot have: \
         tor does not support quotes in such a list"
    )]
    Splits {
        /// The option's type.
        ty: ConfigType,
    },
    /// The value contains a NUL. tor would ignore the NUL and everything after
    /// it.
    #[error("it has a NUL (at byte {position}), which tor cannot take")]
    Nul {
        /// The position of the NUL, in bytes from the start of the value.
        position: usize,
    },
    /// The value contains a line end. tor could accept the value. But if tor
    /// rejected it, the error reply would repeat the value unchanged, and so
    /// break into lines with arbitrary content.
    #[error(
        "it has the end of a line (at byte {position}), which would break tor's reply if tor refused it"
    )]
    LineEnd {
        /// The position of the line end, in bytes from the start of the value.
        position: usize,
    },
    /// The path isn't UTF-8.
    #[error("the path is not UTF-8, so it cannot be sent to tor")]
    NotUtf8,
    /// The option is a group of other options. Change the options in the group
    /// instead.
    #[error("it is a group of options: set its members instead")]
    Virtual,
    /// The value fits the option's type, but this option takes other values.
    #[error("it takes {takes}")]
    NotForOption {
        /// A description of the values that the option takes.
        takes: &'static str,
    },
    /// An element of a list has a problem.
    #[error("element {index}: {problem}")]
    Element {
        /// The index of the element, counted from 0.
        index: usize,
        /// The problem with the element.
        problem: Box<ConfigValueProblem>,
    },
}

/// Describes the values that an option of this type takes, in words that follow
/// "takes".
fn takes(ty: &ConfigType) -> &'static str {
    match ty {
        ConfigType::Boolean => "0 or 1",
        ConfigType::BooleanAuto => "0, 1 or auto",
        ConfigType::Integer => "a whole number, 0 or more",
        ConfigType::SignedInteger => "a whole number from -2147483648 to 2147483647",
        ConfigType::Float => "a decimal fraction, such as 0.5",
        ConfigType::DataSize => {
            "a number of bytes, or a number and one of bytes, KB, MB, GB, TB, KBits, MBits, GBits, TBits"
        }
        ConfigType::TimeInterval => {
            "a number of seconds, or a number and one of seconds, minutes, hours, days, weeks, months"
        }
        ConfigType::TimeMsecInterval => {
            "a number of milliseconds, or a number and one of msec, seconds, minutes, hours, days, weeks"
        }
        ConfigType::Filename => "a path",
        ConfigType::CommaList => "texts with commas between them",
        ConfigType::RouterList => {
            "relays with commas between them: fingerprints, nicknames, countries such as {de}, addresses"
        }
        ConfigType::LineList | ConfigType::Dependent => "texts, a line for each",
        ConfigType::Virtual => "nothing: it stands for a group of options",
        ConfigType::String | ConfigType::Other(_) => "a text",
    }
}

fn article(ty: &ConfigType) -> &'static str {
    if *ty == ConfigType::Integer { "An" } else { "A" }
}

fn article_in_text(ty: &ConfigType) -> &'static str {
    if *ty == ConfigType::Integer { "an" } else { "a" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn config_value_problem_says_what_the_option_takes() {
        let wrong = ConfigValueProblem::WrongType { ty: ConfigType::Float, rust: "a bool" };
        assert_eq!(
            wrong.to_string(),
            "a bool is not a value of a Float option, which takes a decimal fraction, such as 0.5"
        );
        let malformed = ConfigValueProblem::Malformed { ty: ConfigType::Integer };
        assert_eq!(malformed.to_string(), "An Integer option takes a whole number, 0 or more");
        let element =
            ConfigValueProblem::Element { index: 2, problem: Box::new(ConfigValueProblem::Empty) };
        assert!(element.to_string().starts_with("element 2: it is empty"), "{element}");
        for ty in ConfigType::KNOWN {
            assert!(!takes(ty).is_empty());
        }
    }
}
