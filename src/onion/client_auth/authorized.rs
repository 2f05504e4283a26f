//! The `authorized_clients` directory of a service.

use std::path::{Path, PathBuf};

use super::super::private_directory::{Made, PrivateDirectory};
use super::line::parse_auth_line;
use super::names::{self, BadAuthFile};
use crate::error::Result;
use scape_proto::control::ArgumentError;
use scape_proto::word::ClientPublicKey;

const ENDING: &str = ".auth";

/// The clients of an onion service on disk: the files `NAME.auth` in the
/// service's `authorized_clients` directory. See tor's manual, "CLIENT
/// AUTHORIZATION". Returned by
/// [`DiskOnionService::authorized_clients`](crate::onion::disk::DiskOnionService::authorized_clients).
///
/// Without any client, **everybody** can connect to the service. tor notices
/// changes only when it reads the files again. To make tor do so, call
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
/// // Without bob, everybody could connect, so this needs another method.
/// assert!(clients.remove("bob").is_err());
/// clients.remove_all()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizedClients {
    directory: PathBuf,
}

/// A client that may connect to a service.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AuthorizedClient {
    /// The file's name, without `.auth`.
    pub name: String,
    /// The client's public key.
    pub key: ClientPublicKey,
}

/// The files in an `authorized_clients` directory: the clients that may
/// connect, and the files that can't be used. Returned by
/// [`AuthorizedClients::list`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AuthorizedClientList {
    /// The clients, sorted by name.
    pub clients: Vec<AuthorizedClient>,
    /// The files that tor skips, and those that this program can't read.
    pub bad: Vec<BadAuthFile>,
}

impl AuthorizedClientList {
    /// Returns true if everybody can connect to the service, because there are
    /// no clients. Malformed files don't count as clients.
    pub fn is_open(&self) -> bool {
        self.clients.is_empty()
    }
}

impl AuthorizedClients {
    /// Creates a handle for the directory `authorized_clients` in a service's
    /// directory. The directory need not exist: [`add`](Self::add) creates it.
    ///
    /// ```
    /// use scape::onion::client_auth::AuthorizedClients;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let service_directory = folder.path();
    /// // let service_directory = Path::new("/var/lib/tor/blog");
    /// let clients = AuthorizedClients::at(service_directory.join("authorized_clients"));
    /// assert!(clients.list()?.is_open()); // no client was added yet
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn at(directory: impl Into<PathBuf>) -> Self {
        AuthorizedClients { directory: directory.into() }
    }

    /// Returns the path of the `authorized_clients` directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns all clients. Files that can't be used are listed separately, in
    /// [`AuthorizedClientList::bad`], and don't cause an error.
    ///
    /// ```
    /// use scape::onion::client_auth::AuthorizedClients;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let directory = folder.path().join("authorized_clients");
    /// let list = AuthorizedClients::at(directory).list()?;
    /// if list.is_open() {
    ///     println!("everybody can connect");
    /// }
    /// for bad in &list.bad {
    ///     println!("{bad}");
    /// }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the directory can't be read. If the directory doesn't exist, the list is
    /// empty.
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

    /// Adds a client by writing the file `NAME.auth`. The file is written
    /// completely or not at all, with mode 0600. Returns true if the client was
    /// added, and false if a client with this name and key exists already.
    ///
    /// ```
    /// use scape::onion::client_auth::AuthorizedClients;
    /// use scape::word::ClientKey;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let directory = folder.path().join("authorized_clients");
    /// let clients = AuthorizedClients::at(directory);
    /// let key = ClientKey::random().public_key();
    /// assert!(clients.add("bob", &key)?);
    /// assert!(!clients.add("bob", &key)?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the name can't be
    /// a file name, or is in use with another key. The kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the directory can't be read
    /// or the file can't be written, for example because a malformed file has
    /// this name. The kind is also [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// another thread, or another program that uses this library, keeps the
    /// directory locked for more than ten seconds.
    pub fn add(&self, name: &str, key: &ClientPublicKey) -> Result<bool> {
        self.add_noting(name, key).map(|(_, file)| file.is_some())
    }

