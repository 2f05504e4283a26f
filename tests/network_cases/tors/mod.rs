//! Programs with a tor of their own, and tors that are killed.

pub(crate) mod endpoints;
pub(crate) mod killed;
pub(crate) mod tor;
