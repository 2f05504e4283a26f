//! Giving back, later, what tor refused to take back when the connection was
//! made again.
//!
//! A refusal may pass. The most common one: a connection over a network was
//! lost, tor has not noticed yet, and still has the onion services of that
//! connection (`550 Onion address collision`).

use std::sync::Weak;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::session::Session;
use super::shared::Follower;
use crate::connection::{Closed, ConnectionStatus};
use crate::error::{Error, Result};
use crate::protocol::{Command, Refusal};
use crate::transport::Deadline;
use crate::word::OnionAddress;

/// The time after which an attempt is the last. TCP gives up on a half-open
/// connection after about a quarter of an hour.
const TRY_FOR: Duration = Duration::from_secs(20 * 60);
/// The time before the first attempt. It doubles with each attempt.
const FIRST_DELAY: Duration = Duration::from_millis(100);
/// The longest time between two attempts.
const MAX_DELAY: Duration = Duration::from_secs(30);
/// The longest time between two attempts to read something anew, for which
/// callers may wait.
const MAX_READ_DELAY: Duration = Duration::from_secs(5);

/// Something to be given back.
#[derive(Clone)]
pub(super) enum Part {
    Events,
    /// The entry of the ledger with this name, and its address if it is an
    /// onion service.
    Belonging(String, Option<OnionAddress>),
    /// The option `__LeaveStreamsUnattached`.
    LeaveStreams,
    Follower(Weak<dyn Follower>),
}

impl Part {
    /// The name for people.
    pub(super) fn name(&self) -> String {
        match self {
            Part::Events => "the events".into(),
            Part::Belonging(what, _) => what.clone(),
            Part::LeaveStreams => "that streams wait for this controller".into(),
            Part::Follower(follower) => {
                follower.upgrade().map_or("", |follower| follower.name()).into()
            }
        }
    }
}

/// What tor refused to take back on the present connection.
#[derive(Default)]
pub(super) struct Retakes(Mutex<State>);

#[derive(Default)]
struct State {
    /// The number of the connection's socket. On another one everything is
    /// given back anyway.
    link: u64,
    due: Vec<Due>,
}

struct Due {
    part: Part,
    /// How many attempts were made.
    attempts: u32,
    next: Instant,
    give_up: Instant,
}

impl Due {
    fn new(part: Part, now: Instant) -> Self {
        Due { part, attempts: 0, next: now + FIRST_DELAY, give_up: now + TRY_FOR }
    }

    /// Counts an attempt that was refused. Returns the time until the next one,
    /// unless it was the last.
    fn failed(&mut self, now: Instant) -> Option<Duration> {
        self.attempts += 1;
        let longest = match self.part {
            Part::Follower(_) => MAX_READ_DELAY,
            _ => MAX_DELAY,
        };
        let delay = FIRST_DELAY.saturating_mul(1 << self.attempts.min(20)).min(longest);
        self.next = now + delay;
        (self.next <= self.give_up).then_some(delay)
    }
}

impl Retakes {
    /// Begins with what was refused while everything was given back on the
    /// socket of the number `link`. Returns true if something is to be tried
    /// again.
    pub(super) fn begin(&self, link: u64, refused: Vec<(Part, Error)>) -> bool {
        let now = Instant::now();
        let due = refused.into_iter().filter(|(_, error)| may_pass(error));
        let state = State { link, due: due.map(|(part, _)| Due::new(part, now)).collect() };
        let any = !state.due.is_empty();
        *self.0.lock() = state;
        any
    }

    /// The moment of the next attempt.
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.lock().due.iter().map(|due| due.next).min()
    }

    /// Takes out what is due now, with the number of the socket that it is due
    /// on.
    fn take_due(&self) -> (u64, Vec<Due>) {
        let now = Instant::now();
        let mut state = self.0.lock();
        let (due, later) =
            std::mem::take(&mut state.due).into_iter().partition(|due| due.next <= now);
        state.due = later;
        (state.link, due)
    }

    /// Puts back what was refused once more, unless the connection was made
    /// again meanwhile.
    fn put_back(&self, link: u64, due: Due) {
        let mut state = self.0.lock();
        if state.link == link {
            state.due.push(due);
        }
    }
}

/// Returns true if the same command may succeed later. Refusals because of what
/// was asked for don't pass.
pub(super) fn may_pass(error: &Error) -> bool {
    let code = error.exact().map(Refusal::code);
    code.is_some_and(|code| !matches!(code, 510..=519 | 552 | 554 | 555))
}

