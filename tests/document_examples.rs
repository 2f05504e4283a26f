//! Runs the examples `documents` and `consensus` in the same way as a user.
#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use scape::testing::ScriptedTor;
use serde_json::Value;

/// Returns a command that runs a built example.
fn example(name: &str) -> Command {
    // This test is in target/PROFILE/deps.
    let mut program: PathBuf = std::env::current_exe().unwrap();
    program.pop();
    program.set_file_name("examples");
    program.push(name);
    assert!(program.exists(), "{} is not built: cargo build --examples", program.display());
    let mut command = Command::new(program);
    command.env_remove("COLUMNS").env_remove("NO_COLOR");
    command
}

/// Runs a program until it ends, with this standard input.
fn run(mut command: Command, input: &[u8]) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(input).unwrap();
    child.wait_with_output().unwrap()
}

fn documents(arguments: &[&str], input: &[u8]) -> (Vec<Value>, String, Option<i32>) {
    let mut command = example("documents");
    command.args(arguments);
    let output = run(command, input);
    let values = output.stdout.split_inclusive(|byte| *byte == b'\n');
    let values = values.map(|line| serde_json::from_slice(line).unwrap()).collect();
    (values, String::from_utf8(output.stderr).unwrap(), output.status.code())
}

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("crates/scape-proto/tests/data/documents")
}

fn types(values: &[Value]) -> Vec<&str> {
    values.iter().map(|value| value["type"].as_str().unwrap()).collect()
}

const ENTRY: &str =
    "r relay04 JWSYgWyFxquk3yIiBc8/oJHmPM4 2038-01-01 00:00:00 127.0.0.14 9004 0\ns Fast\n";

#[test]
fn documents_of_a_folder_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let files = [
        ("bandwidth-file", "bandwidth_file"),
        ("consensus-diff", "consensus_diff"),
        ("consensus-ns", "consensus"),
        ("extra-info", "extra_info"),
        ("onion-descriptor", "onion_descriptor"),
        ("server-descriptor", "server_descriptor"),
        ("vote", "vote"),
    ];
    for (name, _) in files {
        fs::copy(recorded().join(name), folder.path().join(name)).unwrap();
    }
    for option in ["--skipped", "--strict"] {
        let (values, errors, status) = documents(&[option, folder.path().to_str().unwrap()], b"");
        assert_eq!((errors.as_str(), status), ("", Some(0)));
        assert_eq!(types(&values), files.map(|(_, kind)| kind));
        assert!(values[6]["relays"].as_array().unwrap().len() > 7);
    }
}

#[test]
fn documents_of_an_archive_on_standard_input_are_printed() {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, text) in [
        ("relays/a", "@type server-descriptor 1.0\nrouter a 127.0.0.1 1 0 0\n"),
        ("relays/b", "@type server-descriptor 1.0\nrouter b 127.0.0.1 1 0 0\nuptime soon\n"),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(text.len() as u64);
        archive.append_data(&mut header, name, text.as_bytes()).unwrap();
    }
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&archive.into_inner().unwrap()).unwrap();
    let (values, errors, status) = documents(&["--skipped", "-"], &gzip.finish().unwrap());
    let names: Vec<&str> = values.iter().flat_map(|value| value["nickname"].as_str()).collect();
    assert_eq!((names, status), (vec!["a", "b"], Some(0)));
    assert_eq!(
        errors,
        "standard input: relays/b: document 1, line 2 (uptime): the uptime must be a number of \
         seconds\n"
    );
}

#[test]
fn problems_are_reported_and_do_not_end_the_program() {
    let text = format!(
        "router a 127.0.0.1 1 0 0\nuptime soon\n@type torperf 1.0\nX=1\n\
         @type network-status-consensus-3 1.0\n\
         network-status-version 3\nvote-status consensus\nmethod 7\n{ENTRY}w Bandwidth=x\n"
    );
    let (values, errors, status) = documents(&["/nowhere", "-"], text.as_bytes());
    assert_eq!((types(&values), status), (vec!["server_descriptor", "consensus"], Some(1)));
    assert!(errors.starts_with("cannot read /nowhere\n"), "{errors}");
    assert!(errors.ends_with(
        "standard input: document 2: unknown document: the library doesn't parse such documents\n"
    ));
    assert!(!errors.contains("uptime"), "{errors}");

    let (values, errors, _) = documents(&["--skipped", "-"], text.as_bytes());
    assert_eq!(values[1]["relays"][0]["nickname"], "relay04");
    for expected in ["document 1, line 2 (uptime): ", "document 3, line 6 (w): "] {
        assert!(errors.contains(&format!("standard input: {expected}")), "{errors}");
    }

    let (values, errors, status) = documents(&["--strict", "-"], text.as_bytes());
    assert_eq!((values, status), (Vec::new(), Some(1)));
    assert_eq!(errors.lines().count(), 3, "{errors}");
}

