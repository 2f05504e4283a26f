//! Parser for exit policy summaries, which list only ports.

use std::fmt;
use std::str::FromStr;

use crate::netdoc::{ExitAction, PortRange};

/// The ports to which a relay allows streams to exit. See dir-spec: "Router
/// status entries", the line `p`; and "Microdescriptors", the lines `p` (for
/// IPv4) and `p6`.
///
/// This is a summary of the relay's [`ExitPolicy`](crate::netdoc::ExitPolicy),
/// which may have exceptions for some addresses. Only the relay itself knows
/// whether it will connect to an address.
///
/// ```
/// use scape_proto::netdoc::PortPolicy;
///
/// let policy: PortPolicy = "accept 53,80,443,6660-6669".parse()?;
/// assert!(policy.allows(443) && policy.allows(6667) && !policy.allows(25));
/// assert!(PortPolicy::reject_all().is_reject_all());
/// # Ok::<(), scape_proto::netdoc::ParsePortPolicyError>(())
/// ```
#[doc(alias = "MicroExitPolicy")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PortPolicy {
    action: ExitAction,
    ports: Box<[PortRange]>,
}

impl PortPolicy {
    /// Returns the policy that allows every port: `accept 1-65535`.
    ///
    /// ```
    /// use scape_proto::netdoc::PortPolicy;
    ///
    /// assert!(PortPolicy::accept_all().allows(443));
    /// assert_eq!(PortPolicy::accept_all().to_string(), "accept 1-65535");
    /// ```
    pub fn accept_all() -> Self {
        PortPolicy { action: ExitAction::Accept, ports: [PortRange::ANY].into() }
    }

    /// Returns the policy that allows no port: `reject 1-65535`. A
    /// microdescriptor without a policy has the same meaning.
    ///
    /// ```
    /// use scape_proto::netdoc::PortPolicy;
    ///
    /// assert!(!PortPolicy::reject_all().allows(443));
    /// assert_eq!(PortPolicy::reject_all().to_string(), "reject 1-65535");
    /// ```
    pub fn reject_all() -> Self {
        PortPolicy { action: ExitAction::Reject, ports: [PortRange::ANY].into() }
    }

    /// Returns `Accept` if only the listed ports are allowed, or `Reject` if
    /// all ports except the listed ones are allowed.
    pub fn action(&self) -> ExitAction {
        self.action
    }

    /// Returns the listed ports, in the order of the text.
    pub fn ports(&self) -> &[PortRange] {
        &self.ports
    }

    /// Returns true if the policy allows streams to this port. Port 0 is never
    /// allowed.
    ///
    /// ```
    /// use scape_proto::netdoc::PortPolicy;
    ///
    /// let policy: PortPolicy = "reject 25,119,6660-6669".parse()?;
    /// assert!(policy.allows(443));
    /// assert!(!policy.allows(6667) && !policy.allows(0));
    /// # Ok::<(), scape_proto::netdoc::ParsePortPolicyError>(())
    /// ```
    pub fn allows(&self, port: u16) -> bool {
        let listed = self.ports.iter().any(|range| range.contains(port));
        port != 0 && listed == (self.action == ExitAction::Accept)
    }

    /// Returns true if the policy allows no port, so that no stream may exit.
    ///
    /// ```
    /// use scape_proto::netdoc::PortPolicy;
    ///
    /// let policy: PortPolicy = "accept 443".parse()?;
    /// assert!(!policy.is_reject_all());
    /// assert!("reject 1-65535".parse::<PortPolicy>()?.is_reject_all());
    /// # Ok::<(), scape_proto::netdoc::ParsePortPolicyError>(())
    /// ```
    pub fn is_reject_all(&self) -> bool {
        match self.action {
            ExitAction::Accept => self.ports.iter().all(|range| range.max() == 0),
            ExitAction::Reject => self.lists_every_port(),
        }
    }

    /// Returns true if the policy allows at least one port. This is the
    /// opposite of [`is_reject_all`](Self::is_reject_all).
    ///
    /// ```
    /// use scape_proto::netdoc::PortPolicy;
    ///
    /// assert!("accept 443".parse::<PortPolicy>()?.is_exiting_allowed());
    /// assert!(!PortPolicy::reject_all().is_exiting_allowed());
    /// # Ok::<(), scape_proto::netdoc::ParsePortPolicyError>(())
    /// ```
    pub fn is_exiting_allowed(&self) -> bool {
        !self.is_reject_all()
    }

    /// Creates a policy from the action and the listed ports. `ports` must not
    /// be empty.
    pub(super) fn from_parts(action: ExitAction, ports: Vec<PortRange>) -> Self {
        PortPolicy { action, ports: ports.into() }
    }

