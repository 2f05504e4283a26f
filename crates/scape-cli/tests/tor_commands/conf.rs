use serde_json::json;

use crate::real_tor::{RealTor, password_line};
use crate::run::Scape;

const SERVICES: &str = "HiddenServiceDir /nowhere/one\nHiddenServicePort 80\n\
                        HiddenServiceDir /nowhere/two\nHiddenServicePort 81 127.0.0.1:8081\n";

fn conf<const N: usize>(tor: &RealTor, arguments: [&str; N]) -> Scape {
    let scape = Scape::new(["conf"]).control(tor.port());
    arguments.iter().fold(scape, |scape, argument| scape.arg(argument))
}

/// Returns the onion services of `SERVICES` with their directories in `folder`,
/// which tor can use.
fn services(folder: &std::path::Path) -> String {
    SERVICES.replace("/nowhere", &folder.display().to_string())
}

#[test]
fn conf_get_prints_changed_options_without_passwords() {
    let password = password_line("open sesame");
    let tor = RealTor::start(&format!("{password}\nNickname somebody\nCookieAuthentication 1"));
    let hash = password.trim().split_once(' ').unwrap().1;
    let text = conf(&tor, ["get"]).ok();
    for line in ["Nickname somebody", "DisableNetwork 1", "HashedControlPassword [redacted]"] {
        assert!(text.lines().any(|other| other == line), "no {line} in\n{text}");
    }
    assert!(!text.contains("MaxCircuitDirtiness"), "{text}");
    let all = conf(&tor, ["get", "--all"]).ok();
    assert!(all.lines().any(|line| line == "MaxCircuitDirtiness 600"), "{all}");
    assert!(all.lines().any(|line| line == "ContactInfo"), "{all}");
    let values = conf(&tor, ["get"]).json();
    let nickname = values.iter().find(|value| value["name"] == "Nickname").unwrap();
    let expected = json!({"name": "Nickname", "type": "String", "values": ["somebody"],
        "default": [], "is_default": false, "group": null});
    assert_eq!(*nickname, expected);
    let secret = conf(&tor, ["get", "HashedControlPassword"]);
    assert_eq!(secret.ok(), "[redacted]\n");
    let explained = conf(&tor, ["explain", "HashedControlPassword"]).ok();
    for output in [text, all, explained, format!("{values:?}")] {
        assert!(!output.contains(hash), "{output}");
    }
}

#[test]
fn conf_get_prints_values_of_named_options() {
    let tor = RealTor::start("Nickname somebody\nExitNodes {de}\n");
    assert_eq!(conf(&tor, ["get", "nickname"]).ok(), "somebody\n");
    assert_eq!(conf(&tor, ["get", "ContactInfo"]).ok(), "");
    let text = conf(&tor, ["get", "ContactInfo", "ExitNode"]).ok();
    assert_eq!(text, "ContactInfo\nExitNodes {de}\n");
    let group = conf(&tor, ["get", "ControlPortLines"]).ok();
    assert_eq!(group, "ControlPort auto\n");
    let done = conf(&tor, ["get", "Niknam"]).run().expect(1);
    assert!(done.error.contains("no option Niknam"), "{done:?}");
}

#[test]
fn conf_keeps_lines_of_onion_services_together() {
    let tor = RealTor::start("");
    let lines = services(tor.folder());
    let words: Vec<String> =
        lines.lines().map(|line| format!("+{}", line.replacen(' ', "=", 1))).collect();
    let set = |words: &[String]| words.iter().fold(conf(&tor, ["set"]), |set, word| set.arg(word));
    let expected: String = lines.lines().map(|line| format!("+{line}\n")).collect();
    // The second service is added to the first.
    let first = set(&words[..2]).ok();
    assert_eq!(first + &set(&words[2..]).ok(), expected);
    assert_eq!(conf(&tor, ["get", "HiddenServicePort"]).ok(), lines);
    assert!(conf(&tor, ["get"]).ok().contains(&lines));
    let values = conf(&tor, ["get", "HiddenServiceDir"]).json();
    assert_eq!(values[0]["name"], "HiddenServiceOptions");
    assert_eq!(values[0]["values"].as_array().unwrap().len(), 4);
    let done = conf(&tor, ["reset", "HiddenServiceDir"]).run().expect(1);
    assert!(done.error.contains("set HiddenServiceOptions"), "{done:?}");
    let removed = conf(&tor, ["reset", "HiddenServiceOptions"]).ok();
    assert_eq!(removed, expected.replace('+', "-"));
    assert_eq!(conf(&tor, ["get", "HiddenServiceOptions"]).ok(), "");
}

