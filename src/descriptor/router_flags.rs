//! The flags that the authorities give to relays.

use std::fmt;
use std::ops::{BitOr, BitOrAssign};

/// A set of the flags that the consensus gives to a relay: dir-spec, "Router
/// status entries", the line `s`.
///
/// It holds the flags that this version of the library knows; what an entry has
/// beyond them is told by the entry.
///
/// ```
/// use scape::descriptor::RouterFlags;
///
/// let flags = RouterFlags::EXIT | RouterFlags::FAST;
/// assert!(flags.contains(RouterFlags::EXIT));
/// assert!(!flags.contains(RouterFlags::EXIT | RouterFlags::GUARD));
/// assert_eq!(flags.to_string(), "Exit Fast");
/// assert_eq!(RouterFlags::from_name("Fast"), Some(RouterFlags::FAST));
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct RouterFlags(u16);

/// Every flag by its name, in the order of the names, which is also that of the
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
    /// It is a directory authority.
    pub const AUTHORITY: RouterFlags = RouterFlags(1);
    /// It must not be used as an exit: it is broken, or tampers with what
    /// passes it.
    pub const BAD_EXIT: RouterFlags = RouterFlags(1 << 1);
    /// It is an exit to the usual ports.
    pub const EXIT: RouterFlags = RouterFlags(1 << 2);
    /// It has the bandwidth that most circuits need.
    pub const FAST: RouterFlags = RouterFlags(1 << 3);
    /// It may be an entry guard.
    pub const GUARD: RouterFlags = RouterFlags(1 << 4);
    /// It keeps descriptors of onion services.
    pub const HSDIR: RouterFlags = RouterFlags(1 << 5);
    /// It must be used in the middle of circuits only.
    pub const MIDDLE_ONLY: RouterFlags = RouterFlags(1 << 6);
    /// The authorities do not agree on its Ed25519 identity.
    pub const NO_ED_CONSENSUS: RouterFlags = RouterFlags(1 << 7);
    /// It can be reached.
    pub const RUNNING: RouterFlags = RouterFlags(1 << 8);
    /// It is fit for circuits that live long.
    pub const STABLE: RouterFlags = RouterFlags(1 << 9);
    /// It should upload a new descriptor.
    pub const STALE_DESC: RouterFlags = RouterFlags(1 << 10);
    /// It is one of too many on its address.
    pub const SYBIL: RouterFlags = RouterFlags(1 << 11);
    /// It is a directory cache.
    pub const V2DIR: RouterFlags = RouterFlags(1 << 12);
    /// It is allowed in the network.
    pub const VALID: RouterFlags = RouterFlags(1 << 13);

    /// None.
    pub const fn empty() -> Self {
        RouterFlags(0)
    }

    /// Every flag that this version of the library knows.
    pub const fn all() -> Self {
        RouterFlags((1 << NAMES.len()) - 1)
    }

    /// The flag of this name, as the consensus writes it; `None` where this
    /// version does not know it.
    pub fn from_name(name: &str) -> Option<RouterFlags> {
        RouterFlags::from_bytes(name.as_bytes())
    }

    /// As [`from_name`](Self::from_name), of bytes.
    pub(crate) fn from_bytes(name: &[u8]) -> Option<RouterFlags> {
        // A consensus has nearly a hundred thousand of these words.
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

    /// Whether all of `flags` are in this set. Of none it is so.
    pub const fn contains(self, flags: RouterFlags) -> bool {
        self.0 & flags.0 == flags.0
    }

    /// Whether any of `flags` is in this set.
    pub const fn intersects(self, flags: RouterFlags) -> bool {
        self.0 & flags.0 != 0
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// The flags of both sets.
    #[must_use]
    pub const fn union(self, other: RouterFlags) -> Self {
        RouterFlags(self.0 | other.0)
    }

    /// The flags of this set that `other` has not.
    #[must_use]
    pub const fn difference(self, other: RouterFlags) -> Self {
        RouterFlags(self.0 & !other.0)
    }

    /// Their names, in the order of the alphabet, as the consensus has them.
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
    /// Such as `Exit Fast`.
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
    fn each_has_its_name_and_its_bit() {
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
    fn what_is_in_a_set() {
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
        fn a_set_goes_there_and_back(bits: u16) {
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
