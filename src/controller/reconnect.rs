//! Making the connection again: by hand, or by itself.

use std::time::Duration;

use super::Controller;
use crate::connection::Reconnected;
use crate::error::Result;
use crate::protocol::Command;

/// How a connection is made again by itself when it has ended: for
/// [`Connect::reconnect`](crate::Connect::reconnect).
///
/// The first attempt comes after a short delay; after each failure the delay
/// doubles, up to a limit. Each is varied at random by up to a quarter, so that
/// many programs do not all come back to a tor at once.
///
/// ```
/// use scape::{Connect, Reconnect};
/// use std::time::Duration;
///
/// let reconnect = Reconnect::new().max_delay(Duration::from_secs(10)).max_attempts(20);
/// let connect = Connect::new().reconnect(reconnect);
/// # let _ = connect;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconnect {
    first_delay: Duration,
    max_delay: Duration,
    max_attempts: Option<u32>,
}

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
    /// First after 0.1 seconds, then after up to 30 seconds, until it succeeds.
    pub fn new() -> Self {
        Reconnect::default()
    }

    /// How long after the connection's end the first attempt is made. Default:
    /// 0.1 seconds.
    pub fn first_delay(mut self, delay: Duration) -> Self {
        self.first_delay = delay;
        self
    }

    /// The longest time between two attempts. Default: 30 seconds.
    pub fn max_delay(mut self, delay: Duration) -> Self {
        self.max_delay = delay;
        self
    }

    /// Gives up after so many attempts that failed. Default: never.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.max_attempts = Some(attempts);
        self
    }

    /// How long to wait before attempt number `attempt`, from 1, of which
    /// `random` (0 to 1) varies a part; `None` where it is not to be made.
    pub(super) fn delay(&self, attempt: u32, random: f64) -> Option<Duration> {
        if self.max_attempts.is_some_and(|most| attempt > most) {
            return None;
        }
        let doublings = attempt.saturating_sub(1).min(20);
        let delay = self.first_delay.saturating_mul(1 << doublings).min(self.max_delay);
        let varied = delay / 4;
        Some((delay - varied).saturating_add(varied.mul_f64(random.clamp(0.0, 1.0))))
    }
}

/// Living with a connection that may end.
impl Controller {
    /// Makes the connection again, whether it is open or has ended: ends it,
    /// connects to the same place, authenticates with the same credentials,
    /// subscribes to events again, and gives back what this controller had
    /// made. These are its onion services (at the same addresses, but not
    /// detached ones), its address mappings, its onion client keys, and its
    /// ownership of tor.
    ///
    /// The connection is open to callers when all of this is done, not earlier.
    /// Until then every call on any handle fails with an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed), and
    /// [`wait_connected`](Self::wait_connected) waits. The handle's timeout is
    /// for all of it together.
    ///
    /// Callbacks and subscriptions go on, and no event is lost once the
    /// connection is open. What tor said on the new connection before is
    /// delivered first, after word of the connection
    /// ([`EventItem::Reconnected`](crate::EventItem::Reconnected),
    /// [`ConnectionStatus::Reconnected`](crate::ConnectionStatus::Reconnected)).
    /// Subscriptions that have ended already, because nothing was to make the
    /// connection again by itself, stay ended. Calls that wait for replies fail
    /// with an error of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed).
    ///
    /// A tor that this connection owns doesn't end by this: the ownership is
    /// dropped first, and taken again.
    ///
    /// The result names what couldn't be given back: for example a service that
    /// was added with [`AddOnion::discard_key`](crate::AddOnion::discard_key),
    /// because nobody has its key any more. If tor refused something for a
    /// reason that may pass, it is asked again in the background: see
    /// [`Reconnected`].
    ///
    /// A callback may call this.
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
    /// # Errors
    ///
    /// Same errors as [`Connect::connect`](crate::Connect::connect), most often
    /// of the kind [`ErrorKind::Connect`](crate::ErrorKind::Connect). The
    /// connection is closed then, and a later attempt may succeed. The kind is
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if tor doesn't answer
    /// in time, [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the
    /// controller was made from a transport, which can't be opened again, and
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) after
    /// [`close`](Self::close).
    pub fn reconnect(&self) -> Result<Reconnected> {
        self.inner.session.reconnect(self.deadline())
    }

    /// Waits until the connection is open, for at most `timeout`. For a
    /// connection that is made again by itself
    /// ([`Connect::reconnect`](crate::Connect::reconnect)): when this returns,
    /// tor has everything again, and no event is lost from here on.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Timeout`](crate::ErrorKind::Timeout) if the connection
    /// isn't open in time, and of the kind
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if nothing is going to
    /// open it.
    pub fn wait_connected(&self, timeout: Duration) -> Result<()> {
        self.inner.session.connection().wait_open(self.deadline_after(timeout))
    }

    /// Whether tor answers, whatever it says: asks it, within the handle's
    /// timeout.
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
    fn longest_delay_is_no_panic() {
        let policy = Reconnect::new().first_delay(Duration::MAX).max_delay(Duration::MAX);
        assert!((1..30).all(|n| policy.delay(n, 1.0) > policy.delay(n, 0.0)));
        assert_eq!(policy.delay(1, 1.0), Some(Duration::MAX));
    }

    #[test]
    fn it_gives_up_after_the_last_attempt() {
        let policy = Reconnect::new().max_attempts(2);
        assert!(policy.delay(2, 0.5).is_some());
        assert!(policy.delay(3, 0.5).is_none());
    }
}
