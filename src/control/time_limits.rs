//! Time limits that several files need.

use std::time::Duration;

/// The timeout of each call, unless the program sets another one.
pub(super) const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// The time limit for cleaning up after a call's deadline. In this time, the
/// call undoes the steps that it has taken, and finds out the reason for the
/// failure.
pub(crate) const UNDO_WITHIN: Duration = Duration::from_secs(1);
