//! The text of a torrc: parsing and changing it, while the rest stays
//! unchanged. Also torrcs that include other files.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs)]

use std::fs;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use scape::config::{
    Torrc, TorrcComparison, TorrcEntry, TorrcError, TorrcFileProblem, TorrcFiles, TorrcMagic,
    TorrcProblem, read_torrc, write_torrc,
};
use scape::control::ConfLine;

fn parse(text: &str) -> Torrc {
    Torrc::parse(text).unwrap_or_else(|error| panic!("{text:?}: {error}"))
}

/// Returns the names and values of all entries in a torrc.
fn says(torrc: &Torrc) -> Vec<(String, String)> {
    torrc.entries().map(|entry| (entry.name().to_owned(), entry.value().into_owned())).collect()
}

fn pairs(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn torrc_lines_in_every_form_are_parsed() {
    let cases: &[(&str, &[(&str, &str)])] = &[
        ("", &[]),
        ("\n\n  \n\t# x\n#", &[]),
        ("Nickname relay", &[("Nickname", "relay")]),
        ("  Nickname\t relay  x\t\n", &[("Nickname", "relay  x")]),
        ("ExitRelay\nNickname ", &[("ExitRelay", ""), ("Nickname", "")]),
        ("Log notice # stdout\nLog#x\nLog a#b", &[("Log", "notice"), ("Log", ""), ("Log", "a")]),
        ("A \"b # \\\"c\\\" \\x41\\101\\t\" # d\nB c", &[("A", "b # \"c\" AA\t"), ("B", "c")]),
        ("A \"\"\nB \"x\"#y", &[("A", ""), ("B", "x")]),
        ("A b\"c\" \\d\nB 'x'", &[("A", "b\"c\" \\d"), ("B", "'x'")]),
        ("A b \\\n  c \\\nd\nE f", &[("A", "b   c d"), ("E", "f")]),
        ("A b \\\n# comment\nc\nE f", &[("A", "b c"), ("E", "f")]),
        ("A b \\\nc # swallows\nE f\nG h", &[("A", "b c E f"), ("G", "h")]),
        ("A\\\nb\n", &[("A", "b")]),
        ("A \\\n\"b\"", &[("A", "\"b\"")]),
        ("A b\\", &[("A", "b\\")]),
        ("A b\\ \nC d", &[("A", "b\\"), ("C", "d")]),
        ("A b\\\\\nC d", &[("A", "b\\C d")]),
        // tor drops every carriage return.
        ("A b\r\nC \"d\"\r\n\r\n# e\r\nF g\\\r\nh\r\n", &[("A", "b"), ("C", "d"), ("F", "gh")]),
        ("A\r b\rc\r", &[("A", "bc")]),
        ("A \"b\\\rn\"", &[("A", "b\n")]),
        // tor ignores everything after a NUL, whether it is a byte or an
        // escape.
        ("A b\nC d\0e\nF \"", &[("A", "b"), ("C", "d")]),
        ("A \"b\\0c\"", &[("A", "b")]),
        ("\u{feff}A b", &[("\u{feff}A", "b")]),
        ("É ünï✓\n", &[("É", "ünï✓")]),
        ("A \x0bb\x0c\n", &[("A", "\x0bb")]),
        ("\\\nb", &[("", "b")]),
    ];
    for (text, expected) in cases {
        let torrc = parse(text);
        assert_eq!(says(&torrc), pairs(expected), "{text:?}");
        assert_eq!(torrc.to_text(), *text);
        assert_eq!(torrc.len(), expected.len());
        assert_eq!(torrc.is_empty(), expected.is_empty());
    }
}

#[test]
fn torrc_keeps_bytes_that_are_not_utf_8() {
    let text = b"A \xff\xfe # \xfd\n\xffB \"\\377\xfe\"\n# \xff";
    let torrc = Torrc::parse(text).unwrap();
    assert_eq!(torrc.to_bytes(), text);
    let values: Vec<&[u8]> = torrc.entries().map(|entry| entry.value_bytes()).collect();
    assert_eq!(values, [b"\xff\xfe", b"\xff\xfe"]);
    assert_eq!(torrc.entries().next().unwrap().value(), "\u{fffd}\u{fffd}");
}

#[test]
fn torrc_errors_name_line_option_and_problem() {
    for (text, line, name, problem) in [
        ("A b\n\nC \"d\n", 3, "C", TorrcProblem::Quotes),
        ("# \"\r\nA \\\nb\r\nC \"\\z\"", 4, "C", TorrcProblem::Quotes),
        ("A \"b\" c\n", 1, "A", TorrcProblem::AfterQuotes),
        ("A b\n  C \"d\\\n\"", 2, "C", TorrcProblem::Quotes),
        ("HashedControlPassword \"16:SECRET", 1, "HashedControlPassword", TorrcProblem::Quotes),
    ] {
        let error = Torrc::parse(text).unwrap_err();
        assert_eq!(
            (error.line, error.name.as_str(), &error.problem),
            (line, name, &problem),
            "{text:?}"
        );
        assert!(error.to_string().starts_with(&format!("line {line} ({name}): ")), "{error}");
        assert!(!format!("{error} {error:?}").contains("SECRET"));
    }
}

#[test]
fn torrc_entries_have_line_name_value_and_comment() {
    let torrc = parse(
        "# top\n+SocksPort 9050 #  mine \n/Log notice stdout\nA b \\\n # one \n c # two\n d\n%include /etc/tor/*.conf\nB c\n",
    );
    let entries: Vec<_> = torrc.entries().collect();
    let lines: Vec<usize> = entries.iter().map(|entry| entry.line()).collect();
    assert_eq!(lines, [2, 3, 4, 8, 9]);
    let magic: Vec<_> = entries.iter().map(|entry| entry.magic()).collect();
    assert_eq!(magic, [Some(TorrcMagic::Append), Some(TorrcMagic::Clear), None, None, None]);
    assert!(entries[0].is_named("SOCKSPORT") && entries[0].name() == "SocksPort");
    assert_eq!(entries[0].comment(), Some("mine"));
    assert_eq!((entries[1].value().as_ref(), entries[1].comment()), ("", None));
    assert_eq!((entries[2].value().as_ref(), entries[2].comment()), ("b   c  d", Some("one\ntwo")));
    assert!(entries[3].is_include());
    assert_eq!(torrc.includes().collect::<Vec<_>>(), ["/etc/tor/*.conf"]);
    assert_eq!(entries[0].to_string(), "+SocksPort 9050");
    assert_eq!(entries[4].to_conf_line(), ConfLine::new("BandwidthBurst", Some("c".into())));
    assert_eq!((entries[4].name(), entries[4].option_name()), ("B", "BandwidthBurst"));
    assert_eq!((&torrc).into_iter().rev().count(), 5);
    let names: Vec<String> = torrc.to_conf_lines().into_iter().map(|line| line.name).collect();
    // A name that abbreviates several options stands for the first of them, as
    // in tor.
    assert_eq!(names, ["SocksPort", "Log", "AccelDir", "BandwidthBurst"]);
}

#[test]
fn torrc_get_returns_the_value_that_counts_for_tor() {
    let torrc = parse(
        "Log a\nNICKNAME x\nlog b\nLog\nNickname y\n+ORPort 1\n/ORPort 2\nORPort 3\nContactInfo x\nContactInfo\n",
    );
    assert_eq!(torrc.get("nickname").as_deref(), Some("y"));
    assert_eq!(torrc.get_all("LOG"), ["a", "b"]);
    assert_eq!(torrc.get_all("ORPort"), ["3"]);
    assert_eq!(torrc.get("ContactInfo").as_deref(), Some(""));
    assert_eq!(torrc.get("SocksPort"), None);
    assert_eq!(torrc.entries_of("log").count(), 3);
}

#[test]
fn torrc_debug_and_display_hide_secrets() {
    let torrc = parse(
        "+HashedControlPassword 16:SECRET1 # SECRET2\n# HTTPProxyAuthenticator u:SECRET3\nsocks5proxypassw SECRET4\nSocks5Proxy 127.0.0.1:1\n",
    );
    let debug =
        format!("{torrc:?} {}", torrc.entries().map(ToString::to_string).collect::<String>());
    assert!(
        !debug.contains("SECRET") && debug.contains("[redacted]") && debug.contains("127.0.0.1:1"),
        "{debug}"
    );
    assert!(torrc.to_text().contains("SECRET3"));
}

/// A test case: a torrc, a change to it, and the resulting torrc.
type Edit = (&'static str, fn(&mut Torrc), &'static str);

#[test]
fn torrc_change_touches_only_its_own_lines() {
    let edits: &[Edit] = &[
        ("", |t| t.set("A", "b").unwrap(), "A b\n"),
        ("# x", |t| t.set("A", "b").unwrap(), "# x\nA b\n"),
        ("A b", |t| t.set("A", "c").unwrap(), "A c"),
        ("A b", |t| t.set("C", "d").unwrap(), "A b\nC d\n"),
        (
            " a\tb  # why\n\nC d\n",
            |t| t.set("A", "c # d").unwrap(),
            " a\t\"c # d\"  # why\n\nC d\n",
        ),
        ("A \"b\"#c\n", |t| t.set("A", "").unwrap(), "A #c\n"),
        ("A#c\n", |t| t.set("A", "b").unwrap(), "A b#c\n"),
        ("A\n", |t| t.set("A", "b").unwrap(), "A b\n"),
        ("A b \\\n # c\n d\n# e\n", |t| t.set("A", "f").unwrap(), "A f\n# e\n"),
        ("A\\\nb\n", |t| t.set("A", "c").unwrap(), "A c\n"),
        ("A 1\nB x\nA 2 # two\nA 3\n", |t| t.set("A", "2").unwrap(), "B x\nA 2 # two\n"),
        ("A 1 # one\nA 2\n", |t| t.set("A", "3").unwrap(), "A 3 # one\n"),
        ("+A 1\n", |t| t.set("A", "2").unwrap(), "+A 2\n"),
        ("/A 1 # one\n", |t| t.set("A", "2").unwrap(), "A 2 # one\n"),
        ("A 1\n/A\n", |t| t.set("A", "1").unwrap(), "A 1\n"),
        ("A 1\r\nB 2\r\n", |t| t.set("B", "\"").unwrap(), "A 1\r\nB \"\\\"\"\r\n"),
        ("A 1\r\nB 2\r\n", |t| t.append("A", "3").unwrap(), "A 1\r\nA 3\r\nB 2\r\n"),
        ("A 1\r\nB 2", |t| t.append("C", "3").unwrap(), "A 1\r\nB 2\r\nC 3\r\n"),
        (
            "L 1\nL 2 # two\nL 3\nB x\n",
            |t| t.set_all("L", ["2", "4", "5", "6"]).unwrap(),
            "L 2 # two\nL 4\nL 5\nL 6\nB x\n",
        ),
        ("L 1\nB x\nL 2\n", |t| t.set_all("L", ["0", "1", "2"]).unwrap(), "L 0\nL 1\nB x\nL 2\n"),
        ("L 1\nL 2\n# x\nL 3\n", |t| t.set_all("l", ["3"]).unwrap(), "# x\nL 3\n"),
        ("L 1\nL 2\n", |t| t.set_all("L", [""; 0]).unwrap(), ""),
        ("L 1\n", |t| t.append("+L", "2").unwrap(), "L 1\n+L 2\n"),
        (
            "A 1\nB 2\n",
            |t| t.append("%include", "/a b#").unwrap(),
            "A 1\nB 2\n%include \"/a b#\"\n",
        ),
        ("A 1\nB 2\n", |t| t.push("A", "3").unwrap(), "A 1\nB 2\nA 3\n"),
        ("# x\nA 1\n# y\nB 2\n", |t| t.insert(1, "C", "3").unwrap(), "# x\nA 1\n# y\nC 3\nB 2\n"),
        ("# x\nA 1\n", |t| t.insert(0, "/C", "").unwrap(), "# x\n/C\nA 1\n"),
        ("A 1\n", |t| t.insert(9, "B", "2").unwrap(), "A 1\nB 2\n"),
        ("A 1\nA 2\nA 1 # x\n", |t| assert_eq!(t.remove("a", "1"), 2), "A 2\n"),
        (
            "A 1\n# x\nB 2\nC 3",
            |t| assert!(t.remove_at(2).is_some_and(|e| e.name() == "C")),
            "A 1\n# x\nB 2\n",
        ),
        ("A 1\n", |t| assert!(t.remove_at(1).is_none()), "A 1\n"),
        ("A 1\n# x\na 2\nB 2\n", |t| assert_eq!(t.clear("A"), 2), "# x\nB 2\n"),
        ("A b\\\n", |t| t.set("C", "d").unwrap(), "A b\\\n\nC d\n"),
        ("A b\\\n# c", |t| t.set("C", "d").unwrap(), "A b\\\n# c\n\nC d\n"),
        ("A b\\\n# c\n", |t| t.set("C", "d").unwrap(), "A b\\\n# c\n\nC d\n"),
        ("A b\\", |t| t.set("C", "d").unwrap(), "A b\\\n\nC d\n"),
        ("A b\0x", |t| t.set("C", "d").unwrap(), "A b\nC d\n\0x"),
        (
            "HiddenServiceDir /a\nHiddenServicePort 1\nA b\n",
            |t| t.append("HiddenServiceNew", "x").unwrap(),
            "HiddenServiceDir /a\nHiddenServicePort 1\nHiddenServiceNew x\nA b\n",
        ),
        (
            "SocksPort 1\nA b\n",
            |t| t.append("__SocksPort", "2").unwrap(),
            "SocksPort 1\n__SocksPort 2\nA b\n",
        ),
        ("A b\r\n", |t| t.set("A", "a\r\nb\u{1}").unwrap(), "A \"a\\r\\nb\\001\"\r\n"),
    ];
    for (text, edit, expected) in edits {
        let mut torrc = parse(text);
        edit(&mut torrc);
        assert_eq!(torrc.to_text(), *expected, "{text:?}");
        // The result equals the parsed text, including line numbers.
        assert_eq!(torrc, parse(expected), "{text:?}");
    }
}

#[test]
fn torrc_continuation_at_the_end_does_not_swallow_an_added_line() {
    let mut torrc = parse("A b \\\n # c");
    torrc.push("D", "e").unwrap();
    assert_eq!(says(&torrc), pairs(&[("A", "b  "), ("D", "e")]));
    assert_eq!(says(&parse(&torrc.to_text())), says(&torrc));
    let mut torrc = parse("\\");
    torrc.push("D", "e").unwrap();
    assert_eq!(torrc.to_text(), "\\ \nD e\n");
}

#[test]
fn invalid_torrc_line_is_refused_and_changes_nothing() {
    let mut torrc = parse("A b\nHiddenServiceDir /a\n");
    let before = torrc.clone();
    assert!(
        torrc.set("A b", "c").is_err()
            && torrc.set("", "c").is_err()
            && torrc.set("+A", "c").is_err()
    );
    assert!(
        torrc.set("A", "b\0c").is_err()
            && torrc.append("A\n", "b").is_err()
            && torrc.append("%other", "b").is_err()
    );
    assert!(torrc.set_all("A", ["ok", "b\0c"]).is_err() && torrc.append("/A", "b").is_err());
    let error = torrc.set("HiddenServicePort", "80").unwrap_err().to_string();
    assert!(error.contains("set_group"), "{error}");
    let line = ConfLine::new("SocksPort", Some("1".into()));
    assert!(torrc.set_group("HiddenServiceOptions", &[line]).is_err());
    assert_eq!(torrc, before);
}

#[test]
fn torrc_services_stay_together() {
    let text = "# one\nHiddenServiceDir /a # A\nHiddenServicePort 80 # web\nNickname x\nHiddenServiceNew y\n\n# two\n\
                HiddenServiceDir /b\nHiddenServicePort 22\nSocksPort 0\n";
    let torrc = parse(text);
    let group = torrc.group("hiddenserviceport");
    let lines: Vec<String> = group.iter().map(ToString::to_string).collect();
    assert_eq!(
        lines,
        [
            "HiddenServiceDir /a",
            "HiddenServicePort 80",
            "HiddenServiceNew y",
            "HiddenServiceDir /b",
            "HiddenServicePort 22"
        ]
    );
    let change = |edit: fn(&mut Vec<ConfLine>)| {
        let (mut torrc, mut group) = (torrc.clone(), group.clone());
        edit(&mut group);
        torrc.set_group("HiddenServiceOptions", &group).unwrap();
        assert_eq!(torrc.group("HiddenServiceOptions"), group);
        torrc.to_text()
    };
    assert_eq!(change(|_| {}), text);
    let line = |name: &str, value: &str| ConfLine::new(name, Some(value.into()));
    assert_eq!(
        change(|group| group.insert(2, ConfLine::new("HiddenServicePort", Some("81".into())))),
        text.replace("# web\n", "# web\nHiddenServicePort 81\n")
    );
    assert_eq!(
        change(|group| drop(group.drain(0..3))),
        "# one\nNickname x\n\n# two\nHiddenServiceDir /b\nHiddenServicePort 22\nSocksPort 0\n"
    );
    assert_eq!(
        change(|group| group[1].value = Some("8080".into())),
        text.replace("80 # web", "8080 # web")
    );
    assert_eq!(change(Vec::clear), "# one\nNickname x\n\n# two\nSocksPort 0\n");
    let mut empty = parse("A b");
    empty
        .set_group(
            "HiddenServiceOptions",
            &[line("HiddenServiceDir", "/c#"), line("HiddenServicePort", "1")],
        )
        .unwrap();
    assert_eq!(empty.to_text(), "A b\nHiddenServiceDir \"/c#\"\nHiddenServicePort 1\n");
    let ports = parse("SocksPort 1\nORPort 2\n__SocksPort 3\n").group("SocksPortLines");
    assert_eq!(ports, [line("SocksPort", "1"), line("__SocksPort", "3")]);
}

#[test]
fn torrc_group_keeps_bytes_that_are_not_utf_8() {
    let text = b"HiddenServiceDir /caf\xe9\nHiddenServicePort 80\n";
    let mut torrc = Torrc::parse(text).unwrap();
    let mut group = torrc.group("HiddenServiceOptions");
    torrc.set_group("HiddenServiceOptions", &group).unwrap();
    assert_eq!(torrc.to_bytes(), text);
    group.pop();
    torrc.set_group("HiddenServiceOptions", &group).unwrap();
    assert_eq!(torrc.to_bytes(), b"HiddenServiceDir /caf\xe9\n");
}

/// Creates a temporary folder with these files, each a name and a content.
/// `DIR` in a content is replaced by the folder's path.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text.replace("DIR", folder.path().to_str().unwrap())).unwrap();
    }
    folder
}

