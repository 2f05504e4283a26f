//! Parses consensuses, votes and related documents that are made of arbitrary
//! lines.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use proptest::prelude::*;
use scape_proto::netdoc::{
    BridgeNetworkStatus, Consensus, ConsensusDiff, DetachedSignatures, DirectoryList,
    DocumentError, KeyCertificate, NetworkStatusV2, RouterStatus, Vote,
};

const KEYWORDS: [&str; 40] = [
    "network-status-version 3",
    "vote-status vote",
    "consensus-method",
    "consensus-methods",
    "published",
    "valid-after",
    "voting-delay",
    "client-versions",
    "package",
    "known-flags",
    "flag-thresholds",
    "params",
    "required-relay-protocols",
    "shared-rand-current-value",
    "shared-rand-commit",
    "bandwidth-file-headers",
    "bandwidth-file-digest",
    "dir-source",
    "contact",
    "vote-digest",
    "legacy-dir-key",
    "dir-key-certificate-version",
    "dir-address",
    "fingerprint",
    "dir-key-crosscert",
    "dir-key-certification",
    "r",
    "a",
    "s",
    "w",
    "m",
    "id",
    "stats",
    "opt",
    "directory-footer",
    "bandwidth-weights",
    "directory-signature",
    "additional-digest",
    "additional-signature",
    "dir-options",
];

/// The words that generated lines contain. Each is valid in some line of a
/// document.
const WORDS: [&str; 16] = [
    "3",
    "microdesc",
    "2026-11-21",
    "03:16:05",
    "127.0.0.1",
    "256498816C85C6ABA4DF222205CF3FA091E63CCE",
    "JWSYgWyFxquk3yIiBc8/oJHmPM4",
    "C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA",
    "a=1",
    "sha256=AAAA",
    "relay04-legacy",
    "sha1",
    "ed25519",
    "9004",
    "Fast",
    "\u{e9}",
];

fn line() -> impl Strategy<Value = String> {
    let word = prop_oneof![prop::sample::select(&WORDS[..]).prop_map(str::to_owned), "[ -~]{0,9}"];
    let words = prop::collection::vec(word, 0..8);
    let object = prop_oneof![
        3 => Just(""),
        1 => Just("-----BEGIN SIGNATURE-----\nAQID\n-----END SIGNATURE-----\n"),
        1 => Just("-----BEGIN SIGNATURE-----\nA_ID\n"),
    ];
    (prop::sample::select(&KEYWORDS[..]), words, object)
        .prop_map(|(keyword, words, object)| format!("{keyword} {}\n{object}", words.join(" ")))
}

/// Checks that each error about a skipped line has the number of that line.
fn check_skipped(text: &str, skipped: &[DocumentError]) {
    let lines: Vec<&str> = text.lines().collect();
    for error in skipped {
        let line = lines[error.line().unwrap() - 1].trim_start_matches("opt ").trim_start();
        assert!(line.starts_with(error.keyword()), "{error}: {line}");
    }
}

/// Checks that a document that parses strictly also parses leniently without
/// skipping a line. If strict parsing fails, checks that its error is no later
/// than the first line that lenient parsing skips. Returns true if the text
/// parses strictly.
fn check_depths<D>(
    text: &str,
    strict: &Result<D, DocumentError>,
    lenient: &Result<D, DocumentError>,
    skipped: fn(&D) -> &[DocumentError],
) -> bool {
    match (strict, lenient) {
        (Ok(strict), Ok(lenient)) => {
            assert_eq!((skipped(strict), skipped(lenient)), (&[][..], &[][..]));
            return true;
        }
        (Err(strict), Ok(lenient)) => {
            check_skipped(text, strict.line().map(|_| strict.clone()).as_slice());
            let first = skipped(lenient).iter().filter_map(DocumentError::line).min();
            assert!(strict.line() <= first || first.is_none(), "{strict}: {first:?}");
        }
        (Err(strict), Err(lenient)) => assert!(strict.line() <= lenient.line(), "{strict}"),
        (Ok(_), Err(lenient)) => panic!("{lenient}"),
    }
    false
}

const CONSENSUS: &str = include_str!("data/documents/consensus-ns");
const VOTE: &str = include_str!("data/documents/vote");

/// Returns `document` with `text` inserted before the line that `line` selects.
fn insert(document: &str, line: prop::sample::Index, text: &str) -> String {
    let mut lines: Vec<&str> = document.split_inclusive('\n').collect();
    lines.insert(line.index(lines.len()), text);
    lines.concat()
}

#[test]
fn recorded_status_documents_are_read_in_both_depths() {
    let (consensus, vote) = (CONSENSUS.as_bytes(), VOTE.as_bytes());
    let (strict, lenient) = (Consensus::parse_strict(consensus), Consensus::parse(consensus));
    assert!(check_depths(CONSENSUS, &strict, &lenient, Consensus::skipped));
    let (strict, lenient) = (Vote::parse_strict(vote), Vote::parse(vote));
    assert!(check_depths(VOTE, &strict, &lenient, Vote::skipped));
}

