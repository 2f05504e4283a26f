//! Checks that the time for reading a document grows linearly with the size of
//! its text, even if the text repeats one line. So 256 KiB take about 16 times
//! as long as 16 KiB.
//!
//! The small text is read 16 times in a row, so that both measurements are
//! about equally long. The time is CPU time if the system reports it, so that
//! other programs don't matter. A parser that compares each line with all lines
//! before it would take 16 times as long for the large text as for 16 small
//! ones.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![allow(clippy::disallowed_methods, reason = "tests may read files and clocks")]
#![allow(clippy::disallowed_types, reason = "tests may read files and clocks")]

use std::time::{Duration, Instant};

use scape_proto::netdoc::{
    BandwidthFile, BandwidthFileBuilder, BandwidthFileVersion, BridgeNetworkStatus, Consensus,
    ConsensusDiff, DetachedSignatures, Directory, DirectoryList, Document, DocumentKind,
    DocumentSplitter, Ed25519Certificate, ExitList, ExitPolicy, ExtraInfo, IntroductionPointV2,
    KeyCertificate, Microdescriptor, NetworkStatusV2, OnionDescriptorV2, PortPolicy, Protocols,
    Relay, RouterStatus, ServerDescriptor, Vote, onion::OnionDescriptor,
};

const SMALL: usize = 16 << 10;
const LARGE: usize = 256 << 10;

/// The number of times that the small text is read in one measurement.
const GROWTH: usize = LARGE / SMALL;

/// The factor by which the time for the large text may exceed the time that
/// linear growth predicts.
const MARGIN: u32 = 3;

const ID: &str = "256498816C85C6ABA4DF222205CF3FA091E63CCE";
const R: &str = "r a AAAAAAAAAAAAAAAAAAAAAAAAAAA 2038-01-01 00:00:00 127.0.0.14 1 0\n";
const OBJECT: &str = "\n-----BEGIN X-----\nAQID\n-----END X-----\n";

/// Checks that the time of `read` grows linearly with the size of a text. The
/// text is `head`, followed by many copies of `pattern`. Each `#` in `pattern`
/// becomes the number of the copy.
fn check(name: &str, read: fn(&[u8]), head: &str, pattern: &str) {
    let pattern = pattern.replace("ID", ID).replace("OBJECT", OBJECT);
    let (small, large) = (text(head, &pattern, SMALL), text(head, &pattern, LARGE));
    let mut best: Option<(Duration, Duration)> = None;
    // The machine may be slower for a moment, so there are several attempts.
    // The longest time for the small text and the shortest one for the large
    // text count.
    for _ in 0..4 {
        let (short, long) = (time(read, &small, GROWTH), time(read, &large, 1));
        // The system counts the CPU time in steps, so a time below the first
        // step says nothing.
        if short.is_zero() {
            continue;
        }
        let (short, long) = best.map_or((short, long), |(s, l)| (short.max(s), long.min(l)));
        if long <= short * MARGIN + Duration::from_millis(100) {
            return;
        }
        best = Some((short, long));
        // No other attempt changes such a difference.
        if long > short * MARGIN * 4 && long > Duration::from_secs(10) {
            break;
        }
    }
    // The text takes too little time to measure.
    if best.is_none() {
        return;
    }
    panic!("{name}, {head:?} and {pattern:?}: {best:?}");
}

fn text(head: &str, pattern: &str, size: usize) -> Vec<u8> {
    let mut text = head.as_bytes().to_vec();
    for number in 0.. {
        if text.len() >= size {
            break;
        }
        text.extend(pattern.replace('#', &number.to_string()).bytes());
    }
    text
}

/// Returns the time that `times` calls of `read` take: the CPU time, or the
/// elapsed time if the system doesn't report CPU times.
fn time(read: fn(&[u8]), text: &[u8], times: usize) -> Duration {
    let (start, cpu_start) = (Instant::now(), cpu_time());
    (0..times).for_each(|_| read(text));
    match cpu_start.zip(cpu_time()) {
        Some((start, end)) => end - start,
        None => start.elapsed(),
    }
}

/// Returns the CPU time of this thread, which Linux updates every few
/// milliseconds. Returns `None` on other systems.
fn cpu_time() -> Option<Duration> {
    let times = std::fs::read_to_string("/proc/thread-self/schedstat").ok()?;
    times.split(' ').next()?.parse().ok().map(Duration::from_nanos)
}

/// Converts a document to JSON, because this calls most of the document's
/// methods.
#[cfg(feature = "serde")]
fn show(document: &impl serde::Serialize) {
    serde_json::to_writer(std::io::sink(), document).unwrap();
}

