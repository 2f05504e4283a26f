//! A client's `ClientOnionAuthDir`.

use std::path::{Path, PathBuf};

use super::super::reconfigure::reconfigure;
use super::line::{is_zero, parse_auth_private_line};
use super::names::{self, BadAuthFile, BadAuthFileProblem};
use crate::controller::Controller;
use crate::error::Result;
use crate::protocol::{ArgumentError, Command};
use crate::word::{ClientKey, OnionAddress};

const ENDING: &str = ".auth_private";
const OPTION: &str = "ClientOnionAuthDir";

/// The directory of a client's keys for onion services that let only certain
/// clients in: the files `NAME.auth_private` in its `ClientOnionAuthDir`. tor's
/// manual, "CLIENT AUTHORIZATION".
///
/// tor sees changes when it reads the files again: [`apply`](Self::apply).
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
/// keys.apply(&controller)?; // and save_conf, where it was not configured
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientAuthDir {
    directory: PathBuf,
}

/// A client's key in a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ClientAuthFile {
    /// The file's name, without `.auth_private`.
    pub name: String,
    /// The service that the key is for.
    pub address: OnionAddress,
    /// The key. It is the secret itself, never shown by `Debug`.
    pub key: ClientKey,
}

/// A client's keys in files. From [`ClientAuthDir::list`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ClientAuthFileList {
    /// The keys, sorted by name.
    pub keys: Vec<ClientAuthFile>,
    /// The files that tor passes over; and any that is for the same service as
    /// another, with which it takes no configuration.
    pub bad: Vec<BadAuthFile>,
}

impl ClientAuthDir {
    /// Names the directory. It need not exist yet, but the one above it must.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the path is not
    /// absolute, is not UTF-8, or ends with a space or a backslash.
    pub fn at(directory: impl Into<PathBuf>) -> Result<Self> {
        let directory: PathBuf = directory.into().components().collect();
        let why = match directory.to_str() {
            None => "is no UTF-8, which cannot be sent",
            Some(_) if !directory.is_absolute() => {
                "must be absolute: a relative one would be another for tor"
            }
            Some(path) if path.ends_with('\\') || path.ends_with(char::is_whitespace) => {
                "ends with a space or a backslash: tor saves such a value so that it reads another one afterwards"
            }
            Some(_) => return Ok(ClientAuthDir { directory }),
        };
        Err(ArgumentError::invalid("ClientAuthDir", "directory", why).into())
    }

    /// The one that a tor is configured with. `None` where it has none.
    ///
    /// # Errors
    ///
    /// As with [`at`](Self::at): one that is relative means nothing to this
    /// program.
    pub fn of(controller: &Controller) -> Result<Option<Self>> {
        controller
            .get_conf(OPTION)?
            .filter(|directory| !directory.is_empty())
            .map(Self::at)
            .transpose()
    }

    /// The directory.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Returns all keys. Files that can't be used are listed separately, and
    /// are not in the way.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind [`ErrorKind::Io`](crate::ErrorKind::Io) if
    /// the directory can't be read. (If it doesn't exist, there are no keys.)
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

    /// Writes a key for a service into a file of this name, which is there
    /// whole or not at all, with mode 0600.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Argument`](crate::ErrorKind::Argument) if the name can't be
    /// a file's name or is there already, if another file is for the same
    /// service, because tor takes no configuration any more with two of them,
    /// or if the key is all zeros. The kind is
    /// [`ErrorKind::Io`](crate::ErrorKind::Io) if the directory can't be read
    /// or the file can't be written.
    pub fn add(&self, name: &str, address: &OnionAddress, key: &ClientKey) -> Result<()> {
        let file = names::file_name("ClientAuthDir", name, ENDING)?;
        let refuse = |argument, why: String| {
            Err(ArgumentError::invalid("ClientAuthDir", argument, why).into())
        };
        if is_zero(key) {
            return refuse("key", "is all zeros, which tor does not take".into());
        }
        for known in self.list()?.keys {
            let is_same = known.address == *address && known.key == *key;
            if known.name == name && is_same {
                return Ok(());
            }
            if known.name == name {
                return refuse(
                    "name",
                    format!("{name:?} is there already: remove that first, or choose another"),
                );
            }
            if known.address == *address {
                let why = format!(
                    "has a key in {:?} already; with two, tor takes no configuration any more",
                    known.name
                );
                return refuse("service", why);
            }
        }
        names::write(&self.directory, &file, &key.auth_private_line(address))
    }

    /// Takes a file away. `false` where there is none of this name.
    pub fn remove(&self, name: &str) -> Result<bool> {
        names::remove(&self.directory, &names::file_name("ClientAuthDir", name, ENDING)?)
    }

    /// Tells a tor that this is its directory, and has it read the files, as
    /// SETCONF does. What tor has of other keys in memory only stays.
    /// [`save_conf`](Controller::save_conf) makes the option last.
    ///
    /// # Errors
    ///
    /// Returns an error with a
    /// [`DiskOnionError`](crate::onion::disk::DiskOnionError) (kind
    /// [`ErrorKind::Config`](crate::ErrorKind::Config)), which has tor's
    /// refusal and what it logged, if the directory doesn't exist or is not
    /// tor's, or if two files are for the same service.
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

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::Error;
    use crate::word::OnionKey;

    #[test]
    fn there_is_one_file_for_a_service() {
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
                .contains("there already")
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
    fn directories_that_tor_would_not_find_again_are_refused() {
        for bad in ["", "auth", "~/auth", "/srv/auth ", "/srv/auth\\"] {
            assert!(
                ClientAuthDir::at(bad).as_ref().is_err_and(Error::is::<ArgumentError>),
                "{bad:?}"
            );
        }
        assert_eq!(ClientAuthDir::at("/srv/auth/").unwrap().directory(), Path::new("/srv/auth"));
    }
}