#[test]
fn included_torrc_files_are_read_in_the_order_of_tor() {
    let folder = folder(&[
        (
            "torrc",
            "A 1\n%include DIR/d\nA 2 # two\n%include \"DIR/p*/[ab]?.conf\"\n%include DIR/one\n%include DIR/none/*\n%include DIR/empty\nA 3",
        ),
        ("d/20", "B 20"),
        ("d/10", "B 10\n%include DIR/one\nB 11\n"),
        ("d/.hidden", "B no"),
        ("d/empty", ""),
        ("d/below/x", "B no"),
        ("p2/a1.conf", "C 3\n"),
        ("p1/b1.conf", "C 2\n"),
        ("p1/a1.conf", "C 1\n"),
        ("p1/c1.conf", "C no\n"),
        ("p1/a1", "C no\n"),
        ("one", "# o\nD 1"),
        ("empty", ""),
    ]);
    let at = |name: &str| folder.path().join(name);
    let files = TorrcFiles::read(at("torrc")).unwrap();
    let values: Vec<String> = files
        .entries()
        .iter()
        .filter(|entry| !entry.is_include())
        .map(|entry| format!("{}{}", entry.name(), entry.value()))
        .collect();
    assert_eq!(values, ["A1", "B10", "D1", "B11", "B20", "A2", "C1", "C2", "C3", "D1", "A3"]);
    let paths: Vec<PathBuf> = files.files().iter().map(|file| file.path.clone()).collect();
    let expected =
        ["torrc", "d/10", "one", "d/20", "p1/a1.conf", "p1/b1.conf", "p2/a1.conf", "one"].map(at);
    assert_eq!(paths, expected);
    assert_eq!(files.files()[2].included_by, Some((at("d/10"), 2)));
    assert_eq!(files.torrc().includes().count(), 5);
    assert_eq!(
        files.to_single().to_text(),
        "A 1\nB 10\n# o\nD 1\nB 11\nB 20\nA 2 # two\nC 1\nC 2\nC 3\n# o\nD 1\nA 3"
    );
    assert_eq!(read_torrc(at("torrc")).unwrap(), *files.torrc());
    // A comparison covers all of the files.
    let differences = TorrcComparison::new(&[]).of(&files);
    let names: Vec<&str> = differences.iter().map(|d| d.name.as_str()).collect();
    // tor takes A, B, D and C for these options.
    assert_eq!(names, ["AccelDir", "BandwidthBurst", "DataDirectory", "CacheDirectory"]);
}

