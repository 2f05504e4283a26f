use scape::testing::TestNetwork;

use crate::echo::Echo;
use crate::{line_with, monitor, quit};

cases! { MONITORED:
    traffic_is_in_the_overview = traffic,
}

fn traffic(network: &TestNetwork) {
    let mut monitor = monitor(network, "overview");
    monitor.see(&network.client().version().unwrap().to_string());
    monitor.see("ready");
    monitor.see(&format!("control {}", network.control_address()));
    monitor.see(&format!("socks {}", network.socks()));
    monitor.see(&format!("process {}", network.client_node().process().pid()));
    let before = network.client().info().traffic().unwrap().read;
    let echo = Echo::start();
    let mut visit = echo.visit(network);
    // Most of these bytes pass within a few seconds, so the rates become high.
    visit.exchange(3_000_000);
    // The line above the graphs has both rates, each with the highest one.
    let rates = |screen: &vt100::Screen| -> Option<[String; 2]> {
        let line = screen.contents().lines().find(|line| line.starts_with("read "))?.to_owned();
        let (read, written) = line.split_once("written ")?;
        let highest = [read, written].map(|rate| rate.split_once(" max ").map(|(_, rate)| rate));
        let [Some(read), Some(written)] = highest else { return None };
        Some([read.trim().to_owned(), written.trim().to_owned()])
    };
    monitor.wait("graphs of the traffic", |screen| {
        // From 100 kB on, rates have no decimals before they are in MB.
        let is_high =
            |rate: &String| rate.ends_with(" MB") || (rate.ends_with(" kB") && !rate.contains('.'));
        rates(screen).is_some_and(|rates| rates.iter().all(is_high))
    });
    // The sums are at least those of the stream.
    let least = (before + 3_000_000) / 1_000_000;
    monitor.wait("sum of the traffic", |screen| {
        let line = line_with(screen, " read, ").unwrap_or_default();
        let words: Vec<&str> = line.split_whitespace().collect();
        let [_, number, "MB", "read,", ..] = words.as_slice() else { return false };
        number.parse::<f64>().is_ok_and(|read| read >= least as f64)
    });
    monitor.see("graphs by seconds");
    monitor.press("t");
    monitor.see("graphs by minutes");
    monitor.press("p");
    monitor.see("PAUSED");
    monitor.press("p");
    monitor.lose("PAUSED");
    monitor.press("n");
    monitor.see("new connections use new circuits");
    quit(monitor);
}