proptest! {
    #[test]
    fn depths_agree_on_valid_status_documents_with_one_more_line(
        text in prop_oneof![line(), Just("new-keyword 1\n".to_owned())],
        position: prop::sample::Index,
    ) {
        let changed = insert(CONSENSUS, position, &text);
        let (strict, lenient) =
            (Consensus::parse_strict(changed.as_bytes()), Consensus::parse(changed.as_bytes()));
        if check_depths(&changed, &strict, &lenient, Consensus::skipped) {
            let mut relays = lenient.as_ref().unwrap().relays();
            let found = relays.by_ref().count();
            prop_assert_eq!((found, relays.skipped()), (strict.unwrap().relays().count(), 0));
        }
        let changed = insert(VOTE, position, &text);
        let (strict, lenient) =
            (Vote::parse_strict(changed.as_bytes()), Vote::parse(changed.as_bytes()));
        if check_depths(&changed, &strict, &lenient, Vote::skipped) {
            let mut relays = lenient.as_ref().unwrap().relays();
            let found = relays.by_ref().count();
            prop_assert_eq!((found, relays.skipped()), (strict.unwrap().relays().count(), 0));
        }
    }

    #[test]
    fn status_documents_of_arbitrary_lines_never_panic(
        lines in prop::collection::vec(line(), 0..30),
    ) {
        let lines = lines.concat();
        let consensus = format!("network-status-version 3\nvote-status consensus\n{lines}");
        let strict = Consensus::parse_strict(consensus.as_bytes());
        let lenient = Consensus::parse(consensus.as_bytes());
        check_depths(&consensus, &strict, &lenient, Consensus::skipped);
        if let Ok(consensus) = lenient {
            check_skipped(std::str::from_utf8(consensus.text()).unwrap(), consensus.skipped());
            let _ = (consensus.digest_sha1(), consensus.digest_sha3_signed());
            let _ = consensus.unknown_items().count();
            let _ = (format!("{consensus:?}"), consensus.relays().strict().count());
        }
        let vote = format!("network-status-version 3\n{lines}");
        let strict = Vote::parse_strict(vote.as_bytes());
        let lenient = Vote::parse(vote.as_bytes());
        check_depths(&vote, &strict, &lenient, Vote::skipped);
        if let Ok(vote) = lenient {
            check_skipped(std::str::from_utf8(vote.text()).unwrap(), vote.skipped());
            let _ = (vote.digest_sha1(), vote.bandwidth_file_sha256());
            let _ = vote.unknown_items().count();
            for relay in vote.relays() {
                let _ = (relay.vote_microdescriptors().count(), relay.stats().len());
            }
            let _ = format!("{vote:?}");
        }
        let certificate = format!("dir-key-certificate-version 3\n{lines}");
        for certificate in KeyCertificate::parse_all(certificate.as_bytes()) {
            check_skipped(std::str::from_utf8(certificate.text()).unwrap(), certificate.skipped());
            let _ = (certificate.digest_sha1(), certificate.signing_key_fingerprint());
        }
        let v2 = format!("network-status-version 2\n{lines}");
        if let Ok(status) = NetworkStatusV2::parse(v2.as_bytes()) {
            check_skipped(std::str::from_utf8(status.text()).unwrap(), status.skipped());
            let _ = (status.digest_sha1(), status.relays().count(), format!("{status:?}"));
        }
        let bridges = format!("published 2026-11-21 03:16:05\n{lines}");
        if let Ok(status) = BridgeNetworkStatus::parse(bridges.as_bytes()) {
            check_skipped(std::str::from_utf8(status.text()).unwrap(), status.skipped());
            let _ = (status.bridges().strict().count(), format!("{status:?}"));
        }
        let signatures = format!("consensus-digest X\n{lines}");
        if let Ok(signatures) = DetachedSignatures::parse(signatures.as_bytes()) {
            check_skipped(std::str::from_utf8(signatures.text()).unwrap(), signatures.skipped());
        }
    }

    #[test]
    fn arbitrary_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = (Consensus::parse_strict(&bytes), Vote::parse_strict(&bytes));
        let _ = (NetworkStatusV2::parse_strict(&bytes), BridgeNetworkStatus::parse_strict(&bytes));
        let _ = (DetachedSignatures::parse_strict(&bytes), ConsensusDiff::parse(&bytes));
        let _ = (KeyCertificate::parse_strict(&bytes), RouterStatus::parse_strict(&bytes));
        let list = DirectoryList::parse(&bytes);
        let _ = (list.authorities().count(), list.fallbacks().count());
    }
}
