//! The number of cases that property tests run.

/// Returns the value of the environment variable `SCAPE_FUZZ_CASES`, or
/// `default` if it isn't set. For a long search: `SCAPE_FUZZ_CASES=10000000
/// cargo test --release --test events_any`.
pub(crate) fn cases(default: u32) -> u32 {
    match std::env::var("SCAPE_FUZZ_CASES") {
        Ok(text) => {
            text.parse().unwrap_or_else(|_| panic!("SCAPE_FUZZ_CASES={text} is no number of cases"))
        }
        Err(_) => default,
    }
}
