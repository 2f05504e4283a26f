//! The receivers of a connection's events, which its hub and its links share.

use super::dispatcher::Dispatcher;
use super::routes::Routes;

/// The receivers of events. They stay when a link ends, and get the events of
/// the next link.
#[derive(Debug, Default)]
pub(super) struct Outlets {
    pub(super) routes: Routes,
    pub(super) dispatcher: Dispatcher,
}
