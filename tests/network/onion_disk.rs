//! Onion services on disk, published, reached, and kept from those who may not reach them.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use scape::event::EventBody;
use scape::onion::client_auth::ClientAuthGuard;
use scape::onion::disk::{DiskOnion, DiskOnionService, DiskOnions};
use scape::testing::{Role, TestNetwork};
use scape::types::{ClientKey, EventKind, HsDescAction};
use scape::{ClientAuth, Controller, Error};

use crate::onions::{is_final, read, server};
use crate::{Case, SOON};

pub(crate) const CASES: &[Case] = &[
    ("a service on disk is reached, and again at its address when it was away", reached),
    ("only a client with the right key reaches a service on disk", authorized),
];

/// A tor that is not the one that reaches the service.
fn host(network: &TestNetwork) -> &Controller {
    network.nodes().iter().rfind(|node| node.role() == Role::Relay).unwrap().controller()
}

/// What `act` does, once every upload of both descriptors that comes of it is done.
fn published<T>(tor: &Controller, act: impl FnOnce() -> T) -> T {
    let events = tor.subscribe([EventKind::HsDesc]).unwrap();
    let result = act();
    let deadline = std::time::Instant::now() + SOON;
    let (mut descriptors, mut begun, mut done) = (std::collections::HashSet::new(), 0, 0);
    while descriptors.len() < 2 || done < begun {
        let left = deadline.saturating_duration_since(std::time::Instant::now());
        let event = events.next_timeout(left).unwrap();
        let EventBody::HsDesc(told) = event.body() else { continue };
        match told.action {
            HsDescAction::Upload => {
                descriptors.insert(told.descriptor_id.clone());
                begun += 1;
            }
            HsDescAction::Uploaded => done += 1,
            _ => {}
        }
    }
    result
}

fn add(tor: &Controller, service: &DiskOnion) -> DiskOnionService {
    published(tor, || DiskOnions::of(tor).add(service)).unwrap()
}

fn reached(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let tor = host(network);
    let config = DiskOnion::new(folder.path().join("hs")).port(80, server(b"on disk"));
    let service = add(tor, &config);
    assert_eq!(read(network, &service.address(), 80).unwrap(), "on disk");
    let address = service.address();
    service.remove().unwrap();
    let again = add(tor, &config.port(81, server(b"again")));
    assert_eq!(again.address(), address);
    assert_eq!(read(network, &address, 81).unwrap(), "again");
    again.remove().unwrap();
}

fn authorized(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let (tor, client) = (host(network), network.client());
    let (right, wrong) = (ClientKey::random(), ClientKey::random());
    let service = add(tor, &DiskOnion::new(folder.path().join("hs")).port(80, server(b"secret")));
    service.authorized_clients().add("bob", &right.public_key()).unwrap();
    // The descriptors are made anew, and uploaded.
    published(tor, || service.reread()).unwrap();

    let refused = |result: Result<String, Error>| match result {
        Err(error) => assert!(is_final(&error) || is_wrong(&error), "{error}"),
        Ok(said) => panic!("it was reached: {said}"),
    };
    refused(read(network, &service.address(), 80));
    let guard = ClientAuthGuard::add(client, &ClientAuth::new(service.address(), wrong)).unwrap();
    refused(read(network, &service.address(), 80));
    guard.close().unwrap();
    let guard = ClientAuthGuard::add(client, &ClientAuth::new(service.address(), right)).unwrap();
    assert_eq!(read(network, &service.address(), 80).unwrap(), "secret");
    guard.close().unwrap();
    service.remove().unwrap();
}

fn is_wrong(error: &Error) -> bool {
    matches!(error, Error::Socks(error) if error.status() == Some(scape::types::SocksStatus::ONION_AUTH_WRONG))
}
