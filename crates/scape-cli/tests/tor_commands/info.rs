use crate::real_tor::RealTor;
use crate::run::Scape;

#[test]
fn info_prints_one_value_or_several_with_their_keys() {
    let tor = RealTor::start("");
    let version = tor.controller().get_info("version").unwrap();
    let info = |keys: &[&str]| {
        keys.iter().fold(Scape::new(["info"]).control(tor.port()), |scape, key| scape.arg(key))
    };
    assert_eq!(info(&["version"]).ok(), format!("{version}\n"));
    let text = info(&["version", "process/descriptor-limit"]).ok();
    assert!(text.starts_with(&format!("version={version}\nprocess/descriptor-limit=")), "{text}");
    let values = info(&["version", "dormant"]).json();
    assert_eq!(values, [serde_json::json!({"version": version, "dormant": "0"})]);
}

#[test]
fn info_without_keys_lists_the_keys() {
    let tor = RealTor::start("");
    let text = Scape::new(["info"]).control(tor.port()).ok();
    assert!(text.starts_with("KEY "), "{text}");
    assert!(text.lines().any(|line| line.starts_with("circuit-status ")), "{text}");
    let values = Scape::new(["info"]).control(tor.port()).json();
    assert!(values.iter().any(|value| value["key"] == "circuit-status"));
}

#[test]
fn info_explains_unknown_keys() {
    let tor = RealTor::start("");
    let done = Scape::new(["info", "nonsense"]).control(tor.port()).run().expect(1);
    assert!(done.error.contains("nonsense"), "{done:?}");
    assert_eq!(done.out, "");
}
