//! Checks that the library reads a torrc like a real tor: its values, its
//! errors, the files that it includes, and the files that tor saves.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::string_slice,
    missing_docs
)]

mod support;
#[path = "support/tor.rs"]
mod tor;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use scape::Controller;
use scape::config::{
    Torrc, TorrcComparison, TorrcDifference, TorrcError, TorrcFileProblem, TorrcFiles, read_torrc,
    write_torrc,
};
use scape::control::{Command, ConfLine, Signal};
use scape::info::{ConfigName, ConfigType};
use scape::process::{LaunchError, LaunchProblem, Verify, VerifyError};
use support::real_tor::RealTor;
use tor::{SOON, offline};

/// Returns a test runner for `cases` generated cases, which are the same in
/// each run.
fn runner(cases: u32) -> TestRunner {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]))
}

/// Generates an option's value as a torrc may contain it, correctly or
/// incorrectly written.
fn written() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[qyz \"\\\\#\t'é=]{0,12}",
        2 => "\"([qyz #'é]|\\\\[nrt\"'x\\\\0-7]|\\\\x[0-9a-f]{2}|\\\\[0-3][0-7]{2}){0,8}\"",
        2 => proptest::collection::vec("[qyz \"\\\\é]{0,6}( ?#[qyz \\\\]{0,4})?", 2..5).prop_map(|parts| parts.join("\\\n")),
        1 => Just("\"\"".to_owned()),
    ]
}

/// Generates torrc lines of two options that accept any text: ContactInfo,
/// which has one value, and MapAddress, which is a list.
fn lines() -> impl Strategy<Value = String> {
    let name = prop_oneof![
        4 => Just("ContactInfo"),
        4 => Just("MapAddress"),
        1 => Just("mapaddress"),
        1 => Just("+MapAddress"),
        1 => Just("/MapAddress"),
        1 => Just("  CONTACTINFO"),
    ];
    let entry = (name, "[ \t]{0,2}", written(), "( +#[qyz \"\\\\]{0,5})?")
        .prop_map(|(name, space, value, comment)| format!("{name} {space}{value}{comment}"));
    let line = prop_oneof![8 => entry, 1 => "#[qyz\"\\\\]{0,5}", 1 => "[ \t]{0,3}"];
    (proptest::collection::vec(line, 0..8), any::<bool>())
        .prop_map(|(lines, ends)| lines.join("\n") + if ends { "\n" } else { "" })
}

/// Returns tor's value of an option that is not a list.
fn value(controller: &Controller, name: &str) -> String {
    controller.get_conf(name).unwrap().unwrap_or_default()
}

/// Returns the ContactInfo and the list of MapAddress values that tor must have
/// after reading the torrc.
fn expected(torrc: &Torrc) -> (String, Vec<String>) {
    let list = torrc.get_all("MapAddress").into_iter().map(|value| value.into_owned()).collect();
    (torrc.get("ContactInfo").unwrap_or_default().into_owned(), list)
}

/// Returns true if the torrc contains only options that [`lines`] generates.
fn is_known(torrc: &Torrc) -> bool {
    let known = ["ContactInfo", "MapAddress"];
    torrc.entries().all(|entry| known.iter().any(|name| entry.is_named(name)))
}

fn running(controller: &Controller) -> (String, Vec<String>) {
    (value(controller, "ContactInfo"), controller.get_conf_list("MapAddress").unwrap())
}

