//! The error of lookups and databases: [`GeoIpError`].

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Cause, ErrorKind};

use scape_proto::control::Refusal;

/// A failed lookup of an address, or a database that can't be used.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum GeoIpError {
    /// The database's file can't be read: it doesn't exist, access to it is
    /// denied, it is too large, or it is not a regular file.
    Unreadable {
        /// The path of the database.
        path: PathBuf,
        /// The operating system's error.
        source: Arc<io::Error>,
    },
    /// The file is not a database in MaxMind's format, or its end is missing.
    NotADatabase {
        /// The path of the file.
        path: PathBuf,
    },
    /// The database is damaged, or its format has an unknown version.
    Damaged {
        /// The path of the database.
        path: PathBuf,
        /// The address that was looked up. `None` if the problem was found when
        /// the database was opened, before any lookup.
        ip: Option<IpAddr>,
        /// The description of the problem, from the package `maxminddb`.
        problem: Box<str>,
    },
    /// The database doesn't have the content that it was added for.
    WrongKind {
        /// The path of the database.
        path: PathBuf,
        /// The required content, for example "countries".
        wanted: &'static str,
        /// The type that the database's metadata names, for example
        /// `GeoLite2-ASN`.
        type_name: Box<str>,
    },
    /// tor has no GeoIP data for this address family: `GeoIPFile` or
    /// `GeoIPv6File` is missing. (On Debian, both are in the package
    /// `tor-geoipdb`.)
    NotLoaded {
        /// The address that was looked up.
        ip: IpAddr,
        /// tor's refusal, with the code 551.
        refusal: Box<Refusal>,
    },
    /// The [`GeoIp`](super::GeoIp) has no source: neither a database nor a tor.
    NoSource,
}

impl GeoIpError {
    /// Returns the path of the database that this error is about. Returns
    /// `None` if the error isn't about a database.
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
                "{} is not a GeoIP database in MaxMind's format (.mmdb): the metadata at its end is missing; \
                 check that the download is complete and unpacked",
                path.display()
            ),
            GeoIpError::Damaged { path, ip: None, problem } => {
                write!(f, "the GeoIP database {} is damaged: {problem}", path.display())
            }
            GeoIpError::Damaged { path, ip: Some(ip), problem } => {
                write!(
                    f,
                    "the GeoIP database {} is damaged at the record for {ip}: {problem}",
                    path.display()
                )
            }
            GeoIpError::WrongKind { path, wanted, type_name } => {
                write!(
                    f,
                    "the GeoIP database {} has no {wanted}: its type is {type_name:?}",
                    path.display()
                )
            }
            GeoIpError::NotLoaded { ip, refusal } => {
                let (kind, option) =
                    if ip.is_ipv4() { ("IPv4", "GeoIPFile") } else { ("IPv6", "GeoIPv6File") };
                write!(
                    f,
                    "tor has no GeoIP data for {kind} ({}): set {option}, or use a database",
                    refusal.excerpt()
                )
            }
            GeoIpError::NoSource => f.write_str(
                "no GeoIP source: add a database, or a controller whose tor can be asked",
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
