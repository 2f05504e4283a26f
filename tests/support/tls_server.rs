//! The server's side of TLS connections, with certificates for tests.

use std::io::{self, Read, Write};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// The certificate of the authority that issued this module's server
/// certificates. `OTHER_CA` is the certificate of an unrelated authority.
pub(crate) const CA: &str = include_str!("../data/tls/ca.pem");
pub(crate) const OTHER_CA: &str = include_str!("../data/tls/other-ca.pem");
/// A server certificate for `example.com`, [`ONION`] and 192.0.2.1.
pub(crate) const SERVER: &str = include_str!("../data/tls/server.pem");
pub(crate) const EXPIRED: &str = include_str!("../data/tls/expired.pem");
pub(crate) const ONION: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
const KEY: &str = include_str!("../data/tls/server.key.pem");

/// Returns the configuration of a TLS server with this certificate and these
/// ALPN protocols.
pub(crate) fn config(certificate: &str, protocols: &[&str]) -> Arc<ServerConfig> {
    let certificate = CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap();
    let key = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    config.alpn_protocols = protocols.iter().map(|protocol| protocol.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// Performs the server's side of a TLS handshake, and returns the TLS stream.
pub(crate) fn accept<S: Read + Write>(
    config: &Arc<ServerConfig>,
    mut stream: S,
) -> io::Result<StreamOwned<ServerConnection, S>> {
    let mut connection = ServerConnection::new(config.clone()).unwrap();
    while connection.is_handshaking() {
        if let Err(error) = connection.complete_io(&mut stream) {
            // Send all pending data, because the alert comes last.
            while connection.wants_write() {
                connection.write_tls(&mut stream)?;
            }
            return Err(error);
        }
    }
    Ok(StreamOwned::new(connection, stream))
}