#[cfg(not(feature = "serde"))]
fn show(_: &impl Sized) {}

fn each<D: Shown>(documents: impl IntoIterator<Item = D>) {
    documents.into_iter().for_each(|document| show(&document));
}

#[cfg(feature = "serde")]
use serde::Serialize as Shown;

/// A replacement for serde's `Serialize` that every type implements. Without
/// the feature `serde`, `show` does nothing.
#[cfg(not(feature = "serde"))]
trait Shown {}

#[cfg(not(feature = "serde"))]
impl<T> Shown for T {}

fn policy(policy: &ExitPolicy) {
    for port in [None, Some(80)] {
        let _ = (policy.allows_some(None, port), policy.allows_all(None, port));
    }
    let _ = (policy.summary_v4(), policy.summary_v6(), policy.is_exiting_allowed());
    let _ = (policy.strip_private(), policy.strip_default(), policy.has_private());
    let _ = (policy.expand_private(), policy.only_v4(), policy.only_v6(), policy.to_string());
}

#[test]
fn server_descriptors_take_linear_time() {
    fn read(text: &[u8]) {
        each(ServerDescriptor::parse_all(text));
        ServerDescriptor::parse_all(text).strict().count();
        let relay = ServerDescriptor::parse(text).unwrap();
        let _ = (relay.unknown_items().count(), relay.family(), relay.digest());
    }
    const HEAD: &str = "router a 127.0.0.1 1 0 0\n";
    for (head, pattern) in [
        (HEAD, HEAD),
        (HEAD, "router\rx\n"),
        (HEAD, "uptime 1\n"),
        (HEAD, "new-#\n"),
        (HEAD, "or-address 127.0.0.1:#\n"),
        (HEAD, "family-certOBJECT"),
        (HEAD, "-----BEGIN X-----\n"),
        (HEAD, "accept 1.2.3.4:1-1000\n"),
        ("router a 127.0.0.1 1 0 0\nfamily", " a#"),
        ("router a 127.0.0.1 1 0 0\nfamily", " $"),
        ("router a 127.0.0.1 1 0 0\nfingerprint", " 1"),
        ("router a 127.0.0.1 1 0 0\nread-history 2026-11-21 03:16:05 (900 s) 1", ",1"),
        ("router a 127.0.0.1 1 0 0\nproto ", "A#=1 "),
        ("router a 127.0.0.1 1 0 0\nonion-key\n-----BEGIN RSA PUBLIC KEY-----\n", "AQID\n"),
    ] {
        check("server descriptor", read, head, pattern);
    }
}

#[test]
fn exit_policies_take_linear_time() {
    fn read(text: &[u8]) {
        policy(&std::str::from_utf8(text).unwrap().parse().unwrap());
    }
    fn lists(text: &[u8]) {
        let text = std::str::from_utf8(text).unwrap();
        let _ = text.parse::<PortPolicy>().map(|ports| ports.is_exiting_allowed());
        let _ = text.parse::<Protocols>().map(|all| (all.to_string(), all.supports("x", 1)));
    }
    for pattern in [
        "accept 1.2.3.4:80,",
        "reject private:80,",
        "reject6 2001:db8::/32:#,",
        "reject 1.2.3.4/31:1-1000,",
        // Each rule for all ports also covers the single port of the rule
        // before it.
        "reject 1.2.3.4:#,reject 1.2.3.4:*,",
    ] {
        check("exit policy", read, "", pattern);
    }
    for (head, pattern) in [("accept ", "1,"), ("accept ", ","), ("", "A#=1-2,3 "), ("A=", "1,")] {
        check("list", lists, head, pattern);
    }
}

#[test]
fn extra_infos_take_linear_time() {
    fn read(text: &[u8]) {
        each(ExtraInfo::parse_all(text));
        ExtraInfo::parse_all(text).strict().count();
        let info = ExtraInfo::parse(text).unwrap();
        for transport in &info.transports {
            transport.arguments().count();
        }
    }
    const HEAD: &str = "extra-info a 256498816C85C6ABA4DF222205CF3FA091E63CCE\n";
    let line = |line: &str| format!("{HEAD}{line}");
    for (head, pattern) in [
        (HEAD.to_owned(), "extra-info a ID\n"),
        (HEAD.to_owned(), "transport a# 127.0.0.1:80 a=b,c=d\n"),
        (HEAD.to_owned(), "transport-info version=#\n"),
        (HEAD.to_owned(), "dirreq-v3-ips us=8\n"),
        (line("transport a 127.0.0.1:80 "), "a#=\\,,"),
        (line("dirreq-v3-ips "), "us=#,"),
        (line("exit-streams-opened 1=1"), ",1=1"),
        (line("padding-counts 2026-11-21 03:16:05 (86400 s) "), "a#=1 "),
        (line("hidserv-dir-onions-seen 1"), " a#=1"),
        (line("cell-queued-cells 1"), ",1.5"),
    ] {
        check("extra-info", read, &head, pattern);
    }
}

