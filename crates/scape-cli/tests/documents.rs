//! `scape doc` with recorded documents. No tor is needed.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

#[path = "../../../tests/support/mmdb.rs"]
#[allow(dead_code)]
mod mmdb;
#[path = "support/run.rs"]
#[allow(dead_code)]
mod run;

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant, SystemTime};

use run::{Done, Lines, Scape, send_signal};
use rustix::process::Signal;
use scape::netdoc::onion::{BlindedSecretKey, OnionDescriptorBuilder, TimePeriod};
use scape::word::OnionKey;
use serde_json::{Value, json};

/// Returns the path of a recorded document.
fn recorded(name: &str) -> PathBuf {
    Path::new("../scape-proto/tests/data/documents").join(name)
}

fn doc<const N: usize>(command: &str, names: [&str; N]) -> Scape {
    names.iter().fold(Scape::new(["doc", command]), |scape, name| scape.arg(recorded(name)))
}

fn read(name: &str) -> String {
    fs::read_to_string(recorded(name)).unwrap()
}

#[test]
fn show_prints_each_document_as_json() {
    let values = doc("show", ["server-descriptor", "microdescriptors"]).json();
    assert_eq!(values.len(), 11);
    assert_eq!(values[0]["type"], "server_descriptor");
    assert_eq!(values[0]["nickname"], "authority0");
    assert!(values[1..].iter().all(|value| value["type"] == "microdescriptor"));
    // Without a terminal, the output is the same without --json.
    let text = doc("show", ["server-descriptor"]).ok();
    assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), values[0]);
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn show_reads_standard_input_and_folders() {
    let text = read("extra-info");
    let values = Scape::new(["doc", "show", "-"]).input(&text).json();
    assert_eq!(values[0]["type"], "extra_info");
    let folder = tempfile::tempdir().unwrap();
    for name in ["server-descriptor", "server-descriptor-2"] {
        fs::copy(recorded(name), folder.path().join(name)).unwrap();
    }
    let values = Scape::new(["doc", "show"]).arg(folder.path()).json();
    assert_eq!(values.len(), 2);
}

#[test]
fn show_reports_malformed_documents_and_lines() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("descriptor");
    let text = read("server-descriptor").replace("\nuptime ", "\nuptime x");
    fs::write(&file, text).unwrap();
    let show = || Scape::new(["doc", "show"]).arg(&file);
    assert!(show().run().expect(0).error.is_empty());
    let done = show().arg("--skipped").run().expect(0);
    assert!(done.error.contains("descriptor: document 1, line "), "{done:?}");
    assert!(done.error.contains("(uptime)"), "{done:?}");
    let done = show().arg("--strict").run().expect(1);
    assert!(done.error.contains("(uptime)"), "{done:?}");
    assert!(done.error.contains("scape: 1 document or file could not be read"), "{done:?}");
    assert_eq!(done.out, "");
    let done = Scape::new(["doc", "show", "/nowhere/file"]).run().expect(1);
    assert!(done.error.contains("/nowhere/file"), "{done:?}");
    Scape::new(["doc", "show"]).run().expect(2);
}

#[test]
fn kind_is_needed_if_it_is_not_recognized() {
    // Without the first two lines, the beginning of the text doesn't show its
    // kind.
    let text = read("collector-exit-list");
    let text: String = text.lines().skip(2).map(|line| format!("{line}\n")).collect();
    let show = || Scape::new(["doc", "show", "-"]).input(&text);
    let values = show().arg("--kind").arg("tordnsel").json();
    assert_eq!(values[0]["type"], "exit_list");
    show().arg("--kind").arg("nonsense").run().expect(2);
}

#[test]
fn interrupt_ends_reading_standard_input() {
    let mut child = Scape::new(["doc", "show", "-"]).start();
    let mut input = child.stdin.take().unwrap();
    // The input is longer than the reader takes at once, and has no end.
    let text = read("server-descriptor").repeat(500);
    let writer = std::thread::spawn(move || {
        let written = input.write_all(text.as_bytes());
        (input, written)
    });
    let line = Lines::of(child.stdout.take().unwrap()).next();
    assert!(line.contains("authority0"), "{line}");
    send_signal(child.id(), Signal::INT);
    Done::of(child, &"scape doc").expect(130);
    // The command may have ended before it has read everything.
    let (_input, _written) = writer.join().unwrap();
}

