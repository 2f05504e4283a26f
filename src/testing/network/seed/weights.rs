//! The bandwidth weights of a consensus: the share of each kind of relay in
//! each position of a path (dir-spec, "Computing bandwidth weights").

/// The weight that stands for all of a relay's bandwidth.
const SCALE: i64 = 10_000;
/// The tolerance for rounding. A sum of weights may differ from [`SCALE`] by
/// this tolerance. Two weighted bandwidths may differ from each other by the
/// tolerance times a third of the total bandwidth.
const MARGIN: i64 = 10;

/// The total bandwidth of relays by their flags. As in tor, each total starts
/// at one, so that nothing is divided by zero.
#[derive(Debug, Clone, Copy)]
pub(super) struct Totals {
    guards: i64,
    middles: i64,
    exits: i64,
    both: i64,
}

impl Default for Totals {
    fn default() -> Self {
        Totals { guards: 1, middles: 1, exits: 1, both: 1 }
    }
}

/// The independent weights. The first letter of each name is the position, the
/// second the kind of relay: guard, middle, exit, or both guard and exit (`d`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Weights {
    gg: i64,
    gd: i64,
    mg: i64,
    me: i64,
    md: i64,
    ee: i64,
    ed: i64,
}

impl Totals {
    /// Adds a relay's bandwidth to the total of the relays with the same flags.
    /// `guard` and `exit` say whether the relay has these flags.
    pub(super) fn add(&mut self, bandwidth: u32, guard: bool, exit: bool) {
        let sum = match (guard, exit) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.guards,
            (false, true) => &mut self.exits,
            (false, false) => &mut self.middles,
        };
        *sum += i64::from(bandwidth);
    }

    /// Returns the line `bandwidth-weights` of the consensus, including its
    /// line end. Returns `None` if no weights are valid. tor also leaves the
    /// line out then.
    pub(super) fn line(&self) -> Option<String> {
        let Weights { gg, gd, mg, me, md, ee, ed } = self.weights()?;
        Some(format!(
            "bandwidth-weights Wbd={md} Wbe={me} Wbg={mg} Wbm={SCALE} Wdb={SCALE} Web={SCALE} \
             Wed={ed} Wee={ee} Weg={ed} Wem={ee} Wgb={SCALE} Wgd={gd} Wgg={gg} Wgm={gg} \
             Wmb={SCALE} Wmd={md} Wme={me} Wmg={mg} Wmm={SCALE}\n"
        ))
    }

    fn total(&self) -> i64 {
        self.guards + self.middles + self.exits + self.both
    }

    fn weights(&self) -> Option<Weights> {
        let exits_are_scarce = 3 * self.exits < self.total();
        let guards_are_scarce = 3 * self.guards < self.total();
        match (guards_are_scarce, exits_are_scarce) {
            (false, false) => self.check(self.nothing_scarce()),
            (true, true) => self.both_scarce(),
            (true, false) => self.guards_scarce(),
            (false, true) => self.exits_scarce(),
        }
    }

    /// Returns the weights if neither guards nor exits are scarce: case 1 of
    /// dir-spec.
    fn nothing_scarce(&self) -> Weights {
        let Totals { guards: g, middles: m, exits: e, .. } = *self;
        let ee = SCALE * (e + g + m) / (3 * e);
        let mg = SCALE * (2 * g - e - m) / (3 * g);
        let third = SCALE / 3;
        Weights { gg: SCALE - mg, gd: third, mg, me: SCALE - ee, md: third, ee, ed: third }
    }

    /// Returns the weights if both guards and exits are scarce: case 2 of
    /// dir-spec. Returns `None` if no weights are valid.
    fn both_scarce(&self) -> Option<Weights> {
        let Totals { guards: g, middles: m, exits: e, both: d } = *self;
        let all = Weights { gg: SCALE, gd: 0, mg: 0, me: 0, md: 0, ee: SCALE, ed: 0 };
        if g.min(e) + d < g.max(e) {
            // All relays with both flags serve the scarcer position.
            return Some(if e < g {
                Weights { ed: SCALE, ..all }
            } else {
                Weights { gd: SCALE, ..all }
            });
        }
        let ed = SCALE * (d - 2 * e + 4 * g - 2 * m) / (3 * d);
        let rest = (SCALE - ed) / 2;
        let (ee, me) = (SCALE * (e - g + m) / e, SCALE * (g - m) / e);
        let balanced = Weights { ee, me, ed, md: rest, gd: rest, ..all };
        if let Some(weights) = self.check(balanced) {
            return Some(weights);
        }
        let ed = SCALE * (d - 2 * e + g + m) / (3 * d);
        let md = (SCALE * (d - 2 * m + g + e) / (3 * d)).max(0);
        let weights = Weights { ed, md, gd: SCALE - ed - md, ..all };
        self.check_but_middles(weights)
    }

    /// Returns the weights if only guards are scarce: case 3 of dir-spec.
    /// Returns `None` if no weights are valid.
    fn guards_scarce(&self) -> Option<Weights> {
        let Totals { guards: g, middles: m, exits: e, both: d } = *self;
        if 3 * (g + d) < self.total() {
            let me = if e < m { 0 } else { SCALE * (e - m) / (2 * e) };
            return Some(Weights { gg: SCALE, gd: SCALE, mg: 0, me, md: 0, ee: SCALE - me, ed: 0 });
        }
        let gd = SCALE * (d - 2 * g + e + m) / (3 * d);
        let ee = SCALE * (e + m) / (2 * e);
        let rest = (SCALE - gd) / 2;
        self.check(Weights { gg: SCALE, gd, mg: 0, me: SCALE - ee, md: rest, ee, ed: rest })
    }

    /// Returns the weights if only exits are scarce: case 3 of dir-spec.
    /// Returns `None` if no weights are valid.
    fn exits_scarce(&self) -> Option<Weights> {
        let Totals { guards: g, middles: m, exits: e, both: d } = *self;
        if 3 * (e + d) < self.total() {
            let mg = if g < m { 0 } else { SCALE * (g - m) / (2 * g) };
            return Some(Weights { gg: SCALE - mg, gd: 0, mg, me: 0, md: 0, ee: SCALE, ed: SCALE });
        }
        let ed = SCALE * (d - 2 * e + g + m) / (3 * d);
        let gg = SCALE * (g + m) / (2 * g);
        let rest = (SCALE - ed) / 2;
        self.check(Weights { gg, gd: rest, mg: SCALE - gg, me: 0, md: rest, ee: SCALE, ed })
    }

    fn check(&self, weights: Weights) -> Option<Weights> {
        let weights = self.check_but_middles(weights)?;
        let Weights { gg, gd, mg, me, md, .. } = weights;
        let Totals { guards: g, middles: m, exits: e, both: d } = *self;
        let in_guards = gg * g + gd * d;
        self.is_about(in_guards, m * SCALE + md * d + me * e + mg * g).then_some(weights)
    }

    /// Returns `weights` if they are valid, otherwise `None`. Doesn't check
    /// whether the middle position gets as much bandwidth as the other
    /// positions, because it may get more if most relays are neither guards nor
    /// exits.
    fn check_but_middles(&self, weights: Weights) -> Option<Weights> {
        let Weights { gg, gd, mg, me, md, ee, ed } = weights;
        let is_weight = |weight: i64| (0..=SCALE).contains(&weight);
        let is_whole = |sum: i64| (sum - SCALE).abs() <= MARGIN;
        let fits = [gg, gd, mg, me, md, ee, ed].into_iter().all(is_weight)
            && is_whole(ed + md + gd)
            && is_whole(gg + mg)
            && is_whole(ee + me)
            && self.is_about(ee * self.exits + ed * self.both, gg * self.guards + gd * self.both);
        fits.then_some(weights)
    }

    fn is_about(&self, a: i64, b: i64) -> bool {
        (a - b).abs() <= MARGIN * self.total() / 3
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(guards: i64, middles: i64, exits: i64, both: i64) -> Totals {
        Totals { guards, middles, exits, both }
    }

    #[test]
    fn relays_without_bandwidth_have_the_weights_that_tor_gives_them() {
        let of_tor = "bandwidth-weights Wbd=3333 Wbe=0 Wbg=0 Wbm=10000 Wdb=10000 Web=10000 \
                      Wed=3333 Wee=10000 Weg=3333 Wem=10000 Wgb=10000 Wgd=3333 Wgg=10000 \
                      Wgm=10000 Wmb=10000 Wmd=3333 Wme=0 Wmg=0 Wmm=10000\n";
        assert_eq!(Totals::default().line().as_deref(), Some(of_tor));
    }

    #[test]
    fn each_case_has_a_solution_that_balances() {
        for (guards, middles, exits, both) in [
            (500, 100, 400, 50),   // nothing is scarce
            (10, 20, 200, 90),     // guards are scarce, even with both
            (200, 20, 10, 90),     // exits are scarce, even with both
            (10, 20, 200, 200),    // guards are scarce, and both help
            (200, 20, 10, 200),    // exits are scarce, and both help
            (100, 1000, 10, 5),    // both are scarce, and one more so
            (100, 100, 100, 1000), // both are scarce
            (100, 300, 100, 900),  // both are scarce, and there are many middles
        ] {
            let totals = totals(guards, middles, exits, both);
            let weights = totals.weights().unwrap_or_else(|| panic!("{totals:?}"));
            let Weights { gg, gd, mg, me, md, ee, ed } = weights;
            for weight in [gg, gd, mg, me, md, ee, ed] {
                assert!((0..=SCALE).contains(&weight), "{totals:?} {weights:?}");
            }
            let whole = |sum: i64| (sum - SCALE).abs() <= MARGIN;
            assert!(whole(gg + mg) && whole(ee + me) && whole(gd + md + ed), "{weights:?}");
        }
    }

    #[test]
    fn too_many_middles_leave_no_solution() {
        assert_eq!(totals(100, 1000, 100, 900).line(), None);
    }

    #[test]
    fn relays_are_counted_by_their_flags() {
        let mut totals = Totals::default();
        totals.add(1000, true, true);
        totals.add(200, true, false);
        totals.add(30, false, true);
        totals.add(4, false, false);
        assert_eq!(
            (totals.both, totals.guards, totals.exits, totals.middles, totals.total()),
            (1001, 201, 31, 5, 1238)
        );
    }
}
