//! Tests of server descriptors.

use super::*;

const KEY: &str = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

fn object(label: &str) -> String {
    format!("-----BEGIN {label}-----\nAQID\n-----END {label}-----\n")
}

/// Returns a descriptor with every line that tor 0.4.9 writes.
fn whole() -> String {
    let (cert, rsa) = (object("ED25519 CERT"), object("RSA PUBLIC KEY"));
    let signature = "A".repeat(86);
    format!(
        "router relay04 127.0.0.14 9004 0 9104\nidentity-ed25519\n{cert}\
         master-key-ed25519 {KEY}\nor-address [::1]:9004\nplatform Tor 0.4.9.11 on Linux\n\
         proto Link=1-5 Relay=1-4\npublished 2026-11-21 03:16:05\n\
         fingerprint 2564 9881 6C85 C6AB A4DF 2222 05CF 3FA0 91E6 3CCE\n\
         uptime 7\nbandwidth 1 2 3\n\
         extra-info-digest 80B33F89F899A1FAAD047727404A817574705DB4 {KEY}\n\
         onion-key\n{rsa}signing-key\n{rsa}onion-key-crosscert\n{crosscert}\
         ntor-onion-key-crosscert 1\n{cert}hidden-service-dir\ncontact someone\n\
         ntor-onion-key {KEY}\nreject *:25\naccept *:*\nipv6-policy accept 80\n\
         family relay05\ntunnelled-dir-server\noverload-general 1 2026-11-21 03:00:00\n\
         router-sig-ed25519 {signature}\nrouter-signature\n{end}",
        crosscert = object("CROSSCERT"),
        end = object("SIGNATURE"),
    )
}

#[test]
fn descriptor_with_every_line_is_read_strictly() {
    let text = whole();
    let relay = ServerDescriptor::parse_strict(text.as_bytes()).unwrap();
    assert_eq!(
        (relay.or_port, relay.socks_port, relay.dir_port),
        (Some(9004), Some(0), Some(9104))
    );
    assert_eq!(relay.or_addresses, ["[::1]:9004".parse().unwrap()]);
    assert_eq!(relay.platform.as_deref(), Some("Tor 0.4.9.11 on Linux"));
    assert!(relay.published.is_some() && relay.protocols().is_some());
    let fingerprint = relay.fingerprint.unwrap().to_string();
    assert_eq!(fingerprint, "256498816C85C6ABA4DF222205CF3FA091E63CCE");
    assert_eq!(relay.bandwidth, Some(Bandwidth { average: 1, burst: 2, observed: 3 }));
    assert!(relay.extra_info_digest.is_some() && relay.extra_info_sha256 == Some([0; 32]));
    assert!(relay.onion_key.is_some() && relay.signing_key.is_some());
    assert!(relay.ntor_onion_key_crosscert.unwrap().sign);
    assert!(relay.is_hidden_service_dir && relay.has_tunnelled_dir_server);
    assert!(!relay.caches_extra_info && !relay.is_sanitized());
    assert!(relay.ipv6_policy().allows(80) && !relay.ipv6_policy().allows(81));
    assert_eq!(relay.overload_general.unwrap().version, 1);
    assert_eq!(relay.router_sig_ed25519, Some([0; 64]));
    assert!(relay.skipped().is_empty() && relay.unknown_items().count() == 0);
}

#[test]
fn lines_out_of_place_missing_or_repeated_are_errors_of_the_strict_reading() {
    let text = whole();
    let moved = text.replace("uptime 7\n", "") + "uptime 7\n";
    for (changed, keyword, problem) in [
        (text.replace("published 2026-11-21 03:16:05\n", ""), "published", LineProblem::Missing),
        (text.replace("uptime 7\n", "uptime 7\nuptime 8\n"), "uptime", LineProblem::Repeated),
        (moved, "router-sig-ed25519", LineProblem::Order),
        (text.replace("reject *:25\naccept *:*\n", ""), "reject", LineProblem::Missing),
        (
            text.replace(&format!("ntor-onion-key {KEY}\n"), ""),
            "ntor-onion-key",
            LineProblem::Missing,
        ),
        (text.replace("BEGIN CROSSCERT", "BEGIN X"), "onion-key-crosscert", LineProblem::Object),
        (text.replace("AQID", "AQI"), "identity-ed25519", LineProblem::Object),
        (text.replace("bandwidth 1 2 3", "bandwidth 1"), "bandwidth", LineProblem::Words),
        (text.replace("router relay04", "relay relay04"), "relay", LineProblem::Start),
        (text.replace("identity-ed25519\n", "x\n"), "identity-ed25519", LineProblem::Missing),
    ] {
        let error = ServerDescriptor::parse_strict(changed.as_bytes()).unwrap_err();
        assert_eq!((error.keyword(), error.problem()), (keyword, problem), "{error}");
    }
    let odd = [
        ("Link=1-5", "Link=5-1"),
        ("reject *:25", "reject *:x"),
        ("accept 80", "accept x"),
        ("2564 9881", "2564 988"),
        ("2564 9881", "2564 98812"),
        ("[::1]:9004", "[::1]"),
        ("uptime 7", "uptime 7s"),
        ("general 1 ", "general x "),
        ("127.0.0.14 9004", "127.0.0.14 90040"),
        ("03:16:05", "03:16:65"),
        ("crosscert 1", "crosscert 2"),
    ];
    for (old, new) in odd {
        let changed = text.replace(old, new);
        let error = ServerDescriptor::parse_strict(changed.as_bytes()).unwrap_err();
        assert!(matches!(error.problem(), LineProblem::Value(_)), "{new}: {error}");
        assert!(ServerDescriptor::parse(changed.as_bytes()).is_ok(), "{new}");
    }
}