#[test]
fn unreadable_torrc_file_is_named() {
    let folder = folder(&[
        ("missing", "A b\n\n%include DIR/nothing\n"),
        ("bad", "%include DIR/wrong"),
        ("wrong", "# x\nA \"b"),
        ("itself", "%include DIR/itself"),
        ("void", "%include\n"),
        ("folder/x", "A b"),
    ]);
    let at = |name: &str| folder.path().join(name);
    let problem = |name: &str| -> TorrcError {
        let error = TorrcFiles::read(at(name)).unwrap_err();
        error.get::<TorrcError>().unwrap_or_else(|| panic!("{error}")).clone()
    };
    let error = problem("missing");
    assert_eq!(
        (error.path.clone(), error.included_by.clone()),
        (at("nothing"), Some((at("missing"), 3)))
    );
    let TorrcFileProblem::Io(io) = &error.problem else { panic!("{error}") };
    assert_eq!(io.kind(), std::io::ErrorKind::NotFound);
    let error = problem("bad");
    assert_eq!(error.path, at("wrong"));
    assert!(
        matches!(&error.problem, TorrcFileProblem::Syntax(syntax) if syntax.line == 2),
        "{error}"
    );
    assert!(matches!(problem("itself").problem, TorrcFileProblem::TooDeep));
    assert!(matches!(problem("void").problem, TorrcFileProblem::Io(_)));
    assert!(matches!(problem("folder").problem, TorrcFileProblem::NotAFile));
    let error = problem("absent");
    assert!(
        error.included_by.is_none() && matches!(error.problem, TorrcFileProblem::Io(_)),
        "{error}"
    );
}

