use scape::testing::TestNetwork;

use crate::{line_with, monitor, quit};

cases! { MONITORED:
    relays_are_searched_and_shown_in_detail = searched,
}

fn searched(network: &TestNetwork) {
    let mut monitor = monitor(network, "network");
    let all = network.nodes().iter().filter(|node| node.fingerprint().is_some()).count();
    monitor.see(&format!("{all} of {all} relays"));
    let relay = network.relays().next().unwrap();
    let fingerprint = relay.fingerprint().unwrap().to_string();
    monitor.see(relay.nickname());

    monitor.press(&format!("/${}\r", fingerprint.get(..12).unwrap()));
    monitor.see(&format!("1 of {all} relays"));
    monitor.press("\r");
    monitor.see(&format!("Relay {}", relay.nickname()));
    monitor.see(&format!("Fingerprint  {fingerprint}"));
    monitor.see("Address      127.0.0.1:");
    monitor.see("Weight ");
    monitor.see("Exits to ");
    monitor.press("\x1b");
    monitor.lose(&fingerprint);
    // Esc ends the search.
    monitor.press("\x1b");
    monitor.see(&format!("{all} of {all} relays"));

    // Only the authorities have this flag.
    monitor.press("/flag=Authority\r");
    monitor.wait("authorities", |screen| {
        line_with(screen, "search: flag=Authority")
            .is_some_and(|line| !line.starts_with(&format!("{all} ")) && !line.starts_with("0 "))
            && line_with(screen, "authority0").is_some()
            && !screen.contents().contains(relay.nickname())
    });
    monitor.press("/\x15flag=Nonsense");
    monitor.see("unknown flag Nonsense");
    monitor.press("\x1b");
    monitor.see(&format!("{all} of {all} relays"));
    monitor.press("s");
    monitor.see("nickname");
    quit(monitor);
}
