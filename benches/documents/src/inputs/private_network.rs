//! Documents that a private network of real tors made.

const VOTE: &str = include_str!("../../../../crates/scape-proto/tests/data/documents/vote");
const ONION_DESCRIPTOR: &str =
    include_str!("../../../../crates/scape-proto/tests/data/documents/onion-descriptor");

/// Returns the private network's vote with the router status entries `entries`
/// instead of its own. So the vote's signature is wrong.
pub(super) fn vote(entries: &str) -> String {
    let begin = VOTE.find("\nr ").unwrap() + 1;
    let end = VOTE.find("\ndirectory-footer").unwrap() + 1;
    [&VOTE[..begin], entries, &VOTE[end..]].concat()
}

/// Returns a text with `count` copies of an onion service's descriptor. The
/// service's key has the seed [`SERVICE`](super::SERVICE).
pub(super) fn onion_descriptors(count: usize) -> String {
    ONION_DESCRIPTOR.repeat(count)
}
