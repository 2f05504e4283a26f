//! The directory of a service: checks of the directory, and files written to
//! it, before the service is added to tor.

use std::fs::{self, Metadata};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::super::client_auth::AuthorizedClients;
use super::super::private_directory::{Made, PrivateDirectory};
use super::super::private_file;
use super::file_names::{AUTHORIZED_CLIENTS, HOSTNAME, OB_CONFIG, PUBLIC_KEY, SECRET_KEY};
use super::files::DiskOnionFiles;
use super::value::DiskOnion;
use crate::error::{Error, Result};
use crate::onion::disk::{DiskOnionError, DiskOnionProblem};
use scape_proto::word::{OnionAddress, OnionKey};

/// The files and directories that were created for a service before it was
/// added to tor. Dropping a `Prepared` removes them.
#[derive(Debug, Default)]
pub(super) struct Prepared {
    made: Vec<Made>,
}

impl Prepared {
    /// Keeps the files and directories, because tor has, or may have, the
    /// service now.
    pub(super) fn keep(mut self) {
        self.made.clear();
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // A directory was made before its content.
        self.made.drain(..).rev().for_each(Made::remove);
    }
}

/// Prepares a service's directory before the service is added to tor. Checks
/// that tor would neither exit nor replace the key. Creates the directory and
/// writes `files` to it. `tor` is the user that tor runs as, if it is known.
pub(super) fn prepare(
    service: &DiskOnion,
    files: &DiskOnionFiles,
    tor: Option<u32>,
) -> Result<Prepared> {
    let directory = service.directory();
    let problem = |problem| Error::from(DiskOnionError::new(directory, problem));
    let mut prepared = Prepared::default();
    match fs::metadata(directory) {
        Ok(found) if !found.is_dir() => return Err(problem(DiskOnionProblem::NotADirectory)),
        Ok(found) => check_inside(directory, &found, tor).map_err(problem)?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            make(directory, tor, !files.is_empty(), &mut prepared).map_err(problem)?;
        }
        // tor may have access where this program has none.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && files.is_empty() => {}
        Err(error) => return Err(problem(failed("inspecting the directory", error))),
    }
    if !files.is_empty() {
        put_all(directory, files, tor, &mut prepared)?;
    }
    Ok(prepared)
}

/// Writes the key, the clients and the frontends in `files` to the service's
/// directory. Adds each created file to `prepared`.
fn put_all(
    directory: &Path,
    files: &DiskOnionFiles,
    tor: Option<u32>,
    prepared: &mut Prepared,
) -> Result<()> {
    let problem = |problem| Error::from(DiskOnionError::new(directory, problem));
    let io = |error| problem(failed("opening the directory", error));
    let open = PrivateDirectory::open(directory).map_err(io)?;
    // tor's user may have replaced the directory since it was checked.
    if let Some(not_tors) = not_tors(&open.metadata().map_err(io)?, tor) {
        return Err(problem(not_tors));
    }
    let place = Place { path: directory, open };
    if let Some(key) = &files.key {
        put_key(&place, key, prepared).map_err(problem)?;
    }
    put_clients(directory, files, prepared)?;
    put_frontends(&place, files, prepared).map_err(problem)
}

/// A service's directory: the path, for reading and errors, and the open
/// directory, to which files are written.
struct Place<'a> {
    path: &'a Path,
    open: PrivateDirectory,
}

/// Creates the directory if this program may give it to tor's user, or if
/// `must` is true. Otherwise only checks that tor can create it.
fn make(
    directory: &Path,
    tor: Option<u32>,
    must: bool,
    prepared: &mut Prepared,
) -> Result<(), DiskOnionProblem> {
    let parent = directory.parent().unwrap_or(directory);
    let above = match fs::metadata(parent) {
        Ok(above) if above.is_dir() => above,
        // tor may have access where this program has none.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !must => return Ok(()),
        _ => return Err(DiskOnionProblem::ParentMissing),
    };
    if must || may_give_to(tor) {
        let name = directory.file_name().ok_or(DiskOnionProblem::NotADirectory)?;
        let open = PrivateDirectory::open(parent);
        let made = open.and_then(|parent| Made::directory(&parent, name, tor));
        let (_, made) = made.map_err(|error| failed("creating the directory", error))?;
        prepared.made.push(made);
        return Ok(());
    }
    if may_write(&above, tor) { Ok(()) } else { Err(DiskOnionProblem::ParentNotWritable) }
}

