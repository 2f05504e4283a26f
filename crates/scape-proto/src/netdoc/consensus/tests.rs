use super::*;

const A: &str = "596CD48D61FDA4E868F4AA10FF559917BE3B1A35";
const B: &str = "9FBF54D6A62364320308A615BF4CF6B27B254FAD";

fn signature(words: &str) -> String {
    let object = "-----BEGIN SIGNATURE-----\nAQID\n-----END SIGNATURE-----";
    format!("directory-signature {words}\n{object}\n")
}

/// Returns a consensus that contains each kind of line.
fn whole() -> String {
    format!(
        "network-status-version 3\nvote-status consensus\nconsensus-method 33\n\
         valid-after 2026-11-21 02:00:00\nfresh-until 2026-11-21 03:00:00\n\
         valid-until 2026-11-21 05:00:00\nvoting-delay 300 200\n\
         client-versions 0.4.8.1,0.4.9.11\nserver-versions 0.4.9.11\n\
         package tor 0.4.9.11 https://example.com/ sha256=AAAA\n\
         known-flags Exit Fast Shiny Valid\n\
         recommended-client-protocols Link=5\nrecommended-relay-protocols Link=4-5\n\
         required-client-protocols Link=4\nrequired-relay-protocols Link=3-4\n\
         params a=1 b=-2\n\
         shared-rand-previous-value 8 hAQLxyt0U3gu7QR2owixRCbIltcyPrz3B0YBfUshOkE=\n\
         shared-rand-current-value 7 KEIfSB7Db+ToasQIzJhbh0CtkeSePHLEehO+ams/RTU=\n\
         dir-source auth1 {A} auth1.example.com 127.0.0.1 7001 5001\n\
         contact one <a@example.com>\nvote-digest {B}\n\
         dir-source auth1-legacy {B} 127.0.0.1 127.0.0.1 7001 5001\n\
         dir-source auth2 {B} 127.0.0.2 127.0.0.2 7002 5002\n\
         contact two\nvote-digest {A}\n\
         r one AAAAAAAAAAAAAAAAAAAAAAAAAAA kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 127.0.0.1 1 0\n\
         s Exit Fast\nv Tor 0.4.9.11\npr Link=1-5\nw Bandwidth=7\np accept 80\n\
         r two AAAAAAAAAAAAAAAAAAAAAAAAAAE kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038-01-01 00:00:00 127.0.0.1 1 0\n\
         s Valid\n\
         directory-footer\nbandwidth-weights Wbd=0 Wgg=5869\n{}{}",
        signature(&format!("{A} {B}")),
        signature(&format!("sha1 {B} {A}")),
    )
}

#[test]
fn consensus_with_every_line_is_read_strictly() {
    let text = whole();
    let consensus = Consensus::parse_strict(text.as_bytes()).unwrap();
    assert_eq!((consensus.flavor.as_str(), consensus.method), ("ns", Some(33)));
    assert!(consensus.valid_after < consensus.fresh_until);
    assert!(consensus.fresh_until < consensus.valid_until);
    let delays = consensus.voting_delay.unwrap();
    assert_eq!((delays.0.as_secs(), delays.1.as_secs()), (300, 200));
    assert_eq!((consensus.client_versions.len(), consensus.server_versions.len()), (2, 1));
    assert_eq!((consensus.packages[0].url, consensus.packages.len()), ("https://example.com/", 1));
    assert_eq!(*consensus.unknown_flags, ["Shiny".into()]);
    assert!(consensus.required_relay_protocols.as_ref().unwrap().supports("Link", 3));
    assert_eq!((consensus.param("b"), consensus.params.len()), (Some(-2), 2));
    assert_eq!(consensus.shared_random_previous.unwrap().reveals, 8);
    let sources: Vec<_> = consensus
        .dir_sources
        .iter()
        .map(|source| (source.is_legacy(), source.contact.as_deref(), source.vote_digest.is_some()))
        .collect();
    assert_eq!(
        sources,
        [
            (false, Some("one <a@example.com>"), true),
            (true, None, false),
            (false, Some("two"), true)
        ]
    );
    let signatures: Vec<_> = consensus
        .signatures
        .iter()
        .map(|signature| (signature.algorithm, signature.identity.to_string()))
        .collect();
    assert_eq!(signatures, [("sha1", A.to_owned()), ("sha1", B.to_owned())]);
    assert_eq!(consensus.bandwidth_weights.get("Wgg"), Some(5869));
    assert_eq!((consensus.relays().count(), consensus.skipped()), (2, &[][..]));
    assert_eq!(consensus.unknown_items().count(), 0);
    let annotated = format!("@type network-status-consensus-3 1.0\n{text}");
    let annotated = Consensus::parse_strict(annotated.as_bytes()).unwrap();
    assert_eq!(annotated.text(), text.as_bytes());
}

