//! Parts of several commands: lists of things that tor has, as tables and
//! JSON. Start reading in `listing`.

pub(crate) mod column;
pub(crate) mod countries;
pub(crate) mod ended;
pub(crate) mod json;
pub(crate) mod listing;
pub(crate) mod relay;
mod screen;
pub(crate) mod temporary;
mod watch;
