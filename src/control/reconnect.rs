//! Reconnecting: by hand, or automatically with the policy [`Reconnect`].

use std::time::Duration;

use super::Controller;
use crate::error::Result;
use crate::io::connection::Reconnected;
use scape_proto::control::Command;

/// The delays between attempts to reconnect automatically, for
/// [`Connect::reconnect`](crate::Connect::reconnect).
///
/// The first attempt comes after a short delay. After each failure the delay
/// doubles, up to a limit. Each delay is shortened at random by up to a
/// quarter. This prevents many programs from coming back to a tor at the same
/// moment. No delay is shorter than 10 milliseconds.
///
/// ```
/// use scape::control::Reconnect;
/// use scape::Connect;
/// use std::time::Duration;
///
/// let reconnect = Reconnect::new().max_delay(Duration::from_secs(10)).max_attempts(20);
/// let connect = Connect::new().reconnect(reconnect);
/// # let _ = connect;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use = "a policy does nothing before it is given to Connect::reconnect()"]
pub struct Reconnect {
    first_delay: Duration,
    max_delay: Duration,
    max_attempts: Option<u32>,
}

/// The shortest delay before an attempt. With shorter ones, a program would do
/// little else than connect while there is no tor.
const MIN_DELAY: Duration = Duration::from_millis(10);

impl Default for Reconnect {
    fn default() -> Self {
        Reconnect {
            first_delay: Duration::from_millis(100),
            max_delay: Duration::from_secs(30),
            max_attempts: None,
        }
    }
}

impl Reconnect {
    /// Creates the default policy: the first attempt after 0.1 seconds, delays
    /// of up to 30 seconds, and no limit on the number of attempts.
    ///
    /// ```
    /// use scape::control::Reconnect;
    /// use std::time::Duration;
    ///
    /// let explicit = Reconnect::new()
    ///     .first_delay(Duration::from_millis(100))
    ///     .max_delay(Duration::from_secs(30));
    /// assert_eq!(Reconnect::new(), explicit);
    /// ```
    pub fn new() -> Self {
        Reconnect::default()
    }

    /// Sets the time between the end of the connection and the first attempt.
    /// Default: 0.1 seconds.
    ///
    /// ```
    /// use scape::control::Reconnect;
    /// use std::time::Duration;
    ///
    /// let policy = Reconnect::new().first_delay(Duration::from_secs(1));
    /// let connect = scape::Connect::new().reconnect(policy);
    /// # let _ = connect;
    /// ```
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// Sets the longest delay before an attempt. Default: 30 seconds.
    ///
    /// ```
    /// use scape::control::Reconnect;
    /// use std::time::Duration;
    ///
    /// let policy = Reconnect::new().max_delay(Duration::from_secs(5));
    /// let connect = scape::Connect::new().reconnect(policy);
    /// # let _ = connect;
    /// ```
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Sets the number of failed attempts after which reconnecting stops.
    /// Default: no limit. [`Controller::reconnect`] still works afterwards.
    ///
    /// ```
    /// use scape::control::Reconnect;
    ///
    /// let policy = Reconnect::new().max_attempts(20);
    /// let connect = scape::Connect::new().reconnect(policy);
    /// # let _ = connect;
    /// ```
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// Returns the delay before attempt number `attempt`, counted from 1.
    /// Returns `None` if no such attempt is allowed. `random` is a number from
    /// 0 to 1: the value 1 gives the full delay, and 0 shortens it by a
    /// quarter.
    pub(super) fn delay(&self, attempt: u32, random: f64) -> Option<Duration> {
        if self.max_attempts.is_some_and(|most| attempt > most) {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(20);
        let delay = self.first_delay.saturating_mul(1 << doublings).min(self.max_delay);
        let varied = delay / 4;
        let delay = (delay - varied).saturating_add(varied.mul_f64(random.clamp(0.0, 1.0)));
        Some(delay.max(MIN_DELAY))
    }
}

/// Reconnecting: restoring a connection, and waiting until it is open.
impl Controller {
    /// Closes the connection if it is open, connects again, and restores what
    /// this controller had made.
    ///
    /// The new connection goes to the same place, with the same credentials.
    /// The call restores event subscriptions, onion services (at the same
    /// addresses, but not detached ones), address mappings, onion client keys,
    /// and the ownership of tor. Options set with SETCONF are not restored.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// let controller = scape::Connect::to(address)?.connect()?;
    /// tor.hang_up();
    /// controller.wait_closed(controller.timeout())?;
    /// controller.reconnect()?;
    /// assert!(controller.is_alive());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Other threads
    ///
    /// The connection opens to callers only after the restoring. Until then
    /// every call on any handle fails with an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), and
    /// [`wait_connected`](Self::wait_connected) waits. Calls that wait for
    /// replies when the old connection is closed fail with the same kind. The
    /// handle's timeout covers the whole reconnect.
    ///
    /// Callbacks and subscriptions continue, and they miss no event once the
    /// connection is open. They are first told about the reconnect
    /// ([`EventItem::Reconnected`](crate::connection::EventItem::Reconnected),
    /// [`ConnectionStatus::Reconnected`](crate::connection::ConnectionStatus::Reconnected)),
    /// and then get the events that tor sent while the connection was restored.
    /// If the connection had ended before this call, and
    /// [`Connect::reconnect`](crate::Connect::reconnect) was not set, the
    /// connection's subscriptions have ended too, and they stay ended.
    ///
    /// A callback may call this method.
    ///
    /// # Restoring
    ///
    /// The result names what could not be restored. An example is a service
    /// that was added with
    /// [`AddOnion::discard_key`](crate::control::AddOnion::discard_key),
    /// because nobody has its key any more. If tor refused to restore something
    /// for a reason that may pass, further attempts follow in the background:
    /// see [`Reconnected`].
    ///
    /// If this connection owns tor, tor doesn't end: the ownership is dropped
    /// first and taken again.
    ///
    /// # Errors
    ///
    /// Same errors as [`Connect::connect`](crate::Connect::connect), most often
    /// of the kind [`ErrorKind::Connect`](crate::ErrorKind::Connect). The
    /// connection is closed then, and a later attempt may succeed. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the reconnect takes
    /// longer than the handle's timeout, and
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) after
    /// [`close`](Self::close). The kind is
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the controller
    /// was made from a transport, which can't be opened again.
    pub fn reconnect(&self) -> Result<Reconnected> {
        self.inner.session.reconnect(self.deadline())
    }

