//! Router status entries with arbitrary content. Every valid entry is parsed
//! back to the same values, and a malformed entry doesn't affect its
//! neighbours.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use data_encoding::BASE64_NOPAD;
use proptest::prelude::*;
use scape_proto::netdoc::{
    Consensus, Directory, DocumentText, LineProblem, Microdescriptor, Relay, RouterFlags,
    RouterStatus, RouterStatusProblem,
};
use scape_proto::word::Fingerprint;

const GOOD: &str = "r good JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\ns Valid\nw Bandwidth=1\n";

#[test]
fn malformed_entry_is_skipped_and_the_next_is_parsed() {
    for (r, problem) in [
        ("r x", RouterStatusProblem::Words),
        (
            "r x_y JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 1.2.3.4 1 0",
            RouterStatusProblem::Nickname,
        ),
        (
            "r caf\u{e9} JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 1.2.3.4 1 0",
            RouterStatusProblem::Nickname,
        ),
        (
            "r x JWSYgWyFxquk3yIiBc8/oJHmPM 2038-01-01 00:00:00 1.2.3.4 1 0",
            RouterStatusProblem::Identity,
        ),
        (
            "r x JWSYgWyFxquk3yIiBc8/oJHmPM4 what 2038-01-01 00:00:00 1.2.3.4 1 0",
            RouterStatusProblem::Digest,
        ),
        (
            "r x JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 ::1 1 0",
            RouterStatusProblem::Address,
        ),
        (
            "r x JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 1.2.3.4 65536 0",
            RouterStatusProblem::Port,
        ),
        (
            "r x JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 1.2.3.4 1",
            RouterStatusProblem::Words,
        ),
    ] {
        let text = format!("{GOOD}{r}\ns Exit\n{GOOD}");
        let mut statuses = RouterStatus::parse_all(text.as_bytes());
        assert_eq!(
            statuses.by_ref().map(|status| status.nickname()).collect::<Vec<_>>(),
            ["good", "good"],
            "{r}"
        );
        assert_eq!(statuses.skipped(), 1, "{r}");
        let results: Vec<_> = RouterStatus::parse_all(text.as_bytes()).results().collect();
        let error = results[1].as_ref().unwrap_err();
        assert_eq!((error.problem(), error.line(), error.position()), (problem, r, GOOD.len()));
        assert!(results.len() == 3 && error.to_string().contains(&format!("{:?}", error.line())));
    }
}

#[test]
fn malformed_entry_has_its_position_in_the_consensus() {
    let header = "network-status-version 3\nvote-status consensus\n";
    let text = format!("{header}{GOOD}r x\ns Exit\n{GOOD}directory-footer\n");
    let consensus = Consensus::parse(text.as_bytes()).unwrap();
    let errors = consensus.relays().results().filter_map(Result::err);
    let positions: Vec<_> = errors.map(|error| error.position()).collect();
    assert_eq!(positions, [header.len() + GOOD.len()]);
    // The same text has the same positions with the other iterator.
    let mut errors = RouterStatus::parse_all(text.as_bytes()).results().filter_map(Result::err);
    assert_eq!(errors.next().map(|error| error.position()), positions.first().copied());
}

#[test]
fn malformed_lines_of_an_entry_are_ignored() {
    let lines = "a nonsense\na [::1]\na 192.0.2.1:7\na [::2]:8\ns Fast Odd\u{e9}\nv odd\npr Link\nm short\n\
                 w Bandwidth=99999999999 Odd=1\np permit 80\nid ed25519 none\nnew line\nodd\n";
    let (r, _) = GOOD.split_once('\n').unwrap();
    let text = format!("{r}\n{lines}{GOOD}");
    let status = RouterStatus::parse_all(text.as_bytes()).next().unwrap();
    assert_eq!(
        (status.flags(), status.bandwidth(), status.is_measured()),
        (RouterFlags::FAST, None, None)
    );
    assert_eq!(status.unknown_flags().collect::<Vec<_>>(), ["Odd\u{e9}".as_bytes()]);
    assert_eq!(status.bandwidth_words().last(), Some((&b"Odd"[..], &b"1"[..])));
    assert_eq!((status.version(), status.protocols(), status.policy()), (None, None, None));
    assert_eq!(
        (status.microdescriptor_digest(), status.ed25519(), status.measured()),
        (None, None, None)
    );
    assert_eq!(status.ipv6(), "[::2]:8".parse().ok());
    assert_eq!(status.other_addresses().count(), 2);
    assert_eq!(status.unknown_lines().collect::<Vec<_>>(), [&b"new line"[..], b"odd"]);
    assert_eq!(RouterStatus::parse_all(text.as_bytes()).count(), 2);
}

