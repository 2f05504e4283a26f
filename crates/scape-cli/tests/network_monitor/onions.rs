use scape::control::AddOnion;
use scape::testing::TestNetwork;

use crate::echo::{Echo, Visit};
use crate::{line_with, monitor, quit};

cases! { MONITORED:
    published_onion_service_is_shown_with_its_clients = published,
}

fn published(network: &TestNetwork) {
    let mut monitor = monitor(network, "onions");
    monitor.see("0 onion services");
    let echo = Echo::start();
    let service = AddOnion::new().port(80, echo.address()).detach();
    let address = network.client().add_onion(&service).unwrap().address;
    let text = address.to_string();
    let begin = text.get(..50).unwrap();
    monitor.see("1 onion service ");
    // The columns are the address, the origin, the number of directories,
    // `uploaded`, introduction circuits and clients.
    let column = |screen: &vt100::Screen, index: usize| -> Option<String> {
        let line = line_with(screen, begin)?;
        line.split_whitespace().nth(index).map(str::to_owned)
    };
    monitor.wait("published service", |screen| {
        column(screen, 1).as_deref() == Some("detached")
            && column(screen, 3).as_deref() == Some("uploaded")
            && column(screen, 4).is_some_and(|count| count != "0")
            && column(screen, 5).as_deref() == Some("0")
    });
    let mut visit = Visit::to(&network.tor(), (text.as_str(), 80));
    visit.exchange(20_000);
    monitor.wait("client", |screen| column(screen, 5).as_deref() == Some("1"));
    monitor.press("\r");
    monitor.see("Origin       detached");
    monitor.see(&format!("Address      {text}"));
    monitor.see("Clients      1");
    let introductions: Vec<String> = network
        .client()
        .circuits()
        .unwrap()
        .into_iter()
        .filter_map(|circuit| {
            let is_own = circuit.rend_address() == Some(address);
            let purpose = circuit.purpose.as_ref().map(|purpose| purpose.as_str());
            (is_own && purpose == Some("HS_SERVICE_INTRO"))
                .then(|| format!("circuit {} ", circuit.id))
        })
        .collect();
    assert!(!introductions.is_empty());
    for circuit in introductions {
        monitor.see(&circuit);
    }
    monitor.see("UPLOADED");
    monitor.press("\x1b");
    monitor.lose("UPLOADED");
    drop(visit);
    network.client().del_onion(&address).unwrap();
    monitor.lose(" detached ");
    quit(monitor);
}
