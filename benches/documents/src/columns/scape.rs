//! Reads documents with scape, but doesn't call the methods that parse further
//! values on request.

use std::time::{Duration, SystemTime};

use scape_proto::netdoc::onion::OnionDescriptor;
use scape_proto::netdoc::{
    Consensus, ExtraInfo, Microdescriptor, RouterStatus, ServerDescriptor, Vote,
};
use scape_proto::word::OnionKey;

use crate::inputs::SERVICE;

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

pub(super) fn vote(text: &str) -> usize {
    let vote = Vote::parse(text.as_bytes()).unwrap();
    vote.relays().collect::<Vec<RouterStatus<'_>>>().len()
}

pub(super) fn onion_descriptors(text: &str) -> usize {
    OnionDescriptor::parse_all(text.as_bytes()).collect::<Vec<_>>().len()
}

/// Reads onion service descriptors: checks the signatures, and decrypts and
/// parses both encrypted layers. Returns the number of descriptors.
pub(super) fn onion_descriptors_opened(text: &str) -> usize {
    let address = OnionKey::from_seed(&SERVICE).address();
    let open = |descriptor: OnionDescriptor<'_>| {
        let certificate = descriptor.signing_key_cert.as_ref().unwrap();
        let at = certificate.expires() - Duration::from_secs(3600);
        descriptor.verify(&descriptor.blinded_key().unwrap(), at).unwrap();
        let opened = descriptor.open(&address, None).unwrap();
        opened.second.verify(descriptor.signing_key().unwrap(), at).unwrap();
        opened
    };
    OnionDescriptor::parse_all(text.as_bytes()).map(open).collect::<Vec<_>>().len()
}