/// Checks that additional words in a line are ignored, as dir-spec demands.
#[test]
fn lines_with_additional_words_keep_their_values() {
    let text = whole().replace("reject *:25", "opt reject *:25");
    let old = ServerDescriptor::parse_strict(text.as_bytes()).unwrap();
    let changed = text
        .replace("3CCE\n", "3CCE more words\n")
        .replace("*:25\n", "*:25 more words\n")
        .replace("accept 80\n", "accept 80 more words\n")
        .replace("]:9004\n", "]:9004 more words\n");
    let new = ServerDescriptor::parse_strict(changed.as_bytes()).unwrap();
    assert_eq!((new.fingerprint, &new.or_addresses), (old.fingerprint, &old.or_addresses));
    assert_eq!(new.exit_policy(), old.exit_policy());
    assert!(!new.exit_policy().unwrap().allows("192.0.2.1".parse().unwrap(), 25));
    assert_eq!(new.ipv6_policy(), old.ipv6_policy());
    assert_eq!(changed.matches(" more words").count(), 4);
}

#[test]
fn malformed_router_line_does_not_spoil_the_descriptor() {
    let text = whole().replace("127.0.0.14 9004", "localhost 9004");
    let relay = ServerDescriptor::parse(text.as_bytes()).unwrap();
    assert_eq!((relay.nickname, relay.address, relay.or_port), (Some("relay04"), None, None));
    assert_eq!(relay.skipped().len(), 1);
    assert_eq!(
        relay.skipped()[0].to_string(),
        "malformed server descriptor: line 1 (router): the address must be an IPv4 address",
    );
    assert!(relay.bandwidth.is_some());
}

#[test]
fn comma_does_not_end_a_rule_of_the_exit_policy() {
    // tor ignores the text after a range of ports.
    let text = b"router relay04 127.0.0.14 9004 0 0\nreject *:20-25,53\naccept *:*\n";
    let policy = ServerDescriptor::parse(text).unwrap().exit_policy().unwrap();
    assert_eq!(policy.to_string(), "reject *:20-25,accept *:*");
}

#[test]
fn malformed_exit_policy_is_no_policy() {
    let text = whole().replace("reject *:25", "reject nowhere:25");
    let relay = ServerDescriptor::parse(text.as_bytes()).unwrap();
    assert!(relay.exit_policy().is_err());
}

#[test]
fn sanitized_bridge_needs_no_keys() {
    let text = "router Unnamed 10.45.227.253 9001 0 0\nor-address [fd9f:2e19:3bcf::02:9970]:9001\n\
        published 2010-08-20 20:54:40\nbandwidth 1 2 3\nreject *:*\n\
        router-digest-sha256 AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\
        router-digest 80B33F89F899A1FAAD047727404A817574705DB4\n";
    let bridge = ServerDescriptor::parse_strict(text.as_bytes()).unwrap();
    assert!(bridge.is_sanitized() && bridge.router_digest_sha256.is_some());
    let digest = bridge.digest().map(|digest| digest.to_string());
    assert_eq!(digest.as_deref(), Some("80B33F89F899A1FAAD047727404A817574705DB4"));
    let whole = text.replace("router-digest 8", "x 8");
    let error = ServerDescriptor::parse_strict(whole.as_bytes()).unwrap_err();
    assert_eq!(error.keyword(), "signing-key");
}

/// Returns a descriptor with a line `router-digest` that contains another
/// digest than the descriptor's own.
fn with_claimed_digest() -> String {
    whole().replace("uptime", "router-digest 80B33F89F899A1FAAD047727404A817574705DB4\nuptime")
}

#[test]
fn claimed_digest_of_a_descriptor_with_signature_is_ignored() {
    let text = with_claimed_digest();
    let relay = ServerDescriptor::parse(text.as_bytes()).unwrap();
    assert!(relay.router_digest.is_some() && !relay.is_sanitized());
    assert!(relay.digest().is_some() && relay.digest() != relay.router_digest);
    // tor ends the signed part elsewhere, or not at all.
    for changed in [
        text.replace("\nrouter-signature\n", "\nrouter-signature \n"),
        text.replace("\nrouter-signature\n", "\nrouter-signature\t\n"),
        text.replace('\n', "\r\n"),
        text.replace("\nrouter-signature\n", "\nopt router-signature\n"),
        text.replace("uptime", "router-signature-x\nuptime"),
    ] {
        let relay = ServerDescriptor::parse(changed.as_bytes()).unwrap();
        assert_eq!((relay.digest(), relay.is_sanitized()), (None, false), "{changed}");
        assert!(relay.router_digest.is_some() && relay.router_signature.is_some());
    }
}

#[test]
fn claimed_digest_does_not_turn_off_the_checks_for_ed25519() {
    let text = with_claimed_digest();
    assert!(ServerDescriptor::parse_strict(text.as_bytes()).is_ok());
    let changed = text.replace("ntor-onion-key ", "other-key ");
    let error = ServerDescriptor::parse_strict(changed.as_bytes()).unwrap_err();
    assert_eq!((error.keyword(), error.problem()), ("ntor-onion-key", LineProblem::Missing));
}

#[test]
fn descriptors_of_a_file_are_split_at_their_first_line() {
    let text =
        format!("@downloaded-at 2026\n@source \"x\"\n{}\n@purpose bridge\n{}", whole(), whole());
    let all: Vec<_> = ServerDescriptor::parse_all(text.as_bytes()).strict().collect();
    assert_eq!(all.len(), 2);
    assert!(all.iter().all(Result::is_ok), "{all:?}");
}
