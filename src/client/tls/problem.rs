//! Conversions from rustls's errors to this library's.

use std::io;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::pki_types::ServerName;

use crate::client::tls::{TlsError, TlsProblem};
use scape_proto::word::Host;

/// Returns the name or address that the certificate must be for. A name is also
/// sent as SNI, without a trailing dot (RFC 6066, section 3).
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let error = |why: String| TlsError::new(host, TlsProblem::Argument(why.into()));
    match Host::parse(host) {
        Ok(Host::Ip(ip)) => Ok(ServerName::IpAddress(ip.into())),
        Ok(Host::Name(name)) => {
            let name = name.strip_suffix('.').unwrap_or(&name).to_ascii_lowercase();
            ServerName::try_from(name)
                .map_err(|_| error("no certificate can be for this host name".into()))
        }
        Err(problem) => Err(error(format!("the host name {problem}"))),
    }
}

/// Converts the I/O error of a failed TLS handshake to the reason for the
/// failure.
pub(crate) fn problem_of(error: io::Error) -> TlsProblem {
    match error.get_ref().and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
        Some(error) => of_rustls(error),
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            let text = "the peer closed the connection in the middle of the handshake";
            TlsProblem::Io(Arc::new(io::Error::new(io::ErrorKind::UnexpectedEof, text)))
        }
        None => TlsProblem::Io(Arc::new(error)),
    }
}

fn of_rustls(error: &rustls::Error) -> TlsProblem {
    let text = error.to_string().into_boxed_str();
    match error {
        rustls::Error::InvalidCertificate(certificate) => match certificate {
            CertificateError::UnknownIssuer => TlsProblem::UnknownIssuer,
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                TlsProblem::WrongName(text)
            }
            CertificateError::Expired
            | CertificateError::ExpiredContext { .. }
            | CertificateError::NotValidYet
            | CertificateError::NotValidYetContext { .. } => TlsProblem::NotValidNow(text),
            _ => TlsProblem::Certificate(text),
        },
        rustls::Error::NoCertificatesPresented => TlsProblem::Certificate(text),
        rustls::Error::AlertReceived(_) => TlsProblem::Refused(text),
        _ => TlsProblem::Protocol(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn server_names_have_no_trailing_dot() {
        for (host, name) in [
            ("Example.com.", "example.com"),
            ("abc.onion.", "abc.onion"),
            ("192.0.2.1.", "192.0.2.1"),
            ("[2001:db8::1]", "2001:db8::1"),
        ] {
            assert_eq!(server_name(host).unwrap().to_str(), name);
        }
        for host in
            ["", "https://example.com", "example.com:443", "a@example.com", "abc%2Eonion", "a..b"]
        {
            let error = server_name(host).unwrap_err();
            assert!(matches!(error.problem(), TlsProblem::Argument(_)), "{error}");
        }
    }
}
