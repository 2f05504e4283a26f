//! Connections through tor: clients, SOCKS5, HTTP and TLS.

#[cfg(feature = "http")]
pub mod http;
mod no_control;
mod no_socks_port;
pub(crate) mod probe;
pub mod socks;
mod socks_port;
pub(crate) mod socks_ports;
#[cfg(feature = "https")]
pub mod tls;
pub(crate) mod tor_client;

pub use no_control::NoControlError;
pub use no_socks_port::NoSocksPortError;
pub use socks_port::SocksPort;
pub(crate) use tor_client::TorClient;
