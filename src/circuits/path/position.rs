//! The weight of a relay's bandwidth at a position in a path.

use scape_proto::netdoc::{BandwidthWeights, Relay, RouterFlags};

/// A position in a path (path-spec, "Weighting node selection").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Position {
    /// The first hop, which the client connects to.
    Entry,
    /// A hop between the first and the last, or the last hop of a path that
    /// doesn't leave the network.
    Middle,
    /// The last hop, from which streams leave the network.
    Exit,
}

/// The factors for the bandwidth of relays at one position. A relay's factor
/// depends on its flags. The factors are the consensus' bandwidth weights
/// divided by their scale (dir-spec, "Computing Bandwidth Weights").
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct PositionWeights {
    plain: [f64; 4],
    /// The same factors for relays that also answer directory requests
    /// (`V2Dir`).
    directory: [f64; 4],
}

/// Returns the names of four weights: for relays with neither Guard nor Exit,
/// with only Guard, with only Exit, and with both. A relay with BadExit counts
/// as a relay without Exit. `None` means that such relays are not used at this
/// position.
fn names(position: Position) -> [Option<&'static str>; 4] {
    match position {
        Position::Entry => [Some("Wgm"), Some("Wgg"), None, Some("Wgd")],
        Position::Middle => [Some("Wmm"), Some("Wmg"), Some("Wme"), Some("Wmd")],
        Position::Exit => [Some("Wem"), Some("Weg"), Some("Wee"), Some("Wed")],
    }
}

const DIRECTORY_NAMES: [&str; 4] = ["Wmb", "Wgb", "Web", "Wdb"];

impl PositionWeights {
    /// Returns the weights of a consensus for this position. If the consensus
    /// lacks one of them, all weights are 1, so that only bandwidth counts, as
    /// in tor.
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

    /// Returns the relay's bandwidth times its weight. Relays are chosen with
    /// probabilities in proportion to this number.
    pub(super) fn weight(&self, relay: &Relay) -> f64 {
        let flags = relay.flags();
        let is_exit = flags.contains(RouterFlags::EXIT) && !flags.contains(RouterFlags::BAD_EXIT);
        let kind = usize::from(flags.contains(RouterFlags::GUARD)) + 2 * usize::from(is_exit);
        let weights =
            if flags.contains(RouterFlags::V2DIR) { &self.directory } else { &self.plain };
        f64::from(relay.bandwidth().unwrap_or(0)) * weights[kind]
    }
}
