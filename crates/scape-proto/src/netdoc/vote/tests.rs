use super::*;

const A: &str = "596CD48D61FDA4E868F4AA10FF559917BE3B1A35";
const B: &str = "9FBF54D6A62364320308A615BF4CF6B27B254FAD";

fn object(label: &str) -> String {
    format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n")
}

fn certificate() -> String {
    let (key, signature) = (object("RSA PUBLIC KEY"), object("SIGNATURE"));
    format!(
        "dir-key-certificate-version 3\nfingerprint {A}\n\
         dir-key-published 2026-05-09 21:13:26\ndir-key-expires 2027-05-09 21:13:26\n\
         dir-identity-key\n{key}dir-signing-key\n{key}\
         dir-key-crosscert\n{cross}dir-key-certification\n{signature}",
        cross = object("ID SIGNATURE"),
    )
}

/// Returns a vote with every line, in tor's order.
fn whole() -> String {
    format!(
        "network-status-version 3\nvote-status vote\nconsensus-methods 28 33\n\
         published 2026-11-21 01:50:01\nvalid-after 2026-11-21 02:00:00\n\
         fresh-until 2026-11-21 03:00:00\nvalid-until 2026-11-21 05:00:00\n\
         voting-delay 300 200\nclient-versions 0.4.9.11\nserver-versions 0.4.9.11\n\
         recommended-relay-protocols Link=5\nrecommended-client-protocols Link=5\n\
         required-relay-protocols Link=4\nrequired-client-protocols Link=4\n\
         known-flags Exit Fast\nflag-thresholds guard-wfu=98.000% enough-mtbf=1\nparams a=1\n\
         bandwidth-file-headers timestamp=1523911758 version=1.4.0\n\
         bandwidth-file-digest sha256=C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\n\
         dir-source auth1 {A} auth1.example.com 127.0.0.1 7001 5001\ncontact one\n\
         shared-rand-participate\n\
         shared-rand-commit 1 sha3-256 {A} AAAAAFd4/kAaklgYr4ijHZjXXy/B354jQfL31BFhhE46nuOHSPITyw== AAAAAFd4/kCpZeis3yJyr//rz8hXCeeAhHa4k3lAcAiMJd1vEMTPuw==\n\
         shared-rand-commit 1 sha3-256 {B} AAAAAFd4/kC7S920awC5/HF5RfX4fKZtYqjm6qMh9G91AcjZm13DQQ==\n\
         shared-rand-previous-value 8 hAQLxyt0U3gu7QR2owixRCbIltcyPrz3B0YBfUshOkE=\n\
         shared-rand-current-value 7 KEIfSB7Db+ToasQIzJhbh0CtkeSePHLEehO+ams/RTU=\n\
         legacy-dir-key {B}\n{certificate}\
         r one AAAAAAAAAAAAAAAAAAAAAAAAAAA kjKOZLsq0WbxlzF7GZ68cSUiEI4 2026-11-21 00:00:00 127.0.0.1 1 0\n\
         s Exit Fast\nv Tor 0.4.9.11\npr Link=1-5\nw Bandwidth=7 Measured=8\np accept 80\n\
         id ed25519 none\nm 28,29 sha256=C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\n\
         m 30 sha256=uaAYTOVuYRqUwJpNfP2WizjzO0FiNQB4U97xSQu+vMc\nstats wfu=0.99 tk=7\n\
         directory-footer\ndirectory-signature {A} {B}\n{signature}",
        certificate = certificate(),
        signature = object("SIGNATURE"),
    )
}

