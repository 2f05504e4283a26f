//! Connections to tor: sockets, the threads that read them, and deadlines. Also
//! cancelling a call, undoing what a program has made, and finding the process
//! that has made a TCP connection.
//!
//! No other module touches the state that the threads of a control connection
//! share.

pub(crate) mod cancel;
pub mod connection;
pub(crate) mod owner;
pub(crate) mod regular_file;
pub mod transport;
pub(crate) mod undo;
