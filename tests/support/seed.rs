//! The seed of a random test. It is printed, and can be set by an environment
//! variable.

use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the value of the environment variable `SCAPE_SEED` if it is set, or
/// else a seed from the clock. Prints the seed, so that a failure can be
/// repeated.
pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("SCAPE_SEED") {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("SCAPE_SEED={text} is not a number")),
        Err(_) => SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos() as u64,
    };
    println!("  seed {seed} (SCAPE_SEED={seed} repeats it)");
    seed
}