#[test]
fn first_of_repeated_lines_of_an_entry_is_used() {
    let (r, _) = GOOD.split_once('\n').unwrap();
    let lines = "s\ns Exit\nw Bandwidth=1\nw Bandwidth=2 Unmeasured=1\nm AA\n\
        m C7+l5zIMGPEOG4IvLZtbeLcaOXtBiE26T6gRyYczDGA\nv Tor 0.4.9.11\nv Tor 0.4.8.1\n\
        pr Link=1\npr Link=2\np accept 80\np accept 443\n";
    let text = format!("{r}\n{lines}");
    let status = RouterStatus::parse_all(text.as_bytes()).next().unwrap();
    assert_eq!((status.flags(), status.bandwidth()), (RouterFlags::empty(), Some(1)));
    assert_eq!((status.is_measured(), status.microdescriptor_digest()), (None, None));
    assert_eq!(status.version(), "0.4.9.11".parse().ok());
    assert!(status.protocols().unwrap().supports("Link", 1) && status.policy().unwrap().allows(80));
    let error = RouterStatus::parse_strict(text.as_bytes()).unwrap_err();
    assert_eq!((error.keyword(), error.problem()), ("s", LineProblem::Repeated));
}

#[test]
fn lines_of_an_object_in_an_entry_are_no_fields() {
    let object = "new\n-----BEGIN X-----\np accept 80\nv Tor\na b\n-----END X-----\n";
    let text = format!("{GOOD}{object}opt p accept 443\nopt\ta [::1]:7\n");
    let status = RouterStatus::parse_all(text.as_bytes()).next().unwrap();
    assert!(status.policy().unwrap().allows(443) && !status.policy().unwrap().allows(80));
    assert_eq!((status.version_text(), status.ipv6()), (None, "[::1]:7".parse().ok()));
}

/// Entries that other libraries reject: stem rejects an OR port of 0, and
/// txtorcon rejects lines that it doesn't know. This library accepts both.
#[test]
fn entry_with_port_0_or_unknown_lines_is_parsed() {
    let text = "r x JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 0 0 more words\nv Tor 9\npr New=1\nstats x\n";
    let status = RouterStatus::parse_all(text.as_bytes()).next().unwrap();
    assert_eq!(
        (status.or_address().port(), status.digest(), status.flags()),
        (0, None, RouterFlags::empty())
    );
    assert!(status.protocols().unwrap().supports("New", 1));
    let windows = text.replace('\n', "\r\n");
    assert_eq!(RouterStatus::parse_all(windows.as_bytes()).next().unwrap().dir_port(), 0);
    // The last line has no line end, and the times are malformed.
    let odd = "r x JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-13-01 00:00:00 127.0.0.14 1 2";
    let status = RouterStatus::parse_all(odd.as_bytes()).next().unwrap();
    assert_eq!((status.published(), status.dir_port()), (None, 2));
}

