//! Fetching documents from directory servers that are slow, broken or don't
//! have the document.
#![cfg(feature = "http")]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use scape::ErrorKind;
use scape::control::DirServerQuery;
use scape::documents::{DirectoryClient, DirectoryError, DirectoryProblem};
use scape::netdoc::{ConsensusFlavor, DescriptorDigest, Microdescriptor, ServerDescriptor, Vote};
use scape::word::Fingerprint;

const CERTIFICATES: &[u8] =
    include_bytes!("../crates/scape-proto/tests/data/documents/key-certificates");
const CONSENSUS: &[u8] =
    include_bytes!("../crates/scape-proto/tests/data/documents/consensus-microdesc");
const DESCRIPTOR: &[u8] =
    include_bytes!("../crates/scape-proto/tests/data/documents/server-descriptor");
const MICRODESCRIPTORS: &[u8] =
    include_bytes!("../crates/scape-proto/tests/data/documents/microdescriptors");
const VOTE: &[u8] = include_bytes!("../crates/scape-proto/tests/data/documents/vote");
const BASE: &[u8] =
    include_bytes!("../crates/scape-proto/tests/data/documents/consensus-diff-base");
const DIFF: &[u8] = include_bytes!("../crates/scape-proto/tests/data/documents/consensus-diff");
const RESULT: &[u8] =
    include_bytes!("../crates/scape-proto/tests/data/documents/consensus-diff-result");

/// A directory server that answers each request with the function `answer`. Its
/// arguments are the path and the header lines.
struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Server {
    fn start(answer: impl Fn(&str, &mut TcpStream) + Send + 'static) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let seen = requests.clone();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let mut stream = stream.unwrap();
                let lines = BufReader::new(&stream).lines().map_while(Result::ok);
                let request: Vec<String> = lines.take_while(|line| !line.is_empty()).collect();
                let Some(first) = request.first() else { continue };
                let path = first.split(' ').nth(1).unwrap().to_owned();
                seen.lock().push(request.join("\n"));
                answer(&path, &mut stream);
            }
        });
        Server { address, requests }
    }

    /// Returns a server that answers each request with this body and, like tor,
    /// doesn't send the body's length.
    fn of(body: &'static [u8]) -> Server {
        Server::start(move |_, stream| respond(stream, "200 OK", body))
    }

    fn client(&self) -> DirectoryClient {
        DirectoryClient::local([self.address]).unwrap().rounds(1)
    }

    fn requests(&self) -> usize {
        self.requests.lock().len()
    }
}

fn respond(stream: &mut TcpStream, status: &str, body: &[u8]) {
    let _ = write!(stream, "HTTP/1.0 {status}\r\n\r\n");
    let _ = stream.write_all(body);
}

/// Returns the problems that an error lists.
fn problems(error: &scape::Error) -> Vec<DirectoryProblem> {
    let failures = error.get::<DirectoryError>().expect("a directory error").failures();
    failures.iter().map(|failure| failure.problem.clone()).collect()
}

fn fingerprints(count: u8) -> DirServerQuery {
    let first = ServerDescriptor::parse(DESCRIPTOR).unwrap().fingerprint.unwrap();
    let others = (1..count).map(|n| Fingerprint::from_bytes([n; 20]));
    DirServerQuery::Fingerprints(others.chain((count > 0).then_some(first)).rev().collect())
}

#[test]
fn whole_documents_are_fetched_from_a_directory_server() {
    let client = Server::of(CERTIFICATES).client();
    assert_eq!(client.key_certificates().unwrap().documents().count(), 3);
    let client = Server::of(CONSENSUS).client();
    assert_eq!(&*client.consensus(&ConsensusFlavor::Microdesc).unwrap(), CONSENSUS);
}

#[test]
fn answers_that_are_cut_off_or_other_documents_are_refused_and_the_next_server_is_asked() {
    let half: &'static [u8] = &CERTIFICATES[..CERTIFICATES.len() / 2];
    for bad in [half, b"", b"<html>no</html>\n", DESCRIPTOR] {
        let (bad, good) = (Server::of(bad), Server::of(CERTIFICATES));
        let client = DirectoryClient::local([bad.address, good.address]).unwrap();
        assert_eq!(client.key_certificates().unwrap().documents().count(), 3);
        assert_eq!((bad.requests(), good.requests()), (1, 1));
        let error = bad.client().key_certificates().unwrap_err();
        assert!(matches!(problems(&error)[..], [DirectoryProblem::Document(_)]), "{error}");
    }
    let compressed = Server::start(|_, stream| {
        respond(stream, "200 OK\r\nContent-Encoding: deflate", CERTIFICATES);
    });
    let error = compressed.client().key_certificates().unwrap_err();
    assert!(error.to_string().contains("compressed"), "{error}");
}

#[test]
fn microdescriptors_must_have_the_digests_that_were_asked_for() {
    let digests: Vec<[u8; 32]> =
        Microdescriptor::parse_all(MICRODESCRIPTORS).map(|relay| relay.digest()).collect();
    let client = Server::of(MICRODESCRIPTORS).client();
    let found = client.microdescriptors(&digests).unwrap();
    assert_eq!(found.documents().count(), digests.len());
    let error = client.microdescriptors(&digests[1..]).unwrap_err();
    assert!(matches!(problems(&error)[..], [DirectoryProblem::Document(_)]), "{error}");
    assert!(error.to_string().contains("isn't one of those asked for"), "{error}");
}

