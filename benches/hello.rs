//! The cost of a whole program that connects, authenticates, asks for tor's
//! version and ends: its time and memory, compared with the same on a bare
//! socket. See `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-benches --bench hello`. The benchmark
//! starts its own executable again: in the role of a program that uses scape,
//! and in the role of a program with a bare socket. This benchmark is separate
//! from the others and doesn't use criterion, so that the measured executable
//! contains nothing but scape.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::cell::Cell;
use std::io::Write;
use std::process::Stdio;
use std::rc::Rc;
use std::time::Instant;

use support::fake_tor::{self, FakeTor};
use support::real_tor::RealTor;
use support::rounds::{Comparison, Run, print_ratios, verdict};
use support::{REQUEST, Server, bare, child, memory, scape_side};

/// The role of a child process that uses a bare socket.
const BARE: &str = "hello-bare";
/// The role of a child process that uses scape.
const SCAPE: &str = "hello-scape";

/// The target for the peak memory of the program that uses scape, in KiB.
const MEMORY_TARGET: u64 = 3500;

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, arguments)) => match role.as_str() {
            fake_tor::ROLE => fake_tor::serve(),
            BARE => with_bare_socket(arguments),
            SCAPE => with_scape(&arguments),
            _ => panic!("no such role: {role}"),
        },
    }
}

fn benchmark() {
    let given = |argument: &str| std::env::args().any(|given| given == argument);
    // Like criterion, only test that the benchmark runs if there is no --bench.
    let is_test = given("--test") || !given("--bench");
    let (rounds, times) = if given("--quick") { (7, 50) } else { (15, 200) };
    let fake_tor = FakeTor::start();
    let real_tor = RealTor::start();
    let mut comparisons = Vec::new();
    let mut peaks = Vec::new();
    for (name, server) in support::servers(&fake_tor, real_tor.as_ref()) {
        let (bare_peak, scape_peak) = (Peak::default(), Peak::default());
        comparisons.push(Comparison {
            name: format!("{name}/hello"),
            target: 1.3,
            times,
            bare: programs(BARE, server, &bare_peak),
            scape: programs(SCAPE, server, &scape_peak),
        });
        peaks.push((name, bare_peak, scape_peak));
    }
    if is_test {
        comparisons.iter_mut().for_each(Comparison::run_once);
        return;
    }
    print_ratios(&mut comparisons, rounds);
    println!("\nThe most memory that one of these programs took (VmHWM):\n");
    for (name, bare, scape) in peaks {
        println!(
            "{:<18} {} KiB, {} KiB with a bare socket   target {MEMORY_TARGET} KiB   {}",
            format!("{name}/hello"),
            scape.get(),
            bare.get(),
            verdict(scape.get() <= MEMORY_TARGET),
        );
    }
}

/// The highest peak memory of several programs, in KiB. 0 if the system doesn't
/// report it.
type Peak = Rc<Cell<u64>>;

/// Returns a function that runs programs in the role `role` one after the
/// other. It measures the time from before the first program starts until the
/// last one has ended, and notes their highest peak memory in `peak`.
fn programs(role: &'static str, server: &Server, peak: &Peak) -> Run {
    let address = server.address.clone();
    let cookie = server.cookie_file.as_ref().map(|path| path.display().to_string());
    let peak = peak.clone();
    Box::new(move |times| {
        let arguments: Vec<&str> =
            [Some(address.as_str()), cookie.as_deref()].into_iter().flatten().collect();
        let begun = Instant::now();
        for _ in 0..times {
            let mut program = child::command(role, &arguments);
            let output = program.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
            assert!(output.status.success(), "{role}: {}", output.status);
            let taken = String::from_utf8_lossy(&output.stdout).trim().parse().unwrap();
            peak.set(peak.get().max(taken));
        }
        begun.elapsed()
    })
}

/// Runs the program with a bare socket. The arguments are tor's address and, if
/// tor requires it, the cookie file.
fn with_bare_socket(arguments: Vec<String>) {
    let mut arguments = arguments.into_iter();
    let address = arguments.next().unwrap();
    let server = Server { address, cookie_file: arguments.next().map(Into::into) };
    let mut stream = bare::connect(&server);
    stream.write_all(REQUEST).unwrap();
    let mut reply = Vec::new();
    bare::read_reply(&mut stream, &mut reply);
    assert!(reply.starts_with(b"250-version="));
    println!("{}", memory::peak());
}

/// Runs the program with scape, which asks tor for the path of the cookie file.
fn with_scape(arguments: &[String]) {
    let controller = scape_side::connect(&arguments[0]);
    assert!(!controller.version().unwrap().to_string().is_empty());
    drop(controller);
    println!("{}", memory::peak());
}
