//! Connections through SOCKS ports, and HTTP over them.

pub(crate) mod connecting;
#[cfg(feature = "http")]
pub(crate) mod http;
