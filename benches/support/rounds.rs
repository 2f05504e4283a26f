//! Ratios of the times of two functions that run alternately, round after
//! round.
//!
//! On a machine that does other things too, times that were measured long apart
//! can't be compared. The ratio of two times that were measured one after the
//! other can be compared.

use std::time::Duration;

/// A function that does something as often as its argument says, and returns
/// the time that this took.
pub(crate) type Run = Box<dyn FnMut(u64) -> Duration>;

/// A function that uses scape, and the baseline: a function that does the same
/// with a bare socket.
pub(crate) struct Comparison {
    /// The name of the comparison, such as `tor/config`.
    pub(crate) name: String,
    /// The target: the highest ratio of scape's time to the bare socket's time.
    pub(crate) target: f64,
    /// The number of repetitions in a round, the argument of both functions.
    pub(crate) times: u64,
    pub(crate) bare: Run,
    pub(crate) scape: Run,
}

/// The median and the range of the ratios that were measured in several rounds.
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Ratio {
    /// Creates the result from one ratio for each round.
    pub(crate) fn of(mut ratios: Vec<f64>) -> Ratio {
        ratios.sort_by(f64::total_cmp);
        Ratio {
            median: ratios[ratios.len() / 2],
            lowest: ratios[0],
            highest: ratios[ratios.len() - 1],
        }
    }

    /// Prints the ratio in a line. If `target` is given, also prints the target
    /// and the word "met" or "MISSED".
    pub(crate) fn print(&self, name: &str, target: Option<f64>) {
        print!("{name:<18} {:.2}  ({:.2} to {:.2})", self.median, self.lowest, self.highest);
        match target {
            Some(target) => println!("   target {target:.2}   {}", verdict(self.median <= target)),
            None => println!(),
        }
    }
}

impl Comparison {
    /// Runs both functions once, to test that they work.
    pub(crate) fn run_once(&mut self) {
        (self.bare)(1);
        (self.scape)(1);
        println!("{}: ok", self.name);
    }

    /// Returns the ratio of scape's time to the baseline's time, measured in
    /// `rounds` rounds. Another round before them is a warm-up and isn't
    /// counted.
    pub(crate) fn ratio(&mut self, rounds: usize) -> Ratio {
        let ratios = (0..=rounds).map(|_| {
            let bare = (self.bare)(self.times);
            let scape = (self.scape)(self.times);
            scape.as_secs_f64() / bare.as_secs_f64()
        });
        Ratio::of(ratios.skip(1).collect())
    }
}

/// Measures all comparisons in `rounds` rounds, and prints a line for each
/// comparison.
pub(crate) fn print_ratios(comparisons: &mut [Comparison], rounds: usize) {
    println!(
        "scape's time as a multiple of a bare socket's: median and range of {rounds} rounds, and the target\n"
    );
    for comparison in comparisons {
        comparison.ratio(rounds).print(&comparison.name, Some(comparison.target));
    }
}

/// Returns the word that is printed after a target: "met" or "MISSED".
pub(crate) fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
