//! The passwords and the cookie file for the authentication to tor.

use std::path::PathBuf;

use scape_proto::word::Secret;

/// The secrets that the program or the environment has for the authentication.
#[derive(Debug, Clone, Default)]
pub(super) struct Credentials {
    /// The passwords to try, in this order. There is more than one only if a
    /// value from the environment can be read in several ways.
    pub(super) passwords: Vec<Secret>,
    /// The cookie file that the program or the environment names. If it is
    /// `None`, SAFECOOKIE uses the file that tor names.
    pub(super) cookie_file: Option<PathBuf>,
}
