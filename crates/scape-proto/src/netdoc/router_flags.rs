//! The flags that directory authorities give to relays.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of the flags that the consensus gives to a relay: dir-spec, "Router
/// status entries", the line `s`.
///
/// The set holds only flags that this version of the library knows. Other flags
/// are returned by
/// [`RouterStatus::unknown_flags`](crate::netdoc::RouterStatus::unknown_flags).
///
/// ```
/// use scape_proto::netdoc::RouterFlags;
///
/// let flags = RouterFlags::EXIT | RouterFlags::FAST;
/// assert!(flags.contains(RouterFlags::EXIT));
/// assert!(!flags.contains(RouterFlags::EXIT | RouterFlags::GUARD));
/// assert_eq!(flags.to_string(), "Exit Fast");
/// assert_eq!(RouterFlags::from_name("Fast"), Some(RouterFlags::FAST));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RouterFlags(u16);

/// The names of all flags. The alphabetical order is also the order of the
/// bits.
const NAMES: [&str; 14] = [
    "Authority",
    "BadExit",
    "Exit",
    "Fast",
    "Guard",
    "HSDir",
    "MiddleOnly",
    "NoEdConsensus",
    "Running",
    "Stable",
    "StaleDesc",
    "Sybil",
    "V2Dir",
    "Valid",
];

impl RouterFlags {
    /// The relay is a directory authority.
    pub const AUTHORITY: RouterFlags = RouterFlags(1);
    /// The relay must not be used as an exit, because it is broken or tampers
    /// with traffic.
    pub const BAD_EXIT: RouterFlags = RouterFlags(1 << 1);
    /// The relay is useful as an exit to the most common ports.
    pub const EXIT: RouterFlags = RouterFlags(1 << 2);
    /// The relay has enough bandwidth for most circuits.
    pub const FAST: RouterFlags = RouterFlags(1 << 3);
    /// The relay is suitable as an entry guard.
    pub const GUARD: RouterFlags = RouterFlags(1 << 4);
    /// The relay stores onion service descriptors.
    pub const HSDIR: RouterFlags = RouterFlags(1 << 5);
    /// The relay must only be used in the middle of circuits.
    pub const MIDDLE_ONLY: RouterFlags = RouterFlags(1 << 6);
    /// The authorities disagree about the relay's Ed25519 identity.
    pub const NO_ED_CONSENSUS: RouterFlags = RouterFlags(1 << 7);
    /// The relay is reachable.
    pub const RUNNING: RouterFlags = RouterFlags(1 << 8);
    /// The relay is suitable for long-lived circuits.
    pub const STABLE: RouterFlags = RouterFlags(1 << 9);
    /// The relay should upload a new descriptor, because the last one is old.
    pub const STALE_DESC: RouterFlags = RouterFlags(1 << 10);
    /// The relay is one of too many relays with the same address.
    pub const SYBIL: RouterFlags = RouterFlags(1 << 11);
    /// The relay is a directory cache.
    pub const V2DIR: RouterFlags = RouterFlags(1 << 12);
    /// The relay is allowed in the network.
    pub const VALID: RouterFlags = RouterFlags(1 << 13);

    /// Returns the empty set.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterFlags;
    ///
    /// assert!(RouterFlags::empty().is_empty());
    /// ```
    pub const fn empty() -> Self {
        RouterFlags(0)
    }

    /// Returns the set of all flags that this version of the library knows.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterFlags;
    ///
    /// assert!(RouterFlags::all().contains(RouterFlags::GUARD | RouterFlags::HSDIR));
    /// ```
    pub const fn all() -> Self {
        RouterFlags((1 << NAMES.len()) - 1)
    }

    /// Returns the flag with this name, as written in the consensus. Returns
    /// `None` if this version of the library doesn't know the flag.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterFlags;
    ///
    /// assert_eq!(RouterFlags::from_name("HSDir"), Some(RouterFlags::HSDIR));
    /// assert_eq!(RouterFlags::from_name("NoSuchFlag"), None);
    /// ```
    pub fn from_name(name: &str) -> Option<RouterFlags> {
        RouterFlags::from_bytes(name.as_bytes())
    }

    /// Returns the flag with this name, like [`from_name`](Self::from_name),
    /// but takes bytes.
    pub(crate) fn from_bytes(name: &[u8]) -> Option<RouterFlags> {
        // A consensus has nearly a hundred thousand of these words, so this
        // must be fast.
        let flag = match name {
            b"Authority" => RouterFlags::AUTHORITY,
            b"BadExit" => RouterFlags::BAD_EXIT,
            b"Exit" => RouterFlags::EXIT,
            b"Fast" => RouterFlags::FAST,
            b"Guard" => RouterFlags::GUARD,
            b"HSDir" => RouterFlags::HSDIR,
            b"MiddleOnly" => RouterFlags::MIDDLE_ONLY,
            b"NoEdConsensus" => RouterFlags::NO_ED_CONSENSUS,
            b"Running" => RouterFlags::RUNNING,
            b"Stable" => RouterFlags::STABLE,
            b"StaleDesc" => RouterFlags::STALE_DESC,
            b"Sybil" => RouterFlags::SYBIL,
            b"V2Dir" => RouterFlags::V2DIR,
            b"Valid" => RouterFlags::VALID,
            _ => return None,
        };
        Some(flag)
    }

