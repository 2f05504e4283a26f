//! Runs the example `onion_balance`, and checks that clients of the frontend
//! reach the backends.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use scape::control::{HsFetch, Signal};
use scape::onion::Wait;
use scape::onion::disk::{DiskOnion, DiskOnionFiles, DiskOnionGuard, DiskOnions};
use scape::onion::load_key;
use scape::testing::{Role, TestNetwork};
use scape::word::{Fingerprint, OnionAddress, OnionKey};

use crate::SOON;
use crate::onions::added::server;
use crate::program::{Says, line, run, start};

cases! {
    ONIONS:
    example_onion_balance_reaches_several_backends = balanced,
}

/// The number of introduction points of each backend. Three backends together
/// have more than one descriptor can contain.
const POINTS: usize = 7;
/// The maximum number of visits. Each backend must have answered by then. The
/// chance that one is never chosen is about one in ten million.
const VISITS: usize = 40;
/// The minimum number of visits. With fewer visits, a backend that must not be
/// reached might not be noticed.
const LEAST_VISITS: usize = 10;

const ANSWERS: [&[u8]; 3] = [b"one", b"two", b"three"];

fn balanced(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), Permissions::from_mode(0o700)).unwrap();
    let key_file = folder.path().join("frontend.key");
    let frontend = made_key(network, &key_file);
    let key = load_key(&key_file).unwrap();
    let mut backends = backends(network, folder.path(), frontend);

    let arguments: Vec<String> = ["--every", "5", "--check", "80", key_file.to_str().unwrap()]
        .into_iter()
        .map(str::to_owned)
        .chain(backends.iter().map(|backend| backend.address().to_string()))
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (_running, mut says, _hears) = start(network, "onion_balance", &arguments);
    wait_posted(&mut says, 2);
    check_descriptors(network, &key);
    visit(network, frontend, &BTreeSet::from(["one", "two", "three"]));

    // One of the backends ends. Directories still have its descriptor.
    let gone = backends.remove(0);
    let left_out = format!("backend {}: 0 introduction points", gone.address());
    gone.close().unwrap();
    line(&mut says, &left_out);
    wait_posted(&mut says, 1);
    network.client().signal(Signal::NewNym).unwrap();
    assert_eq!(points_at(network, frontend, None).len(), 2 * POINTS);
    visit(network, frontend, &BTreeSet::from(["two", "three"]));
}

/// Runs the example to make a key in `key_file`, and returns the frontend's
/// address.
fn made_key(network: &TestNetwork, key_file: &Path) -> OnionAddress {
    let path = key_file.to_str().unwrap();
    let made = run(network, "onion_balance", &[path]);
    assert_eq!(fs::metadata(key_file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(run(network, "onion_balance", &[path]), made);
    made.trim_end().strip_prefix("frontend ").unwrap().parse().unwrap()
}

/// Publishes the backends, each on a different relay. Returns guards that
/// remove the backends on drop.
fn backends(network: &TestNetwork, folder: &Path, frontend: OnionAddress) -> Vec<DiskOnionGuard> {
    let hosts = network.nodes().iter().filter(|node| node.role() == Role::Relay);
    let backends: Vec<DiskOnionGuard> = hosts
        .zip(ANSWERS)
        .map(|(host, answer)| {
            let config = DiskOnion::new(folder.join(host.nickname()))
                .port(80, server(answer))
                .introduction_points(u8::try_from(POINTS).unwrap());
            let files = DiskOnionFiles::new().onion_balance(frontend);
            let onions = DiskOnions::of(host.controller());
            onions.publish(&config, &files, Wait::AllUploads, 2 * SOON, |_| {}).unwrap().guard()
        })
        .collect();
    assert_eq!(backends.len(), ANSWERS.len());
    backends
}

/// Waits until the example has posted this number of descriptors for both time
/// periods. On a busy machine, it may find a backend only in its second round,
/// and an upload may fail once.
fn wait_posted(says: &mut Says, descriptors: usize) {
    let plural = if descriptors == 1 { "" } else { "s" };
    let expected = format!(": {descriptors} descriptor{plural} on 8 directories");
    let mut posted = BTreeSet::new();
    while posted.len() < 2 {
        let line = line(says, "posted for period ");
        if let Some((period, _)) = line.split_once(&expected) {
            posted.insert(period.to_owned());
        }
    }
}

/// Checks that the two replicas of the descriptor differ, and that they contain
/// introduction points of all backends.
fn check_descriptors(network: &TestNetwork, key: &OnionKey) {
    let deadline = Instant::now() + SOON;
    loop {
        let hs_dirs = network.client().hs_descriptors().directories().unwrap();
        assert_eq!((hs_dirs.len(), hs_dirs.missing()), (8, 0));
        let fetch = hs_dirs.params().fetch();
        let upload = hs_dirs.uploads(key).into_iter().find(|upload| upload.period == fetch);
        let replicas = upload.unwrap().replicas;
        let [one, other] = [0, 1]
            .map(|replica| points_at(network, key.address(), replicas[replica].first().copied()));
        // Maybe a new time period has just begun.
        if one.is_disjoint(&other) {
            assert_eq!((one.len(), other.len()), (POINTS * 3 / 2 + 1, POINTS * 3 / 2));
            return;
        }
        assert!(Instant::now() < deadline, "{one:?}\n{other:?}");
    }
}

/// Returns the keys of the introduction points in the service's descriptor.
/// Fetches the descriptor from `directory`, or from one that tor chooses.
fn points_at(
    network: &TestNetwork,
    address: OnionAddress,
    directory: Option<Fingerprint>,
) -> BTreeSet<[u8; 32]> {
    let fetch = directory.into_iter().fold(HsFetch::new(address), HsFetch::server);
    let fetched = network.client().hs_descriptors().fetch(fetch, SOON).unwrap();
    let descriptor = fetched.content.parse_strict().unwrap();
    let opened = descriptor.open_strict(&address, None).unwrap();
    opened.second.introduction_points.iter().map(|point| *point.auth_key().unwrap()).collect()
}

/// Visits the service over different circuits until each of `backends` has
/// answered, and checks that no other backend answers.
fn visit(network: &TestNetwork, address: OnionAddress, backends: &BTreeSet<&str>) {
    let client = network.tor().client().unwrap().timeout(Duration::from_secs(150));
    let mut answers = BTreeSet::new();
    for visit in 0..VISITS {
        if visit >= LEAST_VISITS && answers.len() == backends.len() {
            break;
        }
        let mut stream = client.isolated().connect((address.to_string().as_str(), 80)).unwrap();
        stream.set_read_timeout(Some(SOON)).unwrap();
        let mut said = String::new();
        stream.read_to_string(&mut said).unwrap();
        assert!(backends.contains(said.as_str()), "{said:?} is none of {backends:?}");
        answers.insert(said);
    }
    assert_eq!(answers.iter().map(String::as_str).collect::<BTreeSet<_>>(), *backends);
}
