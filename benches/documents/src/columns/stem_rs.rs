//! Reads documents with stem for Rust. That library has no iterators over
//! files, so the text is cut into documents first.

use std::hint::black_box;

use memchr::memmem;
use stem::descriptor::{
    Descriptor, ExtraInfoDescriptor, HiddenServiceDescriptorV3, Microdescriptor,
    NetworkStatusDocument, RouterStatusEntry, ServerDescriptor,
};

/// Cuts a text at the lines that begin with `start`, and parses the parts.
/// Returns the number of parts.
pub(super) fn all<D>(text: &str, start: &str, parse: impl Fn(&str) -> D) -> usize {
    let needle = format!("\n{start}");
    let mut ends: Vec<usize> =
        memmem::find_iter(text.as_bytes(), needle.as_bytes()).map(|end| end + 1).collect();
    ends.push(text.len());
    let mut begin = 0;
    let mut parsed = Vec::new();
    for end in ends {
        parsed.push(parse(&text[begin..end]));
        begin = end;
    }
    black_box(parsed).len()
}

/// Parses a consensus. The consensus type of stem for Rust doesn't contain the
/// relays' entries, so they are parsed separately. Returns the number of
/// entries.
fn consensus(text: &str, parse: impl Fn(&str) -> RouterStatusEntry) -> usize {
    black_box(NetworkStatusDocument::parse(text).unwrap());
    let begin = text.find("\nr ").unwrap() + 1;
    let end = text.find("\ndirectory-footer").unwrap() + 1;
    all(&text[begin..end], "r ", parse)
}

pub(super) fn consensus_microdesc(text: &str) -> usize {
    consensus(text, |entry| RouterStatusEntry::parse_micro(entry).unwrap())
}

pub(super) fn consensus_full(text: &str) -> usize {
    consensus(text, |entry| RouterStatusEntry::parse(entry).unwrap())
}

pub(super) fn server_descriptors(text: &str) -> usize {
    all(text, "router ", |relay| ServerDescriptor::parse(relay).unwrap())
}

pub(super) fn microdescriptors(text: &str) -> usize {
    all(text, "onion-key\n", |relay| Microdescriptor::parse(relay).unwrap())
}

pub(super) fn extra_info(text: &str) -> usize {
    all(text, "extra-info ", |relay| ExtraInfoDescriptor::parse(relay).unwrap())
}

pub(super) fn onion_descriptors(text: &str) -> usize {
    all(text, "hs-descriptor ", |service| HiddenServiceDescriptorV3::parse(service).unwrap())
}
