//! The first vote of a network that has begun with a consensus of its own.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::seed::Times;
use super::vote::{POLL, VOTE_TAKES, knows_all, set_offset};
use crate::controller::Controller;
use crate::error::Result;

/// The time before the begin of a vote at which it is put off, so that every
/// authority is told in time.
const MARGIN: Duration = Duration::from_secs(2);

/// The first vote, which must not begin before every authority knows every
/// relay. On a busy machine, the relays' descriptors come late.
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

    /// Puts the vote off until every authority knows every relay. Returns also
    /// when `over` is disconnected.
    pub(super) fn put_off(&mut self, over: &Receiver<()>) -> Result<()> {
        while !self.is_known()? {
            if SystemTime::now() + MARGIN >= self.begin {
                self.put_off_once()?;
            }
            if over.recv_timeout(POLL) == Err(RecvTimeoutError::Disconnected) {
                break;
            }
        }
        Ok(())
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
        log::debug!(target: "scape::testing", "the first vote is put off: descriptors are missing");
        let begin = SystemTime::now() + self.interval / 2;
        let begin = begin.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.begin = UNIX_EPOCH + Duration::from_secs(begin);
        set_offset(&self.authorities, self.begin + VOTE_TAKES, self.interval)
    }
}
