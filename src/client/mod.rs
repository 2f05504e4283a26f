//! Connections through tor: SOCKS5, HTTP and TLS.

#[cfg(feature = "http")]
pub mod http;
pub mod socks;
#[cfg(feature = "https")]
pub mod tls;
