//! Finding, launching, owning and ending a tor.
//!
//! [`Launch`] starts a tor of this program's own. Nothing of it is open to others unless asked for: control goes over a
//! socket pair that only the two processes have, its files are in a private directory, and it ends with its
//! [`TorProcess`], or with this program, however that ends.
//!
//! # The torrc is a file
//!
//! tor can read its torrc from standard input (`-f -`). Then it takes the system's torrc, `/etc/tor/torrc`, for its
//! own: `SAVECONF` overwrites that, and `SIGNAL RELOAD` reads it (seen with tor 0.4.9.11). So a launched tor gets a file,
//! readable by its user alone, in a private temporary directory; both commands then do what they should, and touch
//! nothing else. The system's `torrc-defaults` is not read either.

mod child;
mod control;
mod exit;
mod find;
mod launch;
mod log;
mod options;
mod tor_process;
mod torrc;

pub use control::Control;
pub use exit::Exit;
pub use find::find_tor;
pub use launch::Launch;
pub use options::OptionValue;
pub use tor_process::TorProcess;