#[test]
fn documents_other_than_a_consensus_are_refused() {
    for (text, keyword) in [
        ("", ""),
        (GOOD, "r"),
        ("network-status-version 4\n", "network-status-version"),
        ("network-status-version\n", "network-status-version"),
        ("network-status-version 3\nvote-status vote\n", "vote-status"),
    ] {
        let error = Consensus::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.keyword(), keyword, "{text:?}");
        let is_start = matches!(keyword, "" | "r");
        assert_eq!(error.problem() == LineProblem::Start, is_start, "{text:?}");
    }
    let bare = "@odd\nnetwork-status-version 3 new\nvalid-after soon\nparams x y=z a=-1\nshared-rand-current-value 9\n\
                dir-source x\ndirectory-footer\nbandwidth-weights\ndirectory-signature x\n";
    let consensus = Consensus::parse(bare.as_bytes()).unwrap();
    assert_eq!((consensus.flavor.as_str(), consensus.relays().count()), ("new", 0));
    assert_eq!(
        (consensus.params.len(), consensus.dir_sources.len(), consensus.valid_after),
        (1, 0, None)
    );
}

#[test]
fn directory_is_sorted_and_lists_each_relay_once() {
    let other = GOOD.replace("good", "other").replace("JWSY", "AWSY");
    let text =
        format!("network-status-version 3\n{GOOD}r bad\n{other}{}", GOOD.replace("good", "again"));
    let directory = Directory::parse(text.as_bytes(), b"").unwrap();
    let names: Vec<&str> = directory.relays().iter().map(|relay| relay.nickname()).collect();
    assert_eq!((names, directory.skipped()), (vec!["other", "good"], 2));
    assert_eq!(directory.relay(Fingerprint::from_bytes([0; 20])), None);
    assert_eq!(
        (directory.to_string(), directory.relays()[0].policy()),
        ("2 relays".to_owned(), None)
    );
}

#[test]
fn consensus_lines_may_be_separated_by_tabs() {
    let text = "network-status-version\t3\tmicrodesc\nvote-status\tconsensus\nvalid-after\t2026-11-21\t01:02:03\n\
        known-flags\tExit\tFast  Shiny\nclient-versions\t0.4.8.1, 0.4.9.11\nparams\ta=1\tb=2\n\
        required-client-protocols\tLink=4\tRelay=2\n\
        r\trelay04\tJWSYgWyFxquk3yIiBc8/oJHmPM4\t2038-01-01\t00:00:00\t127.0.0.14\t9004\t0\n\
        a\t[::1]:9104\ns\tFast\tGuard\nw\tBandwidth=7\tUnmeasured=1\np\taccept\t80\nid\ted25519\t\
        AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n\
        r\tother\tAAAAAAAAAAAAAAAAAAAAAAAAAAA\t2038-01-01\t00:00:00\t127.0.0.15\t9005\t0\n\
        directory-footer\t\nbandwidth-weights\tWgg=5869\n";
    let consensus = Consensus::parse(text.as_bytes()).unwrap();
    assert!(consensus.valid_after.is_some());
    assert_eq!((consensus.param("a"), consensus.param("b")), (Some(1), Some(2)));
    assert_eq!(consensus.client_versions, ["0.4.8.1".into(), "0.4.9.11".into()]);
    assert!(consensus.required_client_protocols.as_ref().unwrap().supports("Relay", 2));
    assert_eq!(consensus.bandwidth_weights.get("Wgg"), Some(5869));
    let relays: Vec<_> = consensus.relays().collect();
    assert_eq!(
        relays.iter().map(|relay| relay.nickname()).collect::<Vec<_>>(),
        ["relay04", "other"]
    );
    assert_eq!((relays[0].is_measured(), relays[0].ed25519()), (Some(false), Some([0; 32])));
    assert_eq!(relays[0].ipv6(), "[::1]:9104".parse().ok());
    assert!(relays[0].policy().unwrap().allows(80));
    assert_eq!(RouterStatus::parse_all(text.as_bytes()).count(), 2);
}

#[test]
fn consensus_lists_unknown_flags() {
    let text = "network-status-version 3\nknown-flags Exit Shiny Fast Odd\n";
    let consensus = Consensus::parse(text.as_bytes()).unwrap();
    assert_eq!(consensus.known_flags, RouterFlags::EXIT | RouterFlags::FAST);
    assert_eq!(consensus.unknown_flags, ["Shiny".into(), "Odd".into()]);
}

