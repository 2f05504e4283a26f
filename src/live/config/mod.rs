//! tor's configuration: the options of a running tor, and torrc files.
//!
//! * [`Config`] reads and changes the options of a running tor. The values that
//!   it has read are kept up to date.
//! * [`Torrc`] is the text of one configuration file. [`TorrcFiles`] reads a
//!   file with everything that it includes, and [`write_torrc`] writes one.
//! * [`value`] has the types of option values, and the traits that convert
//!   them. Some options have types of their own, such as [`PortLine`].
//!
//! ```no_run
//! # let tor = scape::Tor::connect()?;
//! use std::time::Duration;
//!
//! let mut config = tor.config()?;
//! // Read the value that tor runs with:
//! println!("{:?}", config.get::<Duration>("MaxCircuitDirtiness")?);
//! // Change some options:
//! config.set("MaxCircuitDirtiness", Duration::from_secs(60))?;
//! config.set("SocksPort", ["9050", "9052 IsolateDestAddr"])?;
//! config.append("ExcludeNodes", "{??}")?;
//! config.reset("ContactInfo")?;
//! for change in config.diff() {
//!     println!("{change}");
//! }
//! config.save()?; // makes all of the changes, or none
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Changes
//!
//! [`Config::set`], [`Config::append`] and the other methods that change
//! options send nothing. They note a pending change. [`Config::diff`] lists the
//! pending changes, and [`Config::save`] sends all of them with one command, so
//! tor makes either all of the changes or none.
//!
//! # Groups
//!
//! Some options can only be changed together, because tor replaces a whole
//! group of options when one of them is set.
//!
//! * `SocksPort` and `__SocksPort` are in the group `SocksPortLines`, and the
//!   other ports have similar groups. When a change of one of the two options
//!   is saved, the lines of the other option are sent again.
//! * The `HiddenService…` options are in the group `HiddenServiceOptions`. Each
//!   of its lines belongs to the `HiddenServiceDir` line before it. Read this
//!   group with [`Config::group`] and change it with [`Config::set_group`],
//!   always as a whole and in order, including lines that this library doesn't
//!   know. The module [`onion`](crate::onion) represents services on disk as
//!   values.
//!
//! If there is no `SocksPort` line at all, tor opens port 9050, and no option
//! shows it. So a program that adds the first line and wants to keep that port
//! must add `9050` too.
//!
//! # Changes by other programs
//!
//! tor reports every change, no matter who made it, so values that were read
//! stay correct. tor first answers the program that made the change, and
//! reports the change a moment later.
//!
//! If another program, or another [`Config`] of this program, changes an option
//! while this `Config` has a pending change of it, the two changes conflict.
//! [`Config::conflicts`] lists such conflicts. [`Config::save`] refuses to send
//! anything until each conflict is resolved with [`Config::overwrite`] or
//! [`Config::discard`].
//!
//! tor has no command that changes an option only if the option still has its
//! old value. So if two programs change an option at the same moment, the later
//! change overwrites the earlier one. [`Config::take_overwritten`] returns the
//! changes of other programs that were overwritten in this way.
//!
//! # The meaning of options
//!
//! The crate `scape-manual` reads the descriptions of options from tor's manual
//! page, if the page is installed.

mod change;
mod edit;
mod error;
mod immutable;
mod lines;
pub(crate) mod live;
mod model;
mod option;
mod pending;
mod save;
mod schema;
mod shared;
mod torrc;
mod torrc_error;
mod transaction;

pub use change::ConfigChange;
pub use error::{ConfigError, ConfigProblem};
pub(crate) use live::Config;
pub use option::ConfigOption;
pub use pending::{ConfigConflict, ConfigDiff};
pub use scape_proto::torrc::{
    ParsePortLineError, ParseTorrcError, PortAddress, PortFlag, PortLine, PortSwitch, Torrc,
    TorrcComparison, TorrcDifference, TorrcEntry, TorrcIter, TorrcMagic, TorrcProblem, value,
};
pub(crate) use scape_proto::torrc::{is_of_a_service, option_named};
pub use torrc::{TorrcFile, TorrcFiles, read_torrc, write_torrc};
pub use torrc_error::{TorrcError, TorrcFileProblem};
