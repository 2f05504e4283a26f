//! Integers: values of `Integer` and `SignedInteger` options, sizes in bytes,
//! and intervals in seconds or milliseconds.

use super::{
    ConfigValueProblem, FromConfigValue, ToConfigValue, check, holds_anything, number, only, units,
};
use crate::info::ConfigType;

const RUST: &str = "an integer";

fn write(number: i128, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
    use ConfigType::{DataSize, Integer, SignedInteger, TimeInterval, TimeMsecInterval};
    let line = number.to_string();
    match ty {
        Integer | SignedInteger | DataSize | TimeInterval | TimeMsecInterval => check(ty, &line)?,
        ty if holds_anything(ty) => {}
        _ => return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST }),
    }
    Ok(vec![line])
}

fn read(ty: &ConfigType, lines: &[String]) -> Result<i128, ConfigValueProblem> {
    use ConfigType::{DataSize, Integer, SignedInteger, TimeInterval, TimeMsecInterval};
    match ty {
        DataSize | TimeInterval | TimeMsecInterval => Ok(units::read(ty, only(lines)?)?.into()),
        Integer | SignedInteger => number::integer(only(lines)?)
            .ok_or_else(|| ConfigValueProblem::Malformed { ty: ty.clone() }),
        ty if holds_anything(ty) => {
            number::integer(only(lines)?).ok_or(ConfigValueProblem::Unreadable { rust: RUST })
        }
        _ => Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST }),
    }
}

macro_rules! integers {
    ($($integer:ty),*) => {$(
        /// Supports `Integer` and `SignedInteger` options. Also supports
        /// options that are numbers of bytes, seconds or milliseconds.
        impl ToConfigValue for $integer {
            fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
                write(*self as i128, ty)
            }
        }

        /// Supports `Integer` and `SignedInteger` options. Also supports
        /// options that are numbers of bytes, seconds or milliseconds.
        impl FromConfigValue for $integer {
            fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
                let number = read(ty, lines)?;
                <$integer>::try_from(number).map_err(|_| ConfigValueProblem::OutOfRange {
                    ty: ty.clone(),
                    smallest: <$integer>::MIN as i64,
                    largest: <$integer>::MAX as u64,
                })
            }
        }
    )*};
}

integers!(i8, i16, i32, i64, isize, u8, u16, u32, u64, usize);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn lines(text: &str) -> Vec<String> {
        vec![text.to_owned()]
    }

    #[test]
    fn integer_limits_of_option_and_rust_type() {
        let out = |ty: ConfigType, smallest, largest| ConfigValueProblem::OutOfRange {
            ty,
            smallest,
            largest,
        };
        let interval = out(ConfigType::TimeInterval, 0, 2_147_483_647);
        assert_eq!(3_000_000_000_u32.to_config(&ConfigType::TimeInterval), Err(interval.clone()));
        assert_eq!((-1).to_config(&ConfigType::TimeInterval), Err(interval));
        assert_eq!(
            (-1).to_config(&ConfigType::Integer),
            Err(out(ConfigType::Integer, 0, u64::MAX))
        );
        assert_eq!((-1).to_config(&ConfigType::SignedInteger), Ok(lines("-1")));
        assert_eq!(
            (1_i64 << 31).to_config(&ConfigType::SignedInteger),
            Err(out(ConfigType::SignedInteger, -2_147_483_648, 2_147_483_647))
        );
        assert_eq!(
            u8::from_config(&ConfigType::Integer, &lines("256")),
            Err(out(ConfigType::Integer, 0, 255))
        );
        assert_eq!(
            u64::from_config(&ConfigType::Integer, &lines("18446744073709551615")),
            Ok(u64::MAX)
        );
        assert_eq!(u32::from_config(&ConfigType::TimeInterval, &lines("10 minutes")), Ok(600));
        assert_eq!(u64::from_config(&ConfigType::DataSize, &lines("1 GB")), Ok(1 << 30));
    }

    #[test]
    fn integer_errors() {
        for ty in
            [ConfigType::Boolean, ConfigType::Float, ConfigType::String, ConfigType::RouterList]
        {
            let wrong = ConfigValueProblem::WrongType { ty: ty.clone(), rust: "an integer" };
            assert_eq!(5.to_config(&ty), Err(wrong.clone()));
            assert_eq!(u8::from_config(&ty, &lines("5")), Err(wrong));
        }
        assert_eq!(u8::from_config(&ConfigType::Integer, &[]), Err(ConfigValueProblem::Unset));
        assert_eq!(
            u8::from_config(&ConfigType::Integer, &lines("x")),
            Err(ConfigValueProblem::Malformed { ty: ConfigType::Integer })
        );
        assert_eq!(
            u8::from_config(&ConfigType::LineList, &lines("x")),
            Err(ConfigValueProblem::Unreadable { rust: "an integer" })
        );
    }

    proptest! {
        #[test]
        fn integer_round_trip(
            unsigned in any::<u64>(),
            signed in any::<i32>(),
            small in any::<u16>(),
        ) {
            for ty in [ConfigType::Integer, ConfigType::LineList, ConfigType::Other("Number".into())] {
                let lines = unsigned.to_config(&ty).unwrap();
                prop_assert_eq!(u64::from_config(&ty, &lines), Ok(unsigned));
            }
            let ty = ConfigType::SignedInteger;
            prop_assert_eq!(i32::from_config(&ty, &signed.to_config(&ty).unwrap()), Ok(signed));
            for ty in [
                ConfigType::DataSize,
                ConfigType::TimeInterval,
                ConfigType::TimeMsecInterval,
            ] {
                prop_assert_eq!(u16::from_config(&ty, &small.to_config(&ty).unwrap()), Ok(small));
            }
        }
    }
}