#[test]
fn vote_with_every_line_is_read_strictly() {
    let text = whole();
    let vote = Vote::parse_strict(text.as_bytes()).unwrap();
    assert_eq!(vote.consensus_methods, [28, 33]);
    assert!(vote.published < vote.valid_after && vote.fresh_until < vote.valid_until);
    assert_eq!((vote.client_versions.len(), vote.param("a")), (1, Some(1)));
    assert_eq!(vote.flag_thresholds, [("guard-wfu", 0.98), ("enough-mtbf", 1.0)]);
    let headers = vote.bandwidth_file_headers.as_ref().unwrap();
    assert_eq!(**headers, [("timestamp", "1523911758"), ("version", "1.4.0")]);
    assert!(vote.bandwidth_file_sha256().is_some());
    let source = vote.dir_source.as_ref().unwrap();
    assert_eq!((&*source.hostname, source.contact.as_deref()), ("auth1.example.com", Some("one")));
    assert!(vote.participates_in_shared_random);
    let commits = &vote.shared_random_commits;
    assert_eq!((commits.len(), commits[0].algorithm, commits[0].version), (2, "sha3-256", 1));
    assert_eq!((commits[0].commit.len(), commits[1].reveal.is_none()), (40, true));
    assert_eq!(commits[0].reveal.as_ref().map(Vec::len), Some(40));
    assert_eq!(vote.shared_random_previous.unwrap().reveals, 8);
    assert_eq!(vote.legacy_dir_key.unwrap().to_string(), B);
    let certificate = vote.certificate.as_ref().unwrap();
    assert_eq!(certificate.text(), self::certificate().as_bytes());
    assert_eq!((vote.signatures.len(), vote.signatures[0].algorithm), (1, "sha1"));
    assert!(vote.skipped().is_empty() && vote.unknown_items().count() == 0);
    assert!(vote.digest_sha1().is_some() && vote.digest_sha256().is_some());
    let relay = vote.relays().next().unwrap();
    assert_eq!((relay.measured(), relay.is_measured()), (Some(8), Some(true)));
    assert_eq!(relay.vote_microdescriptors().count(), 2);
    assert_eq!(relay.stats(), [("wfu", 0.99), ("tk", 7.0)]);
}

#[test]
fn strict_reading_rejects_each_broken_rule() {
    use LineProblem::{Missing, Object, Order, Repeated, Unexpected};
    let text = whole();
    for (old, new, keyword, problem) in [
        ("published", "x", "published", Missing),
        ("known-flags", "x", "known-flags", Missing),
        ("dir-source", "x", "contact", Order),
        ("contact one\n", "", "contact", Missing),
        ("params", "flag-thresholds\nparams", "flag-thresholds", Repeated),
        ("params", "published 2026-11-21 01:50:01\nparams", "published", Repeated),
        ("published", "params\npublished", "published", Order),
        ("params", "consensus-method 33\nparams", "consensus-method", Unexpected),
        ("contact", "vote-digest X\ncontact", "vote-digest", Unexpected),
        ("directory-footer\n", "", "directory-footer", Missing),
        ("footer\n", "footer\nbandwidth-weights Wgg=1\n", "bandwidth-weights", Unexpected),
        ("BEGIN ID", "BEGIN X", "dir-key-crosscert", Object),
        ("dir-key-expires", "x", "dir-key-expires", Missing),
        ("s Exit Fast\nv", "v", "s", Missing),
        ("id ed", "id ed25519 none\nid ed", "id", Repeated),
        (&certificate(), "", "dir-key-certificate-version", Missing),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        let error = Vote::parse_strict(changed.as_bytes()).expect_err(new);
        assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{old}: {error}");
        assert!(Vote::parse(changed.as_bytes()).is_ok(), "{old}");
    }
    for (old, new) in [
        ("vote-status vote", "vote-status consensus"),
        ("methods 28", "methods x"),
        ("guard-wfu=98.000%", "guard-wfu=x"),
        ("version=1.4.0", "version"),
        ("digest sha256=", "digest sha256"),
        ("commit 1", "commit x"),
        ("Tyw==", "Tyw=x"),
        ("value 8", "value x"),
        ("legacy-dir-key 9", "legacy-dir-key "),
        ("fingerprint 5", "fingerprint 6"),
        ("id ed25519 none", "id ed25519 no"),
        ("m 28,29", "m 28,x"),
        ("m 30 sha256=uaAYTOVuYRqUwJpNfP2WizjzO0FiNQB4U97xSQu+vMc", "m 30"),
        ("wfu=0.99", "wfu=x"),
        ("Measured=8", "Measured=x"),
    ] {
        let changed = text.replacen(old, new, 1);
        assert_ne!(changed, text, "{old}");
        let error = Vote::parse_strict(changed.as_bytes()).expect_err(new);
        assert!(matches!(error.problem(), LineProblem::Value(_)), "{new}: {error}");
        assert_eq!(Vote::parse(changed.as_bytes()).is_ok(), !old.starts_with("vote-s"), "{new}");
    }
}

