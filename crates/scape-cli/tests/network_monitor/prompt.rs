use scape::testing::TestNetwork;

use crate::echo::Echo;
use crate::{monitor, quit};

cases! { MONITORED:
    prompt_page_sends_commands_to_tor = prompt,
}

fn prompt(network: &TestNetwork) {
    let mut monitor = monitor(network, "prompt");
    let echo = Echo::start();
    let visit = echo.visit(network);
    let stream = echo.stream(network.client()).unwrap();
    monitor.press("GETINFO stream-status\r");
    let circuit = stream.circuit.unwrap();
    monitor.see(&format!("{} SUCCEEDED {circuit} {}", stream.id, stream.target));
    monitor.press("GETINFO nonsense\r");
    monitor.see("552 Unrecognized key \"nonsense\"");
    monitor.press(&format!("CLOSESTREAM {} 1\r", stream.id));
    monitor.see("250 OK");
    visit.wait_closed();
    // Pressing Up twice brings back the line before the last one.
    monitor.press("\x1b[A\x1b[A");
    monitor.wait("earlier line", |screen| {
        screen.contents().matches("> GETINFO nonsense").count() == 2
    });
    quit(monitor);
}
