//! Values of `Float` options.

use super::number::decimal_at_start;
use super::whitespace::is_space;
use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, holds_anything, only};
use crate::info::ConfigType;

/// The value of a `Float` option, parsed from its text.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Float {
    /// A number, an infinity, or `NaN`.
    Number(f64),
    /// A hexadecimal number such as `0x1.8p3`. tor can parse it, but this
    /// library doesn't.
    Hexadecimal,
}

impl Float {
    /// Parses a whole text as C's `strtod` does. Returns `None` if tor rejects
    /// the text.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim_start_matches(is_space);
        let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
        if let Some(digits) = unsigned.strip_prefix("0x").or_else(|| unsigned.strip_prefix("0X")) {
            let first = digits.strip_prefix('.').unwrap_or(digits).chars().next();
            return first.is_some_and(|c| c.is_ascii_hexdigit()).then_some(Float::Hexadecimal);
        }
        let special = match unsigned.to_ascii_lowercase().as_str() {
            "inf" | "infinity" => Some(f64::INFINITY),
            "nan" => Some(f64::NAN),
            name => is_nan_with_payload(name).then_some(f64::NAN),
        };
        if let Some(special) = special {
            return Some(Float::Number(if text.starts_with('-') { -special } else { special }));
        }
        let (number, rest) = decimal_at_start(text)?;
        rest.is_empty().then_some(Float::Number(number))
    }

    /// Returns the number in the form of GETCONF, with six decimal places.
    /// Returns `None` for a hexadecimal number.
    pub(super) fn normal(self) -> Option<String> {
        match self {
            Float::Number(number) if number.is_nan() => {
                Some(if number.is_sign_negative() { "-nan" } else { "nan" }.to_owned())
            }
            Float::Number(number) => Some(format!("{number:.6}")),
            Float::Hexadecimal => None,
        }
    }

    /// Returns true if both are certainly the same number. Always returns false
    /// for hexadecimal numbers.
    pub(super) fn is_same(self, other: Self) -> bool {
        match (self, other) {
            (Float::Number(one), Float::Number(other)) => {
                one == other || one.is_nan() && other.is_nan()
            }
            _ => false,
        }
    }
}

/// Returns true for `nan(...)`, a NaN with additional bits in parentheses.
/// `name` must be in lower case.
fn is_nan_with_payload(name: &str) -> bool {
    let payload = name.strip_prefix("nan(").and_then(|rest| rest.strip_suffix(')'));
    payload.is_some_and(|payload| payload.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'))
}

/// Supports `Float` options. `NaN` is rejected, and so are numbers so close to
/// 0 that tor rejects them.
impl ToConfigValue for f64 {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        if *ty != ConfigType::Float && !holds_anything(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "an f64" });
        }
        if self.is_nan() || self.is_subnormal() {
            return Err(ConfigValueProblem::Malformed { ty: ConfigType::Float });
        }
        Ok(vec![self.to_string()])
    }
}

/// Supports `Float` options. A number from GETCONF may be less exact than tor's
/// own number, because GETCONF shows only six decimal places.
impl FromConfigValue for f64 {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        if *ty != ConfigType::Float && !holds_anything(ty) {
            return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: "an f64" });
        }
        match Float::read(only(lines)?) {
            Some(Float::Number(number)) => Ok(number),
            _ => Err(ConfigValueProblem::Unreadable { rust: "an f64" }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn float_in_the_form_of_getconf() {
        for (text, normal) in [
            ("1", "1.000000"),
            ("-1", "-1.000000"),
            ("1e3", "1000.000000"),
            (" .5", "0.500000"),
            ("1.0000005", "1.000001"),
            ("1.0000015", "1.000001"),
            ("0.0000005", "0.000000"),
            ("-0", "-0.000000"),
            ("123456789012345678901234567890", "123456789012345677877719597056.000000"),
            ("INF", "inf"),
            ("-infinity", "-inf"),
            ("nan(5)", "nan"),
            ("-nan", "-nan"),
        ] {
            assert_eq!(
                Float::read(text).and_then(Float::normal).as_deref(),
                Some(normal),
                "{text:?}"
            );
        }
        for bad in [
            "", " ", ".", "1 ", "1,5", "1d3", "1e", "1e400", "1e-400", "1e-310", "0x", "nan(", "in",
        ] {
            assert_eq!(Float::read(bad), None, "{bad:?}");
        }
        assert_eq!(Float::read("-0X.8p1"), Some(Float::Hexadecimal));
    }

    #[test]
    fn float_that_tor_rejects_is_rejected() {
        for bad in [f64::NAN, f64::MIN_POSITIVE / 2.0] {
            assert!(bad.to_config(&ConfigType::Float).is_err());
        }
        assert_eq!(f64::INFINITY.to_config(&ConfigType::Float), Ok(vec!["inf".to_owned()]));
        let wrong = ConfigValueProblem::WrongType { ty: ConfigType::Integer, rust: "an f64" };
        assert_eq!(0.5_f64.to_config(&ConfigType::Integer), Err(wrong.clone()));
        assert_eq!(f64::from_config(&ConfigType::Integer, &["1".to_owned()]), Err(wrong));
    }

    proptest! {
        #[test]
        fn float_round_trip(
            number in proptest::num::f64::NORMAL
                | proptest::num::f64::ZERO
                | proptest::num::f64::INFINITE,
        ) {
            let lines = number.to_config(&ConfigType::Float).unwrap();
            prop_assert_eq!(f64::from_config(&ConfigType::Float, &lines), Ok(number));
        }

        #[test]
        fn float_parser_never_panics(text in any::<String>()) {
            let _ = Float::read(&text).and_then(Float::normal);
        }
    }
}
