//! The directory in which a client keeps its keys for onion services: tor's
//! option `ClientOnionAuthDir`.

use std::path::{Path, PathBuf};

use super::super::private_directory::{Made, PrivateDirectory};
use super::super::reconfigure::reconfigure;
use super::line::{is_zero, parse_auth_private_line};
use super::names::{self, BadAuthFile, BadAuthFileProblem};
use crate::control::Controller;
use crate::error::Result;
use scape_proto::control::{ArgumentError, Command};
use scape_proto::word::{ClientKey, OnionAddress};

const ENDING: &str = ".auth_private";
const OPTION: &str = "ClientOnionAuthDir";

/// The directory of a client's keys for onion services with client
/// authorization: the files `NAME.auth_private` in the `ClientOnionAuthDir` of
/// the client's tor. See tor's manual, "CLIENT AUTHORIZATION".
///
/// tor notices changes only when it reads the files again. To make tor do so,
/// call [`apply`](Self::apply).
///
/// ```no_run
/// use scape::onion::client_auth::ClientAuthDir;
/// use scape::word::ClientKey;
///
/// let controller = scape::connect()?;
/// let keys = match ClientAuthDir::of(&controller)? {
///     Some(keys) => keys,
///     None => ClientAuthDir::at("/var/lib/tor/onion_auth")?,
/// };
/// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid".parse()?;
/// keys.add("blog", &address, &ClientKey::random())?;
/// keys.apply(&controller)?; // then save_conf makes the directory permanent
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuthDir {
    directory: PathBuf,
}

/// A client's key for a service, read from a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientAuthFile {
    /// The file's name, without `.auth_private`.
    pub name: String,
    /// The service that the key is for.
    pub address: OnionAddress,
    /// The private key. `Debug` never shows it.
    pub key: ClientKey,
}

/// The keys in a client's directory. Returned by [`ClientAuthDir::list`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientAuthFileList {
    /// The keys, sorted by name.
    pub keys: Vec<ClientAuthFile>,
    /// The files that can't be used, and each file that is for the same service
    /// as a file in `keys`. With two files for one service, tor refuses every
    /// configuration change.
    pub bad: Vec<BadAuthFile>,
}

impl ClientAuthDir {
    /// Creates a handle for a directory. The directory need not exist, but its
    /// parent must exist before [`add`](Self::add) creates the directory.
    ///
    /// ```
    /// use scape::onion::client_auth::ClientAuthDir;
    ///
    /// let keys = ClientAuthDir::at("/var/lib/tor/onion_auth/")?;
    /// assert_eq!(keys.directory().to_str(), Some("/var/lib/tor/onion_auth"));
    /// assert!(ClientAuthDir::at("onion_auth").is_err()); // not absolute
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the path isn't
    /// absolute, isn't UTF-8, or ends with a space or a backslash.
    pub fn at(directory: impl Into<PathBuf>) -> Result<Self> {
        let directory: PathBuf = directory.into().components().collect();
        let why = match directory.to_str() {
            None => "is not UTF-8, which can't be sent",
            Some(_) if !directory.is_absolute() => {
                "must be absolute: tor has another working directory"
            }
            Some(path) if path.ends_with('\\') || path.ends_with(char::is_whitespace) => {
                "ends with a space or a backslash: tor saves such a value in a way that it reads back differently"
            }
            Some(_) => return Ok(ClientAuthDir { directory }),
        };
        Err(ArgumentError::invalid("ClientAuthDir", "directory", why).into())
    }

    /// Returns a handle for the directory in tor's option `ClientOnionAuthDir`,
    /// or `None` if the option isn't set.
    ///
    /// ```no_run
    /// use scape::onion::client_auth::ClientAuthDir;
    ///
    /// let controller = scape::connect()?;
    /// match ClientAuthDir::of(&controller)? {
    ///     Some(keys) => println!("{}", keys.directory().display()),
    ///     None => println!("ClientOnionAuthDir is not set"),
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the configured
    /// path isn't allowed by [`at`](Self::at), for example because it is
    /// relative to tor's working directory. Otherwise same errors as
    /// [`Controller::get_conf`].
    pub fn of(controller: &Controller) -> Result<Option<Self>> {
        controller
            .get_conf(OPTION)?
            .filter(|directory| !directory.is_empty())
            .map(Self::at)
            .transpose()
    }