#[test]
fn kind_of_documents_without_annotation_is_set() {
    let text = b"router a 127.0.0.1 1 0 0\n";
    for kind in ["server-descriptor", "bridge-server-descriptor 1.2"] {
        let (values, errors, status) = documents(&["--kind", kind, "-"], text);
        assert_eq!((types(&values), status), (vec!["server_descriptor"], Some(0)), "{errors}");
    }
    let (_, errors, status) = documents(&["--kind", "extra-info", "-"], text);
    assert_eq!(status, Some(1));
    let expected = "document 1: the text begins with \"router\", expected: extra-info document";
    assert!(errors.contains(expected), "{errors}");
    for wrong in [&["--kind", "nonsense", "-"][..], &["--kind"], &["--nonsense", "-"], &[]] {
        assert_eq!(documents(wrong, b"").2, Some(2), "{wrong:?}");
    }
}

/// Runs the example `consensus`, and returns the output and the exit status.
fn consensus(command: impl FnOnce(&mut Command)) -> (String, Option<i32>) {
    let mut example = example("consensus");
    command(&mut example);
    let output = run(example, b"");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    (String::from_utf8(output.stdout).unwrap() + &errors, output.status.code())
}

#[test]
fn consensus_in_a_file_is_summarized() {
    let file = recorded().join("consensus-ns");
    let (text, status) = consensus(|command| {
        command.arg(&file).env("COLUMNS", "60");
    });
    assert_eq!(status, Some(0), "{text}");
    for expected in [
        "\n  flavor        ns, method ",
        "\n  authority0    signed, not checked\n",
        "\nFlags\n  Fast ",
        "\n  guards and exits ",
        "\nVersions (*: recommended)\n  Tor 0.4.",
        "\n  HSDir=2 (required) ",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert!(!text.contains("Countries") && text.is_ascii() && !text.contains('\x1b'));
    let bars = text.lines().filter(|line| line.ends_with('#'));
    assert_eq!(bars.map(str::len).max(), Some(60), "{text}");
    // Bars are left out if there is no room.
    let (narrow, _) = consensus(|command| {
        command.arg(&file).env("COLUMNS", "1");
    });
    assert!(!narrow.contains('#') && narrow.lines().count() == text.lines().count(), "{narrow}");
    let (text, status) = consensus(|command| {
        command.arg(recorded().join("vote"));
    });
    assert_eq!(status, Some(1), "{text}");
    assert!(text.contains("contains no consensus"), "{text}");
}

#[test]
fn signatures_of_a_consensus_in_a_data_directory_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cached-microdesc-consensus");
    let recorded_text = fs::read_to_string(recorded().join("consensus-microdesc")).unwrap();
    fs::write(&path, &recorded_text).unwrap();
    fs::copy(recorded().join("key-certificates"), folder.path().join("cached-certs")).unwrap();
    let summary = || {
        consensus(|command| {
            command.arg(folder.path());
        })
    };
    let (text, status) = summary();
    assert_eq!(status, Some(0), "{text}");
    if cfg!(feature = "verify") {
        assert!(text.contains("  authority0    signed, and the signature is valid\n"), "{text}");
        assert!(text.contains("enough signatures are valid"), "{text}");
        fs::write(&path, recorded_text.replace("\ns Exit", "\ns BadExit Exit")).unwrap();
        let (text, status) = summary();
        assert_eq!(status, Some(1), "{text}");
        assert!(text.contains("  authority0    signed, but the signature is not valid\n"));
    } else {
        assert!(text.contains("takes the feature verify"), "{text}");
    }
}

#[test]
fn consensus_of_a_running_tor_is_summarized_with_countries() {
    let text = fs::read_to_string(recorded().join("consensus-microdesc")).unwrap();
    let tor = ScriptedTor::builder()
        .info("dir/status-vote/current/consensus-microdesc", text)
        .info("ip-to-country/127.0.0.1", "us")
        .listen()
        .unwrap();
    let address = tor.address().unwrap().to_string();
    let (text, status) = consensus(|command| {
        command.env("SCAPE_CONTROL", address);
    });
    assert_eq!(status, Some(0), "{text}");
    for title in ["\nCountries\n  us ", "\nBandwidth by country\n  us "] {
        assert!(text.contains(title), "{text}");
    }
}
