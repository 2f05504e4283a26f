use rustix::process::Signal;
use scape::State;
use scape::event::CircuitPurpose;
use scape::testing::TestNetwork;
use serde_json::Value;

use crate::relays::geoip_file;
use crate::run::{Done, send_signal};
use crate::watching::Watching;
use crate::{SOON, scape};

cases! { TABLES:
    circuits_are_listed_with_their_paths = listed,
    circuits_are_filtered_by_relay_and_country = filtered,
    circuit_is_built_over_relays_that_tor_chooses = built_by_tor,
    circuit_is_built_over_named_relays = built_over,
    circuit_is_built_by_length_purpose_and_country = built_by_options,
    circuits_are_closed = closed,
    circuit_that_is_being_built_is_closed_at_an_interrupt = interrupted,
}

fn listed(network: &TestNetwork) {
    let state = State::new(network.client()).unwrap();
    let circuit = state.wait(SOON, |state| state.circuits().into_iter().find(|it| it.is_built()));
    let circuit = circuit.unwrap();
    let names: Vec<String> =
        circuit.path().iter().map(|relay| relay.nickname().unwrap().to_owned()).collect();
    let id = format!("{} ", circuit.id());
    let text = scape(network, ["circuits"]).ok();
    assert!(text.starts_with("ID"), "{text}");
    let line = text.lines().find(|line| line.trim_start().starts_with(&id)).unwrap();
    assert!(line.contains("BUILT") && line.contains(&names.join(",")), "{line}");

    let long: Vec<String> = circuit.path().iter().map(ToString::to_string).collect();
    let text = scape(network, ["circuits", "--long"]).ok();
    assert!(text.contains(&long.join(",")), "{text}");

    let values = scape(network, ["circuits"]).json();
    let value = values.iter().find(|value| value["id"] == circuit.id().to_string()).unwrap();
    assert_eq!(value["status"], "BUILT");
    assert_eq!(value["path"][0]["nickname"], names[0].as_str());
    assert!(value["created"].as_str().unwrap().ends_with('Z'), "{value}");
    assert_eq!((&value["reason"], &value["streams"]), (&Value::Null, &serde_json::json!([])));

    let ids = |words: &[&str]| -> Vec<u32> {
        let scape = words.iter().fold(scape(network, ["circuits"]), |scape, word| scape.arg(word));
        scape.json().iter().map(|value| value["id"].as_str().unwrap().parse().unwrap()).collect()
    };
    assert!(ids(&["--sort", "id"]).is_sorted());
    assert!(ids(&["--sort", "id", "--reverse"]).is_sorted_by(|one, other| one >= other));
}

fn filtered(network: &TestNetwork) {
    let built = scape(network, ["circuits", "build"]).json();
    let id = built[0]["id"].as_str().unwrap();
    let relay = built[0]["path"][1]["fingerprint"].as_str().unwrap();
    let (_folder, file) = geoip_file();
    let ids = |words: &[&str]| -> Vec<String> {
        let scape = words.iter().fold(scape(network, ["circuits"]), |scape, word| scape.arg(word));
        let values = scape.json();
        values.iter().map(|value| value["id"].as_str().unwrap().to_owned()).collect()
    };
    let geoip = file.to_str().unwrap();
    let has = |ids: Vec<String>| ids.iter().any(|it| it == id);
    assert!(has(ids(&["--relay", relay, "--status", "built"])));
    assert!(has(ids(&["--country", "de", "--exit-country", "DE", "--geoip", geoip])));
    assert!(!has(ids(&["--country", "de", "--exit-country", "fr", "--geoip", geoip])));
    assert!(!has(ids(&["--relay", relay, "--status", "extended"])));
    let done = scape(network, ["circuits", "--country", "de"]).run().expect(1);
    assert!(done.error.contains("--geoip"), "{done:?}");

    // The circuit is shown until it doesn't fit any more.
    let watch = ["circuits", "--watch", "60", "--json", "--relay", relay, "--status", "BUILT"];
    let watching = Watching::start(scape(network, watch));
    let shows = |value: &Value| {
        let circuits = value["circuits"].as_array().unwrap();
        assert!(circuits.iter().all(|circuit| circuit["status"] == "BUILT"), "{value}");
        circuits.iter().any(|circuit| circuit["id"] == id)
    };
    watching.value(|value| shows(value));
    scape(network, ["circuits", "close", id]).ok();
    watching.value(|value| !shows(value));
    watching.interrupt().expect(130);
}

fn built_by_tor(network: &TestNetwork) {
    let text = scape(network, ["circuits", "build"]).ok();
    assert_eq!(text.lines().count(), 2, "{text}");
    assert!(text.contains("BUILT   GENERAL"), "{text}");
}

