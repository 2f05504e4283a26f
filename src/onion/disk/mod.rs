//! Onion services in tor's configuration, with their keys in a directory: tor's
//! manual, "HIDDEN SERVICE OPTIONS".
//!
//! Such a service does not end with the connection that added it. It lasts as
//! long as tor has its configuration; when tor is to have it after its next
//! start, too (or after `SIGNAL RELOAD`, which **drops** whatever was not
//! saved), call [`Controller::save_conf`](crate::Controller::save_conf).
//!
//! [`DiskOnion`] is a service as the configuration says it, [`DiskOnions`]
//! adds, changes and removes them, and [`DiskOnionService`] is one that is
//! there: its address, its keys, its clients. [`DiskOnionFiles`] is what a new
//! one begins with.
//!
//! ```no_run
//! use scape::onion::disk::{DiskOnion, DiskOnions};
//!
//! let controller = scape::connect()?;
//! let onions = DiskOnions::of(&controller);
//! let service = onions.add(&DiskOnion::new("/var/lib/tor/blog").port(80, ([127, 0, 0, 1], 8080)).max_streams(100))?;
//! println!("http://{}/", service.address());
//! controller.save_conf()?; // to stay
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # What tor does with the options
//!
//! All `HiddenService…` lines are one list, in which a `HiddenServiceDir`
//! begins a service, and whoever sets one of them sets all of them. So each
//! change here reads the whole list, changes a part of it, and sends it back
//! whole, in one command: the other services stay as they are and where they
//! are, options that this library does not know included.
//!
//! What tor 0.4.9 takes badly is found before it is sent:
//!
//! * a directory that tor cannot make (its parent is missing) or cannot write
//!   to **ends tor**;
//! * a file of a secret key that tor cannot read is **replaced by a new key**;
//! * a value that ends with a backslash is saved so that the next
//!   `SIGNAL RELOAD` **ends tor**; a directory that ends with a space is
//!   another one after it;
//! * of two services with one key, only one is served.

mod directory;
mod error;
mod files;
mod group;
mod port;
mod service;
mod services;
mod settings;
mod value;

pub(super) use error::is_not_configured;
pub use error::{DiskOnionError, DiskOnionProblem};
pub use files::DiskOnionFiles;
pub use group::{format_group, parse_group};
pub use port::{DiskPort, DiskTarget, ParseDiskPortError};
pub use service::{DiskOnionGuard, DiskOnionService};
pub use services::DiskOnions;
pub use settings::DiskOnionSettings;
pub use value::DiskOnion;
