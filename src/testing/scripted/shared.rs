//! The state that the threads of a scripted tor share.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

use super::ScriptError;
use super::answers::Answers;
use super::line::Line;
use super::script::Script;
use crate::io::transport::deadline_after;

/// The settings and the state of a scripted tor, shared by the threads of its
/// connections and its listener.
pub(super) struct Shared {
    pub(super) patience: Duration,
    /// The maximum number of bytes in one write, or `None` to write all at
    /// once.
    pub(super) chunk: Option<usize>,
    pub(super) answers: Mutex<Answers>,
    pub(super) state: Mutex<State>,
    /// Notified after every change of `state`.
    pub(super) changed: Condvar,
}

#[derive(Default)]
pub(super) struct State {
    pub(super) sent: Vec<String>,
    pub(super) failure: Option<ScriptError>,
    pub(super) scripts: VecDeque<Script>,
    /// The number of scripts that are running.
    pub(super) playing: usize,
    pub(super) gates: BTreeSet<String>,
    /// The number of connections so far.
    pub(super) connections: usize,
    pub(super) open: Vec<Arc<Line>>,
    pub(super) threads: Vec<JoinHandle<()>>,
    pub(super) stopped: bool,
}

impl Shared {
    pub(super) fn deadline(&self) -> Instant {
        deadline_after(self.patience)
    }
}
