//! Checks of values without the help of tor.

use super::float::Float;
use super::routers::{is_pattern, may_be_routers, split_at_commas};
use super::{AutoBool, ConfigValueProblem, number, units};
use crate::info::ConfigType;

/// Checks a value by the type of its option. Rejects only values that tor
/// rejects for every option of the type, with one exception. The exception is
/// `nan` as a size: tor 0.4.9 accepts this value, but crashes afterwards.
///
/// This function doesn't check:
///
/// - the limits of a single option, for example from 1 to 1024 for
///   `MaxClientCircuitsPending`;
/// - the meaning of a text, such as an exit policy, a port or a nickname (see
///   [`check_option`](super::check_option));
/// - address patterns in a `RouterList`;
/// - whether options fit together.
///
/// tor also changes some values. For example, it raises a `MaxCircuitDirtiness`
/// of 5 s to 10 s, and adds `{??}` to the countries in `ExcludeNodes`.
///
/// An empty line is always accepted: it clears the option. A text may contain
/// any characters except NUL, even line ends, because a torrc can quote them.
/// However, [`ToConfigValue`](super::ToConfigValue) rejects line ends, so they
/// aren't sent with SETCONF. The reason is that tor's error reply repeats a
/// rejected value unchanged. A line end in the value would break the reply into
/// lines with arbitrary content.
///
/// ```
/// use scape_proto::info::ConfigType;
/// use scape_proto::torrc::value::check;
///
/// assert!(check(&ConfigType::DataSize, "1 GB").is_ok());
/// assert!(check(&ConfigType::Boolean, "yes").is_err());
/// ```
///
/// # Errors
///
/// Returns [`ConfigValueProblem::Malformed`] or
/// [`ConfigValueProblem::OutOfRange`] if the value doesn't fit the type,
/// [`ConfigValueProblem::Nul`] if it contains a NUL, and
/// [`ConfigValueProblem::Virtual`] for a group of options.
pub fn check(ty: &ConfigType, line: &str) -> Result<(), ConfigValueProblem> {
    if let Some(position) = line.find('\0') {
        return Err(ConfigValueProblem::Nul { position });
    }
    if *ty == ConfigType::Virtual {
        return Err(ConfigValueProblem::Virtual);
    }
    if line.is_empty() {
        return Ok(());
    }
    let fits = match ty {
        ConfigType::Boolean => matches!(line, "0" | "1"),
        ConfigType::BooleanAuto => line.parse::<AutoBool>().is_ok(),
        // Most options of this type are numbers of 31 bits, but some have 64
        // bits.
        ConfigType::Integer => return integer(ty, line, 0, u64::MAX),
        ConfigType::SignedInteger => return integer(ty, line, i32::MIN.into(), i32::MAX as u64),
        ConfigType::Float => Float::read(line).is_some(),
        ConfigType::DataSize | ConfigType::TimeInterval | ConfigType::TimeMsecInterval => {
            return units::read(ty, line).map(|_| ());
        }
        ConfigType::RouterList => split_at_commas(line).all(may_be_routers),
        _ => true,
    };
    if fits { Ok(()) } else { Err(ConfigValueProblem::Malformed { ty: ty.clone() }) }
}

fn integer(
    ty: &ConfigType,
    line: &str,
    smallest: i64,
    largest: u64,
) -> Result<(), ConfigValueProblem> {
    match number::integer(line) {
        Some(number) if (smallest.into()..=largest.into()).contains(&number) => Ok(()),
        Some(_) => Err(ConfigValueProblem::OutOfRange { ty: ty.clone(), smallest, largest }),
        None => Err(ConfigValueProblem::Malformed { ty: ty.clone() }),
    }
}

/// Returns true if two lines certainly mean the same to tor for an option of
/// this type, such as `1 GB` and `1073741824` for a
/// [`DataSize`](ConfigType::DataSize). Returns false in case of doubt.
///
/// ```
/// use scape_proto::torrc::value::means_the_same;
/// use scape_proto::info::ConfigType;
///
/// assert!(means_the_same(&ConfigType::DataSize, "1 GB", "1073741824"));
/// assert!(means_the_same(&ConfigType::CommaList, "80, 443", "80,443"));
/// assert!(!means_the_same(&ConfigType::String, "80, 443", "80,443"));
/// ```
pub fn means_the_same(ty: &ConfigType, a: &str, b: &str) -> bool {
    if a == b {
        return true;
    }
    match ty {
        // GETCONF shows six decimal places, but tor keeps all digits.
        ConfigType::Float if !a.is_empty() && !b.is_empty() => {
            matches!((Float::read(a), Float::read(b)), (Some(a), Some(b)) if a.is_same(b))
        }
        _ => normal(ty, a).is_some_and(|a| normal(ty, b) == Some(a)),
    }
}