    /// Returns the path of the directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns all keys. Files that can't be used are listed separately, in
    /// [`ClientAuthFileList::bad`], and don't cause an error.
    ///
    /// ```
    /// use scape::onion::client_auth::ClientAuthDir;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let directory = folder.path().join("onion_auth");
    /// let list = ClientAuthDir::at(directory)?.list()?;
    /// for file in &list.keys {
    ///     println!("{}: {}", file.name, file.address);
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
    pub fn list(&self) -> Result<ClientAuthFileList> {
        let (files, mut bad) = names::read_all(&self.directory, ENDING)?;
        let mut keys: Vec<ClientAuthFile> = Vec::new();
        for (name, text) in files {
            let problem = match parse_auth_private_line(&text) {
                Ok((address, key)) => match keys.iter().find(|known| known.address == address) {
                    None => {
                        keys.push(ClientAuthFile { name, address, key });
                        continue;
                    }
                    Some(other) => BadAuthFileProblem::SameService { other: other.name.clone() },
                },
                Err(error) => error.into(),
            };
            bad.push(BadAuthFile { file: name + ENDING, problem });
        }
        Ok(ClientAuthFileList { keys, bad })
    }

    /// Writes the key for a service to the file `NAME.auth_private`. The file
    /// is written completely or not at all, with mode 0600. If the file exists
    /// already with the same key and service, it stays unchanged.
    ///
    /// ```
    /// use scape::onion::client_auth::ClientAuthDir;
    /// use scape::word::ClientKey;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let directory = folder.path().join("onion_auth");
    /// let keys = ClientAuthDir::at(directory)?;
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid".parse()?;
    /// let key = ClientKey::random();
    /// keys.add("blog", &address, &key)?;
    /// assert!(keys.add("copy", &address, &key).is_err()); // a second file for the service
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument):
    ///
    /// * if the name can't be a file name, or is in use for another key or
    ///   service;
    /// * if another file is for the same service, because tor would refuse
    ///   every configuration change with both files;
    /// * if the key is all zeros.
    ///
    /// The kind is [`ErrorKind::Io`](crate::ErrorKind::Io) if the directory
    /// can't be read or the file can't be written, or if another thread, or
    /// another program that uses this library, keeps the directory locked for
    /// more than ten seconds.
    pub fn add(&self, name: &str, address: &OnionAddress, key: &ClientKey) -> Result<()> {
        let file = names::file_name("ClientAuthDir", name, ENDING)?;
        if is_zero(key) {
            return refuse("key", "is all zeros, which tor doesn't accept".into());
        }
        let (open, directory) = names::open_or_make(&self.directory)?;
        let added = self.add_to(&open, name, &file, address, key);
        if added.is_err() {
            directory.into_iter().for_each(Made::remove);
        }
        added
    }

    /// Adds a key to the open directory.
    fn add_to(
        &self,
        open: &PrivateDirectory,
        name: &str,
        file: &str,
        address: &OnionAddress,
        key: &ClientKey,
    ) -> Result<()> {
        // Without the lock, two callers could write two files for one service.
        let _lock = names::lock(open, &self.directory)?;
        for known in self.list()?.keys {
            let is_same = known.address == *address && known.key == *key;
            if known.name == name && is_same {
                return Ok(());
            }
            if known.name == name {
                return refuse(
                    "name",
                    format!("{name:?} is in use already: remove the file or choose another name"),
                );
            }
            if known.address == *address {
                let why = format!(
                    "has a key in {:?} already; with two, tor refuses every configuration change",
                    known.name
                );
                return refuse("service", why);
            }
        }
        let _ = names::write(open, &self.directory, file, &key.auth_private_line(address))?;
        Ok(())
    }

    /// Removes the file `NAME.auth_private`. Returns true if the file was
    /// removed, and false if it doesn't exist. Upper and lower case differ, on
    /// every file system.
    ///
    /// ```
    /// use scape::onion::client_auth::ClientAuthDir;
    /// use scape::word::ClientKey;
    ///
    /// # let folder = tempfile::tempdir()?;
    /// # let directory = folder.path().join("onion_auth");
    /// let keys = ClientAuthDir::at(directory)?;
    /// let address = "yvhz3ofkv7gwf5hpzqvhonpr3gbax2cc7dee3xcnt7dmtlx2gu7vyvid".parse()?;
    /// keys.add("blog", &address, &ClientKey::random())?;
    /// assert!(keys.remove("blog")?);
    /// assert!(!keys.remove("blog")?);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the name can't be
    /// a file name, and of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the file can't be removed.
    pub fn remove(&self, name: &str) -> Result<bool> {
        let file = names::file_name("ClientAuthDir", name, ENDING)?;
        match names::open(&self.directory)? {
            Some(open) => names::remove(&open, &self.directory, &file),
            None => Ok(false),
        }
    }

    /// Sets tor's option `ClientOnionAuthDir` to this directory (SETCONF), so
    /// that tor reads the files. Keys that tor has in memory only are kept.
    /// [`save_conf`](Controller::save_conf) makes the option permanent.
    ///
    /// ```no_run
    /// use scape::onion::client_auth::ClientAuthDir;
    ///
    /// let controller = scape::connect()?;
    /// ClientAuthDir::at("/var/lib/tor/onion_auth")?.apply(&controller)?;
    /// controller.save_conf()?;
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a
    /// [`DiskOnionError`](crate::onion::disk::DiskOnionError) (kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused)) if tor refuses. The
    /// error contains tor's refusal and log lines. tor refuses if the directory
    /// doesn't exist or belongs to another user, or if two files are for the
    /// same service. The kind is
    /// [`ErrorKind::Closed`](crate::ErrorKind::Closed) if the connection has
    /// ended.
    pub fn apply(&self, controller: &Controller) -> Result<()> {
        self.apply_without(controller, None)
    }

    pub(super) fn apply_without(
        &self,
        controller: &Controller,
        forget: Option<&OnionAddress>,
    ) -> Result<()> {
        let directory = self.directory.to_str().unwrap_or_default();
        reconfigure(
            controller,
            Command::build("SETCONF").quoted(OPTION, directory).finish()?,
            forget,
        )
    }
}

