//! Databases in MaxMind's format. Only this module and `record` use the package
//! `maxminddb`, which reads them.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use maxminddb::{MaxMindDbError, Reader};
use memchr::memmem;

use super::kind::Contents;
use super::record::Record;
use crate::error::Result;
use crate::geoip::GeoIpError;
use crate::io::regular_file;

/// The bytes that precede the metadata at the end of a database.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// The size limit for a database: 2 GiB, many times the size of MaxMind's
/// largest database.
const LARGEST: u64 = 2 << 30;

/// A database in MaxMind's format.
///
/// The whole database is read into memory, so its file may be replaced while
/// the database is in use. A `Database` is cheap to clone. Two databases are
/// equal if both are clones of the same `Database` value. Opening a file twice
/// gives databases that aren't equal.
#[derive(Clone)]
pub struct Database {
    inner: Arc<Inner>,
}

struct Inner {
    path: PathBuf,
    reader: Reader<Vec<u8>>,
}

impl Database {
    /// Reads a database from a file.
    ///
    /// ```
    /// use scape::ErrorKind;
    /// use scape::geoip::Database;
    ///
    /// let error = Database::open("/nowhere/GeoLite2-City.mmdb").unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Io);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`GeoIpError`]. The kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file can't be read, isn't
    /// a regular file or is larger than 2 GiB. The kind is
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed) if the file is not
    /// a database in MaxMind's format, is incomplete, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut bytes = regular_file::read(path, LARGEST).map_err(|error| {
            GeoIpError::Unreadable { path: path.to_path_buf(), source: Arc::new(error) }
        })?;
        Database::of(path, std::mem::take(&mut *bytes))
    }

    /// Creates a database from bytes in memory, for example from a file that is
    /// compiled into the program. `path` is the name of the database in error
    /// messages. No file is read from it.
    ///
    /// ```
    /// use scape::ErrorKind;
    /// use scape::geoip::Database;
    ///
    /// let error = Database::from_bytes("built-in.mmdb", b"something else".to_vec()).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Malformed);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`GeoIpError`] (kind
    /// [`ErrorKind::Malformed`](crate::ErrorKind::Malformed)) if the bytes are
    /// not a database in MaxMind's format, or if they are incomplete or
    /// damaged.
    pub fn from_bytes(path: impl Into<PathBuf>, bytes: impl Into<Vec<u8>>) -> Result<Self> {
        Database::of(&path.into(), bytes.into())
    }

    fn of(path: &Path, bytes: Vec<u8>) -> Result<Self> {
        if memmem::rfind(&bytes, MARKER).is_none() {
            return Err(GeoIpError::NotADatabase { path: path.to_path_buf() }.into());
        }
        let reader = Reader::from_source(bytes).map_err(|error| damaged(path, None, &error))?;
        Ok(Database { inner: Arc::new(Inner { path: path.to_path_buf(), reader }) })
    }

    /// Returns the path that the database was read from, or the path that
    /// [`from_bytes`](Self::from_bytes) was called with.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// Returns the database's type as its metadata names it, for example
    /// `GeoLite2-City`.
    pub fn type_name(&self) -> &str {
        &self.inner.reader.metadata().database_type
    }

    /// Returns the content that the [type name](Self::type_name) suggests, or
    /// `None` if the type name is unknown.
    pub fn contents(&self) -> Option<Contents> {
        Contents::of(self.type_name())
    }

    /// Returns the time at which the database was built, as the metadata states
    /// it. Returns `None` if the time is too large for a [`SystemTime`] on this
    /// operating system.
    pub fn built(&self) -> Option<SystemTime> {
        self.inner.reader.metadata().build_time().ok()
    }

    /// Reads the record of an address. The record is empty if the database
    /// doesn't contain the address.
    pub(super) fn record(&self, ip: IpAddr) -> Result<Record> {
        let reader = &self.inner.reader;
        // A database of IPv4 addresses contains no IPv6 addresses.
        if ip.is_ipv6() && reader.metadata().ip_version == 4 {
            return Ok(Record::default());
        }
        let record = reader.lookup(ip).and_then(|found| Record::read(&found, ip));
        Ok(record.map_err(|error| damaged(&self.inner.path, Some(ip), &error))?)
    }
}

impl PartialEq for Database {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.inner, &other.inner)
    }
}

impl Eq for Database {}

impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database")
            .field("path", &self.path())
            .field("type_name", &self.type_name())
            .finish()
    }
}

fn damaged(path: &Path, ip: Option<IpAddr>, error: &MaxMindDbError) -> GeoIpError {
    GeoIpError::Damaged { path: path.to_path_buf(), ip, problem: error.to_string().into() }
}
