//! Versions of tor.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

/// A version of tor, ordered as tor orders them: four numbers, then the status tag. For showing to people;
/// what a tor can do is asked with `GETINFO info/names` and the like, not read off its version.
///
/// ```
/// use scape::types::Version;
///
/// let version: Version = "0.4.9.11 (git-81ff62e0)".parse()?;
/// assert!(version > "0.4.9.1-alpha".parse()?);
/// assert_eq!(version.to_string(), "0.4.9.11 (git-81ff62e0)");
/// # Ok::<(), scape::types::ParseVersionError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    numbers: [u32; 4],
    status: Option<Box<str>>,
    extra: Option<Box<str>>,
}

impl Version {
    /// Major, minor, micro and patch level.
    pub fn numbers(&self) -> [u32; 4] {
        self.numbers
    }

    /// The status tag, such as `alpha-dev`.
    pub fn status(&self) -> Option<&str> {
        self.status.as_deref()
    }

    /// What follows in parentheses, such as `git-81ff62e0`.
    pub fn extra(&self) -> Option<&str> {
        self.extra.as_deref()
    }
}

impl FromStr for Version {
    type Err = ParseVersionError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || ParseVersionError { text: text.into() };
        let version = text.strip_prefix("Tor ").unwrap_or(text).trim();
        let (version, extra) = match version.split_once(' ') {
            Some((version, extra)) => {
                let extra = extra.trim().strip_prefix('(').and_then(|e| e.strip_suffix(')'));
                (version, Some(extra.ok_or_else(error)?))
            }
            None => (version, None),
        };
        let (numbers, status) = match version.split_once('-') {
            Some((numbers, status)) => (numbers, Some(status)),
            None => (version, None),
        };
        let mut parts = numbers.split('.');
        let mut numbers = [0; 4];
        for (i, number) in numbers.iter_mut().enumerate() {
            match parts.next() {
                Some(part) if part.bytes().all(|b| b.is_ascii_digit()) => {
                    *number = part.parse().map_err(|_| error())?;
                }
                None if i == 3 => {}
                _ => return Err(error()),
            }
        }
        if parts.next().is_some() {
            return Err(error());
        }
        Ok(Version { numbers, status: status.map(Into::into), extra: extra.map(Into::into) })
    }
}

impl Ord for Version {
    /// By the numbers, then a release after its alphas (`0.4.9.1-alpha` < `0.4.9.1`), then by the tag.
    fn cmp(&self, other: &Self) -> Ordering {
        let release = |v: &Version| v.status.is_none();
        self.numbers
            .cmp(&other.numbers)
            .then_with(|| release(self).cmp(&release(other)))
            .then_with(|| self.status.cmp(&other.status))
            .then_with(|| self.extra.cmp(&other.extra))
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
        match &self.extra {
            Some(extra) => write!(f, " ({extra})"),
            None => Ok(()),
        }
    }
}

/// A text that is no version.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no version of tor (such as 0.4.9.11-alpha)")]
pub struct ParseVersionError {
    text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order() {
        let sorted =
            ["0.2.4.1", "0.4.9.1-alpha", "0.4.9.1-alpha-dev", "0.4.9.1", "0.4.9.11", "0.4.10.0", "1.0.0.0"];
        let versions: Vec<Version> = sorted.iter().map(|v| v.parse().unwrap()).collect();
        assert!(versions.windows(2).all(|w| w[0] < w[1]));
    }

    #[test]
    fn bad_ones_are_refused() {
        for bad in
            ["", "0.4", "0.4.9.x", "0.4.9.1.2", "0..9.1", "a.b.c.d", "0.4.9.1 git", "99999999999.0.0.0"]
        {
            assert!(bad.parse::<Version>().is_err(), "{bad:?}");
        }
    }
}
