//! The cost of receiving very many events at once, compared with a loop that
//! only reads them. See `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-benches --bench events`. With `-- --quick`
//! at the end, it takes a minute.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::process::Stdio;
use std::time::Duration;

use criterion::{Criterion, Throughput};

use support::fake_tor::{self, FakeTor};
use support::rounds::{Ratio, Run, verdict};
use support::{Server, bare_events, child, memory, scape_events};

/// The role of a child process that receives events, to measure its memory. The
/// arguments are the name of the column, the server's address and the number of
/// events.
const LISTENER: &str = "listener";

/// The ways to receive events that are compared, in the order of measurement.
/// The first two are hand-written loops, the others use scape.
const COLUMNS: [&str; 4] = ["lines", "words", "subscription", "callback"];

/// The number of events that the server sends in one measurement.
const EVENTS: u64 = 500_000;

/// The target: the highest ratio of scape's time to the time of the column
/// `words`.
const TARGET: f64 = 2.5;

/// The target for the peak memory of a program with a listener, in KiB.
const MEMORY_TARGET: u64 = 8192;

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, arguments)) => match role.as_str() {
            fake_tor::ROLE => fake_tor::serve(),
            LISTENER => listen(&arguments),
            _ => panic!("no such role: {role}"),
        },
    }
}

fn benchmark() {
    let given = |argument: &str| std::env::args().any(|given| given == argument);
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(10)
        .configure_from_args();
    let fake_tor = FakeTor::start();
    let server = &fake_tor.server;
    let mut columns = COLUMNS.map(|name| column(name, server));
    let mut measured = 0;
    let mut group = criterion.benchmark_group("events");
    group.throughput(Throughput::Elements(1));
    for (name, run) in COLUMNS.iter().zip(&mut columns) {
        let mut asked = false;
        group.bench_function(*name, |bencher| {
            asked = true;
            bencher.iter_custom(&mut *run);
        });
        measured += usize::from(asked);
    }
    group.finish();
    criterion.final_summary();
    // Like criterion, only test that the benchmarks run if there is no --bench.
    if !given("--bench") || ["--test", "--list", "--profile-time"].into_iter().any(given) {
        println!("memory: {} KiB", peak_of(COLUMNS[3], server, 1));
        return;
    }
    // Ratios need all columns.
    if measured == COLUMNS.len() {
        print_ratios(&mut columns, if given("--quick") { 7 } else { 15 });
        print_memory(server, if given("--quick") { 1 } else { 3 });
    }
}

fn column(name: &str, server: &Server) -> Run {
    match name {
        "lines" => bare_events::lines(server),
        "words" => bare_events::words(server),
        "subscription" => scape_events::subscription(server),
        "callback" => scape_events::callback(server),
        _ => panic!("no such column: {name}"),
    }
}

/// Runs all columns alternately, in `rounds` rounds, and prints a line for each
/// ratio.
fn print_ratios(columns: &mut [Run; 4], rounds: usize) {
    println!(
        "{EVENTS} events: multiples of another column's time, median and range of {rounds} rounds, and the target\n"
    );
    // The first round is a warm-up and isn't counted.
    let times: Vec<[f64; 4]> = (0..=rounds)
        .map(|_| columns.each_mut().map(|run| run(EVENTS).as_secs_f64()))
        .skip(1)
        .collect();
    let ratio =
        |of: usize, to: usize| Ratio::of(times.iter().map(|round| round[of] / round[to]).collect());
    ratio(2, 1).print("subscription/words", Some(TARGET));
    ratio(3, 1).print("callback/words", Some(TARGET));
    ratio(1, 0).print("words/lines", None);
}

/// Runs each column except `lines` in `times` child processes, with two numbers
/// of events. Prints the highest peak memory for each column and number.
fn print_memory(server: &Server, times: usize) {
    println!(
        "\nThe most memory that a program took that only listens (VmHWM, the highest of {times}):\n"
    );
    for name in &COLUMNS[1..] {
        for events in [EVENTS, 2 * EVENTS] {
            let peak = (0..times).map(|_| peak_of(name, server, events)).max().unwrap_or(0);
            println!(
                "{name:<18} {events:>8} events   {peak} KiB   target {MEMORY_TARGET} KiB   {}",
                verdict(peak <= MEMORY_TARGET)
            );
        }
    }
}

/// Runs the listener of a column in a child process until the listener has
/// received `events` events. Returns the process's peak memory, in KiB.
fn peak_of(column: &str, server: &Server, events: u64) -> u64 {
    let mut listener = child::command(LISTENER, &[column, &server.address, &events.to_string()]);
    let output = listener.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{column}: {}", output.status);
    String::from_utf8_lossy(&output.stdout).trim().parse().unwrap()
}

/// Runs the role [`LISTENER`]: receives the events, and prints the peak memory
/// of this process.
fn listen(arguments: &[String]) {
    let [name, address, events] = arguments else { panic!("{arguments:?}") };
    let server = Server { address: address.clone(), cookie_file: None };
    column(name, &server)(events.parse().unwrap());
    println!("{}", memory::peak());
}