#[test]
fn strict_reading_rejects_each_broken_rule() {
    use LineProblem::{Missing, Object, Order, Repeated, Unexpected, Words};
    let text = whole();
    let strict = |text: &str| Consensus::parse_strict(text.as_bytes()).expect_err(text);
    for (old, new, keyword, problem) in [
        ("network-status", "x\nnetwork-status", "x", LineProblem::Start),
        ("vote-status consensus\n", "", "vote-status", Missing),
        ("valid-after", "x", "valid-after", Missing),
        ("voting-delay", "x", "voting-delay", Missing),
        ("known-flags", "x", "known-flags", Missing),
        ("params", "consensus-method 33\nparams", "consensus-method", Repeated),
        ("params", "package a b c\nparams", "package", Order),
        ("params", "published 2026-11-21 02:00:00\nparams", "published", Unexpected),
        ("dir-source auth2", "contact two\ndir-source auth2", "contact", Unexpected),
        ("contact two\n", "", "contact", Missing),
        ("vote-digest", "contact two\nvote-digest", "contact", Repeated),
        ("dir-source auth1 ", "vote-digest X\ndir-source auth1 ", "vote-digest", Order),
        ("voting-delay 300 200", "voting-delay 300", "voting-delay", Words),
        ("directory-footer\n", "", "directory-footer", Missing),
        ("consensus-method 33\n", "", "directory-footer", Unexpected),
        ("bandwidth-weights", "x", "bandwidth-weights", Missing),
        ("s Valid\n", "", "s", Missing),
        ("s Valid", "s Valid\nm AAAA", "m", Unexpected),
        ("BEGIN SIG", "BEGIN X", "directory-signature", Object),
        ("directory-footer", "directory-footer\ndirectory-footer", "directory-footer", Order),
        ("\nr one", "\nbandwidth-weights Wgg=1\nr one", "bandwidth-weights", Order),
        ("\ns Valid", "\ndirectory-signature x\ns Valid", "directory-signature", Order),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        // The line with the weights may be missing.
        if (keyword, problem) == ("bandwidth-weights", Missing) {
            assert!(Consensus::parse_strict(changed.as_bytes()).is_ok());
            continue;
        }
        let error = strict(&changed);
        assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{old} {new}: {error}");
    }
    let (before, footer) = text.split_once("directory-signature").unwrap();
    let late = format!("{before}directory-signature{footer}bandwidth-weights Wgg=1\n");
    assert_eq!(strict(&late.replacen("bandwidth-weights Wbd", "x Wbd", 1)).problem(), Order);
    assert_eq!(strict(before).problem(), Missing);
}

#[test]
fn strict_reading_rejects_malformed_values() {
    let text = whole();
    for (old, new) in [
        ("version 3", "version 4"),
        ("vote-status consensus", "vote-status vote"),
        ("method 33", "method x"),
        ("2026-11-21 02:00", "2026-11-21 62:00"),
        ("300 200", "300 x"),
        ("0.4.8.1,", "0.4.8.x,"),
        ("0.4.8.1,", "0.4.8.1,,"),
        ("sha256=", "sha256"),
        ("recommended-relay-protocols Link=4", "recommended-relay-protocols Link=x"),
        ("params a=1 b", "params b=1 a"),
        ("params a=1", "params a=+1"),
        ("value 8 hA", "value x hA"),
        ("value 7 KE", "value 7 K"),
        ("7001 5001", "7001 65536"),
        ("auth1.example.com 127.0.0.1", "auth1.example.com localhost"),
        ("vote-digest 9", "vote-digest "),
        ("auth1 5", "auth_1 5"),
        ("AAAE kj", "AAAA kj"),
        ("\ns Exit Fast", "\ns Fast Exit"),
        ("Bandwidth=7", "Bandwidth=x"),
        ("p accept 80", "p accept x"),
        ("v Tor 0.4.9.11", "v Tor x"),
        ("pr Link=1-5", "pr Link"),
        ("2038-01-01", "2038-13-01"),
        ("directory-footer", "directory-footer x"),
        ("Wbd=0 Wgg", "Wgg=0 Wbd"),
        ("Wgg=5869", "Wgg=x"),
        ("signature sha1", "signature sha256"),
        ("signature sha1 9F", "signature sha1 F"),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        let error = Consensus::parse_strict(changed.as_bytes()).map(|_| ()).expect_err(new);
        assert!(matches!(error.problem(), LineProblem::Value(_)), "{new}: {error}");
        let is_consensus = !old.starts_with("version") && !old.starts_with("vote-status");
        assert_eq!(Consensus::parse(changed.as_bytes()).is_ok(), is_consensus, "{new}");
    }
}

