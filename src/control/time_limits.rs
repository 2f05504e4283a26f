//! Time limits that several files need.

use std::time::Duration;

/// The timeout of each call, unless the program sets another one.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time that a call may take after its deadline, to undo what it began and
/// to find out what went wrong.
pub(crate) const UNDO_WITHIN: Duration = Duration::from_secs(1);