#[test]
fn conf_set_changes_all_options_or_none() {
    let tor = RealTor::start("ContactInfo me\n");
    let controller = tor.controller();
    let done = conf(&tor, ["set", "Nickname=somebody", "ContactInfo=", "+ExitNodes={de}"])
        .arg("+exitnodes={fr}")
        .run()
        .expect(0);
    assert_eq!(done.out, "-ContactInfo me\n+ExitNodes {de},{fr}\n+Nickname somebody\n");
    assert_eq!(controller.get_conf("ExitNodes").unwrap().as_deref(), Some("{de},{fr}"));
    // The library refuses these before anything is sent.
    for (wrong, reason) in [
        ("MaxCircuitDirtiness=soon", "MaxCircuitDirtiness (TimeInterval) cannot be"),
        ("Nicknam2=x", "no option Nicknam2"),
        ("DataDirectory=/x", "cannot be changed while tor runs"),
        ("+Nickname=x", "Nickname (String) takes a single value and is not a list: give one"),
        ("Nickname=not a nickname", "Nickname (String) cannot be"),
    ] {
        let done = conf(&tor, ["set", "Nickname=other", wrong]).run().expect(1);
        assert!(done.error.contains(reason), "{done:?}");
        assert_eq!(done.out, "");
    }
    // tor itself refuses this change.
    let done = conf(&tor, ["set", "ContactInfo=other", "UseBridges=1"]).run().expect(1);
    assert!(done.error.contains("tor refused the change of UseBridges"), "{done:?}");
    let now = controller.get_conf_lines(["Nickname", "ContactInfo"]).unwrap();
    let now: Vec<String> = now.iter().map(ToString::to_string).collect();
    assert_eq!(now, ["Nickname somebody", "ContactInfo"]);
    conf(&tor, ["set", "Nickname"]).run().expect(2);
}

#[test]
fn conf_set_replaces_lists_and_prints_changes_as_json() {
    let tor = RealTor::start("SocksPort 0\n");
    let values =
        conf(&tor, ["set", "LongLivedPorts=80,443", "Log=notice stdout", "Log=err stdout"]).json();
    assert_eq!(values.len(), 2, "{values:?}");
    assert_eq!(values[0]["name"], "Log");
    assert_eq!(values[0]["after"], json!(["Log notice stdout", "Log err stdout"]));
    assert!(values[0]["before"][0].as_str().unwrap().starts_with("Log notice file /"));
    assert_eq!(values[1]["after"], json!(["LongLivedPorts 80,443"]));
    let values = conf(&tor, ["reset", "LongLivedPorts"]).json();
    assert_eq!(values[0]["before"], json!(["LongLivedPorts 80,443"]));
    let password = conf(&tor, ["set", "Socks5ProxyUsername=me", "Socks5ProxyPassword=sesame"]);
    let done = password.run().expect(0);
    assert!(done.out.contains("+Socks5ProxyPassword [redacted]"), "{done:?}");
    assert!(!format!("{done:?}").contains("sesame"));
}

#[test]
fn conf_explain_shows_the_manual_or_where_it_should_be() {
    let tor = RealTor::start("MaxCircuitDirtiness 300\n");
    let page = tor.folder().join("tor.1");
    let text = ".SH \"CLIENT OPTIONS\"\n.PP\n\\fBMaxCircuitDirtiness\\fR \\fINUM\\fR\n.RS 4\n\
                Feel free to reuse a circuit\\&. Not forever\\&. (Default: 10 minutes)\n.RE\n";
    std::fs::write(&page, text).unwrap();
    let explain = || conf(&tor, ["explain", "maxcircuitdirtiness", "--manual"]).arg(&page);
    let expected = "MaxCircuitDirtiness NUM\n  value     300\n  default   10 minutes\n  \
                    type      TimeInterval\n\n  Feel free to reuse a circuit. Not forever.";
    let text = explain().ok();
    assert!(text.starts_with(expected), "{text}");
    let values = explain().json();
    assert_eq!(values[0]["name"], "MaxCircuitDirtiness");
    assert_eq!(values[0]["values"], json!(["300"]));
    assert_eq!(values[0]["manual"]["summary"], "Feel free to reuse a circuit.");
    assert_eq!(values[0]["manual"]["section"], "CLIENT OPTIONS");
    assert_eq!(values[0]["manual_error"], json!(null));
    let missing = || conf(&tor, ["explain", "Nickname", "--manual", "/nowhere/tor.1"]);
    let done = missing().run().expect(0);
    assert_eq!(done.out, "Nickname\n  value     unset\n  default   unset\n  type      String\n");
    assert!(done.error.contains("the meanings are missing: "), "{done:?}");
    assert!(done.error.contains("/nowhere/tor.1"), "{done:?}");
    assert!(missing().json()[0]["manual_error"].as_str().unwrap().contains("/nowhere/tor.1"));
}
