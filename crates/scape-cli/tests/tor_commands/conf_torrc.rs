use std::fs;

use serde_json::{Value, json};

use crate::real_tor::RealTor;
use crate::run::Scape;

fn conf<const N: usize>(tor: &RealTor, arguments: [&str; N]) -> Scape {
    let scape = Scape::new(["conf"]).control(tor.port());
    arguments.iter().fold(scape, |scape, argument| scape.arg(argument))
}

#[test]
fn conf_diff_compares_tor_with_its_torrc() {
    let tor = RealTor::start("Nickname somebody\n");
    let diff = || conf(&tor, ["diff"]);
    let before = diff().ok();
    conf(&tor, ["set", "Nickname=other", "MaxCircuitDirtiness=5 minutes"]).ok();
    let text = diff().ok();
    let torrc = tor.folder().join("torrc");
    assert!(text.starts_with(&format!("--- {}\n+++ the running tor\n", torrc.display())), "{text}");
    for expected in ["\n-Nickname somebody\n+Nickname other\n", "\n+MaxCircuitDirtiness 300\n"] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    assert!(!before.contains("Nickname"), "{before}");
    let values = diff().json();
    let named = |name: &str| -> Value {
        values.iter().find(|value| value["name"] == name).unwrap().clone()
    };
    let line = tor.torrc().lines().position(|line| line == "Nickname somebody").unwrap() + 1;
    let expected = json!({"name": "Nickname", "before": ["Nickname somebody"],
        "after": ["Nickname other"], "file": torrc, "line": line});
    assert_eq!(named("Nickname"), expected);
    assert_eq!(named("MaxCircuitDirtiness")["file"], json!(null));
}

#[test]
fn conf_diff_compares_tor_with_another_file_or_defaults() {
    let tor = RealTor::start("Nickname somebody\nMaxCircuitDirtiness 5 minutes\n");
    let copy = tor.folder().join("copy");
    let included = tor.folder().join("included");
    fs::write(&included, "Nickname nobody\n").unwrap();
    fs::write(&copy, format!("%include {}\n{}", included.display(), "ExitNodes {de}\n")).unwrap();
    let values = conf(&tor, ["diff", "--torrc"]).arg(&copy).json();
    let nickname = values.iter().find(|value| value["name"] == "Nickname").unwrap();
    assert_eq!((&nickname["file"], &nickname["line"]), (&json!(included), &json!(1)));
    let exits = values.iter().find(|value| value["name"] == "ExitNodes").unwrap();
    assert_eq!((&exits["before"], &exits["after"]), (&json!(["ExitNodes {de}"]), &json!([])));
    let text = conf(&tor, ["diff", "--defaults"]).ok();
    assert!(text.contains("-MaxCircuitDirtiness 10 minutes\n+MaxCircuitDirtiness 300\n"), "{text}");
    assert!(text.contains("+Nickname somebody\n") && !text.contains("-Nickname"), "{text}");
    let done = conf(&tor, ["diff", "--torrc", "/nowhere/torrc"]).run().expect(1);
    assert!(done.error.contains("/nowhere/torrc"), "{done:?}");
    assert!(done.error.contains("name a copy with --torrc FILE"), "{done:?}");
}

#[test]
fn conf_diff_works_without_a_torrc() {
    let tor = RealTor::start("Nickname somebody\n");
    let torrc = tor.folder().join("torrc");
    fs::remove_file(&torrc).unwrap();
    let done = conf(&tor, ["diff"]).run().expect(0);
    assert!(done.error.contains(&format!("{} doesn't exist", torrc.display())), "{done:?}");
    assert!(done.out.contains("\n+Nickname somebody\n"), "{done:?}");
}

