//! The table at the end of the output: times and their ratios. Columns run
//! alternately, so the load of the machine changes the ratios less than the
//! times.

use crate::columns::{Subject, Target};
use crate::relays::RELAYS;
use crate::rounds::Ratio;
use crate::timed;

/// Measures all columns in turn, round after round, and prints their times and
/// ratios, and the targets.
pub(crate) fn print(subjects: &[Subject], texts: &[String], rounds: usize) {
    println!(
        "\nprocessor time: medians of {rounds} rounds, in each of which all columns ran in turn"
    );
    let mut verdicts = Vec::new();
    for (subject, text) in subjects.iter().zip(texts) {
        let documents = RELAYS / subject.one_of;
        println!("\n{}: {documents} of them, {:.1} MB", subject.name, text.len() as f64 / 1e6);
        println!("{:<20} {:>9}  {:>8}  {:>8}", "", "ms", "MB/s", "x first");
        // The first round is a warm-up and isn't counted.
        let times: Vec<Vec<f64>> = (0..=rounds)
            .map(|_| {
                let time = |column: &crate::columns::Column| timed(column.run, text, documents);
                subject.columns.iter().map(time).collect()
            })
            .skip(1)
            .collect();
        for (at, column) in subject.columns.iter().enumerate() {
            let time = Ratio::of(times.iter().map(|round| round[at]).collect());
            let ratio = Ratio::of(times.iter().map(|round| round[at] / round[0]).collect());
            println!(
                "{:<20} {:>9.2}  {:>8.0}  {:>8.2}",
                column.name,
                time.median * 1e3,
                text.len() as f64 / 1e6 / time.median,
                ratio.median
            );
        }
        for target in &subject.targets {
            verdicts.push((verdict_name(subject, target), ratio(subject, target, &times), target));
        }
    }
    println!(
        "\ntargets: the time as a multiple of another column's, or of the fastest of several\n"
    );
    for (name, ratio, target) in verdicts {
        println!("{name}");
        ratio.print("", Some(target.most));
    }
}

fn verdict_name(subject: &Subject, target: &Target) -> String {
    format!("{}: {} / {}", subject.name, target.column, target.of.join(", "))
}

fn ratio(subject: &Subject, target: &Target, times: &[Vec<f64>]) -> Ratio {
    let at = |name| subject.columns.iter().position(|column| column.name == name).unwrap();
    let ratios = times.iter().map(|round| {
        let fastest = target.of.iter().map(|name| round[at(*name)]).fold(f64::INFINITY, f64::min);
        round[at(target.column)] / fastest
    });
    Ratio::of(ratios.collect())
}
