//! USEFEATURE.

use super::Controller;
use crate::error::Result;
use crate::protocol::Command;

/// Features of the connection. control-spec, command USEFEATURE; what a given
/// tor knows is in its `features/names`.
impl Controller {
    /// Turns features on. Those that tor 0.4.9 knows, `VERBOSE_NAMES` and
    /// `EXTENDED_EVENTS`, are always on: this has no use but with other tors.
    ///
    /// # Errors
    ///
    /// Returns an error of the kind
    /// [`ErrorKind::Refused`](crate::ErrorKind::Refused) (552) if tor doesn't
    /// know one of the features.
    pub fn use_feature<N: AsRef<str>>(&self, names: impl IntoIterator<Item = N>) -> Result<()> {
        let mut command = Command::build("USEFEATURE");
        let mut any = false;
        for name in names {
            command.word("feature", name.as_ref());
            any = true;
        }
        if any { self.request(command.finish()?).map(drop) } else { Ok(()) }
    }
}
