//! Finds tor's manual page, and the directories that may contain it.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::ManualError;

/// The possible paths of tor's page within a directory of manual pages. The
/// first list has the supported files. Files of the second list are compressed
/// in an unsupported way, and reading one fails with an error that says so.
const FILES: [&[&str]; 2] = [
    &["man1/tor.1", "man1/tor.1.gz"],
    &["man1/tor.1.xz", "man1/tor.1.zst", "man1/tor.1.bz2", "man1/tor.1.lz"],
];

/// The directories of manual pages that operating systems and package managers
/// use.
const SYSTEM: &[&str] = &[
    "/usr/local/share/man",
    "/usr/local/man",
    "/usr/share/man",
    "/opt/homebrew/share/man",
    "/opt/local/share/man",
    "/home/linuxbrew/.linuxbrew/share/man",
    "/usr/pkg/man",
    "/run/current-system/sw/share/man",
];

/// Finds the page that is installed on this machine.
pub(super) fn find() -> Result<PathBuf, ManualError> {
    search(places(|name| env::var_os(name)), Path::is_file)
}

/// Finds the page that was installed together with the tor program at the path
/// `program`.
pub(super) fn beside(program: &Path) -> Result<PathBuf, ManualError> {
    let mut places = Vec::new();
    let linked = program.canonicalize().ok();
    for program in [Some(program), linked.as_deref()].into_iter().flatten() {
        if let Some(directory) = program.parent() {
            add_beside(&mut places, directory);
        }
    }
    search(places, Path::is_file)
}

fn search(places: Vec<PathBuf>, is_file: impl Fn(&Path) -> bool) -> Result<PathBuf, ManualError> {
    for files in FILES {
        let mut candidates =
            places.iter().flat_map(|place| files.iter().map(move |file| place.join(file)));
        if let Some(found) = candidates.find(|candidate| is_file(candidate)) {
            return Ok(found);
        }
    }
    Err(ManualError::NotInstalled { looked_at: places })
}

/// Returns all directories to search, without duplicates and in the order of
/// the search. `variable` returns the value of an environment variable.
fn places(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut places = Vec::new();
    for directory in env::split_paths(&variable("MANPATH").unwrap_or_default()) {
        add(&mut places, directory);
    }
    for directory in env::split_paths(&variable("PATH").unwrap_or_default()) {
        add_beside(&mut places, &directory);
    }
    for directory in SYSTEM {
        add(&mut places, directory.into());
    }
    places
}

/// Adds the manual directories that belong to a directory of programs:
/// `../share/man` and `../man`.
fn add_beside(places: &mut Vec<PathBuf>, directory: &Path) {
    if let Some(parent) = directory.parent() {
        add(places, parent.join("share/man"));
        add(places, parent.join("man"));
    }
}

/// Adds a directory unless it is relative or already present. An empty element
/// of `MANPATH` or `PATH` means the current directory, so it counts as
/// relative.
fn add(places: &mut Vec<PathBuf>, place: PathBuf) {
    if place.is_absolute() && !places.contains(&place) {
        places.push(place);
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;
    use std::fs;

    fn environment(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn environment_variables_come_first_and_relative_paths_are_ignored() {
        let set = environment(&[
            ("MANPATH", "/my/man::rel"),
            ("PATH", "/usr/bin:bin:/here/bin:/usr/sbin"),
        ]);
        let places = places(set);
        let shown: Vec<_> = places.iter().take(6).map(|place| place.to_str().unwrap()).collect();
        assert_eq!(
            shown,
            [
                "/my/man",
                "/usr/share/man",
                "/usr/man",
                "/here/share/man",
                "/here/man",
                "/usr/local/share/man"
            ]
        );
    }

    #[test]
    fn readable_page_comes_first() {
        let places = || vec![PathBuf::from("/a"), PathBuf::from("/b")];
        let found = |files: &'static [&str]| {
            search(places(), move |path| files.iter().any(|file| path == Path::new(file)))
        };
        assert_eq!(
            found(&["/a/man1/tor.1.xz", "/b/man1/tor.1.gz"]).unwrap(),
            Path::new("/b/man1/tor.1.gz")
        );
        assert_eq!(
            found(&["/b/man1/tor.1", "/a/man1/tor.1.gz"]).unwrap(),
            Path::new("/a/man1/tor.1.gz")
        );
        assert_eq!(found(&["/b/man1/tor.1.zst"]).unwrap(), Path::new("/b/man1/tor.1.zst"));
        let error = found(&[]).unwrap_err();
        assert!(error.to_string().contains("/a, /b"), "{error}");
        assert!(matches!(error, ManualError::NotInstalled { .. }));
    }

    #[test]
    fn page_next_to_a_linked_program_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        for directory in ["bin", "cellar/bin", "cellar/share/man/man1"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        fs::write(root.join("cellar/bin/tor"), "").unwrap();
        std::os::unix::fs::symlink(root.join("cellar/bin/tor"), root.join("bin/tor")).unwrap();
        let program = root.join("bin/tor");
        let error = beside(&program).unwrap_err().to_string();
        assert!(error.contains("cellar/share/man"), "{error}");
        fs::write(root.join("cellar/share/man/man1/tor.1"), "").unwrap();
        assert_eq!(beside(&program).unwrap(), root.join("cellar/share/man/man1/tor.1"));
        assert!(beside(Path::new("tor")).is_err());
    }
}
