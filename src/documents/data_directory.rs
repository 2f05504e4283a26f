//! [`DataDirectory`]: the documents that a tor has stored.

use std::collections::HashSet;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use scape_proto::netdoc::{ConsensusFlavor, Item};

use super::error::{ReadError, ReadProblem};
use super::found::FoundDocument;
use super::place::Place;
use super::reader::DocumentReader;
use crate::error::Result;

/// The documents that a tor has stored in its `DataDirectory`, or in its
/// `CacheDirectory` if that is another directory.
///
/// tor may be running at the same time. tor replaces most files as a whole, and
/// appends new descriptors to journals, whose names end with `.new`. The
/// methods combine a file with its journal. The last document of a journal may
/// be incomplete if tor is writing it at that moment.
///
/// A missing file counts as a file without documents. tor's role determines
/// which files exist: most clients have microdescriptors only. Only documents
/// are read, never the private keys in the directory.
///
/// ```no_run
/// use scape::documents::DataDirectory;
/// use scape::netdoc::ServerDescriptor;
///
/// let directory = DataDirectory::open("/var/lib/tor")?;
/// for found in directory.server_descriptors()? {
///     let relay = ServerDescriptor::parse(found.text())?;
///     println!("{:?}: {:?}", relay.nickname, relay.platform);
/// }
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct DataDirectory {
    path: PathBuf,
}

impl DataDirectory {
    /// Opens the data directory of a tor. `path` is the directory's path.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    ///
    /// let error = DataDirectory::open("/nowhere").unwrap_err();
    /// assert_eq!(error.kind(), scape::ErrorKind::Io);
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if `path` isn't a directory or can't be read.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self> {
        let path = path.into();
        match path.read_dir() {
            Ok(_) => Ok(DataDirectory { path }),
            Err(error) => {
                let problem = ReadProblem::Io(Arc::new(error));
                Err(ReadError::new(Arc::new(Place::file(path)), 0, problem).into())
            }
        }
    }

    /// Returns the path of the directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the newest server descriptor of each relay, sorted from new to
    /// old. tor stores them in `cached-descriptors` and its journal.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    ///
    /// let relay = |hour, port| format!(
    ///     "router a 127.0.0.1 {port} 0 0\npublished 2026-11-21 {hour}:00:00\n\
    ///     fingerprint 9695 DFC3 5FFE B861 329B 9F1A B04C 4639 7020 CE31\n");
    /// std::fs::write(path.join("cached-descriptors"), relay("03", 9001))?;
    /// std::fs::write(path.join("cached-descriptors.new"), relay("21", 9002))?;
    /// let newest = DataDirectory::open(path)?.server_descriptors()?;
    /// assert_eq!(newest.len(), 1);
    /// assert!(newest[0].text().starts_with(b"router a 127.0.0.1 9002 "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if a file can't be read.
    pub fn server_descriptors(&self) -> Result<Vec<FoundDocument>> {
        self.newest("cached-descriptors", |text| {
            value(text, b"fingerprint").map(|digits| without_spaces(&digits))
        })
    }

    /// Returns the newest extra-info document of each relay, sorted from new to
    /// old. tor stores them in `cached-extrainfo` and its journal.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// # std::fs::write(path.join("cached-extrainfo"), "extra-info a 9695DFC35FFEB861329B9F1AB04C46397020CE31\n")?;
    ///
    /// let newest = DataDirectory::open(path)?.extra_info()?;
    /// assert!(newest[0].text().starts_with(b"extra-info "));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if a file can't be read.
    pub fn extra_info(&self) -> Result<Vec<FoundDocument>> {
        self.newest("cached-extrainfo", |text| {
            let first = Item::parse_all(text).next()?;
            first.words().nth(1).map(<[u8]>::to_vec)
        })
    }

    /// Returns the microdescriptors in `cached-microdescs` and its journal, in
    /// the order in which tor stored them. tor keeps microdescriptors of older
    /// consensuses for a week. No microdescriptor is returned twice.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// # std::fs::write(path.join("cached-microdescs"), "@last-listed 2026-11-21 03:16:05\nonion-key\n")?;
    ///
    /// let all = DataDirectory::open(path)?.microdescriptors()?;
    /// let annotation = all[0].document().annotations().next();
    /// assert_eq!(annotation, Some(&b"@last-listed 2026-11-21 03:16:05"[..]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if a file can't be read.
    pub fn microdescriptors(&self) -> Result<Vec<FoundDocument>> {
        let documents = self.with_journal("cached-microdescs")?;
        Ok(first_of_each(documents, |text| Some(text.to_vec())))
    }

    /// Returns the consensus that tor uses: `cached-consensus` or
    /// `cached-microdesc-consensus`. Returns `None` if tor has stored none of
    /// this flavor.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// use scape::netdoc::ConsensusFlavor;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// # std::fs::write(path.join("cached-microdesc-consensus"), "network-status-version 3 microdesc\n")?;
    ///
    /// let directory = DataDirectory::open(path)?;
    /// assert!(directory.consensus(&ConsensusFlavor::Microdesc)?.is_some());
    /// assert!(directory.consensus(&ConsensusFlavor::Ns)?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if the file can't be read.
    pub fn consensus(&self, flavor: &ConsensusFlavor) -> Result<Option<FoundDocument>> {
        Ok(self.read(&consensus_name("cached", flavor))?.pop())
    }

