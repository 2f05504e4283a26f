//! The first vote of a network that has begun with a consensus of its own.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::seed::Times;
use super::vote::{POLL, VOTE_TAKES, knows_all, set_offset};
use crate::controller::Controller;
use crate::error::Result;

/// The time before the begin of a vote at which it is put off, so that every
/// authority is told in time.
const MARGIN: Duration = Duration::from_secs(3);

/// The time for the relays' descriptors to reach the authorities, once the
/// network works otherwise. It takes half a second, and a few seconds on a busy
/// machine.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);

/// The first vote, which must not begin during the start, and not before every
/// authority knows every relay. On a busy machine, the relays' descriptors come
/// late, and authorities that have too much to do vote without each other.
pub(super) struct FirstVote {
    authorities: Vec<Controller>,
    /// GETINFO keys of the relays' descriptors.
    keys: Vec<String>,
    interval: Duration,
    /// The moment at which the authorities begin to vote.
    begin: SystemTime,
}

impl FirstVote {
    /// Takes a vote for which the authorities have been told the
    /// [offset](Times::offset). Their commands must end at the deadline of the
    /// start.
    pub(super) fn new(authorities: Vec<Controller>, keys: Vec<String>, times: &Times) -> Self {
        let (interval, second) = (times.interval, Duration::from_secs(1));
        let begin = times.now + interval - second - VOTE_TAKES;
        FirstVote { authorities, keys, interval, begin }
    }

    /// Puts the vote off until `over` is disconnected.
    pub(super) fn put_off_until(&mut self, over: &Receiver<()>) -> Result<()> {
        while over.recv_timeout(POLL) != Err(RecvTimeoutError::Disconnected) {
            self.put_off_if_near()?;
        }
        self.put_off_if_near()
    }

    /// Puts the vote off until every authority knows every relay, or until
    /// [`KNOWN_WITHIN`] has passed, because a relay's options can say that it
    /// doesn't publish its descriptor.
    pub(super) fn put_off_until_known(&mut self) -> Result<()> {
        let begun = Instant::now();
        while !self.is_known()? {
            if begun.elapsed() >= KNOWN_WITHIN {
                log::warn!(
                    target: "scape::testing",
                    "the authorities don't know every relay after {KNOWN_WITHIN:?}: \
                     the first vote may lack some"
                );
                break;
            }
            self.put_off_if_near()?;
            thread::sleep(POLL);
        }
        Ok(())
    }

    fn put_off_if_near(&mut self) -> Result<()> {
        if SystemTime::now() + MARGIN < self.begin {
            return Ok(());
        }
        self.put_off_once()
    }

    fn is_known(&self) -> Result<bool> {
        for authority in &self.authorities {
            if !knows_all(authority, &self.keys)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Lets the next vote begin in half an interval.
    fn put_off_once(&mut self) -> Result<()> {
        log::debug!(target: "scape::testing", "the first vote is put off, because the start takes long");
        let begin = SystemTime::now() + self.interval / 2;
        let begin = begin.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.begin = UNIX_EPOCH + Duration::from_secs(begin);
        set_offset(&self.authorities, self.begin + VOTE_TAKES, self.interval)
    }
}