/// Returns an error if the owner, the mode or the content of an existing
/// directory would make tor exit or replace the key.
fn check_inside(
    directory: &Path,
    found: &Metadata,
    tor: Option<u32>,
) -> Result<(), DiskOnionProblem> {
    if let Some(problem) = not_tors(found, tor) {
        return Err(problem);
    }
    if let Some(mode) = mode(found).filter(|mode| mode & 0o700 != 0o700 && tor != Some(0)) {
        return Err(DiskOnionProblem::Permissions { mode });
    }
    if let Ok(clients) = fs::metadata(directory.join(AUTHORIZED_CLIENTS))
        && (!clients.is_dir() || not_tors(&clients, tor).is_some())
    {
        return Err(DiskOnionProblem::AuthorizedClients);
    }
    match secret_key(directory) {
        Err(problem @ DiskOnionProblem::BadKey { .. }) => Err(problem),
        // The file doesn't exist, or this program can't read it.
        _ => Ok(()),
    }
}

/// Looks for a problem with the service's directory that may explain tor's
/// refusal. Returns `None` if no such problem is found.
pub(super) fn explain(service: &DiskOnion, tor: Option<u32>) -> Option<DiskOnionProblem> {
    let found = fs::metadata(service.directory()).ok()?;
    if !found.is_dir() {
        return Some(DiskOnionProblem::NotADirectory);
    }
    let others = if service.settings().dir_group_readable == Some(true) { 0o027 } else { 0o077 };
    let too_open = mode(&found).filter(|mode| mode & others != 0);
    not_tors(&found, tor).or_else(|| too_open.map(|mode| DiskOnionProblem::Permissions { mode }))
}

fn put_key(
    place: &Place<'_>,
    key: &OnionKey,
    prepared: &mut Prepared,
) -> Result<(), DiskOnionProblem> {
    let address = key.address();
    match secret_key(place.path) {
        Ok(found) if found == *key => return Ok(()),
        Ok(found) => return Err(DiskOnionProblem::OtherKey(found.address())),
        Err(problem) if !is_missing(&problem) => return Err(problem),
        Err(_) => {}
    }
    match public_key(place.path) {
        Ok(found) if found == address => {}
        Ok(found) => return Err(DiskOnionProblem::OtherKey(found)),
        Err(problem) if !is_missing(&problem) => return Err(problem),
        Err(_) => put(place, PUBLIC_KEY, &address.to_public_key_file(), prepared)?,
    }
    // Write the secret key last: without it, the directory has no key.
    put(place, SECRET_KEY, &key.to_secret_key_file(), prepared)
}

fn put_clients(directory: &Path, files: &DiskOnionFiles, prepared: &mut Prepared) -> Result<()> {
    let clients = AuthorizedClients::at(directory.join(AUTHORIZED_CLIENTS));
    for (name, key) in &files.clients {
        let (directory, file) = clients.add_noting(name, key)?;
        prepared.made.extend(directory.into_iter().chain(file));
    }
    Ok(())
}

/// Writes `ob_config`. An existing file isn't overwritten: if its content
/// differs, an error is returned.
fn put_frontends(
    place: &Place<'_>,
    files: &DiskOnionFiles,
    prepared: &mut Prepared,
) -> Result<(), DiskOnionProblem> {
    if files.frontends.is_empty() {
        return Ok(());
    }
    let config = files.ob_config();
    match read(place.path, OB_CONFIG) {
        Ok(found) if *found == config.as_bytes() => Ok(()),
        Ok(_) => Err(DiskOnionProblem::OtherFrontends),
        Err(problem) if !is_missing(&problem) => Err(problem),
        Err(_) => put(place, OB_CONFIG, config.as_bytes(), prepared),
    }
}

