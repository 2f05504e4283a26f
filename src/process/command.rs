//! The command that runs a tor.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

use super::private_dir::PrivateDir;

/// The name of the torrc in a private directory.
pub(super) const TORRC: &str = "torrc";
/// The name of the empty file that stands for `torrc-defaults`.
const DEFAULTS: &str = "torrc-defaults";

/// Returns the command for a tor that reads the torrc in `directory` and no
/// other configuration: neither `/etc/tor/torrc` nor `torrc-defaults`.
///
/// A tor whose torrc is missing must end with an error.
/// `--ignore-missing-torrc` would make it start with its default configuration
/// instead, and so connect to the public network. Never add that option. (A
/// missing file of defaults is ignored in any case, and no other is read in its
/// place.)
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

/// A Tor Browser's tor needs the libraries beside it: its directory before what
/// `LD_LIBRARY_PATH` says.
fn library_path(program: &Path) -> Option<OsString> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let directory = program.parent()?;
    let has_libraries = fs::read_dir(directory).ok()?.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with("libevent") && name.contains(".so"))
    });
    // /usr/lib and the like are looked at anyway, and directories that are not
    // absolute mean others for tor.
    if !has_libraries || !directory.is_absolute() {
        return None;
    }
    let inherited = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let inherited = env::split_paths(&inherited).filter(|path| path.is_absolute());
    env::join_paths([directory.to_owned()].into_iter().chain(inherited)).ok()
}