    /// Returns true if every port is listed. The ranges may be in any order and
    /// may overlap.
    fn lists_every_port(&self) -> bool {
        let mut ranges: Vec<PortRange> = self.ports.to_vec();
        ranges.sort_by_key(|range| range.min());
        let mut reached: u16 = 0;
        for range in ranges {
            if range.min() > reached.saturating_add(1) {
                return false;
            }
            reached = reached.max(range.max());
        }
        reached == u16::MAX
    }

    /// Parses a line such as `p`, given without its keyword. Words after the
    /// list of ports are ignored, because later versions of tor may add some.
    /// Returns `None` if the line is malformed.
    pub(crate) fn from_line(text: &[u8]) -> Option<Self> {
        PortPolicy::from_bytes(text).or_else(|| {
            let (end, _) =
                text.iter().enumerate().filter(|(_, b)| b.is_ascii_whitespace()).nth(1)?;
            PortPolicy::from_bytes(text.get(..end)?)
        })
    }

    /// Parses bytes in the same way as tor's `parse_short_policy`. Returns
    /// `None` if they are malformed.
    fn from_bytes(text: &[u8]) -> Option<Self> {
        let (action, mut rest) = match text.split_at_checked(6)? {
            (b"accept", rest) => (ExitAction::Accept, rest),
            (b"reject", rest) => (ExitAction::Reject, rest),
            _ => return None,
        };
        if !rest.starts_with(b" ") && !rest.starts_with(b"\t") {
            return None;
        }
        // Reserves the memory at once. A policy with more entries is malformed.
        let count = memchr::memchr_iter(b',', rest).count() + 1;
        let mut ports = Vec::with_capacity(count.min(MOST_ENTRIES));
        while !rest.is_empty() {
            rest = rest.trim_ascii_start();
            if rest.first().is_some_and(u8::is_ascii_digit) {
                if ports.len() == MOST_ENTRIES {
                    return None;
                }
                ports.push(take_range(&mut rest)?);
            } else {
                rest =
                    memchr::memchr(b',', rest).and_then(|end| rest.get(end..)).unwrap_or_default();
            }
            rest = rest.strip_prefix(b",").unwrap_or(rest);
        }
        (!ports.is_empty()).then(|| PortPolicy { action, ports: ports.into() })
    }
}

impl FromStr for PortPolicy {
    type Err = ParsePortPolicyError;

    /// Parses `accept` or `reject`, white space, and a comma-separated list of
    /// ports and port ranges.
    ///
    /// Entries that don't begin with a digit are skipped, because tor reserves
    /// them for later extensions: `accept fred,2,3-5` is read as
    /// `accept 2,3-5`.
    ///
    /// # Errors
    ///
    /// Returns an error if the first word isn't `accept` or `reject`, or if an
    /// entry begins with a digit but isn't a port or range. Also returns an
    /// error if no entry is left after skipping, or if more than 1000 are left.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        PortPolicy::from_bytes(text.as_bytes())
            .ok_or_else(|| ParsePortPolicyError { text: text.into() })
    }
}

/// The maximum number of entries that tor accepts in a policy.
const MOST_ENTRIES: usize = 1000;

/// Takes a port or a range from the beginning of the text. Returns `None` if
/// it is malformed, or if neither a comma nor the end follows.
fn take_range(text: &mut &[u8]) -> Option<PortRange> {
    let min = take_port(text)?;
    let mut max = min;
    if let Some(rest) = text.strip_prefix(b"-") {
        *text = rest;
        max = take_port(text)?;
    }
    let is_complete = matches!(text.first(), None | Some(b','));
    PortRange::new(min, max).filter(|_| is_complete)
}

/// Takes a port from 1 to 65535 from the beginning of the text. Returns `None`
/// if the text doesn't begin with such a port.
fn take_port(text: &mut &[u8]) -> Option<u16> {
    let mut port: u32 = 0;
    while let [digit @ b'0'..=b'9', rest @ ..] = text {
        port = port * 10 + u32::from(digit - b'0');
        if port > u32::from(u16::MAX) {
            return None;
        }
        *text = rest;
    }
    // Without any digit, the port is 0.
    u16::try_from(port).ok().filter(|port| *port != 0)
}

impl fmt::Display for PortPolicy {
    /// Writes the policy in the format that [`FromStr`] parses, without the
    /// entries that parsing skipped.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.action)?;
        for (i, range) in self.ports.iter().enumerate() {
            let comma = if i > 0 { "," } else { "" };
            match (range.min(), range.max()) {
                (min, max) if min == max => write!(f, "{comma}{min}")?,
                (min, max) => write!(f, "{comma}{min}-{max}")?,
            }
        }
        Ok(())
    }
}

