//! Runs the example `bandwidth_scanner`, and an authority that votes with its
//! file.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use scape::netdoc::{BandwidthFile, RouterFlags, Vote};
use scape::testing::{Role, TestNetwork};

use crate::program::{fails, run};
use crate::scaling::{bandwidths, next_size};
use crate::{NAME, SOON, dir_port};

/// The size in bytes of the file that the web server serves.
const SIZE: usize = 40_000;

/// Starts a server that answers range requests for a file of zeros. Returns its
/// port.
fn web_server() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            thread::spawn(move || {
                let _ = answer(&connection);
            });
        }
    });
    port
}

/// Answers range requests on a connection until the client ends it.
fn answer(mut connection: &TcpStream) -> io::Result<()> {
    let mut requests = BufReader::new(connection);
    loop {
        let mut range = None;
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let line = line.trim_end().to_ascii_lowercase();
            if line.is_empty() {
                break;
            }
            if let Some(bytes) = line.strip_prefix("range: bytes=") {
                let (first, last) = bytes.split_once('-').unwrap();
                range = Some((first.parse::<usize>().unwrap(), last.parse::<usize>().unwrap()));
            }
        }
        let (first, last) = range.unwrap();
        assert!(first <= last && last < SIZE, "{first}-{last}");
        let length = last + 1 - first;
        write!(
            connection,
            "HTTP/1.1 206 Partial Content\r\nContent-Length: {length}\r\n\
             Content-Range: bytes {first}-{last}/{SIZE}\r\n\r\n"
        )?;
        connection.write_all(&vec![0; length])?;
    }
}

pub(crate) fn measure(network: &TestNetwork) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("v3bw");
    let file = path.to_str().unwrap();
    let url = format!("http://{NAME}:{}/file", web_server());
    let text =
        run(network, "bandwidth_scanner", &["--authorities", "--downloads", "2", &url, file]);
    // The authorities are relays, but no exits.
    let exits = network.relays().count();
    let nodes = network.nodes().iter().filter(|node| node.role() != Role::Client);
    let relays = nodes.clone().count();
    assert!(text.starts_with(&format!("{relays} relays, {exits} exits\n")), "{text}");
    assert_eq!(text.lines().filter(|line| line.ends_with(" bytes/s")).count(), relays, "{text}");
    assert!(text.ends_with(&format!("measured {relays} relays: {file}\n")), "{text}");
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);

    let text = fs::read(&path).unwrap();
    let file = BandwidthFile::parse_strict(&text).unwrap();
    assert_eq!(file.number_eligible_relays, Some(relays as u64));
    assert_eq!(file.percent_eligible_relays, Some(100));
    for relay in nodes {
        let line = file.relays().find(|line| line.fingerprint == relay.fingerprint()).unwrap();
        assert!(line.bandwidth > 0 && line.vote() && line.nick() == Some(relay.nickname()));
        assert_eq!(line.get("success"), Some("2"));
        // The client knows no other bandwidth of these relays.
        let mean: u64 = line.get("bw_mean").unwrap().parse().unwrap();
        assert!(line.bandwidth.abs_diff(mean / 1000) <= 1, "{line:?}");
    }

    // An authority votes with the file.
    let authority = network.nodes().iter().find(|node| node.role() == Role::Authority).unwrap();
    let tor = authority.controller();
    tor.set_conf([("V3BandwidthsFile", path.to_str().unwrap())]).unwrap();
    let begun = Instant::now();
    let text = loop {
        network.vote(SOON).unwrap();
        let text = dir_port::wait_for(authority, "/tor/status-vote/current/authority", "", SOON);
        // A vote may have begun before the option was set.
        if Vote::parse_strict(&text).unwrap().bandwidth_file_sha256() == Some(file.digest()) {
            break text;
        }
        assert!(begun.elapsed() < SOON, "no vote with the file");
    };
    let vote = Vote::parse_strict(&text).unwrap();
    for line in file.relays() {
        let relay =
            vote.relays().find(|relay| Some(relay.fingerprint()) == line.fingerprint).unwrap();
        // tor ignores the measurements of authorities.
        let is_authority = relay.flags().contains(RouterFlags::AUTHORITY);
        let expected = Some(line.bandwidth).filter(|_| !is_authority);
        assert_eq!(relay.measured().map(u64::from), expected);
    }
    tor.reset_conf(["V3BandwidthsFile"]).unwrap();
    let unused = folder.path().join("unused");
    fails(network, "bandwidth_scanner", &["http://nobody.scape.test/", unused.to_str().unwrap()]);
    assert!(!unused.exists());
}

#[test]
fn download_sizes_approach_the_target_time() {
    const LARGEST: u64 = 1_000_000;
    for (size, seconds, next) in [
        (16_384, 0.5, Some(81_920)),
        (100_000, 2.0, Some(300_000)),
        (100_000, 5.0, None),
        (100_000, 9.9, None),
        (100_000, 10.0, Some(60_000)),
        (500_000, 0.9, Some(LARGEST)),
        (LARGEST, 0.1, None),
        (LARGEST, 12.0, Some(500_000)),
        (1, 100.0, Some(1)),
    ] {
        assert_eq!(next_size(size, LARGEST, seconds), next, "{size} in {seconds} s");
    }
}

#[test]
fn bandwidths_are_scaled_by_the_measured_speed() {
    // The speeds are twice the average, two thirds of it, and a third of it.
    let speeds: [&[f64]; 3] = [&[6000.0], &[2000.0, 2000.0], &[1000.0]];
    let relays = speeds.map(|speeds| (speeds, Some(30_000.0)));
    assert_eq!(bandwidths(&relays), [60, 20, 10]);
    // A slow download counts as an average one, so the first relay is as fast
    // as the other one: 2500 bytes per second.
    let relays = [([3000.0, 1000.0].as_slice(), Some(10_000.0)), (&[2500.0], Some(10_000.0))];
    assert_eq!(bandwidths(&relays), [10, 11]);
    // Without another bandwidth, the speed itself counts. No relay gets 0.
    assert_eq!(bandwidths(&[(&[4_400.0], None), (&[1.0], None)]), [4, 1]);
    assert_eq!(bandwidths(&[]), Vec::<u64>::new());
    // In a network of 40 relays, the fastest gets 5 % of the sum.
    let mut relays = vec![([1000.0].as_slice(), Some(1_000_000.0)); 40];
    relays[0].1 = Some(39_000_000.0);
    let scaled = bandwidths(&relays);
    assert_eq!((scaled[0], scaled[1]), (78_000 / 20, 1000));
}