#[test]
fn microdescriptors_take_linear_time() {
    fn read(text: &[u8]) {
        each(Microdescriptor::parse_all(text));
        Microdescriptor::parse_all(text).strict().count();
        let relay = Microdescriptor::parse(text).unwrap();
        let _ = (relay.identities().count(), relay.skipped(), relay.unknown_items().count());
    }
    for pattern in ["onion-key\n", "id x# y\n", "id ed25519 x\n", "a 1.2.3.4:1\n", "p accept 1\n"] {
        check("microdescriptor", read, "onion-key\n", pattern);
    }
    check("microdescriptor", read, "onion-key\nfamily", " a#");
}

#[test]
fn entries_of_relays_take_linear_time() {
    fn read(text: &[u8]) {
        each(RouterStatus::parse_all(text));
        RouterStatus::parse_all(text).strict().count();
        each(RouterStatus::parse_all(text).map(Relay::from));
    }
    for pattern in [
        R,
        "r a\n",
        "r\rx\n",
        "a 127.0.0.1:#\n",
        "m 1,2 sha256=AAAA\n",
        "stats a#=1\n",
        "id ed25519 #\n",
        "w Bandwidth=1\n",
        "new #\n",
    ] {
        check("entry of a relay", read, R, pattern);
    }
    check("entry of a relay", read, &format!("{R}s"), " A#");
    check("entry of a relay", read, &format!("{R}m 1"), ",1");
}

#[test]
fn consensuses_take_linear_time() {
    fn read(text: &[u8]) {
        let consensus = Consensus::parse(text).unwrap();
        show(&consensus);
        each(consensus.relays());
        let _ = (consensus.unknown_items().count(), consensus.digest_sha3_signed());
        let _ = Consensus::parse_strict(text);
        each(Directory::parse(text, text));
    }
    const HEAD: &str = "network-status-version 3\n";
    let line = |line: &str| format!("{HEAD}{line}");
    for (head, pattern) in [
        (HEAD.to_owned(), "r x AAAAAAAAAAAAAAAAAAAAAAAAAAA 2038-01-01 00:00:00 127.0.0.14 1 0\n"),
        (HEAD.to_owned(), "dir-source a ID h 1.2.3.4 1 2\ncontact x\n"),
        (HEAD.to_owned(), "package a# 1 x a=b\n"),
        (HEAD.to_owned(), "directory-footer-x\n"),
        (HEAD.to_owned(), "directory-footer\n"),
        (HEAD.to_owned(), "network-status-version 3\n"),
        (line("directory-footer\n"), "directory-signature ID IDOBJECT"),
        (line("params"), " a#=1"),
        (line("known-flags"), " A#"),
        (line("client-versions 1"), ",1.2.3"),
        (line("directory-footer\nbandwidth-weights"), " a#=1"),
        (line(R), "r\n"),
    ] {
        check("consensus", read, &head, pattern);
    }
}

#[test]
fn votes_take_linear_time() {
    fn read(text: &[u8]) {
        let vote = Vote::parse(text).unwrap();
        show(&vote);
        each(vote.relays());
        let _ = (vote.unknown_items().count(), vote.digest_sha256());
        let _ = Vote::parse_strict(text);
    }
    const HEAD: &str = "network-status-version 3\n";
    let line = |line: &str| format!("{HEAD}{line}");
    for (head, pattern) in [
        (HEAD.to_owned(), "shared-rand-commit 1 sha3-256 ID AAAA\n"),
        (HEAD.to_owned(), "dir-key-certificate-version 3\n"),
        (HEAD.to_owned(), "r x AAAAAAAAAAAAAAAAAAAAAAAAAAA 2038-01-01 00:00:00 127.0.0.14 1 0\n"),
        (line("flag-thresholds"), " a#=1"),
        (line("bandwidth-file-headers"), " a#=1"),
        (line("consensus-methods"), " #"),
    ] {
        check("vote", read, &head, pattern);
    }
}

