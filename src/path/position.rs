//! What a relay's bandwidth counts at a place in a path.

use crate::descriptor::{BandwidthWeights, Relay, RouterFlags};

/// A place in a path. path-spec, "Weighting node selection".
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Position {
    /// The first hop, that the client connects to.
    Entry,
    /// Between the first hop and the last; and the last one of a path that does
    /// not leave the network.
    Middle,
    /// The last hop, from where streams leave the network.
    Exit,
}

/// What a kilobyte per second counts at one position, by the relay's flags: the
/// consensus' bandwidth weights, divided by their scale. dir-spec, "Computing
/// Bandwidth Weights".
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PositionWeights {
    plain: [f64; 4],
    /// For relays that also answer directory requests (`V2Dir`).
    directory: [f64; 4],
}

/// The names of the weights for relays without flags, with Guard, with Exit
/// (and not BadExit), with both. `None` where relays of that kind do not stand
/// there.
fn names(position: Position) -> [Option<&'static str>; 4] {
    match position {
        Position::Entry => [Some("Wgm"), Some("Wgg"), None, Some("Wgd")],
        Position::Middle => [Some("Wmm"), Some("Wmg"), Some("Wme"), Some("Wmd")],
        Position::Exit => [Some("Wem"), Some("Weg"), Some("Wee"), Some("Wed")],
    }
}

const DIRECTORY_NAMES: [&str; 4] = ["Wmb", "Wgb", "Web", "Wdb"];

impl PositionWeights {
    /// Those of a consensus. Where it lacks one of them, bandwidth alone
    /// counts, as for tor.
    pub(super) fn of(position: Position, weights: &BandwidthWeights) -> Self {
        Self::read(position, weights)
            .unwrap_or(PositionWeights { plain: [1.0; 4], directory: [1.0; 4] })
    }

    fn read(position: Position, weights: &BandwidthWeights) -> Option<Self> {
        let scale = f64::from(weights.scale().max(1));
        let share = |name: &str| weights.get(name).map(|weight| f64::from(weight) / scale);
        let mut read = PositionWeights { plain: [0.0; 4], directory: [0.0; 4] };
        for (kind, name) in names(position).into_iter().enumerate() {
            if let Some(name) = name {
                read.plain[kind] = share(name)?;
            }
            read.directory[kind] = read.plain[kind] * share(DIRECTORY_NAMES[kind])?;
        }
        Some(read)
    }

    /// How likely the relay is to be chosen, compared with others.
    pub(super) fn weight(&self, relay: &Relay) -> f64 {
        let flags = relay.flags();
        let is_exit = flags.contains(RouterFlags::EXIT) && !flags.contains(RouterFlags::BAD_EXIT);
        let kind = usize::from(flags.contains(RouterFlags::GUARD)) + 2 * usize::from(is_exit);
        let weights =
            if flags.contains(RouterFlags::V2DIR) { &self.directory } else { &self.plain };
        f64::from(relay.bandwidth()) * weights[kind]
    }
}
