//! What rustls says, in this library's words.

use std::io;
use std::sync::Arc;

use rustls::CertificateError;
use rustls::pki_types::ServerName;

use crate::error::{TlsError, TlsProblem};

/// What is to be verified, and sent as SNI: a name, or an IP address with or without brackets.
pub(crate) fn server_name(host: &str) -> Result<ServerName<'static>, TlsError> {
    let bare = host.strip_prefix('[').and_then(|h| h.strip_suffix(']')).unwrap_or(host);
    ServerName::try_from(bare.to_ascii_lowercase()).map_err(|_| {
        let why = "the host is neither a name nor an IP address that a certificate can be for";
        TlsError::new(host, TlsProblem::Argument(why.into()))
    })
}

/// What a failed handshake died of.
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
