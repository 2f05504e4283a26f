//! Documents that a private network of real tors made.

const VOTE: &str = include_str!("../../../../crates/scape-proto/tests/data/documents/vote");
const ONION_DESCRIPTOR: &str =
    include_str!("../../../../crates/scape-proto/tests/data/documents/onion-descriptor");

/// Returns the private network's vote with other entries. So its signature is
/// wrong.
pub(super) fn vote(entries: &str) -> String {
    let begin = VOTE.find("\nr ").unwrap() + 1;
    let end = VOTE.find("\ndirectory-footer").unwrap() + 1;
    [&VOTE[..begin], entries, &VOTE[end..]].concat()
}

/// Returns a service's descriptor as often as requested. The service's key has
/// the seed [`SERVICE`](super::SERVICE).
pub(super) fn onion_descriptors(count: usize) -> String {
    ONION_DESCRIPTOR.repeat(count)
}