    /// Adds a client like [`add`](Self::add). Returns the directory and the
    /// file, each only if it was made. After an error, neither is left.
    pub(in super::super) fn add_noting(
        &self,
        name: &str,
        key: &ClientPublicKey,
    ) -> Result<(Option<Made>, Option<Made>)> {
        let file = names::file_name("AuthorizedClients", name, ENDING)?;
        let (open, directory) = names::open_or_make(&self.directory)?;
        match self.add_to(&open, name, &file, key) {
            Ok(file) => Ok((directory, file)),
            Err(error) => {
                directory.into_iter().for_each(Made::remove);
                Err(error)
            }
        }
    }

    /// Adds a client to the open directory. Returns the new file, or `None` if
    /// the client exists already.
    fn add_to(
        &self,
        open: &PrivateDirectory,
        name: &str,
        file: &str,
        key: &ClientPublicKey,
    ) -> Result<Option<Made>> {
        let _lock = names::lock(open, &self.directory)?;
        match self.list()?.clients.into_iter().find(|client| client.name == name) {
            Some(found) if found.key == *key => return Ok(None),
            Some(_) => {
                let why =
                    format!("{name:?} belongs to another client: remove it or choose another name");
                return Err(ArgumentError::invalid("AuthorizedClients", "name", why).into());
            }
            None => {}
        }
        names::write(open, &self.directory, file, &format!("{}\n", key.auth_line())).map(Some)
    }

    /// Removes the file of the client with this name, or a malformed file with
    /// this name. Returns true if a file was removed, and false if no such file
    /// exists. Upper and lower case differ, on every file system.
    ///
    /// Calls take turns, also with those of other programs that use this
    /// library. So two callers can't remove the last two clients at once.
    ///
    /// ```
    /// use scape::onion::client_auth::AuthorizedClients;
    /// use scape::word::ClientKey;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let directory = folder.path().join("authorized_clients");
    /// let clients = AuthorizedClients::at(directory);
    /// for name in ["alice", "bob"] {
    ///     clients.add(name, &ClientKey::random().public_key())?;
    /// }
    /// assert!(clients.remove("alice")?);
    /// assert!(clients.remove("bob").is_err()); // the last one
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if this is the last
    /// client, because without it everybody could connect to the service. To
    /// remove the last client, call [`remove_all`](Self::remove_all). The kind
    /// is also [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the name
    /// can't be a file name. The kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the file can't be removed, or
    /// if another thread, or another program that uses this library, keeps the
    /// directory locked for more than ten seconds.
    pub fn remove(&self, name: &str) -> Result<bool> {
        let file = names::file_name("AuthorizedClients", name, ENDING)?;
        let Some(open) = names::open(&self.directory)? else { return Ok(false) };
        // Without the lock, two callers could remove the last two clients.
        let _lock = names::lock(&open, &self.directory)?;
        let clients = self.list()?.clients;
        if matches!(clients.as_slice(), [last] if last.name == name) {
            let why = "is that of the only client: without it, everybody could connect to the service (remove_all allows that)";
            return Err(ArgumentError::invalid("AuthorizedClients", "name", why).into());
        }
        names::remove(&open, &self.directory, &file)
    }

    /// Removes the clients that [`list`](Self::list) returns in `clients`, and
    /// returns them. If no client is left, everybody can connect to the
    /// service. The files in [`AuthorizedClientList::bad`] stay. tor may be
    /// able to read some of them, such as those whose name isn't UTF-8.
    ///
    /// ```
    /// use scape::onion::client_auth::AuthorizedClients;
    /// use scape::word::ClientKey;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let directory = folder.path().join("authorized_clients");
    /// let clients = AuthorizedClients::at(directory);
    /// clients.add("bob", &ClientKey::random().public_key())?;
    /// assert_eq!(clients.remove_all()?.len(), 1);
    /// assert!(clients.list()?.is_open());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the directory can't be read or a file can't be removed, or if another
    /// thread, or another program that uses this library, keeps the directory
    /// locked for more than ten seconds. Some clients may have been removed
    /// before the error.
    pub fn remove_all(&self) -> Result<Vec<AuthorizedClient>> {
        let Some(open) = names::open(&self.directory)? else { return Ok(Vec::new()) };
        let _lock = names::lock(&open, &self.directory)?;
        let clients = self.list()?.clients;
        for client in &clients {
            names::remove(&open, &self.directory, &format!("{}{ENDING}", client.name))?;
        }
        Ok(clients)
    }
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;
    use scape_proto::word::ClientKey;