fn built_over(network: &TestNetwork) {
    let names: Vec<_> = network.relays().map(|node| node.nickname()).take(3).collect();
    let values = scape(network, ["circuits", "build"]).arg(names.join(",")).json();
    let [circuit] = values.as_slice() else { panic!("{values:?}") };
    let path = circuit["path"].as_array().unwrap();
    let built: Vec<_> = path.iter().map(|relay| relay["nickname"].as_str().unwrap()).collect();
    assert_eq!((&circuit["status"], built), (&"BUILT".into(), names));

    let first = network.relays().next().unwrap();
    let relays = format!("${0}~{1},{0}", first.fingerprint().unwrap(), first.nickname());
    // tor refuses to extend a circuit to the relay where it ends.
    let done = scape(network, ["circuits", "build"]).arg(relays).run().expect(1);
    assert!(done.error.contains("circuit"), "{done:?}");
}

fn built_by_options(network: &TestNetwork) {
    let value = |scape: crate::run::Scape| {
        let mut values = scape.json();
        assert_eq!(values.len(), 1, "{values:?}");
        values.remove(0)
    };
    let two = value(scape(network, ["circuits", "build", "--length", "2"]));
    assert_eq!(two["path"].as_array().unwrap().len(), 2, "{two}");
    let own = value(scape(network, ["circuits", "build", "--purpose", "controller"]));
    assert_eq!(own["purpose"], "CONTROLLER", "{own}");

    let (_folder, file) = geoip_file();
    let build = |country| {
        let scape = scape(network, ["circuits", "build", "--exit-country", country]);
        scape.arg("--geoip").arg(&file)
    };
    assert_eq!(value(build("de"))["status"], "BUILT");
    let done = build("fr").run().expect(1);
    assert!(done.error.contains("country"), "{done:?}");
    let done = scape(network, ["circuits", "build", "--exit-country", "de"]).run().expect(1);
    assert!(done.error.contains("tor has no data about countries; use a database"), "{done:?}");
}

fn closed(network: &TestNetwork) {
    let build = || {
        let values = scape(network, ["circuits", "build"]).json();
        values[0]["id"].as_str().unwrap().to_owned()
    };
    let [one, two] = [build(), build()];
    let done = scape(network, ["circuits", "close", &one, "--if-unused"]).run().expect(0);
    assert_eq!((done.out.as_str(), done.error), ("", format!("closed circuit {one}\n")));
    let values = scape(network, ["circuits", "close", &two]).json();
    assert_eq!(values[0]["id"], two.as_str());
    assert_eq!(values[0]["reason"], "REQUESTED");
    let listed = scape(network, ["circuits"]).json();
    assert!(!listed.iter().any(|value| value["id"] == one.as_str() || value["id"] == two.as_str()));

    // Nothing is closed if an id is wrong.
    let three = build();
    scape(network, ["circuits", "close", &three, "99999"]).run().expect(1);
    let listed = scape(network, ["circuits"]).json();
    assert!(listed.iter().any(|value| value["id"] == three.as_str()));
    scape(network, ["circuits", "close", &three]).ok();
}

fn interrupted(network: &TestNetwork) {
    let relays: Vec<_> = network.relays().take(3).collect();
    let names = relays.iter().map(|node| node.nickname()).collect::<Vec<_>>().join(",");
    let state = State::new(network.client()).unwrap();
    relays[2].pause().unwrap();
    // tor's own circuits have other purposes, so this purpose identifies the
    // circuit.
    let child = scape(network, ["circuits", "build", "--purpose", "controller", &names]).start();
    let path: Vec<_> = relays.iter().map(|node| node.fingerprint()).collect();
    let waiting = state.wait(SOON, |state| {
        state.circuits().into_iter().find(|circuit| {
            let built: Vec<_> = circuit.path().iter().map(|relay| relay.fingerprint()).collect();
            circuit.purpose() == Some(CircuitPurpose::Controller)
                && !circuit.is_built()
                && built == path[..2]
        })
    });
    let now = state.circuits();
    send_signal(child.id(), Signal::INT);
    let done = Done::of(child, &"an interrupted build").expect(130);
    relays[2].resume().unwrap();
    assert_eq!((done.out.as_str(), done.error.as_str()), ("", ""));
    let circuit = waiting.unwrap_or_else(|error| panic!("{error}: {names} among {now:?}"));
    let closed = circuit.wait_closed(SOON);
    assert_eq!(closed.unwrap().reason.as_ref().unwrap().as_str(), "REQUESTED");
}
