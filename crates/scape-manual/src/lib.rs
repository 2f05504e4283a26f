//! tor's manual page as data: the meaning of each of tor's options.
//!
//! A running tor tells a controller the names, types and defaults of its
//! options, but not their meanings. The manual page describes them, and most
//! packages of tor install it. [`Manual::installed`] reads the installed page;
//! this crate doesn't contain a copy. The installed page may describe another
//! version of tor than the running one.
//!
//! ```no_run
//! use scape_manual::Manual;
//!
//! let manual = Manual::installed()?;
//! if let Some(entry) = manual.get("socksport") {
//!     println!("{} {}", entry.name(), entry.forms().join(" or ")); // SocksPort [address:]port|unix:path|auto ...
//!     println!("in {}, {:?} by default", entry.section(), entry.default());
//!     println!("{}", entry.help());
//! }
//! # Ok::<(), scape_manual::ManualError>(())
//! ```

mod characters;
mod entry;
mod error;
mod heading;
mod layout;
mod line;
mod places;
mod prose;
mod read;
mod requests;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::slice;

pub use entry::ManualEntry;
pub use error::ManualError;

/// tor's manual: a description of each option.
///
/// ```
/// use scape_manual::Manual;
///
/// let page = br#".SH "GENERAL OPTIONS"
/// .PP
/// \fBTeapots\fR \fINUM\fR
/// .RS 4
/// How many of them\&. Can not be changed while tor is running\&. (Default: 1)
/// .RE
/// "#;
/// let manual = Manual::parse(page);
/// let teapots = manual.get("TEAPOTS").expect("it is there");
/// assert_eq!(teapots.forms(), ["NUM"]);
/// assert_eq!(teapots.summary(), "How many of them.");
/// assert_eq!(teapots.default(), Some("1"));
/// assert!(teapots.is_immutable());
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Manual {
    entries: Vec<ManualEntry>,
    /// The index of each entry. The keys are the options' names in lower case.
    places: HashMap<String, usize>,
}

impl Manual {
    /// Reads tor's manual page that is installed on this machine. See
    /// [`find`](Self::find) for the searched directories, and
    /// [`read`](Self::read) for the supported files.
    ///
    /// ```no_run
    /// use scape_manual::Manual;
    ///
    /// let manual = Manual::installed()?;
    /// if let Some(entry) = manual.get("SocksPort") {
    ///     println!("{}", entry.summary());
    /// }
    /// # Ok::<(), scape_manual::ManualError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ManualError::NotInstalled`] with the searched directories if
    /// no page is installed. Returns the errors of [`read`](Self::read) if the
    /// page can't be read.
    pub fn installed() -> Result<Self, ManualError> {
        Manual::read(Manual::find()?)
    }

    /// Reads the page that was installed together with a tor program. The
    /// search covers `../share/man` and `../man`, as seen from the program's
    /// directory. If `program` is a symbolic link, the directory of its target
    /// is searched in the same way.
    ///
    /// ```no_run
    /// use scape_manual::Manual;
    ///
    /// let manual = Manual::beside("/opt/tor/bin/tor")?;
    /// # Ok::<(), scape_manual::ManualError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`installed`](Self::installed), most often
    /// [`ManualError::NotInstalled`].
    pub fn beside(program: impl AsRef<Path>) -> Result<Self, ManualError> {
        Manual::read(places::beside(program.as_ref())?)
    }

    /// Finds the page in nearly the same way as `man`, and returns its path.
    /// The search begins with the directories of `MANPATH`. Then come
    /// `../share/man` and `../man`, as seen from each directory of `PATH`. The
    /// usual directories of systems and package managers are last. Relative
    /// directories are ignored.
    ///
    /// If all pages are compressed in an unsupported way, this method returns
    /// the path of the first one. [`read`](Self::read) then fails.
    ///
    /// ```no_run
    /// use scape_manual::Manual;
    ///
    /// println!("{}", Manual::find()?.display());
    /// # Ok::<(), scape_manual::ManualError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns [`ManualError::NotInstalled`] with the directories that were
    /// searched.
    pub fn find() -> Result<PathBuf, ManualError> {
        places::find()
    }

    /// Reads a page from a file. The file is either plain text or compressed
    /// with gzip.
    ///
    /// ```no_run
    /// use scape_manual::Manual;
    ///
    /// let manual = Manual::read("/usr/share/man/man1/tor.1.gz")?;
    /// println!("{} options", manual.len());
    /// # Ok::<(), scape_manual::ManualError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error if the file can't be read, is compressed with something
    /// other than gzip, has more than 4 MiB, or doesn't describe any options.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, ManualError> {
        read::read(path.as_ref())
    }

    /// Parses a page from its roff source, as asciidoc, Asciidoctor or people
    /// write it. Text that doesn't describe an option is ignored. Parsing never
    /// fails: without any described option, the manual is empty.
    ///
    /// ```
    /// use scape_manual::Manual;
    ///
    /// let page = br"
    /// .SH CLIENT OPTIONS
    /// .TP
    /// \fBSocksPort\fR \fIPORT\fR
    /// Open this port for SOCKS connections. (Default: 9050)
    /// ";
    /// let manual = Manual::parse(page);
    /// assert_eq!(manual.len(), 1);
    /// assert!(Manual::parse(b"").is_empty());
    /// ```
    pub fn parse(page: &[u8]) -> Self {
        let mut manual = Manual::default();
        for description in layout::descriptions(requests::tokens(&String::from_utf8_lossy(page))) {
            let mut told: Vec<String> = Vec::new();
            for term in description.terms {
                // If an option occurs in several forms, add the description
                // only once.
                let help = if told.contains(&term.name) { "" } else { description.help.as_str() };
                told.push(term.name.clone());
                manual.entry(term.name, &description.section).add(term.form, help);
            }
        }
        manual
    }

    /// Returns the entry with this name. Creates the entry in `section` if it
    /// doesn't exist.
    fn entry(&mut self, name: String, section: &str) -> &mut ManualEntry {
        let next = self.entries.len();
        let place = *self.places.entry(name.to_ascii_lowercase()).or_insert(next);
        if place == next {
            self.entries.push(ManualEntry::new(name, section.to_owned()));
        }
        &mut self.entries[place]
    }

    /// Returns the description of an option. The case of the name is ignored.
    /// Returns `None` if the page doesn't describe the option.
    ///
    /// ```
    /// use scape_manual::Manual;
    ///
    /// # let page = b".SH \"CLIENT OPTIONS\"\n.TP\n\\fBSocksPort\\fR \\fIPORT\\fR\n\
    /// #     Open this port. Set 0 for none. (Default: 9050)\n";
    /// # let manual = Manual::parse(page);
    /// let entry = manual.get("socksport").expect("the page describes it");
    /// assert_eq!(entry.name(), "SocksPort");
    /// assert!(manual.get("NoSuchOption").is_none());
    /// ```
    pub fn get(&self, name: &str) -> Option<&ManualEntry> {
        self.entries.get(*self.places.get(&name.to_ascii_lowercase())?)
    }

    /// Returns all entries in the order of the page.
    pub fn iter(&self) -> slice::Iter<'_, ManualEntry> {
        self.entries.iter()
    }

    /// Returns the number of options that the manual describes.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Returns true if the manual describes no options.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }
}

impl<'a> IntoIterator for &'a Manual {
    type Item = &'a ManualEntry;
    type IntoIter = slice::Iter<'a, ManualEntry>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

#[cfg(test)]
mod tests;
