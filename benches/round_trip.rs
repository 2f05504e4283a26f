//! The time of commands and their replies, compared with a bare socket. See
//! `docs/benchmarks.md`.
//!
//! Run it with `cargo bench -p scape-benches --bench round_trip`. With `--
//! --quick` at the end, it takes less than a minute.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::time::Duration;

use criterion::{Criterion, Throughput};

use support::fake_tor::{self, FakeTor};
use support::real_tor::RealTor;
use support::rounds::{Comparison, print_ratios};
use support::{Server, bare, child, scape_side};

/// The role of a child process that sends requests, so that a profiler can
/// count its instructions.
const CLIENT: &str = "client";

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, arguments)) => match role.as_str() {
            fake_tor::ROLE => fake_tor::serve(),
            CLIENT => ask(&arguments),
            _ => panic!("no such role: {role}"),
        },
    }
}

/// Runs the role [`CLIENT`]: sends requests. The arguments are a column, the
/// server's port and the number of requests.
fn ask(arguments: &[String]) {
    let [column, port, times] = arguments else { panic!("{arguments:?}") };
    let server = Server { address: format!("127.0.0.1:{port}"), cookie_file: None };
    let mut run = match column.as_str() {
        "sequential" => scape_side::sequential(&server),
        "8-threads" => scape_side::threads(&server),
        "8-queued" => scape_side::queued(&server),
        _ => panic!("no such column: {column}"),
    };
    run(times.parse().unwrap());
}

fn benchmark() {
    let given = |argument: &str| std::env::args().any(|given| given == argument);
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    let fake_tor = FakeTor::start();
    let real_tor = RealTor::start();
    let servers = support::servers(&fake_tor, real_tor.as_ref());
    let mut comparisons: Vec<_> =
        servers.into_iter().flat_map(|(name, server)| comparisons_with(name, server)).collect();
    comparisons.retain_mut(|comparison| measure(&mut criterion, comparison));
    criterion.final_summary();
    // Like criterion, only test that the benchmarks run if there is no --bench.
    if given("--bench") && !["--test", "--list", "--profile-time"].into_iter().any(given) {
        print_ratios(&mut comparisons, if given("--quick") { 7 } else { 15 });
    }
}

fn comparisons_with(name: &str, server: &Server) -> [Comparison; 3] {
    [
        Comparison {
            name: format!("{name}/sequential"),
            target: 1.1,
            times: 10_000,
            bare: bare::sequential(server),
            scape: scape_side::sequential(server),
        },
        Comparison {
            name: format!("{name}/8-threads"),
            target: 1.2,
            times: 20_000,
            bare: bare::threads(server),
            scape: scape_side::threads(server),
        },
        Comparison {
            name: format!("{name}/8-queued"),
            target: 1.25,
            times: 40_000,
            bare: bare::queued(server),
            scape: scape_side::queued(server),
        },
    ]
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
