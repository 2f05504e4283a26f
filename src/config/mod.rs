//! tor's configuration.
//!
//! [`Config`] is that of a running tor, kept live; its values are of the types
//! in [`value`], or lines such as [`PortLine`]. [`Torrc`] is the text of a
//! configuration file.
//!
//! ```no_run
//! # let tor = scape::Tor::connect()?;
//! use std::time::Duration;
//!
//! let mut config = tor.config()?;
//! // What tor runs with:
//! println!("{:?}", config.get::<Duration>("MaxCircuitDirtiness")?);
//! // What it is to run with:
//! config.set("MaxCircuitDirtiness", Duration::from_secs(60))?;
//! config.set("SocksPort", ["9050", "9052 IsolateDestAddr"])?;
//! config.append("ExcludeNodes", "{??}")?;
//! config.reset("ContactInfo")?;
//! for change in config.diff() {
//!     println!("{change}");
//! }
//! config.save()?; // all of it, or none
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Groups
//!
//! Some options are only changed together: tor replaces all of a group whenever
//! one of it is set. `SocksPort` and `__SocksPort` are one (`SocksPortLines`),
//! and so are the others of their kind: a change of one of them sends the lines
//! of the other again. `HiddenService…` are another (`HiddenServiceOptions`),
//! in which each line belongs to the `HiddenServiceDir` before it: it is read
//! by [`Config::group`] and changed by [`Config::set_group`], whole and in
//! order, lines that this library does not know included.
//! ([`onion`](crate::onion) has services on disk as values.)
//!
//! As long as there is no `SocksPort` line at all, tor opens port 9050, which
//! no option says. Who adds the first line and wants to keep that port adds
//! `9050`, too.
//!
//! # Others who change it
//!
//! tor tells of every change, by whomever; so what was read stays true. A
//! change that was begun here before somebody else changed the same option is a
//! conflict ([`Config::conflicts`]), and is not saved unless it
//! [must be](Config::overwrite). Two changes in one and the same moment cannot
//! be kept apart, as tor has no such command: the one that is lost then is told
//! by [`Config::take_overwritten`].
//!
//! tor's event of a change comes a moment after its answer to who made it.
#![cfg_attr(feature = "manual", doc = "")]
#![cfg_attr(feature = "manual", doc = "# What options mean")]
#![cfg_attr(feature = "manual", doc = "")]
#![cfg_attr(feature = "manual", doc = "[`Manual`] tells it, where tor's manual page is installed.")]

mod edit;
mod error;
mod immutable;
mod lines;
mod listen;
mod live;
#[cfg(feature = "manual")]
mod manual;
mod model;
mod names;
mod option;
mod pending;
mod port_line;
mod save;
mod schema;
mod shared;
mod torrc;
mod torrc_error;
pub mod value;

pub use crate::protocol::torrc_error::{ParseTorrcError, TorrcProblem};
pub use error::{ConfigError, ConfigProblem};
pub use listen::{ConfigChange, ConfigListener};
pub use live::Config;
#[cfg(feature = "manual")]
pub use manual::{Manual, ManualEntry, ManualError};
pub(crate) use names::option_named;
pub use option::ConfigOption;
pub use pending::{ConfigConflict, ConfigDiff};
pub use port_line::{ParsePortLineError, PortAddress, PortFlag, PortLine, PortSwitch};
pub(crate) use torrc::is_of_a_service;
pub use torrc::{
    Torrc, TorrcComparison, TorrcDifference, TorrcEntry, TorrcFile, TorrcFiles, TorrcIter,
    TorrcMagic,
};
pub use torrc_error::{TorrcError, TorrcFileProblem};
pub use value::{AutoBool, ConfigValueProblem, DataSize, FromConfigValue, ToConfigValue};
