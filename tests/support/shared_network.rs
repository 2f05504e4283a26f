//! Private networks that tests share, one for each group of tests.

use std::net::Ipv4Addr;
use std::sync::{Arc, Weak};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scape::testing::TestNetwork;

use crate::{network_end, watchdog};

/// The time limit for a test, and for the start or the end of a network. It is
/// more than four times the time that any of them needs.
const LONGEST: Duration = Duration::from_secs(420);

/// A network that the tests of a group use one after the other. The first test
/// starts the network. Each test holds it while it waits for its turn and while
/// it runs, and the last test to release it stops the network. If tests run on
/// at least two threads, another test always waits and holds the network. So
/// the network lives until the group's last test.
pub(crate) struct SharedNetwork {
    network: Mutex<Weak<TestNetwork>>,
    turn: Mutex<()>,
}

impl SharedNetwork {
    pub(crate) const fn new() -> Self {
        SharedNetwork {
            network: parking_lot::const_mutex(Weak::new()),
            turn: parking_lot::const_mutex(()),
        }
    }

    /// Waits until no other test uses the network, and then runs this test on
    /// it.
    pub(crate) fn run(&self, name: &str, test: impl FnOnce(&TestNetwork)) {
        let network = self.get();
        let turn = self.turn.lock();
        let begun = Instant::now();
        watchdog::within(LONGEST, name, || test(&network));
        watchdog::say_how_long(name, "ok", begun);
        drop(turn);
        if let Some(network) = Arc::into_inner(network) {
            network_end::end(network, LONGEST);
        }
    }

    fn get(&self) -> Arc<TestNetwork> {
        let mut network = self.network.lock();
        if let Some(running) = network.upgrade() {
            return running;
        }
        let begun = Instant::now();
        let started = Arc::new(watchdog::within(LONGEST, "the start of a network", start));
        watchdog::say_how_long("a network", "ready", begun);
        *network = Arc::downgrade(&started);
        started
    }
}

fn start() -> TestNetwork {
    let network = TestNetwork::builder().name(crate::NAME, Ipv4Addr::LOCALHOST).start().unwrap();
    network.name_server().add_name(crate::NAMED, "seven.scape.test");
    network
}

/// Declares a test for each function that takes a group's network. The test
/// runs the function on it.
macro_rules! cases {
    ($group:ident: $($(#[$attribute:meta])* $name:ident = $case:path,)*) => {
        $(
            $(#[$attribute])*
            #[test]
            fn $name() {
                crate::$group.run(stringify!($name), $case);
            }
        )*
    };
}
