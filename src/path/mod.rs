//! Choosing relays as tor does, and building circuits over them: one, many, or
//! a pool that is kept full.
//!
//! * [`PathBuilder`] says what paths should be like; its
//!   [`prepare`](PathBuilder::prepare) makes a [`PathChooser`] of it for a
//!   consensus, which chooses one path after the other. Neither needs a tor:
//!   both work on a [`Directory`](crate::descriptor::Directory) that was read
//!   from anywhere.
//! * [`CircuitBuilder`] builds circuits over such paths, over given relays, or
//!   over those that tor chooses: one, several at once ([`Circuits`]), or a
//!   [`CircuitPool`] that is kept full.
//!
//! **Paths that tor did not choose can identify who uses them.** tor's own
//! choice is what everybody else's circuits look like. An unusual length, exits
//! in one country, relays chosen by hand, other entry guards than this tor's:
//! whoever sees a part of such a circuit can tell it from others. For
//! measurements, scanning and testing this does no harm; for what should stay
//! private, leave the choice to tor.

mod attempts;
mod builder;
mod chooser;
mod circuit_builder;
mod circuits;
mod conflict;
mod fitness;
mod no_path;
mod pool;
mod position;
mod search;
mod site;
mod table;
mod target;

pub use builder::PathBuilder;
pub use chooser::PathChooser;
pub use circuit_builder::CircuitBuilder;
pub use circuits::Circuits;
pub use no_path::{NoPathError, PathRule};
pub use pool::CircuitPool;
