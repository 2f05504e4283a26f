//! A database in MaxMind's format. The package that reads it is named here and
//! in `record` only.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use maxminddb::{MaxMindDbError, Reader};
use memchr::memmem;

use super::kind::Contents;
use super::location::{Location, Source};
use super::record::Record;
use crate::error::Result;
use crate::geoip::GeoIpError;
use crate::regular_file;

/// What comes before the metadata, at the end of the file.
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";

/// The largest database that is read: 2 GiB, many times the size of MaxMind's
/// largest.
const LARGEST: u64 = 2 << 30;

/// A database in MaxMind's format, in memory as a whole: the file may be
/// replaced meanwhile. It is cheap to clone.
///
/// Two are equal that are the same opened one.
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
    /// # Errors
    ///
    /// Returns an error with a [`GeoIpError`] (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if the file can't
    /// be read, is not such a database or only a part of one, or is damaged.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        let path = path.as_ref();
        let mut bytes = regular_file::read(path, LARGEST).map_err(|error| {
            GeoIpError::Unreadable { path: path.to_path_buf(), source: Arc::new(error) }
        })?;
        Database::of(path, std::mem::take(&mut *bytes))
    }

    /// A database that is in memory already, such as one that is part of the
    /// program. `path` is what it is called in errors.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
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

    /// Where it was read from.
    pub fn path(&self) -> &Path {
        &self.inner.path
    }

    /// What it says that it is, such as `GeoLite2-City`.
    pub fn type_name(&self) -> &str {
        &self.inner.reader.metadata().database_type
    }

    /// What it holds, by its name; `None` where that does not tell.
    pub fn contents(&self) -> Option<Contents> {
        Contents::of(self.type_name())
    }

    /// When it was made.
    pub fn built(&self) -> Option<SystemTime> {
        self.inner.reader.metadata().build_time().ok()
    }

    /// Adds to `location` what it lacks and this knows.
    pub(super) fn complete(&self, location: &mut Location) -> Result<()> {
        let record = self.record(location)?;
        let source = || Some(Source::Database(self.clone()));
        let before = location.network;
        let mut told = false;
        if location.country_from.is_none() && record.country.is_some() {
            (location.country, location.country_name) = (record.country, record.country_name);
            location.country_from = source();
            told = true;
        }
        if location.city_from.is_none() && (record.city.is_some() || record.coordinates.is_some()) {
            (location.city, location.coordinates) = (record.city, record.coordinates);
            location.city_from = source();
            told = true;
        }
        if location.asn_from.is_none() && record.asn.is_some() {
            (location.asn, location.organization) = (record.asn, record.organization);
            location.asn_from = source();
            told = true;
        }
        if told {
            location.network =
                before.into_iter().chain(record.network).max_by_key(|network| network.prefix());
        }
        Ok(())
    }

    fn record(&self, location: &Location) -> Result<Record> {
        let reader = &self.inner.reader;
        // One of IPv4 knows nothing of others.
        if location.ip.is_ipv6() && reader.metadata().ip_version == 4 {
            return Ok(Record::default());
        }
        let record = reader.lookup(location.ip).and_then(|found| Record::read(&found, location.ip));
        Ok(record.map_err(|error| damaged(&self.inner.path, Some(location), &error))?)
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

fn damaged(path: &Path, location: Option<&Location>, error: &MaxMindDbError) -> GeoIpError {
    GeoIpError::Damaged {
        path: path.to_path_buf(),
        ip: location.map(|location| location.ip),
        problem: error.to_string().into(),
    }
}
