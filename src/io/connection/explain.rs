//! Finding out why tor hung up, if this program launched it.

use std::fmt;
use std::sync::OnceLock;

use crate::error::Error;
use crate::io::connection::CloseCause;

type Ask = Box<dyn Fn() -> Option<Error> + Send + Sync>;

/// The function that finds out if a socket has ended because tor's process has
/// ended. Empty until the code that launched tor [sets](Self::set) the
/// function.
#[derive(Default)]
pub(super) struct Explanation(OnceLock<Ask>);

impl Explanation {
    /// Sets the function that knows how tor's process ended. `ask` returns the
    /// error that describes the end, or `None` if the process hasn't ended.
    /// `ask` may wait for a moment, because the socket closes before the
    /// process is gone. A second call of `set` does nothing.
    pub(super) fn set(&self, ask: Ask) {
        // Only the first call has an effect.
        let _ = self.0.set(ask);
    }

    /// Returns the cause to report for the end of a socket that ended for
    /// `cause`. If tor's process has ended, and this can have led to `cause`,
    /// the result is [`CloseCause::Exited`]. Otherwise the result is `cause`
    /// itself. This method may wait for a moment.
    pub(super) fn of(&self, cause: CloseCause) -> CloseCause {
        let may_be_the_end =
            matches!(cause, CloseCause::Remote { .. } | CloseCause::Truncated | CloseCause::Io(_));
        match self.0.get() {
            Some(ask) if may_be_the_end => match ask() {
                Some(error) => CloseCause::Exited(error),
                None => cause,
            },
            _ => cause,
        }
    }
}

impl fmt::Debug for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Explanation").field(&self.0.get().is_some()).finish()
    }
}
