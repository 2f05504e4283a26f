//! A service's `authorized_clients`.

use std::path::{Path, PathBuf};

use super::line::parse_auth_line;
use super::names::{self, BadAuthFile};
use crate::error::Result;
use crate::protocol::ArgumentError;
use crate::word::ClientPublicKey;

const ENDING: &str = ".auth";

/// The clients that may reach an onion service on disk: the files `NAME.auth`
/// in its `authorized_clients`. tor's manual, "CLIENT AUTHORIZATION". From
/// [`DiskOnionService::authorized_clients`](crate::onion::disk::DiskOnionService::authorized_clients).
///
/// As long as there is none, **everybody** may reach the service. tor sees
/// changes when it reads the files again:
/// [`DiskOnionService::reread`](crate::onion::disk::DiskOnionService::reread).
///
/// ```
/// use scape::onion::client_auth::AuthorizedClients;
/// use scape::word::ClientKey;
///
/// # let folder = tempfile::tempdir()?;
/// # let directory = folder.path().join("authorized_clients");
/// let clients = AuthorizedClients::at(directory);
/// clients.add("alice", &ClientKey::random().public_key())?;
/// clients.add("bob", &ClientKey::random().public_key())?;
/// clients.remove("alice")?;
/// let names: Vec<_> = clients.list()?.clients.into_iter().map(|client| client.name).collect();
/// assert_eq!(names, ["bob"]);
/// // Without bob, everybody could reach it: that must be said.
/// assert!(clients.remove("bob").is_err());
/// clients.remove_all()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedClients {
    directory: PathBuf,
}

/// A client that may reach a service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizedClient {
    /// The file's name, without `.auth`.
    pub name: String,
    /// The client's public key.
    pub key: ClientPublicKey,
}

/// The clients that may reach a service. From [`AuthorizedClients::list`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthorizedClientList {
    /// The clients, sorted by name.
    pub clients: Vec<AuthorizedClient>,
    /// The files that tor passes over.
    pub bad: Vec<BadAuthFile>,
}

impl AuthorizedClientList {
    /// Whether everybody may reach the service, since no client is named; bad
    /// files do not count.
    pub fn is_open(&self) -> bool {
        self.clients.is_empty()
    }
}

impl AuthorizedClients {
    /// Those in this directory, `authorized_clients` in the service's. It need
    /// not be there.
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        AuthorizedClients { directory: directory.into() }
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns all clients. Files that can't be used are listed separately, and
    /// are not in the way.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the directory can't be read. (If it doesn't exist, there are no
    /// clients.)
    pub fn list(&self) -> Result<AuthorizedClientList> {
        let (files, mut bad) = names::read_all(&self.directory, ENDING)?;
        let mut clients = Vec::new();
        for (name, text) in files {
            match parse_auth_line(&text) {
                Ok(key) => clients.push(AuthorizedClient { name, key }),
                Err(error) => bad.push(BadAuthFile { file: name + ENDING, problem: error.into() }),
            }
        }
        Ok(AuthorizedClientList { clients, bad })
    }

    /// Lets a client in, under this name. The file is there whole or not at
    /// all, with mode 0600. Returns false if it was there already, with this
    /// key.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the name can't be
    /// a file's name, or is there already with another key, and of the kind
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the directory can't be read
    /// or the file can't be written.
    pub fn add(&self, name: &str, key: &ClientPublicKey) -> Result<bool> {
        let file = names::file_name("AuthorizedClients", name, ENDING)?;
        match self.list()?.clients.into_iter().find(|client| client.name == name) {
            Some(found) if found.key == *key => return Ok(false),
            Some(_) => {
                let why =
                    format!("{name:?} is another client's: remove that first, or choose another");
                return Err(ArgumentError::invalid("AuthorizedClients", "name", why).into());
            }
            None => {}
        }
        names::write(&self.directory, &file, &format!("{}\n", key.auth_line()))?;
        Ok(true)
    }

    /// Removes a client, or a bad file. Returns false if there is none of this
    /// name.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) for the last client,
    /// because without it everybody could reach the service:
    /// [`remove_all`](Self::remove_all) does that. The kind is also
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the name can't be
    /// a file's name. The kind is [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the file can't be removed.
    pub fn remove(&self, name: &str) -> Result<bool> {
        let file = names::file_name("AuthorizedClients", name, ENDING)?;
        let clients = self.list()?.clients;
        if matches!(clients.as_slice(), [last] if last.name == name) {
            let why = "is that of the only client: without it, everybody could reach the service (remove_all does that)";
            return Err(ArgumentError::invalid("AuthorizedClients", "name", why).into());
        }
        names::remove(&self.directory, &file)
    }

    /// Takes all clients away, so that everybody may reach the service, and
    /// gives them. Bad files stay.
    pub fn remove_all(&self) -> Result<Vec<AuthorizedClient>> {
        let clients = self.list()?.clients;
        for client in &clients {
            names::remove(&self.directory, &format!("{}{ENDING}", client.name))?;
        }
        Ok(clients)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::word::ClientKey;

    fn clients() -> (tempfile::TempDir, AuthorizedClients) {
        let folder = tempfile::tempdir().unwrap();
        let clients = AuthorizedClients::at(folder.path().join("authorized_clients"));
        (folder, clients)
    }

    #[test]
    fn bad_files_are_named_and_not_in_the_way() {
        let (_folder, clients) = clients();
        assert!(clients.list().unwrap().is_open());
        let key = ClientKey::random().public_key();
        clients.add("bob", &key).unwrap();
        let at = |name: &str| clients.directory().join(name);
        fs::write(at("bad.auth"), "descriptor:x25519:short").unwrap();
        fs::write(at("notes.txt"), "").unwrap();
        fs::write(at(".auth"), "").unwrap();
        fs::write(at("long.auth"), [b'x'; 10_000]).unwrap();
        fs::create_dir(at("folder.auth")).unwrap();
        let list = clients.list().unwrap();
        assert_eq!(list.clients, [AuthorizedClient { name: "bob".into(), key }]);
        let mut bad: Vec<&str> = list.bad.iter().map(|bad| bad.file.as_str()).collect();
        bad.sort_unstable();
        assert_eq!(bad, [".auth", "bad.auth", "folder.auth", "long.auth", "notes.txt"]);
        assert!(list.bad.iter().any(|bad| bad.to_string()
            == "bad.auth: its key has 5 characters, and a key in base32 has 52"));
        assert!(clients.remove("bad").unwrap() && !clients.remove("bad").unwrap());
    }

    #[test]
    fn nobody_is_replaced_and_nobody_is_the_last_by_mistake() {
        let (_folder, clients) = clients();
        let (one, other) = (ClientKey::random().public_key(), ClientKey::random().public_key());
        assert!(clients.add("bob", &one).unwrap() && !clients.add("bob", &one).unwrap());
        assert!(clients.add("bob", &other).unwrap_err().to_string().contains("another client's"));
        assert!(clients.remove("bob").unwrap_err().to_string().contains("everybody"));
        assert!(clients.add("../bob", &other).is_err() && clients.remove("../../bob").is_err());
        clients.add("carol", &other).unwrap();
        assert!(clients.remove("bob").unwrap());
        assert_eq!(clients.remove_all().unwrap().len(), 1);
        assert!(clients.list().unwrap().is_open());
    }
}