/// The error for a text that isn't a port policy.
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a port policy (such as \"accept 80,443,6660-6669\")")]
pub struct ParsePortPolicyError {
    text: String,
}

error_debug!(ParsePortPolicyError);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policy(text: &str) -> PortPolicy {
        text.parse().unwrap_or_else(|e| panic!("{e}"))
    }

    #[test]
    fn port_policy_allows_listed_ports() {
        for (text, allowed, refused) in [
            (
                "accept 53,80,443,6660-6669",
                &[53, 443, 6660, 6669][..],
                &[0, 1, 54, 6659, 6670, 65535][..],
            ),
            ("reject 25,119,135-139", &[1, 24, 134, 140, 65535], &[0, 25, 119, 137]),
            ("accept 1-65535", &[1, 80, 65535], &[0]),
            ("reject 1-65535", &[], &[0, 1, 80, 65535]),
        ] {
            let policy = policy(text);
            assert!(allowed.iter().all(|port| policy.allows(*port)), "{text}");
            assert!(!refused.iter().any(|port| policy.allows(*port)), "{text}");
            assert_eq!(policy.to_string(), text);
        }
    }

    #[test]
    fn port_policies_that_reject_all() {
        for text in [
            "reject 1-65535",
            "reject 1-80,81-65535",
            "reject 81-65535,1-100",
            "reject 1,2-65535,3-4",
        ] {
            assert!(policy(text).is_reject_all(), "{text}");
        }
        for text in [
            "reject 2-65535",
            "reject 1-65534",
            "reject 1-79,81-65535",
            "accept 1",
            "accept 1-65535",
        ] {
            assert!(!policy(text).is_reject_all(), "{text}");
        }
        assert!(!PortPolicy::accept_all().is_reject_all());
    }

    #[test]
    fn port_policy_skips_unknown_entries() {
        for (text, same) in [
            ("accept fred,2,3-5", "accept 2,3-5"),
            ("accept 2,fred,3", "accept 2,3"),
            ("accept 2,bananas", "accept 2"),
            ("accept 2,-3,500-600", "accept 2,500-600"),
            ("accept 1,,3", "accept 1,3"),
            ("accept ,80", "accept 80"),
            ("accept 80,", "accept 80"),
            ("reject ~,*,25", "reject 25"),
            ("accept \u{e9},7", "accept 7"),
            ("accept  80", "accept 80"),
            ("accept\t80, 443", "accept 80,443"),
        ] {
            assert_eq!(policy(text), policy(same), "{text}");
        }
    }

    #[test]
    fn port_policy_with_too_many_entries_is_refused() {
        let text = |count: usize| format!("accept {}", vec!["80"; count].join(","));
        assert_eq!(policy(&text(1000)).ports().len(), 1000);
        assert!(text(1001).parse::<PortPolicy>().is_err());
    }

    #[test]
    fn malformed_port_policies_are_refused() {
        for bad in [
            "",
            "accept",
            "accept ",
            "permit 80",
            "accept 0",
            "accept 65536",
            "accept 90-80",
            "accept 80 443",
            "accept 80-",
            "accept 80-65536",
            "accept 80x",
            "accept 80-90x",
            "accept 1,2fred,3",
            "accept 80 ,443",
            "accept fred",
            "accept ,",
            "accept -1",
            "ACCEPT 80",
        ] {
            assert!(bad.parse::<PortPolicy>().is_err(), "{bad:?}");
        }
        assert_eq!(PortPolicy::from_bytes(b"accept \xff"), None);
    }

    proptest! {
        #[test]
        fn port_policies_round_trip(
            accept: bool,
            ends in prop::collection::vec((1..=u16::MAX, 1..=u16::MAX), 1..20),
        ) {
            let action = if accept { ExitAction::Accept } else { ExitAction::Reject };
            let range = |(a, b): (u16, u16)| PortRange::new(a.min(b), a.max(b));
            let ports: Option<Vec<PortRange>> = ends.into_iter().map(range).collect();
            let policy = PortPolicy { action, ports: ports.unwrap_or_default().into() };
            prop_assert_eq!(policy.to_string().parse(), Ok(policy.clone()));
            let any = (1..=u16::MAX).any(|port| policy.allows(port));
            prop_assert_eq!(policy.is_reject_all(), !any);
        }

        #[test]
        fn parsing_port_policies_never_panics(text in ".{0,40}") {
            let _ = text.parse::<PortPolicy>();
            let _ = format!("accept {text}").parse::<PortPolicy>();
        }
    }
}
