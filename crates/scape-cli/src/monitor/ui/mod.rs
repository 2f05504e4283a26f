//! The parts that the pages of the monitor share, such as lists and boxes.

pub(crate) mod cursor;
pub(crate) mod line_editor;
pub(crate) mod list;
pub(crate) mod popup;
pub(crate) mod sorting;
pub(crate) mod text;
pub(crate) mod theme;
