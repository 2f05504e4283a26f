//! The command that runs a tor.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

use super::private_dir::PrivateDir;

/// The name of the torrc in a private directory.
pub(super) const TORRC: &str = "torrc";

/// A tor that reads the torrc in `directory`, and no other configuration: neither `/etc/tor/torrc` nor `torrc-defaults`.
pub(super) fn tor_command(program: &Path, directory: &PrivateDir) -> Command {
    let mut command = Command::new(program);
    // There is no such file, and that is to be no error: it stands for /etc/tor/torrc-defaults.
    command.arg("--defaults-torrc").arg(directory.join("no-defaults")).arg("--ignore-missing-torrc");
    command.arg("-f").arg(directory.join(TORRC));
    if let Some(path) = library_path(program) {
        command.env("LD_LIBRARY_PATH", path);
    }
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command
}

/// A Tor Browser's tor needs the libraries beside it: its directory before what `LD_LIBRARY_PATH` says.
fn library_path(program: &Path) -> Option<OsString> {
    if !cfg!(target_os = "linux") {
        return None;
    }
    let directory = program.parent()?;
    let has_libraries = fs::read_dir(directory).ok()?.flatten().any(|entry| {
        let name = entry.file_name();
        name.to_str().is_some_and(|name| name.starts_with("libevent") && name.contains(".so"))
    });
    // /usr/lib and the like are looked at anyway, and directories that are not absolute mean others for tor.
    if !has_libraries || !directory.is_absolute() {
        return None;
    }
    let inherited = env::var_os("LD_LIBRARY_PATH").unwrap_or_default();
    let inherited = env::split_paths(&inherited).filter(|path| path.is_absolute());
    env::join_paths([directory.to_owned()].into_iter().chain(inherited)).ok()
}
