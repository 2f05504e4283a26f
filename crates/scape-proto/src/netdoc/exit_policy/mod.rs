//! Exit policies. Start with [`policy`], which defines [`ExitPolicy`].

mod address_pattern;
mod error;
mod family;
mod parse;
mod policy;
mod port_range;
mod reach;
mod rule;
mod strip;
mod summary;
mod undecided;

pub use address_pattern::AddressPattern;
pub use error::{ParseExitPolicyError, PolicyProblem};
pub use policy::ExitPolicy;
pub use port_range::PortRange;
pub use rule::{ExitAction, ExitRule};