/// Returns the line in the form in which GETCONF returns it. Returns `None` if
/// the line is invalid, if GETCONF's form isn't known, or if GETCONF returns no
/// value, as for an empty text. Note that tor may also change the value itself
/// (see [`check`]).
///
/// ```
/// use scape_proto::torrc::value::normal;
/// use scape_proto::info::ConfigType;
///
/// assert_eq!(normal(&ConfigType::TimeInterval, "10 minutes").as_deref(), Some("600"));
/// assert_eq!(normal(&ConfigType::Float, "0.5").as_deref(), Some("0.500000"));
/// ```
pub fn normal(ty: &ConfigType, line: &str) -> Option<String> {
    check(ty, line).ok()?;
    if line.is_empty() {
        return emptied(ty).map(str::to_owned);
    }
    match ty {
        ConfigType::BooleanAuto => line.parse::<AutoBool>().ok().map(|value| value.to_string()),
        ConfigType::Integer | ConfigType::SignedInteger => {
            number::integer(line).map(|number| number.to_string())
        }
        ConfigType::Float => Float::read(line).and_then(Float::normal),
        // The type doesn't say whether this option is one of those that were
        // lists in the past.
        ConfigType::TimeInterval if line.contains(',') => None,
        ConfigType::DataSize | ConfigType::TimeInterval | ConfigType::TimeMsecInterval => {
            units::read(ty, line).ok().map(|number| number.to_string())
        }
        ConfigType::CommaList => Some(joined(line)),
        // tor omits some patterns that it considers pointless.
        ConfigType::RouterList if split_at_commas(line).any(is_pattern) => None,
        ConfigType::RouterList => Some(joined(line)),
        _ => Some(line.to_owned()),
    }
}

fn joined(line: &str) -> String {
    split_at_commas(line).collect::<Vec<_>>().join(",")
}

/// Returns the value that GETCONF returns for a cleared option, or `None` if
/// GETCONF returns no value.
fn emptied(ty: &ConfigType) -> Option<&'static str> {
    use ConfigType::{
        Boolean, BooleanAuto, CommaList, DataSize, Float, Integer, RouterList, SignedInteger,
        TimeInterval, TimeMsecInterval,
    };
    match ty {
        Boolean | BooleanAuto | Integer | SignedInteger | DataSize | TimeInterval
        | TimeMsecInterval => Some("0"),
        Float => Some("0.000000"),
        CommaList | RouterList => Some(""),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn malformed_values_are_rejected() {
        for (ty, bad) in [
            (ConfigType::Boolean, "true"),
            (ConfigType::Boolean, " 1"),
            (ConfigType::BooleanAuto, "2"),
            (ConfigType::Integer, "-1"),
            (ConfigType::Integer, "1 "),
            (ConfigType::Integer, "18446744073709551616"),
            (ConfigType::SignedInteger, "2147483648"),
            (ConfigType::Float, "1,5"),
            (ConfigType::DataSize, "nan"),
            (ConfigType::DataSize, "1 k"),
            (ConfigType::TimeInterval, "1 year"),
            (ConfigType::TimeMsecInterval, "1 month"),
            (ConfigType::RouterList, "a,b c"),
            (ConfigType::Virtual, ""),
            (ConfigType::String, "a\0"),
        ] {
            assert!(check(&ty, bad).is_err(), "{ty}: {bad:?}");
            assert_eq!(normal(&ty, bad), None, "{ty}: {bad:?}");
        }
        for ty in ConfigType::KNOWN.iter().filter(|ty| **ty != ConfigType::Virtual) {
            assert_eq!(check(ty, ""), Ok(()), "{ty}");
        }
        assert_eq!(check(&ConfigType::Other("New".into()), "a \n\"#é"), Ok(()));
    }

    #[test]
    fn normal_form_is_that_of_getconf() {
        for (ty, line, normal_line) in [
            (ConfigType::BooleanAuto, "AUTO", Some("auto")),
            (ConfigType::Integer, " +07", Some("7")),
            (ConfigType::SignedInteger, "-07", Some("-7")),
            (ConfigType::DataSize, "", Some("0")),
            (ConfigType::Float, "", Some("0.000000")),
            (ConfigType::CommaList, " a , b c,,", Some("a,b c")),
            (ConfigType::CommaList, "", Some("")),
            (ConfigType::RouterList, " a , {DE}", Some("a,{DE}")),
            (ConfigType::RouterList, "a, 1.2.3.4", None),
            (ConfigType::TimeInterval, "5,6", None),
            (ConfigType::Float, "0x10", None),
            (ConfigType::String, "", None),
            (ConfigType::LineList, " a  b ", Some(" a  b ")),
        ] {
            assert_eq!(normal(&ty, line).as_deref(), normal_line, "{ty}: {line:?}");
        }
    }

    #[test]
    fn equivalent_values_are_recognized() {
        let same = |ty: ConfigType, a, b| means_the_same(&ty, a, b) && means_the_same(&ty, b, a);
        assert!(same(ConfigType::TimeInterval, "1.5 hours", "90 minutes"));
        assert!(same(ConfigType::Float, "1e1", "10.0"));
        assert!(!same(ConfigType::Float, "0.0000001", "0.0000002"));
        assert!(!same(ConfigType::Float, "0x10", "16"));
        assert!(same(ConfigType::Float, "0x10", "0x10"));
        assert!(same(ConfigType::Integer, "", "0"));
        assert!(!same(ConfigType::String, "", "0"));
        assert!(!same(ConfigType::Boolean, "yes", "no"));
    }

    proptest! {
        #[test]
        fn normal_form_is_stable(line in any::<String>(), near in "[-+ 0-9.,a-z{}$]{0,10}") {
            for ty in ConfigType::KNOWN {
                for line in [&line, &near] {
                    let Some(once) = normal(ty, line) else { continue };
                    prop_assert!(means_the_same(ty, line, &once) || *ty == ConfigType::Float);
                    prop_assert_eq!(normal(ty, &once), Some(once));
                }
            }
        }
    }
}
