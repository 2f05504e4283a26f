//! A guard that stops a relay's process for a while.

use rustix::process::{Pid, Signal, kill_process};
use scape::testing::Node;

use crate::watchdog;

/// A guard that keeps a relay's process stopped until it is dropped.
pub(crate) struct Stopped<'a>(&'a Node);

impl<'a> Stopped<'a> {
    pub(crate) fn new(relay: &'a Node) -> Self {
        kill_process(pid(relay), Signal::STOP).unwrap();
        Stopped(relay)
    }
}

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        // Other cases need the relay. Don't panic here, because that would hide
        // the test's own panic.
        if let Err(error) = kill_process(pid(self.0), Signal::CONT) {
            watchdog::say(&format!(
                "{} cannot go on: {error}; {:?}",
                self.0.nickname(),
                self.0.process()
            ));
        }
    }
}

fn pid(relay: &Node) -> Pid {
    Pid::from_raw(relay.process().pid().try_into().unwrap()).unwrap()
}
