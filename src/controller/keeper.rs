//! The thread that looks after a connection: heartbeats, making it again when
//! it has ended, and giving back what tor refused at first.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::reconnect::Reconnect;
use super::session::Session;
use crate::connection::{ConnectionStatus, Watched};
use crate::protocol::Command;
use crate::transport::deadline_after;

/// How long the thread sleeps where there is nothing to do but wait.
const LONG: Duration = Duration::from_secs(3600);

/// What a connection's thread is to do.
#[derive(Debug, Clone, Default)]
pub(super) struct Keeping {
    pub(super) reconnect: Option<Reconnect>,
    /// How often tor is asked whether it is there.
    pub(super) heartbeat: Option<Duration>,
    /// How long each answer, and each attempt to connect, may take.
    pub(super) timeout: Duration,
}

impl Keeping {
    /// Whether there is anything to do.
    pub(super) fn is_needed(&self) -> bool {
        self.reconnect.is_some() || self.heartbeat.is_some()
    }
}

/// Runs until the connection has ended for good.
pub(super) fn run(session: &Arc<Session>, keeping: &Keeping) {
    let mut known = 0;
    let mut next_beat = keeping.heartbeat.map(deadline_after);
    loop {
        let next = next_beat.into_iter().chain(session.retakes.next()).min();
        match session.connection().watch(known, next) {
            Watched::Ended => return,
            Watched::Open(number) => {
                known = number;
                session.retake(keeping.timeout);
                if next_beat.is_some_and(|beat| beat <= Instant::now()) {
                    beat(session, keeping.timeout);
                    next_beat = keeping.heartbeat.map(deadline_after);
                }
            }
            Watched::Down(down) => {
                let given_up = match &keeping.reconnect {
                    Some(policy) => {
                        make_again(session, down, policy, keeping.timeout) == Outcome::GivenUp
                    }
                    None => true,
                };
                // Where nothing (more) is done about it, it may still be made
                // again by hand.
                while given_up && session.connection().sleep_while_down(down, deadline_after(LONG))
                {
                }
                next_beat = keeping.heartbeat.map(deadline_after);
            }
        }
    }
}

/// Asks tor for something. Any answer will do.
fn beat(session: &Session, timeout: Duration) {
    if let Ok(command) = Command::build("GETINFO").word("key", "version").finish() {
        session.connection().check(command, timeout);
    }
}

/// How trying to make a connection again ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outcome {
    /// Nothing is left to do, at the moment.
    Done,
    GivenUp,
}

/// Tries until the connection is open again, has ended for good, or enough was
/// tried.
fn make_again(session: &Arc<Session>, down: u64, policy: &Reconnect, timeout: Duration) -> Outcome {
    let connection = session.connection();
    let mut attempt = 1;
    let mut delay = policy.delay(attempt, rand::random());
    while let Some(pause) = delay {
        if !connection.sleep_while_down(down, deadline_after(pause)) {
            return Outcome::Done;
        }
        match session.reconnect_if_down(timeout) {
            Ok(_) => return Outcome::Done,
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
