//! TLS settings: trusted certificate authorities and ALPN protocols.

use std::fmt;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use crate::error::Result;
use scape_proto::control::ArgumentError;

/// The settings of a TLS connection: the trusted certificate authorities and
/// the ALPN protocols.
///
/// The verification of certificates can't be turned off. For your own service,
/// add the root certificate of its authority.
///
/// ```no_run
/// use scape::tls::TlsSettings;
///
/// let pem = std::fs::read("our-authority.pem")?;
/// let ours = TlsSettings::new().add_roots_pem(pem)?.only_added_roots();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone)]
pub struct TlsSettings {
    web: bool,
    added: RootCertStore,
    alpn: Vec<Vec<u8>>,
}

impl TlsSettings {
    /// Creates settings that trust the certificate authorities that browsers
    /// trust, and offer no ALPN protocols.
    ///
    /// ```no_run
    /// use scape::tls::TlsSettings;
    ///
    /// let client = scape::Tor::connect()?.client()?;
    /// let stream = client.connect_tls_with(("example.com", 443), &TlsSettings::new())?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn new() -> Self {
        TlsSettings { web: true, added: RootCertStore::empty(), alpn: Vec::new() }
    }

    /// Adds a trusted certificate authority. `certificate` is its X.509
    /// certificate in DER.
    ///
    /// ```
    /// # use rustls::pki_types::{CertificateDer, pem::PemObject};
    /// # let pem = std::fs::read("tests/data/tls/ca.pem")?;
    /// # let der = CertificateDer::from_pem_slice(&pem).unwrap().to_vec();
    /// use scape::tls::TlsSettings;
    ///
    /// let settings = TlsSettings::new().add_root_der(der)?;
    /// assert!(settings.add_root_der(b"not a certificate").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the bytes aren't
    /// a certificate.
    pub fn add_root_der(mut self, certificate: impl Into<Vec<u8>>) -> Result<Self> {
        self.added.add(CertificateDer::from(certificate.into())).map_err(|error| {
            let why = format!("is not an X.509 certificate in DER: {error}");
            ArgumentError::invalid("TlsSettings", "root certificate", why)
        })?;
        Ok(self)
    }

    /// Adds trusted certificate authorities from a PEM text, one for each
    /// `CERTIFICATE` section. Other sections are ignored.
    ///
    /// ```
    /// # let path = "tests/data/tls/ca.pem";
    /// use scape::tls::TlsSettings;
    ///
    /// let settings = TlsSettings::new().add_roots_pem(std::fs::read(path)?)?;
    /// assert!(settings.add_roots_pem("not a certificate").is_err());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the text isn't
    /// PEM or contains no certificate.
    pub fn add_roots_pem(mut self, pem: impl AsRef<[u8]>) -> Result<Self> {
        let invalid = |why: String| ArgumentError::invalid("TlsSettings", "root certificates", why);
        let mut found = false;
        for certificate in CertificateDer::pem_slice_iter(pem.as_ref()) {
            let certificate =
                certificate.map_err(|error| invalid(format!("are not valid PEM: {error}")))?;
            self = self.add_root_der(certificate.to_vec())?;
            found = true;
        }
        if found { Ok(self) } else { Err(invalid("contain no CERTIFICATE section".into()).into()) }
    }

    /// Trusts only the certificate authorities that were added to these
    /// settings, not those that browsers trust.
    ///
    /// ```
    /// # let path = "tests/data/tls/ca.pem";
    /// use scape::tls::TlsSettings;
    ///
    /// let ours = TlsSettings::new().add_roots_pem(std::fs::read(path)?)?.only_added_roots();
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[must_use]
    pub fn only_added_roots(self) -> Self {
        TlsSettings { web: false, ..self }
    }

    /// Sets the protocols to offer (ALPN, RFC 7301), preferred first, such as
    /// `h2`. Each has 1 to 255 bytes.
    /// [`TlsStream::alpn`](super::TlsStream::alpn) returns the peer's choice.
    /// HTTP agents ignore this setting and offer none.
    ///
    /// ```
    /// use scape::tls::TlsSettings;
    ///
    /// let settings = TlsSettings::new().alpn(["h2", "http/1.1"])?;
    /// assert!(TlsSettings::new().alpn([""]).is_err());
    /// # let _ = settings;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for a protocol that
    /// is empty or longer than 255 bytes.
    pub fn alpn<P: AsRef<[u8]>>(mut self, protocols: impl IntoIterator<Item = P>) -> Result<Self> {
        self.alpn = protocols.into_iter().map(|protocol| protocol.as_ref().to_vec()).collect();
        if self.alpn.iter().any(|protocol| protocol.is_empty() || protocol.len() > 255) {
            let why = "must have 1 to 255 bytes";
            return Err(ArgumentError::invalid("TlsSettings", "ALPN protocol", why).into());
        }
        Ok(self)
    }

    /// Returns a new configuration for rustls. The configuration remembers TLS
    /// sessions, and a server can recognize a client by a session. So
    /// connections that are isolated from each other must not share a
    /// configuration.
    pub(crate) fn config(&self) -> Result<Arc<ClientConfig>> {
        let mut roots = self.added.clone();
        if self.web {
            roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        }
        let invalid = |why: String| ArgumentError::invalid("TlsSettings", "roots", why);
        if roots.is_empty() {
            return Err(invalid("are empty, so no authority would be trusted".into()).into());
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| invalid(error.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols.clone_from(&self.alpn);
        Ok(Arc::new(config))
    }
}

impl Default for TlsSettings {
    fn default() -> Self {
        TlsSettings::new()
    }
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let alpn: Vec<_> =
            self.alpn.iter().map(|protocol| String::from_utf8_lossy(protocol)).collect();
        f.debug_struct("TlsSettings")
            .field("web", &self.web)
            .field("added", &self.added.len())
            .field("alpn", &alpn)
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = include_str!("../../../tests/data/tls/ca.pem");

    #[test]
    fn roots_are_read_from_pem_and_der() {
        let settings = TlsSettings::new().add_roots_pem(ROOT).unwrap();
        assert_eq!(settings.added.len(), 1);
        assert!(settings.config().unwrap().alpn_protocols.is_empty());
        let der = CertificateDer::from_pem_slice(ROOT.as_bytes()).unwrap().to_vec();
        let settings = settings.only_added_roots().add_root_der(der).unwrap();
        assert!(settings.config().is_ok());
        assert!(format!("{settings:?}").contains("added: 2"));
    }

    #[test]
    fn invalid_certificates_are_rejected() {
        let key = include_str!("../../../tests/data/tls/server.key.pem");
        let broken = ROOT.replacen("MII", "MMM", 1);
        let cut = &ROOT.as_bytes()[..ROOT.len() / 2];
        for pem in [b"".as_slice(), b"no pem", key.as_bytes(), broken.as_bytes(), cut] {
            assert!(
                TlsSettings::new().add_roots_pem(pem).is_err(),
                "{}",
                String::from_utf8_lossy(pem)
            );
        }
        assert!(TlsSettings::new().add_root_der(*b"0").is_err());
        assert!(TlsSettings::new().only_added_roots().config().is_err());
    }

    #[test]
    fn alpn_protocols_with_invalid_lengths_are_rejected() {
        let settings = TlsSettings::new().alpn(["h2", "http/1.1"]).unwrap();
        assert_eq!(settings.config().unwrap().alpn_protocols, [&b"h2"[..], b"http/1.1"]);
        assert!(TlsSettings::new().alpn([""]).is_err());
        assert!(TlsSettings::new().alpn(["x".repeat(256)]).is_err());
    }
}