#[test]
fn consensus_without_directory_footer_has_its_signatures() {
    let key = "0123456789ABCDEF0123456789ABCDEF01234567";
    let signature = format!(
        "directory-signature {key} {key}\n-----BEGIN SIGNATURE-----\nAAAA\n-----END SIGNATURE-----\n"
    );
    for start in
        ["", "bandwidth-weights Wgg=5869\n", "directory-footer\nbandwidth-weights Wgg=5869\n"]
    {
        for entries in ["", GOOD] {
            let text = format!(
                "network-status-version 3\nvote-status consensus\n{entries}{start}{signature}{signature}"
            );
            let consensus = Consensus::parse(text.as_bytes()).unwrap();
            assert_eq!(consensus.signatures.len(), 2, "{text}");
            assert_eq!(consensus.relays().count(), usize::from(!entries.is_empty()), "{text}");
            let weight = (!start.is_empty()).then_some(5869);
            assert_eq!(consensus.bandwidth_weights.get("Wgg"), weight, "{text}");
        }
    }
}

#[test]
fn bandwidth_counts_as_measured_only_if_the_entry_says_so() {
    let measured =
        |text: String| RouterStatus::parse_all(text.as_bytes()).next().unwrap().is_measured();
    let entry = |words: &str| {
        format!(
            "r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\n{words}"
        )
    };
    let consensus = "network-status-version 3\nvote-status consensus\n";
    let vote = "network-status-version 3\nvote-status vote\n";
    for (header, words, expected) in [
        ("", "w Bandwidth=7\n", None),
        ("", "w Bandwidth=7 Unmeasured=1\n", Some(false)),
        (consensus, "w Bandwidth=7\n", Some(true)),
        (consensus, "w Bandwidth=7 Unmeasured=1\n", Some(false)),
        (consensus, "", None),
        (vote, "w Bandwidth=7\n", None),
        (vote, "w Bandwidth=7 Measured=9\n", Some(true)),
        // Lines may have further words, and the word `opt` before them.
        (&consensus.replace("sus\n", "sus more\n"), "w Bandwidth=7\n", Some(true)),
        (&vote.replace("vote-status", "opt vote-status"), "w Bandwidth=7\n", None),
    ] {
        assert_eq!(measured(format!("{header}{}", entry(words))), expected, "{header}{words}");
    }
    let text = format!("{consensus}{}", entry("w Bandwidth=7\n"));
    let directory = Directory::parse(text.as_bytes(), b"").unwrap();
    assert_eq!(directory.relays()[0].is_measured(), Some(true));
}

/// Generates the values of an entry: the nickname, the identity, the flags, the
/// bandwidth, true if the bandwidth is unmeasured, and an optional IPv6
/// address.
fn entries()
-> impl Strategy<Value = (String, [u8; 20], RouterFlags, u32, bool, Option<std::net::Ipv6Addr>)> {
    let flags = any::<[bool; 14]>().prop_map(|chosen| {
        let chosen = RouterFlags::all().iter().zip(chosen).filter(|(_, chosen)| *chosen);
        chosen.filter_map(|(name, _)| RouterFlags::from_name(name)).collect()
    });
    (
        "[A-Za-z0-9]{1,19}",
        any::<[u8; 20]>(),
        flags,
        any::<u32>(),
        any::<bool>(),
        any::<Option<std::net::Ipv6Addr>>(),
    )
}