impl Session {
    /// Makes the attempts that are due. Each may take `timeout`.
    pub(super) fn retake(&self, timeout: Duration) {
        let (link, due) = self.retakes.take_due();
        for mut due in due {
            let what = due.part.name();
            match self.retake_part(link, &due.part, timeout) {
                Ok(true) => {
                    log::info!(target: "scape::connection", "tor has {what} again");
                    self.connection().tell(ConnectionStatus::Restored { what });
                }
                // It isn't wanted any more.
                Ok(false) => {}
                // On the next connection, everything is given back anyway.
                Err(error) if error.is::<Closed>() => self.retakes.put_back(link, due),
                Err(error) => {
                    if let Part::Follower(follower) = &due.part
                        && error.is_timeout()
                        && let Some(follower) = follower.upgrade()
                    {
                        follower.unreadable(&error);
                    }
                    let next = due
                        .failed(Instant::now())
                        .filter(|_| may_pass(&error) || error.is_timeout());
                    let attempt = due.attempts;
                    log::debug!(target: "scape::connection", "attempt {attempt} to give back {what}: {error}");
                    if next.is_some() {
                        self.retakes.put_back(link, due);
                    } else {
                        self.is_lost(&due.part, &error);
                    }
                    self.connection().tell(ConnectionStatus::RestoreFailed {
                        what,
                        attempt,
                        error,
                        next,
                    });
                }
            }
        }
    }

    /// Notes what tor will not have again on this connection: its refusal
    /// doesn't pass, or was repeated for long enough.
    pub(super) fn is_lost(&self, part: &Part, error: &Error) {
        log::warn!(target: "scape::connection", "{} is lost: {error}", part.name());
        if let Part::Belonging(_, Some(address)) = part {
            self.lost_onions.add(*address, error.clone());
        }
    }

    /// Gives one thing back on the socket of the number `link`. Returns false
    /// if it isn't wanted any more.
    fn retake_part(&self, link: u64, part: &Part, timeout: Duration) -> Result<bool> {
        let deadline = Deadline::after(timeout);
        let ask =
            |command: Command| self.connection().send_on(Some(link), command, deadline)?.wait_ok();
        match part {
            Part::Events => self.connection().tell_again(deadline)?,
            Part::Belonging(what, _) => {
                let Some(belonging) =
                    self.ledger.belongings().into_iter().find(|it| it.what == *what)
                else {
                    return Ok(false);
                };
                let watch = self.latest.watch();
                let taken = ask(belonging.command?);
                if let Some(address) = belonging.kind.onion() {
                    match taken {
                        // It is there on this connection: an earlier attempt
                        // has succeeded after its time was over, or the program
                        // has added it again.
                        Err(error)
                            if error.is::<Refusal>() && self.has_onion(&address, &ask)? => {}
                        taken => drop(taken?),
                    }
                } else {
                    taken?;
                }
                // It may have been dropped meanwhile.
                self.take_back_dropped(&belonging.kind, &watch, deadline)?;
            }
            Part::LeaveStreams => {
                let send = |commands| self.connection().send_all_on(Some(link), commands, deadline);
                self.leave_streams.restore(&send, self.ledger.client_auths(), deadline)?;
            }
            Part::Follower(follower) => match follower.upgrade() {
                Some(follower) => follower.reconnected(&ask)?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Refusal;

    fn refused(code: u16) -> Error {
        Refusal::new("ADD_ONION", vec![(code, "no".to_owned())]).into()
    }

    #[test]
    fn attempts_end_after_twenty_minutes() {
        let mut now = Instant::now();
        let mut due = Due::new(Part::Events, now);
        let mut delays = Vec::new();
        while let Some(delay) = due.failed(now) {
            delays.push(delay);
            now += delay;
        }
        assert_eq!(delays[0], Duration::from_millis(200));
        assert!(
            delays.len() < 60 && delays.iter().sum::<Duration>() > Duration::from_secs(19 * 60)
        );
        assert!(delays.iter().all(|delay| *delay <= MAX_DELAY));
    }

    #[test]
    fn refusals_of_the_command_itself_are_not_tried_again() {
        assert!(may_pass(&refused(550)) && may_pass(&refused(551)) && may_pass(&refused(451)));
        assert!(!may_pass(&refused(510)) && !may_pass(&refused(513)) && !may_pass(&refused(552)));
        let retakes = Retakes::default();
        assert!(!retakes.begin(2, vec![(Part::Events, refused(510))]));
        assert!(retakes.next().is_none());
        assert!(retakes.begin(3, vec![(Part::Events, refused(551))]));
        assert!(retakes.next().is_some());
    }
}
