//! Finds the tor program.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::Result;
use crate::process::{LaunchError, LaunchProblem};

/// The environment variable that names the tor program. It takes precedence
/// over every other place.
pub(super) const PROGRAM_VARIABLE: &str = "SCAPE_TOR";

/// Returns the path of the tor program.
///
/// If the environment variable `SCAPE_TOR` is set, it is the only place that is
/// checked. Otherwise, the first match counts: in `PATH`, then in the
/// directories where systems and package managers install tor, then in a Tor
/// Browser.
///
/// No program is run. The current directory and relative entries of `PATH` are
/// not searched.
///
/// ```no_run
/// let program = scape::process::find_tor()?;
/// println!("{}", program.display());
/// # Ok::<(), scape::Error>(())
/// ```
///
/// # Errors
///
/// Returns an error with [`LaunchProblem::NotFound`] (kind
/// [`ErrorKind::Launch`](crate::ErrorKind::Launch)) if no tor program was
/// found. The error lists the paths that were checked.
#[doc(alias = "find_tor_binary")]
pub fn find_tor() -> Result<PathBuf> {
    search(|name| env::var_os(name).filter(|value| !value.is_empty()), is_program)
}

/// Searches like [`find_tor`], with the environment and the file system as
/// parameters.
fn search(
    variable: impl Fn(&str) -> Option<OsString>,
    is_program: impl Fn(&Path) -> bool,
) -> Result<PathBuf> {
    let places = match variable(PROGRAM_VARIABLE) {
        Some(named) => vec![PathBuf::from(named)],
        None => places(variable),
    };
    match places.iter().find(|place| is_program(place)) {
        Some(program) => Ok(program.clone()),
        None => {
            Err(LaunchError::new(LaunchProblem::NotFound { looked_at: places }, Vec::new()).into())
        }
    }
}

/// Returns the paths to check, in the order of the checks and without
/// duplicates.
fn places(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let program = format!("tor{}", env::consts::EXE_SUFFIX);
    let mut places: Vec<PathBuf> = Vec::new();
    let mut add = |place: PathBuf| {
        if place.is_absolute() && !places.contains(&place) {
            places.push(place);
        }
    };
    if let Some(path) = variable("PATH") {
        env::split_paths(&path).for_each(|directory| add(directory.join(&program)));
    }
    for directory in SYSTEM {
        add(Path::new(directory).join(&program));
    }
    for (root, below) in BROWSERS {
        let root = match root.strip_prefix('$') {
            Some(name) => variable(name).map(PathBuf::from),
            None => Some(PathBuf::from(root)),
        };
        if let Some(root) = root {
            add(root.join(below).join(&program));
        }
    }
    places
}

/// Directories to search in addition to `PATH`, because some users' `PATH`
/// lacks them. Debian's tor is in `/usr/sbin`, and a macOS application doesn't
/// inherit a shell's `PATH`.
#[cfg(not(windows))]
const SYSTEM: &[&str] = &[
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt/homebrew/bin",
    "/opt/local/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "/usr/pkg/bin",
    "/snap/bin",
];
#[cfg(windows)]
const SYSTEM: &[&str] = &[];

/// The places of Tor Browsers: a root, and the directory of the tor program
/// below it. A root that begins with `$` is the value of an environment
/// variable.
#[cfg(target_os = "macos")]
const BROWSERS: &[(&str, &str)] = &[
    ("/Applications", "Tor Browser.app/Contents/MacOS/Tor"),
    ("$HOME", "Applications/Tor Browser.app/Contents/MacOS/Tor"),
    ("/Applications", "Tor Browser.app/Contents/Resources/TorBrowser/Tor"),
];
#[cfg(windows)]
const BROWSERS: &[(&str, &str)] = &[
    ("$ProgramFiles", "Tor"),
    ("$USERPROFILE", r"Desktop\Tor Browser\Browser\TorBrowser\Tor"),
    ("$USERPROFILE", r"OneDrive\Desktop\Tor Browser\Browser\TorBrowser\Tor"),
    ("$LOCALAPPDATA", r"Tor Browser\Browser\TorBrowser\Tor"),
    ("$ProgramFiles", r"Tor Browser\Browser\TorBrowser\Tor"),
];
#[cfg(not(any(windows, target_os = "macos")))]
const BROWSERS: &[(&str, &str)] = &[
    ("$HOME", "tor-browser/Browser/TorBrowser/Tor"),
    ("$HOME", ".local/share/torbrowser/tbb/x86_64/tor-browser/Browser/TorBrowser/Tor"),
    ("$HOME", ".local/share/torbrowser/tbb/aarch64/tor-browser/Browser/TorBrowser/Tor"),
    (
        "$HOME",
        ".var/app/org.torproject.torbrowser-launcher/data/torbrowser/tbb/x86_64/tor-browser/Browser/TorBrowser/Tor",
    ),
    ("/opt", "tor-browser/Browser/TorBrowser/Tor"),
];

/// Returns true if there is an executable file at `path`.
#[cfg(unix)]
fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata()
        .is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// Returns true if there is a file at `path`.
#[cfg(not(unix))]
fn is_program(path: &Path) -> bool {
    path.is_file()
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use super::*;

    fn environment(pairs: &'static [(&str, &str)]) -> impl Fn(&str) -> Option<OsString> {
        move |name| pairs.iter().find(|(n, _)| *n == name).map(|(_, value)| OsString::from(value))
    }

    #[test]
    fn program_variable_is_the_only_place_searched() {
        let set = environment(&[("SCAPE_TOR", "/my/tor"), ("PATH", "/a")]);
        assert_eq!(search(&set, |_| true).unwrap(), Path::new("/my/tor"));
        let error = search(&set, |place| place == Path::new("/a/tor")).unwrap_err();
        let error = error.exact::<LaunchError>().unwrap();
        assert!(
            matches!(error.problem(), LaunchProblem::NotFound { looked_at } if looked_at.len() == 1)
        );
    }

    #[test]
    fn path_is_searched_first_without_its_relative_entries() {
        let set = environment(&[("PATH", "/a::rel:/b:/usr/sbin"), ("HOME", "/home/me")]);
        assert_eq!(search(&set, |p| p.starts_with("/b")).unwrap(), Path::new("/b/tor"));
        assert_eq!(
            search(&set, |p| p.starts_with("/usr/sbin")).unwrap(),
            Path::new("/usr/sbin/tor")
        );
        let error = search(&set, |_| false).unwrap_err().to_string();
        assert!(error.contains("/a/tor, /b/tor, /usr/sbin/tor, /usr/bin/tor"), "{error}");
        assert!(error.contains("/home/me/") && !error.contains("rel/tor"), "{error}");
    }

    #[test]
    fn directory_and_plain_file_are_not_programs() {
        assert!(!is_program(Path::new("/usr")) && !is_program(Path::new("/etc/passwd")));
        assert!(is_program(Path::new("/bin/sh")));
    }
}