#[test]
fn thirty_one_torrc_files_may_include_each_other() {
    let chain = |length: usize| {
        let folder = tempfile::tempdir().unwrap();
        for i in 1..=length {
            let text = if i == length {
                "A b".to_owned()
            } else {
                format!("%include {}/{}", folder.path().display(), i + 1)
            };
            fs::write(folder.path().join(i.to_string()), text).unwrap();
        }
        TorrcFiles::read(folder.path().join("1")).map(|files| files.files().len())
    };
    assert_eq!(chain(31).unwrap(), 31);
    assert!(chain(32).is_err());
}

#[test]
fn torrc_include_loop_ends() {
    let folder = tempfile::tempdir().unwrap();
    for i in 1..=30 {
        let next = format!("%include {}/{}\n", folder.path().display(), i + 1);
        fs::write(folder.path().join(i.to_string()), next.repeat(2)).unwrap();
    }
    fs::write(folder.path().join("31"), "A b").unwrap();
    let error = TorrcFiles::read(folder.path().join("1")).unwrap_err();
    let Some(error) = error.get::<TorrcError>() else { panic!("{error:?}") };
    assert!(matches!(error.problem, TorrcFileProblem::TooMany), "{error}");
    assert!(error.to_string().contains("10000 files"), "{error}");
}

