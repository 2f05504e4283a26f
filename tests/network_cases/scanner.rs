//! The example `bandwidth_scanner`, and an authority that votes with its file.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::Instant;

use scape::netdoc::{BandwidthFile, RouterFlags, Vote};
use scape::testing::{Role, TestNetwork};

use crate::program::{fails, run};
use crate::{NAME, SOON, dir_port};

/// The size of the file that the web server has.
const SIZE: usize = 40_000;

/// Answers range requests for a file of zeros.
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

/// Answers requests until the visitor leaves.
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
