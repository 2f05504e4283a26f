//! Starts and stops a private network that only one test uses.

use std::time::Duration;

use scape::testing::{TestNetwork, TestNetworkBuilder};

use crate::{network_end, watchdog};

/// The time limit for starting or stopping a network. It is long enough for a
/// very busy machine.
pub(crate) const LONGEST: Duration = Duration::from_secs(420);

/// Starts a network. Ends the process if this takes longer than [`LONGEST`].
pub(crate) fn start(builder: TestNetworkBuilder) -> TestNetwork {
    watchdog::within(LONGEST, "the start of a network", || builder.start().unwrap())
}

/// Stops a network, and checks that it leaves nothing behind.
pub(crate) fn end(network: TestNetwork) {
    network_end::end(network, LONGEST);
}
