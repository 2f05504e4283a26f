//! Stores which programs on this machine use tor's streams, and limits the
//! searches for these programs.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::net::SocketAddr;

use scape::word::StreamId;

/// The maximum number of searches for programs in a second. A search takes some
/// milliseconds of processor time.
const A_SECOND: usize = 4;
/// The maximum number of streams whose programs still have to be found. Older
/// streams are dropped.
const WAITING: usize = 64;

/// A program that uses a stream, as far as the system reveals it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    /// The process id and name. `None` if the process belongs to another user.
    pub(crate) process: Option<(u32, String)>,
    /// The name of the user who runs the process, or the user id if it has no
    /// name.
    pub(crate) user: String,
}

impl Program {
    /// Returns the program's name and process id, or the user if they are
    /// unknown.
    pub(crate) fn name(&self) -> String {
        match &self.process {
            Some((pid, name)) => format!("{name} ({pid})"),
            None => format!("user {}", self.user),
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.process {
            Some((pid, name)) => write!(f, "{name} ({pid}), user {}", self.user),
            None => write!(f, "a program of user {}", self.user),
        }
    }
}

/// The programs that were found, and the streams whose programs still have to
/// be found.
#[derive(Debug, Clone, Default)]
pub(crate) struct Programs {
    known: BTreeMap<StreamId, Program>,
    /// The streams whose programs still have to be found, with the addresses of
    /// their clients.
    wanted: VecDeque<(StreamId, SocketAddr)>,
    /// The number of searches that have begun in this second.
    searched: usize,
}

impl Programs {
    /// Returns the program that uses a stream. Returns `None` if it wasn't
    /// found.
    pub(crate) fn get(&self, id: StreamId) -> Option<&Program> {
        self.known.get(&id)
    }

    /// Adds a stream whose program has to be found. `source` is the address of
    /// the client. If too many streams are waiting, drops the oldest one.
    pub(super) fn want(&mut self, id: StreamId, source: SocketAddr) {
        if self.wanted.len() >= WAITING {
            self.wanted.pop_front();
        }
        self.wanted.push_back((id, source));
    }

    /// Stores the program that was found for a stream.
    pub(super) fn found(&mut self, id: StreamId, program: Program) {
        self.known.insert(id, program);
    }

    /// Forgets a stream that has ended.
    pub(super) fn forget(&mut self, id: StreamId) {
        self.known.remove(&id);
        self.wanted.retain(|(wanted, _)| *wanted != id);
    }

    /// Forgets all streams for which `exists` returns false.
    pub(super) fn retain(&mut self, exists: impl Fn(StreamId) -> bool) {
        self.known.retain(|id, _| exists(*id));
        self.wanted.retain(|(id, _)| exists(*id));
    }

    /// Allows [`A_SECOND`] more searches, because another second has begun.
    pub(crate) fn begin_second(&mut self) {
        self.searched = 0;
    }

    /// Removes and returns the streams whose programs have to be found now,
    /// with the addresses of their clients. Returns no more than may be
    /// searched for in this second.
    pub(crate) fn take_wanted(&mut self) -> Vec<(StreamId, SocketAddr)> {
        let count = A_SECOND.saturating_sub(self.searched).min(self.wanted.len());
        self.searched += count;
        self.wanted.drain(..count).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(wanted: &[(StreamId, SocketAddr)]) -> Vec<u64> {
        wanted.iter().map(|(id, _)| id.get()).collect()
    }

    #[test]
    fn searches_are_limited_and_forgotten_with_their_streams() {
        let source = SocketAddr::from(([127, 0, 0, 1], 5000));
        let mut programs = Programs::default();
        for id in 1..=100 {
            programs.want(StreamId::new(id), source);
        }
        assert_eq!(ids(&programs.take_wanted()), [37, 38, 39, 40]);
        assert!(programs.take_wanted().is_empty());
        programs.forget(StreamId::new(41));
        programs.begin_second();
        assert_eq!(ids(&programs.take_wanted()), [42, 43, 44, 45]);
        programs.retain(|id| id.get() == 99);
        programs.begin_second();
        assert_eq!(ids(&programs.take_wanted()), [99]);
    }

    #[test]
    fn programs_have_a_name_and_a_user() {
        let mut program = Program { process: Some((7, "curl".into())), user: "alice".into() };
        assert_eq!(program.name(), "curl (7)");
        assert_eq!(program.to_string(), "curl (7), user alice");
        program.process = None;
        assert_eq!(program.to_string(), "a program of user alice");
    }
}