#[test]
fn interrupt_does_not_wait_for_a_reader_of_the_output() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("descriptors");
    // The first document and its problem are short, but all documents together
    // don't fit into a pipe.
    fs::write(&file, read("server-descriptor").replace("\nuptime ", "\nuptime x").repeat(1000))
        .unwrap();
    for option in ["--json", "--strict", "--skipped"] {
        let mut child = Scape::new(["doc", "show", option]).arg(&file).start();
        let mut first = [0; 10];
        match option {
            "--strict" => child.stderr.as_mut().unwrap().read_exact(&mut first).unwrap(),
            _ => child.stdout.as_mut().unwrap().read_exact(&mut first).unwrap(),
        }
        std::thread::sleep(Duration::from_millis(300));
        let begun = Instant::now();
        send_signal(child.id(), Signal::TERM);
        assert_eq!(child.wait().unwrap().code(), Some(130), "{option}");
        assert!(begun.elapsed() < Duration::from_secs(10), "{option}");
    }
}

#[test]
fn consensus_is_summarized_with_bars() {
    let text = doc("summary", ["consensus-ns"]).ok();
    for expected in [
        "Consensus with 10 relays\n  flavor            ns\n",
        "\n\nFlags\n",
        "\n  Authority   3   30.0 %  ################\n",
        "\n\nBandwidth\n  guards                0 B/s    0.0 %\n  guards and exits  15.0 MB/s  100.0 %",
        "\n\nVersions\n  Tor 0.4.9.8  10  100.0 %",
        "HSDir=2 (required)",
    ] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    assert!(!text.contains("Countries"), "{text}");
    let values = doc("summary", ["consensus-ns"]).json();
    assert_eq!(values[0]["kind"], "consensus");
    assert_eq!(values[0]["facts"]["valid_after"], "2026-11-30T02:21:30Z");
    assert_eq!(values[0]["counts"]["flags"]["Authority"], 3);
    assert_eq!(values[0]["counts"]["bandwidth"]["guards and exits"], 15000);
    assert!(values[0]["counts"]["newest_protocols"]["HSDir=2"].is_u64(), "{}", values[0]);
}

#[test]
fn countries_are_looked_up_in_a_database() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("countries.mmdb");
    let code = mmdb::Value::Map(vec![("iso_code", mmdb::Value::Text("DE"))]);
    let country = mmdb::Value::Map(vec![("country", code)]);
    let database = mmdb::Mmdb::new("Test-Country", 6, 28).with("127.0.0.0/8", &country);
    fs::write(&file, database.bytes()).unwrap();
    let values = doc("summary", ["consensus-ns"]).arg("--geoip").arg(&file).json();
    assert_eq!(values[0]["counts"]["countries"], json!({"de": 10}));
}

#[test]
fn summary_needs_a_database_that_exists() {
    let done = doc("summary", ["consensus-ns"]).arg("--geoip").arg("/nowhere/db").run().expect(1);
    assert!(done.error.contains("/nowhere/db"), "{done:?}");
}

#[test]
fn descriptors_of_a_kind_are_summarized_together() {
    let files = ["server-descriptor", "key-certificates", "server-descriptor-2", "extra-info"];
    let values = doc("summary", files).json();
    let kinds: Vec<&Value> = values.iter().map(|value| &value["kind"]).collect();
    assert_eq!(kinds, ["server_descriptor", "extra_info", "key_certificate"]);
    assert_eq!(values[0]["facts"]["documents"], 2);
    assert_eq!(values[0]["counts"]["versions"]["Tor 0.4.9.8"], 2);
    let text = doc("summary", files).ok();
    assert!(text.starts_with("2 server descriptors\n"), "{text}");
    assert!(text.contains("\n\n1 extra-info document\n"), "{text}");
    assert!(text.contains("\n\n3 certificates of authorities\n"), "{text}");
}

#[test]
fn numbers_that_are_too_large_are_summed_up() {
    let history = format!("{0},{0},{0}", u64::MAX / 2);
    let text = read("extra-info");
    let line = "write-history 2026-11-30 02:21:30 (900 s) ";
    let text = text.replacen("\npublished ", &format!("\n{line}{history}\npublished "), 1);
    let values = Scape::new(["doc", "summary", "-"]).input(text).json();
    assert_eq!(values[0]["facts"]["bytes_written"], u64::MAX);
}

