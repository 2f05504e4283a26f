//! Finding the tor program, starting it and ending it.
//!
//! Start reading at [`Launch`], which describes a tor and starts it.
//! [`TorProcess`] is the running tor and ends it when dropped. [`find_tor`]
//! finds the program. [`Verify`] asks the program whether it accepts a
//! configuration.
//!
//! ```no_run
//! use scape::process::WaitFor;
//! use scape::Launch;
//!
//! let tor = Launch::new()
//!     .option("SocksPort", "auto IsolateDestAddr")
//!     .option("SocksPort", 9999)
//!     .data_directory("tor-data")
//!     .wait_for(WaitFor::Bootstrap(100))
//!     .on_progress(|step| eprintln!("{:3} % {}", step.percent, step.text))
//!     .start()?;
//! println!("{}", tor.controller().get_info("net/listeners/socks")?);
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # How it works
//!
//! * **Progress comes from the control connection**, never from the log. So a
//!   tor that logs to a file, or not at all, can be launched, too. Standard
//!   output is always read to its end, because tor would block if nobody read
//!   it.
//! * **The torrc is a file** of mode 0600 in a temporary directory of mode
//!   0700. With a torrc from standard input (`-f -`), tor would take
//!   `/etc/tor/torrc` for its configuration file: SAVECONF would overwrite that
//!   file, and RELOAD would read it. With a torrc file for each tor, both
//!   commands work and touch no other file.
//! * **tor never runs without that torrc.** It is started without
//!   `--ignore-missing-torrc`. So a tor that starts after the directory was
//!   removed ends with an error, and doesn't connect to the public network.
//! * **tor doesn't outlive the program.** The control connection owns tor: when
//!   the connection ends, tor ends. A [pair of sockets](Control::SocketPair) is
//!   connected from the start. With the other kinds of [`Control`], tor checks
//!   every 15 seconds whether the program is alive. When the program has
//!   connected, the connection owns tor, and tor stops checking.
//! * **A launch leaves nothing behind.** On Unix, tor leads a process group of
//!   its own, and the whole group is ended with it (module `child`).
//!   Directories that a killed program left behind are removed by the next
//!   launch (module `sweep`).
//! * **A dead tor is noticed at once.** tor may end during the launch, because
//!   of a bad option, a port in use, a locked data directory or a signal. A
//!   thread reaps the process, so it never stays a zombie. The launch's error
//!   contains the exit status or the signal, and the last log lines. If tor
//!   ends later, the errors of calls on the control connection contain the same
//!   details.
//!
//! Any number of threads may start and end tors at the same time.

mod authentication;
mod bootstrap;
mod child;
mod command;
mod control;
mod error;
mod exit;
mod find;
pub(crate) mod launch;
mod log;
mod options;
mod private_dir;
mod private_file;
#[cfg(feature = "testing")]
mod run;
mod start;
#[cfg(unix)]
mod sweep;
mod tor_process;
mod verify;
mod verify_error;

pub use crate::io::owner::{OwnerError, ProcessOwner, owner_of};
pub use bootstrap::WaitFor;
pub(crate) use bootstrap::wait as wait_bootstrapped;
pub use control::Control;
pub use error::{LaunchError, LaunchProblem};
pub use exit::Exit;
pub use find::find_tor;
pub(crate) use launch::Launch;
#[cfg(feature = "testing")]
pub(crate) use log::telling;
pub use options::OptionValue;
pub(crate) use private_dir::PrivateDir;
#[cfg(feature = "testing")]
pub(crate) use private_file::make_private;
#[cfg(feature = "testing")]
pub(crate) use run::run;
pub use tor_process::TorProcess;
pub use verify::Verify;
pub use verify_error::VerifyError;
