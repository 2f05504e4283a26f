//! How fast tor's answers come, compared with a bare socket: see `docs/benchmarks.md`.
//!
//! `cargo bench --bench round_trip`, or in a minute `cargo bench --bench round_trip -- --quick`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stdout)]

mod support;

use std::time::Duration;

use criterion::{Criterion, Throughput};

use support::fake_tor::{self, FakeTor};
use support::hello::{self, Peak};
use support::real_tor::RealTor;
use support::rounds::Comparison;
use support::{Server, bare, child, scape_side};

/// What the program that connects and asks the version may take at most, in KiB.
const MEMORY_TARGET: u64 = 3500;

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, arguments)) => match role.as_str() {
            fake_tor::ROLE => fake_tor::serve(),
            hello::BARE => hello::with_bare_socket(arguments),
            hello::SCAPE => hello::with_scape(&arguments),
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

    let fake_tor = FakeTor::start();
    let real_tor = RealTor::start();
    let mut servers = vec![("fake", &fake_tor.server)];
    match &real_tor {
        Some(tor) => servers.push(("tor", &tor.server)),
        None => println!("There is no tor here: only the fake one answers."),
    }

    let mut comparisons = Vec::new();
    let mut peaks = Vec::new();
    for (name, server) in servers {
        let (bare, scape) = (Peak::default(), Peak::default());
        comparisons.extend(comparisons_with(name, server, &bare, &scape));
        peaks.push((name, bare, scape));
    }
    for comparison in &mut comparisons {
        measure(&mut criterion, comparison);
    }
    criterion.final_summary();

    // As criterion decides: without --bench, this is a test of whether the benchmarks run.
    if given("--bench") && !["--test", "--list", "--profile-time"].into_iter().any(given) {
        print_ratios(&mut comparisons, if given("--quick") { 7 } else { 15 });
        print_memory(&peaks);
    }
}

fn comparisons_with(name: &str, server: &Server, bare_peak: &Peak, scape_peak: &Peak) -> [Comparison; 4] {
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
        Comparison {
            name: format!("{name}/hello"),
            target: 1.3,
            times: 50,
            bare: hello::run(hello::BARE, server, bare_peak),
            scape: hello::run(hello::SCAPE, server, scape_peak),
        },
    ]
}

/// Criterion's own measurement of both columns.
fn measure(criterion: &mut Criterion, comparison: &mut Comparison) {
    let mut group = criterion.benchmark_group(&comparison.name);
    group.throughput(Throughput::Elements(1));
    for (column, run) in [("bare", &mut comparison.bare), ("scape", &mut comparison.scape)] {
        group.bench_function(column, |bencher| bencher.iter_custom(&mut *run));
    }
    group.finish();
}

fn print_ratios(comparisons: &mut [Comparison], rounds: usize) {
    println!(
        "scape's time as a multiple of a bare socket's: median (and range) of {rounds} rounds, and its target\n"
    );
    for comparison in comparisons {
        let ratio = comparison.ratio(rounds);
        println!(
            "{:<18} {:5.2}  ({:.2} to {:.2})   target {:.2}   {}",
            comparison.name,
            ratio.median,
            ratio.lowest,
            ratio.highest,
            comparison.target,
            verdict(ratio.median <= comparison.target),
        );
    }
}

fn print_memory(peaks: &[(&str, Peak, Peak)]) {
    println!("\nhello's peak memory in KiB (VmHWM): the most that any of the programs above took\n");
    for (name, bare, scape) in peaks {
        println!(
            "{name:<18} {} with a bare socket, {} with scape   target {MEMORY_TARGET}   {}",
            bare.get(),
            scape.get(),
            verdict(scape.get() <= MEMORY_TARGET),
        );
    }
}

fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
