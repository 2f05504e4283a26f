//! The file in which graphs are saved while the monitor isn't running.

use std::io::{self, Write as _};
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::base::failure::Failure;
use crate::commands::shared::files::read_start;
use crate::commands::shared::temporary::without_temporary_name;

use super::data::history::Histories;

/// The version of the file's format.
const FORM: u32 = 1;
/// The maximum number of bytes that are read. A file has about 150 kilobytes.
const LONGEST: u64 = 4 * 1024 * 1024;

/// The content of the file, in JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<T> {
    /// The version of the file's format, [`FORM`].
    scape_graphs: u32,
    /// The time of writing, in seconds since 1970.
    saved: u64,
    graphs: T,
}

/// Reads the graphs, and leaves a gap for the time since they were written.
/// Returns empty graphs if the file doesn't exist.
///
/// # Errors
///
/// Returns a failure if the file can't be read, or if it doesn't contain graphs
/// in this version of the format.
pub(crate) fn read(path: &Path, now: SystemTime) -> Result<Histories, Failure> {
    let text = match read_start(path, LONGEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Histories::default()),
        text => {
            text.map_err(|error| Failure::usage(format!("--graphs: {}: {error}", path.display())))?
        }
    };
    let kept: Option<Kept<Histories>> = serde_json::from_str(&text).ok();
    let Some(mut kept) = kept.filter(|kept| kept.scape_graphs == FORM) else {
        let path = path.display();
        let text =
            format!("--graphs: {path} has no graphs that this version can read; name another file");
        return Err(Failure::usage(text));
    };
    let now = since_1970(now);
    kept.graphs.resume_after(now.saturating_sub(kept.saved));
    Ok(kept.graphs)
}

/// Replaces the file. Only its owner can read it. The old file stays until the
/// new one is complete.
pub(crate) fn write(path: &Path, graphs: &Histories, now: SystemTime) -> Result<(), String> {
    let kept = Kept { scape_graphs: FORM, saved: since_1970(now), graphs };
    let text = serde_json::to_string(&kept).map_err(|error| error.to_string())?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.persist(path).map_err(|error| error.error)
    });
    match written {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{}: {}", path.display(), without_temporary_name(&error))),
    }
}

fn since_1970(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::monitor::data::history::Interval;

    #[test]
    fn graphs_go_on_after_a_gap() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("graphs");
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        let mut graphs = read(&path, at(0)).unwrap();
        graphs.read.push(Some(7));
        write(&path, &graphs, at(1_000)).unwrap();
        let mut graphs = read(&path, at(1_002)).unwrap();
        graphs.read.push(Some(8));
        let values: Vec<_> = graphs.read.newest(Interval::Second).collect();
        assert_eq!(values, [Some(8), None, None, Some(7)]);
        // A clock that was set back leaves no gap.
        assert_eq!(read(&path, at(5)).unwrap().read.newest(Interval::Second).count(), 1);
    }

    #[test]
    fn other_files_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        for text in ["my notes", "{}", r#"{"scape_graphs":2,"saved":1,"graphs":{}}"#] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path, SystemTime::UNIX_EPOCH).unwrap_err();
            assert!(error.message.contains("has no graphs"), "{}", error.message);
        }
        assert!(read(folder.path(), SystemTime::UNIX_EPOCH).is_err());
        let nowhere = folder.path().join("none/graphs");
        let error = write(&nowhere, &Histories::default(), SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(error.starts_with(&format!("{}: ", nowhere.display())), "{error}");
    }
}
