//! Versions of tor.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

/// A version of tor, as described in version-spec, section 2, "New versioning
/// scheme".
///
/// Versions are ordered in the same way as in tor: by the four numbers, then by
/// the status tag, compared as text. A version without a tag precedes any
/// version with one, so `0.4.9.11-dev` is newer than `0.4.9.11`. Comparisons
/// ignore the extra information in parentheses: two versions that differ only
/// in this information are equal.
///
/// Use versions for display and to compare relays. To find out what a running
/// tor supports, ask that tor with `GETINFO info/names` and similar keys.
///
/// ```
/// use scape_proto::word::Version;
///
/// let version: Version = "0.4.9.11 (git-81ff62e0)".parse()?;
/// assert!(version > "0.4.9.1-alpha".parse()?);
/// assert!(version < "0.4.9.11-dev".parse()?);
/// assert_eq!(version, "0.4.9.11".parse()?);
/// assert_eq!(version.to_string(), "0.4.9.11 (git-81ff62e0)");
/// # Ok::<(), scape_proto::word::ParseVersionError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Version {
    numbers: [u32; 4],
    status: Option<Box<str>>,
    extra: Box<[Box<str>]>,
}

/// The largest number that tor accepts in a version.
const LARGEST: u32 = i32::MAX as u32;

impl Version {
    /// Returns the major, minor, micro and patch level numbers. The patch level
    /// is 0 if the version was written without one.
    pub fn numbers(&self) -> [u32; 4] {
        self.numbers
    }

    /// Returns the status tag, such as `alpha-dev`, or `None` if the version
    /// has no tag.
    pub fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// Returns the first extra information in parentheses, such as
    /// `git-81ff62e0`, without the parentheses. Returns `None` if the version
    /// has no extra information.
    pub fn extra(&self) -> Option<&str> {
        self.all_extra().next()
    }

    /// Returns each piece of extra information, in order and without the
    /// parentheses.
    ///
    /// ```
    /// # use scape_proto::word::Version;
    /// let version: Version = "0.4.9.11 (git-81ff62e0) (release)".parse()?;
    /// assert_eq!(version.all_extra().collect::<Vec<_>>(), ["git-81ff62e0", "release"]);
    /// # Ok::<(), scape_proto::word::ParseVersionError>(())
    /// ```
    pub fn all_extra(&self) -> impl Iterator<Item = &str> {
        self.extra.iter().map(|extra| &**extra)
    }

    /// Returns the parts of the version that comparisons use.
    fn key(&self) -> ([u32; 4], &str) {
        // A tag is never empty, so an empty string sorts before any tag.
        (self.numbers, self.status().unwrap_or_default())
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    /// Reads `MAJOR.MINOR.MICRO[.PATCHLEVEL][-STATUS_TAG][ (EXTRA_INFO)]*`,
    /// optionally after `Tor `.
    ///
    /// # Errors
    ///
    /// Returns an error if the text has another form, if a number is above
    /// 2147483647, or if a tag or the extra information is empty.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        parse(text).ok_or_else(|| ParseVersionError { text: text.into() })
    }
}

fn parse(text: &str) -> Option<Version> {
    let mut words = text.split_ascii_whitespace().peekable();
    words.next_if(|word| word.eq_ignore_ascii_case("Tor"));
    let version = words.next()?;
    let (numbers, status) = match version.split_once('-') {
        Some((_, "")) => return None,
        Some((numbers, status)) => (numbers, Some(status)),
        None => (version, None),
    };
    let extra = words.map(|word| {
        let inside = word.strip_prefix('(').and_then(|word| word.strip_suffix(')'));
        inside.filter(|inside| !inside.is_empty()).map(Into::into)
    });
    Some(Version {
        numbers: parse_numbers(numbers)?,
        status: status.map(Into::into),
        extra: extra.collect::<Option<_>>()?,
    })
}

/// Parses three or four numbers that are separated by dots. A missing fourth
/// number is 0. Returns `None` for any other text.
fn parse_numbers(text: &str) -> Option<[u32; 4]> {
    let mut numbers = [0; 4];
    let mut rest = text.as_bytes();
    for (i, number) in numbers.iter_mut().enumerate() {
        if i == 3 && rest.is_empty() {
            break;
        }
        if i > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        *number = take_number(&mut rest)?;
    }
    rest.is_empty().then_some(numbers)
}