#[cfg(unix)]
#[test]
fn torrc_that_is_a_pipe_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("pipe");
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert!(TorrcFiles::read(&pipe).is_err());
    let torrc = folder.path().join("torrc");
    fs::write(&torrc, format!("%include {}", folder.path().display())).unwrap();
    // A torrc that includes its own folder includes itself.
    assert!(TorrcFiles::read(&torrc).is_err());
}

#[cfg(unix)]
#[test]
fn torrc_file_is_replaced_atomically_and_keeps_its_mode() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt};

    let folder = tempfile::tempdir().unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    let path = folder.path().join("torrc");
    write_torrc(&parse("A b\n"), &path).unwrap();
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("A b\n", 0o600));
    fs::set_permissions(&path, PermissionsExt::from_mode(0o644)).unwrap();
    let before = fs::metadata(&path).unwrap().ino();
    let link = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    write_torrc(&parse("A c\n"), &link).unwrap();
    assert_eq!((fs::read_to_string(&path).unwrap().as_str(), mode(&path)), ("A c\n", 0o644));
    assert!(link.is_symlink() && fs::metadata(&path).unwrap().ino() != before);
    // A link without a file stays a link, too: the file that it points to is
    // created.
    let (dangling, new) = (folder.path().join("dangling"), folder.path().join("new"));
    std::os::unix::fs::symlink("new", &dangling).unwrap();
    write_torrc(&parse("A e\n"), &dangling).unwrap();
    assert!(dangling.is_symlink() && !new.is_symlink());
    assert_eq!(fs::read_to_string(&new).unwrap(), "A e\n");
    let circle = folder.path().join("circle");
    std::os::unix::fs::symlink("circle", &circle).unwrap();
    assert!(write_torrc(&parse("A e\n"), &circle).is_err() && circle.is_symlink());
    // No temporary file is left behind, even if the file can't be written.
    assert!(write_torrc(&parse("A d\n"), folder.path()).is_err());
    assert!(write_torrc(&parse("A d\n"), folder.path().join("none/torrc")).is_err());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 5);
}