#[test]
fn documents_that_were_not_asked_for_are_refused() {
    let is_refused = |error: scape::Error, why: &str| {
        assert!(matches!(problems(&error)[..], [DirectoryProblem::Document(_)]), "{error}");
        assert!(error.to_string().contains(why), "{error}");
    };
    let not_asked_for = "the answer contains a document that wasn't asked for";
    let client = Server::of(DESCRIPTOR).client();
    let other = DirServerQuery::Fingerprints(vec![Fingerprint::from_bytes([1; 20])]);
    is_refused(client.server_descriptors(&other).unwrap_err(), not_asked_for);
    let digest = ServerDescriptor::parse(DESCRIPTOR).unwrap().digest().unwrap();
    client.server_descriptors(&DirServerQuery::Digests(vec![digest])).unwrap();
    let other = DirServerQuery::Digests(vec![DescriptorDigest::from_bytes([1; 20])]);
    is_refused(client.server_descriptors(&other).unwrap_err(), not_asked_for);
    let client = Server::of(CONSENSUS).client();
    is_refused(client.consensus(&ConsensusFlavor::Ns).unwrap_err(), "another flavor");
    let authority = Vote::parse(VOTE).unwrap().dir_source.unwrap().identity;
    let client = Server::of(VOTE).client();
    assert_eq!(&*client.vote(authority).unwrap(), VOTE);
    is_refused(client.vote(Fingerprint::from_bytes([1; 20])).unwrap_err(), "another authority");
    // This vote is cut off after its certificate.
    let end = b"dir-key-certification\n";
    let at = VOTE.windows(end.len()).position(|line| line == end).unwrap();
    let end = b"-----END SIGNATURE-----\n";
    let length = VOTE[at..].windows(end.len()).position(|line| line == end).unwrap() + end.len();
    let cut: &'static [u8] = &VOTE[..at + length];
    is_refused(Server::of(cut).client().vote(authority).unwrap_err(), "cut off");
}

#[test]
fn slow_server_leaves_time_for_the_next_one() {
    let slow = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
        while stream.write_all(b"r").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let good = Server::of(CERTIFICATES);
    let client = DirectoryClient::local([slow.address, good.address]).unwrap();
    let client = client.rounds(1).timeout(Duration::from_secs(4));
    assert_eq!(client.key_certificates().unwrap().documents().count(), 3);
    // The server that has answered is asked first from now on.
    for _ in 0..3 {
        client.key_certificates().unwrap();
    }
    assert_eq!((slow.requests(), good.requests()), (1, 4));
}

#[test]
fn documents_of_several_requests_are_joined_and_missing_ones_are_left_out() {
    let server = Server::start(|path, stream| match path.len() > 1000 {
        true => respond(stream, "200 OK", DESCRIPTOR),
        false => respond(stream, "404 Not found", b""),
    });
    let found = server.client().server_descriptors(&fingerprints(91)).unwrap();
    assert_eq!((found.documents().count(), server.requests()), (1, 2));
    let error = server.client().server_descriptors(&fingerprints(1)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let error = server.client().server_descriptors(&fingerprints(0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Argument);
    // A document that no server has isn't requested again.
    let before = server.requests();
    assert!(server.client().rounds(5).key_certificates().is_err());
    assert_eq!(server.requests(), before + 1);
}

#[test]
fn all_requests_of_a_call_have_one_deadline() {
    // The body never ends, and comes byte by byte.
    let slow = Server::start(|_, stream| {
        let _ = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
        while stream.write_all(b"r").is_ok() {
            thread::sleep(Duration::from_millis(5));
        }
    });
    let limit = Duration::from_millis(300);
    let begun = Instant::now();
    let client = slow.client().rounds(9).timeout(limit);
    let error = client.server_descriptors(&fingerprints(200)).unwrap_err();
    let took = begun.elapsed();
    assert_eq!(error.kind(), ErrorKind::Timeout, "{error}");
    assert!(took >= limit && took < Duration::from_secs(30), "{took:?}");
}

#[test]
fn very_long_timeout_is_accepted() {
    let client = Server::of(CERTIFICATES).client().timeout(Duration::MAX);
    assert!(client.key_certificates().is_ok());
}

#[test]
fn answers_may_have_as_many_bytes_as_are_allowed() {
    let length = CERTIFICATES.len() as u64;
    let server = Server::of(CERTIFICATES);
    assert!(server.client().longest(length).key_certificates().is_ok());
    let error = server.client().longest(length - 1).key_certificates().unwrap_err();
    assert!(error.to_string().contains("too long"), "{error}");
}

#[test]
fn newer_consensus_comes_whole_or_as_a_difference_or_not_at_all() {
    let flavor = ConsensusFlavor::Microdesc;
    let server = Server::of(DIFF);
    assert_eq!(&*server.client().consensus_since(&flavor, BASE).unwrap(), RESULT);
    assert!(server.requests.lock()[0].to_ascii_lowercase().contains("x-or-diff-from-consensus: "));
    let client = Server::of(RESULT).client();
    assert_eq!(&*client.consensus_since(&flavor, BASE).unwrap(), RESULT);
    let nothing = Server::start(|_, stream| respond(stream, "304 Not modified", b""));
    assert_eq!(&*nothing.client().consensus_since(&flavor, BASE).unwrap(), BASE);
    // A status 304 answers nothing if no consensus was named.
    let error = nothing.client().consensus(&flavor).unwrap_err();
    assert_eq!(problems(&error), [DirectoryProblem::Status(304)]);
    // An empty answer doesn't mean that nothing is newer, and a difference must
    // be for the known consensus.
    assert!(Server::of(b"").client().consensus_since(&flavor, BASE).is_err());
    assert!(server.client().consensus_since(&flavor, RESULT).is_err());
    let error = server.client().consensus_since(&flavor, b"x").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
}
