//! Onion services in tor's configuration, with their keys in a directory. See
//! tor's manual, "HIDDEN SERVICE OPTIONS".
//!
//! Such a service doesn't end with the connection that added it. It runs as
//! long as it is in tor's configuration. `SIGNAL RELOAD` and a restart of tor
//! **discard** options that weren't saved. To keep the service, call
//! [`Controller::save_conf`](crate::Controller::save_conf).
//!
//! [`DiskOnion`] is the description of a service: its lines in the
//! configuration. [`DiskOnions`] adds, changes and removes services.
//! [`DiskOnionService`] is a configured service with its address, keys and
//! clients. [`DiskOnionFiles`] contains a key and clients for a new service.
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
//! whole list. So each change by [`DiskOnions`] reads the whole list, changes a
//! part of it, and sends the whole list back in one command. The other services
//! keep their position and all of their lines, including options that this
//! library doesn't know.
//!
//! tor 0.4.9 handles some input badly. [`DiskOnions::add`] and
//! [`DiskOnions::change`] return an error for such input before anything is
//! sent. ([`DiskOnions::edit`] checks only the values, because it reads no
//! files.) The input and its consequences are:
//!
//! * a directory that tor can't create (its parent is missing) or can't write
//!   to makes **tor exit**;
//! * tor **replaces a secret key file by a new key** if it can't parse the
//!   file;
//! * tor saves a value that ends with a backslash in a way that makes **tor
//!   exit** at the next `SIGNAL RELOAD`;
//! * a directory that ends with a space becomes another directory when tor
//!   reads the saved torrc;
//! * if two services have the same key, tor serves only one of them.

mod directory;
mod error;
mod file_names;
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
