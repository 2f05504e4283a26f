//! Measures the parsers of directory documents, compared with other libraries
//! and with plain loops over the same text. See `docs/benchmarks.md`,
//! "Documents".
//!
//! Run it with `cargo bench --manifest-path benches/documents/Cargo.toml`. With
//! `-- --quick` at the end, it takes two or three minutes.

#[path = "../../support/bare_relays.rs"]
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod bare_relays;
#[path = "../../support/child.rs"]
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod child;
mod columns;
mod inputs;
#[path = "../../support/memory.rs"]
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod memory;
mod peaks;
#[path = "../../support/random.rs"]
mod random;
#[path = "../../support/relays.rs"]
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod relays;
#[path = "../../support/rounds.rs"]
#[allow(dead_code, reason = "other benchmarks use the rest")]
mod rounds;
mod table;

use std::time::Duration;

use criterion::{BenchmarkId, Criterion};

use columns::{Subject, subjects};
use relays::RELAYS;

/// The role of a child process that prints the text of a subject. The arguments
/// are the subject's position in `subjects()` and the number of documents.
const TEXT: &str = "text";

fn main() {
    match child::role() {
        None => benchmark(),
        Some((role, arguments)) => match role.as_str() {
            peaks::ROLE => peaks::read(&arguments),
            TEXT => print!("{}", text(&arguments)),
            _ => panic!("no such role: {role}"),
        },
    }
}

fn benchmark() {
    let given = |argument: &str| std::env::args().any(|given| given == argument);
    let is_test = !given("--bench") || ["--test", "--list"].into_iter().any(given);
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(200))
        .measurement_time(Duration::from_secs(1))
        .sample_size(10)
        .configure_from_args();
    let subjects = subjects();
    // A test only shows that everything runs, so a few relays are enough.
    let relays = if is_test { 100 } else { RELAYS };
    let texts: Vec<String> =
        subjects.iter().map(|subject| subject.input.text(relays / subject.one_of)).collect();
    let mut measured = 0;
    for (subject, text) in subjects.iter().zip(&texts) {
        measured += measure(&mut criterion, subject, text);
    }
    criterion.final_summary();
    let total: usize = subjects.iter().map(|subject| subject.columns.len()).sum();
    if is_test || measured < total {
        // The table needs all columns.
        return;
    }
    let rounds = if given("--quick") { 5 } else { 11 };
    table::print(&subjects, &texts, rounds);
    drop(texts);
    peaks::print(&subjects);
}

fn text(arguments: &[String]) -> String {
    let [subject, documents] = arguments else { panic!("{arguments:?}") };
    let input = subjects()[subject.parse::<usize>().unwrap()].input;
    input.text(documents.parse().unwrap())
}

/// Runs the columns of a subject under criterion, and returns the number of
/// columns that the arguments chose.
fn measure(criterion: &mut Criterion, subject: &Subject, text: &str) -> usize {
    let mut measured = 0;
    let mut group = criterion.benchmark_group(subject.name);
    for column in &subject.columns {
        let mut asked = false;
        let id = BenchmarkId::from_parameter(column.name);
        group.bench_with_input(id, text, |bencher, text| {
            asked = true;
            bencher.iter(|| (column.run)(text));
        });
        measured += usize::from(asked);
    }
    group.finish();
    measured
}

/// Runs a column once, and checks that it finds `documents` documents. Returns
/// the processor time in seconds. Other programs on the same machine change
/// processor time less than elapsed time. No column has threads.
fn timed(run: fn(&str) -> usize, text: &str, documents: usize) -> f64 {
    let begun = processor_time();
    assert_eq!(run(text), documents);
    processor_time() - begun
}

fn processor_time() -> f64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    time.tv_sec as f64 + time.tv_nsec as f64 / 1e9
}
