//! [`PathChooser`]: chooses paths.

use std::sync::Arc;

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng as _};

use super::plan::{Candidates, Plan, index_of};
use super::search::Search;
use crate::circuits::path::NoPathError;
use scape_proto::netdoc::{Directory, Relay};
use scape_proto::word::Fingerprint;

/// A chooser of paths through the relays of one consensus. Created by
/// [`PathBuilder::prepare`](crate::path::PathBuilder::prepare).
///
/// The last hop is chosen first, then the others, front to back. The relay for
/// each hop is chosen by weight among the relays that fit the hops chosen
/// before it (path-spec, "Path selection and constraints"). A `PathChooser` can
/// be shared between threads.
///
/// ```
/// use scape::path::PathBuilder;
/// use std::sync::Arc;
///
/// # fn example(directory: scape::netdoc::Directory) -> Result<(), Box<dyn std::error::Error>> {
/// let chooser = PathBuilder::new().random_guard().prepare(Arc::new(directory), &[])?;
/// let path = chooser.choose()?;
/// assert_eq!(path.len(), chooser.length());
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct PathChooser {
    plan: Plan,
}

impl PathChooser {
    pub(super) fn new(plan: Plan) -> Self {
        PathChooser { plan }
    }

    /// Returns the consensus that paths are chosen from.
    pub fn directory(&self) -> &Arc<Directory> {
        &self.plan.directory
    }

    /// Returns the number of hops of each path.
    pub fn length(&self) -> usize {
        self.plan.length()
    }

    /// Returns the relays that are possible at hop number `hop`. The first hop
    /// is number 1. Rules about several hops, such as families, are not taken
    /// into account. The iterator is empty if the path has no such hop.
    ///
    /// An exit scanner can use this method to get each exit that allows a
    /// target.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    ///
    /// let directory = scape::Tor::connect()?.controller()?.info().directory()?;
    /// let path = PathBuilder::new().random_guard().exit_to(("example.com", 443));
    /// let chooser = path.prepare(directory.into(), &[])?;
    /// for exit in chooser.candidates(chooser.length()) {
    ///     println!("{exit} leads to the web server");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn candidates(&self, hop: usize) -> impl Iterator<Item = &Relay> {
        let hop = hop.checked_sub(1).and_then(|index| self.plan.hop(index));
        hop.map(|hop| hop.candidates.relays())
            .unwrap_or_default()
            .iter()
            .filter_map(|index| self.plan.relay(*index))
    }

    /// Returns the probability, from 0 to 1, that a relay is chosen for hop
    /// number `hop`, counted from 1. The probability is the relay's weight
    /// divided by the sum of the weights of all [candidates](Self::candidates).
    /// Returns 0 if the relay isn't possible at this hop, or if the path has no
    /// such hop.
    ///
    /// Rules about several hops, such as families and networks, are not taken
    /// into account. For a hop with tor's entry guards, the first usable guard
    /// has the probability 1.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    ///
    /// let directory = scape::Tor::connect()?.controller()?.info().directory()?;
    /// let chooser = PathBuilder::new().random_guard().prepare(directory.into(), &[])?;
    /// for relay in chooser.candidates(2) {
    ///     println!("{relay} {:.3} %", 100.0 * chooser.probability(2, relay.fingerprint()));
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    pub fn probability(&self, hop: usize, fingerprint: Fingerprint) -> f64 {
        let hop = hop.checked_sub(1).and_then(|index| self.plan.hop(index));
        let relay = index_of(&self.plan.directory, fingerprint);
        let (Some(hop), Some((relay, _))) = (hop, relay) else { return 0.0 };
        let is_it = |chosen: Option<&u32>| if chosen == Some(&relay) { 1.0 } else { 0.0 };
        match &hop.candidates {
            Candidates::Fixed(chosen) => is_it(Some(chosen)),
            Candidates::InOrder(relays) => is_it(relays.first()),
            Candidates::Weighted(table) => table.probability(relay),
        }
    }

    /// Chooses a path. Returns its relays, first hop first.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    ///
    /// let directory = scape::Tor::connect()?.controller()?.info().directory()?;
    /// let chooser = PathBuilder::new().random_guard().prepare(directory.into(), &[])?;
    /// for relay in chooser.choose()? {
    ///     println!("{relay}");
    /// }
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Returns a [`NoPathError`] if no path was found. The error says at which
    /// hop the search failed, and how many relays each rule rejected there.
    pub fn choose(&self) -> Result<Vec<Fingerprint>, NoPathError> {
        self.choose_without(&[])
    }

    /// Chooses a path that doesn't contain the `failed` relays. Use this for
    /// another attempt after a failure. Relays that are
    /// [set](crate::path::PathBuilder::relay) for a hop are used even if they
    /// failed.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    ///
    /// let directory = scape::Tor::connect()?.controller()?.info().directory()?;
    /// let chooser = PathBuilder::new().random_guard().prepare(directory.into(), &[])?;
    /// let path = chooser.choose()?;
    /// // If the second relay can't be reached, try another path.
    /// let other = chooser.choose_without(&path[1..2])?;
    /// assert!(!other.contains(&path[1]));
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`choose`](Self::choose). The `failed` relays are counted
    /// as rejected by
    /// [`PathRule::HasFailed`](crate::path::PathRule::HasFailed).
    pub fn choose_without(&self, failed: &[Fingerprint]) -> Result<Vec<Fingerprint>, NoPathError> {
        self.choose_with(&mut rand::rng(), failed)
    }

    /// Chooses the path that belongs to a seed: the same seed always gives the
    /// same path, as long as the consensus, the settings and the version of
    /// this library are the same. Use this for tests and simulations only. The
    /// paths of real circuits must be unpredictable.
    ///
    /// ```no_run
    /// use scape::path::PathBuilder;
    ///
    /// let directory = scape::Tor::connect()?.controller()?.info().directory()?;
    /// let chooser = PathBuilder::new().random_guard().prepare(directory.into(), &[])?;
    /// assert_eq!(chooser.choose_by_seed(7, &[])?, chooser.choose_by_seed(7, &[])?);
    /// # Ok::<(), scape::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Same errors as [`choose_without`](Self::choose_without), most often if
    /// no path was found.
    pub fn choose_by_seed(
        &self,
        seed: u64,
        failed: &[Fingerprint],
    ) -> Result<Vec<Fingerprint>, NoPathError> {
        self.choose_with(&mut StdRng::seed_from_u64(seed), failed)
    }

    fn choose_with(
        &self,
        rng: &mut impl Rng,
        failed: &[Fingerprint],
    ) -> Result<Vec<Fingerprint>, NoPathError> {
        let path = Search::new(&self.plan, failed).run(rng)?;
        Ok(path
            .into_iter()
            .filter_map(|index| self.plan.relay(index))
            .map(Relay::fingerprint)
            .collect())
    }
}
