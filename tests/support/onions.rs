//! An onion service of a scripted tor: its address, its key, and calls that all
//! tests of such a service make.

use scape::testing::ScriptedTor;
use scape::{Connect, Controller, OnionBuilder};

use crate::place::SOON;

/// The service's address, which is derived from [`KEY`].
pub(crate) const A: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid";
pub(crate) const KEY: &str = "ED25519-V3:uDeGxPv+8Mz4Mr6Ex8APZWRFHizLUvolYXwGz67NT0DavzPc3mZWrxzfTfbjj3mXGCMCqYlfESz8bwyV9dWl9w==";

/// Returns the name of the directory with this number in HS_DESC events.
pub(crate) fn relay(number: usize) -> String {
    format!("${number:040X}~relay{number}")
}

pub(crate) fn controller(tor: &ScriptedTor) -> Controller {
    Connect::new().timeout(SOON).authenticate_over(tor.transport().unwrap()).unwrap()
}

/// Returns a builder for a service with one port and the timeout [`SOON`].
pub(crate) fn one(controller: &Controller) -> OnionBuilder {
    OnionBuilder::new(controller).port(80, 8080).timeout(SOON)
}

/// Returns the number of DEL_ONION commands for the service [`A`].
pub(crate) fn removals(tor: &ScriptedTor) -> usize {
    tor.sent().iter().filter(|line| **line == format!("DEL_ONION {A}")).count()
}
