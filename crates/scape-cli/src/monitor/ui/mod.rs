//! The parts that pages are built from.

pub(crate) mod cursor;
pub(crate) mod line_editor;
pub(crate) mod list;
pub(crate) mod popup;
pub(crate) mod sorting;
pub(crate) mod text;
pub(crate) mod theme;
