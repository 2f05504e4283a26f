//! Values of `TimeInterval` and `TimeMsecInterval` options.

use std::time::Duration;

use super::{ConfigValueProblem, FromConfigValue, ToConfigValue, only, units};
use crate::info::ConfigType;

const RUST: &str = "a Duration";

/// Supports `TimeInterval` options in whole seconds, and `TimeMsecInterval`
/// options in whole milliseconds. Other durations are rejected rather than
/// rounded.
impl ToConfigValue for Duration {
    fn to_config(&self, ty: &ConfigType) -> Result<Vec<String>, ConfigValueProblem> {
        let (count, unit, whole) = match ty {
            ConfigType::TimeInterval => {
                (self.as_secs().into(), "seconds", self.subsec_nanos() == 0)
            }
            ConfigType::TimeMsecInterval => {
                (self.as_millis(), "milliseconds", self.subsec_nanos().is_multiple_of(1_000_000))
            }
            _ => return Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST }),
        };
        if !whole {
            return Err(ConfigValueProblem::Inexact { ty: ty.clone(), unit });
        }
        if count > units::MAX_INTERVAL.into() {
            let largest = units::MAX_INTERVAL;
            return Err(ConfigValueProblem::OutOfRange { ty: ty.clone(), smallest: 0, largest });
        }
        Ok(vec![count.to_string()])
    }
}

/// Supports `TimeInterval` and `TimeMsecInterval` options.
impl FromConfigValue for Duration {
    fn from_config(ty: &ConfigType, lines: &[String]) -> Result<Self, ConfigValueProblem> {
        match ty {
            ConfigType::TimeInterval => units::read(ty, only(lines)?).map(Duration::from_secs),
            ConfigType::TimeMsecInterval => {
                units::read(ty, only(lines)?).map(Duration::from_millis)
            }
            _ => Err(ConfigValueProblem::WrongType { ty: ty.clone(), rust: RUST }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn duration_is_not_rounded() {
        let half = Duration::from_millis(1500);
        let inexact = ConfigValueProblem::Inexact { ty: ConfigType::TimeInterval, unit: "seconds" };
        assert_eq!(half.to_config(&ConfigType::TimeInterval), Err(inexact.clone()));
        assert_eq!(
            inexact.to_string(),
            "A TimeInterval option is in whole seconds, and nothing is rounded"
        );
        assert_eq!(half.to_config(&ConfigType::TimeMsecInterval), Ok(vec!["1500".to_owned()]));
        assert!(Duration::from_micros(1).to_config(&ConfigType::TimeMsecInterval).is_err());
        for ty in [ConfigType::TimeInterval, ConfigType::TimeMsecInterval] {
            assert!(matches!(
                Duration::MAX.to_config(&ty),
                Err(ConfigValueProblem::Inexact { .. })
            ));
            let long = Duration::from_secs(1 << 31);
            assert!(matches!(long.to_config(&ty), Err(ConfigValueProblem::OutOfRange { .. })));
        }
        assert!(half.to_config(&ConfigType::Integer).is_err());
        assert!(Duration::from_config(&ConfigType::Integer, &["1".to_owned()]).is_err());
    }

    #[test]
    fn duration_with_unit_is_parsed() {
        let read = |ty, text: &str| Duration::from_config(&ty, &[text.to_owned()]).unwrap();
        assert_eq!(read(ConfigType::TimeInterval, "1.5 hours"), Duration::from_secs(5400));
        assert_eq!(read(ConfigType::TimeMsecInterval, "2 seconds"), Duration::from_secs(2));
        assert_eq!(read(ConfigType::TimeMsecInterval, "2"), Duration::from_millis(2));
    }

    proptest! {
        #[test]
        fn duration_round_trip(count in 0..=i32::MAX as u64) {
            for (ty, duration) in [
                (ConfigType::TimeInterval, Duration::from_secs(count)),
                (ConfigType::TimeMsecInterval, Duration::from_millis(count)),
            ] {
                let lines = duration.to_config(&ty).unwrap();
                prop_assert_eq!(Duration::from_config(&ty, &lines), Ok(duration));
            }
        }
    }
}
