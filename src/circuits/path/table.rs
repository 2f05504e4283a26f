//! Draws relays by weight.

use rand::{Rng, RngExt};

/// Relays with weights, for drawing one in logarithmic time.
#[derive(Debug, Clone)]
pub(super) struct Table {
    /// The indices of the relays in the directory.
    relays: Vec<u32>,
    /// The sum of the weights up to and including each relay.
    sums: Vec<f64>,
}

impl Table {
    /// Creates a table of relays with their weights, which must not be
    /// negative.
    pub(super) fn of(weighted: impl IntoIterator<Item = (u32, f64)>) -> Self {
        let mut table = Table { relays: Vec::new(), sums: Vec::new() };
        let mut sum = 0.0;
        for (relay, weight) in weighted {
            sum += weight;
            table.relays.push(relay);
            table.sums.push(sum);
        }
        table
    }

    pub(super) fn relays(&self) -> &[u32] {
        &self.relays
    }

    /// Returns the probability that `draw` returns this relay.
    pub(super) fn probability(&self, relay: u32) -> f64 {
        let Some((_, weight)) = self.weighted().find(|(known, _)| *known == relay) else {
            return 0.0;
        };
        match self.sums.last() {
            Some(total) if *total > 0.0 => weight / total,
            _ => 1.0 / self.relays.len() as f64,
        }
    }

    /// Returns each relay with its weight.
    fn weighted(&self) -> impl Iterator<Item = (u32, f64)> {
        let before = std::iter::once(0.0).chain(self.sums.iter().copied());
        self.relays
            .iter()
            .copied()
            .zip(self.sums.iter().zip(before).map(|(sum, before)| sum - before))
    }

    /// Draws a relay by weight. If all weights are 0, all relays are equally
    /// likely, as in tor. Returns `None` if there are no relays.
    pub(super) fn draw(&self, rng: &mut (impl Rng + ?Sized)) -> Option<u32> {
        let total = *self.sums.last()?;
        let index = if total > 0.0 {
            let point = rng.random::<f64>() * total;
            self.sums.partition_point(|sum| *sum <= point)
        } else {
            rng.random_range(0..self.relays.len())
        };
        // Rounding may lead past the end. Then the last relay is drawn.
        self.relays.get(index).or(self.relays.last()).copied()
    }

    /// Draws a relay by weight among the relays that fulfil `condition`, as if
    /// the others were not in the table. Returns `None` if no relay fulfils it.
    pub(super) fn draw_where(
        &self,
        rng: &mut (impl Rng + ?Sized),
        mut condition: impl FnMut(u32) -> bool,
    ) -> Option<u32> {
        /// The number of draws from the whole table. If none of them yields a
        /// relay that fulfils `condition`, the relay is drawn from a smaller
        /// table, which contains only the relays that fulfil it.
        const TRIES: usize = 16;
        for _ in 0..TRIES {
            let relay = self.draw(rng)?;
            if condition(relay) {
                return Some(relay);
            }
        }
        Table::of(self.weighted().filter(|(relay, _)| condition(*relay))).draw(rng)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rand::SeedableRng;
    use rand::rngs::StdRng;

    use super::*;

    #[test]
    fn empty_table_draws_nothing() {
        let mut rng = StdRng::seed_from_u64(1);
        assert_eq!(Table::of([]).draw(&mut rng), None);
        assert_eq!(Table::of([(1, 1.0)]).draw_where(&mut rng, |_| false), None);
    }

    #[test]
    fn relays_of_weight_0_are_drawn_only_if_all_weights_are_0() {
        let mut rng = StdRng::seed_from_u64(1);
        let table = Table::of([(0, 0.0), (1, 2.0), (2, 0.0), (3, 0.0)]);
        assert!((0..1000).all(|_| table.draw(&mut rng) == Some(1)));
        let mut seen = [0; 4];
        for _ in 0..3000 {
            let relay = table.draw_where(&mut rng, |relay| relay != 1).unwrap();
            seen[relay as usize] += 1;
        }
        assert_eq!(seen[1], 0);
        assert!(
            [seen[0], seen[2], seen[3]].iter().all(|count| (900..1100).contains(count)),
            "{seen:?}"
        );
    }

    #[test]
    fn relays_that_fulfil_the_condition_are_drawn_by_weight() {
        let mut rng = StdRng::seed_from_u64(1);
        // With such a high weight, drawing again until the condition holds
        // would hardly ever succeed.
        let table = Table::of([(0, 1.0), (1, 1e9), (2, 3.0)]);
        let drawn =
            (0..4000).filter(|_| table.draw_where(&mut rng, |relay| relay != 1) == Some(2)).count();
        assert!((2900..3100).contains(&drawn), "{drawn}");
    }

    proptest! {
        #[test]
        fn only_relays_that_fulfil_the_condition_are_drawn(
            weights in prop::collection::vec(0u32..5, 0..20),
            kept in any::<u32>(),
            seed in any::<u64>(),
        ) {
            let table = Table::of((0..).zip(weights.iter().map(|weight| f64::from(*weight))));
            let condition = |relay: u32| kept >> relay & 1 == 1;
            let drawn = table.draw_where(&mut StdRng::seed_from_u64(seed), condition);
            let any = (0..).take(weights.len()).any(condition);
            prop_assert_eq!(drawn.is_some(), any);
            prop_assert!(drawn.is_none_or(condition));
        }
    }
}
