use crate::real_tor::RealTor;
use crate::run::Scape;

#[test]
fn status_shows_process_network_and_ports() {
    let tor = RealTor::start("");
    let text = Scape::new(["status"]).control(tor.port()).ok();
    let version = tor.controller().version().unwrap().to_string();
    for expected in [
        format!("Tor           {version}"),
        "Network       0 %: Starting".into(),
        "Open          0 circuits, ".into(),
        format!("ControlPort   {}", tor.port()),
    ] {
        assert!(text.contains(&expected), "no {expected:?} in\n{text}");
    }
    assert!(!text.contains('\x1b'), "{text:?}");
}

#[test]
fn status_in_json_is_one_object() {
    let tor = RealTor::start("Nickname somebody\n");
    let values = Scape::new(["status"]).control(tor.port()).json();
    let [status] = values.as_slice() else { panic!("{values:?}") };
    let pid = tor.controller().info().process().unwrap().pid;
    assert_eq!(status["pid"], pid);
    assert_eq!(status["bootstrap"]["progress"], 0);
    assert_eq!(status["circuits"], 0);
    assert_eq!(status["ports"]["control"][0], tor.port().to_string());
}