#[test]
fn torrc_has_the_values_that_tor_loads() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let own = tor.torrc();
    let (taken, refused) = (Cell::new(0), Cell::new(0));
    runner(400)
        .run(&lines(), |text| {
            let parsed = Torrc::parse(&text);
            let loaded = controller.load_conf(&format!("{own}{text}"));
            match &parsed {
                Ok(torrc) if is_known(torrc) && value_is_text(torrc) => {
                    prop_assert!(loaded.is_ok(), "{:?}: {:?}", text, loaded);
                    prop_assert_eq!(running(&controller), expected(torrc), "{:?}", text);
                    taken.update(|n| n + 1);
                }
                _ => {
                    let error = loaded.unwrap_err();
                    prop_assert_eq!(error.code(), Some(552), "{:?}: {}", text, error);
                    refused.update(|n| n + 1);
                }
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let (taken, refused) = (taken.get(), refused.get());
    assert!(taken > 100 && refused > 40, "{taken} {refused}");
}

/// Returns true if tor accepts the torrc's ContactInfo, which must be UTF-8.
fn value_is_text(torrc: &Torrc) -> bool {
    torrc
        .entries_of("ContactInfo")
        .next_back()
        .is_none_or(|last| str::from_utf8(last.value_bytes()).is_ok())
}

#[test]
fn torrc_file_has_the_values_that_tor_reads() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let own = tor.torrc();
    let path = tor.folder().join("torrc");
    let odd = prop_oneof![
        6 => lines().prop_map(String::into_bytes),
        2 => lines().prop_map(|text| text.replace('\n', "\r\n").into_bytes()),
        1 => lines().prop_map(|text| text.replace(' ', " \r").into_bytes()),
        1 => lines().prop_map(|text| [text.as_bytes(), b"\0MapAddress after"].concat()),
        1 => proptest::collection::vec(128_u8.., 1..6).prop_map(|bytes| [b"MapAddress a ".as_slice(), &bytes].concat()),
    ];
    let taken = Cell::new(0);
    runner(150)
        .run(&odd, |text| {
            let text = [own.as_bytes(), &text].concat();
            let added = Torrc::parse(&text[own.len()..]);
            // A running tor ends if it can't read the file.
            if let Ok(added) = added
                && is_known(&added)
                && value_is_text(&added)
            {
                fs::write(&path, &text).unwrap();
                let file = read_torrc(&path).unwrap();
                prop_assert_eq!(file.to_bytes(), text);
                controller.signal(Signal::Reload).unwrap();
                prop_assert_eq!(running(&controller), expected(&file), "{:?}", added.to_text());
                taken.update(|n| n + 1);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let taken = taken.get();
    assert!(taken > 50, "{taken}");
}

#[test]
fn random_torrc_values_arrive_at_tor() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let own = Torrc::parse(tor.torrc()).unwrap();
    let odd = proptest::char::any().prop_filter("tor takes no NUL", |c| *c != '\0');
    let any = prop_oneof![
        proptest::collection::vec(odd, 1..20)
            .prop_map(|chars| chars.into_iter().collect::<String>()),
        "[ \"\\\\#\t\n\ra-c]{1,8}",
    ];
    runner(200)
        .run(&(any.clone(), any), |(one, other)| {
            let mut torrc = own.clone();
            torrc.set("ContactInfo", &one).unwrap();
            torrc.set_all("MapAddress", [&other, &one]).unwrap();
            controller.load_conf(&torrc.to_text()).unwrap();
            prop_assert_eq!(running(&controller), (one.clone(), vec![other, one]));
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
}

#[test]
fn changed_torrc_equals_the_configuration_after_a_reload() {
    let tor = RealTor::start("# mine\nContactInfo before # comment\nMapAddress a b\n");
    let controller = tor.controller();
    let path = controller.info().config_file().unwrap();
    let mut torrc = read_torrc(&path).unwrap();
    let names = controller.info().config_names().unwrap();
    let differences = |torrc: &Torrc| compare(&controller, &names, torrc);
    assert_eq!(differences(&torrc), []);
    torrc.set("ContactInfo", "after # \"this\"").unwrap();
    torrc.append("MapAddress", "c d").unwrap();
    torrc.set("MaxCircuitDirtiness", "7 minutes").unwrap();
    let changed: Vec<String> =
        differences(&torrc).into_iter().map(|difference| difference.name).collect();
    assert_eq!(changed, ["ContactInfo", "MapAddress", "MaxCircuitDirtiness"]);
    write_torrc(&torrc, &path).unwrap();
    controller.signal(Signal::Reload).unwrap();
    assert_eq!(
        running(&controller),
        ("after # \"this\"".to_owned(), vec!["a b".to_owned(), "c d".to_owned()])
    );
    assert_eq!(value(&controller, "MaxCircuitDirtiness"), "420");
    // The file is equal to tor's configuration.
    assert_eq!(differences(&torrc), []);
    assert!(
        fs::read_to_string(&path)
            .unwrap()
            .contains("# mine\nContactInfo \"after # \\\"this\\\"\" # comment\n")
    );
}

/// Returns tor's whole configuration, with one GETCONF for all options.
fn configuration(controller: &Controller, names: &[ConfigName]) -> Vec<ConfLine> {
    let service = |name: &str| name.starts_with("HiddenService");
    let alone = names.iter().filter(|name| match name.ty {
        ConfigType::Virtual => name.name == "HiddenServiceOptions",
        ConfigType::Dependent => !service(&name.name),
        _ => true,
    });
    controller.get_conf_lines(alone.map(|name| &name.name)).unwrap()
}

fn compare(controller: &Controller, names: &[ConfigName], torrc: &Torrc) -> Vec<TorrcDifference> {
    let running = configuration(controller, names);
    TorrcComparison::new(&running).types(names).of(torrc)
}

#[test]
fn saved_torrc_equals_the_configuration() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let names = controller.info().config_names().unwrap();
    let services = [tor.folder().join("one #1"), tor.folder().join("two")]
        .map(|path| path.to_str().unwrap().to_owned());
    let values = [
        ("ContactInfo", "me \"x\" # \\ é\u{1}"),
        ("MapAddress", "\"a\" b"),
        ("MapAddress", "c d#e"),
        ("MaxCircuitDirtiness", "20 minutes"),
        ("BandwidthRate", "1 MB"),
        ("ExitNodes", "{de},{fr}"),
        ("SocksPolicy", "reject *:25"),
        ("SocksPort", "unix:\"/tmp/a b\""),
        ("HiddenServiceDir", &services[0]),
        ("HiddenServicePort", "80 unix:\"/a b#\""),
        ("HiddenServiceDir", &services[1]),
        ("HiddenServicePort", "22"),
        ("HiddenServiceMaxStreams", "3"),
        ("AvoidDiskWrites", "1"),
    ];
    controller.set_conf(values).unwrap();
    controller.save_conf().unwrap();
    let saved = TorrcFiles::read(controller.info().config_file().unwrap()).unwrap();
    assert_eq!(saved.files().len(), 1);
    assert_eq!(saved.torrc().get("ContactInfo").as_deref(), Some(values[0].1));
    assert_eq!(
        saved.torrc().group("HiddenServiceOptions"),
        controller.get_conf_lines(["HiddenServiceOptions"]).unwrap()
    );
    assert_eq!(compare(&controller, &names, saved.torrc()), []);
    // The file has the options that differ from tor's default, and no others.
    let text = Torrc::parse(controller.info().config_text().unwrap()).unwrap();
    let both = |file: &Torrc, running: &[ConfLine]| {
        TorrcComparison::new(running).types(&names).both_ways(true).of(file)
    };
    assert_eq!(both(saved.torrc(), &text.to_conf_lines()), []);
    controller.set_conf([("NumCPUs", "2")]).unwrap();
    controller.reset_conf(["AvoidDiskWrites"]).unwrap();
    let text = Torrc::parse(controller.info().config_text().unwrap()).unwrap();
    let found: Vec<String> =
        both(saved.torrc(), &text.to_conf_lines()).iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(found[0].ends_with("AvoidDiskWrites is 1 in the file, and not in tor"), "{found:?}");
    assert_eq!(found[1], "NumCPUs is not in the file, and 2 in tor");
}

#[test]
fn values_that_tor_saves_wrongly_are_reported() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let names = controller.info().config_names().unwrap();
    // tor 0.4.9 quotes neither of them. The space is lost, and the backslash
    // continues the line.
    for value in ["space ", "backslash\\"] {
        controller.set_conf([("ContactInfo", value)]).unwrap();
        controller.save_conf().unwrap();
        let saved = read_torrc(controller.info().config_file().unwrap()).unwrap();
        let found = compare(&controller, &names, &saved);
        assert!(
            found.iter().any(|difference| difference.name == "ContactInfo"),
            "{value:?}: {found:?}"
        );
        assert_ne!(saved.get("ContactInfo").as_deref(), Some(value));
    }
}

#[test]
fn torrc_includes_the_files_that_tor_includes() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let own = tor.torrc();
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [
        ("a.conf", "MapAddress a 1\n"),
        ("B.conf", "MapAddress B 1"),
        ("[x].conf", "MapAddress x 1"),
        // This file is in another folder, because tor 0.4.9 crashes otherwise.
        // It crashes if a name with a `*` matches a part of a pattern other
        // than the last part with a `*`.
        ("star/a*.conf", "MapAddress star 1"),
        ("back\\slash.conf", "MapAddress back 1"),
        (".hidden.conf", "MapAddress hidden 1"),
        ("empty.conf", ""),
        ("d1/20.x", "MapAddress d1.20 1"),
        ("d1/3.x", "MapAddress d1.3 1\n%include DIR/d2"),
        ("d1/.20.x", "MapAddress d1.hidden 1"),
        ("d1/sub/1.x", "MapAddress sub 1"),
        ("d2/1.x", "MapAddress d2.1 1"),
        ("d2/20.x", "MapAddress d2.20 1\\\n"),
        ("d3.x", "MapAddress d3 1"),
    ] {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("DIR", folder.path().to_str().unwrap())).unwrap();
    }
    let patterns = [
        "a.conf",
        "d1",
        "d1/",
        "*",
        "*.conf",
        "?.conf",
        "[aB].conf",
        "[aB]*.conf",
        "*[!a].conf",
        "[[:upper:]]*",
        "star/a\\*.conf",
        "star/a\\**.conf",
        "star/?\\*.conf",
        "\\a*.conf",
        "star/*",
        "star/[a]?.conf",
        "[[]x].con?",
        ".h*",
        ".*.conf",
        "d?/*",
        "d?/20.x",
        "*/",
        "d*",
        "d?/",
        "none*",
        "*/none",
        "*/sub/*",
        "nothing",
        "*/*/",
        "back\\slash.conf",
        "*\\\\slash.conf",
        "back\\slash.con?",
        "empty.conf",
        "d1/sub",
        "[d]1",
        "?[0-9]",
        "*//*.x",
        "./d?/../a.conf",
        "d[1-2]/[!.]*",
        "a.conf/*",
        "[a.conf",
        "*[a.conf",
        "{a,B}.conf*",
    ];
    let mut read = 0;
    for pattern in patterns {
        let include = format!(
            "MapAddress first 1\n%include \"{}/{}\"\nMapAddress last 1\n",
            folder.path().display(),
            pattern.replace('\\', "\\\\")
        );
        let path = folder.path().join(".torrc");
        fs::write(&path, &include).unwrap();
        let here = TorrcFiles::read(&path);
        let loaded = controller.load_conf(&format!("{own}{include}"));
        match (here, loaded) {
            (Ok(files), Ok(())) => {
                let single = files.to_single();
                assert_eq!(
                    controller.get_conf_list("MapAddress").unwrap(),
                    single.get_all("MapAddress"),
                    "{pattern}"
                );
                let all: Vec<_> = files
                    .entries()
                    .into_iter()
                    .filter(|entry| !entry.is_include())
                    .map(|e| e.value())
                    .collect();
                assert_eq!(single.get_all("MapAddress"), all, "{pattern}");
                read += 1;
            }
            (Err(error), Err(refused)) if error.get::<TorrcError>().is_some() => {
                assert_eq!(refused.code(), Some(552), "{pattern}: {error} {refused}");
            }
            (here, loaded) => {
                panic!(
                    "{pattern}: {:?} {loaded:?}\n{}",
                    here.map(|files| files.to_single()),
                    tor.log()
                )
            }
        }
    }
    assert!(read > 30, "{read}");
}

#[test]
fn torrc_include_depth_equals_that_of_tor() {
    let folder = tempfile::tempdir().unwrap();
    for (length, fits) in [(31, true), (32, false)] {
        for i in 1..=length {
            let next = folder.path().join((i + 1).to_string());
            let text = if i == length {
                "ContactInfo deep".to_owned()
            } else {
                format!("%include {}", next.display())
            };
            fs::write(folder.path().join(i.to_string()), format!("{text}\n")).unwrap();
        }
        let mut torrc = read_torrc(folder.path().join("1")).unwrap();
        torrc.insert(0, "DisableNetwork", "1").unwrap();
        assert_eq!(Verify::new().run(&torrc).is_ok(), fits, "{length}");
        match TorrcFiles::read(folder.path().join("1")) {
            Ok(files) => assert!(fits && files.files().len() == length),
            Err(error) => {
                let error: &TorrcError = error.get().unwrap_or_else(|| panic!("{error}"));
                assert!(!fits && matches!(error.problem, TorrcFileProblem::TooDeep), "{error}");
            }
        }
    }
}

#[test]
fn verify_error_contains_the_words_of_tor() {
    let verify = |text: &str| Verify::new().run(&Torrc::parse(text).unwrap());
    let data = tempfile::tempdir().unwrap();
    let base = format!("DisableNetwork 1\nDataDirectory {}\n", data.path().join("data").display());
    for good in
        ["", "ContactInfo \"a # b\" # c\n", "HiddenServiceDir /nowhere/x\nHiddenServicePort 80\n"]
    {
        let warnings =
            verify(&format!("{base}{good}")).unwrap_or_else(|error| panic!("{good}: {error}"));
        assert!(warnings.iter().all(|warning| warning.starts_with("[warn] ")), "{warnings:?}");
    }
    assert!(!data.path().join("data").exists(), "nothing is made");
    let warnings = verify(&format!("{base}ContactInfo a\nContactInfo b\n")).unwrap();
    assert!(
        warnings.iter().any(|warning| warning.contains("'ContactInfo' used more than once")),
        "{warnings:?}"
    );
    for (bad, words) in [
        ("Foo bar\n", "Unknown option 'Foo'"),
        ("SocksPort 99999999\n", "Invalid SocksPort configuration"),
        ("HiddenServicePort 80\n", "HiddenServicePort"),
        ("MaxCircuitDirtiness soon\n", "Unable to parse soon as a number"),
        ("%include /nowhere/at/all\n", "Error reading included configuration"),
        ("HashedControlPassword 15:SECRET\n", "Bad HashedControlPassword"),
    ] {
        let error = verify(&format!("{base}{bad}")).unwrap_err();
        let Some(error) = error.get::<VerifyError>() else { panic!("{bad}: {error:?}") };
        assert_eq!((error.code, error.signal), (Some(1), None));
        let text = error.to_string();
        assert!(
            text.starts_with("tor rejected the configuration: ") && text.contains(words),
            "{text}"
        );
        assert!(
            error.words.iter().all(|w| w.starts_with("[warn] ") || w.starts_with("[err] ")),
            "{text}"
        );
        assert!(!text.contains("SECRET"), "{text}");
    }
}

#[test]
fn verify_accepts_the_values_that_torrc_reads() {
    let (taken, refused) = (Cell::new(0), Cell::new(0));
    runner(40)
        .run(&lines(), |text| {
            if let Ok(torrc) = Torrc::parse(format!("DisableNetwork 1\n{text}")) {
                let known = torrc
                    .entries()
                    .skip(1)
                    .all(|entry| entry.is_named("ContactInfo") || entry.is_named("MapAddress"));
                let verified = Verify::new().run(&torrc);
                prop_assert_eq!(
                    verified.is_ok(),
                    known && value_is_text(&torrc),
                    "{:?}: {:?}",
                    text,
                    verified
                );
                let count = if verified.is_ok() { &taken } else { &refused };
                count.update(|n| n + 1);
            }
            Ok(())
        })
        .unwrap_or_else(|error| panic!("{error}"));
    let (taken, refused) = (taken.get(), refused.get());
    assert!(taken > 10, "{taken} {refused}");
}

/// Creates a program that writes its process ID and then does nothing. Returns
/// its path.
fn sleeper(folder: &Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt;

    let path = folder.join("sleeper");
    fs::write(
        &path,
        format!("#!/bin/sh\necho $$ > {}\nexec sleep 1000\n", folder.join("pid").display()),
    )
    .unwrap();
    fs::set_permissions(&path, PermissionsExt::from_mode(0o700)).unwrap();
    path
}

#[test]
fn verify_kills_a_program_that_does_not_end() {
    let folder = tempfile::tempdir().unwrap();
    let begun = Instant::now();
    let error = Verify::new()
        .program(sleeper(folder.path()))
        .timeout(Duration::from_secs(2))
        .run(&Torrc::new())
        .unwrap_err();
    assert!(error.is_timeout() && begun.elapsed() < SOON, "{error}");
    // On a very slow machine, the program may not have started by then, so
    // nothing can be left behind.
    if let Ok(pid) = fs::read_to_string(folder.path().join("pid")) {
        assert!(!tor::exists(pid.trim().parse().unwrap()));
    }
    let missing =
        Verify::new().program(folder.path().join("missing")).run(&Torrc::new()).unwrap_err();
    assert!(
        matches!(missing.get().map(LaunchError::problem), Some(LaunchProblem::Spawn { .. })),
        "{missing}"
    );
}

#[test]
fn tor_is_launched_from_a_torrc() {
    let folder = tempfile::tempdir().unwrap();
    let services = ["one", "two"].map(|name| folder.path().join(name).display().to_string());
    let text = format!(
        "# ours\nContactInfo \"a # \\\"b\\\"\"\n+MapAddress a b\nLog warn stdout\n/Log\nLog notice stdout\nHiddenServiceDir {}\n\
         HiddenServicePort 80\nHiddenServiceDir {}\nHiddenServicePort 81\nmapaddress c \\\n d\n%include {}\n",
        services[0],
        services[1],
        folder.path().join("more").display()
    );
    fs::write(folder.path().join("more"), "Nickname included").unwrap();
    fs::write(folder.path().join("torrc"), &text).unwrap();
    let files = TorrcFiles::read(folder.path().join("torrc")).unwrap();
    let tor = offline().torrc(&files.to_single()).start().unwrap();
    let controller = tor.controller();
    assert_eq!(
        running(controller),
        ("a # \"b\"".to_owned(), vec!["a b".to_owned(), "c  d".to_owned()])
    );
    assert_eq!(value(controller, "Nickname"), "included");
    assert_eq!(controller.get_conf_list("Log").unwrap(), ["notice stdout"]);
    let lines = controller.get_conf_lines(["HiddenServiceOptions"]).unwrap();
    assert_eq!(lines, files.torrc().group("HiddenServiceOptions"));
    tor.stop().unwrap();

    for (bad, words) in [
        ("DataDirectory /x\n", "Launch::data_directory"),
        ("RunAsDaemon 1\n", "would make tor leave"),
        ("__OwningControllerFD 3\n", "is set by Launch"),
        ("%include /x\n", "to_single"),
        ("ContactInfo \"a\\nb\"\n", "value of ContactInfo"),
        ("Föö bar\n", "option's name"),
    ] {
        let error = offline().torrc(&Torrc::parse(bad).unwrap()).start().unwrap_err();
        match error.get().map(LaunchError::problem) {
            Some(LaunchProblem::Option(why)) => assert!(why.to_string().contains(words), "{why}"),
            _ => panic!("{bad}: {error:?}"),
        }
    }
}

/// tor accepts abbreviated names, and knows options that `GETINFO config/names`
/// doesn't list. `Torrc` must resolve every beginning of every name, and every
/// text of one to three letters, to the same option as tor.
#[test]
fn abbreviated_torrc_lines_belong_to_the_option_that_tor_takes_them_for() {
    let tor = RealTor::start("");
    let controller = tor.controller();
    let mut beginnings = BTreeSet::new();
    let mut names: Vec<String> =
        controller.info().config_names().unwrap().into_iter().map(|option| option.name).collect();
    names.extend(["DirServer", "MaxConn", "_HSLayer2Nodes", "UseHelperNodes"].map(String::from));
    for name in &names {
        beginnings.extend((1..=name.len()).map(|end| name[..end].to_lowercase()));
    }
    let letters = || ('a'..='z').map(String::from);
    for (a, b) in letters().flat_map(|a| letters().map(move |b| (a.clone(), b))) {
        beginnings.extend(letters().map(|c| format!("{a}{b}{c}")));
        beginnings.extend([format!("{a}{b}"), a]);
    }
    let groups: Vec<&String> = names.iter().filter(|name| name.ends_with("Lines")).collect();
    let (mut known, beginnings) = (0, Vec::from_iter(beginnings));
    for some in beginnings.chunks(500) {
        let ask = |name: &String| Command::raw(&format!("GETCONF {name}"), None).unwrap();
        let replies = controller.send_all(some.iter().map(ask)).unwrap();
        for (beginning, reply) in some.iter().zip(replies) {
            let reply = reply.wait().unwrap();
            if !reply.is_ok() {
                continue;
            }
            let line = str::from_utf8(reply.first().text).unwrap();
            let option = line.split('=').next().unwrap();
            let torrc = Torrc::parse(format!("{beginning} x\n")).unwrap();
            // tor answers with the lines of a group, not with its name.
            let is_group = groups.iter().any(|group| torrc.get(group).is_some());
            assert!(is_group || torrc.get(option).is_some(), "{beginning} is {option} to tor");
            known += 1;
        }
    }
    assert!(known > 4_000, "only {known} of {} were known", beginnings.len());
}
