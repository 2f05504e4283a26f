//! The long-term keys of the network's nodes.
//!
//! tor makes its keys at its start if it has none. This module makes them
//! earlier, because the first consensus contains relays' fingerprints and is
//! signed with authorities' keys. Making keys takes seconds, mostly for the
//! authorities' keys of 2048 bits. So the keys are kept in the user's cache
//! ([`KeyCache`]) and copied into each network.

mod authority;
mod cache;
mod relay;
mod rsa;

pub(super) use authority::AuthorityKeys;
pub(super) use cache::KeyCache;
pub(super) use relay::RelayKeys;
pub(super) use rsa::RsaKey;

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

use zeroize::Zeroizing;

/// The files of a key directory, with their names.
pub(super) type KeyFiles = Vec<(&'static str, Zeroizing<Vec<u8>>)>;

/// Writes key files that only this user may read. The files must not exist.
pub(super) fn write_files(directory: &Path, files: &KeyFiles) -> io::Result<()> {
    for (name, content) in files {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        {
            use std::os::unix::fs::OpenOptionsExt;
            options.mode(0o600);
        }
        options.open(directory.join(name))?.write_all(content)?;
    }
    Ok(())
}

/// Reads a key file. Returns `None` if the file is missing or isn't text.
fn read_text(directory: &Path, name: &str) -> Option<Zeroizing<String>> {
    fs::read_to_string(directory.join(name)).ok().map(Zeroizing::new)
}
