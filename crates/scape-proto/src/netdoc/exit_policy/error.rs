//! The error for a text that isn't an exit policy.

/// The error for a text that isn't an exit policy.
///
/// ```
/// use scape_proto::netdoc::{ExitPolicy, PolicyProblem};
///
/// let policy = "accept *:80, reject *:http".parse::<ExitPolicy>();
/// let error = policy.expect_err("http isn't a port");
/// assert_eq!((error.rule(), error.position()), ("reject *:http", 13));
/// assert_eq!(error.problem(), PolicyProblem::Ports);
/// ```
#[derive(Clone, PartialEq, Eq, thiserror::Error)]
#[error("{rule:?} (at byte {position}) is not an exit policy rule: {problem}")]
pub struct ParseExitPolicyError {
    pub(super) rule: String,
    pub(super) position: usize,
    pub(super) problem: PolicyProblem,
}

error_debug!(ParseExitPolicyError);

impl ParseExitPolicyError {
    /// Returns the text of the malformed rule.
    pub fn rule(&self) -> &str {
        &self.rule
    }

    /// Returns the rule's position, in bytes from the start of the policy. The
    /// position is 0 if a single rule was parsed.
    pub fn position(&self) -> usize {
        self.position
    }

    /// Returns the problem with the rule.
    pub fn problem(&self) -> PolicyProblem {
        self.problem
    }
}

/// The reason why a rule of an exit policy is malformed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PolicyProblem {
    /// The rule doesn't begin with `accept`, `reject`, `accept6` or `reject6`
    /// and white space.
    #[error("it must begin with accept or reject")]
    Action,
    /// The text before the ports isn't an address pattern, such as `*`,
    /// `private` or `192.0.2.0/24`.
    #[error(
        "the address must be *, *4, *6, private, an IPv4 address, or an IPv6 address in brackets or with a prefix"
    )]
    Address,
    /// The text after `/` is neither a number of bits nor a mask, or the
    /// address can't have a prefix.
    #[error("the text after / must be a number of bits that fits the address")]
    Prefix,
    /// The ports aren't `*`, a port or a range of ports.
    #[error("the ports must be *, a port or a range of ports")]
    Ports,
    /// The rule has `accept6` or `reject6` and an IPv4 address. tor ignores
    /// such a rule and uses the rest of the policy.
    #[error("accept6 and reject6 are for IPv6 addresses; use accept or reject for IPv4")]
    Family,
}
