//! The parts from which the pages of the monitor are built.

pub(crate) mod cursor;
pub(crate) mod line_editor;
pub(crate) mod list;
pub(crate) mod popup;
pub(crate) mod sorting;
pub(crate) mod text;
pub(crate) mod theme;
