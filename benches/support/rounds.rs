//! Ratios: two columns measured in turn, round after round.
//!
//! Times of two runs cannot be compared on a machine that does other things
//! too; the ratio of two columns that ran one after the other can.

use std::time::Duration;

/// Does something this many times, and says how long it took.
pub(crate) type Run = Box<dyn FnMut(u64) -> Duration>;

/// Something to measure, and what to measure it against.
pub(crate) struct Comparison {
    /// The name of the measurement and of the tor.
    pub(crate) name: String,
    /// The target: scape's time as a multiple of the bare socket's.
    pub(crate) target: f64,
    /// The number of times that it is done in a round.
    pub(crate) times: u64,
    pub(crate) bare: Run,
    pub(crate) scape: Run,
}

/// The result of the rounds of a [`Comparison`].
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) lowest: f64,
    pub(crate) highest: f64,
}

impl Ratio {
    /// Of what some rounds gave.
    pub(crate) fn of(mut ratios: Vec<f64>) -> Ratio {
        ratios.sort_by(f64::total_cmp);
        Ratio {
            median: ratios[ratios.len() / 2],
            lowest: ratios[0],
            highest: ratios[ratios.len() - 1],
        }
    }

    /// Prints it in a line, perhaps with what was aimed at.
    pub(crate) fn print(&self, name: &str, target: Option<f64>) {
        print!("{name:<18} {:.2}  ({:.2} to {:.2})", self.median, self.lowest, self.highest);
        match target {
            Some(target) => println!("   target {target:.2}   {}", verdict(self.median <= target)),
            None => println!(),
        }
    }
}

impl Comparison {
    /// Does both once, to see that they work.
    pub(crate) fn run_once(&mut self) {
        (self.bare)(1);
        (self.scape)(1);
        println!("{}: ok", self.name);
    }

    /// The ratios of scape's time to the bare time, over so many rounds. One
    /// more comes first, and is not counted.
    pub(crate) fn ratio(&mut self, rounds: usize) -> Ratio {
        let ratios = (0..=rounds).map(|_| {
            let bare = (self.bare)(self.times);
            let scape = (self.scape)(self.times);
            scape.as_secs_f64() / bare.as_secs_f64()
        });
        Ratio::of(ratios.skip(1).collect())
    }
}

/// Measures all of them, and prints a line for each.
pub(crate) fn print_ratios(comparisons: &mut [Comparison], rounds: usize) {
    println!(
        "scape's time as a multiple of a bare socket's: median and range of {rounds} rounds, and the target\n"
    );
    for comparison in comparisons {
        comparison.ratio(rounds).print(&comparison.name, Some(comparison.target));
    }
}

/// In a word.
pub(crate) fn verdict(met: bool) -> &'static str {
    if met { "met" } else { "MISSED" }
}
