//! Documents that a private network of real tors made.

const VOTE: &str = include_str!("../../../../crates/scape-proto/tests/data/documents/vote");
const ONION_DESCRIPTOR: &str =
    include_str!("../../../../crates/scape-proto/tests/data/documents/onion-descriptor");

/// Returns a vote from the private network with its router status entries
/// replaced by `entries`. The change makes the vote's signature wrong.
pub(super) fn vote(entries: &str) -> String {
    let begin = VOTE.find("\nr ").unwrap() + 1;
    let end = VOTE.find("\ndirectory-footer").unwrap() + 1;
    [&VOTE[..begin], entries, &VOTE[end..]].concat()
}

/// Returns a text with `count` copies of one onion service descriptor. The
/// service's key has the seed [`SERVICE`](super::SERVICE).
pub(super) fn onion_descriptors(count: usize) -> String {
    ONION_DESCRIPTOR.repeat(count)
}
