//! A private network for one test.

use std::time::Duration;

use scape::testing::{TestNetwork, TestNetworkBuilder};

use crate::{network_end, watchdog};

/// The time that a start or an end may take, on a very busy machine.
pub(crate) const LONGEST: Duration = Duration::from_secs(420);

/// Starts a network.
pub(crate) fn start(builder: TestNetworkBuilder) -> TestNetwork {
    watchdog::within(LONGEST, "the start of a network", || builder.start().unwrap())
}

/// Ends a network, which must leave nothing behind.
pub(crate) fn end(network: TestNetwork) {
    network_end::end(network, LONGEST);
}
