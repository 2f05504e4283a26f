//! Tests of events, and of information about tor itself.

pub(crate) mod info;
pub(crate) mod processes;
pub(crate) mod subscribed;