/// Generates torrcs with all characters and words that have a special meaning
/// there.
fn text() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        "[A-Za-z]{1,4}".prop_map(String::into_bytes),
        Just(b"\n".to_vec()),
        Just(b" ".to_vec()),
        Just(b"\t".to_vec()),
        Just(b"\\\n".to_vec()),
        Just(b"\\".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"#".to_vec()),
        Just(b"\"".to_vec()),
        Just(b" \"x\"\n".to_vec()),
        Just(b"+".to_vec()),
        Just(b"/".to_vec()),
        Just(b"%include ".to_vec()),
        Just(b"HiddenServiceDir /a\n".to_vec()),
        Just(b"\x0b".to_vec()),
        any::<u8>().prop_map(|byte| vec![byte]),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

/// Returns the entries that tor would read, or `None` if tor would refuse the
/// text. This is a second implementation of tor's parser, step by step as in
/// `confline.c`.
fn as_tor_reads(text: &[u8]) -> Option<Vec<(Vec<u8>, Vec<u8>)>> {
    let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
    let mut text: Vec<u8> = text[..end].iter().copied().filter(|byte| *byte != b'\r').collect();
    text.push(0);
    let space = |byte: u8| matches!(byte, 9..=13 | 32);
    let (mut entries, mut at) = (Vec::new(), 0);
    loop {
        while space(text[at]) || text[at] == b'#' {
            if text[at] == b'#' {
                while text[at] != 0 && text[at] != b'\n' {
                    at += 1;
                }
            } else {
                at += 1;
            }
        }
        if text[at] == 0 {
            return Some(entries);
        }
        let key = at;
        while text[at] != 0
            && !space(text[at])
            && text[at] != b'#'
            && !text[at..].starts_with(b"\\\n")
        {
            at += 1;
        }
        let key = text[key..at].to_vec();
        while matches!(text[at], b' ' | b'\t') {
            at += 1;
        }
        let mut value = Vec::new();
        if text[at] == b'"' {
            at += 1;
            while text[at] != b'"' {
                let octal = |at: usize| (b'0'..=b'7').contains(&text[at]);
                match text[at] {
                    0 | b'\n' => return None,
                    b'\\' => match text[at + 1] {
                        b'x' | b'X' => {
                            let hex = str::from_utf8(text.get(at + 2..at + 4)?).ok()?;
                            value.push(
                                u8::from_str_radix(Some(hex).filter(|h| !h.starts_with('+'))?, 16)
                                    .ok()?,
                            );
                            at += 4;
                        }
                        b'0'..=b'7' => {
                            let mut number = u32::from(text[at + 1] - b'0');
                            at += 2;
                            for _ in 0..2 {
                                if octal(at) {
                                    number = number * 8 + u32::from(text[at] - b'0');
                                    at += 1;
                                }
                            }
                            value.push(u8::try_from(number).ok()?);
                        }
                        byte @ (b'n' | b'r' | b't' | b'"' | b'\\' | b'\'') => {
                            value.push(match byte {
                                b'n' => b'\n',
                                b'r' => b'\r',
                                b't' => b'\t',
                                byte => byte,
                            });
                            at += 2;
                        }
                        _ => return None,
                    },
                    byte => {
                        value.push(byte);
                        at += 1;
                    }
                }
            }
            at += 1;
            if let Some(end) = value.iter().position(|byte| *byte == 0) {
                value.truncate(end);
            }
            while matches!(text[at], b' ' | b'\t') {
                at += 1;
            }
            if !matches!(text[at], 0 | b'\n' | b'#') {
                return None;
            }
        } else {
            let (start, mut continued) = (at, false);
            while text[at] != 0 && text[at] != b'\n' && (text[at] != b'#' || continued) {
                if text[at..].starts_with(b"\\\n") {
                    continued = true;
                    at += 2;
                } else if text[at] == b'#' {
                    while text[at] != 0 && text[at] != b'\n' {
                        at += 1;
                    }
                    at += usize::from(text[at] == b'\n');
                } else {
                    at += 1;
                }
            }
            let mut end = at;
            while end > start && space(text[end - 1]) {
                end -= 1;
            }
            let mut raw = &text[start..end];
            while let Some(byte) = raw.first() {
                if continued && *byte == b'#' {
                    let skipped =
                        raw.iter().position(|byte| *byte == b'\n').map_or(raw.len(), |end| end + 1);
                    raw = &raw[skipped..];
                } else if continued && raw.starts_with(b"\\\n") {
                    raw = &raw[2..];
                } else {
                    value.push(*byte);
                    raw = &raw[1..];
                }
            }
        }
        entries.push((key, value));
    }
}

