//! Places and networks of addresses that could not be looked up.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Cause, ErrorKind};

use crate::protocol::Refusal;

/// The place or network of an address can't be looked up, or a database can't
/// be used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum GeoIpError {
    /// The database's file cannot be read: it is not there, may not be read, or
    /// is no file.
    Unreadable {
        /// The path.
        path: PathBuf,
        /// The operating system's answer.
        source: Arc<io::Error>,
    },
    /// The file is no database in MaxMind's format, or the end of one is
    /// missing.
    NotADatabase {
        /// The path.
        path: PathBuf,
    },
    /// The database is damaged, or of a version of the format that is not
    /// known.
    Damaged {
        /// The path.
        path: PathBuf,
        /// The address that was looked up, or `None` if the database could not
        /// be opened.
        ip: Option<IpAddr>,
        /// The problem.
        problem: Box<str>,
    },
    /// The database holds something else than what it was given for.
    WrongKind {
        /// The path.
        path: PathBuf,
        /// The content that it should have, such as "countries".
        wanted: &'static str,
        /// The type that it names, such as `GeoLite2-ASN`.
        type_name: Box<str>,
    },
    /// tor has no GeoIP data for addresses of this kind: `GeoIPFile` or
    /// `GeoIPv6File` is not there. (Debian's are in the package `tor-geoipdb`.)
    NotLoaded {
        /// The address that was asked about.
        ip: IpAddr,
        /// tor's answer.
        refusal: Box<Refusal>,
    },
    /// There is neither a database nor a tor to ask.
    NoSource,
}

impl GeoIpError {
    /// Returns the database that this error is about, if there is one.
    pub fn path(&self) -> Option<&Path> {
        match self {
            GeoIpError::Unreadable { path, .. }
            | GeoIpError::NotADatabase { path }
            | GeoIpError::Damaged { path, .. }
            | GeoIpError::WrongKind { path, .. } => Some(path),
            GeoIpError::NotLoaded { .. } | GeoIpError::NoSource => None,
        }
    }
}

impl fmt::Display for GeoIpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            GeoIpError::Unreadable { path, .. } => {
                write!(f, "the GeoIP database {} cannot be read", path.display())
            }
            GeoIpError::NotADatabase { path } => write!(
                f,
                "{} is no GeoIP database in MaxMind's format (.mmdb): its metadata, which such a file has at its end, is missing. \
                 Was it fetched to the end, and unpacked?",
                path.display()
            ),
            GeoIpError::Damaged { path, ip: None, problem } => {
                write!(f, "the GeoIP database {} is damaged: {problem}", path.display())
            }
            GeoIpError::Damaged { path, ip: Some(ip), problem } => {
                write!(f, "the GeoIP database {} is damaged where {ip} should be: {problem}", path.display())
            }
            GeoIpError::WrongKind { path, wanted, type_name } => {
                write!(f, "the GeoIP database {} holds no {wanted}: it is a {type_name:?}", path.display())
            }
            GeoIpError::NotLoaded { ip, refusal } => {
                let (kind, option) = if ip.is_ipv4() { ("IPv4", "GeoIPFile") } else { ("IPv6", "GeoIPv6File") };
                write!(
                    f,
                    "tor has no GeoIP data for {kind} ({}): set {option}, or use a database",
                    refusal.excerpt()
                )
            }
            GeoIpError::NoSource => f.write_str(
                "there is nothing to look addresses up in: add a database, or a controller whose tor is asked",
            ),
        }
    }
}

impl std::error::Error for GeoIpError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            GeoIpError::Unreadable { source, .. } => Some(&**source),
            _ => None,
        }
    }
}

impl Cause for GeoIpError {
    fn kind(&self) -> ErrorKind {
        match self {
            GeoIpError::Unreadable { .. } => ErrorKind::Io,
            GeoIpError::NotADatabase { .. }
            | GeoIpError::Damaged { .. }
            | GeoIpError::WrongKind { .. } => ErrorKind::Malformed,
            GeoIpError::NotLoaded { .. } | GeoIpError::NoSource => ErrorKind::NotFound,
        }
    }

    fn io_kind(&self) -> io::ErrorKind {
        match self {
            GeoIpError::Unreadable { source, .. } => source.kind(),
            _ => self.kind().io_kind(),
        }
    }

    fn refusal(&self) -> Option<&Refusal> {
        match self {
            GeoIpError::NotLoaded { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}
