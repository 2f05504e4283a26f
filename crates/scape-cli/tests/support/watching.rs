//! Runs a command in the background, and reads its lines while it runs.

use std::process::Child;

use rustix::process::Signal;
use serde_json::Value;

use crate::run::{Done, Lines, Scape, send_signal};

/// A running command whose output lines the test reads.
#[derive(Debug)]
pub(crate) struct Watching {
    child: Child,
    lines: Lines,
}

impl Watching {
    pub(crate) fn start(scape: Scape) -> Self {
        let mut child = scape.start();
        let lines = Lines::of(child.stdout.take().unwrap());
        Watching { child, lines }
    }

    /// Waits for the next line of the output, and returns it.
    pub(crate) fn line(&self) -> String {
        self.lines.next()
    }

    /// Reads lines until one is a JSON value for which `wanted` is true, and
    /// returns this value.
    pub(crate) fn value(&self, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let value: Value = serde_json::from_str(&self.line()).unwrap();
            if wanted(&value) {
                return value;
            }
        }
    }

    /// Sends SIGINT to the command, like Ctrl-C, and waits for its end. See
    /// [`end`](Self::end) for the result.
    pub(crate) fn interrupt(self) -> Done {
        send_signal(self.child.id(), Signal::INT);
        self.end()
    }

    /// Waits for the end of the command. The output in the result doesn't
    /// contain the lines, because they were already read.
    pub(crate) fn end(self) -> Done {
        Done::of(self.child, &"a watching command")
    }
}
