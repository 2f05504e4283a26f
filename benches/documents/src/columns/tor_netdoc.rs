//! Reads documents with tor-netdoc, either with its reader or with its newer
//! parser `parse2`. Signatures are checked only by the functions whose names
//! say so.

use scape_proto::netdoc::onion::{OnionDescriptor, Subcredential};
use scape_proto::word::OnionKey;
use tor_checkable::{ExternallySigned, SelfSigned, Timebound};
use tor_netdoc::AllowAnnotations;
use tor_netdoc::doc::extra_info::ExtraInfoUnverified;
use tor_netdoc::doc::hsdesc::HsDesc;
use tor_netdoc::doc::microdesc::{Microdesc, MicrodescReader};
use tor_netdoc::doc::netstatus::{MdConsensus, PlainConsensus, md, plain, vote as votes};
use tor_netdoc::doc::routerdesc::{RouterDescUnverified, RouterReader};
use tor_netdoc::parse2::{
    NetdocParseable, NetdocParseableUnverified, ParseInput, parse_netdoc, parse_netdoc_multiple,
};

use super::stem_rs;
use crate::inputs::SERVICE;

const NONE: AllowAnnotations = AllowAnnotations::AnnotationsNotAllowed;

pub(super) fn consensus_microdesc(text: &str) -> usize {
    let (_, _, consensus) = MdConsensus::parse(text).unwrap();
    let consensus = consensus.dangerously_assume_timely().dangerously_assume_wellsigned();
    consensus.relays().len()
}

pub(super) fn consensus_full(text: &str) -> usize {
    let (_, _, consensus) = PlainConsensus::parse(text).unwrap();
    let consensus = consensus.dangerously_assume_timely().dangerously_assume_wellsigned();
    consensus.relays().len()
}

pub(super) fn consensus_microdesc_parse2(text: &str) -> usize {
    let consensus: md::NetworkStatusUnverified = parse_netdoc(&ParseInput::new(text, "")).unwrap();
    consensus.inspect_unverified().0.routers.len()
}

pub(super) fn consensus_full_parse2(text: &str) -> usize {
    let consensus: plain::NetworkStatusUnverified =
        parse_netdoc(&ParseInput::new(text, "")).unwrap();
    consensus.inspect_unverified().0.routers.len()
}

fn parse2<D: NetdocParseable>(text: &str) -> Vec<D> {
    parse_netdoc_multiple(&ParseInput::new(text, "")).unwrap()
}

pub(super) fn server_descriptors_parse2(text: &str) -> usize {
    parse2::<RouterDescUnverified>(text).len()
}

pub(super) fn server_descriptors_parse2_verified(text: &str) -> usize {
    let all = parse2::<RouterDescUnverified>(text).into_iter();
    all.map(|relay| relay.verify().unwrap().dangerously_assume_timely()).collect::<Vec<_>>().len()
}

pub(super) fn server_descriptors(text: &str) -> usize {
    let all = RouterReader::new(text, &NONE).unwrap();
    all.map(|relay| relay.unwrap()).collect::<Vec<_>>().len()
}

pub(super) fn server_descriptors_verified(text: &str) -> usize {
    let all = RouterReader::new(text, &NONE).unwrap().map(|relay| relay.unwrap().router);
    let check = |relay: tor_netdoc::doc::routerdesc::UncheckedRouterDesc| {
        relay.check_signature().unwrap().dangerously_assume_timely()
    };
    all.map(check).collect::<Vec<_>>().len()
}

pub(super) fn microdescriptors(text: &str) -> usize {
    let all = MicrodescReader::new(text, &NONE).unwrap();
    all.map(|relay| relay.unwrap()).collect::<Vec<_>>().len()
}

pub(super) fn microdescriptors_parse2(text: &str) -> usize {
    parse2::<Microdesc>(text).len()
}

pub(super) fn extra_info_parse2(text: &str) -> usize {
    parse2::<ExtraInfoUnverified>(text).len()
}

pub(super) fn vote(text: &str) -> usize {
    let vote: votes::NetworkStatusUnverified = parse_netdoc(&ParseInput::new(text, "")).unwrap();
    vote.inspect_unverified().0.routers.len()
}

/// Reads onion service descriptors: checks the signatures, and decrypts and
/// parses both encrypted layers. Returns the number of descriptors.
pub(super) fn onion_descriptors_opened(text: &str) -> usize {
    // Only the keys come from scape. All descriptors have the same ones.
    let first = OnionDescriptor::parse_all(text.as_bytes()).next().unwrap();
    let blinded = first.blinded_key().unwrap();
    let address = OnionKey::from_seed(&SERVICE).address();
    let subcredential = *Subcredential::new(&address, &blinded).as_bytes();
    stem_rs::all(text, "hs-descriptor ", |descriptor| {
        let (id, subcredential) = ((*blinded.as_bytes()).into(), subcredential.into());
        let opened = HsDesc::parse_decrypt_validate(descriptor, &id, &subcredential, None);
        opened.unwrap().dangerously_assume_timely()
    })
}
