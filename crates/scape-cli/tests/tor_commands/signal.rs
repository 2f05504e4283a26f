use std::time::Duration;

use scape::event::EventKind;

use crate::real_tor::RealTor;
use crate::run::Scape;

#[test]
fn signals_are_listed_and_sent() {
    let tor = RealTor::start("");
    let names = Scape::new(["signal"]).control(tor.port()).ok();
    assert!(names.lines().any(|name| name == "RELOAD"), "{names}");
    let controller = tor.controller();
    let events = controller.subscribe([EventKind::Signal]).unwrap();
    for json in [false, true] {
        let signal = Scape::new(["signal", "reload"]).control(tor.port());
        match json {
            false => assert_eq!(signal.ok(), ""),
            true => assert_eq!(signal.json(), [serde_json::json!({"signal": "RELOAD"})]),
        }
        let event = events.next_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(event.text(), "SIGNAL RELOAD");
    }
    let done = Scape::new(["signal", "NONSENSE"]).control(tor.port()).run().expect(2);
    assert!(done.error.contains("does not know the signal; it knows RELOAD, "), "{done:?}");
}
