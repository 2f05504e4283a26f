//! The ports about which no rule of an exit policy has decided yet.

use std::ops::Range;

use super::port_range::PortRange;

/// The ports about which no rule of an exit policy has decided yet, and the
/// number of addresses that are rejected for each of these ports.
///
/// The ports are cut into cells, so that each rule matches whole cells. A tree
/// over the cells changes a range of them at once. So `n` rules take about
/// `n log n` steps, even if many overlap.
pub(super) struct Undecided {
    /// The first port of each cell, and the port after the last cell. A cell is
    /// a range of ports that every rule matches as a whole or not at all.
    borders: Vec<u32>,
    root: Node,
}

/// A node of the tree in [`Undecided`]. It stands for a range of cells.
struct Node {
    cells: Range<usize>,
    /// The number of rejected addresses that is counted for this node, but not
    /// yet for its halves.
    pending: u128,
    /// The highest number of rejected addresses among the undecided cells.
    /// `None` if all cells are decided.
    most: Option<u128>,
    /// The two child nodes, each with half of the cells. `None` for a single
    /// cell.
    halves: Option<Box<[Node; 2]>>,
}

impl Undecided {
    /// Creates the set of all ports except 0. `rules` yields the ports of every
    /// rule that is later passed to [`take`](Self::take) or
    /// [`reject`](Self::reject).
    pub(super) fn new(rules: impl Iterator<Item = PortRange>) -> Self {
        let ends = |ports: PortRange| [u32::from(ports.min()), u32::from(ports.max()) + 1];
        let mut borders: Vec<u32> = rules.chain([PortRange::ANY]).flat_map(ends).collect();
        borders.retain(|port| *port >= u32::from(PortRange::ANY.min()));
        borders.sort_unstable();
        borders.dedup();
        let root = Node::new(0..borders.len().saturating_sub(1));
        Undecided { borders, root }
    }

    /// Decides that the ports of a rule are accepted. Appends the ports that
    /// were undecided to `accepted`.
    pub(super) fn take(&mut self, ports: PortRange, accepted: &mut Vec<PortRange>) {
        let mut taken = Vec::new();
        self.root.take(&self.cells(ports), &mut taken);
        accepted.extend(taken.into_iter().filter_map(|cell| self.ports(cell)));
    }

    /// Counts rejected addresses for the undecided ports of a rule. A port for
    /// which more than `limit` addresses are rejected counts as decided from
    /// then on.
    pub(super) fn reject(&mut self, ports: PortRange, addresses: u128, limit: u128) {
        let cells = self.cells(ports);
        self.root.reject(&cells, addresses, limit);
    }

    fn cells(&self, ports: PortRange) -> Range<usize> {
        let cell = |port: u32| self.borders.partition_point(|border| *border < port);
        cell(ports.min().into())..cell(u32::from(ports.max()) + 1)
    }

    fn ports(&self, cell: usize) -> Option<PortRange> {
        let (low, next) = (*self.borders.get(cell)?, *self.borders.get(cell + 1)?);
        PortRange::new(u16::try_from(low).ok()?, u16::try_from(next.checked_sub(1)?).ok()?)
    }
}

impl Node {
    fn new(cells: Range<usize>) -> Node {
        let middle = cells.start.midpoint(cells.end);
        let halves = (middle > cells.start)
            .then(|| Box::new([Node::new(cells.start..middle), Node::new(middle..cells.end)]));
        Node { cells, pending: 0, most: Some(0), halves }
    }

    /// Returns true if all cells of this node are decided, or if none of them
    /// is in the range `cells`.
    fn is_apart(&self, cells: &Range<usize>) -> bool {
        self.most.is_none() || self.cells.end <= cells.start || cells.end <= self.cells.start
    }

    fn count(&mut self, addresses: u128) {
        self.pending = self.pending.saturating_add(addresses);
        self.most = self.most.map(|most| most.saturating_add(addresses));
    }

    /// Passes the pending number of rejected addresses on to the halves, and
    /// returns the halves. Returns `None` for a single cell.
    fn open(&mut self) -> Option<&mut [Node; 2]> {
        let halves = self.halves.as_deref_mut()?;
        let pending = std::mem::take(&mut self.pending);
        halves.iter_mut().for_each(|half| half.count(pending));
        Some(halves)
    }

    fn update(&mut self) {
        if let Some([one, other]) = self.halves.as_deref() {
            self.most = one.most.max(other.most);
        }
    }

    fn take(&mut self, cells: &Range<usize>, taken: &mut Vec<usize>) {
        if self.is_apart(cells) {
            return;
        }
        match self.open() {
            Some(halves) => halves.iter_mut().for_each(|half| half.take(cells, taken)),
            None => {
                taken.push(self.cells.start);
                self.most = None;
            }
        }
        self.update();
    }

    fn reject(&mut self, cells: &Range<usize>, addresses: u128, limit: u128) {
        if self.is_apart(cells) {
            return;
        }
        if cells.start <= self.cells.start && self.cells.end <= cells.end {
            self.count(addresses);
            self.decide(limit);
        } else if let Some(halves) = self.open() {
            halves.iter_mut().for_each(|half| half.reject(cells, addresses, limit));
            self.update();
        }
    }

    /// Marks the cells for which more than `limit` addresses are rejected as
    /// decided.
    fn decide(&mut self, limit: u128) {
        if self.most.is_none_or(|most| most <= limit) {
            return;
        }
        match self.open() {
            Some(halves) => halves.iter_mut().for_each(|half| half.decide(limit)),
            None => self.most = None,
        }
        self.update();
    }
}
