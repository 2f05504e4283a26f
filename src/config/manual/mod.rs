//! What options mean: tor's manual page, where one is installed. With the
//! feature `manual`.
//!
//! tor itself tells which options it has, of which types, and what they default
//! to ([`Controller::config_names`](crate::Controller::config_names),
//! [`Controller::config_defaults`](crate::Controller::config_defaults)), but
//! not what they are for. Its manual page does, and comes with most packages of
//! tor: [`Manual::installed`] reads it. This library brings no copy. The page
//! may be that of another version than the tor that runs.
//!
//! ```no_run
//! use scape::config::Manual;
//!
//! let manual = Manual::installed()?;
//! if let Some(entry) = manual.get("socksport") {
//!     println!("{} {}", entry.name(), entry.forms().join(" or ")); // SocksPort [address:]port|unix:path|auto ...
//!     println!("in {}, {:?} by default", entry.section(), entry.default());
//!     println!("{}", entry.help());
//! }
//! # Ok::<(), scape::Error>(())
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

use crate::error::Result;

/// tor's manual: what each option means.
///
/// ```
/// use scape::config::Manual;
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
    /// By their names in small letters.
    places: HashMap<String, usize>,
}

impl Manual {
    /// Reads the page that is installed on this machine. See
    /// [`find`](Self::find) for where it is looked for, and
    /// [`read`](Self::read).
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ManualError`] (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if no page is
    /// installed, with the directories that were searched, or if the page can't
    /// be read.
    pub fn installed() -> Result<Self> {
        Manual::read(Manual::find()?)
    }

    /// The page that was installed together with this tor program:
    /// `../share/man` beside it, where it is and where it is linked to.
    ///
    /// # Errors
    ///
    /// As [`installed`](Self::installed).
    pub fn beside(program: impl AsRef<Path>) -> Result<Self> {
        Manual::read(places::beside(program.as_ref())?)
    }

    /// Finds the page as `man` does: in the directories of `MANPATH`, beside
    /// those of `PATH` (`../share/man`), and where systems and package managers
    /// put it.
    ///
    /// # Errors
    ///
    /// Returns an error with [`ManualError::NotInstalled`] (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)), which has the
    /// directories that were searched.
    pub fn find() -> Result<PathBuf> {
        places::find()
    }

    /// Reads a page from a file, which may be compressed with gzip.
    ///
    /// # Errors
    ///
    /// Returns an error with a [`ManualError`] (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)) if the file can't
    /// be read, is compressed in another way, is far larger than any such page,
    /// or describes no options.
    pub fn read(path: impl AsRef<Path>) -> Result<Self> {
        Ok(read::read(path.as_ref())?)
    }

    /// Reads a page from its roff source, as it is written by asciidoc, by
    /// Asciidoctor, or by hand. Whatever is no description of an option is
    /// passed over, and no bytes make it fail.
    pub fn parse(page: &[u8]) -> Self {
        let mut manual = Manual::default();
        for description in layout::descriptions(requests::tokens(&String::from_utf8_lossy(page))) {
            let mut told: Vec<String> = Vec::new();
            for term in description.terms {
                // One that is there in several forms has the text once.
                let help = if told.contains(&term.name) { "" } else { description.help.as_str() };
                told.push(term.name.clone());
                manual.entry(term.name, &description.section).add(term.form, help);
            }
        }
        manual
    }

    /// The entry of this name, a new one where there is none.
    fn entry(&mut self, name: String, section: &str) -> &mut ManualEntry {
        let next = self.entries.len();
        let place = *self.places.entry(name.to_ascii_lowercase()).or_insert(next);
        if place == next {
            self.entries.push(ManualEntry::new(name, section.to_owned()));
        }
        &mut self.entries[place]
    }

    /// What is said of an option, whose name may be in capital or small
    /// letters.
    pub fn get(&self, name: &str) -> Option<&ManualEntry> {
        self.entries.get(*self.places.get(&name.to_ascii_lowercase())?)
    }

    /// All entries, in the page's order.
    pub fn iter(&self) -> slice::Iter<'_, ManualEntry> {
        self.entries.iter()
    }

    /// How many options are described.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether none is.
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