    fn clients() -> (tempfile::TempDir, AuthorizedClients) {
        let folder = tempfile::tempdir().unwrap();
        let clients = AuthorizedClients::at(folder.path().join("authorized_clients"));
        (folder, clients)
    }

    #[test]
    fn malformed_files_are_listed_without_an_error() {
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
        assert!(
            list.bad.iter().any(|bad| bad.to_string()
                == "bad.auth: its key has 5 characters instead of 52 (base32)")
        );
        assert!(clients.remove("bad").unwrap() && !clients.remove("bad").unwrap());
    }

    #[test]
    fn two_threads_do_not_remove_the_last_two_clients() {
        let (_folder, clients) = clients();
        for _ in 0..100 {
            for name in ["alice", "bob"] {
                clients.add(name, &ClientKey::random().public_key()).unwrap();
            }
            let removed: Vec<bool> = thread::scope(|scope| {
                let remove = ["alice", "bob"].map(|name| scope.spawn(|| clients.remove(name)));
                remove.into_iter().map(|thread| thread.join().unwrap().is_ok()).collect()
            });
            assert_eq!(removed.iter().filter(|removed| **removed).count(), 1);
            assert_eq!(clients.remove_all().unwrap().len(), 1);
        }
    }

    #[cfg(unix)]
    #[test]
    fn last_client_is_not_removed_after_another_program_removed_the_others() {
        use rustix::fs::{FlockOperation, flock};

        let (_folder, clients) = clients();
        for name in ["alice", "bob"] {
            clients.add(name, &ClientKey::random().public_key()).unwrap();
        }
        // The other program has locked the directory before.
        let other = fs::File::open(clients.directory()).unwrap();
        flock(&other, FlockOperation::LockExclusive).unwrap();
        thread::scope(|scope| {
            let removing = scope.spawn(|| clients.remove("alice"));
            fs::remove_file(clients.directory().join("bob.auth")).unwrap();
            flock(&other, FlockOperation::Unlock).unwrap();
            assert!(removing.join().unwrap().unwrap_err().to_string().contains("everybody"));
        });
        assert!(!clients.list().unwrap().is_open());
    }

    /// Removing `BOB` must not remove the file of `bob`, even on a file system
    /// that ignores case, like most of macOS and Windows.
    #[test]
    fn only_client_is_not_removed_by_its_name_in_upper_case() {
        let (_folder, clients) = clients();
        clients.add("bob", &ClientKey::random().public_key()).unwrap();
        assert!(!clients.remove("BOB").unwrap());
        assert!(!clients.list().unwrap().is_open());
    }

    #[test]
    fn client_is_not_replaced_and_last_client_is_not_removed() {
        let (_folder, clients) = clients();
        let (one, other) = (ClientKey::random().public_key(), ClientKey::random().public_key());
        assert!(clients.add("bob", &one).unwrap() && !clients.add("bob", &one).unwrap());
        assert!(clients.add("bob", &other).unwrap_err().to_string().contains("another client"));
        assert!(clients.remove("bob").unwrap_err().to_string().contains("everybody"));
        assert!(clients.add("../bob", &other).is_err() && clients.remove("../../bob").is_err());
        clients.add("carol", &other).unwrap();
        assert!(clients.remove("bob").unwrap());
        assert_eq!(clients.remove_all().unwrap().len(), 1);
        assert!(clients.list().unwrap().is_open());
    }
}
