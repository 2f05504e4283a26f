//! Onion services on disk: they are published, clients reach them, and
//! unauthorized clients don't.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use scape::Controller;
use scape::control::ClientAuth;
use scape::onion::client_auth::ClientAuthGuard;
use scape::onion::disk::{DiskOnion, DiskOnionFiles, DiskOnionGuard, DiskOnionService, DiskOnions};
use scape::onion::{Publication, Wait};
use scape::socks::{SocksError, SocksProxy, SocksStatus};
use scape::testing::{Role, TestNetwork};
use scape::word::ClientKey;

use crate::SOON;
use crate::onions::added::{read, server};

cases! {
    ONIONS:
    disk_onion_is_reached_and_keeps_its_address = reached,
    disk_onion_is_reached_with_the_right_client_key_only = authorized,
}

/// Returns the controller of the tor that hosts the services: a relay. The tor
/// that connects to the services is the network's client.
fn host(network: &TestNetwork) -> &Controller {
    network.nodes().iter().rfind(|node| node.role() == Role::Relay).unwrap().controller()
}

fn publish(tor: &Controller, service: &DiskOnion, files: &DiskOnionFiles) -> DiskOnionService {
    DiskOnions::of(tor).publish(service, files, Wait::AllUploads, SOON, |_| {}).unwrap()
}

/// Returns a guard that removes the service from tor's configuration, even if
/// the test fails. If the service stayed, tor would end as soon as the
/// service's directory is deleted.
fn configured(service: &DiskOnionService) -> DiskOnionGuard {
    service.onions().open(service.directory()).unwrap().unwrap().guard()
}

fn reached(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let tor = host(network);
    let config = DiskOnion::new(folder.path().join("hs")).port(80, server(b"on disk"));
    let service = publish(tor, &config, &DiskOnionFiles::new()).guard();
    assert_eq!(read(network, &service.address(), 80).unwrap(), "on disk");
    let address = service.address();
    service.close().unwrap();
    let again = publish(tor, &config.port(81, server(b"again")), &DiskOnionFiles::new()).guard();
    assert_eq!(again.address(), address);
    assert_eq!(read(network, &address, 81).unwrap(), "again");
    again.close().unwrap();
}

fn authorized(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let (tor, client) = (host(network), network.client());
    let (right, wrong, late) = (ClientKey::random(), ClientKey::random(), ClientKey::random());
    let config = DiskOnion::new(folder.path().join("hs")).port(80, server(b"secret"));
    let service = publish(tor, &config, &DiskOnionFiles::new().client("bob", right.public_key()));
    let _configured = configured(&service);
    assert_eq!(refusal(network, &service), SocksStatus::ONION_AUTH_MISSING);
    let guard = ClientAuthGuard::add(client, &ClientAuth::new(service.address(), wrong)).unwrap();
    assert_eq!(refusal(network, &service), SocksStatus::ONION_AUTH_WRONG);
    guard.close().unwrap();
    let guard = ClientAuthGuard::add(client, &ClientAuth::new(service.address(), right)).unwrap();
    assert_eq!(read(network, &service.address(), 80).unwrap(), "secret");
    guard.close().unwrap();

    // This client is added later. Directories accept a new descriptor only if a
    // second has passed since the last one.
    thread::sleep(Duration::from_millis(1100));
    service.authorized_clients().add("late", &late.public_key()).unwrap();
    let publication = Publication::begin(tor).unwrap();
    service.reread().unwrap();
    publication.wait(&service.address(), Wait::AllUploads, SOON, |_| {}).unwrap();
    let _guard = ClientAuthGuard::add(client, &ClientAuth::new(service.address(), late)).unwrap();
    assert_eq!(read(network, &service.address(), 80).unwrap(), "secret");
    service.remove().unwrap();
}

/// Connects to the service until the refusal is about the client's key, and
/// returns the status of this refusal. Earlier refusals can have other causes,
/// such as a missing descriptor.
fn refusal(network: &TestNetwork, service: &DiskOnionService) -> SocksStatus {
    let proxy = SocksProxy::new(network.socks_unix().unwrap()).timeout(SOON);
    let deadline = Instant::now() + SOON;
    loop {
        match proxy.connect((service.address().to_string().as_str(), 80)) {
            Err(error) => match error.get().and_then(SocksError::status) {
                Some(status) if is_for_the_key(status) => return status,
                _ => assert!(Instant::now() < deadline, "{error}"),
            },
            Ok(_) => panic!("it was reached"),
        }
    }
}

fn is_for_the_key(status: SocksStatus) -> bool {
    status == SocksStatus::ONION_AUTH_MISSING || status == SocksStatus::ONION_AUTH_WRONG
}