#[test]
fn every_kind_of_document_has_a_summary() {
    let names = [
        "bandwidth-file",
        "collector-bridge-network-status",
        "collector-exit-list",
        "collector-network-status-2",
        "consensus-diff",
        "detached-signatures",
        "onion-descriptor",
        "vote",
        "microdescriptors",
    ];
    let values = doc("summary", names).json();
    let kinds: Vec<&str> = values.iter().map(|value| value["kind"].as_str().unwrap()).collect();
    let expected = [
        "bandwidth_file",
        "bridge_network_status",
        "exit_list",
        "network_status_v2",
        "consensus_diff",
        "detached_signatures",
        "onion_descriptor",
        "vote",
        "microdescriptor",
    ];
    assert_eq!(kinds, expected);
    for value in &values {
        assert_ne!(value["facts"], json!({}), "{value}");
    }
    assert_eq!(values[7]["facts"]["authority"], "authority0");
    assert_eq!(values[2]["facts"]["exits"], 3);
}

#[test]
fn recorded_documents_are_valid() {
    let files = [
        "consensus-ns",
        "consensus-microdesc",
        "vote",
        "detached-signatures",
        "key-certificates",
        "extra-info",
        "server-descriptor",
        "onion-descriptor",
        "microdescriptors",
    ];
    let done = doc("verify", files).run().expect(0);
    assert!(done.error.starts_with("10 valid, 0 invalid, 0 unchecked, 10 without"), "{done:?}");
    assert!(done.error.contains("the authorities of the certificates were trusted"), "{done:?}");
    let line = done.out.lines().find(|line| line.contains("(ns)")).unwrap();
    assert!(line.starts_with("valid     consensus "), "{line}");
    assert!(line.contains("(ns): 3 of 3 authorities have signed; the authorities are "), "{line}");
    // An extra-info document doesn't wait if the server descriptor is known.
    let values = doc("verify", ["server-descriptor", "extra-info", "microdescriptors"]).json();
    assert_eq!((&values[1]["kind"], &values[1]["result"]), (&json!("extra_info"), &json!("valid")));
    let values = doc("verify", ["server-descriptor"]).json();
    let expected = json!({"file": recorded("server-descriptor"), "number": 1,
        "kind": "server_descriptor", "subject": "authority0", "result": "valid", "reason": null});
    assert_eq!(values, [expected]);
}

#[test]
fn forged_documents_are_invalid() {
    let folder = tempfile::tempdir().unwrap();
    for (name, old, new) in [
        ("consensus-ns", "\ns Authority ", "\ns BadExit "),
        ("server-descriptor", "\nuptime ", "\nuptime 1"),
        ("vote", "\nvoting-delay 2 2", "\nvoting-delay 3 3"),
        ("extra-info", "\npublished 2026", "\npublished 2025"),
        ("key-certificates", "\ndir-key-expires 2037", "\ndir-key-expires 2038"),
    ] {
        let file = folder.path().join(name);
        let text = read(name).replacen(old, new, 1);
        assert_ne!(text, read(name), "{name}");
        fs::write(&file, text).unwrap();
        let verify = Scape::new(["doc", "verify"]).arg(&file).arg(recorded("server-descriptor"));
        let verify = verify.arg("--certificates").arg(recorded("key-certificates"));
        let done = verify.run().expect(1);
        let line = done.out.lines().find(|line| line.contains(file.to_str().unwrap())).unwrap();
        assert!(line.starts_with("invalid   "), "{line}");
        assert!(done.error.contains(" invalid and 0 unchecked of "), "{done:?}");
    }
}

#[test]
fn missing_certificates_and_descriptors_are_reported() {
    for (name, reason) in [
        ("consensus-ns", "use --certificates"),
        ("detached-signatures", "use --certificates"),
        ("vote", "no authority is known"),
        ("extra-info", "no valid server descriptor of this relay"),
        ("collector-network-status-2", "old kind"),
    ] {
        let done = doc("verify", [name]).run().expect(1);
        assert!(done.out.starts_with("unchecked ") && done.out.contains(reason), "{done:?}");
    }
    let verify = doc("verify", ["consensus-ns"]).arg("--certificates");
    let done = verify.arg(recorded("server-descriptor")).run().expect(1);
    assert!(done.error.contains("contain no certificate"), "{done:?}");
}

