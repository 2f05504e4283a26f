//! Stops a private network, which must leave nothing behind.

use std::path::Path;
use std::time::Duration;

use scape::testing::TestNetwork;

use crate::watchdog;

/// Stops the network within `limit`, and checks that it leaves neither a
/// process nor a directory.
pub(crate) fn end(network: TestNetwork, limit: Duration) {
    let pids: Vec<u32> = network.nodes().iter().map(|node| node.process().pid()).collect();
    let directory = network.client_node().process().data_directory().to_path_buf();
    watchdog::within(limit, "the end of the network", || network.stop().unwrap());
    for pid in pids {
        assert!(!Path::new(&format!("/proc/{pid}")).exists(), "tor {pid} is left");
    }
    assert!(!directory.exists(), "{} is left", directory.display());
}
