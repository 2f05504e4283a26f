//! Prevents a permanent ONION_CLIENT_AUTH_ADD from writing a second file for a
//! service.
//!
//! tor writes the key to `ADDRESS.auth_private` in its `ClientOnionAuthDir`. If
//! a file with another name is for the same service, tor refuses every SETCONF
//! afterwards (`Duplicate authorization`), and exits on SIGNAL RELOAD.

use std::fmt;
use std::fs;
use std::io;
use std::path::Path;

use zeroize::Zeroizing;

use super::Controller;
use super::client_auth::ClientAuth;
use super::latest::Claim;
use super::restorables::Kind;
use super::time_limits::UNDO_WITHIN;
use crate::error::{Cause, Error, ErrorKind, Result};
use crate::io::regular_file;
use crate::io::transport::Address;
use scape_proto::control::{ArgumentError, Refusal};
use scape_proto::word::{ClientKey, OnionAddress};

const OPTION: &str = "ClientOnionAuthDir";
const ENDING: &str = ".auth_private";
/// The maximum size of a file with a key, in bytes. A longer file counts as
/// empty.
const LONGEST: u64 = 4096;

/// The result of searching tor's `ClientOnionAuthDir` for the file with a
/// service's key.
enum Found {
    /// tor can write its file, because no file with another name has a key for
    /// the service.
    Free,
    /// A file for the service exists, but tor would create another file for a
    /// new key. The text is the name of the existing file.
    Other(String),
    /// It isn't known if another file has a key for the service, for example
    /// because this program can't read the directory.
    Unknown,
}

impl Controller {
    /// Finds out if adding a permanent key could lead to two files for the
    /// service. Returns an error if a file with another name has a key for the
    /// service. Returns true if the files can't be read. In that case the
    /// caller must call [`make_room_for`](Self::make_room_for).
    pub(super) fn needs_room_for(&self, auth: &ClientAuth) -> Result<bool> {
        if !auth.permanent {
            return Ok(false);
        }
        match self.find_auth_file(&auth.address)? {
            Found::Free => Ok(false),
            Found::Unknown => Ok(true),
            Found::Other(file) => {
                let why = format!(
                    "has a key in the file {file:?} of {OPTION} already; with a second file tor would refuse every \
                     change of its configuration: remove that file first"
                );
                Err(ArgumentError::invalid("ONION_CLIENT_AUTH_ADD", "service", why).into())
            }
        }
    }

    /// Removes the permanent key that tor has for the service, together with
    /// its file, and returns the key. Returns `None` if tor has no such key.
    /// `claim` is the call's [claim](super::latest) on the key. The claim
    /// ensures that the removed key isn't restored over the key of a later
    /// call.
    pub(super) fn make_room_for(
        &self,
        auth: &ClientAuth,
        claim: &Claim,
    ) -> Result<Option<ClientAuth>> {
        let before = match self.onion_client_auth().get(&auth.address) {
            Ok(before) => before.filter(|before| before.permanent),
            // A filter on the control port may refuse the command. Then tor's
            // key isn't known, and can't be put back.
            Err(error) if error.is::<Refusal>() => None,
            Err(error) => return Err(error),
        };
        if let Some(before) = &before {
            // tor also removes the key's file, whatever its name is. tor may do
            // so even if its answer doesn't come in time.
            if let Err(error) = self.onion_client_auth().remove(&auth.address) {
                // If tor refuses, the key is still there.
                return Err(match error.is::<Refusal>() {
                    true => error,
                    false => self.put_back(before, claim, error),
                });
            }
        }
        Ok(before)
    }

    /// Restores the permanent key that was removed to make room for a new key.
    /// Called if the new key couldn't be added because of `error`. If the
    /// connection has ended, waits until it is open again. Returns the error
    /// for the caller: `error`, or an error that says that the old key may be
    /// lost.
    pub(super) fn put_back(&self, before: &ClientAuth, claim: &Claim, error: Error) -> Error {
        let put_back = match error.is_closed() {
            true => Err(error.clone()),
            false => self.undoing().add_again(before, claim),
        };
        let put_back = match put_back {
            Err(closed) if closed.is_closed() => self.add_again_later(before, claim),
            put_back => put_back,
        };
        match put_back {
            Ok(()) => error,
            Err(why) => {
                let lost = KeyLost { error, address: before.address, why };
                log::warn!(target: "scape::onion", "{lost}");
                lost.into()
            }
        }
    }

    /// Waits until the connection is open again, and restores the key there if
    /// tor has no other key for the service.
    fn add_again_later(&self, before: &ClientAuth, claim: &Claim) -> Result<()> {
        let left = self.deadline().left().max(UNDO_WITHIN);
        let tor = Controller { link: None, ..self.undoing_within(left) };
        tor.connection().wait_open_after(self.link, tor.deadline())?;
        let tor = tor.on_this_link()?;
        // tor may not have removed the key before the connection ended. Its
        // file may have another name, so adding the key again would lead to two
        // files.
        match tor.onion_client_auth().get(&before.address)? {
            Some(_) => Ok(()),
            None => tor.add_again(before, claim),
        }
    }

    /// Adds a key that was removed. Does nothing if a later call has asked for
    /// a key for the same service.
    fn add_again(&self, before: &ClientAuth, claim: &Claim) -> Result<()> {
        let command = before.command()?;
        let name = Kind::ClientAuth(before.address).claimed();
        let sent = claim.undo(|is_latest| is_latest(&name).then(|| self.send_checked(command)));
        sent.transpose()?.map_or(Ok(()), |sent| sent.wait_ok().map(drop))
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

/// The error of a call that has removed a permanent key, has failed to add the
/// new one, and couldn't add the old one again.
#[derive(Debug)]
struct KeyLost {
    /// The error that made the call fail.
    error: Error,
    address: OnionAddress,
    /// The reason why the old key couldn't be added again.
    why: Error,
}

impl fmt::Display for KeyLost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let KeyLost { error, address, why } = self;
        write!(
            f,
            "{error}; the permanent key that tor had for {address} was removed before that and may be lost: {why}; \
             add that key again"
        )
    }
}

impl std::error::Error for KeyLost {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        std::error::Error::source(&self.error)
    }
}

impl Cause for KeyLost {
    fn kind(&self) -> ErrorKind {
        self.error.kind()
    }

    fn refusal(&self) -> Option<&Refusal> {
        self.error.refusal()
    }

    fn parts(&self) -> Vec<&Error> {
        vec![&self.error]
    }
}

/// Looks for a file with a key for this service, other than the file that tor
/// would write.
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
        #[cfg(unix)]
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
