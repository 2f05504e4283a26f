//! Parts that several commands use: lists, which are printed as tables or JSON,
//! and the files of a tor on this machine. Start reading in `listing`.

pub(crate) mod column;
pub(crate) mod countries;
pub(crate) mod ended;
pub(crate) mod files;
pub(crate) mod json;
pub(crate) mod links;
pub(crate) mod listing;
pub(crate) mod log;
pub(crate) mod relay;
mod screen;
pub(crate) mod temporary;
mod watch;
pub(crate) mod words;
