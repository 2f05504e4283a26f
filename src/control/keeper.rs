//! The keeper thread, which looks after a connection. It sends heartbeats, and
//! reconnects when the connection has ended. If tor refused to restore
//! something after a reconnect, the thread tries again later.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reconnect::Reconnect;
use crate::error::Result;
use crate::io::connection::{Connection, ConnectionStatus, Watched};
use crate::io::transport::deadline_after;
use scape_proto::control::Command;

/// The longest single wait for a change of the connection, if nothing else is
/// planned. Such waits are repeated, so their length makes no difference.
const LONG: Duration = Duration::from_secs(3600);

/// The shortest interval between heartbeats. With a shorter one, tor and the
/// thread that sends heartbeats would hardly do anything else.
const MIN_HEARTBEAT: Duration = Duration::from_millis(10);

/// The tasks of the keeper thread, which looks after a connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeping {
    /// The policy for automatic reconnects. `None` if the keeper thread doesn't
    /// reconnect.
    pub(super) reconnect: Option<Reconnect>,
    /// The interval between heartbeats. `None` if no heartbeats are sent.
    pub(super) heartbeat: Option<Duration>,
    /// The time limit for each answer from tor and for each attempt to
    /// reconnect.
    pub(super) timeout: Duration,
}

impl Keeping {
    /// Returns true if automatic reconnects or heartbeats are wanted. Then the
    /// keeper thread must run from the start.
    pub(super) fn is_needed(&self) -> bool {
        self.reconnect.is_some() || self.heartbeat.is_some()
    }
}

/// The connection that the keeper thread looks after, with everything that is
/// needed to open it again.
pub(super) trait Kept {
    /// Returns the connection that the keeper thread looks after.
    fn connection(&self) -> &Connection;

    /// Returns the time of the next attempt to restore something that tor
    /// refused, or `None` if no attempt is planned.
    fn next_retake(&self) -> Option<Instant>;

    /// Tries again to restore what tor refused, if it is time for that. Each
    /// attempt may take `timeout`.
    fn retake(&self, timeout: Duration);

    /// Opens the connection again within `timeout`. Does nothing if the
    /// connection is open. Also does nothing if the connection was made from a
    /// transport, because a transport can't be opened again.
    fn reconnect_if_down(self: &Arc<Self>, timeout: Duration) -> Result<()>;
}

/// Looks after the connection until it has ended for good. This is the function
/// of the keeper thread.
pub(super) fn run(session: &Arc<impl Kept>, keeping: &Keeping) {
    let mut known = 0;
    let heartbeat = keeping.heartbeat.map(|interval| interval.max(MIN_HEARTBEAT));
    let mut next_beat = heartbeat.map(deadline_after);
    loop {
        let next = next_beat.into_iter().chain(session.next_retake()).min();
        match session.connection().watch(known, next) {
            Watched::Ended => return,
            Watched::Open(number) => {
                known = number;
                session.retake(keeping.timeout);
                if next_beat.is_some_and(|beat| beat <= Instant::now()) {
                    beat(session.connection(), keeping.timeout);
                    next_beat = heartbeat.map(deadline_after);
                }
            }
            Watched::Down(down) => {
                let given_up = match &keeping.reconnect {
                    Some(policy) => {
                        make_again(session, down, policy, keeping.timeout) == Outcome::GivenUp
                    }
                    None => true,
                };
                // Even without a policy, or after its last attempt, the program
                // may reconnect by hand. So sleep until then.
                while given_up && session.connection().sleep_while_down(down, deadline_after(LONG))
                {
                }
                next_beat = heartbeat.map(deadline_after);
            }
        }
    }
}

/// Sends a heartbeat: a command that tor must answer, even with a refusal. Ends
/// the connection if tor sends nothing within `timeout`.
fn beat(connection: &Connection, timeout: Duration) {
    if let Ok(command) = Command::build("GETINFO").word("key", "version").finish() {
        connection.check(command, timeout);
    }
}

/// The result of trying to reconnect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// The connection is open again or has ended for good.
    Done,
    /// The connection is down, and the policy allows no further attempt.
    GivenUp,
}

/// Tries to reconnect after the socket with the number `down` has ended.
/// Returns when the connection is open or has ended for good, or when the
/// policy allows no further attempt.
fn make_again(
    session: &Arc<impl Kept>,
    down: u64,
    policy: &Reconnect,
    timeout: Duration,
) -> Outcome {
    let connection = session.connection();
    let mut attempt = 1;
    let mut delay = policy.delay(attempt, rand::random());
    while let Some(pause) = delay {
        if !connection.sleep_while_down(down, deadline_after(pause)) {
            return Outcome::Done;
        }
        match session.reconnect_if_down(timeout) {
            Ok(()) => return Outcome::Done,
            Err(error) => {
                log::info!(target: "scape::connection", "attempt {attempt} to connect again: {error}");
                delay = policy.delay(attempt + 1, rand::random());
                connection.tell(ConnectionStatus::ReconnectFailed { attempt, error, next: delay });
                attempt = attempt.saturating_add(1);
            }
        }
    }
    connection.give_up();
    Outcome::GivenUp
}
