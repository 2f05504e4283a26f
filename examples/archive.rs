//! Counts the directory documents in files, directories and archives.
//!
//! ```text
//! cargo run --release --features archives --example archive -- FILE...
//! ```
//!
//! Prints a line for each file with the number of documents of each kind, and
//! the progress on standard error.
#![allow(clippy::print_stdout, clippy::print_stderr)]

use std::collections::BTreeMap;
use std::path::PathBuf;

use scape::documents::{DocumentReader, ReadError};

fn main() {
    let mut reader = DocumentReader::new().on_progress(|progress| {
        let percent = match progress.total_bytes() {
            Some(total) if total > 0 => progress.bytes_read() * 100 / total,
            _ => 100,
        };
        eprint!("\r{percent:3} %, {} documents", progress.documents());
    });
    for path in std::env::args_os().skip(1) {
        reader = reader.path(path);
    }

    // Count the documents by file, then by kind.
    let mut files: BTreeMap<PathBuf, BTreeMap<String, u64>> = BTreeMap::new();
    for found in reader {
        let (path, kind) = match found {
            Ok(found) => {
                let kind = found.kind().map_or("of unknown kind".into(), |kind| kind.to_string());
                (found.path().to_path_buf(), kind)
            }
            Err(error) => {
                eprintln!("\r{error:?}");
                let path = error.get::<ReadError>().map(|error| error.path().to_path_buf());
                (path.unwrap_or_default(), "errors".into())
            }
        };
        *files.entry(path).or_default().entry(kind).or_default() += 1;
    }

    eprintln!();
    for (path, kinds) in files {
        let counts: Vec<String> =
            kinds.iter().map(|(kind, count)| format!("{kind}: {count}")).collect();
        println!("{}: {}", path.display(), counts.join(", "));
    }
}
