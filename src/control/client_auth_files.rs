//! Prevents a permanent ONION_CLIENT_AUTH_ADD from writing a second file for a
//! service.
//!
//! tor writes the key to `ADDRESS.auth_private` in its `ClientOnionAuthDir`. If
//! a file with another name is for the same service, tor refuses every SETCONF
//! afterwards (`Duplicate authorization`), and exits on SIGNAL RELOAD.

use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::Controller;
use super::client_auth::ClientAuth;
use crate::error::Result;
use crate::io::regular_file;
use crate::io::transport::Address;
use scape_proto::control::{ArgumentError, Refusal};
use scape_proto::word::{ClientKey, OnionAddress};

const OPTION: &str = "ClientOnionAuthDir";
const ENDING: &str = ".auth_private";
/// The maximum size of a file with a key, in bytes.
const LONGEST: u64 = 4096;

/// The result of searching the directory for a service's file.
enum Found {
    /// tor can write its file, because no file with another name is for the
    /// service.
    Free,
    /// A file for the service exists, but tor would create another file for a
    /// new key. The text is the name of the existing file.
    Other(String),
    /// Unknown, for example because this program can't read the directory.
    Unknown,
}

impl Controller {
    /// Makes sure that adding a permanent key doesn't lead to two files for the
    /// service. Returns an error if a file with another name is for the
    /// service.
    ///
    /// If the files can't be read, removes the permanent key that tor has for
    /// the service, and returns the removed key. Otherwise returns `None`.
    pub(super) fn make_room_for(&self, auth: &ClientAuth) -> Result<Option<ClientAuth>> {
        if !auth.permanent {
            return Ok(None);
        }
        match self.find_auth_file(&auth.address)? {
            Found::Free => Ok(None),
            Found::Other(file) => {
                let why = format!(
                    "has a key in the file {file:?} of {OPTION} already; with a second file tor would refuse every \
                     change of its configuration: remove that file first"
                );
                Err(ArgumentError::invalid("ONION_CLIENT_AUTH_ADD", "service", why).into())
            }
            Found::Unknown => {
                let before = match self.onion_client_auth().get(&auth.address) {
                    Ok(before) => before.filter(|before| before.permanent),
                    // A filter on the control port may refuse the command. Then
                    // tor's key isn't known, and can't be put back.
                    Err(error) if error.is::<Refusal>() => None,
                    Err(error) => return Err(error),
                };
                if let Some(before) = &before {
                    // tor also removes the key's file, whatever its name is.
                    // tor may do so even if its answer doesn't come in time.
                    self.onion_client_auth()
                        .remove(&auth.address)
                        .inspect_err(|_| self.put_back(before))?;
                }
                Ok(before)
            }
        }
    }

    /// Restores the permanent key that was removed to make room for a new key.
    /// This is called if tor didn't accept the new key.
    pub(super) fn put_back(&self, before: &ClientAuth) {
        let put_back = before.command().and_then(|command| self.undoing().request(command));
        if let Err(error) = put_back {
            log::warn!(target: "scape::onion", "the client key for {} may be lost: {error}", before.address);
        }
    }

    /// Looks in tor's `ClientOnionAuthDir` for a file with a key for the
    /// service `address`.
    fn find_auth_file(&self, address: &OnionAddress) -> Result<Found> {
        let directory = match self.get_conf(OPTION) {
            Ok(Some(directory)) if !directory.is_empty() => directory,
            // If the option isn't set, tor itself refuses a permanent key. So
            // no file needs to be searched for.
            Ok(_) => return Ok(Found::Free),
            Err(error) if error.is::<Refusal>() => return Ok(Found::Unknown),
            Err(error) => return Err(error),
        };
        // A connection without a known address mostly leads to a tor that this
        // program has launched. So the directory is searched on this machine.
        let is_elsewhere = self.tor_address().is_some_and(|tor| !Address::is_local(tor));
        if is_elsewhere || !Path::new(&directory).is_absolute() {
            return Ok(Found::Unknown);
        }
        Ok(find_in(Path::new(&directory), address))
    }
}

/// Looks for a file for this service, other than the one that tor would write.
fn find_in(directory: &Path, address: &OnionAddress) -> Found {
    let own = address.service_id() + ENDING;
    let Ok(entries) = fs::read_dir(directory) else { return Found::Unknown };
    let mut found = Found::Free;
    for entry in entries {
        let Ok(entry) = entry else { return Found::Unknown };
        let file = entry.file_name().to_string_lossy().into_owned();
        if !file.ends_with(ENDING) || file == own {
            continue;
        }
        match read(&entry.path()) {
            Ok(content) if is_for(&content, address) => return Found::Other(file),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(_) => found = Found::Unknown,
        }
    }
    found
}

/// Reads a short regular file. A long file, and anything that is not a regular
/// file, counts as empty, because tor reads no key from those either.
fn read(path: &Path) -> io::Result<Zeroizing<Vec<u8>>> {
    match regular_file::read(path, LONGEST) {
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::InvalidInput | io::ErrorKind::FileTooLarge
            ) =>
        {
            Ok(Zeroizing::default())
        }
        read => read,
    }
}

/// Returns true if tor would read the content as a key for this service: one
/// line of the form `ADDRESS:descriptor:x25519:KEY`.
fn is_for(content: &[u8], address: &OnionAddress) -> bool {
    let Ok(line) = std::str::from_utf8(content) else { return false };
    let line = line.trim();
    let service = line.split(':').next().and_then(|service| service.parse::<OnionAddress>().ok());
    service.as_ref() == Some(address)
        && line.split(':').count() == 4
        && line.parse::<ClientKey>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use scape_proto::word::OnionKey;

    #[test]
    fn file_with_another_name_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (address, key) = (OnionKey::random().address(), ClientKey::random());
        let write =
            |file: &str, content: &str| fs::write(folder.path().join(file), content).unwrap();
        let line = key.auth_private_line(&address);
        write("notes", &line);
        write(&(address.service_id() + ENDING), &line);
        write("other.auth_private", &key.auth_private_line(&OnionKey::random().address()));
        write("bad.auth_private", &format!("{}:descriptor:x25519:aa", address.service_id()));
        write("long.auth_private", &" ".repeat(5000));
        fs::create_dir(folder.path().join("directory.auth_private")).unwrap();
        #[cfg(unix)]
        std::os::unix::fs::symlink("/dev/zero", folder.path().join("device.auth_private")).unwrap();
        {
            // Nobody writes to the pipe, so opening it would block.
            let fifo = folder.path().join("fifo.auth_private");
            assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        }
        assert!(matches!(find_in(folder.path(), &address), Found::Free));
        write("bob.auth_private", &format!("{}\n", *line));
        assert!(
            matches!(find_in(folder.path(), &address), Found::Other(file) if file == "bob.auth_private")
        );
        assert!(matches!(find_in(&folder.path().join("none"), &address), Found::Unknown));
    }
}
