//! A tor of our own: finding the program, starting it, owning and ending it.
//!
//! [`Launch`] describes the tor that is wanted and starts it; [`TorProcess`] is the running one, and ends it when
//! dropped. [`find_tor`] tells where the program is, and [`Verify`] asks it whether it would take a configuration.
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
//! # How it is done
//!
//! * **Progress comes from the control connection**, never from the log: a tor that logs elsewhere, or not at all,
//!   starts as well. Standard output is read all the same, to the end, since tor would wait for a reader.
//! * **The torrc is a file** of mode 0600 in a temporary directory of mode 0700, although tor reads a torrc from
//!   standard input too. A tor that was started that way (`-f -`) takes `/etc/tor/torrc` for its configuration
//!   file: SAVECONF overwrites that, and RELOAD reads it. With a file of its own, both work and touch nothing else. The
//!   file goes when tor ends.
//! * **tor does not outlive us.** The control connection owns it: when that ends, tor ends. Until there is one, tor looks
//!   every 15 seconds whether this process is alive (with a pair of sockets there is always one).
//! * **Nobody waits for a dead tor.** A tor that ends while it is waited for (a bad option, a port in use, a locked data
//!   directory, a signal) is noticed at once. It is reaped by a thread of its own, so it never stays a zombie.
//!
//! Starting and ending work from any thread, any number at a time.

mod bootstrap;
mod child;
mod command;
mod control;
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

pub use bootstrap::WaitFor;
pub(crate) use bootstrap::wait as wait_bootstrapped;
pub use control::Control;
pub use exit::Exit;
pub use find::find_tor;
pub use launch::Launch;
pub use options::OptionValue;
pub(crate) use owner::owner_among;
pub use owner::{ProcessOwner, owner_of};
pub(crate) use private_dir::PrivateDir;
#[cfg(feature = "testing")]
pub(crate) use run::run;
pub use tor_process::TorProcess;
pub use verify::Verify;
