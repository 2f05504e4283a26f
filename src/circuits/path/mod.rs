//! Chooses relays by tor's rules, and builds circuits over them.
//!
//! * [`PathBuilder`] describes paths. The method
//!   [`prepare`](PathBuilder::prepare) creates a [`PathChooser`] for a
//!   consensus. Each call of [`choose`](PathChooser::choose) then returns a
//!   path. Both types work without a tor, on a
//!   [`Directory`](crate::netdoc::Directory) from any source.
//! * [`CircuitBuilder`] builds circuits over such paths, over given relays, or
//!   over relays that tor chooses. It builds one circuit, several at once
//!   ([`Circuits`]), or a [`CircuitPool`] that is kept full.
//!
//! **Paths that tor didn't choose can identify their user.** Everybody else's
//! circuits look like tor's own choice. Unusual lengths, exits in one country,
//! hand-picked relays, and entry guards that aren't this tor's stand out.
//! Somebody who sees a part of such a circuit can tell it from others. In
//! measurements, scans and tests, that does no harm. For anything private,
//! leave the choice to tor.

mod attempts;
mod builder;
mod chooser;
pub(crate) mod circuit_builder;
mod circuits;
mod conflict;
mod fitness;
mod in_flight;
mod no_path;
mod plan;
mod pool;
mod position;
mod rules;
mod search;
mod settings;
mod table;
mod target;

pub use builder::PathBuilder;
pub use chooser::PathChooser;
pub(crate) use circuit_builder::CircuitBuilder;
pub use circuits::Circuits;
pub use no_path::{NoPathError, PathRule};
pub use pool::CircuitPool;
