//! Exit policies: dir-spec, "Exit policies"; tor's manual, ExitPolicy.

use std::fmt;
use std::net::IpAddr;

use super::rule::{ExitAction, ExitRule};

/// The addresses and ports that a relay lets streams connect to.
///
/// A policy is a list of rules. The first rule that matches decides. If no rule
/// matches, the stream is allowed.
///
/// The text of a policy has commas or line ends between its rules, and is
/// parsed in the same way as tor parses it. `Display` writes commas.
///
/// ```
/// use scape_proto::netdoc::ExitPolicy;
///
/// let policy: ExitPolicy = "reject private:*, accept *:80, accept6 [2001:db8::]/32:443, reject *:*".parse()?;
/// assert!(policy.allows("198.51.100.7".parse()?, 80));
/// assert!(!policy.allows("127.0.0.1".parse()?, 80));
/// assert!(policy.allows("2001:db8::1".parse()?, 443));
/// assert_eq!(policy.rules().len(), 4);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ExitPolicy {
    rules: Vec<ExitRule>,
}

impl ExitPolicy {
    /// Returns the rules in the order of the policy, in which they are tried.
    pub fn rules(&self) -> &[ExitRule] {
        &self.rules
    }

    /// Returns true if the policy allows a stream to this address and port.
    ///
    /// ```
    /// use std::net::IpAddr;
    /// use scape_proto::netdoc::ExitPolicy;
    ///
    /// let policy: ExitPolicy = "accept *:443, reject *:*".parse()?;
    /// let target: IpAddr = "192.0.2.1".parse()?;
    /// assert!(policy.allows(target, 443));
    /// assert!(!policy.allows(target, 25));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn allows(&self, ip: IpAddr, port: u16) -> bool {
        let first = self.rules.iter().find(|rule| rule.fits(ip, port));
        first.is_none_or(|rule| rule.action == ExitAction::Accept)
    }
}

impl FromIterator<ExitRule> for ExitPolicy {
    fn from_iter<I: IntoIterator<Item = ExitRule>>(rules: I) -> Self {
        ExitPolicy { rules: rules.into_iter().collect() }
    }
}

impl fmt::Display for ExitPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, rule) in self.rules.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            write!(f, "{rule}")?;
        }
        Ok(())
    }
}
