//! Directory documents in files: CollecTor's archives, compressed files, and
//! tor's data directory.
//!
//! [`DocumentReader`] is an iterator over the documents in any number of files,
//! directories and streams. Each [`FoundDocument`] has the document's place,
//! kind and text, which the parsers in [`netdoc`](crate::netdoc) take.
//! [`DataDirectory`] knows the files that tor stores its documents in.
//!
//! This program counts the documents of an archive by their kind:
//!
//! ```
//! use scape::documents::DocumentReader;
//! use std::collections::BTreeMap;
//!
//! # let directory = tempfile::tempdir()?;
//! # let archive = directory.path().join("server-descriptors-2026-11.tar.xz");
//! # std::fs::write(&archive, "@type server-descriptor 1.0\nrouter a 127.0.0.1 1 0 0\n")?;
//! let mut counts = BTreeMap::new();
//! for found in DocumentReader::new().path(&archive) {
//!     match found {
//!         Ok(found) => {
//!             let kind = found.kind().map_or("unknown".into(), |kind| kind.to_string());
//!             *counts.entry(kind).or_insert(0) += 1;
//!         }
//!         // The reader goes on with the next member of the archive.
//!         Err(error) => eprintln!("{error:?}"),
//!     }
//! }
//! for (kind, count) in &counts {
//!     println!("{kind}: {count}");
//! }
//! # assert_eq!(counts["server descriptor"], 1);
//! # Ok::<(), std::io::Error>(())
//! ```
//!
//! # Formats
//!
//! | format | feature |
//! |---|---|
//! | plain text | none |
//! | tar archives | `tar` |
//! | gzip | `gzip` |
//! | bzip2 | `bzip2` |
//! | xz, also in the older format `.lzma` | `xz` |
//! | zstd | `zstd` |
//!
//! The feature `archives` enables all of them. Without a feature, a file in the
//! format is a [`ReadError`] that names the feature. Formats are recognized by
//! the content of a file, not by its name.
//!
//! The files in tor's `diff-cache` begin with labels. They are recognized, and
//! the documents in them are decompressed.
//!
//! # Memory and time
//!
//! All files are read from front to back, in parts. Archives may have any size,
//! because only the next document is kept
//! ([`longest`](DocumentReader::longest)). So a small file that decompresses to
//! very much data can't exhaust the memory. To bound the time, use a
//! [`CancelToken`](crate::CancelToken).

// Start reading at `file.rs`, which reads one file. `reader.rs` goes from file
// to file. A file is a chain of readers (`trace.rs`): the file, decoders
// (`decoders.rs`), archives (`archive.rs`).

mod archive;
mod data_directory;
mod decoders;
#[cfg(feature = "http")]
mod directory_client;
#[cfg(feature = "http")]
mod directory_error;
#[cfg(feature = "http")]
mod directory_requests;
mod error;
mod file;
mod format;
mod found;
mod labels;
mod names;
mod path_text;
mod place;
mod progress;
mod reader;
mod seen;
mod trace;
mod walk;
#[cfg(feature = "zstd")]
mod zstd;

pub use data_directory::DataDirectory;
#[cfg(feature = "http")]
pub use directory_client::DirectoryClient;
#[cfg(feature = "http")]
pub use directory_error::{DirectoryError, DirectoryFailure, DirectoryProblem};
pub use error::{ReadError, ReadProblem};
pub use format::Format;
pub use found::FoundDocument;
pub use progress::Progress;
pub use reader::DocumentReader;
pub use seen::{ParseSeenFilesError, SeenFiles};
