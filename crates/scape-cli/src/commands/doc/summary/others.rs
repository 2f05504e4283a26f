//! Summarizes documents that don't list the relays of a consensus.

use std::collections::BTreeMap;

use scape::netdoc::onion::OnionDescriptor;
use scape::netdoc::{
    BandwidthFile, ConsensusDiff, DetachedSignatures, Document, DocumentKind, ExitList,
    OnionDescriptorV2,
};

use super::page::{Summary, Unit};

pub(super) fn summary(document: &Document<'_>) -> Summary {
    match document {
        Document::BandwidthFile(file) => bandwidth_file(file),
        Document::ExitList(list) => exit_list(list),
        Document::OnionDescriptor(descriptor) => onion(descriptor),
        Document::OnionDescriptorV2(descriptor) => onion_v2(descriptor),
        Document::DetachedSignatures(signatures) => detached(signatures),
        Document::ConsensusDiff(diff) => consensus_diff(diff),
        other => Summary::new(other.kind(), other.kind().to_string()),
    }
}

fn bandwidth_file(file: &BandwidthFile<'_>) -> Summary {
    let relays = file.relays().count();
    let title = format!("Bandwidth file with {relays} relays");
    let mut page = Summary::new(DocumentKind::BandwidthFile, title);
    page.text("version", Some(file.version));
    let software = [file.software, file.software_version].into_iter().flatten();
    page.text("software", Some(software.collect::<Vec<_>>().join(" ")));
    page.time("timestamp", Some(file.timestamp));
    page.time("earliest_bandwidth", file.earliest_bandwidth);
    page.time("latest_bandwidth", file.latest_bandwidth);
    page.text("scanner_country", file.scanner_country);
    page.count("relays", relays);
    let sum: u64 = file.relays().map(|relay| relay.bandwidth).fold(0, u64::saturating_add);
    page.rate("bandwidth", sum);
    let mut counts = BTreeMap::new();
    for relay in file.relays() {
        for (name, is_so) in [
            ("vote", relay.vote()),
            ("unmeasured", relay.unmeasured()),
            ("under the minimum", relay.under_min_report()),
        ] {
            *counts.entry(name.to_owned()).or_insert(0) += u64::from(is_so);
        }
    }
    page.counts("relays_by_result", counts, relays as u64, Unit::Number);
    page
}

fn exit_list(list: &ExitList<'_>) -> Summary {
    let exits = list.exits().count();
    let mut page = Summary::new(DocumentKind::ExitList, format!("List of {exits} exits"));
    page.time("downloaded", list.downloaded);
    page.count("exits", exits);
    page.count("addresses", list.exits().map(|exit| exit.addresses.len()).sum::<usize>());
    page
}

fn onion(descriptor: &OnionDescriptor<'_>) -> Summary {
    let mut page = Summary::new(DocumentKind::OnionDescriptor, "Onion service descriptor");
    page.number("version", descriptor.version.map(u64::from));
    page.duration("lifetime", descriptor.lifetime);
    page.number("revision_counter", descriptor.revision_counter);
    page.text("blinded_key", descriptor.blinded_key());
    page.time("key_expires", descriptor.signing_key_cert.as_ref().map(|cert| cert.expires()));
    page.bytes("bytes", descriptor.text().len() as u64);
    page
}

fn onion_v2(descriptor: &OnionDescriptorV2<'_>) -> Summary {
    let title = "Onion service descriptor of version 2";
    let mut page = Summary::new(DocumentKind::OnionDescriptorV2, title);
    page.text("descriptor_id", descriptor.descriptor_id);
    page.time("published", descriptor.published);
    page
}

fn detached(signatures: &DetachedSignatures<'_>) -> Summary {
    let title = "Signatures of a consensus";
    let mut page = Summary::new(DocumentKind::DetachedSignatures, title);
    page.time("valid_after", signatures.valid_after);
    page.time("valid_until", signatures.valid_until);
    let mut counts = BTreeMap::new();
    for signature in &signatures.signatures {
        *counts.entry(signature.identity.to_string()).or_insert(0) += 1;
    }
    for additional in &signatures.additional_signatures {
        *counts.entry(additional.signature.identity.to_string()).or_insert(0) += 1;
    }
    let total = counts.values().sum();
    page.number("signatures", total);
    page.counts("authorities", counts, total, Unit::Number);
    page
}

fn consensus_diff(diff: &ConsensusDiff<'_>) -> Summary {
    let mut page = Summary::new(DocumentKind::ConsensusDiff, "Difference of two consensuses");
    let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    page.text("base_digest", Some(hex(&diff.base_digest)));
    page.text("result_digest", Some(hex(&diff.result_digest)));
    page.bytes("bytes", diff.text().len() as u64);
    page
}