/// A change that a test makes to a torrc.
#[derive(Debug, Clone)]
enum Change {
    Set(String, Vec<u8>),
    SetAll(String, Vec<Vec<u8>>),
    Append(String, Vec<u8>),
    Insert(usize, Vec<u8>),
    RemoveAt(usize),
    Clear(String),
    Services(Vec<String>),
}

fn change() -> impl Strategy<Value = Change> {
    let value = || proptest::collection::vec(1_u8.., 0..6);
    prop_oneof![
        ("[A-Z]", value()).prop_map(|(name, value)| Change::Set(name, value)),
        ("[A-Z]", proptest::collection::vec(value(), 0..4))
            .prop_map(|(name, values)| Change::SetAll(name, values)),
        ("[A-Z]", value()).prop_map(|(name, value)| Change::Append(name, value)),
        (0_usize..8, value()).prop_map(|(at, value)| Change::Insert(at, value)),
        (0_usize..8).prop_map(Change::RemoveAt),
        "[A-Z]".prop_map(Change::Clear),
        proptest::collection::vec("/[a-c]", 0..4).prop_map(Change::Services),
    ]
}

fn apply(torrc: &mut Torrc, change: &Change) {
    match change {
        Change::Set(name, value) => {
            torrc.set(name, value).unwrap();
            let last = torrc.entries_of(name).next_back().unwrap();
            assert_eq!((last.value_bytes(), torrc.entries_of(name).count()), (value.as_slice(), 1));
        }
        Change::SetAll(name, values) => {
            torrc.set_all(name, values).unwrap();
            let now: Vec<&[u8]> = torrc.entries_of(name).map(|entry| entry.value_bytes()).collect();
            assert_eq!(now, values.iter().map(Vec::as_slice).collect::<Vec<_>>());
        }
        Change::Append(name, value) => {
            let before = torrc.len();
            torrc.append(name, value).unwrap();
            assert_eq!(torrc.len(), before + 1);
            assert_eq!(torrc.entries_of(name).next_back().unwrap().value_bytes(), value);
        }
        Change::Insert(at, value) => {
            torrc.insert(*at, "Inserted", value).unwrap();
            assert_eq!(
                torrc.entries().nth((*at).min(torrc.len() - 1)).unwrap().value_bytes(),
                value
            );
        }
        Change::RemoveAt(at) => {
            let before = torrc.len();
            assert_eq!(torrc.remove_at(*at).is_some(), *at < before);
        }
        Change::Clear(name) => {
            torrc.clear(name);
            assert_eq!(torrc.get(name), None);
        }
        Change::Services(directories) => {
            let lines: Vec<ConfLine> = directories
                .iter()
                .map(|d| ConfLine::new("HiddenServiceDir", Some(d.clone())))
                .collect();
            torrc.set_group("HiddenServiceOptions", &lines).unwrap();
            assert_eq!(torrc.group("HiddenServiceOptions"), lines);
        }
    }
}