    /// Waits until the connection is open, for at most `timeout`. Use it on
    /// connections that [reconnect automatically](crate::Connect::reconnect).
    /// When this method returns without an error, the restoring is over, and no
    /// event is lost from here on.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().info("version", "0.4.9.11").listen()?;
    /// # let address = tor.address().cloned().expect("it listens");
    /// use scape::control::Reconnect;
    /// use scape::Connect;
    /// use std::time::Duration;
    ///
    /// let controller = Connect::to(address)?.reconnect(Reconnect::new()).connect()?;
    /// # tor.hang_up();
    /// # controller.wait_closed(controller.timeout())?;
    /// controller.wait_connected(Duration::from_secs(60))?;
    /// assert_eq!(controller.get_info("version")?, "0.4.9.11");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the connection
    /// isn't open in time. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if nothing is going to
    /// open the connection:
    ///
    /// * It was [closed](Self::close).
    /// * It has ended and doesn't reconnect automatically.
    /// * The last [allowed attempt](Reconnect::max_attempts) has failed.
    pub fn wait_connected(&self, timeout: Duration) -> Result<()> {
        self.inner.session.connection().wait_open(self.deadline_after(timeout))
    }

    /// Returns true if tor answers within the handle's timeout. Sends a
    /// command, and any answer counts, even a refusal.
    /// [`is_open`](Self::is_open) sends nothing.
    ///
    /// ```
    /// # use scape::testing::ScriptedTor;
    /// # let tor = ScriptedTor::builder().start()?;
    /// # let controller = scape::Connect::new().authenticate_over(tor.transport()?)?;
    /// assert!(controller.is_alive());
    /// # tor.hang_up();
    /// # controller.wait_closed(controller.timeout())?;
    /// // tor ends.
    /// assert!(!controller.is_alive());
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn is_alive(&self) -> bool {
        let command = Command::build("GETINFO").word("key", "version").finish();
        command.is_ok_and(|command| {
            self.inner.session.connection().request(command, self.deadline()).is_ok()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_limit() {
        let policy = Reconnect::new();
        let delays: Vec<u128> =
            (1..12).map(|n| policy.delay(n, 1.0).unwrap().as_millis()).collect();
        assert_eq!(delays, [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600, 30000, 30000]);
        assert_eq!(policy.delay(1, 0.0), Some(Duration::from_millis(75)));
        assert_eq!(policy.delay(u32::MAX, 1.0), Some(Duration::from_secs(30)));
    }

    #[test]
    fn longest_delay_does_not_overflow() {
        let policy = Reconnect::new().first_delay(Duration::MAX).max_delay(Duration::MAX);
        assert!((1..30).all(|n| policy.delay(n, 1.0) > policy.delay(n, 0.0)));
        assert_eq!(policy.delay(1, 1.0), Some(Duration::MAX));
    }

    #[test]
    fn attempts_without_a_delay_do_not_follow_each_other_at_once() {
        let brief = Duration::from_nanos(1);
        for policy in [
            Reconnect::new().first_delay(Duration::ZERO),
            Reconnect::new().max_delay(Duration::ZERO),
            Reconnect::new().first_delay(brief).max_delay(brief),
        ] {
            assert!((1..30).all(|n| policy.delay(n, 0.0) >= Some(MIN_DELAY)), "{policy:?}");
        }
    }

    #[test]
    fn policy_allows_no_attempt_after_the_last() {
        let policy = Reconnect::new().max_attempts(2);
        assert!(policy.delay(2, 0.5).is_some());
        assert!(policy.delay(3, 0.5).is_none());
    }
}