fn put(
    place: &Place<'_>,
    name: &str,
    content: &[u8],
    prepared: &mut Prepared,
) -> Result<(), DiskOnionProblem> {
    let made = Made::file(&place.open, name, content);
    prepared.made.push(made.map_err(|error| failed(&format!("writing {name}"), error))?);
    Ok(())
}

/// Reads the service's secret key.
pub(super) fn secret_key(directory: &Path) -> Result<OnionKey, DiskOnionProblem> {
    OnionKey::from_secret_key_file(&read(directory, SECRET_KEY)?)
        .map_err(|source| DiskOnionProblem::BadKey { file: SECRET_KEY, source })
}

/// Reads the service's public key and returns its address.
pub(super) fn public_key(directory: &Path) -> Result<OnionAddress, DiskOnionProblem> {
    OnionAddress::from_public_key_file(&read(directory, PUBLIC_KEY)?)
        .map_err(|source| DiskOnionProblem::BadKey { file: PUBLIC_KEY, source })
}

/// Reads the address that tor has written to `hostname`. Returns `None` if the
/// file is missing or contains no address yet.
pub(super) fn hostname(directory: &Path) -> Result<Option<OnionAddress>, DiskOnionProblem> {
    match read(directory, HOSTNAME) {
        Ok(content) => Ok(String::from_utf8_lossy(&content).trim().parse().ok()),
        Err(problem) if is_missing(&problem) => Ok(None),
        Err(problem) => Err(problem),
    }
}

/// Reads the address that tor has written to `hostname`. A missing address is
/// an error.
pub(super) fn address(directory: &Path) -> Result<OnionAddress> {
    let problem = match hostname(directory) {
        Ok(Some(address)) => return Ok(address),
        Ok(None) => DiskOnionProblem::NoHostname(Duration::ZERO),
        Err(problem) => problem,
    };
    Err(DiskOnionError::new(directory, problem).into())
}

impl DiskOnion {
    /// Reads the service's address from the file `hostname`, which tor writes.
    /// The directory is read by this program, so it must be on this machine.
    ///
    /// ```no_run
    /// use scape::onion::disk::DiskOnions;
    ///
    /// let controller = scape::connect()?;
    /// for service in DiskOnions::of(&controller).list()? {
    ///     println!("{}", service.hostname()?);
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns an error with a [`DiskOnionError`](super::DiskOnionError) if the
    /// file doesn't exist or contains no address (kind
    /// [`ErrorKind::NotFound`](crate::ErrorKind::NotFound)), or can't be read
    /// (kind [`ErrorKind::Config`](crate::ErrorKind::Config)).
    pub fn hostname(&self) -> Result<OnionAddress> {
        address(self.directory())
    }
}

/// Returns the address that the service has or will have, from its secret key
/// or from `hostname`. Returns `None` if this program can read neither file.
pub(super) fn known_address(directory: &Path) -> Option<OnionAddress> {
    let key = secret_key(directory).ok().map(|key| key.address());
    key.or_else(|| hostname(directory).ok().flatten())
}

/// Returns true if both paths lead to the same directory. Symbolic links are
/// followed if both paths are absolute.
pub(super) fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| path.is_absolute().then(|| fs::canonicalize(path).ok()).flatten();
    one == other || real(one).is_some_and(|one| Some(one) == real(other))
}

fn read(directory: &Path, name: &str) -> Result<zeroize::Zeroizing<Vec<u8>>, DiskOnionProblem> {
    private_file::read(&directory.join(name))
        .map_err(|error| failed(&format!("reading {name}"), error))
}

fn failed(what: &str, error: io::Error) -> DiskOnionProblem {
    DiskOnionProblem::Io { what: what.into(), source: Arc::new(error) }
}

