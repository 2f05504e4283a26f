//! Passing bytes on, which several commands do.

pub(crate) mod head;
pub(crate) mod join;
pub(crate) mod visitors;