/// Returns the values of all entries, except for those of the option that the
/// change sets or clears. tor accepts abbreviations, so a line `uN x` may be
/// another value of the option `U`. `Torrc` decides which lines belong to an
/// option.
fn others(torrc: &Torrc, change: &Change) -> Vec<Vec<u8>> {
    let is_own = |entry: &TorrcEntry| match change {
        Change::Set(name, _)
        | Change::SetAll(name, _)
        | Change::Append(name, _)
        | Change::Clear(name) => entry.is_named(name),
        Change::Insert(..) => entry.is_named("Inserted"),
        Change::Services(_) => {
            let name = entry.name().to_ascii_lowercase();
            name.starts_with("hiddenservice") || "hiddenservice".starts_with(&name)
        }
        Change::RemoveAt(_) => false,
    };
    torrc
        .entries()
        .filter(|entry| !is_own(entry))
        .map(|entry| entry.value_bytes().to_vec())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(500))]

    #[test]
    fn random_torrc_is_parsed_as_tor_parses_it_and_written_unchanged(text in text()) {
        let expected = as_tor_reads(&text);
        match Torrc::parse(&text) {
            Err(error) => {
                prop_assert!(expected.is_none(), "{}", error);
                let lines = text.iter().filter(|byte| **byte == b'\n').count() + 1;
                prop_assert!((1..=lines).contains(&error.line));
            }
            Ok(torrc) => {
                prop_assert_eq!(torrc.to_bytes(), text.clone());
                let expected = expected.expect("tor would not read it");
                prop_assert_eq!(torrc.len(), expected.len());
                for (entry, (key, value)) in torrc.entries().zip(&expected) {
                    let (mut key, mut value) = (key.as_slice(), value.as_slice());
                    if entry.magic().is_some() {
                        value = if key[0] == b'/' { b"" } else { value };
                        key = &key[1..];
                    }
                    prop_assert_eq!(entry.name(), String::from_utf8_lossy(key));
                    prop_assert_eq!(entry.value_bytes(), value);
                    // The entry is at the line that it reports.
                    let before = text.split_inclusive(|byte| *byte == b'\n').take(entry.line() - 1);
                    let start: usize = before.map(<[u8]>::len).sum();
                    prop_assert!(entry.as_bytes().len() <= text.len() - start);
                    prop_assert_eq!(entry.as_bytes().first(), text.get(start));
                }
            }
        }
    }

    #[test]
    fn random_torrc_changes_leave_a_parsable_text(
        text in text(),
        changes in proptest::collection::vec(change(), 1..6),
    ) {
        if let Ok(mut torrc) = Torrc::parse(&text) {
            for change in &changes {
                let before = others(&torrc, change);
                apply(&mut torrc, change);
                let again = Torrc::parse(torrc.to_bytes()).unwrap();
                prop_assert_eq!(&again, &torrc);
                let read = as_tor_reads(&torrc.to_bytes()).map(|entries| entries.len());
                prop_assert_eq!(read, Some(torrc.len()));
                if !matches!(change, Change::RemoveAt(_)) {
                    prop_assert_eq!(others(&torrc, change), before);
                }
            }
        }
    }

    #[test]
    fn random_torrc_value_is_read_back(value in proptest::collection::vec(1_u8.., 0..20)) {
        let mut torrc = Torrc::new();
        torrc.push("ContactInfo", &value).unwrap();
        torrc.push("Nickname", "after").unwrap();
        let text = torrc.to_bytes();
        prop_assert!(str::from_utf8(&text).is_ok(), "it can be sent");
        let entries = as_tor_reads(&text).unwrap();
        prop_assert_eq!(entries, [(b"ContactInfo".to_vec(), value), (b"Nickname".to_vec(), b"after".to_vec())]);
    }
}

/// tor accepts abbreviated and older names of options in a torrc. The library
/// must find options under these names, too.
#[test]
fn abbreviated_torrc_options_are_found_as_in_tor() {
    let mut torrc = parse(
        "ExitNode {us} # mine\nDirServer x\nsocksp 9050\nHiddenServiceD /a\nHiddenServiceP 80\n",
    );
    assert_eq!(torrc.get("ExitNodes").as_deref(), Some("{us}"));
    assert_eq!(torrc.get("exitnode").as_deref(), Some("{us}"));
    assert_eq!(torrc.get("ExitNodesX"), None);
    assert_eq!(torrc.get("DirAuthority").as_deref(), Some("x"));
    // The first of tor's options with this beginning is SocksPolicy.
    assert_eq!((torrc.get("SocksPort"), torrc.get("SocksPolicy").as_deref()), (None, Some("9050")));
    let names: Vec<String> =
        torrc.group("HiddenServiceOptions").into_iter().map(|line| line.name).collect();
    assert_eq!(names, ["HiddenServiceDir", "HiddenServicePort"]);
    // `U` and `uN` are abbreviations of one option, UnixSocksGroupWritable.
    let mut short = parse("#\\\nuN \"x\"\n");
    assert_eq!((short.clear("U"), short.is_empty()), (1, true));
    torrc.set("ExitNodes", "{de}").unwrap();
    assert_eq!(torrc.get_all("ExitNodes"), ["{de}"]);
    assert_eq!(torrc.clear("ExitNodes"), 1);
    let running = [ConfLine::new("DirAuthority", Some("x".into()))];
    assert!(parse("DirServer x\n").compare(&running).is_empty());
}
