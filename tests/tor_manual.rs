//! The manual of the installed tor, held against the options that this tor has.
//!
//! Where no page is installed, one is made up: what is shown of tor's own page is then not shown, and said so.
#![cfg(all(unix, feature = "manual"))]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, clippy::print_stderr, missing_docs)]

mod support;

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use scape::Error;
use scape::config::Manual;
use scape::error::ManualError;
use scape::protocol::ConfigName;
use support::real_tor::RealTor;

/// Most options that may be without a word in the manual. tor 0.4.9 has 24 such: groups, and what is for controllers only.
const UNDOCUMENTED: usize = 40;

/// Where the installed page is: in the usual places, or where `man` knows it.
fn installed() -> Option<PathBuf> {
    if let Ok(found) = Manual::find() {
        return Some(found);
    }
    let output = Command::new("man").args(["-w", "tor"]).output().ok()?;
    let path = PathBuf::from(String::from_utf8(output.stdout).ok()?.trim());
    path.is_file().then_some(path)
}

/// A page with every second option.
fn made_up(names: &[ConfigName]) -> String {
    let mut page = String::from(".TH \"TOR\" \"1\"\n.SH \"GENERAL OPTIONS\"\n");
    for (number, option) in names.iter().enumerate() {
        let name = &option.name;
        match number % 4 {
            0 => page.push_str(&format!(
                ".PP\n\\fB{name}\\fR \\fIvalue\\fR\n.RS 4\nWhat \\fB{name}\\fR\nis for\\&. (Default: 1)\n.RE\n"
            )),
            2 => page.push_str(&format!(
                ".sp\n\\fB{name}\\fP \\fIvalue\\fP\n.RS 4\nWhat {name} is for.\n.sp\nMore of it.\n.RE\n"
            )),
            _ => {}
        }
    }
    page
}

#[test]
fn the_options_of_this_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let names = controller.config_names().unwrap();
    assert!(names.len() > 300, "{} options", names.len());

    let (manual, most_missing) = match installed() {
        Some(path) => {
            eprintln!("tor's page {}", path.display());
            (Manual::read(&path).unwrap(), UNDOCUMENTED)
        }
        None => {
            eprintln!("no page of tor's is installed: with a page that is made up");
            let path = tor.folder().join("tor.1");
            fs::write(&path, made_up(&names)).unwrap();
            (Manual::read(&path).unwrap(), names.len() / 2)
        }
    };

    let (documented, missing): (Vec<&ConfigName>, Vec<&ConfigName>) =
        names.iter().partition(|option| manual.get(&option.name).is_some());
    eprintln!("{} of {} options are described; not described are:", documented.len(), names.len());
    for option in &missing {
        eprintln!("  {} {}", option.name, option.ty);
    }
    assert!(missing.len() <= most_missing, "{} are missing", missing.len());
    for option in documented {
        let entry = manual.get(&option.name).unwrap();
        assert!(entry.name().eq_ignore_ascii_case(&option.name));
        assert!(!entry.help().is_empty() && !entry.section().is_empty(), "{entry:?}");
        assert!(entry.forms().iter().all(|form| !form.contains('\\')), "{entry:?}");
        // What roff's escapes look like. tor's page has backslashes of its own, in a header of HAProxy.
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

/// What every version of tor's page has said for years.
#[test]
fn some_options_of_the_installed_page() {
    let Some(path) = installed() else {
        eprintln!("no page of tor's is installed: nothing is held against it");
        return assert!(Manual::installed().is_err());
    };
    let manual = Manual::read(path).unwrap();
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
    assert_eq!((directory.forms(), directory.section()), (&["DIR".to_owned()][..], "GENERAL OPTIONS"));
    assert_eq!(manual.get("AvoidDiskWrites").unwrap().forms(), ["0|1"]);
    assert_eq!(manual.get("AvoidDiskWrites").unwrap().default(), Some("0"));
    let rate = manual.get("BandwidthRate").unwrap();
    assert!(rate.forms()[0].starts_with("N bytes|KBytes|"), "{rate}");
    assert!(manual.get("Log").unwrap().forms().len() >= 3);
    for name in
        ["HiddenServiceDir", "HiddenServicePort", "__SocksPort", "VirtualAddrNetworkIPv4", "HTTPSProxy"]
    {
        assert!(!manual.get(name).unwrap().help().is_empty(), "{name}");
    }
    for name in ["--help", "SIGHUP", "NAME", "Note", "/etc/tor/torrc"] {
        assert!(manual.get(name).is_none(), "{name}");
    }
}

#[test]
fn the_page_beside_a_program() {
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("bin/tor");
    let Error::Manual(error) = Manual::beside(&program).unwrap_err() else { panic!() };
    assert!(matches!(&*error, ManualError::NotInstalled { looked_at } if looked_at.len() == 2), "{error}");
    assert!(error.to_string().contains("apt install tor"), "{error}");

    let pages = folder.path().join("share/man/man1");
    fs::create_dir_all(&pages).unwrap();
    let option = ConfigName::parse(b"SocksPort LineList").unwrap();
    fs::write(pages.join("tor.1"), made_up(&[option])).unwrap();
    let manual = Manual::beside(&program).unwrap();
    assert_eq!(manual.get("SOCKSPORT").unwrap().summary(), "What SocksPort is for.");
}