#[test]
fn skipped_lines_of_the_certificate_and_the_footer_have_their_number_in_the_text() {
    let text = whole()
        .replace("dir-key-published 2026", "dir-key-published soon")
        .replace("directory-signature 5", "directory-signature X");
    let vote = Vote::parse(text.as_bytes()).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let found: Vec<&str> =
        vote.skipped().iter().map(|error| lines[error.line().unwrap() - 1]).collect();
    assert!(found[0].starts_with("dir-key-published soon") && found.len() == 2);
    assert!(found[1].starts_with("directory-signature X"));
    assert!(vote.certificate.is_some() && vote.signatures.is_empty());
}

#[test]
fn old_votes_have_the_word_opt_before_keywords() {
    let text = whole().replace("\nv Tor", "\nopt v Tor").replace("\nm 30", "\nopt m 30");
    let vote = Vote::parse_strict(text.as_bytes()).unwrap();
    let relay = vote.relays().next().unwrap();
    assert_eq!(relay.version(), "0.4.9.11".parse().ok());
    assert_eq!((relay.vote_microdescriptors().count(), relay.unknown_lines().count()), (2, 0));
}

#[test]
fn lines_may_have_the_order_of_the_specification() {
    let text = whole();
    let protocols: Vec<&str> = text.lines().filter(|line| line.contains("-protocols ")).collect();
    let protocols = protocols.join("\n") + "\n";
    let legacy = format!("legacy-dir-key {B}\n");
    let moved = text
        .replace(&protocols, "")
        .replace("params", &format!("{protocols}params"))
        .replace(&legacy, "")
        .replace("shared-rand-participate", &format!("{legacy}shared-rand-participate"));
    assert_ne!(moved, text);
    let vote = Vote::parse_strict(moved.as_bytes()).unwrap();
    assert!(vote.required_client_protocols.is_some() && vote.legacy_dir_key.is_some());
}

#[test]
fn lines_of_certificate_and_footer_are_counted_in_the_vote() {
    for (old, new) in [
        ("dir-key-expires 2027", "dir-key-expires X"),
        ("dir-key-certification\n-----BEGIN S", "dir-key-certification\n-----BEGIN X"),
        ("directory-signature 5", "directory-signature X"),
    ] {
        let text = whole().replacen(old, new, 1);
        let (before, _) = text.split_once(new).expect(new);
        let expected = Some(before.matches('\n').count() + 1);
        let error = Vote::parse_strict(text.as_bytes()).expect_err(new);
        assert_eq!(error.line(), expected, "{error}");
        let vote = Vote::parse(text.as_bytes()).unwrap();
        assert_eq!(vote.skipped(), std::slice::from_ref(&error), "{new}");
        // The lines before an annotated vote don't count.
        let annotated = format!("@type network-status-vote-3 1.0\n\n{text}");
        assert_eq!(Vote::parse_strict(annotated.as_bytes()).unwrap_err(), error);
    }
    // The certificate alone counts its own lines.
    let text = whole().replacen("dir-key-published", "dir-key-published X", 1);
    let vote = Vote::parse(text.as_bytes()).unwrap();
    assert_eq!(vote.certificate.unwrap().skipped()[0].line(), Some(3));
}

#[test]
fn only_malformed_values_of_decisive_lines_are_errors() {
    let vote = Vote::parse(b"network-status-version 3\nvote-status vote\nvote-status x\n").unwrap();
    assert_eq!(vote.skipped()[0].problem(), LineProblem::Repeated);
    let error = Vote::parse(b"network-status-version 4\nvote-status x\n").unwrap_err();
    assert_eq!((error.line(), error.keyword()), (Some(1), "network-status-version"));
    let text = b"network-status-version 3\npublished soon\nvote-status consensus\n";
    let error = Vote::parse(text).unwrap_err();
    assert_eq!((error.line(), error.keyword()), (Some(3), "vote-status"));
}
