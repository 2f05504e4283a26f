//! The cost of scape's live state of tor (`scape::State`) with as many relays
//! as the public network has, compared with parsing the same bytes. See
//! `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-benches --bench state`. With `-- --quick`
//! at the end, it takes half a minute.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::process::Stdio;
use std::time::Duration;

use criterion::Criterion;
use scape::State;

use support::fake_tor::{self, FakeTor};
use support::relays::{self, RELAYS};
use support::rounds::{Ratio, Run, verdict};
use support::{Server, child, fake_network, memory, scape_side, scape_state};

/// The role of a child process that holds a live state, to measure its memory.
/// The arguments are the server's address and the number of new consensuses
/// that the server sends.
const HOLDER: &str = "holder";

/// The number of circuit and stream events in one measurement.
const EVENTS: usize = 100_000;

/// The target for the memory that each relay takes, in bytes.
const MEMORY_TARGET: u64 = 1024;

/// The measured functions, in the order in which they run.
const COLUMNS: [&str; 8] = [
    "bare",
    "parse",
    "bare-consensus",
    "parse-consensus",
    "ready",
    "new-consensus",
    "typed-events",
    "applied-events",
];

/// The ratios: a column, the column that its time is divided by, and the
/// target.
const RATIOS: [(&str, &str, f64); 5] = [
    ("parse", "bare", 2.0),
    ("parse-consensus", "bare-consensus", 2.0),
    ("ready", "parse", 3.0),
    ("new-consensus", "parse", 3.0),
    ("applied-events", "typed-events", 2.0),
];

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, arguments)) => match role.as_str() {
            fake_tor::ROLE => fake_tor::serve(),
            HOLDER => hold(&arguments),
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
    let mut group = criterion.benchmark_group("state");
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
        println!("memory: {}", memory_of(server));
        return;
    }
    // Ratios need all columns.
    if measured == COLUMNS.len() {
        print_ratios(&mut columns, if given("--quick") { 7 } else { 15 });
        println!("\n{}", memory_of(server));
    }
}

fn column(name: &str, server: &Server) -> Run {
    let [relays, _] = fake_network::relays();
    match name {
        "bare" => scape_state::bare(relays.ns_all(), true),
        "parse" => scape_state::parse(relays.ns_all()),
        "bare-consensus" => scape_state::bare(relays.consensus(), false),
        "parse-consensus" => scape_state::parse(relays.consensus()),
        "ready" => scape_state::ready(server),
        "new-consensus" => scape_state::new_consensus(server),
        "typed-events" => scape_state::typed_lives(EVENTS),
        "applied-events" => scape_state::lives(server, EVENTS),
        _ => panic!("no such column: {name}"),
    }
}

/// Runs all columns alternately, in `rounds` rounds, and prints a line for each
/// ratio.
fn print_ratios(columns: &mut [Run; COLUMNS.len()], rounds: usize) {
    println!(
        "{RELAYS} relays, {EVENTS} events: multiples of another column's time, median and range of {rounds} rounds, and \
         the target\n"
    );
    // The first round is a warm-up and isn't counted. Each column runs four
    // times in a row, so that a single disturbance matters little.
    let times: Vec<[f64; COLUMNS.len()]> =
        (0..=rounds).map(|_| columns.each_mut().map(|run| run(4).as_secs_f64())).skip(1).collect();
    let at = |name| COLUMNS.iter().position(|column| *column == name).unwrap();
    for (of, to, target) in RATIOS {
        let ratios = times.iter().map(|round| round[at(of)] / round[at(to)]).collect();
        Ratio::of(ratios).print(&format!("{of}/{to}"), Some(target));
    }
}

/// Measures the memory of a child process with a live state, and returns a line
/// that describes it.
fn memory_of(server: &Server) -> String {
    let mut holder = child::command(HOLDER, &[&server.address, "0"]);
    let output = holder.stdin(Stdio::null()).stderr(Stdio::inherit()).output().unwrap();
    assert!(output.status.success(), "{}", output.status);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let numbers: Vec<u64> = text.split_whitespace().map(|number| number.parse().unwrap()).collect();
    let [before, after, .., peak] = numbers[..] else { panic!("{text:?}") };
    let each = (after - before) * 1024 / RELAYS as u64;
    format!(
        "a live state with {RELAYS} relays: {each} bytes for each (target {MEMORY_TARGET}, {}), {before} KiB before, \
         {after} KiB afterwards, {peak} KiB at most",
        verdict(each < MEMORY_TARGET)
    )
}

/// Runs the role [`HOLDER`]: holds a live state, and prints the memory of this
/// process in KiB: before and after loading the state, after each new
/// consensus, and the peak.
fn hold(arguments: &[String]) {
    let [address, consensuses] = arguments else { panic!("{arguments:?}") };
    let controller = scape_side::connect(address);
    let before = memory::now();
    let state = State::new(&controller).unwrap();
    let mut all = vec![before, memory::now()];
    for _ in 0..consensuses.parse().unwrap() {
        controller.get_info(fake_network::NEW_CONSENSUS).unwrap();
        all.push(memory::now());
    }
    all.push(memory::peak());
    println!("{}", all.iter().map(u64::to_string).collect::<Vec<_>>().join(" "));
    assert_eq!(state.routers().len(), relays::count());
}
