//! The first vote of a network that began with a consensus which this program
//! has written.

use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::seed::Times;
use super::vote::{POLL, VOTE_TAKES, knows_all, set_offset};
use crate::control::Controller;
use crate::error::Result;
use crate::io::transport::Deadline;

/// The minimum time between now and the beginning of the vote. If less is left,
/// the vote is postponed. The time is long enough to tell every authority that
/// the vote is postponed.
const MARGIN: Duration = Duration::from_secs(3);

/// The time limit for the relays' descriptors to reach the authorities after
/// everything else works. Usually, they take half a second, or a few seconds on
/// a busy machine.
const KNOWN_WITHIN: Duration = Duration::from_secs(20);

/// The first vote. It must not begin during the network's start, nor before
/// every authority has the descriptor of every relay. On a busy machine, the
/// descriptors arrive late, and overloaded authorities miss each other's votes.
pub(super) struct FirstVote {
    authorities: Vec<Controller>,
    /// The GETINFO keys with which the authorities are asked for the relays'
    /// descriptors.
    keys: Vec<String>,
    interval: Duration,
    /// The time at which the authorities begin to vote.
    begin: SystemTime,
}

impl FirstVote {
    /// Creates the state for a vote that the authorities will hold at the
    /// [offset](Times::offset). All commands sent with `authorities` must have
    /// the deadline of the network's start.
    pub(super) fn new(authorities: Vec<Controller>, keys: Vec<String>, times: &Times) -> Self {
        let (interval, second) = (times.interval, Duration::from_secs(1));
        let begin = times.now + interval - second - VOTE_TAKES;
        FirstVote { authorities, keys, interval, begin }
    }

    /// Postpones the vote again and again, until the network's start is over:
    /// the other end of the channel `over` is then dropped.
    pub(super) fn put_off_until(&mut self, over: &Receiver<()>) -> Result<()> {
        while over.recv_timeout(POLL) != Err(RecvTimeoutError::Disconnected) {
            self.put_off_if_near()?;
        }
        self.put_off_if_near()
    }

    /// Postpones the vote until every authority has the descriptor of every
    /// relay. Gives up after [`KNOWN_WITHIN`], or shortly before `deadline`,
    /// because a relay's options may keep it from publishing its descriptor.
    /// The network works without that descriptor.
    pub(super) fn put_off_until_known(&mut self, deadline: Deadline) -> Result<()> {
        let end = Instant::now() + KNOWN_WITHIN.min(deadline.left().saturating_sub(MARGIN));
        while !self.is_known()? {
            if Instant::now() >= end {
                log::warn!(
                    target: "scape::testing",
                    "the authorities lack descriptors: the first vote may leave out some relays"
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

    /// Postpones the vote, so that it begins half a voting interval from now.
    fn put_off_once(&mut self) -> Result<()> {
        log::debug!(target: "scape::testing", "postponed the first vote, because the start takes long");
        let begin = SystemTime::now() + self.interval / 2;
        let begin = begin.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        self.begin = UNIX_EPOCH + Duration::from_secs(begin);
        set_offset(&self.authorities, self.begin + VOTE_TAKES, self.interval)
    }
}
