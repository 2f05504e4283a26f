//! Parts of the commands that serve connections: copying data between two
//! connections, reading HTTP requests, and limiting the number of connections.

pub(crate) mod head;
pub(crate) mod join;
pub(crate) mod visitors;