/// Checks that additional words in a line are ignored, as dir-spec demands.
#[test]
fn lines_with_additional_words_keep_their_values() {
    let text = whole().replace("\ns Exit", "\na [::1]:9\ns Exit");
    let mut changed = String::new();
    for line in text.lines() {
        changed.push_str(line);
        let word = line.split(' ').next().unwrap();
        if ["client-versions", "valid-after", "a", "p", "vote-digest"].contains(&word) {
            changed.push_str(" more words");
        }
        changed.push('\n');
    }
    let old = Consensus::parse_strict(text.as_bytes()).unwrap();
    let new = Consensus::parse_strict(changed.as_bytes()).unwrap();
    assert_eq!(new.client_versions, old.client_versions);
    assert_eq!((new.valid_after, &new.dir_sources), (old.valid_after, &old.dir_sources));
    for (old, new) in old.relays().zip(new.relays()) {
        assert_eq!(new.policy(), old.policy());
        assert!(new.other_addresses().eq(old.other_addresses()));
    }
    assert!(new.relays().any(|relay| relay.ipv6().is_some() && relay.policy().is_some()));
    assert_eq!(changed.matches(" more words").count(), 6);
}

#[test]
fn line_that_begins_like_the_footer_is_part_of_the_footer() {
    let text = whole().replace("directory-footer\n", "directory-footer\ndirectory-footer-new x\n");
    let consensus = Consensus::parse_strict(text.as_bytes()).unwrap();
    assert_eq!((consensus.signatures.len(), consensus.relays().count()), (2, 2));
}

#[test]
fn skipped_lines_have_their_number_in_the_text() {
    let text = whole()
        .replace("params a=1", "params odd a=1")
        .replace("dir-source auth2", "dir-source auth_2")
        .replace("signature sha1 9", "signature sha1 ");
    let consensus = Consensus::parse(text.as_bytes()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let skipped: Vec<&str> = consensus.skipped().iter().map(DocumentError::keyword).collect();
    let expected = ["params", "dir-source", "contact", "vote-digest", "directory-signature"];
    assert_eq!(skipped, expected);
    for error in consensus.skipped() {
        assert!(lines[error.line().unwrap() - 1].starts_with(error.keyword()), "{error}");
    }
    // The parameters that are well-formed are kept.
    assert_eq!((consensus.params.len(), consensus.dir_sources.len()), (2, 2));
    assert_eq!(consensus.dir_sources[1].contact, None);
    let text = whole().replace("p accept 80", "p x");
    let error = Consensus::parse_strict(text.as_bytes()).unwrap_err();
    assert_eq!(text.lines().nth(error.line().unwrap() - 1), Some("p x"));
}

#[test]
fn microdescriptor_consensus_needs_digests_of_microdescriptors() {
    let text = whole()
        .replace("version 3", "version 3 microdesc")
        .replace(" kjKOZLsq0WbxlzF7GZ68cSUiEI4", "")
        .replace("\ns ", "\nm C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA more words\ns ")
        .replace("signature sha1", "signature sha256");
    let consensus = Consensus::parse_strict(text.as_bytes()).unwrap();
    assert_eq!(consensus.flavor, ConsensusFlavor::Microdesc);
    assert!(consensus.relays().all(|relay| relay.microdescriptor_digest().is_some()));
    // Only the line `r` of a full consensus has the digest of a descriptor.
    let with_digest = text.replacen("AAAE 2038", "AAAE kjKOZLsq0WbxlzF7GZ68cSUiEI4 2038", 1);
    let full = whole().replacen("AAAE kjKOZLsq0WbxlzF7GZ68cSUiEI4", "AAAE", 1);
    for text in [with_digest, full] {
        assert_eq!(Consensus::parse_strict(text.as_bytes()).unwrap_err().keyword(), "r");
        assert_eq!(Consensus::parse(text.as_bytes()).unwrap().relays().count(), 2);
    }
    let error = Consensus::parse_strict(text.replacen("m C7", "x C7", 1).as_bytes()).unwrap_err();
    assert_eq!((error.keyword(), error.problem()), ("m", LineProblem::Missing));
}

#[test]
fn signed_part_ends_with_the_space_after_the_first_signature() {
    let text = whole();
    let consensus = Consensus::parse(text.as_bytes()).unwrap();
    let signed = consensus.signed_text().unwrap();
    assert!(signed.starts_with(b"network-status-version 3\n"));
    assert!(signed.ends_with(b"\nbandwidth-weights Wbd=0 Wgg=5869\ndirectory-signature "));
    assert!(consensus.digest_sha1().is_some() && consensus.digest_sha256().is_some());
    assert_ne!(consensus.digest_sha3(), consensus.digest_sha3_signed());
    let tabs = text.replace("directory-signature ", "directory-signature\t");
    let consensus = Consensus::parse(tabs.as_bytes()).unwrap();
    assert_eq!((consensus.signed_text(), consensus.signatures.len()), (None, 2));
}
