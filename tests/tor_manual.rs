//! Compares tor's manual page with the options of a real tor.
//!
//! The tests use the page of tor 0.4.9.8 in `tests/data/manual`. If a page is
//! installed on this machine, they use that one, too.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    missing_docs
)]

mod support;

use std::fs;
use std::path::{Path, PathBuf};

use scape::info::ConfigName;
use scape_manual::{Manual, ManualError};
use support::real_tor::RealTor;

/// The highest number of options that the manual may leave out. tor 0.4.9
/// leaves out 24: groups, and options for controllers only.
const UNDOCUMENTED: usize = 40;

/// Returns the path of the page in `tests/data/manual`.
fn carried() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/manual/tor.1.gz")
}

/// Reads the page in `tests/data/manual`, and the installed page if there is
/// one.
fn pages() -> Vec<Manual> {
    let installed = Manual::find().ok();
    [carried()].into_iter().chain(installed).map(|path| Manual::read(path).unwrap()).collect()
}

#[test]
fn manual_page_describes_the_options_of_a_real_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let names = controller.info().config_names().unwrap();
    assert!(names.len() > 300, "{} options", names.len());
    for manual in pages() {
        describes(&manual, &names);
    }
}

fn describes(manual: &Manual, names: &[ConfigName]) {
    let (documented, missing): (Vec<&ConfigName>, Vec<&ConfigName>) =
        names.iter().partition(|option| manual.get(&option.name).is_some());
    eprintln!("{} of {} options are described; not described are:", documented.len(), names.len());
    for option in &missing {
        eprintln!("  {} {}", option.name, option.ty);
    }
    assert!(missing.len() <= UNDOCUMENTED, "{} are missing", missing.len());
    for option in documented {
        let entry = manual.get(&option.name).unwrap();
        assert!(entry.name().eq_ignore_ascii_case(&option.name));
        assert!(!entry.help().is_empty() && !entry.section().is_empty(), "{entry:?}");
        assert!(entry.forms().iter().all(|form| !form.contains('\\')), "{entry:?}");
        // No roff escape may be left. A plain backslash is allowed, because
        // tor's page has some in an HAProxy header.
        for escape in ["\\f", "\\&", "\\-", "\\(", "\\*"] {
            assert!(!entry.help().contains(escape), "{entry}");
        }
    }
    let strange: Vec<&str> = manual
        .iter()
        .map(|entry| entry.name())
        .filter(|name| !names.iter().any(|option| option.name.eq_ignore_ascii_case(name)))
        .collect();
    eprintln!("described, and not options of this tor: {strange:?}");
    assert!(strange.len() <= 20, "{strange:?}");
}

/// Checks entries that every version of tor's page has had for years.
#[test]
fn manual_page_entries_have_their_parts() {
    pages().iter().for_each(has_parts);
}

fn has_parts(manual: &Manual) {
    let socks = manual.get("socksport").unwrap();
    assert_eq!(socks.name(), "SocksPort");
    assert_eq!(socks.forms(), ["[address:]port|unix:path|auto [flags] [isolation flags]"]);
    assert_eq!(socks.section(), "CLIENT OPTIONS");
    assert_eq!(socks.default(), Some("9050"));
    assert!(!socks.is_immutable());
    for flag in ["IsolateSOCKSAuth", "SessionGroup=INT", "OnionTrafficOnly", "ExtendedErrors"] {
        assert!(socks.help().contains(&format!("\n\n{flag}\n    ")), "{flag}: {socks}");
    }
    assert!(manual.get("IsolateSOCKSAuth").is_none(), "a flag is no option");

    let directory = manual.get("DATADIRECTORY").unwrap();
    assert!(directory.is_immutable());
    assert_eq!(
        (directory.forms(), directory.section()),
        (&["DIR".to_owned()][..], "GENERAL OPTIONS")
    );
    assert_eq!(manual.get("AvoidDiskWrites").unwrap().forms(), ["0|1"]);
    assert_eq!(manual.get("AvoidDiskWrites").unwrap().default(), Some("0"));
    let rate = manual.get("BandwidthRate").unwrap();
    assert!(rate.forms()[0].starts_with("N bytes|KBytes|"), "{rate}");
    assert!(manual.get("Log").unwrap().forms().len() >= 3);
    for name in [
        "HiddenServiceDir",
        "HiddenServicePort",
        "__SocksPort",
        "VirtualAddrNetworkIPv4",
        "HTTPSProxy",
    ] {
        assert!(!manual.get(name).unwrap().help().is_empty(), "{name}");
    }
    for name in ["--help", "SIGHUP", "NAME", "Note", "/etc/tor/torrc"] {
        assert!(manual.get(name).is_none(), "{name}");
    }
}

#[test]
fn manual_page_is_found_beside_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bin/tor");
    let error = Manual::beside(&program).unwrap_err();
    let ManualError::NotInstalled { looked_at } = &error else { panic!("{error}") };
    assert_eq!(looked_at.len(), 2, "{error}");
    assert!(error.to_string().contains("apt install tor"), "{error}");

    let pages = folder.path().join("share/man/man1");
    fs::create_dir_all(&pages).unwrap();
    fs::copy(carried(), pages.join("tor.1.gz")).unwrap();
    let manual = Manual::beside(&program).unwrap();
    assert_eq!(manual.get("SOCKSPORT").unwrap().name(), "SocksPort");
}