fn refuse(argument: &'static str, why: String) -> Result<()> {
    Err(ArgumentError::invalid("ClientAuthDir", argument, why).into())
}

#[cfg(test)]
mod tests {
    use std::{fs, thread};

    use super::*;
    use crate::Error;
    use scape_proto::word::OnionKey;

    #[test]
    fn second_key_file_for_a_service_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let keys = ClientAuthDir::at(folder.path().join("auth")).unwrap();
        assert!(keys.list().unwrap().keys.is_empty());
        let (address, key) = (OnionKey::random().address(), ClientKey::random());
        keys.add("blog", &address, &key).unwrap();
        keys.add("blog", &address, &key).unwrap();
        assert!(
            keys.add("blog", &address, &ClientKey::random())
                .unwrap_err()
                .to_string()
                .contains("in use already")
        );
        let error = keys.add("other", &address, &key).unwrap_err().to_string();
        assert!(error.contains("\"blog\" already"), "{error}");
        assert!(keys.add("../other", &OnionKey::random().address(), &key).is_err());
        let zero = ClientKey::from_bytes([0; 32]);
        assert!(keys.add("zero", &OnionKey::random().address(), &zero).is_err());

        let path = folder.path().join("auth/copy.auth_private");
        fs::copy(folder.path().join("auth/blog.auth_private"), &path).unwrap();
        fs::write(folder.path().join("auth/notes"), "").unwrap();
        let list = keys.list().unwrap();
        assert_eq!(list.keys, [ClientAuthFile { name: "blog".into(), address, key: key.clone() }]);
        let bad: Vec<String> = list.bad.iter().map(ToString::to_string).collect();
        assert!(
            bad[0].starts_with("notes: its name")
                && bad[1].starts_with("copy.auth_private: it is for the same")
        );
        assert!(!format!("{list:?}").contains(&**key.to_base32()));
        assert!(
            keys.remove("copy").unwrap()
                && keys.remove("blog").unwrap()
                && !keys.remove("blog").unwrap()
        );
    }

    #[test]
    fn two_threads_do_not_write_two_files_for_one_service() {
        let folder = tempfile::tempdir().unwrap();
        for round in 0..100 {
            let keys = ClientAuthDir::at(folder.path().join(format!("auth{round}"))).unwrap();
            let (address, key) = (OnionKey::random().address(), ClientKey::random());
            thread::scope(|scope| {
                for name in ["one", "two"] {
                    scope.spawn(|| keys.add(name, &address, &key));
                }
            });
            let list = keys.list().unwrap();
            assert_eq!((list.keys.len(), list.bad.len()), (1, 0), "{list:?}");
        }
    }

    #[test]
    fn relative_and_unsavable_directories_are_refused() {
        for bad in ["", "auth", "~/auth", "/srv/auth ", "/srv/auth\\"] {
            assert!(
                ClientAuthDir::at(bad).as_ref().is_err_and(Error::is::<ArgumentError>),
                "{bad:?}"
            );
        }
        assert_eq!(ClientAuthDir::at("/srv/auth/").unwrap().directory(), Path::new("/srv/auth"));
    }
}