#[test]
fn conf_check_finds_mistakes_in_the_torrc() {
    let lines =
        "Nickname first\nNickname somebody\nMaxCircuitDirtiness 10 minutes\nAvoidDiskWrites 1\n";
    let tor = RealTor::start(lines);
    conf(&tor, ["set", "AvoidDiskWrites=0", "BridgeRecordUsageByCountry=0"]).ok();
    let torrc = tor.folder().join("torrc");
    let line = |wanted: &str| tor.torrc().lines().position(|line| line == wanted).unwrap() + 1;
    let remarks = conf(&tor, ["check"]).json();
    let remark = |option: &str| -> Value {
        remarks.iter().find(|remark| remark["option"] == option).unwrap().clone()
    };
    let first = line("Nickname first");
    let expected = json!({"file": torrc, "line": first, "option": "Nickname",
        "severity": "warning", "text": format!("Nickname: line {} replaces this line", first + 1)});
    assert_eq!(remark("Nickname"), expected);
    let default = remark("MaxCircuitDirtiness");
    assert_eq!(default["severity"], "notice", "{default}");
    let differs = remark("AvoidDiskWrites");
    assert_eq!(differs["text"], "AvoidDiskWrites: tor runs with AvoidDiskWrites 0");
    assert_eq!(differs["line"], line("AvoidDiskWrites 1"));
    let missing = remark("BridgeRecordUsageByCountry");
    assert_eq!((&missing["file"], &missing["line"]), (&json!(null), &json!(null)));

    let copy = tor.folder().join("copy");
    let check = || conf(&tor, ["check", "--torrc", copy.to_str().unwrap()]);
    fs::write(&copy, "Nicknam x\nOrport 1\nNoSuchOption 1\n").unwrap();
    let text = check().run().expect(1).out;
    let unknown = format!("{}:3: error: tor doesn't know NoSuchOption", copy.display());
    assert!(text.contains(&unknown), "{text}");
    fs::write(&copy, "Nickname x\nContactInfo \"x\n").unwrap();
    let text = check().run().expect(1).out;
    let start = format!("{}:2: error: ContactInfo: ", copy.display());
    assert!(text.starts_with(&start), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
#[cfg(target_os = "linux")]
fn torrc_of_a_tor_on_another_machine_is_not_read_here() {
    let tor = RealTor::start("Nickname somebody\n");
    // This address leads to this machine, but it isn't known to be local.
    let elsewhere = format!("0.0.0.0:{}", tor.port().port());
    let run = |command| Scape::new(["conf", command]).control(&elsewhere);
    for command in ["check", "diff"] {
        let done = run(command).run().expect(1);
        assert!(done.error.contains("another machine"), "{done:?}");
        assert!(done.error.contains("--torrc FILE"), "{done:?}");
        assert_eq!(done.out, "");
    }
    let values = run("diff").arg("--torrc").arg(tor.folder().join("torrc")).json();
    assert!(values.iter().all(|value| value["name"] != "Nickname"), "{values:?}");
}

#[test]
fn conf_save_writes_the_torrc() {
    let tor = RealTor::start("Nickname somebody\n");
    conf(&tor, ["set", "Nickname=other"]).ok();
    let done = conf(&tor, ["save"]).run().expect(0);
    let torrc = tor.folder().join("torrc");
    assert_eq!(done.error, format!("written to {}\n", torrc.display()));
    assert!(tor.torrc().lines().any(|line| line == "Nickname other"), "{}", tor.torrc());
    assert!(!conf(&tor, ["diff"]).ok().contains("Nickname"));
}

#[test]
fn conf_save_needs_force_if_the_torrc_includes_files() {
    let included = tempfile::tempdir().unwrap();
    let file = included.path().join("more");
    fs::write(&file, "Nickname somebody\n").unwrap();
    let tor = RealTor::start(&format!("%include {}\n", file.display()));
    let done = conf(&tor, ["save"]).run().expect(1);
    assert!(done.error.contains("--force"), "{done:?}");
    conf(&tor, ["save", "--force"]).ok();
    assert!(tor.torrc().lines().any(|line| line == "Nickname somebody"), "{}", tor.torrc());
}
