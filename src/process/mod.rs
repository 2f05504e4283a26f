//! Finding the tor program, starting it, and ending it.
//!
//! [`Launch`] describes a tor and starts it. [`TorProcess`] is the running tor,
//! and ends it when dropped. [`find_tor`] finds the program. [`Verify`] asks
//! the program whether it would take a configuration.
//!
//! ```no_run
//! use scape::process::{Launch, WaitFor};
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
//!   tor that logs to another place, or not at all, starts as well. Standard
//!   output is always read to its end, because tor would block if nobody read
//!   it.
//! * **The torrc is a file** of mode 0600 in a temporary directory of mode
//!   0700. tor can read a torrc from standard input, but a tor that was started
//!   that way (`-f -`) takes `/etc/tor/torrc` for its configuration file:
//!   SAVECONF overwrites that file, and RELOAD reads it. With a file of its
//!   own, both work and touch nothing else.
//! * **tor never runs without that torrc.** It is started without
//!   `--ignore-missing-torrc`, so a tor that starts after the directory was
//!   removed ends with an error, and doesn't connect to the public network.
//! * **tor doesn't outlive the program.** The control connection owns tor: when
//!   the connection ends, tor ends. Until there is a connection, tor looks
//!   every 15 seconds whether the program lives (with a pair of sockets there
//!   is always one).
//! * **Nothing of a launch is left.** tor leads a process group of its own on
//!   Unix, and the whole group is ended with it (`child`). Directories that a
//!   killed program left are removed by the next launch (`sweep`).
//! * **A dead tor is noticed at once.** tor may end while the launch waits for
//!   it (a bad option, a port in use, a locked data directory, a signal). A
//!   thread reaps it, so it never stays a zombie, and its end is told with its
//!   signal and its last log lines, also to those who use the control
//!   connection later.
//!
//! Starting and ending work from any thread, any number at a time.

mod authentication;
mod bootstrap;
mod child;
mod command;
mod control;
mod error;
mod exit;
mod find;
mod launch;
mod log;
mod options;
mod owner;
mod private_dir;
#[cfg(feature = "testing")]
mod run;
#[cfg(unix)]
mod sweep;
mod tor_process;
mod verify;
mod verify_error;

pub use bootstrap::WaitFor;
pub(crate) use bootstrap::wait as wait_bootstrapped;
pub use control::Control;
pub use error::{LaunchError, LaunchProblem};
pub use exit::Exit;
pub use find::find_tor;
pub use launch::Launch;
pub use options::OptionValue;
pub(crate) use owner::owner_among;
pub use owner::{OwnerError, ProcessOwner, owner_of};
pub(crate) use private_dir::PrivateDir;
#[cfg(feature = "testing")]
pub(crate) use run::run;
pub use tor_process::TorProcess;
pub use verify::Verify;
pub use verify_error::VerifyError;