proptest! {
    #[test]
    fn generated_entries_are_parsed_back(
        relays in prop::collection::vec(entries(), 0..8),
        digest in any::<Option<[u8; 20]>>(), ip: std::net::Ipv4Addr, port: u16, odd in "[a-z\u{e9} =]{0,20}")
    {
        let mut text = "network-status-version 3\n".to_owned();
        for (nickname, identity, flags, bandwidth, unmeasured, ipv6) in &relays {
            let digest = digest.map(|digest| BASE64_NOPAD.encode(&digest) + " ").unwrap_or_default();
            let identity = BASE64_NOPAD.encode(identity);
            text += &format!("r {nickname} {identity} {digest}2026-11-21 01:02:03 {ip} {port} 0\n");
            text += &ipv6.map(|ipv6| format!("a [{ipv6}]:{port}\n")).unwrap_or_default();
            text += &format!("x{odd}\ns {flags} Odd\nw Bandwidth={bandwidth}{}\n", if *unmeasured { " Unmeasured=1" } else { "" });
        }
        let mut statuses = RouterStatus::parse_all(text.as_bytes());
        for (nickname, identity, flags, bandwidth, unmeasured, ipv6) in &relays {
            let status = statuses.next().unwrap();
            for entry in [Relay::from(&status), Relay::from(status)] {
                prop_assert_eq!(
                    (entry.nickname(), entry.fingerprint()),
                    (&**nickname, Fingerprint::from_bytes(*identity))
                );
                prop_assert_eq!((entry.flags(), entry.bandwidth()), (*flags, Some(*bandwidth)));
                prop_assert_eq!(entry.is_measured(), Some(!unmeasured));
                prop_assert_eq!(entry.ipv6().map(|address| *address.ip()), *ipv6);
                prop_assert_eq!((*entry.or_address().ip(), entry.or_address().port()), (ip, port));
                prop_assert_eq!(entry.digest().map(|digest| *digest.as_bytes()), digest);
                prop_assert_eq!(entry.unknown_flags().collect::<Vec<_>>(), ["Odd"]);
            }
            prop_assert_eq!(status.unknown_lines().count(), 1);
        }
        prop_assert!(statuses.next().is_none() && statuses.skipped() == 0);
        prop_assert!(Directory::parse(text.as_bytes(), b"").unwrap().relays().len() <= relays.len());
    }

    #[test]
    fn arbitrary_lines_never_panic_the_parser(
        lines in prop::collection::vec(("(r|a|s|v|pr|w|p|m|id|onion-key|directory-footer|)", prop::collection::vec(any::<u8>(), 0..60)), 0..20))
    {
        let mut text = b"network-status-version 3\n".to_vec();
        for (keyword, rest) in lines {
            text.extend([keyword.as_bytes(), b" ", &rest, b"\n"].concat());
        }
        for status in RouterStatus::parse_all(&text) {
            let _ = (
                Relay::from(&status),
                status.version(),
                status.protocols(),
                status.policy(),
            );
            let _ = (status.other_addresses().count(), status.unknown_lines().count(), format!("{status:?}"));
        }
        for md in Microdescriptor::parse_all(&text) {
            let _ = (
                md.digest(),
                md.family(),
                md.policy(),
                md.policy_v6(),
                md.ed25519(),
                md.ipv6(),
                md.other_addresses().count(),
            );
        }
        prop_assert!(Consensus::parse(&text).is_ok());
        prop_assert!(Directory::parse(&text, &text).is_ok());
    }
}

#[test]
fn object_without_an_end_in_an_entry_is_read_alike_by_both_parsers() {
    // Found by the fuzz target `router_status`.
    let entry = GOOD.trim_end();
    for text in [
        format!("{entry}\ni x\n-----BEGIN A\nr\n"),
        format!("{entry}\ni x\n-----BEGIN  A b\nr\nid e\ni x\n-----BEGIN  A b"),
        format!("{entry}\ni x\n-----BEGIN A-----\nr\n"),
    ] {
        let whole = DocumentText::<RouterStatus<'static>>::new(text.clone().into_bytes());
        let strict = RouterStatus::parse_strict(text.as_bytes());
        assert_eq!(whole.parse_strict(), strict);
        if let Ok(status) = strict {
            assert_eq!(whole.parse(), Ok(status), "{text}");
        }
    }
}