fn is_missing(problem: &DiskOnionProblem) -> bool {
    match problem {
        DiskOnionProblem::Io { source, .. } => source.kind() == io::ErrorKind::NotFound,
        _ => false,
    }
}

#[cfg(unix)]
fn mode(found: &Metadata) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;

    Some(found.permissions().mode() & 0o7777)
}

#[cfg(unix)]
fn not_tors(found: &Metadata, tor: Option<u32>) -> Option<DiskOnionProblem> {
    use std::os::unix::fs::MetadataExt;

    let (owner, tor) = (found.uid(), tor?);
    (owner != tor).then_some(DiskOnionProblem::Owner { owner, tor })
}

/// Returns true if this program may create a directory that belongs to the user
/// `tor`. If that user isn't known, assumes that it is this program's user.
#[cfg(unix)]
fn may_give_to(tor: Option<u32>) -> bool {
    let own = private_file::own_user();
    own == 0 || tor.is_none_or(|tor| tor == own)
}

/// Returns true if the user `tor` may create files in a directory. The user's
/// groups aren't known, so this also returns true if the directory's group may
/// create files.
#[cfg(unix)]
fn may_write(directory: &Metadata, tor: Option<u32>) -> bool {
    use std::os::unix::fs::MetadataExt;

    let mode = mode(directory).unwrap_or_default();
    let owns = tor == Some(directory.uid());
    tor == Some(0)
        || if owns { mode & 0o300 == 0o300 } else { mode & 0o030 == 0o030 || mode & 0o003 == 0o003 }
}

#[cfg(not(unix))]
fn mode(_found: &Metadata) -> Option<u32> {
    None
}

#[cfg(not(unix))]
fn not_tors(_found: &Metadata, _tor: Option<u32>) -> Option<DiskOnionProblem> {
    None
}

#[cfg(not(unix))]
fn may_give_to(_tor: Option<u32>) -> bool {
    true
}

