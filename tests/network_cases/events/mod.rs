//! Events, and what tor says of itself.

pub(crate) mod info;
pub(crate) mod processes;
pub(crate) mod subscribed;
