//! Computes the size of the next download, and the bandwidth of each relay.

/// A download that takes less than this, in seconds, says nothing about the
/// speed. The next download is then five times larger.
const TOO_FAST: f64 = 1.0;
/// The minimum time, in seconds, of a download that counts, unless it has the
/// maximum size.
const SHORTEST: f64 = 5.0;
/// The time, in seconds, that the next download should take.
const TARGET: f64 = 6.0;
/// The maximum time, in seconds, of a download that counts.
const LONGEST: f64 = 10.0;
/// The largest share of the whole bandwidth that a relay can get. This limit
/// applies only to more than 20 relays, because the shares of fewer relays
/// couldn't add up to the whole.
const LARGEST_SHARE: f64 = 0.05;

/// Returns the size of the next download if a download of `size` bytes took too
/// short or too long, or `None` if the download counts. A download that took
/// too short also counts if it has at least `largest` bytes.
pub(crate) fn next_size(size: u64, largest: u64, seconds: f64) -> Option<u64> {
    if seconds < LONGEST && (seconds >= SHORTEST || size >= largest) {
        return None;
    }
    let factor = if seconds < TOO_FAST { 5.0 } else { TARGET / seconds };
    Some(((size as f64 * factor) as u64).clamp(1, largest.max(1)))
}

/// Returns the bandwidth of each relay, in kilobytes per second. Each element
/// of `relays` has the speeds of a relay's downloads and the relay's bandwidth
/// so far, in bytes per second.
pub(crate) fn bandwidths(relays: &[(&[f64], Option<f64>)]) -> Vec<u64> {
    // The filtered speed counts slow downloads as average ones, because the
    // other relay may have been the slow one.
    let filtered = |speeds: &[f64]| {
        let least = mean(speeds);
        mean(&speeds.iter().map(|speed| speed.max(least)).collect::<Vec<_>>())
    };
    let average = mean(&relays.iter().map(|(speeds, _)| mean(speeds)).collect::<Vec<_>>());
    let average_filtered =
        mean(&relays.iter().map(|(speeds, _)| filtered(speeds)).collect::<Vec<_>>());
    let scale = |(speeds, so_far): &(&[f64], Option<f64>)| match so_far {
        Some(so_far) => so_far * (mean(speeds) / average).max(filtered(speeds) / average_filtered),
        // In a new network, there is only the measurement.
        None => mean(speeds),
    };
    let bandwidths: Vec<f64> = relays.iter().map(scale).collect();
    let largest = match relays.len() as f64 > 1.0 / LARGEST_SHARE {
        true => LARGEST_SHARE * bandwidths.iter().sum::<f64>(),
        false => f64::INFINITY,
    };
    bandwidths.into_iter().map(|it| ((it.min(largest) / 1000.0).round() as u64).max(1)).collect()
}

/// Returns the arithmetic mean.
pub(crate) fn mean(numbers: &[f64]) -> f64 {
    numbers.iter().sum::<f64>() / numbers.len().max(1) as f64
}
