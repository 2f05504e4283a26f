//! Reading documents with scape, as far as its parsers do at once.

use std::time::SystemTime;

use scape_proto::netdoc::{Consensus, ExtraInfo, Microdescriptor, RouterStatus, ServerDescriptor};

pub(super) fn consensus(text: &str) -> usize {
    let consensus = Consensus::parse(text.as_bytes()).unwrap();
    consensus.relays().collect::<Vec<RouterStatus<'_>>>().len()
}

pub(super) fn server_descriptors(text: &str) -> usize {
    ServerDescriptor::parse_all(text.as_bytes()).collect::<Vec<_>>().len()
}

pub(super) fn server_descriptors_strict(text: &str) -> usize {
    let all: Result<Vec<_>, _> = ServerDescriptor::parse_all(text.as_bytes()).strict().collect();
    all.unwrap().len()
}

pub(super) fn server_descriptors_verified(text: &str) -> usize {
    let all = ServerDescriptor::parse_all(text.as_bytes());
    let check = |relay: &ServerDescriptor<'_>| {
        let at: SystemTime = relay.published.unwrap();
        relay.verify(at).unwrap();
    };
    all.inspect(check).collect::<Vec<_>>().len()
}

pub(super) fn microdescriptors(text: &str) -> usize {
    Microdescriptor::parse_all(text.as_bytes()).collect::<Vec<_>>().len()
}

pub(super) fn extra_info(text: &str) -> usize {
    ExtraInfo::parse_all(text.as_bytes()).collect::<Vec<_>>().len()
}

pub(super) fn extra_info_strict(text: &str) -> usize {
    let all: Result<Vec<_>, _> = ExtraInfo::parse_all(text.as_bytes()).strict().collect();
    all.unwrap().len()
}
