//! Onion services that ADD_ONION creates: they are published, and clients reach
//! them.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixListener;
use std::thread;
use std::time::Instant;

use scape::control::{AddOnion, AddedOnion};
use scape::onion::{Publication, Wait};
use scape::socks::{SocksError, SocksProxy, SocksStatus};
use scape::testing::TestNetwork;
use scape::word::OnionAddress;
use scape::{Connect, Controller, Error};

use crate::SOON;

cases! {
    ONIONS:
    onion_service_is_published_and_reached = reached,
    onion_key_makes_the_same_service_again = same_key,
    onion_service_on_a_unix_socket_with_several_ports = unix_target,
    detached_onion_service_outlives_its_connection = detached,
    client_without_a_key_is_refused_by_the_onion_service = client_authorization,
    onion_service_is_added_again_after_a_reconnect = reconnected,
}

/// Starts a server that sends this answer on every connection. Returns its
/// address.
pub(crate) fn server(answer: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || answer_and_drain(connection, answer));
        }
    });
    address
}

/// Sends an answer and ends the stream, then reads the client's data. Closing a
/// socket with unread data would reset the connection, and the client could
/// lose the answer.
fn answer_and_drain(mut connection: TcpStream, answer: &[u8]) {
    let _ = connection.write_all(answer);
    let _ = connection.shutdown(Shutdown::Write);
    let _ = connection.set_read_timeout(Some(SOON));
    let _ = io::copy(&mut connection, &mut io::sink());
}

/// Waits until a service's descriptor is uploaded to all directories.
fn wait_published(publication: &Publication, address: OnionAddress) {
    publication.wait(&address, Wait::AllUploads, SOON, |_| {}).unwrap();
}

/// Adds a service and waits until its descriptor is uploaded to all
/// directories.
pub(crate) fn publish(tor: &Controller, service: &AddOnion) -> AddedOnion {
    let publication = Publication::begin(tor).unwrap();
    let added = tor.add_onion(service).unwrap();
    wait_published(&publication, added.address);
    added
}

/// Connects to the service and returns its answer. Tries again while the
/// service's descriptor is being uploaded or replaced.
pub(crate) fn read(
    network: &TestNetwork,
    address: &OnionAddress,
    port: u16,
) -> Result<String, Error> {
    let proxy = SocksProxy::new(network.socks_unix().unwrap()).timeout(SOON);
    // tor waits 60 seconds for a circuit that hangs before it tries another
    // one.
    let deadline = Instant::now() + 3 * SOON;
    loop {
        match proxy.connect((address.to_string().as_str(), port)) {
            Ok(mut stream) => {
                stream.set_read_timeout(Some(SOON)).unwrap();
                let mut said = String::new();
                stream.read_to_string(&mut said).unwrap();
                return Ok(said);
            }
            Err(error) if Instant::now() < deadline && !is_final(&error) => {}
            Err(error) => return Err(error),
        }
    }
}

pub(crate) fn is_final(error: &Error) -> bool {
    let missing = SocksStatus::ONION_AUTH_MISSING;
    error.get().and_then(SocksError::status) == Some(missing)
}

fn reached(network: &TestNetwork) {
    let tor = network.client();
    let added = publish(tor, &AddOnion::new().port(80, server(b"reached")));
    assert!(added.key.is_some());
    assert_eq!(read(network, &added.address, 80).unwrap(), "reached");
    let known = tor.get_info("onions/current").unwrap();
    assert!(known.contains(&added.address.service_id()), "{known}");
    tor.del_onion(&added.address).unwrap();
    let error = tor.del_onion(&added.address).unwrap_err();
    assert!(error.refusal().is_some_and(|refusal| refusal.is_unknown()), "{error}");
}

fn same_key(network: &TestNetwork) {
    let tor = network.client();
    let target = server(b"again");
    let first = tor.add_onion(&AddOnion::new().port(80, target)).unwrap();
    let service = AddOnion::new().key(first.key.unwrap()).port(80, target).max_streams(10);
    let error = tor.add_onion(&service).unwrap_err();
    assert_eq!(error.code(), Some(550), "{error}");
    tor.del_onion(&first.address).unwrap();
    let second = publish(tor, &service);
    assert_eq!(second.address, first.address);
    assert!(second.key.is_none());
    assert_eq!(read(network, &second.address, 80).unwrap(), "again");
    tor.del_onion(&second.address).unwrap();
}

fn unix_target(network: &TestNetwork) {
    let tor = network.client();
    let directory = network.client_node().process().data_directory().join("target");
    let listener = UnixListener::bind(&directory).unwrap();
    thread::spawn(move || {
        for mut connection in listener.incoming().flatten() {
            let _ = connection.write_all(b"unix");
        }
    });
    let service =
        AddOnion::new().port(80, directory.as_path()).port(81, server(b"tcp")).discard_key();
    let added = publish(tor, &service);
    assert!(added.key.is_none());
    assert_eq!(read(network, &added.address, 80).unwrap(), "unix");
    assert_eq!(read(network, &added.address, 81).unwrap(), "tcp");
    tor.del_onion(&added.address).unwrap();
}

fn detached(network: &TestNetwork) {
    let target = server(b"detached");
    let other = Connect::to(network.control_address()).unwrap().connect().unwrap();
    let attached = other.add_onion(&AddOnion::new().port(80, target)).unwrap();
    let added = publish(&other, &AddOnion::new().port(80, target).detach());
    other.quit().unwrap();
    let tor = network.client();
    assert_eq!(read(network, &added.address, 80).unwrap(), "detached");
    assert!(tor.get_info("onions/detached").unwrap().contains(&added.address.service_id()));
    tor.del_onion(&added.address).unwrap();
    // The other service ended with its connection.
    assert_eq!(tor.del_onion(&attached.address).unwrap_err().code(), Some(552));
}

fn client_authorization(network: &TestNetwork) {
    let tor = network.client();
    // This client doesn't have the private key of this public key.
    let key = "FCV0c0ELDKKDpSFgVIB8Yow8Evj5iD4mYEYLGg5D4gE";
    let key = data_encoding::BASE32_NOPAD
        .encode(&data_encoding::BASE64_NOPAD.decode(key.as_bytes()).unwrap());
    let added = publish(tor, &AddOnion::new().port(80, server(b"secret")).client(key.as_str()));
    assert_eq!(added.clients, [key.parse().unwrap()]);
    let error = read(network, &added.address, 80).unwrap_err();
    assert!(is_final(&error), "{error}");
    tor.del_onion(&added.address).unwrap();
}

fn reconnected(network: &TestNetwork) {
    let tor = Connect::to(network.control_address()).unwrap().connect().unwrap();
    let added = publish(&tor, &AddOnion::new().port(80, server(b"still here")));
    assert_eq!(read(network, &added.address, 80).unwrap(), "still here");
    let publication = Publication::begin(&tor).unwrap();
    assert!(tor.reconnect().unwrap().failures.is_empty());
    assert_eq!(tor.info().onions_current().unwrap(), [added.address]);
    // The events go on, and report the new descriptor.
    wait_published(&publication, added.address);
    assert_eq!(read(network, &added.address, 80).unwrap(), "still here");
    tor.del_onion(&added.address).unwrap();
}
