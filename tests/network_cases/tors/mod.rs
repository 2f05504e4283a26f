//! Tests of programs that launch a tor, and of tors that are killed.

pub(crate) mod endpoints;
pub(crate) mod killed;
pub(crate) mod tor;