    /// Returns true if all of `flags` are in this set. This is also true for
    /// empty `flags`.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterFlags;
    ///
    /// let flags = RouterFlags::EXIT | RouterFlags::FAST;
    /// assert!(flags.contains(RouterFlags::EXIT));
    /// assert!(!flags.contains(RouterFlags::EXIT | RouterFlags::GUARD));
    /// ```
    pub const fn contains(self, flags: RouterFlags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Returns true if at least one of `flags` is in this set.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterFlags;
    ///
    /// let flags = RouterFlags::EXIT | RouterFlags::FAST;
    /// assert!(flags.intersects(RouterFlags::EXIT | RouterFlags::GUARD));
    /// assert!(!flags.intersects(RouterFlags::GUARD));
    /// ```
    pub const fn intersects(self, flags: RouterFlags) -> bool {
        self.0 & flags.0 != 0
    }

    /// Returns true if the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the flags that are in at least one of the two sets. The operator
    /// `|` does the same.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterFlags;
    ///
    /// let flags = RouterFlags::FAST.union(RouterFlags::EXIT);
    /// assert_eq!(flags, RouterFlags::EXIT | RouterFlags::FAST);
    /// ```
    #[must_use]
    pub const fn union(self, other: RouterFlags) -> Self {
        RouterFlags(self.0 | other.0)
    }

    /// Returns the flags of this set that aren't in `other`.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterFlags;
    ///
    /// let flags = RouterFlags::EXIT | RouterFlags::FAST;
    /// assert_eq!(flags.difference(RouterFlags::FAST | RouterFlags::GUARD), RouterFlags::EXIT);
    /// ```
    #[must_use]
    pub const fn difference(self, other: RouterFlags) -> Self {
        RouterFlags(self.0 & !other.0)
    }

    /// Returns the names of the flags in this set, in alphabetical order as in
    /// the consensus.
    ///
    /// ```
    /// use scape_proto::netdoc::RouterFlags;
    ///
    /// let flags = RouterFlags::FAST | RouterFlags::EXIT;
    /// assert!(flags.iter().eq(["Exit", "Fast"]));
    /// ```
    pub fn iter(self) -> impl Iterator<Item = &'static str> {
        NAMES
            .into_iter()
            .enumerate()
            .filter(move |(bit, _)| self.0 & (1 << bit) != 0)
            .map(|(_, name)| name)
    }
}

impl BitOr for RouterFlags {
    type Output = RouterFlags;

    fn bitor(self, other: RouterFlags) -> RouterFlags {
        self.union(other)
    }
}

impl BitOrAssign for RouterFlags {
    fn bitor_assign(&mut self, other: RouterFlags) {
        self.0 |= other.0;
    }
}

impl FromIterator<RouterFlags> for RouterFlags {
    fn from_iter<I: IntoIterator<Item = RouterFlags>>(flags: I) -> Self {
        flags.into_iter().fold(RouterFlags::empty(), RouterFlags::union)
    }
}

impl fmt::Display for RouterFlags {
    /// Writes the names of the flags, such as `Exit Fast`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, name) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(" ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for RouterFlags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RouterFlags({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn router_flags_have_a_name_and_a_bit() {
        assert!(NAMES.is_sorted());
        for (bit, name) in NAMES.iter().enumerate() {
            assert_eq!(RouterFlags::from_name(name), Some(RouterFlags(1 << bit)), "{name}");
            assert_eq!(RouterFlags(1 << bit).to_string(), *name);
        }
        for unknown in ["", "exit", "Exit ", "Named", "Unnamed"] {
            assert_eq!(RouterFlags::from_name(unknown), None, "{unknown:?}");
        }
    }

    #[test]
    fn router_flag_set_operations() {
        let flags = RouterFlags::EXIT | RouterFlags::VALID;
        assert!(flags.contains(RouterFlags::empty()) && flags.contains(flags));
        assert!(flags.intersects(RouterFlags::EXIT | RouterFlags::GUARD));
        assert!(!flags.intersects(RouterFlags::empty()) && !RouterFlags::empty().contains(flags));
        assert_eq!(flags.difference(RouterFlags::EXIT), RouterFlags::VALID);
        assert_eq!(RouterFlags::all().iter().count(), NAMES.len());
        assert!(RouterFlags::empty().is_empty() && RouterFlags::empty().to_string().is_empty());
        assert_eq!(format!("{flags:?}"), "RouterFlags(Exit Valid)");
    }

    proptest! {
        #[test]
        fn router_flags_round_trip(bits: u16) {
            let flags = RouterFlags(bits & RouterFlags::all().0);
            let again: Option<RouterFlags> = flags.iter().map(RouterFlags::from_name).collect();
            prop_assert_eq!(again, Some(flags));
            let text = flags.to_string();
            let words: RouterFlags =
                text.split_whitespace().filter_map(RouterFlags::from_name).collect();
            prop_assert_eq!(words, flags);
        }
    }
}
