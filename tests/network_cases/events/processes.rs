//! The client processes that own the streams of a tor.

use std::net::{Ipv4Addr, TcpListener};

use scape::event::{EventBody, EventKind, StreamInfo, StreamStatus};
use scape::socks::SocksProxy;
#[cfg(target_os = "linux")]
use scape::state::Stream;
use scape::testing::TestNetwork;

use crate::{NAME, SOON};

cases! {
    EVENTS:
    #[cfg(target_os = "linux")]
    stream_client_is_this_process = owner,
    #[cfg(target_os = "linux")]
    streams_know_the_processes_that_opened_them = processes,
    stream_client_on_a_unix_socket_has_no_address = unix_client,
}

/// Opens a stream through `proxy` and passes the stream's first event to
/// `look`. The stream stays open while `look` runs.
fn first_of(network: &TestNetwork, proxy: &SocksProxy, look: impl FnOnce(&StreamInfo)) {
    // Nobody accepts the connection, so nobody ends it.
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let events = network.client().subscribe([EventKind::Stream]).unwrap();
    let stream = proxy.connect((NAME, port)).unwrap();
    loop {
        let event = events.next_timeout(SOON).unwrap();
        if let EventBody::Stream(info) = event.body()
            && info.status == StreamStatus::New
            && info.target.port() == Some(port)
        {
            look(info);
            break;
        }
    }
    drop(stream);
}

#[cfg(target_os = "linux")]
fn owner(network: &TestNetwork) {
    use scape::process::owner_of;
    use scape::transport::Address;

    let proxy = SocksProxy::new(network.socks()).timeout(SOON);
    let Address::Ip(local) = network.socks().clone() else { panic!("{}", network.socks()) };
    first_of(network, &proxy, |stream| {
        let peer = stream.source_socket_addr().unwrap();
        let found = owner_of(peer, Some(local)).unwrap().unwrap();
        assert_eq!(found.pid, std::process::id());
        // The other end of the connection belongs to tor.
        let tor = owner_of(local, Some(peer)).unwrap().unwrap();
        assert_eq!(tor.pid, network.client().info().process().unwrap().pid);
    });
}

fn unix_client(network: &TestNetwork) {
    let proxy = SocksProxy::new(network.socks_unix().unwrap()).timeout(SOON);
    first_of(network, &proxy, |stream| assert_eq!(stream.source_socket_addr(), None));
}

/// Checks that the live state finds the client processes that own streams.
#[cfg(target_os = "linux")]
fn processes(network: &TestNetwork) {
    let state = network.tor().state().unwrap();
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    let find = || {
        let is_meant = |stream: &Stream| stream.first_target().port() == Some(port);
        state.wait(SOON, |state| state.streams().into_iter().find(is_meant)).unwrap()
    };
    let unix = SocksProxy::new(network.socks_unix().unwrap()).timeout(SOON);
    let connected = unix.connect((NAME, port)).unwrap();
    let stream = find();
    assert_eq!(stream.process().unwrap(), None);
    drop(connected);
    stream.wait_closed(SOON).unwrap();

    let tcp = SocksProxy::new(network.socks()).timeout(SOON);
    let connected = tcp.connect((NAME, port)).unwrap();
    let stream = find();
    assert_eq!(stream.process().unwrap().unwrap().pid, std::process::id());
    drop(connected);
    stream.wait_closed(SOON).unwrap();
    // The client is gone, but its address is still known.
    assert!(stream.source_addr().is_some());
    assert_eq!(stream.process().unwrap(), None);
}
