//! Choosing relays as tor does, and building circuits over them: one, many, or a pool that is kept full.
//!
//! * [`PathBuilder`] says what paths should be like; its [`prepare`](PathBuilder::prepare) makes a [`PathChooser`] of it for a consensus, which
//!   chooses one path after the other. Neither needs a tor: both work on a [`Directory`](crate::descriptor::Directory) that was read
//!   from anywhere.
//!
//! **Paths that tor did not choose can identify who uses them.** tor's own choice is what everybody else's circuits look like. An
//! unusual length, exits in one country, relays chosen by hand, other entry guards than this tor's: whoever sees a part of such
//! a circuit can tell it from others. For measurements, scanning and testing this does no harm; for what should stay private,
//! leave the choice to tor.

mod builder;
mod chooser;
mod conflict;
mod fitness;
mod position;
mod search;
mod table;
mod target;

pub use builder::PathBuilder;
pub use chooser::PathChooser;
