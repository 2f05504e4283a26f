//! Onion services in tor's configuration, with their keys in a directory. tor's
//! manual, "HIDDEN SERVICE OPTIONS".
//!
//! Such a service doesn't end with the connection that added it. It lasts as
//! long as it is in tor's configuration. If tor should still have it after its
//! next start, or after `SIGNAL RELOAD`, which **discards** options that
//! weren't saved, call [`Controller::save_conf`](crate::Controller::save_conf).
//!
//! [`DiskOnion`] describes a service like the configuration does.
//! [`DiskOnions`] adds, changes and removes services. [`DiskOnionService`] is a
//! service that tor has, with its address, keys and clients. [`DiskOnionFiles`]
//! holds a key and clients for a new service.
//!
//! ```no_run
//! use scape::onion::disk::{DiskOnion, DiskOnions};
//!
//! let controller = scape::connect()?;
//! let onions = DiskOnions::of(&controller);
//! let blog = DiskOnion::new("/var/lib/tor/blog")
//!     .port(80, ([127, 0, 0, 1], 8080))
//!     .max_streams(100);
//! let service = onions.add(&blog)?;
//! println!("http://{}/", service.address());
//! controller.save_conf()?; // keep it after tor's next start
//! # Ok::<(), scape::Error>(())
//! ```
//!
//! # Behavior of tor
//!
//! All `HiddenService…` lines are one list, in which each `HiddenServiceDir`
//! begins a service. A SETCONF that sets one of these options replaces the
//! whole list. So each change here reads the whole list, changes a part of it,
//! and sends the whole list back in one command. The other services keep their
//! position and all of their lines, including options that this library doesn't
//! know.
//!
//! Input that tor 0.4.9 handles badly is refused before it is sent:
//!
//! * a directory that tor can't create (its parent is missing) or can't write
//!   to makes **tor exit**;
//! * a secret key file that tor can't parse is **replaced by a new key**;
//! * a value that ends with a backslash is saved in a way that makes **tor
//!   exit** at the next `SIGNAL RELOAD`, and a directory that ends with a space
//!   becomes another directory;
//! * if two services have the same key, only one of them is served.

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
