//! [`ProcessOwner`]: a process that a connection belongs to.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

/// A process that a connection belongs to. Returned by
/// [`owner_of`](super::owner_of).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProcessOwner {
    /// The process id.
    pub pid: u32,
    /// The effective user id of the process.
    pub uid: u32,
    /// The name of the process: at most 15 bytes. The process may have changed
    /// it.
    pub name: String,
    /// The command line, beginning with the program. Every user of this machine
    /// can read it, and the process may have changed it. Empty if the system
    /// doesn't reveal it.
    pub command: Vec<OsString>,
    /// The path of the process's program file. It ends with ` (deleted)` if the
    /// file was removed or replaced since the start of the process. `None` if
    /// the caller isn't allowed to read the path.
    pub executable: Option<PathBuf>,
}

impl fmt::Display for ProcessOwner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Control characters are replaced, because they could clear a terminal,
        // for example.
        let name: String =
            self.name.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect();
        write!(f, "{name} ({})", self.pid)
    }
}