    /// Returns the consensus that tor can't use yet because it lacks the
    /// certificates for the signatures. Returns `None` if tor has stored no
    /// such consensus of this flavor.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// use scape::netdoc::ConsensusFlavor;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// # std::fs::write(path.join("unverified-consensus"), "network-status-version 3\n")?;
    ///
    /// let directory = DataDirectory::open(path)?;
    /// assert!(directory.unverified_consensus(&ConsensusFlavor::Ns)?.is_some());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if the file can't be read.
    pub fn unverified_consensus(&self, flavor: &ConsensusFlavor) -> Result<Option<FoundDocument>> {
        Ok(self.read(&consensus_name("unverified", flavor))?.pop())
    }

    /// Returns the certificates of the authorities, sorted from new to old. tor
    /// stores them in `cached-certs`. An authority may have several.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// use scape::netdoc::DocumentKind;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    /// # std::fs::write(path.join("cached-certs"), "dir-key-certificate-version 3\n")?;
    ///
    /// let certificates = DataDirectory::open(path)?.certificates()?;
    /// assert_eq!(certificates[0].kind(), Some(DocumentKind::KeyCertificate));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if the file can't be read.
    pub fn certificates(&self) -> Result<Vec<FoundDocument>> {
        let mut documents = self.read("cached-certs")?;
        sort_by_time(&mut documents, b"dir-key-published");
        Ok(documents)
    }

    /// Returns the votes of the last voting round, which an authority has
    /// stored in `v3-status-votes`. The list is empty if this tor isn't an
    /// authority.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    ///
    /// assert!(DataDirectory::open(path)?.votes()?.is_empty()); // this tor is no authority
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if the file can't be read.
    pub fn votes(&self) -> Result<Vec<FoundDocument>> {
        self.read("v3-status-votes")
    }

    /// Returns the network status of all bridges, which a bridge authority has
    /// stored in `networkstatus-bridges`. Returns `None` if there is no such
    /// file.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    ///
    /// assert!(DataDirectory::open(path)?.bridge_network_status()?.is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`ReadError`] if the file can't be read.
    pub fn bridge_network_status(&self) -> Result<Option<FoundDocument>> {
        Ok(self.read("networkstatus-bridges")?.pop())
    }

    /// Returns a reader of the older consensuses and of the consensus diffs
    /// that a directory cache has stored in `diff-cache`. They are compressed,
    /// so the features `gzip`, `xz` and `zstd` are needed. The same document
    /// may be stored in several formats.
    ///
    /// ```
    /// use scape::documents::DataDirectory;
    /// # let directory = tempfile::tempdir()?;
    /// # let path = directory.path();
    ///
    /// for found in DataDirectory::open(path)?.diff_cache() {
    ///     println!("{:?}", found?.kind());
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn diff_cache(&self) -> DocumentReader {
        let path = self.path.join("diff-cache");
        let reader = DocumentReader::new();
        if path.is_dir() { reader.path(path) } else { reader }
    }

    /// Reads a file that contains documents of one kind. A missing file counts
    /// as empty.
    fn read(&self, name: &str) -> Result<Vec<FoundDocument>> {
        let mut found = Vec::new();
        for document in DocumentReader::new().path(self.path.join(name)) {
            match document {
                Ok(document) => found.push(document),
                Err(error) if is_missing(error.get()) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(found)
    }

    /// Returns the documents in tor's file `name`, followed by the newer ones
    /// in the file's journal, `name.new`.
    fn with_journal(&self, name: &str) -> Result<Vec<FoundDocument>> {
        // tor moves documents from the journal to the file. So the journal is
        // read first, and no document is missed.
        let journal = self.read(&format!("{name}.new"))?;
        let mut documents = self.read(name)?;
        documents.extend(journal);
        Ok(documents)
    }

    /// Returns the newest document of each relay in tor's file `name` and its
    /// journal. `relay` returns the relay's identity from a document's text.
    fn newest(
        &self,
        name: &str,
        relay: impl Fn(&[u8]) -> Option<Vec<u8>>,
    ) -> Result<Vec<FoundDocument>> {
        let mut documents = self.with_journal(name)?;
        // If two documents have the same time, the later one in the files is
        // newer. Reversing puts it first, and the sort keeps the order.
        documents.reverse();
        sort_by_time(&mut documents, b"published");
        Ok(first_of_each(documents, relay))
    }
}

/// Returns the documents, but only the first one of those with the same key.
/// Documents without a key are all returned.
fn first_of_each(
    mut documents: Vec<FoundDocument>,
    key: impl Fn(&[u8]) -> Option<Vec<u8>>,
) -> Vec<FoundDocument> {
    let mut known = HashSet::new();
    documents.retain(|document| key(document.text()).is_none_or(|key| known.insert(key)));
    documents
}

/// Sorts documents by the time in their item `keyword`, the newest one first.
/// Documents without the time come last.
fn sort_by_time(documents: &mut [FoundDocument], keyword: &[u8]) {
    // The text of a time sorts like the time.
    documents.sort_by_cached_key(|found| std::cmp::Reverse(value(found.text(), keyword)));
}

/// Returns the arguments of the first item with this keyword, or `None` if the
/// text contains no such item.
fn value(text: &[u8], keyword: &[u8]) -> Option<Vec<u8>> {
    let item = Item::parse_all(text).find(|item| item.keyword() == keyword)?;
    Some(item.arguments().to_vec())
}

fn without_spaces(digits: &[u8]) -> Vec<u8> {
    digits.iter().copied().filter(|digit| *digit != b' ').collect()
}

/// Returns the name of tor's file for a consensus. `state` is the beginning of
/// the name: `cached` or `unverified`.
fn consensus_name(state: &str, flavor: &ConsensusFlavor) -> String {
    match flavor {
        ConsensusFlavor::Ns => format!("{state}-consensus"),
        other => format!("{state}-{other}-consensus"),
    }
}

fn is_missing(error: Option<&ReadError>) -> bool {
    match error.map(ReadError::problem) {
        Some(ReadProblem::Io(error)) => error.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}