#[cfg(not(unix))]
fn may_write(_directory: &Metadata, _tor: Option<u32>) -> bool {
    true
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use scape_proto::control::ArgumentError;
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::error::ErrorKind;
    use scape_proto::word::ClientKey;

    fn own() -> Option<u32> {
        Some(private_file::own_user())
    }

    fn with_key(key: &OnionKey) -> DiskOnionFiles {
        DiskOnionFiles::new().key(key.clone())
    }

    fn problem(result: Result<Prepared>) -> DiskOnionProblem {
        let error = result.unwrap_err();
        error.exact::<DiskOnionError>().expect("an error of a service on disk").problem.clone()
    }

    #[test]
    fn given_key_is_written_once_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("hs");
        let service = DiskOnion::new(&directory).local_port(80);
        let key = OnionKey::random();
        prepare(&service, &with_key(&key), own()).unwrap().keep();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&directory), mode(&directory.join(SECRET_KEY))), (0o700, 0o600));
        assert_eq!(secret_key(&directory).unwrap(), key);
        assert_eq!(public_key(&directory).unwrap(), key.address());
        // The same key is accepted again. Another key is refused, and nothing
        // is overwritten.
        prepare(&service, &with_key(&key), own()).unwrap().keep();
        let found = problem(prepare(&service, &with_key(&OnionKey::random()), own()));
        assert!(matches!(found, DiskOnionProblem::OtherKey(address) if address == key.address()));
        assert_eq!(secret_key(&directory).unwrap(), key);
        // A public key without a secret key counts, too.
        fs::remove_file(directory.join(SECRET_KEY)).unwrap();
        let found = problem(prepare(&service, &with_key(&OnionKey::random()), own()));
        assert!(matches!(found, DiskOnionProblem::OtherKey(_)), "{found}");
        assert!(!directory.join(SECRET_KEY).exists());
    }

    #[test]
    fn hostname_of_a_configured_service_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let service = DiskOnion::new(folder.path());
        assert_eq!(service.hostname().unwrap_err().kind(), ErrorKind::NotFound);
        let address = OnionKey::random().address();
        fs::write(folder.path().join(HOSTNAME), format!("{address}\n")).unwrap();
        assert_eq!(service.hostname().unwrap(), address);
        // Only regular files are read.
        let other = folder.path().join("other");
        fs::create_dir_all(other.join(HOSTNAME)).unwrap();
        let error = DiskOnion::new(&other).hostname().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{error}");
    }

    #[test]
    fn created_files_are_removed_if_tor_does_not_accept_the_service() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("hs");
        let service = DiskOnion::new(&directory).local_port(80);
        let files = with_key(&OnionKey::random()).client("bob", ClientKey::random().public_key());
        drop(prepare(&service, &files, own()).unwrap());
        assert!(!directory.exists());
        let bad = files.clone().client("../eve", ClientKey::random().public_key());
        assert!(prepare(&service, &bad, own()).as_ref().is_err_and(Error::is::<ArgumentError>));
        assert!(!directory.exists());
        let prepared = prepare(&service, &DiskOnionFiles::new(), own()).unwrap();
        fs::write(directory.join("other"), "").unwrap();
        drop(prepared);
        assert!(directory.join("other").exists());
    }

    #[test]
    fn frontends_are_written_once_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let directory = folder.path().join("hs");
        let service = DiskOnion::new(&directory).local_port(80);
        let (one, other) = (OnionKey::random().address(), OnionKey::random().address());
        let files = DiskOnionFiles::new().onion_balance(one).onion_balance(other);
        drop(prepare(&service, &files, own()).unwrap());
        assert!(!directory.exists());
        for _ in 0..2 {
            prepare(&service, &files, own()).unwrap().keep();
            let written = fs::read_to_string(directory.join("ob_config")).unwrap();
            let expected = format!("MasterOnionAddress {one}\nMasterOnionAddress {other}\n");
            assert_eq!(written, expected);
        }
        let found = problem(prepare(&service, &DiskOnionFiles::new().onion_balance(one), own()));
        assert!(matches!(found, DiskOnionProblem::OtherFrontends), "{found}");
    }

    #[test]
    fn directories_that_would_make_tor_exit_are_detected() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| DiskOnion::new(folder.path().join(name)).local_port(80);
        let found = problem(prepare(&at("no/hs"), &DiskOnionFiles::new(), own()));
        assert!(matches!(found, DiskOnionProblem::ParentMissing), "{found}");
        fs::write(folder.path().join("file"), "").unwrap();
        let found = problem(prepare(&at("file"), &DiskOnionFiles::new(), own()));
        assert!(matches!(found, DiskOnionProblem::NotADirectory), "{found}");
        fs::create_dir(folder.path().join("hs")).unwrap();
        fs::write(folder.path().join("hs/authorized_clients"), "").unwrap();
        let found = problem(prepare(&at("hs"), &DiskOnionFiles::new(), own()));
        assert!(matches!(found, DiskOnionProblem::AuthorizedClients), "{found}");
        fs::remove_file(folder.path().join("hs/authorized_clients")).unwrap();
        fs::write(folder.path().join("hs/hs_ed25519_secret_key"), [7; 96]).unwrap();
        let found = problem(prepare(&at("hs"), &DiskOnionFiles::new(), own()));
        assert!(matches!(found, DiskOnionProblem::BadKey { .. }), "{found}");
        let other = Some(own().unwrap() + 1);
        let found = problem(prepare(&at("hs"), &DiskOnionFiles::new(), other));
        assert!(matches!(found, DiskOnionProblem::Owner { .. }), "{found}");
    }

    #[test]
    fn directories_are_compared_by_their_real_paths() {
        let folder = tempfile::tempdir().unwrap();
        let (real, link) = (folder.path().join("real"), folder.path().join("link"));
        fs::create_dir(&real).unwrap();
        std::os::unix::fs::symlink(&real, &link).unwrap();
        assert!(is_same(&real, &link) && is_same(Path::new("/a/b"), Path::new("/a//b/")));
        assert!(!is_same(&real, folder.path()) && !is_same(Path::new("/no/a"), Path::new("/no/b")));
    }
}