#[test]
fn other_documents_of_authorities_take_linear_time() {
    fn certificates(text: &[u8]) {
        each(KeyCertificate::parse_all(text));
        KeyCertificate::parse_all(text).strict().count();
    }
    fn signatures(text: &[u8]) {
        each([DetachedSignatures::parse(text).unwrap()]);
        let _ = DetachedSignatures::parse_strict(text);
    }
    fn bridges(text: &[u8]) {
        let status = BridgeNetworkStatus::parse(text).unwrap();
        each(status.bridges());
        each([status]);
        let _ = BridgeNetworkStatus::parse_strict(text);
    }
    fn version_2(text: &[u8]) {
        let status = NetworkStatusV2::parse(text).unwrap();
        each(status.relays());
        each([status]);
        let _ = NetworkStatusV2::parse_strict(text);
    }
    fn list(text: &[u8]) {
        let list = DirectoryList::parse(text);
        let _ = (list.authorities().count(), list.fallbacks().count());
        show(&list);
    }
    let head = "dir-key-certificate-version 3\n";
    for pattern in [head, "fingerprint ID\n", "dir-identity-keyOBJECT"] {
        check("key certificate", certificates, head, pattern);
    }
    let head = format!("consensus-digest {ID}\n");
    let additional = "additional-digest a# sha1 ID\n";
    for pattern in [additional, "directory-signature ID IDOBJECT", "directory-signature x\n"] {
        check("detached signatures", signatures, &head, pattern);
    }
    let head = "published 2026-11-21 03:16:05\n";
    for pattern in ["published 2026-11-21 03:16:05\n", R, "flag-thresholds a=1\n"] {
        check("bridge network status", bridges, head, pattern);
    }
    let head = "network-status-version 2\n";
    for pattern in [R, "contact x\n", "network-status-version 2\n"] {
        check("network status of version 2", version_2, head, pattern);
    }
    check("network status of version 2", version_2, "network-status-version 2\ndir-options", " a#");
    for (head, pattern) in [
        ("", "/* a#=b */\n"),
        ("", "\"1.2.3.6:80 orport=443\"\n,\n"),
        ("\"", "a# "),
        ("\"\"", "/* a=b */\n"),
        ("", "/*"),
        ("", "\"\""),
    ] {
        check("directory list", list, head, pattern);
    }
}

#[test]
fn consensus_diffs_take_linear_time() {
    /// Parses a consensus diff, and tries to apply the diff to its own text.
    fn read(text: &[u8]) {
        if let Ok(diff) = ConsensusDiff::parse(text) {
            show(&diff);
            let _ = diff.apply(text);
        }
    }
    fn apply(text: &[u8]) {
        use sha3::{Digest, Sha3_256};
        let digest = hex::encode(Sha3_256::digest(text));
        let lines = text.iter().filter(|b| **b == b'\n').count();
        let mut diff = format!("network-status-diff-version 1\nhash {digest} {digest}\n");
        for line in (1..=lines).rev() {
            diff += &format!("{line}c\nx\n.\n");
        }
        let diff = ConsensusDiff::parse(diff.as_bytes()).unwrap();
        assert!(diff.apply(text).is_err());
    }
    let zeros = "0".repeat(64);
    let head = format!("network-status-diff-version 1\nhash {zeros} {zeros}\n");
    for pattern in ["0a\nx\n.\n", "0a\n", "1d\n", ".\n"] {
        check("consensus diff", read, &head, pattern);
    }
    check("consensus diff", read, &format!("{head}0a\n"), "x\n");
    check("consensus diff with many commands", apply, "", "a line of the base\n");
}

#[test]
fn bandwidth_files_and_exit_lists_take_linear_time() {
    fn bandwidths(text: &[u8]) {
        each([BandwidthFile::parse(text).unwrap()]);
        let file = BandwidthFile::parse_strict(text).or_else(|_| BandwidthFile::parse(text));
        let file = file.unwrap();
        let mut builder =
            BandwidthFileBuilder::new(BandwidthFileVersion::new(1, 1, 0), file.timestamp);
        for (key, value) in file.header() {
            let _ = builder.header(key, value);
        }
        for relay in file.relays() {
            let pairs: Vec<_> = relay.pairs().map(|(key, value)| (key, value.into())).collect();
            let _ = (builder.relay(&pairs), relay.nick());
        }
        builder.to_string();
    }
    fn exits(text: &[u8]) {
        each([ExitList::parse(text).unwrap()]);
        let _ = ExitList::parse_strict(text);
    }
    let relay = format!("1\n=====\nnode_id=${ID} bw=1");
    for (head, pattern) in [
        ("1\n", "a#=b\n"),
        ("1\n", "a=b\n"),
        ("1\n", "=\n"),
        ("1\n=====\n", "node_id=$ID bw=1\n"),
        ("1\n=====\n", "=====\n"),
        (&relay, "\ta#=b"),
        (&relay, " bw=1"),
    ] {
        check("bandwidth file", bandwidths, head, pattern);
    }
    let exit = format!("ExitNode {ID}\n");
    for (head, pattern) in [
        ("Downloaded 2026-11-21 04:02:03\n", "ExitNode ID\nExitAddress 1.2.3.4 x\n"),
        ("Downloaded 2026-11-21 04:02:03\n", "Downloaded 2026-11-21 04:02:03\n"),
        (&exit, "ExitAddress 1.2.3.4 2026-11-20 03:18:51\n"),
        (&exit, "ExitNode\n"),
    ] {
        check("exit list", exits, head, pattern);
    }
}

