use std::fs;
use std::time::Instant;

use scape::OnionBuilder;
use scape::testing::TestNetwork;
use scape::word::ClientKey;
use serde_json::{Value, json};

use crate::{SOON, scape};

cases! {
    ONIONS:
    onion_status_shows_the_descriptor = shows,
    onion_status_opens_descriptors_for_authorized_clients = opens,
    onion_status_of_a_missing_service = missing,
}

/// Returns the output of `scape onion status` after the service has uploaded
/// its descriptor.
fn status(network: &TestNetwork, address: &str, words: &[&str]) -> Value {
    let deadline = Instant::now() + SOON;
    loop {
        let command = scape(network, ["onion", "status", address, "--json"]);
        let done = words.iter().fold(command, |command, word| command.arg(word)).run();
        match done.code {
            Some(0) => return serde_json::from_str(&done.out).unwrap(),
            _ => assert!(Instant::now() < deadline, "{done:?}"),
        }
    }
}

fn shows(network: &TestNetwork) {
    let listener = network.tor().onion().unwrap().virtual_port(80).timeout(SOON).listen().unwrap();
    let address = listener.address().to_string();
    let value = status(network, &address, &["--connect", "80"]);
    let descriptor = &value["descriptor"];
    assert!(descriptor["revision"].as_u64().unwrap() > 0, "{value}");
    assert_eq!(descriptor["lifetime"], 10800);
    assert_eq!(descriptor["client_authorization"], false);
    assert_eq!(descriptor["problem"], Value::Null);
    let points = descriptor["inside"]["introduction_points"].as_array().unwrap();
    assert!(!points.is_empty(), "{value}");
    let known: Vec<&str> = network.nodes().iter().map(|node| node.nickname()).collect();
    for point in points {
        assert!(known.contains(&point["nickname"].as_str().unwrap()), "{point}");
        assert!(point["addresses"][0].as_str().unwrap().starts_with("127."), "{point}");
    }
    // Without --all, the search ends at the first directory that has the
    // descriptor. The service may not have uploaded it to the others.
    let (last, others) = value["directories"].as_array().unwrap().split_last().unwrap();
    assert_eq!(last["error"], Value::Null, "{value}");
    assert!(others.iter().all(|other| !other["error"].is_null()), "{value}");
    assert_eq!(value["connection"]["error"], Value::Null);
    assert_eq!(value["connection"]["port"], 80);
    let value = status(network, &address, &["--all"]);
    assert!(value["directories"].as_array().unwrap().len() > 1, "{value}");
    let text = scape(network, ["onion", "status", &address]).ok();
    for expected in ["Directory     ", ": has revision ", "\nClients       everybody\n"] {
        assert!(text.contains(expected), "no {expected:?} in\n{text}");
    }
    // No server listens on port 81.
    let done = scape(network, ["onion", "status", &address, "--connect", "81"]).run().expect(1);
    assert!(done.out.contains("Connection    port 81: "), "{done:?}");
    assert!(done.error.contains("port 81 of"), "{done:?}");
}

fn opens(network: &TestNetwork) {
    let key = ClientKey::random();
    let builder = OnionBuilder::new(network.client()).port(80, 8080).client(key.public_key());
    let service = builder.proof_of_work(None, None).timeout(SOON).publish().unwrap();
    let address = service.address().to_string();
    let value = status(network, &address, &[]);
    let descriptor = &value["descriptor"];
    assert_eq!(descriptor["client_authorization"], true);
    assert!(descriptor["problem"].as_str().unwrap().contains("--client-key"), "{value}");
    assert_eq!(descriptor["inside"], Value::Null);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("key");
    fs::write(&file, &*key.to_base32()).unwrap();
    let value = status(network, &address, &["--client-key", file.to_str().unwrap()]);
    let inside = &value["descriptor"]["inside"];
    assert!(!inside["introduction_points"].as_array().unwrap().is_empty(), "{value}");
    assert_eq!(inside["single_onion_service"], false);
    assert_eq!(inside["proof_of_work"][0]["type"], "v1");
    assert_eq!(inside["proof_of_work"][0]["effort"], json!(0));
    // tor has the key now, so the command doesn't need it.
    let add = scape(network, ["onion", "auth", "add", &address, "--key-file", "-"]);
    add.input(&*key.to_base32()).ok();
    let text = scape(network, ["onion", "status", &address]).ok();
    assert!(text.contains("\nClients       authorized clients only\n"), "{text}");
    assert!(text.contains("\nProof of work v1, effort 0, until "), "{text}");
    scape(network, ["onion", "auth", "remove", &address]).ok();
    fs::write(&file, &*ClientKey::random().to_base32()).unwrap();
    let text = scape(network, ["onion", "status", &address, "--client-key"]).arg(&file).ok();
    assert!(text.contains("\nProblem "), "{text}");
}

fn missing(network: &TestNetwork) {
    let nobody = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";
    let done = scape(network, ["onion", "status", nobody, "--json"]).run().expect(1);
    let value: Value = serde_json::from_str(&done.out).unwrap();
    assert_eq!(value["descriptor"], Value::Null);
    let asked = value["directories"].as_array().unwrap();
    assert!(asked.iter().all(|asked| asked["error"] == "NOT_FOUND"), "{value}");
    assert!(asked.len() > 1 && done.error.contains("no descriptor of"), "{done:?}");
}