/// Parses the number at the beginning of `text`, and removes it from `text`.
/// Returns `None` if there is no number or if it exceeds [`LARGEST`].
fn take_number(text: &mut &[u8]) -> Option<u32> {
    let [b'0'..=b'9', ..] = text else { return None };
    let mut number: u32 = 0;
    while let [digit @ b'0'..=b'9', rest @ ..] = text {
        number = number.checked_mul(10)?.checked_add(u32::from(digit - b'0'))?;
        *text = rest;
    }
    Some(number).filter(|number| *number <= LARGEST)
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Version {}

impl Hash for Version {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [major, minor, micro, patch] = self.numbers;
        write!(f, "{major}.{minor}.{micro}.{patch}")?;
        if let Some(status) = &self.status {
            write!(f, "-{status}")?;
        }
        self.extra.iter().try_for_each(|extra| write!(f, " ({extra})"))
    }
}

/// The error for a text that isn't a version of tor.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a version of tor (such as 0.4.9.11-alpha)")]
pub struct ParseVersionError {
    text: String,
}

error_debug!(ParseVersionError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn version_order_matches_tor() {
        let sorted = [
            "0.2.4.1",
            "0.4.9.1",
            "0.4.9.1-alpha",
            "0.4.9.1-alpha-dev",
            "0.4.9.1-rc",
            "0.4.9.11",
            "0.4.9.11-dev",
            "0.4.9.2147483647",
            "0.4.10.0",
            "1.0.0.0",
        ];
        let versions: Vec<Version> = sorted.iter().map(|text| version(text)).collect();
        for pair in versions.windows(2) {
            assert!(pair[0] < pair[1], "{} < {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn version_equality_ignores_extra_information() {
        let plain = version("0.4.9.11");
        for same in ["0.4.9.11 (git-81ff62e0)", "0.4.9.11 (a) (b)", "Tor 0.4.9.11", "tor  0.4.9.11"]
        {
            assert_eq!(version(same), plain, "{same}");
            assert_eq!(version(same).cmp(&plain), Ordering::Equal, "{same}");
        }
        assert_eq!(version("0.4.9"), version("0.4.9.0"));
        let set: std::collections::HashSet<Version> = [version("0.4.9.11 (a)"), plain].into();
        assert_eq!(set.len(), 1);
    }

    #[test]
    fn version_with_several_pieces_of_extra_information() {
        let several = version("0.4.9.11-dev (git-81ff62e0) (release)");
        assert_eq!(several.all_extra().collect::<Vec<_>>(), ["git-81ff62e0", "release"]);
        assert_eq!((several.extra(), several.status()), (Some("git-81ff62e0"), Some("dev")));
        assert_eq!(several.to_string(), "0.4.9.11-dev (git-81ff62e0) (release)");
        assert_eq!(version("0.4.9.11").extra(), None);
    }

    #[test]
    fn malformed_version_is_rejected() {
        for bad in [
            "",
            "0.4",
            "0.4.9.x",
            "0.4.9.1.2",
            "0..9.1",
            "a.b.c.d",
            "0.4.9.1 git",
            "99999999999.0.0.0",
            "0.4.9.2147483648",
            "2147483648.0.0",
            "0.4.9.11-",
            "0.4.9.11- (git-81ff62e0)",
            "0.4.9.11 ()",
            "0.4.9.11 (git 81ff62e0)",
            "0.4.9.11 (a) b",
            "0.4.9.11(a)",
            "0.4.9.+1",
            "Tor",
            "Tor Tor 0.4.9.11",
        ] {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }

    proptest! {
        #[test]
        fn version_round_trip(text in "[0-9]{1,9}\\.[0-9]\\.[0-9]{1,2}\\.[0-9]{1,2}(-[a-z-]{1,9})?( \\([a-z-]{1,9}\\)){0,3}") {
            let once = version(&text);
            let again = version(&once.to_string());
            prop_assert_eq!((again.numbers(), again.status()), (once.numbers(), once.status()));
            prop_assert!(again.all_extra().eq(once.all_extra()));
            // Nothing is lost except leading zeros of the numbers.
            let rest = |text: &str| {
                text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.').to_owned()
            };
            prop_assert_eq!(rest(&once.to_string()), rest(&text));
        }
    }
}
