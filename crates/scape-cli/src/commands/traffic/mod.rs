//! Connections between tor and other programs, which several commands serve:
//! joining two of them, reading requests, and limiting their number.

pub(crate) mod head;
pub(crate) mod join;
pub(crate) mod visitors;
