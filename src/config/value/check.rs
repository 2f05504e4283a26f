//! What tor takes, as far as can be told without it.

use super::float::Float;
use super::routers::{is_pattern, may_be_routers, split_at_commas};
use super::{AutoBool, ConfigValueProblem, number, units};
use crate::protocol::ConfigType;

/// Whether tor takes such a value, as far as can be told without tor: refused
/// is only what every option of the type refuses.
///
/// What only tor can tell: limits of a single option
/// (`MaxClientCircuitsPending` is from 1 to 1024), what a text means (an exit
/// policy, a port, a nickname), patterns of addresses in a `RouterList`, and
/// whether options fit together. tor also changes values: a
/// `MaxCircuitDirtiness` of 5 s becomes one of 10 s, and `{??}` comes to the
/// countries in `ExcludeNodes`.
///
/// An empty line is always taken: it empties the option. A text may have every
/// character but NUL; also line ends, as a torrc can quote them. (By SETCONF
/// they are not sent, and so they are no
/// [`ToConfigValue`](super::ToConfigValue): when tor refuses such a value, it
/// repeats it as it is, and its reply falls apart into lines that may be
/// anything.)
///
/// One thing is refused that tor 0.4.9 takes: `nan` as a size, of which it
/// crashes.
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
        // Of this type, tor has numbers of 31 bits, and some of 64.
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

/// Whether two lines certainly mean the same to tor, as `1 GB` and `1073741824`
/// do for a [`DataSize`](ConfigType::DataSize).
///
/// ```
/// use scape::config::value::means_the_same;
/// use scape::protocol::ConfigType;
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
        // GETCONF gives six digits, but tor keeps all.
        ConfigType::Float if !a.is_empty() && !b.is_empty() => {
            matches!((Float::read(a), Float::read(b)), (Some(a), Some(b)) if a.is_same(b))
        }
        _ => normal(ty, a).is_some_and(|a| normal(ty, b) == Some(a)),
    }
}

/// The line as GETCONF gives it back, where that can be told and there is one:
/// an empty text is as none. tor may have changed the value besides, as
/// [`check`] tells.
///
/// ```
/// use scape::config::value::normal;
/// use scape::protocol::ConfigType;
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
        // Whether the option is one of those that once were lists, its type
        // does not tell.
        ConfigType::TimeInterval if line.contains(',') => None,
        ConfigType::DataSize | ConfigType::TimeInterval | ConfigType::TimeMsecInterval => {
            units::read(ty, line).ok().map(|number| number.to_string())
        }
        ConfigType::CommaList => Some(joined(line)),
        // tor leaves some patterns out, which it finds pointless.
        ConfigType::RouterList if split_at_commas(line).any(is_pattern) => None,
        ConfigType::RouterList => Some(joined(line)),
        _ => Some(line.to_owned()),
    }
}

fn joined(line: &str) -> String {
    split_at_commas(line).collect::<Vec<_>>().join(",")
}

/// What GETCONF gives for an option that was emptied.
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
    fn what_is_refused() {
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
    fn as_getconf_gives_it() {
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
    fn what_means_the_same() {
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
        fn what_is_normal_stays(line in any::<String>(), near in "[-+ 0-9.,a-z{}$]{0,10}") {
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
