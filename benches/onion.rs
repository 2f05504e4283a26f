//! The throughput of `OnionListener` and `TorClient::connect`, compared with a
//! bare listener and a bare SOCKS client on the same service. See
//! `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-benches --bench onion`. With `-- --quick`
//! at the end, it takes two or three minutes. The benchmark starts a private
//! network of real tors. Both clients use the same circuit. Most of the time of
//! a transfer is spent in the tors.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use scape::TorClient;
use scape::testing::TestNetwork;
use scape::word::OnionAddress;
use support::rounds::{Comparison, Run, print_ratios};

/// The number of bytes that are transferred in each run.
const BYTES: u64 = 100_000_000;
const BUFFER: usize = 64 * 1024;
/// The service's port that leads to a bare listener.
const BARE: u16 = 81;
/// The service's port that leads to an `OnionListener`.
const SCAPE: u16 = 80;

fn main() {
    let given = |argument: &str| std::env::args().any(|given| given == argument);
    // Like criterion, only test that the benchmark runs if there is no --bench.
    let is_test = given("--test") || !given("--bench");
    let bytes = if is_test { 1_000_000 } else { BYTES };
    let network = TestNetwork::builder().start().unwrap();
    let tor = network.tor();

    let bare = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listener = tor
        .onion()
        .unwrap()
        .virtual_port(SCAPE)
        .port(BARE, bare.local_addr().unwrap())
        .listen()
        .unwrap();
    let address = *listener.address();
    thread::spawn(move || bare.incoming().flatten().for_each(|stream| send(stream, bytes)));
    let serving = listener.shutdown_handle();
    let server =
        thread::spawn(move || listener.incoming().flatten().for_each(|stream| send(stream, bytes)));

    let comparison = Comparison {
        name: "onion/throughput".to_owned(),
        target: 1.1,
        times: 1,
        bare: bare_client(network.socks().to_string(), address, bytes),
        scape: scape_client(tor.client().unwrap(), address, bytes),
    };
    let mut comparisons = [comparison];
    if is_test {
        comparisons.iter_mut().for_each(Comparison::run_once);
    } else {
        print_ratios(&mut comparisons, if given("--quick") { 7 } else { 15 });
    }
    serving.shutdown();
    server.join().unwrap();
}

/// Sends `bytes` bytes. This is the server behind both ports of the service.
fn send(mut stream: impl Write, bytes: u64) {
    let buffer = [7; BUFFER];
    let mut left = bytes;
    while left > 0 {
        let count = usize::try_from(left).unwrap_or(BUFFER).min(BUFFER);
        stream.write_all(&buffer[..count]).unwrap();
        left -= count as u64;
    }
}

/// Reads to the end, and checks that `bytes` bytes arrive. This is the client
/// of both ports of the service.
fn receive(mut stream: impl Read, bytes: u64) {
    let mut buffer = [0; BUFFER];
    let mut received = 0;
    loop {
        match stream.read(&mut buffer).unwrap() {
            0 => break,
            count => received += count as u64,
        }
    }
    assert_eq!(received, bytes);
}

fn timed(mut run: impl FnMut() + 'static) -> Run {
    Box::new(move |times| {
        let begun = Instant::now();
        (0..times).for_each(|_| run());
        begun.elapsed().max(Duration::from_nanos(1))
    })
}

/// Returns a function that downloads `bytes` bytes from the service. It uses a
/// minimal hand-written SOCKS client.
fn bare_client(socks: String, address: OnionAddress, bytes: u64) -> Run {
    let name = address.to_string();
    let mut request = vec![5, 1, 0, 3, u8::try_from(name.len()).unwrap()];
    request.extend_from_slice(name.as_bytes());
    request.extend_from_slice(&BARE.to_be_bytes());
    timed(move || {
        let mut stream = TcpStream::connect(&socks).unwrap();
        stream.write_all(b"\x05\x01\x00").unwrap();
        stream.read_exact(&mut [0; 2]).unwrap();
        stream.write_all(&request).unwrap();
        let mut reply = [0; 10];
        stream.read_exact(&mut reply).unwrap();
        assert_eq!(reply[1], 0);
        receive(stream, bytes);
    })
}

fn scape_client(client: TorClient, address: OnionAddress, bytes: u64) -> Run {
    let name = address.to_string();
    timed(move || receive(client.connect((name.as_str(), SCAPE)).unwrap(), bytes))
}
