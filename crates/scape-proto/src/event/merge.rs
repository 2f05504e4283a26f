//! Merging of two events about the same object.

/// Replaces `known` with `told` if they differ. Most fields stay the same from
/// event to event, and comparing them is cheaper than cloning.
pub(super) fn replace<T: PartialEq + Clone>(known: &mut T, told: &T) {
    if known != told {
        known.clone_from(told);
    }
}
