//! `GETINFO exit-policy/…`.

use crate::Controller;
use crate::descriptor::{ExitPolicy, ParseExitPolicyError};
use crate::error::{Error, Result};

/// This relay's exit policy. control-spec, GETINFO `exit-policy/…`.
///
/// What is of a relay only is refused with 552 where this tor is none, and with
/// 551 as long as its descriptor is not made yet, or again: such a call may
/// succeed a little later.
impl Controller {
    /// The rules that are put after the configured ones, unless these decide
    /// about everything (`GETINFO exit-policy/default`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("exit-policy/default", "reject *:25,accept *:*").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let policy = controller.exit_policy_default()?;
    /// assert!(!policy.allows("198.51.100.7".parse()?, 25));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn exit_policy_default(&self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/default")
    }

    /// The rules that ExitPolicyRejectPrivate puts before the configured ones,
    /// on every relay (`GETINFO exit-policy/reject-private/default`).
    pub fn exit_policy_reject_private_default(&self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/reject-private/default")
    }

    /// The rules that ExitPolicyRejectPrivate and
    /// ExitPolicyRejectLocalInterfaces put before the configured ones, because
    /// of this relay's own addresses
    /// (`GETINFO exit-policy/reject-private/relay`).
    pub fn exit_policy_reject_private_relay(&self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/reject-private/relay")
    }

    /// This relay's whole exit policy (`GETINFO exit-policy/full`).
    pub fn exit_policy_full(&self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/full")
    }

    /// The rules of this relay's exit policy that concern IPv4
    /// (`GETINFO exit-policy/ipv4`).
    pub fn exit_policy_ipv4(&self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/ipv4")
    }

    /// The rules of this relay's exit policy that concern IPv6
    /// (`GETINFO exit-policy/ipv6`).
    pub fn exit_policy_ipv6(&self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/ipv6")
    }

    fn exit_policy(&self, key: &str) -> Result<ExitPolicy> {
        let problem =
            |e: ParseExitPolicyError| Error::answer(format!("GETINFO {key}"), e.to_string());
        self.get_info(key)?.parse().map_err(problem)
    }
}
