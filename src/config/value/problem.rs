//! Why a value is none of an option's.

use crate::protocol::ConfigType;

/// What is wrong with a value for an option of some type, in words that say
/// what the type takes.
///
/// The value itself is not in it, as it may be a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigValueProblem {
    /// The text has not the form of the type.
    #[error("{} {ty} option takes {}", article(.ty), takes(.ty))]
    Malformed {
        /// The option's type.
        ty: ConfigType,
    },
    /// The number is too small or too large: for the option's type, or for the
    /// Rust type that was asked for.
    #[error("it must be from {smallest} to {largest} here, and {} {ty} option takes {}", article_in_text(.ty), takes(.ty))]
    OutOfRange {
        /// The option's type.
        ty: ConfigType,
        /// The smallest that there may be, in the type's own unit (bytes,
        /// seconds, milliseconds).
        smallest: i64,
        /// The largest that there may be.
        largest: u64,
    },
    /// Only rounded could the value be one of the type's.
    #[error("{} {ty} option is in whole {unit}, and nothing is rounded", article(.ty))]
    Inexact {
        /// The option's type.
        ty: ConfigType,
        /// What it is counted in.
        unit: &'static str,
    },
    /// Such a Rust type does not fit the option's type.
    #[error("{rust} is no value of {} {ty} option, which takes {}", article_in_text(.ty), takes(.ty))]
    WrongType {
        /// The option's type.
        ty: ConfigType,
        /// The Rust type, in words.
        rust: &'static str,
    },
    /// A line, or an element of a list, cannot be read as the Rust type that
    /// was asked for. (As a `String` it can.)
    #[error("it cannot be read as {rust}")]
    Unreadable {
        /// The Rust type, in words.
        rust: &'static str,
    },
    /// The value cannot be written so that tor reads it as it is: it is made of
    /// parts that would become others.
    #[error(
        "this value of {rust} cannot be written: tor would read something else (a flag must be one word)"
    )]
    Unwritable {
        /// The Rust type, in words.
        rust: &'static str,
    },
    /// The option is unset, and the Rust type that was asked for cannot say so.
    #[error("it is unset: ask for an Option, which can be None")]
    Unset,
    /// The option has several lines, and one value was asked for.
    #[error("it has {lines} lines: ask for a Vec")]
    ManyLines {
        /// How many there are.
        lines: usize,
    },
    /// The option takes one value, and a list was given or asked for.
    #[error("{} {ty} option is no list: it takes {}", article(.ty), takes(.ty))]
    NoList {
        /// The option's type.
        ty: ConfigType,
    },
    /// It is empty: tor would leave such an element out, or empty the whole
    /// list.
    #[error("it is empty, and tor has no empty elements: leave it out")]
    Empty,
    /// It would become another element in tor, or several: the list is written
    /// with commas between its elements, and white space around them counts for
    /// nothing.
    #[error(
        "it has a comma, or white space at its beginning or end, which an element of a {ty} cannot have: \
         tor knows no quotes there"
    )]
    Splits {
        /// The option's type.
        ty: ConfigType,
    },
    /// There is a NUL, with which every text ends for tor.
    #[error("it has a NUL (at byte {position}), which tor cannot take")]
    Nul {
        /// Where it stands, in bytes from the text's start.
        position: usize,
    },
    /// There is the end of a line. tor could take it, but when it refuses such
    /// a value, it repeats it as it is, so that its reply falls apart into
    /// lines that may be anything.
    #[error(
        "it has the end of a line (at byte {position}), which tor could not refuse without getting out of step"
    )]
    LineEnd {
        /// Where it stands, in bytes from the text's start.
        position: usize,
    },
    /// A path that is not UTF-8.
    #[error("the path is not UTF-8, and only such a path can be told to tor here")]
    NotUtf8,
    /// The option is a group of others, and is changed by changing those.
    #[error("it stands for a group of options, and tor lets only those be set: set them instead")]
    Virtual,
    /// The value has the form of the option's type, but this option takes
    /// others.
    #[error("it takes {takes}")]
    NotForOption {
        /// What the option takes, in words.
        takes: &'static str,
    },
    /// Something is wrong with an element of a list.
    #[error("element {index}: {problem}")]
    Element {
        /// Which one, counted from 0.
        index: usize,
        /// What is wrong with it.
        problem: Box<ConfigValueProblem>,
    },
}

/// What an option of the type takes, in words that follow "takes".
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
    fn problems_say_what_is_taken() {
        let wrong = ConfigValueProblem::WrongType { ty: ConfigType::Float, rust: "a bool" };
        assert_eq!(
            wrong.to_string(),
            "a bool is no value of a Float option, which takes a decimal fraction, such as 0.5"
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
