//! Programs that launch a tor, and tors that are killed.

pub(crate) mod endpoints;
pub(crate) mod killed;
pub(crate) mod tor;
