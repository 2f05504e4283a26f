//! Summaries of the kinds of documents that list no relays of a consensus.

use std::collections::BTreeMap;

use scape::netdoc::onion::OnionDescriptor;
use scape::netdoc::{
    BandwidthFile, ConsensusDiff, DetachedSignatures, Document, DocumentKind, ExitList,
    OnionDescriptorV2,
};

use super::page::{Summary, Unit};
use crate::base::units;

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
    page.fact("version", file.version);
    let software = [file.software, file.software_version].into_iter().flatten();
    page.fact("software", software.collect::<Vec<_>>().join(" "));
    page.time("timestamp", Some(file.timestamp));
    page.time("earliest_bandwidth", file.earliest_bandwidth);
    page.time("latest_bandwidth", file.latest_bandwidth);
    let country = file.scanner_country.map(|country| country.to_string());
    page.fact("scanner_country", country.unwrap_or_default());
    page.fact("relays", relays);
    let sum: u64 = file.relays().map(|relay| relay.bandwidth).fold(0, u64::saturating_add);
    page.fact("bandwidth", format!("{}/s", units::bytes(sum.saturating_mul(1_000))));
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
    page.fact("exits", exits);
    page.fact("addresses", list.exits().map(|exit| exit.addresses.len()).sum::<usize>());
    page
}

fn onion(descriptor: &OnionDescriptor<'_>) -> Summary {
    let mut page = Summary::new(DocumentKind::OnionDescriptor, "Onion service descriptor");
    let text = |value: Option<String>| value.unwrap_or_default();
    page.fact("version", text(descriptor.version.map(|version| version.to_string())));
    page.fact("lifetime", text(descriptor.lifetime.map(units::duration)));
    page.fact("revision_counter", text(descriptor.revision_counter.map(|count| count.to_string())));
    page.fact("blinded_key", text(descriptor.blinded_key().map(|key| key.to_string())));
    page.time("key_expires", descriptor.signing_key_cert.as_ref().map(|cert| cert.expires()));
    page.fact("bytes", descriptor.text().len());
    page
}

fn onion_v2(descriptor: &OnionDescriptorV2<'_>) -> Summary {
    let title = "Onion service descriptor of version 2";
    let mut page = Summary::new(DocumentKind::OnionDescriptorV2, title);
    page.fact("descriptor_id", descriptor.descriptor_id.unwrap_or_default());
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
    page.fact("signatures", total);
    page.counts("authorities", counts, total, Unit::Number);
    page
}

fn consensus_diff(diff: &ConsensusDiff<'_>) -> Summary {
    let mut page = Summary::new(DocumentKind::ConsensusDiff, "Difference of two consensuses");
    let hex = |digest: &[u8]| digest.iter().map(|byte| format!("{byte:02X}")).collect::<String>();
    page.fact("base_digest", hex(&diff.base_digest));
    page.fact("result_digest", hex(&diff.result_digest));
    page.fact("bytes", diff.text().len());
    page
}
