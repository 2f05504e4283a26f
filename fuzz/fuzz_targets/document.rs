//! Parses documents of any kind. The first byte of the input chooses the kind.
#![no_main]

mod common;

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::{Document, DocumentKind, Item};

const KINDS: [DocumentKind; 21] = [
    DocumentKind::ServerDescriptor,
    DocumentKind::ExtraInfo,
    DocumentKind::Microdescriptor,
    DocumentKind::Consensus,
    DocumentKind::Vote,
    DocumentKind::BridgeNetworkStatus,
    DocumentKind::NetworkStatusV2,
    DocumentKind::DirectoryV1,
    DocumentKind::RouterStatus,
    DocumentKind::KeyCertificate,
    DocumentKind::DetachedSignatures,
    DocumentKind::ConsensusDiff,
    DocumentKind::BandwidthFile,
    DocumentKind::ExitList,
    DocumentKind::OnionDescriptor,
    DocumentKind::OnionFirstLayer,
    DocumentKind::OnionSecondLayer,
    DocumentKind::IntroductionPoint,
    DocumentKind::OnionDescriptorV2,
    DocumentKind::DirectoryList,
    DocumentKind::Unknown,
];

fuzz_target!(|data: &[u8]| {
    let Some((choice, text)) = data.split_first() else { return };
    let kind = KINDS[usize::from(*choice) % KINDS.len()];
    let (lenient, strict) = (Document::parse(kind, text), Document::parse_strict(kind, text));
    common::check(text, false, &lenient, &strict, |_| Vec::new());
    match lenient {
        Ok(document) => assert_eq!(document.kind(), kind),
        Err(error) => assert_eq!(error.document(), kind),
    }
    let items = Item::parse_all(text);
    assert_eq!(items.text(), text);
    common::use_items(items);
});