#[test]
fn onion_descriptors_take_linear_time() {
    fn outer(text: &[u8]) {
        each(OnionDescriptor::parse_all(text));
        OnionDescriptor::parse_all(text).strict().count();
    }
    fn version_2(text: &[u8]) {
        each(OnionDescriptorV2::parse_all(text));
        OnionDescriptorV2::parse_all(text).strict().count();
        each(IntroductionPointV2::parse_all(text));
    }
    fn certificate(text: &[u8]) {
        let _ = Ed25519Certificate::parse(text);
        let _ = std::str::from_utf8(text).unwrap().parse::<Ed25519Certificate>();
    }
    for pattern in ["hs-descriptor 3\n", "revision-counter 7\n", "superencryptedOBJECT"] {
        check("onion service descriptor", outer, "hs-descriptor 3\n", pattern);
    }
    for (head, pattern) in [
        ("", "rendezvous-service-descriptor x\n"),
        ("rendezvous-service-descriptor x\n", "version 2\n"),
        ("rendezvous-service-descriptor x\nprotocol-versions 2", ",#"),
        ("", "introduction-point x\n"),
        ("introduction-point x\n", "intro-authentication 1 x\n"),
    ] {
        check("onion service descriptor of version 2", version_2, head, pattern);
    }
    for pattern in ["AQkACOhAAQW8", "A\n", "-----\n"] {
        check("Ed25519 certificate", certificate, "", pattern);
    }
}

#[cfg(feature = "onion-descriptor")]
#[test]
fn layers_of_onion_descriptors_take_linear_time() {
    use scape_proto::netdoc::onion::{FirstLayer, SecondLayer};
    fn first(text: &[u8]) {
        each([FirstLayer::parse(text).unwrap()]);
        let _ = FirstLayer::parse_strict(text);
    }
    fn second(text: &[u8]) {
        each([SecondLayer::parse(text).unwrap()]);
        let _ = SecondLayer::parse_strict(text);
    }
    let client = "auth-client AQEBAQEBAQE AgICAgICAgICAgICAgICAg AwMDAwMDAwMDAwMDAwMDAw\n";
    for pattern in [client, "auth-client x\n", "encryptedOBJECT"] {
        check("first layer", first, "desc-auth-type x25519\n", pattern);
    }
    for (head, pattern) in [
        ("create2-formats 2\n", "introduction-point AQAGwAACASMp\n"),
        ("create2-formats 2\n", "introduction-point\rx\n"),
        ("create2-formats 2\n", "pow-params new #\n"),
        ("create2-formats 2\nintroduction-point x\n", "onion-key ntor x\n"),
        ("create2-formats 2\nintroduction-point ", "AQAGwAACASMp"),
        ("create2-formats", " #"),
    ] {
        check("second layer", second, head, pattern);
    }
}

#[test]
fn splitting_files_takes_linear_time() {
    fn split(text: &[u8], size: usize) {
        let mut splitter = DocumentSplitter::default();
        let mut all = Vec::new();
        for piece in text.chunks(size) {
            splitter.feed(piece);
            while let Some(document) = splitter.next_document().unwrap() {
                all.push(document);
            }
        }
        splitter.finish();
        while let Some(document) = splitter.next_document().unwrap() {
            all.push(document);
        }
        for document in all {
            let kind = document.kind().unwrap_or(DocumentKind::Unknown);
            let _ = Document::parse(kind, document.text());
        }
    }
    for pattern in [
        "router a\n",
        "@type torperf 1.0\nx\n",
        "@type\n",
        "@",
        "\n",
        "x\n",
        "x",
        "network-status-version 3\n",
    ] {
        check("file in small pieces", |text| split(text, 100), "", pattern);
        check("file in one piece", |text| split(text, usize::MAX), "", pattern);
    }
}
