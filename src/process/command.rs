//! The command that starts a tor.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::private_dir::PrivateDir;

/// The name of the torrc in a private directory.
pub(super) const TORRC: &str = "torrc";
/// The name of an empty file that tor reads in place of the system's
/// `torrc-defaults`.
const DEFAULTS: &str = "torrc-defaults";

/// Returns the command for a tor that reads the torrc in `directory` and no
/// other configuration: neither `/etc/tor/torrc` nor `torrc-defaults`.
///
/// A tor whose torrc is missing must end with an error. Never add
/// `--ignore-missing-torrc`: with it, tor would start with its default
/// configuration and connect to the public network. (A missing defaults file is
/// always ignored, and no other file is read in its place.)
pub(super) fn tor_command(program: &Path, directory: &PrivateDir) -> io::Result<Command> {
    let defaults = directory.write(DEFAULTS, b"")?;
    let mut command = Command::new(program);
    command.arg("--defaults-torrc").arg(defaults);
    command.arg("-f").arg(directory.join(TORRC));
    if let Some(path) = library_path(program) {
        command.env("LD_LIBRARY_PATH", path);
    }
    Ok(command)
}

/// Returns the value of `LD_LIBRARY_PATH` for the tor of a Tor Browser. The
/// value begins with the program's directory, which also contains its
/// libraries. The inherited value follows. Returns `None` if the program needs
/// no such value.
fn library_path(program: &Path) -> Option<OsString> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let directory = program.parent()?;
    let has_libraries = fs::read_dir(directory).ok()?.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with("libevent") && name.contains(".so"))
    });
    // /usr/lib and similar directories are searched anyway, and a relative
    // directory may be a different one for tor.
    if !has_libraries || !directory.is_absolute() {
        return None;
    }
    let inherited = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let inherited = env::split_paths(&inherited).filter(|path| path.is_absolute());
    env::join_paths([directory.to_owned()].into_iter().chain(inherited)).ok()
}
