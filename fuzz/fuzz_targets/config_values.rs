//! Parses and writes values of options. A written value must be parsed to the
//! same value, and the normal form of a normal form must be the same text.
#![no_main]

use std::path::PathBuf;
use std::time::Duration;

use libfuzzer_sys::fuzz_target;
use scape_proto::torrc::value::{
    self, AutoBool, DataSize, FromConfigValue, RouterSet, ToConfigValue,
};
use scape_proto::torrc::{PortFlag, PortLine};
use scape_proto::info::ConfigType;
use scape_proto::word::{Fingerprint};

/// Parses a value from these lines. If it can be written, checks that the
/// written lines are parsed to the same value.
fn there_and_back<T: FromConfigValue + ToConfigValue + PartialEq + std::fmt::Debug>(
    ty: &ConfigType,
    lines: &[String],
) {
    if let Ok(value) = T::from_config(ty, lines)
        && let Ok(written) = value.to_config(ty)
    {
        assert!(written.iter().all(|line| !line.is_empty()));
        assert_eq!(T::from_config(ty, &written), Ok(value));
    }
}

fuzz_target!(|input: (u8, &str)| {
    let (kind, text) = input;
    let types = ConfigType::KNOWN;
    let ty = types.get(usize::from(kind)).cloned().unwrap_or(ConfigType::Other("New".into()));
    let _ = value::check(&ty, text);
    if let Some(normal) = value::normal(&ty, text) {
        assert_eq!(value::normal(&ty, &normal), Some(normal.clone()));
        assert!(ty == ConfigType::Float || value::means_the_same(&ty, text, &normal));
    }
    let lines: Vec<String> = text.split('\n').map(str::to_owned).collect();
    there_and_back::<bool>(&ty, &lines);
    there_and_back::<AutoBool>(&ty, &lines);
    there_and_back::<i64>(&ty, &lines);
    there_and_back::<u8>(&ty, &lines);
    there_and_back::<f64>(&ty, &lines);
    there_and_back::<Duration>(&ty, &lines);
    there_and_back::<DataSize>(&ty, &lines);
    there_and_back::<PathBuf>(&ty, &lines);
    there_and_back::<PortLine>(&ty, &lines);
    there_and_back::<RouterSet>(&ty, &lines);
    there_and_back::<Vec<Fingerprint>>(&ty, &lines);
    there_and_back::<Vec<PortLine>>(&ty, &lines);
    there_and_back::<Vec<u16>>(&ty, &lines);
    there_and_back::<Option<i32>>(&ty, &lines);
    if let Ok(size) = text.parse::<DataSize>() {
        assert_eq!(size.to_string().parse(), Ok(size));
    }
    let flag = PortFlag::from(text);
    assert_eq!(PortFlag::from(flag.to_string().as_str()), flag);
});
