//! Parses numbers as tor does: with C's `strtol`, `strtoull` and `strtod`.

use super::whitespace::is_space;

/// Parses a text that is an integer, optionally after white space and a sign.
/// An integer that exceeds 128 bits becomes the largest or smallest `i128`.
/// Returns `None` if the text isn't an integer.
pub(super) fn integer(text: &str) -> Option<i128> {
    let text = text.trim_start_matches(is_space);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let largest = if text.starts_with('-') { i128::MIN } else { i128::MAX };
    Some(text.parse().unwrap_or(largest))
}

/// Parses the integer at the beginning of the text, and returns the rest of the
/// text. Returns `None` if the text doesn't begin with an integer. The integer
/// is `Err` if it exceeds 64 bits. Like `strtoull`, this function adds 2^64 to
/// a negative integer.
pub(super) fn unsigned_at_start(text: &str) -> Option<(Result<u64, TooLarge>, &str)> {
    let text = text.trim_start_matches(is_space);
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (digits, rest) = digits.split_at_checked(leading_digits(digits))?;
    if digits.is_empty() {
        return None;
    }
    let number = digits.parse::<u64>().map_err(|_| TooLarge);
    let number =
        number.map(|number| if text.starts_with('-') { number.wrapping_neg() } else { number });
    Some((number, rest))
}

/// The error for a number that exceeds 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLarge;

/// Parses the decimal fraction at the beginning of the text, and returns the
/// rest of the text. Returns `None` if there is no number, or if tor rejects it
/// as too small or too large.
pub(super) fn decimal_at_start(text: &str) -> Option<(f64, &str)> {
    let text = text.trim_start_matches(is_space);
    let length = decimal_length(text)?;
    let (number, rest) = text.split_at_checked(length)?;
    let value: f64 = number.parse().ok()?;
    let mantissa = number.split(['e', 'E']).next().unwrap_or_default();
    let is_zero = !mantissa.bytes().any(|byte| matches!(byte, b'1'..=b'9'));
    let in_range = value.is_finite() && (is_zero || value.abs() >= f64::MIN_POSITIVE);
    in_range.then_some((value, rest))
}

/// Returns the length of the fraction at the beginning of the text. The
/// fraction is an optional sign, digits with an optional point among them, and
/// an optional exponent. An `e` without digits after it isn't an exponent.
/// Returns `None` if there are no digits.
fn decimal_length(text: &str) -> Option<usize> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let whole = leading_digits(unsigned);
    let after_whole = unsigned.get(whole..)?;
    let (fraction, rest) = match after_whole.strip_prefix('.') {
        Some(rest) => (leading_digits(rest), rest.get(leading_digits(rest)..)?),
        None => (0, after_whole),
    };
    if whole + fraction == 0 {
        return None;
    }
    let mut end = text.len() - rest.len();
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let digits = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        if leading_digits(digits) > 0 {
            end = text.len() - digits.len() + leading_digits(digits);
        }
    }
    Some(end)
}

fn leading_digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn whole_numbers_are_parsed_as_in_tor() {
        for (text, number) in [
            ("5", 5),
            (" \x0b+5", 5),
            ("-0", 0),
            ("007", 7),
            ("-9223372036854775809", -9_223_372_036_854_775_809),
        ] {
            assert_eq!(integer(text), Some(number), "{text:?}");
        }
        assert_eq!(integer(&"9".repeat(60)), Some(i128::MAX));
        assert_eq!(integer(&format!("-{}", "9".repeat(60))), Some(i128::MIN));
        for bad in ["", " ", "+", "5 ", "5.0", "0x5", "--5", "- 5", "1e1", "٣", "\u{a0}5"] {
            assert_eq!(integer(bad), None, "{bad:?}");
        }
        assert_eq!(unsigned_at_start(" 12kb"), Some((Ok(12), "kb")));
        assert_eq!(unsigned_at_start("-1 "), Some((Ok(u64::MAX), " ")));
        assert_eq!(unsigned_at_start("18446744073709551616"), Some((Err(TooLarge), "")));
        assert_eq!(unsigned_at_start(".5"), None);
    }

    #[test]
    fn fractions_are_parsed_as_in_tor() {
        for (text, number, rest) in [
            ("1.5 kb", 1.5, " kb"),
            (" .5", 0.5, ""),
            ("1.", 1.0, ""),
            ("1e3x", 1000.0, "x"),
            ("1e", 1.0, "e"),
            ("1.5e+ 1", 1.5, "e+ 1"),
            ("+1.5E-1", 0.15, ""),
            ("1.5.5", 1.5, ".5"),
            ("0e-9999", 0.0, ""),
        ] {
            assert_eq!(decimal_at_start(text), Some((number, rest)), "{text:?}");
        }
        for bad in ["", ".", "+.", "e5", ".e5", "inf", "nan", "1e400", "1e-400", "1e-310", "é"] {
            assert_eq!(decimal_at_start(bad), None, "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn number_ends_before_the_first_other_character(number in any::<u64>(), rest in "([^0-9].*)?") {
            let text = format!("{number}{rest}");
            prop_assert_eq!(unsigned_at_start(&text), Some((Ok(number), rest.as_str())));
        }

        #[test]
        fn fraction_round_trip(
            number in proptest::num::f64::NORMAL | proptest::num::f64::ZERO,
        ) {
            for text in [number.to_string(), format!("{number:e}")] {
                prop_assert_eq!(decimal_at_start(&text), Some((number, "")), "{}", text);
            }
        }

        #[test]
        fn number_parsers_never_panic(text in any::<String>(), near in "[-+ 0-9.eEx]{0,12}") {
            for text in [&text, &near] {
                let _ = (integer(text), unsigned_at_start(text), decimal_at_start(text));
            }
        }
    }
}
