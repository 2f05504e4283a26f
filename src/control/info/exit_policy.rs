//! `GETINFO exit-policy/…`: exit policies.

use super::Info;
use crate::error::{Error, Result};
use scape_proto::netdoc::{ExitPolicy, ParseExitPolicyError};

/// Queries about the exit policy of this relay. See control-spec, GETINFO
/// `exit-policy/…`.
///
/// Some of these values exist on relays only. A tor that is not a relay refuses
/// a query for such a value with the code 552. A relay refuses the query with
/// the code 551 until its descriptor is built, so the same call may succeed a
/// little later.
impl Info<'_> {
    /// Returns the rules that tor appends to the configured rules (`GETINFO
    /// exit-policy/default`). tor doesn't append them if the configured rules
    /// already decide about every address.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("exit-policy/default", "reject *:25,accept *:*").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let policy = controller.info().exit_policy_default()?;
    /// assert!(!policy.allows("198.51.100.7".parse()?, 25));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn exit_policy_default(self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/default")
    }

    /// Returns the rules that the option ExitPolicyRejectPrivate puts before
    /// the configured rules (`GETINFO exit-policy/reject-private/default`). The
    /// result has only those rules that are the same on every relay.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "exit-policy/reject-private/default", "reject 10.0.0.0/8:*,reject [fc00::]/7:*").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let policy = controller.info().exit_policy_reject_private_default()?;
    /// assert!(!policy.allows("10.0.0.1".parse()?, 80));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`get_info`](crate::Controller::get_info), most often a
    /// closed connection. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    pub fn exit_policy_reject_private_default(self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/reject-private/default")
    }

    /// Returns the rules that tor puts before the configured rules because of
    /// this relay's own addresses (`GETINFO exit-policy/reject-private/relay`).
    /// They come from the options ExitPolicyRejectPrivate and
    /// ExitPolicyRejectLocalInterfaces.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "exit-policy/reject-private/relay", "reject 10.0.0.0/8:*,reject 192.0.2.7:*").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let policy = controller.info().exit_policy_reject_private_relay()?;
    /// assert!(!policy.allows("192.0.2.7".parse()?, 80)); // the relay's own address
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`exit_policy_full`](Self::exit_policy_full), most often
    /// a tor that is not a relay.
    pub fn exit_policy_reject_private_relay(self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/reject-private/relay")
    }

    /// Returns the whole exit policy of this relay
    /// (`GETINFO exit-policy/full`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "exit-policy/full", "reject 10.0.0.0/8:*,accept *:443,reject *:*").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let policy = controller.info().exit_policy_full()?;
    /// assert!(policy.allows("198.51.100.7".parse()?, 443));
    /// assert_eq!(policy.to_string(), "reject 10.0.0.0/8:*,accept *:443,reject *:*");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) if this tor is not a
    /// relay (552), or if its descriptor isn't built yet (551). Otherwise the
    /// same errors as [`get_info`](crate::Controller::get_info). The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if tor's value
    /// can't be parsed.
    #[doc(alias = "get_exit_policy")]
    pub fn exit_policy_full(self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/full")
    }

    /// Returns the rules of this relay's exit policy that concern IPv4
    /// (`GETINFO exit-policy/ipv4`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info(
    /// #     "exit-policy/ipv4", "reject 10.0.0.0/8:*,accept *:443,reject *:*").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let policy = controller.info().exit_policy_ipv4()?;
    /// assert!(policy.allows("198.51.100.7".parse()?, 443));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`exit_policy_full`](Self::exit_policy_full), most often
    /// a tor that is not a relay.
    pub fn exit_policy_ipv4(self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/ipv4")
    }

    /// Returns the rules of this relay's exit policy that concern IPv6
    /// (`GETINFO exit-policy/ipv6`).
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("exit-policy/ipv6", "reject *:*").start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// let policy = controller.info().exit_policy_ipv6()?;
    /// assert!(!policy.allows("2001:db8::7".parse()?, 443));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`exit_policy_full`](Self::exit_policy_full), most often
    /// a tor that is not a relay.
    pub fn exit_policy_ipv6(self) -> Result<ExitPolicy> {
        self.exit_policy("exit-policy/ipv6")
    }

    fn exit_policy(self, key: &str) -> Result<ExitPolicy> {
        let problem =
            |e: ParseExitPolicyError| Error::answer(format!("GETINFO {key}"), e.to_string());
        self.controller.get_info(key)?.parse().map_err(problem)
    }
}