#[test]
fn authorities_can_be_named() {
    let values = doc("show", ["key-certificates"]).json();
    let names: Vec<&str> =
        values.iter().map(|value| value["fingerprint"].as_str().unwrap()).collect();
    let verify = |authorities: &str| {
        let verify = doc("verify", ["consensus-ns", "vote"]).arg("--authorities").arg(authorities);
        verify.arg("--certificates").arg(recorded("key-certificates"))
    };
    let done = verify(&names.join(",")).run().expect(0);
    assert!(!done.error.contains("were trusted"), "{done:?}");
    assert!(!done.out.contains("--authorities"), "{done:?}");
    // The files may follow the names.
    let (first, others) = (names[0], names[1..].join(","));
    let named = ["doc", "verify", "--authorities", first, "--authorities", &others];
    let files = ["consensus-ns", "key-certificates"].map(recorded);
    let done = files.iter().fold(Scape::new(named), |scape, file| scape.arg(file)).run().expect(0);
    assert!(!done.error.contains("were trusted"), "{done:?}");
    // Without --authorities, the result says which authorities were trusted.
    let values = doc("verify", ["consensus-ns", "key-certificates"]).json();
    let consensus = values.iter().find(|value| value["kind"] == "consensus").unwrap();
    assert_eq!(consensus["result"], "valid");
    let reason = consensus["reason"].as_str().unwrap();
    assert!(reason.ends_with("those of the certificates: specify them with --authorities"));
    let unknown = "0123456789ABCDEF0123456789ABCDEF01234567";
    let done = verify(unknown).run().expect(1);
    assert!(done.out.contains("0 valid signatures of known authorities"), "{done:?}");
    let old = doc("verify", ["consensus-ns", "key-certificates"]).arg("--now");
    let done = old.run().expect(1);
    assert!(done.out.contains("valid-until: not valid at the given time"), "{done:?}");
}

#[test]
fn onion_descriptor_belongs_to_an_address() {
    let key = OnionKey::from_seed(&[7; 32]);
    let address = key.address();
    let made = SystemTime::now();
    let period = TimePeriod::at(made, TimePeriod::DEFAULT_MINUTES, Duration::from_secs(3600));
    let expires = made + Duration::from_secs(54 * 3600);
    let blinded = BlindedSecretKey::new(&key, period);
    let builder = OnionDescriptorBuilder::default();
    let text = builder.build(&address, &blinded, 1, expires, &[1; 32]).unwrap();
    let verify =
        |address: &str| Scape::new(["doc", "verify", "-", "--address"]).arg(address).input(&text);
    let done = verify(&address.to_string()).run().expect(0);
    assert!(done.out.ends_with(&format!("made by {address}\n")), "{done:?}");
    let other = OnionKey::from_seed(&[8; 32]).address().to_string();
    let done = verify(&other).run().expect(1);
    assert!(done.out.contains("the key doesn't belong to "), "{done:?}");
}

#[test]
fn consensuses_are_compared() {
    let folder = tempfile::tempdir().unwrap();
    let old = read("consensus-ns");
    // The first relay leaves, and the others change.
    let (head, relays) = old.split_once("\nr ").unwrap();
    let (first, tail) = relays.split_once("\nr ").unwrap();
    let first = first.split(' ').next().unwrap();
    let changed = tail.replacen(" Fast ", " ", 1).replacen("w Bandwidth=", "w Bandwidth=9", 1);
    assert_ne!(changed, tail);
    let file = folder.path().join("new");
    fs::write(&file, format!("{head}\nr {changed}")).unwrap();
    let diff = || doc("diff", ["consensus-ns"]).arg(&file);
    let values = diff().json();
    let [value] = values.as_slice() else { panic!("{values:?}") };
    assert_eq!((&value["old"]["relays"], &value["new"]["relays"]), (&json!(10), &json!(9)));
    assert_eq!((&value["came_count"], &value["left_count"]), (&json!(0), &json!(1)));
    assert_eq!(value["left"][0]["nickname"], first);
    assert_eq!((&value["flags_count"], &value["bandwidth_count"]), (&json!(1), &json!(1)));
    assert_eq!(value["changed"][0]["flags_removed"], json!(["Fast"]));
    let text = diff().ok();
    assert!(
        text.contains("\n0 came, 1 left, 1 with other flags, 1 with another bandwidth\n"),
        "{text}"
    );
    assert!(text.lines().any(|line| line.starts_with(&format!("-  {first} "))), "{text}");
    assert!(text.lines().any(|line| line.starts_with("~  ") && line.contains("-Fast")), "{text}");
    let counts = diff().arg("--counts").json();
    assert!(counts[0].get("left").is_none() && counts[0]["left_count"] == 1, "{counts:?}");
    let back = Scape::new(["doc", "diff"]).arg(&file).arg("-").input(&old).ok();
    assert!(back.contains("\n1 came, 0 left,"), "{back}");
    let done = doc("diff", ["consensus-ns", "vote"]).run().expect(1);
    assert!(done.error.contains("contains no consensus"), "{done:?}");
}
