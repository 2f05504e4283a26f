//! The file of `--graphs`, which keeps the monitor's graphs from one run to the
//! next.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use parking_lot::{Mutex, MutexGuard};
use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::base::failure::Failure;
use crate::commands::shared::files::read_start;
use crate::commands::shared::links::follow_links;
use crate::commands::shared::temporary::without_temporary_name;

use super::data::history::Histories;

/// The version of the format of the graphs file.
const FORM: u32 = 1;
/// The maximum number of bytes that are read from the graphs file. Usually, it
/// has about 150 kilobytes.
const LONGEST: u64 = 4 * 1024 * 1024;
/// The maximum time to wait for another thread that is writing the file.
const PATIENCE: Duration = Duration::from_secs(2);

/// The content of the graphs file, which is JSON.
#[derive(Debug, Serialize, Deserialize)]
struct Kept<T> {
    /// The version of the file's format, [`FORM`].
    scape_graphs: u32,
    /// The time when the file was written, in seconds since 1970.
    saved: u64,
    graphs: T,
}

/// The graphs from the file, and the time when they were written. `None` if the
/// file didn't exist.
#[derive(Debug, Default)]
pub(crate) struct Saved(Option<Kept<Histories>>);

impl Saved {
    /// Returns the graphs, followed by a gap for the time from their writing
    /// until `now`. Returns empty graphs if the file didn't exist.
    pub(crate) fn resume(self, now: SystemTime) -> Histories {
        let Some(mut kept) = self.0 else { return Histories::default() };
        kept.graphs.resume_after(since_1970(now).saturating_sub(kept.saved));
        kept.graphs
    }
}

/// Reads the graphs from the file. A missing file isn't an error: the result is
/// then a [`Saved`] without graphs.
///
/// # Errors
///
/// Returns a failure if the file exists but can't be read, or if it doesn't
/// contain graphs in this version of the format.
pub(crate) fn read(path: &Path) -> Result<Saved, Failure> {
    let text = match read_start(path, LONGEST) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Saved::default()),
        text => {
            text.map_err(|error| Failure::usage(format!("--graphs: {}: {error}", path.display())))?
        }
    };
    let kept: Option<Kept<Histories>> = serde_json::from_str(&text).ok();
    let kept = kept.filter(|kept| kept.scape_graphs == FORM);
    if kept.is_none() {
        let path = path.display();
        let text =
            format!("--graphs: {path} has no graphs that this version can read; name another file");
        return Err(Failure::usage(text));
    }
    Ok(Saved(kept))
}

/// The graphs file, for writing. Threads that write it wait for each other.
#[derive(Debug)]
pub(crate) struct GraphsFile {
    path: PathBuf,
    /// True after [`write_final`](Self::write_final). Another thread may still
    /// have older graphs, which must not replace the final ones.
    is_final: Mutex<bool>,
}

impl GraphsFile {
    pub(crate) fn new(path: PathBuf) -> Self {
        GraphsFile { path, is_final: Mutex::new(false) }
    }

    /// Writes the graphs while the monitor runs. Does nothing after
    /// [`write_final`](Self::write_final). Returns an error message if the file
    /// can't be written.
    pub(crate) fn write(&self, graphs: &Histories, now: SystemTime) -> Result<(), String> {
        match *self.lock()? {
            true => Ok(()),
            false => write(&self.path, graphs, now),
        }
    }

    /// Writes the graphs when the monitor ends. Returns an error message if the
    /// file can't be written.
    pub(crate) fn write_final(&self, graphs: &Histories, now: SystemTime) -> Result<(), String> {
        let mut is_final = self.lock()?;
        *is_final = true;
        write(&self.path, graphs, now)
    }

    /// Locks the file for writing. Returns an error message if another thread
    /// holds the lock for longer than [`PATIENCE`].
    fn lock(&self) -> Result<MutexGuard<'_, bool>, String> {
        let busy = || format!("{}: writing takes too long", self.path.display());
        self.is_final.try_lock_for(PATIENCE).ok_or_else(busy)
    }
}

/// Replaces the graphs file. Only its owner can read the new file. The old file
/// stays until the new one is complete. If `path` is a symbolic link, the link
/// stays, and the file that it leads to is replaced.
fn write(path: &Path, graphs: &Histories, now: SystemTime) -> Result<(), String> {
    let kept = Kept { scape_graphs: FORM, saved: since_1970(now), graphs };
    let text = serde_json::to_string(&kept).map_err(|error| error.to_string())?;
    let real = follow_links(path);
    let folder = match real.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    let written = NamedTempFile::new_in(folder).and_then(|mut file| {
        file.write_all(text.as_bytes())?;
        file.persist(&real).map_err(|error| error.error)
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
        let mut graphs = read(&path).unwrap().resume(at(0));
        graphs.read.push(Some(7));
        write(&path, &graphs, at(1_000)).unwrap();
        let mut graphs = read(&path).unwrap().resume(at(1_001));
        // The gap isn't lost if a monitor ends before its first value.
        write(&path, &graphs, at(1_001)).unwrap();
        graphs = read(&path).unwrap().resume(at(1_002));
        graphs.read.push(Some(8));
        let values: Vec<_> = graphs.read.newest(Interval::Second).collect();
        assert_eq!(values, [Some(8), None, None, Some(7)]);
        // A clock that was set back leaves no gap.
        assert_eq!(read(&path).unwrap().resume(at(5)).read.newest(Interval::Second).count(), 1);
    }

    #[test]
    fn older_graphs_do_not_replace_the_final_ones() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("graphs");
        let file = GraphsFile::new(path.clone());
        let now = SystemTime::UNIX_EPOCH;
        let older = Histories::default();
        let mut newer = Histories::default();
        newer.read.push(Some(7));
        file.write(&older, now).unwrap();
        file.write_final(&newer, now).unwrap();
        file.write(&older, now).unwrap();
        assert_eq!(read(&path).unwrap().resume(now), newer);
    }

    #[cfg(unix)]
    #[test]
    fn symbolic_links_to_the_file_stay() {
        let folder = tempfile::tempdir().unwrap();
        let (link, other) = (folder.path().join("link"), folder.path().join("other"));
        std::fs::create_dir(&other).unwrap();
        std::os::unix::fs::symlink("other/graphs", &link).unwrap();
        for _ in 0..2 {
            write(&link, &Histories::default(), SystemTime::UNIX_EPOCH).unwrap();
            assert!(link.is_symlink() && other.join("graphs").is_file());
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn other_files_are_not_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notes");
        for text in ["my notes", "{}", r#"{"scape_graphs":2,"saved":1,"graphs":{}}"#] {
            std::fs::write(&path, text).unwrap();
            let error = read(&path).unwrap_err();
            assert!(error.message.contains("has no graphs"), "{}", error.message);
        }
        assert!(read(folder.path()).is_err());
        let nowhere = folder.path().join("none/graphs");
        let error = write(&nowhere, &Histories::default(), SystemTime::UNIX_EPOCH).unwrap_err();
        assert!(error.starts_with(&format!("{}: ", nowhere.display())), "{error}");
    }
}
