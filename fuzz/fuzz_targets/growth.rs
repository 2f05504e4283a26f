//! Checks that the time for reading a document grows nearly linearly: eight
//! times the text may take at most 24 times the time. The first byte chooses
//! the kind of document. The rest is `head NUL pattern`; the pattern is
//! repeated, and each byte 1 in it becomes the number of the repetition.
#![no_main]

mod common;

use std::time::{Duration, Instant};

use libfuzzer_sys::fuzz_target;
use scape_proto::netdoc::onion::{FirstLayer, OnionDescriptor, SecondLayer};
use scape_proto::netdoc::{
    BandwidthFile, BridgeNetworkStatus, Consensus, ConsensusDiff, DetachedSignatures, Directory,
    DirectoryList, Document, DocumentKind, DocumentSplitter, Ed25519Certificate, ExitList,
    ExitPolicy, ExtraInfo, KeyCertificate, Microdescriptor, NetworkStatusV2, OnionDescriptorV2,
    PortPolicy, Protocols, RouterStatus, ServerDescriptor, Vote,
};
use serde::Serialize;

fuzz_target!(|data: &[u8]| {
    let Some((choice, rest)) = data.split_first() else { return };
    let (head, pattern) = common::split_at_byte(rest, 0);
    if pattern.is_empty() {
        return;
    }
    let choice = choice % 20;
    let small = repeat(head, pattern, 8 << 10);
    let large = repeat(head, pattern, 64 << 10);
    let time = |text: &[u8]| {
        let start = Instant::now();
        read(choice, text);
        start.elapsed()
    };
    let short = time(&small);
    // Eight times the text may take 24 times the time. Most of the time that a
    // busy machine adds is gone in one of the repetitions.
    let limit = short * 24 + Duration::from_millis(30);
    if time(&large) <= limit {
        return;
    }
    let short = (0..3).map(|_| time(&small)).max().unwrap_or_default().max(short);
    let long = (0..6).map(|_| time(&large)).min().unwrap_or_default();
    assert!(
        long <= short * 24 + Duration::from_millis(30),
        "kind {choice}: {short:?} and {long:?}"
    );
});

fn repeat(head: &[u8], pattern: &[u8], length: usize) -> Vec<u8> {
    let mut text = head.to_vec();
    let mut number = 0_u32;
    while text.len() < length {
        for byte in pattern {
            match byte {
                1 => text.extend(number.to_string().bytes()),
                byte => text.push(*byte),
            }
        }
        number += 1;
    }
    text
}

/// Reads all values of a document, both leniently and strictly.
fn read(choice: u8, text: &[u8]) {
    match choice {
        0 => {
            all(ServerDescriptor::parse_all(text));
            ServerDescriptor::parse_all(text).strict().count();
            let relay = ServerDescriptor::parse(text).ok();
            policy(relay.and_then(|relay| relay.exit_policy().ok()).unwrap_or_default());
        }
        1 => {
            all(ExtraInfo::parse_all(text));
            ExtraInfo::parse_all(text).strict().count();
        }
        2 => {
            all(Microdescriptor::parse_all(text));
            Microdescriptor::parse_all(text).strict().count();
        }
        3 => {
            if let Ok(consensus) = Consensus::parse(text) {
                all([&consensus]);
                all(consensus.relays());
                consensus.relays().strict().count();
            }
            all(Directory::parse(text, text));
            let _ = Consensus::parse_strict(text);
        }
        4 => {
            if let Ok(vote) = Vote::parse(text) {
                all([&vote]);
                all(vote.relays());
            }
            let _ = Vote::parse_strict(text);
        }
        5 => {
            all(RouterStatus::parse_all(text));
            RouterStatus::parse_all(text).strict().count();
        }
        6 => {
            all(KeyCertificate::parse_all(text));
            KeyCertificate::parse_all(text).strict().count();
        }
        7 => all([DetachedSignatures::parse(text), DetachedSignatures::parse_strict(text)]
            .into_iter()
            .flatten()),
        8 => {
            all(ConsensusDiff::parse(text));
            let _ = ConsensusDiff::parse(text).map(|diff| diff.apply(text));
        }
        9 => {
            all([BandwidthFile::parse(text), BandwidthFile::parse_strict(text)]
                .into_iter()
                .flatten());
        }
        10 => all([ExitList::parse(text), ExitList::parse_strict(text)].into_iter().flatten()),
        11 => {
            if let Ok(status) = BridgeNetworkStatus::parse(text) {
                all([&status]);
                all(status.bridges());
            }
            let _ = BridgeNetworkStatus::parse_strict(text);
        }
        12 => {
            if let Ok(status) = NetworkStatusV2::parse(text) {
                all([&status]);
                all(status.relays());
            }
            let _ = NetworkStatusV2::parse_strict(text);
        }
        13 => {
            all(OnionDescriptor::parse_all(text));
            OnionDescriptor::parse_all(text).strict().count();
        }
        14 => {
            all(FirstLayer::parse(text));
            all(SecondLayer::parse(text));
        }
        15 => {
            all(OnionDescriptorV2::parse_all(text));
            OnionDescriptorV2::parse_all(text).strict().count();
        }
        16 => {
            all(Ed25519Certificate::parse(text));
            all(String::from_utf8_lossy(text).parse::<Ed25519Certificate>());
        }
        17 => {
            all([DirectoryList::parse(text)]);
        }
        18 => {
            let text = String::from_utf8_lossy(text);
            policy(text.parse().unwrap_or_default());
            all(text.parse::<PortPolicy>());
            all(text.parse::<Protocols>());
        }
        _ => {
            let mut splitter = DocumentSplitter::default();
            for piece in text.chunks(100) {
                splitter.feed(piece);
                while let Ok(Some(document)) = splitter.next_document() {
                    let kind = document.kind().unwrap_or(DocumentKind::Unknown);
                    all(Document::parse(kind, document.text()));
                }
            }
        }
    }
}

fn all<D: Serialize>(documents: impl IntoIterator<Item = D>) {
    for document in documents {
        let _ = serde_json::to_string(&document);
    }
}

fn policy(policy: ExitPolicy) {
    let _ = (policy.allows_some(None, None), policy.allows_all(None, None));
    let _ = (policy.allows_some(None, Some(80)), policy.strip_private(), policy.strip_default());
    let _ = (policy.summary_v4(), policy.summary_v6(), policy.expand_private(), policy.only_v6());
    let _ = (policy.has_private(), policy.has_default(), policy.to_string());
}
