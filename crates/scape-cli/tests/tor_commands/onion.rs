use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use scape::OnionBuilder;
use scape::onion::Wait;
use scape::onion::disk::{DiskOnion, DiskOnions};
use scape::word::{ClientKey, OnionAddress, OnionKey};
use serde_json::{Value, json};

use crate::real_tor::RealTor;
use crate::run::Scape;

const ADDRESS: &str = "2gzyxa5ihm7nsggfxnu52rck2vv4rvmdlkiu3zzui5du4xyclen53wid.onion";

fn onion(tor: &RealTor, words: &[&str]) -> Scape {
    let scape = Scape::new(["onion"]).control(tor.port());
    words.iter().fold(scape, |scape, word| scape.arg(word))
}

#[test]
fn onion_auth_adds_lists_and_removes_keys() {
    let tor = RealTor::start("");
    let key = ClientKey::random();
    let base32 = key.to_base32();
    let done = onion(&tor, &["auth", "add", ADDRESS, &base32]).run().expect(0);
    assert!(done.error.contains("was added") && !done.error.contains(&*base32), "{done:?}");
    let address: OnionAddress = ADDRESS.parse().unwrap();
    let values = onion(&tor, &["auth", "list"]).json();
    assert_eq!(values[0]["public_key"], key.public_key().to_string());
    assert_eq!(values[0]["address"].as_str().unwrap().parse::<OnionAddress>(), Ok(address));
    assert_eq!((&values[0]["name"], &values[0]["saved"]), (&Value::Null, &json!(false)));
    let text = onion(&tor, &["auth", "list"]).ok();
    assert!(text.contains(ADDRESS) && !text.contains(&*base32), "{text}");
    // A key is read from a file, or from standard input.
    let file = tor.folder().join("key");
    let other = ClientKey::random();
    fs::write(&file, &*other.auth_private_line(&address)).unwrap();
    let add = onion(&tor, &["auth", "add", ADDRESS, "--name", "me", "--key-file"]);
    assert_eq!(add.arg(&file).json()[0]["result"], "replaced");
    let values = onion(&tor, &["auth", "list"]).json();
    assert_eq!(values[0]["public_key"], other.public_key().to_string());
    assert_eq!(values[0]["name"], "me");
    onion(&tor, &["auth", "add", ADDRESS, "--key-file", "-"]).input(&*base32).ok();
    onion(&tor, &["auth", "remove", ADDRESS]).ok();
    assert_eq!(onion(&tor, &["auth", "list"]).json(), [] as [Value; 0]);
    let done = onion(&tor, &["auth", "remove", ADDRESS]).run().expect(1);
    assert!(done.error.contains("tor has no key"), "{done:?}");
    let done = onion(&tor, &["auth", "add", ADDRESS]).run().expect(2);
    assert!(done.error.contains("--key-file"), "{done:?}");
    let done = onion(&tor, &["auth", "add", ADDRESS, "--key-file", "-"]).input("x").run().expect(2);
    assert!(done.error.contains("no client key"), "{done:?}");
}

#[test]
fn onion_auth_saves_keys_on_disk() {
    let tor = RealTor::start("");
    let keys = tor.folder().join("auth");
    fs::create_dir(&keys).unwrap();
    fs::set_permissions(&keys, fs::Permissions::from_mode(0o700)).unwrap();
    tor.controller().set_conf([("ClientOnionAuthDir", keys.to_str().unwrap())]).unwrap();
    let key = ClientKey::random().to_base32();
    let add = onion(&tor, &["auth", "add", ADDRESS, "--save", "--key-file", "-"]);
    add.input(&*key).ok();
    assert_eq!(onion(&tor, &["auth", "list"]).json()[0]["saved"], true);
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 1);
    onion(&tor, &["auth", "remove", ADDRESS]).ok();
    assert_eq!(fs::read_dir(&keys).unwrap().count(), 0);
}

#[test]
fn onion_list_shows_detached_services_and_those_on_disk() {
    let tor = RealTor::start("");
    let text = onion(&tor, &["list"]).ok();
    assert!(text.starts_with("ADDRESS"), "{text}");
    let controller = tor.controller();
    let builder = OnionBuilder::new(&controller).port(80, 8080).detached().wait(Wait::Nothing);
    let detached = builder.publish().unwrap().detach();
    let directory = tor.folder().join("blog");
    let config = DiskOnion::new(&directory).port(80, ([127, 0, 0, 1], 8080)).local_port(443);
    let blog = DiskOnions::of(&controller).add(&config).unwrap();
    let values = onion(&tor, &["list"]).json();
    let [first, second] = values.as_slice() else { panic!("{values:?}") };
    let address =
        |value: &Value| value["address"].as_str().unwrap().parse::<OnionAddress>().unwrap();
    assert_eq!((address(first), &first["kind"]), (detached, &json!("detached")));
    assert_eq!((&first["ports"], &first["directory"]), (&Value::Null, &Value::Null));
    assert_eq!((address(second), &second["kind"]), (blog.address(), &json!("disk")));
    assert_eq!(second["directory"].as_str(), directory.to_str());
    assert_eq!(second["ports"][0], json!({"port": 80, "target": "127.0.0.1:8080"}));
    assert_eq!(second["ports"][1]["port"], 443);
    let text = onion(&tor, &["list"]).ok();
    assert!(text.contains("80 to 127.0.0.1:8080"), "{text}");
    fs::remove_file(directory.join("hostname")).unwrap();
    let value = &onion(&tor, &["list"]).json()[1];
    assert!(value["error"].as_str().unwrap().contains("hostname"), "{value}");
}

#[test]
fn onion_status_needs_a_consensus() {
    let tor = RealTor::start("");
    let done = onion(&tor, &["status", ADDRESS]).run().expect(1);
    assert!(done.error.contains("consensus"), "{done:?}");
}

#[test]
fn onion_share_needs_the_folder_of_its_key_before_it_publishes() {
    let tor = RealTor::start("");
    let key = tor.folder().join("nowhere/k");
    let share = onion(&tor, &["share", "/usr", "--timeout", "20", "--key"]).arg(&key);
    let done = share.run().expect(1);
    assert!(done.error.contains("nowhere/k") && done.error.contains("No such file"), "{done:?}");
}

#[test]
fn onion_forward_and_share_explain_a_key_that_is_in_use() {
    let tor = RealTor::start("");
    let key = OnionKey::random();
    let file = tor.folder().join("scape/onions/dup.key");
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, &*key.to_blob()).unwrap();
    let controller = tor.controller();
    let builder = OnionBuilder::new(&controller).key(key.clone()).port(80, 8080);
    let _service = builder.wait(Wait::Nothing).publish().unwrap();
    for words in [&["forward", "8000@dup"][..], &["share", "/usr", "--name", "dup"]] {
        let done = onion(&tor, words).env("XDG_DATA_HOME", tor.folder()).run().expect(1);
        assert!(done.error.contains(&key.address().to_string()), "{done:?}");
        assert!(done.error.contains("another scape"), "{done:?}");
    }
    assert!(file.exists());
}
