//! The cost of a connection through a SOCKS port, compared with a bare client
//! that sends the same bytes. See `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-benches --bench socks`. With `-- --quick`
//! at the end, it takes half a minute. The SOCKS port is a fake: a separate
//! process that answers at once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput};
use scape::socks::{Isolation, SocksProxy};

use support::child;
use support::rounds::{Comparison, Run, print_ratios};

/// The role of the child process that runs the fake SOCKS port.
const ROLE: &str = "fake-socks";
/// The host and the port that every connection asks for.
const TARGET: (&str, u16) = ("example.com", 80);
const REQUEST: &[u8] = b"\x05\x01\0\x03\x0bexample.com\0\x50";
const GRANTED: &[u8] = b"\x05\0\0\x01\0\0\0\0\0\0";
/// The user name that isolates a stream from others. The password is `0`.
const USER: &str = "0123456789abcdef0123456789abcdef";
const CREDENTIALS: &[u8] = b"\x01\x200123456789abcdef0123456789abcdef\x010";

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, _)) => match role.as_str() {
            ROLE => serve(),
            _ => panic!("no such role: {role}"),
        },
    }
}

fn benchmark() {
    let given = |argument: &str| std::env::args().any(|given| given == argument);
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    let (_server, port) = child::Server::start(ROLE);
    let port = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    let mut comparisons: Vec<Comparison> = [("socks/plain", false), ("socks/isolated", true)]
        .into_iter()
        .map(|(name, isolated)| Comparison {
            name: name.to_owned(),
            target: 1.2,
            times: 1000,
            bare: bare(port, isolated),
            scape: scape(port, isolated),
        })
        .collect();
    comparisons.retain_mut(|comparison| measure(&mut criterion, comparison));
    criterion.final_summary();
    // Like criterion, only test that the benchmarks run if there is no --bench.
    if given("--bench") && !["--test", "--list", "--profile-time"].into_iter().any(given) {
        print_ratios(&mut comparisons, if given("--quick") { 7 } else { 15 });
    }
}

/// Lets criterion measure both columns of a comparison: `bare` and `scape`.
/// Returns true if criterion's command line selects this comparison.
fn measure(criterion: &mut Criterion, comparison: &mut Comparison) -> bool {
    let mut measured = false;
    let mut group = criterion.benchmark_group(&comparison.name);
    group.throughput(Throughput::Elements(1));
    for (column, run) in [("bare", &mut comparison.bare), ("scape", &mut comparison.scape)] {
        group.bench_function(column, |bencher| {
            measured = true;
            bencher.iter_custom(&mut *run);
        });
    }
    group.finish();
    measured
}

/// Returns the time that `times` calls of `connect` take together.
fn timed(times: u64, mut connect: impl FnMut()) -> Duration {
    let begun = Instant::now();
    for _ in 0..times {
        connect();
    }
    begun.elapsed()
}

/// Returns a function that connects with a minimal hand-written SOCKS client.
/// If `isolated` is true, the client sends a user name and a password.
fn bare(port: SocketAddr, isolated: bool) -> Run {
    Box::new(move |times| {
        timed(times, || {
            let mut stream = TcpStream::connect(port).unwrap();
            stream.set_nodelay(true).unwrap();
            let mut answer = [0; 2];
            stream.write_all(if isolated { b"\x05\x01\x02" } else { b"\x05\x01\0" }).unwrap();
            stream.read_exact(&mut answer).unwrap();
            if isolated {
                stream.write_all(CREDENTIALS).unwrap();
                stream.read_exact(&mut answer).unwrap();
            }
            stream.write_all(REQUEST).unwrap();
            let mut reply = [0; GRANTED.len()];
            stream.read_exact(&mut reply).unwrap();
            assert_eq!(reply, GRANTED);
        })
    })
}

fn scape(port: SocketAddr, isolated: bool) -> Run {
    let mut proxy = SocksProxy::new(port);
    if isolated {
        proxy = proxy.isolation(Isolation::new(USER, "0").unwrap());
    }
    Box::new(move |times| {
        timed(times, || {
            proxy.connect(TARGET).unwrap();
        })
    })
}

/// Runs the role [`ROLE`], the fake SOCKS port: prints the port, and serves
/// clients until standard input ends.
fn serve() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Serve one client after the other. It doesn't matter if a client
            // disconnects.
            let _ = converse(stream);
        }
    });
    let _ = io::stdin().read(&mut [0]);
}

fn converse(mut stream: TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut greeting = [0; 3];
    stream.read_exact(&mut greeting)?;
    let method = greeting[2];
    stream.write_all(&[5, method])?;
    if method == 2 {
        stream.read_exact(&mut [0; CREDENTIALS.len()])?;
        stream.write_all(&[1, 0])?;
    }
    let mut request = [0; REQUEST.len()];
    stream.read_exact(&mut request)?;
    assert_eq!(request, REQUEST);
    stream.write_all(GRANTED)
}
