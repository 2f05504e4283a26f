//! The line `pow-params`: proposal 327.

use std::fmt;
use std::time::SystemTime;

use data_encoding::BASE64;

use crate::netdoc::line::lossy;
use crate::netdoc::value::base64_word;
use crate::netdoc::{Item, LineProblem};
use crate::word::{parse_date_time, write_utc};

/// The proof of work that an onion service asks its clients for: the line
/// `pow-params` of proposal 327.
///
/// `Display` writes the line without its keyword.
///
/// ```
/// use scape_proto::netdoc::onion::{PowParams, SecondLayer};
///
/// let text = b"create2-formats 2\n\
///     pow-params v1 AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE 7 2026-11-21T03:16:05\n";
/// let layer = SecondLayer::parse(text)?;
/// let PowParams::V1 { seed, suggested_effort, .. } = layer.pow_params[0] else {
///     panic!("another scheme")
/// };
/// assert_eq!((seed, suggested_effort), ([1; 32], 7));
/// # Ok::<(), scape_proto::netdoc::DocumentError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PowParams {
    /// The scheme `v1`, which uses Equi-X.
    V1 {
        /// The seed of the puzzle.
        seed: [u8; 32],
        /// The effort that the service suggests. 0 means that the service
        /// doesn't need a proof of work at the moment.
        suggested_effort: u32,
        /// The time until which the seed is valid, in whole seconds. The line
        /// can only express times from 1970 to 9999.
        expires: SystemTime,
    },
    /// A scheme that this version of the library doesn't know: the line without
    /// its keyword.
    Other(Box<str>),
}

impl PowParams {
    pub(super) fn parse(item: &Item<'_>) -> Result<Self, LineProblem> {
        const TIME: &str = "the time must be YYYY-MM-DDTHH:MM:SS in UTC";
        let mut words = item.arguments_reader();
        if words.word()? != b"v1" {
            return Ok(PowParams::Other(lossy(item.arguments())));
        }
        let seed = base64_word(&mut words, "the seed must be 32 bytes in base64")?;
        let suggested_effort = words.number("the effort must be a number up to 4294967295")?;
        let time = words.word()?;
        let date_and_time = time.split_at_checked(10);
        let date_and_time =
            date_and_time.and_then(|(date, time)| Some((date, time.strip_prefix(b"T")?)));
        let expires = date_and_time.and_then(|(date, time)| parse_date_time(date, time));
        Ok(PowParams::V1 {
            seed,
            suggested_effort,
            expires: expires.ok_or(LineProblem::Value(TIME))?,
        })
    }
}

/// A time that is written with `T` between the date and the time of day.
struct WithoutSpace(SystemTime);

impl fmt::Display for WithoutSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        struct Time(SystemTime);
        impl fmt::Display for Time {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_utc(f, self.0)
            }
        }
        f.write_str(&Time(self.0).to_string().replace(' ', "T"))
    }
}

impl fmt::Display for PowParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PowParams::V1 { seed, suggested_effort, expires } => {
                // Proposal 327 demands no padding, but tor writes it.
                let seed = BASE64.encode(seed);
                write!(f, "v1 {seed} {suggested_effort} {}", WithoutSpace(*expires))
            }
            PowParams::Other(line) => f.write_str(line),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::time::Duration;

    fn parse(line: &str) -> Result<PowParams, LineProblem> {
        let text = format!("pow-params {line}\n");
        PowParams::parse(&Item::parse_all(text.as_bytes()).next().unwrap())
    }

    #[test]
    fn malformed_pow_params_are_rejected() {
        let seed = BASE64.encode(&[1; 32]);
        let good = format!("v1 {seed} 7 2026-11-21T03:16:05");
        assert!(parse(&good).is_ok() && parse(&good.replace("= 7", " 7")).is_ok());
        assert_eq!(parse("v2 a b"), Ok(PowParams::Other("v2 a b".into())));
        for (old, new) in
            [("AQE", "AQ"), (" 7", " -7"), (" 7", " 4294967296"), ("T", "Z"), (":05", "")]
        {
            let bad = good.replace(old, new);
            assert!(matches!(parse(&bad), Err(LineProblem::Value(_))), "{bad}");
        }
        assert_eq!(parse("v1"), Err(LineProblem::Words));
        assert_eq!(parse(&good.replace(" 2026-11-21T03:16:05", "")), Err(LineProblem::Words));
    }

    proptest! {
        #[test]
        fn pow_params_round_trip(
            seed: [u8; 32], suggested_effort: u32, seconds in 0u64..253_402_300_800,
        ) {
            let expires = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let params = PowParams::V1 { seed, suggested_effort, expires };
            prop_assert_eq!(parse(&params.to_string()), Ok(params));
        }
    }
}
